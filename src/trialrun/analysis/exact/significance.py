"""What a test returns: its statistic, its p-value and how that p-value was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import NotEstimable, check_choice

Alternative = Literal["two-sided", "greater", "less"]
_Floats = NDArray[np.float64]
# Probabilities equal by symmetry reach here by different sums; R's binom.test allows them the same slack.
SLACK = 1e-7


@dataclass(frozen=True, slots=True)
class Significance:
    """One test. `p` lies in (0, 1].

    `mid_p` counts half the probability of what was observed (Lancaster, JASA 1961;56:223) and is
    None where p is not exact. `method` is "exact", "asymptotic", or names the random sample and its
    seed. `alternative` is None for tests that have no direction.
    """

    statistic: float
    p: float
    mid_p: float | None
    alternative: Alternative | None
    method: str


class Tested(Protocol):
    """Any result of a test of this package."""

    @property
    def p(self) -> float:
        """Its p-value."""


@dataclass(frozen=True, slots=True, eq=False)
class Significances:
    """The p-values of a test in each trial: every array has shape (trials,).

    Where `estimable` is False p is 1, and `reasons` says why. `mid_p` is p where a test has none.
    """

    p: _Floats
    mid_p: _Floats
    estimable: NDArray[np.bool_]
    reasons: tuple[str, ...]


def every_trial(
    test: Callable[..., Tested | NotEstimable], *samples: tuple[ArrayLike, ArrayLike]
) -> Significances:
    """`test` for each trial of samples given as (values (trials, n, …), observed (trials, n)).

    The test is called with the observed values of each sample in turn: two samples for a two-sample
    test, one whose values have shape (trials, n, k) for repeated measures. Null distributions are
    shared by trials with equal ties.
    """
    pairs = [(np.asarray(values), np.asarray(observed, dtype=bool)) for values, observed in samples]
    for values, observed in pairs:
        if observed.ndim != 2 or values.shape[:2] != observed.shape:
            raise ValueError(f"values {values.shape} and mask {observed.shape} must share (trials, n)")
    trials = zip(*(zip(values, observed, strict=True) for values, observed in pairs), strict=True)
    found = [test(*(values[observed] for values, observed in trial)) for trial in trials]
    p = [1.0 if isinstance(one, NotEstimable) else one.p for one in found]
    mid = [getattr(one, "mid_p", None) for one in found]
    return Significances(
        p=np.array(p, dtype=np.float64),
        mid_p=np.array([whole if half is None else half for whole, half in zip(p, mid, strict=True)]),
        estimable=np.array([not isinstance(one, NotEstimable) for one in found], dtype=bool),
        reasons=tuple(one.reason if isinstance(one, NotEstimable) else "" for one in found),
    )


def permutation(
    values: NDArray[Any],
    weights: NDArray[Any],
    observed: int,
    expected: Fraction,
    alternative: Alternative,
) -> tuple[float, float]:
    """p and mid-P of integer `observed` among `values` with `weights`, which need not add up to 1.

    Two-sided counts every value as far from `expected` as the one observed, which is the rule of
    StatXact; for a symmetric distribution it is twice the smaller tail.
    """
    check_choice("alternative", alternative, get_args(Alternative))
    if alternative == "two-sided":
        distance = np.abs(values * expected.denominator - expected.numerator)
        here = abs(observed * expected.denominator - expected.numerator)
        beyond, equal = distance > here, distance == here
    else:
        beyond = values > observed if alternative == "greater" else values < observed
        equal = values == observed
    total = float(weights.sum())
    farther, same = float(weights[beyond].sum()) / total, float(weights[equal].sum()) / total
    return positive(farther + same), positive(farther + same / 2)


def ordered(pmf: _Floats, extremity: _Floats) -> tuple[_Floats, _Floats]:
    """Two-sided p and mid-P of each outcome: P(an outcome at most as `extremity`, a low one is extreme)."""
    order = np.argsort(extremity, kind="stable")
    ranked, total = extremity[order], np.concatenate([[0.0], np.cumsum(pmf[order])])
    up_to = total[np.searchsorted(ranked, extremity * (1 + SLACK), side="right")]
    below = total[np.searchsorted(ranked, extremity * (1 - SLACK), side="left")]
    return np.minimum(1.0, up_to), np.minimum(1.0, (up_to + below) / 2)


def positive(p: float) -> float:
    """p as a number in (0, 1]: sums may pass 1 by rounding, and small tails may underflow."""
    return min(1.0, max(p, float(np.finfo(np.float64).tiny)))


def monte_carlo_p(as_extreme: int, samples: int) -> float:
    """(1 + those as extreme) / (1 + samples), never 0: Phipson and Smyth, SAGMB 2010;9:39."""
    return (1 + as_extreme) / (1 + samples)
