"""The paired t test, and the geometric mean ratio, which is the same on logarithms.

Student, Biometrika 1908;6:1. Not exact unless differences are normal; beside an exact test it says
how much the sizes of differences add to their signs and ranks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from trialrun.analysis.estimate import Interval, NotEstimable, error_rate
from trialrun.analysis.exact.sample import sample
from trialrun.analysis.exact.significance import Alternative, positive
from trialrun.analysis.proportion import Side


@dataclass(frozen=True, slots=True)
class PairedT:
    """Mean difference with its interval, and the test that it is 0 ("greater": it is above 0)."""

    n: int
    mean: float
    sd: float
    t: float
    df: int
    p: float
    interval: Interval
    alternative: Alternative


@dataclass(frozen=True, slots=True)
class GeometricMeanRatio:
    """The ratio of geometric means, after over before, with its interval and the test that it is 1."""

    n: int
    ratio: float
    interval: Interval
    p: float
    alternative: Alternative


def paired_t(
    differences: ArrayLike,
    *,
    level: float = 0.95,
    alternative: Alternative = "two-sided",
    side: Side = "two-sided",
) -> PairedT | NotEstimable:
    """Student's t for differences of shape (n,). Needs two that are not equal: no spread, no error."""
    from scipy.special import stdtr, stdtrit

    d = sample(differences, least=2)
    if isinstance(d, NotEstimable):
        return d
    n, mean, sd = len(d), float(d.mean()), float(d.std(ddof=1))
    # The sd of equal values is rounding error: 0.1 thrice has a mean of 0.10000000000000002.
    if sd <= 1e-12 * float(np.abs(d).max()):
        return NotEstimable("all differences are equal")
    error, df = sd / np.sqrt(n), n - 1
    t, alpha = float(mean / error), error_rate(level)
    tails = {"greater": stdtr(df, -t), "less": stdtr(df, t), "two-sided": 2 * stdtr(df, -abs(t))}
    reach = float(-stdtrit(df, alpha / 2 if side == "two-sided" else alpha) * error)
    lower = -np.inf if side == "upper" else mean - reach
    upper = np.inf if side == "lower" else mean + reach
    found = Interval(
        float(lower), float(upper), level, "t" if side == "two-sided" else f"t, one-sided {side}"
    )
    return PairedT(n, mean, sd, t, df, positive(float(tails[alternative])), found, alternative)


def geometric_mean_ratio(
    before: ArrayLike,
    after: ArrayLike,
    *,
    level: float = 0.95,
    alternative: Alternative = "two-sided",
    side: Side = "two-sided",
) -> GeometricMeanRatio | NotEstimable:
    """Paired t of log(after) - log(before), back-transformed. Every value must be above 0."""
    pairs = sample(np.stack([np.asarray(before, float), np.asarray(after, float)], -1), 2, dimensions=2)
    if isinstance(pairs, NotEstimable):
        return pairs
    if (pairs <= 0).any():
        return NotEstimable("a value at or below zero has no logarithm")
    logs = np.log(pairs)
    found = paired_t(logs[:, 1] - logs[:, 0], level=level, alternative=alternative, side=side)
    if isinstance(found, NotEstimable):
        return NotEstimable("all ratios are equal")
    lower, upper = float(np.exp(found.interval.lower)), float(np.exp(found.interval.upper))
    band = Interval(lower, upper, level, f"{found.interval.method} on logarithms")
    return GeometricMeanRatio(found.n, float(np.exp(found.mean)), band, found.p, alternative)
