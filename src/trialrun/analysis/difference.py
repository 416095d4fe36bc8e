"""The difference between two independent proportions: Fisher's exact test, and a score interval.

The interval is method 10 of Newcombe, Stat Med 1998;17:873: the square-and-add combination of the two
Wilson intervals. It needs no iteration, stays within -1 … 1 and covers about at its level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.estimate import Interval, Intervals, NotEstimable
from trialrun.analysis.proportion import interval

METHOD = "Newcombe hybrid score"
_NONE = "a group without participants"

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FisherExact:
    """Fisher's exact test of one two-by-two table, two-sided by the probability of the tables."""

    p: float


@dataclass(frozen=True, eq=False)
class Difference:
    """Proportion of the first group minus that of the second, in every trial: arrays of shape (trials,).

    ``x`` and ``n`` (2, trials) are the counts; ``p`` is 1 where a group is empty.
    """

    x: _Ints
    n: _Ints
    estimate: _Floats
    interval: Intervals
    p: _Floats

    def estimate_at(self, trial: int) -> float | NotEstimable:
        if not self.interval.estimable[trial]:
            return NotEstimable(_NONE)
        return float(self.estimate[trial])

    def interval_at(self, trial: int) -> Interval | NotEstimable:
        return self.interval.at(trial)

    def test_at(self, trial: int) -> FisherExact | NotEstimable:
        if not self.interval.estimable[trial]:
            return NotEstimable(_NONE)
        return FisherExact(float(self.p[trial]))


def difference(x: _Ints, n: _Ints, *, level: float = 0.95) -> Difference:
    """The difference of x[0] of n[0] and x[1] of n[1] participants, arrays of shape (2, trials)."""
    each = interval(x, n, level=level, method="wilson")
    share = x / np.maximum(n, 1)
    below, above = share - each.lower, each.upper - share
    estimate = share[0] - share[1]
    there = each.estimable[0] & each.estimable[1]
    return Difference(
        x=x,
        n=n,
        estimate=estimate,
        interval=Intervals(
            lower=np.where(there, estimate - np.hypot(below[0], above[1]), -1.0),
            upper=np.where(there, estimate + np.hypot(above[0], below[1]), 1.0),
            estimable=there,
            level=level,
            method=METHOD,
            reason=_NONE,
        ),
        p=_fisher(x, n),
    )


def _fisher(x: _Ints, n: _Ints) -> _Floats:
    """Two-sided p of every trial, each distinct table once."""
    from scipy.stats import fisher_exact

    tables, which = np.unique(np.stack([x[0], n[0] - x[0], x[1], n[1] - x[1]]), axis=1, return_inverse=True)
    p = np.array([fisher_exact(table.reshape(2, 2)).pvalue for table in tables.T])
    return np.asarray(np.minimum(1.0, p[which.ravel()]))
