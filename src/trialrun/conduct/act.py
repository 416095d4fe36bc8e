"""What one participant may, must and must not do next, with the reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trialrun.conduct import words
from trialrun.conduct.cohort import Cohort, Index, Times
from trialrun.conduct.decision import judge
from trialrun.conduct.dose import amounts
from trialrun.conduct.permission import consented, may_include, may_inject, spread
from trialrun.conduct.reading import answers, read
from trialrun.conduct.standing import (
    DONE,
    FUTURE,
    MISSED,
    OPEN,
    VOID,
    Standing,
    screening_point,
    standing,
)
from trialrun.conduct.verdict import UNKNOWN, YES, Reason
from trialrun.protocol.chain import Mask
from trialrun.protocol.protocol import Task, Timepoint

Kind = Literal["include", "form", "specimen", "injection", "decision"]
Status = Literal["due", "as needed", "forbidden", "later", "done", "missed", "void"]
NOTHING: tuple[Reason, ...] = ()
_STATUS: dict[int, Status] = {FUTURE: "later", OPEN: "due", DONE: "done", MISSED: "missed", VOID: "void"}


@dataclass(frozen=True)
class Act:
    """One act: what it is, when it may be done, where it stands, and why not where it may not."""

    kind: Kind
    name: str
    point: str
    title: str
    status: Status
    earliest: np.datetime64
    latest: np.datetime64
    reasons: tuple[Reason, ...] = ()


def acts(cohort: Cohort, one: int, now: np.datetime64, language: str = "en") -> list[Act]:
    """Every act of participant ``one`` at ``now`` (local), in the order of the plan.

    ``due`` acts may be done now; ``as needed`` ones may be, and nobody waits for them;
    ``forbidden`` ones are in their window but a condition is not met,
    and ``reasons`` says which; ``later`` ones wait for their window; ``void`` ones will never be done.
    Titles are in ``language`` where the study has it, reasons in English.
    """
    person = _Person(cohort, one, now, language)
    return [act for point in cohort.protocol.timepoints.values() for act in person.acts(point)]


def due(cohort: Cohort, one: int, now: np.datetime64, language: str = "en") -> list[Act]:
    """The acts that may be done now."""
    return [act for act in acts(cohort, one, now, language) if act.status == "due"]


def applies(cohort: Cohort, activity: str, who: Index, now: Times) -> Mask:
    """To whom an activity applies: who joined its substudy, and its ``only_if``, with what the study says
    where that is not known. Nobody is in a substudy who is not known to have joined it."""
    planned = cohort.protocol.activity(activity)
    found = np.ones(len(who), dtype=bool)
    for name, unknown in (
        (f"substudies.{planned.substudy}", "skip"),
        (f"activities.{activity}", planned.unknown),
    ):
        rule = cohort.protocol.rules.get(name)
        if rule is not None:
            said = answers(rule, read(cohort, rule.reads, who, now, None, "complete"))
            found &= (said == YES) | ((said == UNKNOWN) & (unknown == "do"))
    return found


class _Person:
    """One participant at one moment."""

    def __init__(self, cohort: Cohort, one: int, now: np.datetime64, language: str) -> None:
        self.cohort = cohort
        self.one = one
        self.language = language
        self.who, self.now = np.array([one]), np.array([now], dtype="datetime64[m]")
        self.moments = spread(cohort, self.who, self.now)
        self.here: Standing = standing(cohort, self.moments)
        self.ended = bool(cohort.ended[one] <= now)
        condition = consented(cohort, self.who, self.now)
        self.no_consent = NOTHING if condition.state[0] == YES else (condition.reason(0),)
        recorded_on = cohort.protocol.study.recorded_on
        self.own = {recorded_on.injection, recorded_on.end.partition(".")[0]}
        self.consent = recorded_on.consent.partition(".")[0]
        self.screening = screening_point(cohort)

    def acts(self, point: Timepoint) -> Iterator[Act]:
        """What is done at a timepoint: its forms and specimens, and then what it is for."""
        status = int(self.here.status(self.cohort, point.id, self.moments)[self.one])
        if point.as_needed and status == FUTURE:
            return
        for task in point.tasks:
            if task.form not in self.own and applies(self.cohort, task.activity, self.who, self.now)[0]:
                yield self._task(point, status, task)
        if point.dose:
            yield self._injection(point, _STATUS[status])
        if point.kind == "decision":
            yield self._decision(point, _STATUS[status])
        if point.id == self.screening:
            yield self._inclusion(point)

    def _act(
        self,
        kind: Kind,
        name: str,
        point: Timepoint,
        title: str,
        status: Status,
        reasons: tuple[Reason, ...] = NOTHING,
    ) -> Act:
        earliest, latest = self.here.earliest[point.id][self.one], self.here.latest[point.id][self.one]
        return Act(kind, name, point.id, title, status, earliest, latest, reasons)

    def _task(self, point: Timepoint, status: int, task: Task) -> Act:
        """A form or specimen. A visit that has begun is done as a whole, yet each of its forms is due
        until it is filled, or until participation ends."""
        stands = _STATUS[status]
        if point.as_needed and status == OPEN:
            stands = "as needed"
        if self._done(point, task):
            stands = "done"
        elif status == DONE:
            stands = "void" if self.ended else "due"
        forbidden = stands in ("due", "as needed") and task.form != self.consent and bool(self.no_consent)
        reasons = self.no_consent if forbidden else NOTHING
        kind: Kind = "form" if task.form else "specimen"
        name = str(task.form or task.specimen)
        return self._act(kind, name, point, self._title(task), "forbidden" if forbidden else stands, reasons)

    def _title(self, task: Task) -> str:
        study = self.cohort.protocol
        named = study.forms[task.form] if task.form else study.study.specimens[str(task.specimen)]
        return named.title(self.language)

    def _done(self, point: Timepoint, task: Task) -> bool:
        """Filled or drawn; a list asked for at a visit is so once it has a row."""
        if task.specimen:
            return bool(~np.isnat(self.cohort.collected[task.specimen, point.id][self.one]))
        if task.form in self.cohort.logs:
            return bool(len(self.cohort.logs[task.form].table(self.who)))
        return bool(~np.isnat(self.cohort.sheets[str(task.form)].at(point.id)[self.one]))

    def _injection(self, point: Timepoint, stands: Status) -> Act:
        form, reasons = self.cohort.protocol.study.recorded_on.injection, NOTHING
        if stands == "due":
            reasons = may_inject(self.cohort, point.id, self.who, self.now).reasons()
            stands = "forbidden" if reasons else "due"
        given = float(amounts(self.cohort, point.id, self.who, self.now)[0])
        planned = point.dose_of(self.cohort.arm_of(self.one))
        dose = words.amount(self.cohort.protocol, planned, given, self.language)
        return self._act("injection", form, point, f"{point.label(self.language)}: {dose}", stands, reasons)

    def _decision(self, point: Timepoint, stands: Status) -> Act:
        reasons = NOTHING
        if stands in ("due", "missed"):  # a decision that is late is still to be made
            judgement = judge(self.cohort, point.id, self.who, self.now)
            reasons = judgement.reasons()
            stands = "due" if judgement.ready[0] else "forbidden"
        return self._act("decision", point.id, point, point.label(self.language), stands, reasons)

    def _inclusion(self, point: Timepoint) -> Act:
        title = "Inclusion"  # the same word in English and French
        if not np.isnat(self.cohort.included[self.one]):
            return self._act("include", "include", point, title, "done")
        if self.ended:
            return self._act("include", "include", point, title, "void")
        reasons = may_include(self.cohort, self.who, self.now).reasons()
        return self._act("include", "include", point, title, "forbidden" if reasons else "due", reasons)
