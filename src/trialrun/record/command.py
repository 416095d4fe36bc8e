"""The commands: all that a site can do with a participant, each accepted whole or refused with every reason.

Every command names who acts (``by``, a user id) and a ``key`` of the caller's choosing: the same command
sent again with the same key gives the entry of the first time. Times are naive, on the site's wall clock.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from trialrun.conduct.allocation import Chance, allocate, closed
from trialrun.conduct.cohort import Times, day
from trialrun.conduct.decision import judge
from trialrun.conduct.dose import amounts, doses
from trialrun.conduct.enrolment import may_enrol
from trialrun.conduct.permission import may_include, may_inject
from trialrun.conduct.roll import Roll, join, kinds, roll, strata
from trialrun.conduct.standing import standing
from trialrun.conduct.verdict import Reason
from trialrun.journal.append import append
from trialrun.journal.entry import Change, Draft, Entry
from trialrun.record import local
from trialrun.record.filling import NONE, Filling, Values, differences, stored
from trialrun.record.fitting import stranger
from trialrun.record.local import date_of
from trialrun.record.projection import HAPPENED, PREFIX, WHO, Projection
from trialrun.record.read import entries_read, storable
from trialrun.record.refusal import Refused
from trialrun.record.submission import Command, Outcome
from trialrun.record.value import Answers, Content, plain

CLOSED = "do not begin there; the sponsor decides how to go on"
JUDGED = {"given", "dose", "place", HAPPENED}
"""What of an injection the rules look at."""


class Commands(Filling):
    """What can be done. Every method raises Refused with all reasons; a refused command leaves no trace."""

    # ---- a participant's way in ------------------------------------------------------------------

    def enrol(self, site: str, *, by: str, key: str) -> str:
        """Give the next person of a site a number; the subject id, e.g. `PSL-001`."""
        command = Command("enrol", f"Enrolling at {site}", by, key, None, {"site": site})
        self._sound(command)
        chain = f"site:{site}"
        role, reasons = self._actor(by, command.act)
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
            drafts = [
                Draft(each, key, by, role, "enrol", payload, site=site) for each in (chain, PREFIX + subject)
            ]
            append(self.store, self.clock, drafts, protocol=self.protocol.hash)
        return subject

    def include(
        self, subject: str, happened: datetime, *, by: str, key: str, chance: Chance | None = None
    ) -> Entry:
        """Include a participant for whom every criterion is known to be met; the same act gives the arm.

        chance: what draws places in blocks. Only a virtual trial accepts one; otherwise the system's own
        randomness draws.
        """

        def checked(known: Projection, now: Times) -> Outcome:
            present, order = self._present(subject)
            kind = kinds(known.cohort, WHO, now)[0]
            reasons = [*may_include(known.cohort, WHO, now).reasons()]
            reasons += may_enrol(self.protocol, present, kind).reasons()
            if chance and not self.store.virtual:
                message = "a real trial draws arms by chance alone"
                reasons.append(Reason("chance", message, "leave out the source of chance"))
            if reasons:
                return Outcome(reasons)
            stratum = strata(known.cohort, WHO, now)[0]
            place = allocate(self.protocol, present, stratum, chance or secrets.randbelow)
            if isinstance(place, Reason):
                return Outcome([place])
            fixed = {"arm": place.arm, "block": place.block, "stratum": stratum, "kind": kind}
            return Outcome([], {"order": order, **{name: value for name, value in fixed.items() if value}})

        return self._submit(subject, Command("include", "Inclusion", by, key, happened, {}), checked)

    def _present(self, subject: str) -> tuple[Roll | None, int]:
        """(everyone else who is included, as the trial now knows them; the place of the next inclusion)."""
        included = [one for one in self._included() if one.subject != subject]
        order = 1 + max((int(one.cohort.order[0]) for one in included), default=0)
        return self._roll(included), order

    def _included(self) -> list[Projection]:
        everyone = (self.projection(subject) for subject in self.subjects())
        return [one for one in everyone if not np.isnat(one.cohort.included[0])]

    def _roll(self, people: list[Projection]) -> Roll | None:
        rolls = [roll(one.cohort, WHO, local.there(self.clock.now(), one.zone)) for one in people]
        return join(rolls) if rolls else None

    def _closed(self, known: Projection, point: str) -> list[Reason]:
        """A first dose in an arm that the allocation table has closed since the participant was included."""
        arm = known.cohort.arm_of(0)
        if arm is None or point not in self.protocol.first_doses:
            return []
        if not closed(self.protocol, self._roll(self._included()), arm):
            return []
        title = self.protocol.study.arms[arm].title()
        return [Reason("allocation", f"the arm «{title}» is closed: too many count against it", CLOSED)]

    # ---- samples and injections --------------------------------------------------------------------

    def collect(
        self, subject: str, specimen: str, point: str, happened: datetime, *, by: str, key: str
    ) -> Entry:
        """Record that a planned specimen was taken."""
        arguments = {"specimen": specimen, "point": point}
        command = Command("collect", f"Collecting {specimen} at {point}", by, key, happened, arguments)

        def checked(known: Projection, now: Times) -> Outcome:
            taken = known.cohort.collected.get((specimen, point))
            tasks = self._tasks(known, point, specimen=specimen)
            reasons = self._within_participation(known, now) + self._too_early(known, tasks, point, now)
            reasons += self._strange(known, point, specimen=specimen)
            if taken is None:
                where = [at for each, at in known.cohort.collected if each == specimen]
                cure = (
                    f"it is planned at {', '.join(where)}"
                    if where
                    else f"specimens are {', '.join(self.protocol.study.specimens)}"
                )
                reasons.append(Reason("specimen", f"no {specimen} is planned at {point}", cure))
            elif not np.isnat(taken[0]):
                reasons.append(
                    Reason("recorded", f"{specimen} at {point} is recorded already", "nothing to do")
                )
            return Outcome(reasons, {**arguments, **self._late(known, tasks, point, now)})

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

        def checked(known: Projection, now: Times) -> Outcome:
            if reasons := self._planned(known, form, point):
                return Outcome(reasons)
            found = self._check(known, form, point, answers, None, date_of(now))
            given = found.contents.get("given") is True
            outcome = stored(form, point, found.reasons, differences(None, found.contents, None), answers)
            outcome.payload |= self._reckoned(known, point, now)
            if given:
                entered = local.there(self.clock.now(), known.zone)
                against = self._against(known, point, now, found.contents, entered)
                self._deviated(known, point, against, outcome, deviation)
            else:
                # Another arm's dose is nothing that could be missed; given, it is told as a deviation.
                outcome.reasons += self._strange(known, point, form=form)
                outcome.reasons += self._waits(known, point, now)
                outcome.reasons += self._not_given(known, point, now, found.contents)
            outcome.forms = None if self.protocol.timepoints[point].course_day == 1 else (form,)
            return outcome

        return self._submit(subject, command, checked)

    def _reckoned(self, known: Projection, point: str, now: Times) -> dict[str, float]:
        """The amount of a dose per kg or m² that was planned then: a later weight does not change it."""
        planned = doses(known.cohort, point, WHO)[0]
        amount = float(amounts(known.cohort, point, WHO, now)[0]) if planned and planned.per else np.nan
        return {} if np.isnan(amount) else {"planned": amount}

    def _deviated(
        self,
        known: Projection,
        point: str,
        against: list[Reason],
        outcome: Outcome,
        deviation: str | None,
    ) -> None:
        """What forbids an injection refuses it, or stands beside it with why it was given all the same.

        Nothing makes room for a second injection at one timepoint: it would take the place of the first.
        """
        form = self.protocol.study.recorded_on.deviation
        if deviation is not None and not deviation.strip():
            outcome.reasons.append(Reason("deviation", "the deviation is blank", "say why it was given"))
            deviation = None
        again = [reason for reason in against if reason.condition == "recorded"]
        cure = f"write the extra dose as a row of «{self._title(form)}»; "
        cure += "correct the amount of the first if both were one"
        outcome.reasons += [replace(r, cure=cure) for r in again] if deviation else against
        if not against or not deviation or again:
            return
        outcome.payload["deviation"] = deviation
        outcome.payload["broken"] = [{"condition": r.condition, "message": r.message} for r in against]
        outcome.more.append(self._deviation(known, point, deviation, against))

    def _reinjected(
        self,
        known: Projection,
        point: str,
        now: Times,
        contents: Mapping[str, Content],
        outcome: Outcome,
        deviation: str | None,
    ) -> None:
        """A corrected injection is judged as if it had not been recorded. One that was given all along is
        judged by what stood at its moment; one only now said to have been given, like any entered now."""
        form = self.protocol.study.recorded_on.injection
        given = known.filled[form, point].contents().get("given") is True
        then = self._without(known, point, now if given else None)
        outcome.forms = None if self.protocol.timepoints[point].course_day == 1 else (form,)
        outcome.happened = f"{now[0]}[{known.zone}]"
        if contents.get("given") is not True:
            outcome.reasons += self._not_given(then, point, now, contents)
        elif {change.item for change in outcome.changes} & JUDGED:
            entered = None if given else local.there(self.clock.now(), known.zone)
            against = self._against(then, point, now, contents, entered)
            self._deviated(known, point, against, outcome, deviation)

    def _without(self, known: Projection, point: str, until: Times | None) -> Projection:
        """The participant but for one injection, as of a moment (None: as now known)."""
        place = self.protocol.study.recorded_on.injection, point
        chain = self.store.chain(known.chain)
        entries = (e for e in chain if (e.payload.get("form"), e.payload.get("place")) != place)
        return Projection.replay(self.protocol, known.subject, entries, until=until)

    def _not_given(
        self, known: Projection, point: str, now: Times, contents: Mapping[str, Content]
    ) -> list[Reason]:
        """What is wrong with an injection that is said not to have been given."""
        if contents.get("given") is not False:
            return [Reason("item.given", "it is not known whether it was given", "find out, then record it")]
        dose, first = contents.get("dose"), standing(known.cohort, now).earliest[point]
        reasons = []
        if isinstance(dose, int | float) and dose > 0:
            message = f"a dose of {dose:g} is named, and said not to have been given"
            reasons.append(Reason("item.dose", message, "write 0, or that it was given"))
        if (day(now) < first)[0]:
            message = f"{point} may be given from {first[0]}: it is not missed on {day(now)[0]}"
            reasons.append(Reason("window", message, f"wait until {first[0]}"))
        return reasons

    def _against(
        self,
        known: Projection,
        point: str,
        now: Times,
        contents: Mapping[str, Content],
        entered: Times | None,
    ) -> list[Reason]:
        """Every condition that forbids the injection, a stop that only time has brought about included."""
        amount, where = contents.get("dose"), plain(contents.get("place"))
        verdict = may_inject(known.cohort, point, WHO, now, amount, where, entered)
        overdue = [
            name.removeprefix("stops.") for name in self._overdue(known, now) if name.startswith("stops.")
        ]
        stops = self.protocol.study.stops
        return [
            *verdict.reasons(),
            *self._closed(known, point),
            *(
                Reason(f"stops.{name}", stops[name].text(), "no more injections; follow-up goes on")
                for name in overdue
            ),
        ]

    def _waits(self, known: Projection, point: str, now: Times) -> list[Reason]:
        """Why an injection is not recorded as missed: it is recorded already, or its course only waits."""
        cohort, planned = known.cohort, self.protocol.timepoints[point]
        reasons = self._within_participation(known, now)
        if not np.isnat(cohort.injections.at(point)[0]):
            reasons.append(
                Reason("recorded", f"{point} is recorded already", "correct the record if it is wrong")
            )
        if planned.course_day == 1 and np.isnat(cohort.stopped[0]):
            latest = standing(cohort, now).latest[point][0]
            if np.isnat(latest) or day(now)[0] <= latest:
                message = f"the course waits until {latest}: day 1 that is not given is not missed"
                reasons.append(Reason("waits", message, "give it when that is permitted"))
        return reasons

    def _deviation(
        self, known: Projection, point: str, why: str, against: list[Reason]
    ) -> tuple[str, str, dict[str, Any], tuple[Change, ...]]:
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
        number = 1 + sum(each == form and row.startswith(f"dose {point}") for each, row in known.filled)
        place = f"dose {point}" if number == 1 else f"dose {point} ({number})"
        return "write", "deviation", {"form": form, "place": place}, changes

    # ---- decisions, signatures, files ----------------------------------------------------------------

    def decide(self, subject: str, decision: str, happened: datetime, *, by: str, key: str) -> Entry:
        """Record the outcome that the rules give, with the values and the entries they read."""
        arguments = {"decision": decision}
        command = Command("decide", f"The decision {decision}", by, key, happened, arguments)

        def checked(known: Projection, now: Times) -> Outcome:
            if decision not in self.protocol.decisions:
                return Outcome([stranger("decision", decision, self.protocol.decisions)])
            person, role = self.person(by), self.protocol.decisions[decision].by
            if person and person.role != role:
                message = f"{person.name} ({person.role}) does not make this decision"
                return Outcome([Reason("by", message, f"the study leaves it to the {role}")])
            entered = local.there(self.clock.now(), known.zone)
            judgement = judge(known.cohort, decision, WHO, now, entered)
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

        def checked(known: Projection, now: Times) -> Outcome:
            filled, person = known.filled.get((form, place)), self.person(by)
            reasons = (
                []
                if meaning.strip()
                else [Reason("meaning", "a signature says what it means", "give its meaning")]
            )
            if filled is None:
                reasons.append(
                    Reason("point", f"«{self._title(form)}» was never entered at {place}", "enter it first")
                )
            if filled is None or person is None:
                return Outcome(reasons)
            return Outcome(
                reasons, {**arguments, "name": person.name, "hash": filled.digest(), "of": filled.sequence}
            )

        return self._submit(subject, command, checked)

    def attach(
        self, subject: str, name: str, content: bytes, happened: datetime, *, by: str, key: str
    ) -> Entry:
        """Keep a file with a participant: stored under its SHA-256, which the entry holds."""
        sha256 = hashlib.sha256(content).hexdigest()
        arguments = {"name": name, "sha256": sha256, "size": len(content)}
        command = Command("attach", f"Attaching {name}", by, key, happened, arguments)

        def checked(known: Projection, now: Times) -> Outcome:
            reasons = self._within_participation(known, now)
            if not name.strip():
                reasons.append(Reason("name", "the file has no name", "name it"))
            if not reasons:
                self._keep(
                    sha256, content
                )  # before its entry, so that an entry never names a file that is not there
            return Outcome(reasons, dict(arguments))

        return self._submit(subject, command, checked)

    def _keep(self, sha256: str, content: bytes) -> None:
        raise NotImplementedError
