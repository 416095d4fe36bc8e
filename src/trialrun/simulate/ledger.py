"""Where what happens is written down: the same acts for columns and for a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from trialrun.conduct.allocation import Chance, Place, allocate
from trialrun.conduct.cohort import Cohort, Index, Times
from trialrun.conduct.decision import judge
from trialrun.conduct.roll import join, kinds, roll, strata
from trialrun.conduct.stop import overdue, triggered
from trialrun.conduct.verdict import Reason
from trialrun.protocol.protocol import Protocol as StudyProtocol

Answers = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Row:
    """A row of a log: whose, its id, when it happened, when it is written (perhaps later), and what."""

    who: int
    id: str
    when: np.datetime64
    now: np.datetime64
    values: Mapping[str, Any]


def in_turn(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Everybody's first rows, then everybody's second ones, and so on."""
    turns: list[list[Row]] = []
    count: dict[int, int] = {}
    for row in rows:
        turn = count[row.who] = count.get(row.who, -1) + 1
        turns += [[]] if turn == len(turns) else []
        turns[turn].append(row)
    yield from turns


class Ledger(Protocol):
    """What a virtual site needs of the place where it writes: what is known, and the acts of a trial.

    ``who`` are positions in the cohort; ``when`` local times, one each; answers lists of that length.
    Rows are written for different people at once, at most one of each.
    """

    @property
    def cohort(self) -> Cohort: ...
    def enter(self, form: str, point: str, who: Index, when: Times, answers: Answers) -> None: ...
    def write(self, form: str, rows: Sequence[Row]) -> None: ...
    def collect(self, specimen: str, point: str, who: Index, when: Times) -> None: ...
    def include(self, who: Index, when: Times, chance: Chance) -> None: ...
    def inject(self, point: str, who: Index, when: Times, answers: Answers) -> None: ...
    def decide(self, decision: str, who: Index, when: Times) -> None: ...
    def tick(self, who: Index, when: Times) -> None: ...


class Columns:
    """The fast path: acts go straight into the cohort's columns."""

    def __init__(self, protocol: StudyProtocol, n: int) -> None:
        self._cohort = Cohort(protocol, n)

    @property
    def cohort(self) -> Cohort:
        return self._cohort

    def enter(self, form: str, point: str, who: Index, when: Times, answers: Answers) -> None:
        self._cohort.enter(form, point, who, when, when, answers)
        self._stop({form}, who, when)

    def write(self, form: str, rows: Sequence[Row]) -> None:
        for row in rows:
            self._cohort.write(form, row.who, row.id, row.when, row.now, row.values)
        order = sorted(rows, key=lambda row: row.who)
        self._stop({form}, np.array([row.who for row in order]), np.array([row.now for row in order]))

    def collect(self, specimen: str, point: str, who: Index, when: Times) -> None:
        fresh = np.isnat(self._cohort.collected[specimen, point][who])  # a repeated visit finds it taken
        self._cohort.collect(specimen, point, who[fresh], when[fresh])

    def include(self, who: Index, when: Times, chance: Chance) -> None:
        """Include one participant; ``chance`` draws the arm where the study randomises."""
        cohort = self._cohort
        kind, stratum = kinds(cohort, who, when)[0], strata(cohort, who, when)[0]
        place: Place | Reason = Place()
        if cohort.protocol.arms:
            others = np.flatnonzero(~np.isnat(cohort.included))
            present = join([roll(cohort, others, np.full(len(others), when[0]))]) if len(others) else None
            place = allocate(cohort.protocol, present, stratum, chance)
        if isinstance(place, Reason):
            raise ValueError(f"nobody can be included now: {place.message}")
        cohort.include(who, when, place.arm, block=place.block, stratum=stratum or "", kind=kind)

    def inject(self, point: str, who: Index, when: Times, answers: Answers) -> None:
        """Day 1 of a course moves what counts within courses, so every stop rule is looked at."""
        form = self._cohort.protocol.study.recorded_on.injection
        self._cohort.enter(form, point, who, when, when, answers)
        begins = self._cohort.protocol.timepoints[point].course_day == 1
        self._stop(None if begins else {form}, who, when)

    def decide(self, decision: str, who: Index, when: Times) -> None:
        self._cohort.decide(decision, who, judge(self._cohort, decision, who, when).outcome, when)

    def tick(self, who: Index, when: Times) -> None:
        for rule, stopped in overdue(self._cohort, who, when):
            self._cohort.stop(stopped, rule, when[np.isin(who, stopped)])

    def _stop(self, forms: set[str] | None, who: Index, when: Times) -> None:
        for rule, stopped in triggered(self._cohort, who, when, forms):
            self._cohort.stop(stopped, rule, when[np.isin(who, stopped)])
