"""The commands: everything a site can do with a participant, each one accepted whole or refused with every reason.

Every command names who acts (``by``, a user id) and a ``key`` of the caller's choosing: the same command
sent again with the same key gives the entry of the first time. Times are naive, on the site's wall clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import numpy as np

from trialrun.conduct.cohort import day
from trialrun.conduct.decision import judge
from trialrun.conduct.permission import may_include, may_inject
from trialrun.conduct.reading import read
from trialrun.conduct.standing import standing
from trialrun.conduct.stop import triggered
from trialrun.conduct.verdict import Reason
from trialrun.journal.append import append
from trialrun.journal.entry import Change, Draft, Entry
from trialrun.protocol.form import Form
from trialrun.protocol.plan import ANY_TIME
from trialrun.protocol.problem import nearest
from trialrun.record import local
from trialrun.record.projection import HAPPENED, PREFIX, WHO, Filled, Projection
from trialrun.record.read import entries_read, storable
from trialrun.record.refusal import Refused
from trialrun.record.submission import Command, Outcome, Submission
from trialrun.record.value import Answers, Checked, Content, check

Values = Mapping[str, Any]
NONE: Values = {}


class Commands(Submission):
    """What can be done. Every method raises Refused with all reasons; a refused command leaves no trace."""

    # ---- a participant's way in ------------------------------------------------------------------

    def enrol(self, site: str, *, by: str, key: str) -> str:
        """Give the next person of a site a number; the subject id, e.g. `PSL-001`."""
        command = Command("enrol", f"Enrolling at {site}", by, key, None, {"site": site})
        chain = f"site:{site}"
        role, reasons = self._actor(by)
        if site not in self.protocol.study.sites:
            there = ", ".join(self.protocol.study.sites)
            reasons.append(Reason("site", f"there is no site `{site}`", f"its sites are {there}"))
        if reasons:
            raise Refused(command.words, reasons)
        with self.store.lock([chain]):
            if before := self._repeated(chain, command):
                return str(before.payload["subject"])
            number = 1 + sum(subject.rpartition("-")[0] == site for subject in self.subjects())
            subject = f"{site}-{number:03d}"
            payload = {"subject": subject, "request": command.digest()}
            drafts = [Draft(each, key, by, role, "enrol", payload, site=site) for each in (chain, PREFIX + subject)]
            append(self.store, self.clock, drafts, protocol=self.protocol.hash)
        return subject

    def include(self, subject: str, happened: datetime, *, by: str, key: str) -> Entry:
        """Include a participant for whom every criterion is known to be met."""

        def checked(known: Projection, now: np.datetime64) -> Outcome:
            reasons = may_include(known.cohort, WHO, np.array([now])).reasons()
            return Outcome([*reasons, *self._trial_conditions(subject)])

        return self._submit(subject, Command("include", "Inclusion", by, key, happened, {}), checked)

    def _trial_conditions(self, subject: str) -> tuple[Reason, ...]:
        """Why the trial as a whole does not take another participant now (stagger, suspension)."""
        return ()

    # ---- forms -----------------------------------------------------------------------------------

    def enter(
        self,
        subject: str,
        form: str,
        point: str,
        happened: datetime,
        values: Values,
        *,
        by: str,
        key: str,
        reason: str | None = None,
        missing: Mapping[str, str] = NONE,
        confirmed: Mapping[str, str] = NONE,
    ) -> Entry:
        """Fill a form at a timepoint; filled again, it is answered anew, with a reason."""
        answers = Answers(values, missing, confirmed)
        arguments = {**vars(answers), "form": form, "point": point, "reason": reason}
        command = Command("enter", f"Entering {self._title(form)} at {point}", by, key, happened, arguments)

        def checked(known: Projection, now: np.datetime64) -> Outcome:
            reasons = self._planned(known, form, point)
            if form == self.protocol.study.recorded_on.injection:
                reasons.append(Reason("form", f"«{self._title(form)}» is not entered like other forms", "record it as a dose"))
            if reasons:
                return Outcome(reasons)
            return self._filled(known, form, point, now, answers, reason)

        return self._submit(subject, command, checked)

    def end(self, subject: str, happened: datetime, values: Values, *, by: str, key: str, point: str | None = None) -> Entry:
        """End a participation: the form of its end, at any time unless a timepoint is given."""
        form = self.protocol.study.recorded_on.end.partition(".")[0]
        columns = [*self.protocol.where_asked[form], ANY_TIME]
        point = point or columns[-1]
        return self.enter(subject, form, point, happened, values, by=by, key=key)

    def write(
        self,
        subject: str,
        form: str,
        row: str,
        happened: datetime,
        values: Values,
        *,
        by: str,
        key: str,
        reason: str | None = None,
        missing: Mapping[str, str] = NONE,
        confirmed: Mapping[str, str] = NONE,
    ) -> Entry:
        """Add a row to a log, or go on with one: items not named keep what they have."""
        answers = Answers(values, missing, confirmed)
        arguments = {**vars(answers), "form": form, "row": row, "reason": reason}
        command = Command("write", f"Writing {self._title(form)} {row}", by, key, happened, arguments)

        def checked(known: Projection, now: np.datetime64) -> Outcome:
            reasons = self._form(form, repeats=True) or ([] if row.strip() else [Reason("row", "the row has no id", "number it")])
            if reasons:
                return Outcome(reasons)
            reasons = self._within_participation(known, now, sameday=self._at_screening(form))
            # A row may tell what came of it later, but nothing that is still to come.
            found = self._check(known, form, None, answers, known.filled.get((form, row)), self._today(known))
            changes = _changes(known.filled.get((form, row)), found.contents, reason)
            reasons += [*found.reasons, *_unreasoned(changes)]
            return _stored(form, row, reasons or _unchanged(changes), changes, answers)

        return self._submit(subject, command, checked)

    def correct(
        self,
        subject: str,
        form: str,
        place: str,
        values: Values,
        *,
        reason: str,
        by: str,
        key: str,
        missing: Mapping[str, str] = NONE,
        confirmed: Mapping[str, str] = NONE,
        happened: datetime | None = None,
    ) -> Entry:
        """Change what was entered at a timepoint or row: items not named keep what they have.

        happened: the right time, if the one entered was wrong.
        """
        answers = Answers(values, missing, confirmed)
        arguments = {**vars(answers), "form": form, "place": place, "reason": reason, HAPPENED: happened}
        command = Command("correct", f"Correcting {self._title(form)} at {place}", by, key, None, arguments)

        def checked(known: Projection, now: np.datetime64) -> Outcome:
            filled = known.filled.get((form, place))
            if filled is None:
                nothing = Reason("point", f"«{self._title(form)}» was never entered at {place}", "enter it first")
                return Outcome([nothing])
            found = self._check(known, form, place, answers, filled, self._today(known))
            changes = _changes(filled, found.contents, reason)
            reasons = [*found.reasons, *self._moved(known, happened)]
            if happened is not None and not reasons:
                changes = (*changes, Change(HAPPENED, filled.happened, local.text(happened, known.zone), reason))
            if not reason.strip():
                reasons.append(Reason("reason", "a correction says why", "give the reason"))
            outcome = _stored(form, place, reasons or _unchanged(changes), changes, answers)
            outcome.payload["of"] = filled.since
            return outcome

        return self._submit(subject, command, checked)

    def _moved(self, known: Projection, happened: datetime | None) -> list[Reason]:
        """What is wrong with a corrected time."""
        return [] if happened is None else local.faults(happened, known.zone, self.clock.now())

    # ---- samples and injections --------------------------------------------------------------------

    def collect(self, subject: str, specimen: str, point: str, happened: datetime, *, by: str, key: str) -> Entry:
        """Record that a planned specimen was taken."""
        arguments = {"specimen": specimen, "point": point}
        command = Command("collect", f"Collecting {specimen} at {point}", by, key, happened, arguments)

        def checked(known: Projection, now: np.datetime64) -> Outcome:
            taken = known.cohort.collected.get((specimen, point))
            reasons = self._within_participation(known, now, sameday=point == self._screening)
            if taken is None:
                where = [at for each, at in known.cohort.collected if each == specimen]
                cure = f"it is planned at {', '.join(where)}" if where else f"specimens are {', '.join(self.protocol.study.specimens)}"
                reasons.append(Reason("specimen", f"no {specimen} is planned at {point}", cure))
            elif not np.isnat(taken[0]):
                reasons.append(Reason("recorded", f"{specimen} at {point} is recorded already", "nothing to do"))
            return Outcome(reasons, dict(arguments))

        return self._submit(subject, command, checked)

    def dose(
        self,
        subject: str,
        point: str,
        happened: datetime,
        values: Values,
        *,
        by: str,
        key: str,
        missing: Mapping[str, str] = NONE,
        confirmed: Mapping[str, str] = NONE,
        deviation: str | None = None,
    ) -> Entry:
        """Record an injection that was given, or that was not and why.

        deviation: it was given although it was forbidden. What really happened is recorded all the same:
        the entry lists the conditions it broke, and a row of the deviation form says why.
        """
        form = self.protocol.study.recorded_on.injection
        answers = Answers(values, missing, confirmed)
        arguments = {**vars(answers), "point": point, "deviation": deviation}
        command = Command("dose", f"The injection of {point}", by, key, happened, arguments)

        def checked(known: Projection, now: np.datetime64) -> Outcome:
            if reasons := self._planned(known, form, point):
                return Outcome(reasons)
            found = self._check(known, form, point, answers, None, day(now).item())
            given = found.contents.get("given") is True
            against = self._against(known, point, now, found.contents.get("dose")) if given else self._waits(known, point, now)
            reasons = found.reasons if given and deviation else [*found.reasons, *against]
            outcome = _stored(form, point, reasons, _changes(None, found.contents, None), answers)
            outcome.forms = None if self.protocol.timepoints[point].course_day == 1 else (form,)
            if given and against and deviation:
                outcome.payload["deviation"] = deviation
                outcome.payload["broken"] = [{"condition": r.condition, "message": r.message} for r in against]
                outcome.more.append(self._deviation(point, deviation, against))
            return outcome

        return self._submit(subject, command, checked)

    def _against(self, known: Projection, point: str, now: np.datetime64, amount: Content) -> list[Reason]:
        """Every condition that forbids the injection, a stop that only time has brought about included."""
        verdict = may_inject(known.cohort, point, WHO, np.array([now]), amount)
        overdue = [name.removeprefix("stops.") for name in self._overdue(known, now) if name.startswith("stops.")]
        stops = self.protocol.study.stops
        return [
            *verdict.reasons(),
            *(Reason(f"stops.{name}", stops[name].text(), "no more injections; follow-up goes on") for name in overdue),
        ]

    def _waits(self, known: Projection, point: str, now: np.datetime64) -> list[Reason]:
        """Why an injection is not recorded as missed: it is recorded already, or its course only waits."""
        cohort, planned = known.cohort, self.protocol.timepoints[point]
        reasons = self._within_participation(known, now)
        if not np.isnat(cohort.injections.at(point)[0]):
            reasons.append(Reason("recorded", f"{point} is recorded already", "correct the record if it is wrong"))
        if planned.course_day == 1 and np.isnat(cohort.stopped[0]):
            latest = standing(cohort, np.array([now])).latest[point][0]
            if np.isnat(latest) or day(now) <= latest:
                message = f"the course waits until {latest}: day 1 that is not given is not missed"
                reasons.append(Reason("waits", message, "give it when that is permitted"))
        return reasons

    def _deviation(self, point: str, why: str, against: list[Reason]) -> tuple[str, str, dict[str, Any], tuple[Change, ...]]:
        """The row that the deviation form gets. Its first text takes the words; a choice that has the
        code `dose` takes that; what else is required is not known."""
        form = self.protocol.study.recorded_on.deviation
        words = f"{point}: {why} ({'; '.join(reason.message for reason in against)})"
        contents: dict[str, Content] = {}
        for name, item in self.protocol.forms[form].items.items():
            if item.type == "text" and words not in contents.values():
                contents[name] = words
            elif item.type == "choice" and "dose" in item.codes:
                contents[name] = "dose"
            elif item.required:
                contents[name] = {"missing": "unknown"}
        changes = tuple(Change(name, None, content) for name, content in contents.items())
        return "write", "deviation", {"form": form, "place": f"dose {point}"}, changes

    # ---- decisions, signatures, files ----------------------------------------------------------------

    def decide(self, subject: str, decision: str, happened: datetime, *, by: str, key: str) -> Entry:
        """Record the outcome that the rules give, with the values and the entries they read."""
        arguments = {"decision": decision}
        command = Command("decide", f"The decision {decision}", by, key, happened, arguments)

        def checked(known: Projection, now: np.datetime64) -> Outcome:
            if decision not in self.protocol.decisions:
                return Outcome([_unknown("decision", decision, self.protocol.decisions)])
            judgement = judge(known.cohort, decision, WHO, np.array([now]))
            if not judgement.ready[0]:
                return Outcome([*judgement.reasons()])
            outcomes = list(self.protocol.decisions[decision].outcomes)
            payload = {
                **arguments,
                "outcome": outcomes[judgement.outcome[0]],
                "values": storable(judgement.values()),
                "read": entries_read(known, decision),
            }
            return Outcome([], payload)

        return self._submit(subject, command, checked)

    def sign(self, subject: str, form: str, place: str, meaning: str, *, by: str, key: str) -> Entry:
        """Sign a form as it stands; any later change voids the signature."""
        arguments = {"form": form, "place": place, "meaning": meaning}
        command = Command("sign", f"Signing {self._title(form)} at {place}", by, key, None, arguments)

        def checked(known: Projection, now: np.datetime64) -> Outcome:
            filled, person = known.filled.get((form, place)), self.person(by)
            reasons = [] if meaning.strip() else [Reason("meaning", "a signature says what it means", "give its meaning")]
            if filled is None:
                reasons.append(Reason("point", f"«{self._title(form)}» was never entered at {place}", "enter it first"))
            if filled is None or person is None:
                return Outcome(reasons)
            return Outcome(reasons, {**arguments, "name": person.name, "hash": filled.digest(), "of": filled.sequence})

        return self._submit(subject, command, checked)

    def attach(self, subject: str, name: str, content: bytes, happened: datetime, *, by: str, key: str) -> Entry:
        """Keep a file with a participant: stored under its SHA-256, which the entry holds."""
        sha256 = hashlib.sha256(content).hexdigest()
        arguments = {"name": name, "sha256": sha256, "size": len(content)}
        command = Command("attach", f"Attaching {name}", by, key, happened, arguments)

        def checked(known: Projection, now: np.datetime64) -> Outcome:
            reasons = self._within_participation(known, now)
            if not name.strip():
                reasons.append(Reason("name", "the file has no name", "name it"))
            if not reasons:
                self._keep(sha256, content)  # before its entry, so that an entry never names a file that is not there
            return Outcome(reasons, dict(arguments))

        return self._submit(subject, command, checked)

    def _keep(self, sha256: str, content: bytes) -> None:
        raise NotImplementedError

    # ---- checks that commands share ------------------------------------------------------------------

    @property
    def _screening(self) -> str | None:
        before = [point.id for point in self.protocol.visits if point.offset < 0]
        return before[0] if before else None

    def _at_screening(self, form: str) -> bool:
        return self._screening in self.protocol.where_asked[form]

    def _title(self, form: str) -> str:
        found: Form | None = self.protocol.forms.get(form)
        return found.title() if found else form

    def _today(self, known: Projection) -> date:
        today: date = day(local.minute(self.clock.now(), known.zone)).item()
        return today

    def _form(self, form: str, *, repeats: bool) -> list[Reason]:
        found = self.protocol.forms.get(form)
        if found is None:
            return [_unknown("form", form, self.protocol.forms)]
        if found.repeats == repeats:
            return []
        cure = "write a row of it" if found.repeats else "enter it at its timepoint"
        what = "has a row for each occurrence" if found.repeats else "is filled at timepoints"
        return [Reason("form", f"«{found.title()}» {what}", cure)]

    def _planned(self, known: Projection, form: str, point: str) -> list[Reason]:
        """Whether a form is filled at a timepoint at all."""
        if reasons := self._form(form, repeats=False):
            return reasons
        columns = known.cohort.sheets[form].points
        if point in columns:
            return []
        where = f"it is planned at {', '.join(columns)}"
        return [Reason("point", f"«{self._title(form)}» is not planned at {point}", where)]

    def _filled(self, known: Projection, form: str, point: str, now: np.datetime64, answers: Answers, reason: str | None) -> Outcome:
        """A planned form: once, or again with a reason, and then every answer anew."""
        recorded_on = self.protocol.study.recorded_on
        reasons: list[Reason] = []
        before = known.filled.get((form, point))
        if form == recorded_on.end.partition(".")[0]:
            if before is None and not np.isnat(known.cohort.ended[0]):
                reasons.append(Reason("participation", f"participation ended on {day(known.cohort.ended)[0]}", "it ends once; correct its form"))
        elif form != recorded_on.consent.partition(".")[0]:
            reasons += self._within_participation(known, now, sameday=point == self._screening)
        found = self._check(known, form, point, answers, None, day(now).item())
        if before is not None and not (reason and reason.strip()):
            message = f"«{self._title(form)}» at {point} was entered for {before.happened.partition('[')[0]}"
            reasons.append(Reason("repeated", message, "give the reason for entering it again, or correct it"))
        return _stored(form, point, [*reasons, *found.reasons], _changes(before, found.contents, reason, anew=True), answers)

    def _check(self, known: Projection, form: str, point: str | None, answers: Answers, filled: Filled | None, until: date) -> Checked:
        def elsewhere(names: Any) -> dict[str, Any]:
            now = np.array([local.minute(self.clock.now(), known.zone)])
            return read(known.cohort, names, WHO, now, point, "so far").row(0, named=True)

        kept = filled.contents() if filled else None
        return check(self.protocol, form, answers, until, kept, elsewhere)


def _changes(filled: Filled | None, contents: Mapping[str, Content], reason: str | None, *, anew: bool = False) -> tuple[Change, ...]:
    """What differs, old and new; `anew`: what stood there and is not answered now goes."""
    old = filled.contents() if filled else {}
    names = [*contents, *(name for name in old if anew and name not in contents)]
    pairs = ((name, old.get(name), contents.get(name)) for name in names)
    return tuple(Change(name, was, new, reason if filled else None) for name, was, new in pairs if was != new)


def _unreasoned(changes: tuple[Change, ...]) -> list[Reason]:
    """A row of a log that changes a value says why; one that only adds need not."""
    replaced = [change for change in changes if change.old is not None and not (change.reason or "").strip()]
    return [Reason(f"item.{c.item}", f"`{c.item}` was {c.old} and would become {c.new}", "give the reason") for c in replaced]


def _unchanged(changes: tuple[Change, ...]) -> list[Reason]:
    return [] if changes else [Reason("nothing", "nothing would change", "say what is to change")]


def _stored(form: str, place: str, reasons: list[Reason], changes: tuple[Change, ...], answers: Answers) -> Outcome:
    payload: dict[str, Any] = {"form": form, "place": place}
    if answers.confirmed:
        payload["confirmed"] = dict(answers.confirmed)
    return Outcome(reasons, payload, changes, forms=(form,))


def _unknown(kind: str, name: str, known: Mapping[str, Any]) -> Reason:
    close = nearest(name, known)
    return Reason(kind, f"there is no {kind} `{name}`", f"did you mean {close}?" if close else f"there are {', '.join(known)}")
