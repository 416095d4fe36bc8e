"""Where what happens is written down: the same acts for columns and for a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from trialrun.conduct.cohort import Cohort, Index, Times
from trialrun.conduct.decision import judge
from trialrun.conduct.stop import overdue, triggered
from trialrun.protocol.protocol import Protocol as StudyProtocol

Answers = Mapping[str, Sequence[Any]]


class Ledger(Protocol):
    """What a virtual site needs of the place where it writes: what is known, and the acts of a trial.

    ``who`` are positions in the cohort; ``when`` local times, one each; answers lists of that length.
    ``now`` is when a row is written, which may be later than when it happened.
    """

    @property
    def cohort(self) -> Cohort: ...
    def enter(self, form: str, point: str, who: Index, when: Times, answers: Answers) -> None: ...
    def write(self, form: str, who: int, row: str, when: np.datetime64, now: np.datetime64, values: Mapping[str, Any]) -> None: ...
    def collect(self, specimen: str, point: str, who: Index, when: Times) -> None: ...
    def include(self, who: Index, when: Times) -> None: ...
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
        self._stop(form, who, when)

    def write(self, form: str, who: int, row: str, when: np.datetime64, now: np.datetime64, values: Mapping[str, Any]) -> None:
        self._cohort.write(form, who, row, when, now, values)
        self._stop(form, np.array([who]), np.array([now]))

    def collect(self, specimen: str, point: str, who: Index, when: Times) -> None:
        self._cohort.collect(specimen, point, who, when)

    def include(self, who: Index, when: Times) -> None:
        self._cohort.include(who, when)

    def inject(self, point: str, who: Index, when: Times, answers: Answers) -> None:
        self.enter(self._cohort.protocol.study.recorded_on.injection, point, who, when, answers)

    def decide(self, decision: str, who: Index, when: Times) -> None:
        self._cohort.decide(decision, who, judge(self._cohort, decision, who, when).outcome, when)

    def tick(self, who: Index, when: Times) -> None:
        for rule, stopped in overdue(self._cohort, who, when):
            self._cohort.stop(stopped, rule, when[np.isin(who, stopped)])

    def _stop(self, form: str, who: Index, when: Times) -> None:
        for rule, stopped in triggered(self._cohort, who, when, {form}):
            self._cohort.stop(stopped, rule, when[np.isin(who, stopped)])
