"""Forms: filling them, going on with a row, correcting what was entered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import numpy as np

from trialrun.conduct.cohort import Times, day
from trialrun.conduct.reading import read
from trialrun.conduct.verdict import Reason
from trialrun.journal.entry import Change, Entry
from trialrun.protocol.form import Form
from trialrun.protocol.plan import ANY_TIME
from trialrun.protocol.problem import nearest
from trialrun.record import local
from trialrun.record.projection import HAPPENED, WHO, Filled, Projection
from trialrun.record.submission import Command, Outcome, Submission
from trialrun.record.value import Answers, Checked, Content, check

Values = Mapping[str, Any]
NONE: Values = {}


class Filling(Submission):
    """The commands about forms. Each raises Refused with all reasons; a refused command leaves no trace."""

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

        def checked(known: Projection, now: Times) -> Outcome:
            reasons = self._planned(known, form, point)
            if form == self.protocol.study.recorded_on.injection:
                reasons.append(
                    Reason(
                        "form",
                        f"«{self._title(form)}» is not entered like other forms",
                        "record it as a dose",
                    )
                )
            if reasons:
                return Outcome(reasons)
            return self._filled(known, form, point, now, answers, reason)

        return self._submit(subject, command, checked)

    def end(
        self, subject: str, happened: datetime, values: Values, *, by: str, key: str, point: str | None = None
    ) -> Entry:
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

        def checked(known: Projection, now: Times) -> Outcome:
            reasons = self._form(form, repeats=True) or (
                [] if row.strip() else [Reason("row", "the row has no id", "number it")]
            )
            if reasons:
                return Outcome(reasons)
            reasons = self._within_participation(known, now, sameday=self._at_screening(form))
            # A row may tell what came of it later, but nothing that is still to come.
            found = self._check(known, form, None, answers, known.filled.get((form, row)), self._today(known))
            changes = differences(known.filled.get((form, row)), found.contents, reason)
            reasons += [*found.reasons, *_unreasoned(changes)]
            return stored(form, row, reasons or _unchanged(changes), changes, answers)

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

        def checked(known: Projection, now: Times) -> Outcome:
            filled = known.filled.get((form, place))
            if filled is None:
                nothing = Reason(
                    "point", f"«{self._title(form)}» was never entered at {place}", "enter it first"
                )
                return Outcome([nothing])
            found = self._check(known, form, place, answers, filled, self._today(known))
            changes = differences(filled, found.contents, reason)
            reasons = [*found.reasons, *self._moved(known, happened)]
            if happened is not None and not reasons:
                changes = (
                    *changes,
                    Change(HAPPENED, filled.happened, local.text(happened, known.zone), reason),
                )
            if not reason.strip():
                reasons.append(Reason("reason", "a correction says why", "give the reason"))
            outcome = stored(form, place, reasons or _unchanged(changes), changes, answers)
            outcome.payload["of"] = filled.since
            return outcome

        return self._submit(subject, command, checked)

    def _moved(self, known: Projection, happened: datetime | None) -> list[Reason]:
        """What is wrong with a corrected time."""
        return [] if happened is None else local.faults(happened, known.zone, self.clock.now())

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
        return local.date_of(local.there(self.clock.now(), known.zone))

    def _form(self, form: str, *, repeats: bool) -> list[Reason]:
        found = self.protocol.forms.get(form)
        if found is None:
            return [stranger("form", form, self.protocol.forms)]
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

    def _filled(
        self, known: Projection, form: str, point: str, now: Times, answers: Answers, reason: str | None
    ) -> Outcome:
        """A planned form: once, or again with a reason, and then every answer anew."""
        recorded_on = self.protocol.study.recorded_on
        reasons: list[Reason] = []
        before = known.filled.get((form, point))
        if form == recorded_on.end.partition(".")[0]:
            if before is None and not np.isnat(known.cohort.ended[0]):
                reasons.append(
                    Reason(
                        "participation",
                        f"participation ended on {day(known.cohort.ended)[0]}",
                        "it ends once; correct its form",
                    )
                )
        elif form != recorded_on.consent.partition(".")[0]:
            reasons += self._within_participation(known, now, sameday=point == self._screening)
        found = self._check(known, form, point, answers, None, local.date_of(now))
        if before is not None and not (reason and reason.strip()):
            message = f"«{self._title(form)}» at {point} was entered for {before.happened.partition('[')[0]}"
            reasons.append(
                Reason("repeated", message, "give the reason for entering it again, or correct it")
            )
        return stored(
            form,
            point,
            [*reasons, *found.reasons],
            differences(before, found.contents, reason, anew=True),
            answers,
        )

    def _check(
        self,
        known: Projection,
        form: str,
        point: str | None,
        answers: Answers,
        filled: Filled | None,
        until: date,
    ) -> Checked:
        def elsewhere(names: Iterable[str]) -> dict[str, Any]:
            now = local.there(self.clock.now(), known.zone)
            return read(known.cohort, names, WHO, now, point, "so far").row(0, named=True)

        kept = filled.contents() if filled else None
        return check(self.protocol, form, answers, until, kept, elsewhere)


def differences(
    filled: Filled | None, contents: Mapping[str, Content], reason: str | None, *, anew: bool = False
) -> tuple[Change, ...]:
    """What differs, old and new; `anew`: what stood there and is not answered now goes."""
    old = filled.contents() if filled else {}
    names = [*contents, *(name for name in old if anew and name not in contents)]
    pairs = ((name, old.get(name), contents.get(name)) for name in names)
    return tuple(Change(name, was, new, reason if filled else None) for name, was, new in pairs if was != new)


def _unreasoned(changes: tuple[Change, ...]) -> list[Reason]:
    """A row of a log that changes a value says why; one that only adds need not."""
    replaced = [change for change in changes if change.old is not None and not (change.reason or "").strip()]
    return [
        Reason(f"item.{c.item}", f"`{c.item}` was {c.old} and would become {c.new}", "give the reason")
        for c in replaced
    ]


def _unchanged(changes: tuple[Change, ...]) -> list[Reason]:
    return [] if changes else [Reason("nothing", "nothing would change", "say what is to change")]


def stored(
    form: str, place: str, reasons: list[Reason], changes: tuple[Change, ...], answers: Answers
) -> Outcome:
    payload: dict[str, Any] = {"form": form, "place": place}
    if answers.confirmed:
        payload["confirmed"] = dict(answers.confirmed)
    return Outcome(reasons, payload, changes, forms=(form,))


def stranger(kind: str, name: str, known: Mapping[str, Any]) -> Reason:
    close = nearest(name, known)
    return Reason(
        kind,
        f"there is no {kind} `{name}`",
        f"did you mean {close}?" if close else f"there are {', '.join(known)}",
    )
