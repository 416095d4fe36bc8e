"""Forms: filling them, going on with a row, correcting what was entered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from trialrun.conduct.cohort import Times, day
from trialrun.conduct.verdict import Reason
from trialrun.journal.entry import Change, Entry
from trialrun.protocol.plan import ANY_TIME
from trialrun.record import local
from trialrun.record.fitting import Fitting
from trialrun.record.projection import HAPPENED, Filled, Projection, Source
from trialrun.record.submission import Command, Outcome
from trialrun.record.value import Answers, Content

Values = Mapping[str, Any]
NONE: Values = {}


class Filling(Fitting):
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
        source: Source = NONE,
    ) -> Entry:
        """Fill a form at a timepoint; filled again, it is answered anew, with a reason.

        source: what the values were computed from, if they were; it stands in the entry, see `Source`.
        """
        answers = Answers(values, missing, confirmed)
        arguments = {**vars(answers), "form": form, "point": point, "reason": reason, **_named(source)}
        command = Command("enter", f"Entering {self._title(form)} at {point}", by, key, happened, arguments)

        def checked(known: Projection, now: Times) -> Outcome:
            reasons = self._planned(known, form, point) or self._strange(known, point, form=form)
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
            outcome = self._filled(known, form, point, now, answers, reason)
            outcome.reasons += self._fills(by, form) + _unattached(known, source)
            outcome.payload |= _named(source)
            return outcome

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
            # A row may tell what came of it later, but nothing that is still to come.
            found = self._check(known, form, None, answers, known.filled.get((form, row)), self._today(known))
            reasons = self._fills(by, form, answers) + self._told(known, form, row, now, found.contents)
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
        deviation: str | None = None,
        source: Source = NONE,
    ) -> Entry:
        """Change what was entered at a timepoint or row: items not named keep what they have.

        happened: the right time, if the one entered was wrong; deviation: why an injection that comes out as
        forbidden was given all the same; source: as for `enter`.
        """
        answers = Answers(values, missing, confirmed)
        arguments = {**vars(answers), "form": form, "place": place, "reason": reason, HAPPENED: happened}
        arguments |= {"deviation": deviation} if deviation is not None else {}
        arguments |= _named(source)
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
            wrong = self._moved(known, happened)
            moment = local.wall(filled.happened) if happened is None or wrong else local.minute(happened)
            reasons = [*found.reasons, *wrong, *self._fills(by, form, answers), *_unattached(known, source)]
            reasons += self._still(known, form, place, moment, found.contents, happened is not None)
            if happened is not None and not wrong:
                then = local.text(happened, known.zone)
                moved = Change(HAPPENED, filled.happened, then, reason)
                changes = (*changes, moved) if moved.old != moved.new else changes
            if not (reason or "").strip():
                reasons.append(Reason("reason", "a correction says why", "give the reason"))
            outcome = stored(form, place, reasons or _unchanged(changes), changes, answers)
            outcome.payload |= {"of": filled.since, **_named(source)}
            if form == self.protocol.study.recorded_on.injection:
                self._reinjected(known, place, moment, found.contents, outcome, deviation)
            return outcome

        return self._submit(subject, command, checked)

    def _reinjected(
        self,
        known: Projection,
        point: str,
        now: Times,
        contents: Mapping[str, Content],
        outcome: Outcome,
        deviation: str | None,
    ) -> None:
        raise NotImplementedError

    def _moved(self, known: Projection, happened: datetime | None) -> list[Reason]:
        """What is wrong with a corrected time."""
        return [] if happened is None else local.faults(happened, known.zone, self.clock.now())

    def _filled(
        self, known: Projection, form: str, point: str, now: Times, answers: Answers, reason: str | None
    ) -> Outcome:
        """A planned form: once, or again with a reason, and then every answer anew."""
        before = known.filled.get((form, point))
        tasks = self._tasks(known, point, form=form)
        reasons = self._too_early(known, tasks, point, now)
        if form == self._end_form:
            if before is None and not np.isnat(known.cohort.ended[0]):
                reasons.append(
                    Reason(
                        "participation",
                        f"participation ended on {day(known.cohort.ended)[0]}",
                        "it ends once; correct its form",
                    )
                )
        elif form != self._consent_form:
            reasons += self._within_participation(known, now)
        found = self._check(known, form, point, answers, None, local.date_of(now))
        reasons += self._framed(known, form, before, now, found.contents)
        if before is not None and not (reason and reason.strip()):
            message = f"«{self._title(form)}» at {point} was entered for {before.happened.partition('[')[0]}"
            reasons.append(
                Reason("repeated", message, "give the reason for entering it again, or correct it")
            )
        changes = differences(before, found.contents, reason, anew=True)
        outcome = stored(form, point, [*reasons, *found.reasons], changes, answers)
        outcome.payload |= self._late(known, tasks, point, now)
        return outcome


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


def _named(source: Source) -> dict[str, Any]:
    """A source as an entry holds it; of none, nothing."""
    return {"source": dict(source)} if source else {}


def _unattached(known: Projection, source: Source) -> list[Reason]:
    """That a source names no file which is kept with the participant."""
    sha256 = source.get("sha256") if source else None
    if not source or sha256 in known.files:
        return []
    return [Reason("source", f"no file {sha256} is attached to {known.subject}", "attach it first")]


def stored(
    form: str, place: str, reasons: list[Reason], changes: tuple[Change, ...], answers: Answers
) -> Outcome:
    payload: dict[str, Any] = {"form": form, "place": place}
    if answers.confirmed:
        payload["confirmed"] = dict(answers.confirmed)
    return Outcome(reasons, payload, changes, forms=(form,))
