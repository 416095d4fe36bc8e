"""Dose escalation by a table, cohort by cohort, as the study language states it (`allocation: {method:
table}`).

A rule-based design is such a table; so what is designed here is what a study then does, line by line. One
thing is simpler: outcomes of a cohort become known together, so that no dose is closed while a cohort is
being filled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.design.binomial import pmf, rates

Move = Literal["higher", "lower", "same", "stop"]
_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]
_STEP: dict[str, int] = {"higher": 1, "lower": -1, "same": 0}
Counts = tuple[tuple[int, int], ...]
"""For each dose, from the lowest: (participants, of whom so many had a dose-limiting event)."""


@dataclass(frozen=True, slots=True)
class Line:
    """With `of` participants at a dose of whom `counted` had an event (both from and to), what is next.

    `exclude`: this dose and all above are not used again, and the next cohort goes to the highest left,
    whatever `next` says. `or_else`: where `next` cannot be.
    """

    of: tuple[int, int]
    counted: tuple[int, int]
    next: Move
    exclude: bool = False
    or_else: Literal["same", "stop"] = "stop"

    def __post_init__(self) -> None:
        if not (1 <= self.of[0] <= self.of[1] and 0 <= self.counted[0] <= self.counted[1]):
            raise ValueError(f"{self}: write ranges from a number to one that is not below it")

    def stated(self) -> dict[str, str | bool]:
        """As in a study file: what is said by default is left out."""
        found: dict[str, str | bool] = {
            "of": f"{self.of[0]}..{self.of[1]}",
            "counted": f"{self.counted[0]}..{self.counted[1]}",
            "next": self.next,
        }
        if self.exclude:
            found["exclude"] = True
        if self.or_else != "stop":
            found["or_else"] = self.or_else
        return found

    def text(self) -> str:
        """One line of the table, to paste."""
        pairs = (f"{key}: {'true' if value is True else value}" for key, value in self.stated().items())
        return f"- {{{', '.join(pairs)}}}"


@dataclass(frozen=True, slots=True)
class Escalation:
    """Cohorts of `cohort`, led by `lines` (the first that fits), from the dose `start` (0: the lowest).

    Inclusions end where a line says so, or when `n_max` participants are included. `enough`, if given, is
    how many at one dose are never exceeded: a cohort that would be sent there is not, and inclusions end.
    The study language has no such word; leave it out for what a study does.
    """

    lines: tuple[Line, ...]
    cohort: int
    n_max: int
    start: int = 0
    enough: int | None = None

    def __post_init__(self) -> None:
        if self.cohort < 1 or self.n_max < self.cohort or self.start < 0:
            raise ValueError(f"cohorts of {self.cohort}, {self.n_max} in all: needs 1 <= cohort <= n_max")

    def line(self, of: int, counted: int) -> Line | None:
        """The line for one dose, or None."""
        fits = (
            line
            for line in self.lines
            if line.of[0] <= of <= line.of[1] and line.counted[0] <= counted <= line.counted[1]
        )
        return next(fits, None)

    def excludes(self, of: int, counted: int) -> bool:
        """Whether any line closes a dose with these counts."""
        return any(
            line.exclude
            for line in self.lines
            if line.of[0] <= of <= line.of[1] and line.counted[0] <= counted <= line.counted[1]
        )

    def excluded(self, counts: Counts) -> int:
        """The lowest dose that is closed; the number of doses if none is."""
        return next((i for i, pair in enumerate(counts) if self.excludes(*pair)), len(counts))

    def after(self, dose: int, counts: Counts) -> int | None:
        """The dose of the next cohort, once that of the last is known; None where inclusions end.

        Raises ValueError where the table has no line.
        """
        limit = self.excluded(counts)
        there = limit - 1 if dose >= limit else self._led(dose, counts[dose], limit)
        if there is None or there < 0 or sum(n for n, _ in counts) >= self.n_max:
            return None
        return None if self.enough and counts[there][0] >= self.enough else there

    def _led(self, dose: int, seen: tuple[int, int], limit: int) -> int | None:
        """Where the line for a dose that is open leads to."""
        line = self.line(*seen)
        if line is None:
            raise ValueError(f"the table has no line for {seen[1]} of {seen[0]}")
        if line.next == "stop":
            return None
        there = dose + _STEP[line.next]
        return there if 0 <= there < limit else dose if line.or_else == "same" else None

    def outcomes(self, p: Sequence[float], *, most: int = 200_000) -> Outcomes:
        """Every way in which the trial can end, with its probability, at event rates `p`, a dose each. Exact.

        Raises ValueError if there are more than `most` ways at a time: then `simulate`.
        """
        chances = rates(p)
        by_events = [[pmf(size, rate) for size in range(self.cohort + 1)] for rate in chances.tolist()]
        empty: Counts = ((0, 0),) * len(chances)
        going: dict[tuple[int, Counts], float] = {(self.start, empty): 1.0}
        ended: dict[Counts, float] = {}
        while going:
            ahead: dict[tuple[int, Counts], float] = {}
            for (dose, counts), chance in going.items():
                for found, probability in self._cohort(dose, counts, by_events[dose]):
                    there = self.after(dose, found)
                    if there is None:
                        ended[found] = ended.get(found, 0.0) + chance * probability
                    else:
                        ahead[there, found] = ahead.get((there, found), 0.0) + chance * probability
            if len(ahead) + len(ended) > most:
                raise ValueError(f"more than {most} ways through this design; use `simulate`")
            going = ahead
        ends = np.array(list(ended), dtype=np.int64).reshape(-1, len(chances), 2)
        return Outcomes(ends, np.array(list(ended.values())), "exact")

    def _cohort(self, dose: int, counts: Counts, chances: list[_Floats]) -> Iterator[tuple[Counts, float]]:
        """The counts after one more cohort at a dose, each with its probability."""
        size = min(self.cohort, self.n_max - sum(n for n, _ in counts))
        n, x = counts[dose]
        for events, probability in enumerate(chances[size].tolist()):
            yield (*counts[:dose], (n + size, x + events), *counts[dose + 1 :]), probability

    def simulate(self, p: Sequence[float], *, trials: int = 10_000, seed: int) -> Outcomes:
        """The ends of simulated trials, each with the same weight. The same seed gives the same trials."""
        chances, random = rates(p), np.random.default_rng(seed)
        found = np.zeros((trials, len(chances), 2), dtype=np.int64)
        for trial in range(trials):
            counts: Counts = ((0, 0),) * len(chances)
            dose: int | None = self.start
            while dose is not None:
                size = min(self.cohort, self.n_max - sum(n for n, _ in counts))
                n, x = counts[dose]
                events = int(random.binomial(size, chances[dose]))
                counts = (*counts[:dose], (n + size, x + events), *counts[dose + 1 :])
                dose = self.after(dose, counts)
            found[trial] = counts
        return Outcomes(found, np.full(trials, 1 / trials), f"simulated, {trials} trials, seed {seed}")


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Ends of a trial: `counts` (ends, doses, 2), participants and events; `probability` (ends,)."""

    counts: _Ints
    probability: _Floats
    method: str

    @property
    def expected_treated(self) -> _Floats:
        """Mean number of participants at each dose."""
        return np.asarray(self.probability @ self.counts[:, :, 0])

    @property
    def expected_events(self) -> _Floats:
        """Mean number of participants with an event at each dose."""
        return np.asarray(self.probability @ self.counts[:, :, 1])

    def of(self, selected: ArrayLike) -> _Floats:
        """P(dose d is selected), and last P(none is), given which one each end selects (-1: none)."""
        dose = np.asarray(selected)
        if dose.shape != self.probability.shape:
            raise ValueError(f"{dose.shape} selections for {self.probability.shape} ends")
        none = self.counts.shape[1]
        found = np.zeros(none + 1)
        np.add.at(found, np.where(dose < 0, none, dose), self.probability)
        return found


def table(lines: Sequence[Line]) -> str:
    """The `table` of an allocation, to paste under it."""
    return "\n".join(["table:", *(f"  {line.text()}" for line in lines)])
