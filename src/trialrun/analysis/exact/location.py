"""Where values lie: quantiles by definition, and intervals for them by order statistics.

Between two order statistics lies a quantile of any continuous distribution with a binomial
probability (Thompson, Ann Math Stat 1936;7:122); of a discrete one with at least that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from trialrun.analysis import rounding
from trialrun.analysis.estimate import Interval, NotEstimable, check_choice, error_rate
from trialrun.analysis.exact.sample import sample
from trialrun.analysis.proportion import Side

Definition = Literal["2", "6", "7"]


@dataclass(frozen=True, slots=True)
class Quantile:
    """An estimate by SAS's default definition, and its interval by order statistics."""

    estimate: float
    interval: Interval | NotEstimable


@dataclass(frozen=True, slots=True)
class Geometric:
    """Geometric mean, and the coefficient of variation of a log-normal with the same variance of logs."""

    mean: float
    cv: float


def quantile(values: Iterable[float], q: float, definition: Definition = "2") -> float | NotEstimable:
    """Sample quantile by its type in Hyndman and Fan, Am Stat 1996;50:361.

    "2" is SAS's default (PCTLDEF=5), "6" SAS's PCTLDEF=4 and SPSS's, "7" that of R, NumPy and
    Excel. Places are rational numbers, so no rounding moves them.
    """
    check_choice("definition", definition, ("2", "6", "7"))
    if definition == "2":
        return rounding.quantile(values, q)
    ordered = sorted(float(each) for each in values)
    if not 0 <= q <= 1 or not np.all(np.isfinite(ordered)):
        raise ValueError(f"quantile {q} of {len(ordered)} values: q must lie in 0 … 1 and values be finite")
    if not ordered:
        return NotEstimable("no observations")
    n, share = len(ordered), rounding.share(q)
    place = (n + 1) * share if definition == "6" else (n - 1) * share + 1
    place = min(max(place, Fraction(1)), Fraction(n))
    below, rest = divmod(place, 1)
    low, high = ordered[int(below) - 1], ordered[min(int(below), n - 1)]
    return low if rest == 0 else low + float(rest) * (high - low)


def quantile_interval(
    values: ArrayLike, q: float = 0.5, *, level: float = 0.95, side: Side = "two-sided"
) -> Quantile | NotEstimable:
    """The quantile `q` of `values` (n,) with its exact interval; the median by default.

    Each end is the innermost order statistic that is missed with at most its share of the error.
    Where even the extremes are missed more often the interval is not estimable: a median at level
    0.95 needs 6 values. A one-sided interval has an infinite other end.
    """
    if not 0 < q < 1:
        raise ValueError(f"quantile {q} does not lie between 0 and 1")
    data = sample(values)
    if isinstance(data, NotEstimable):
        return data
    estimate = rounding.quantile(data.tolist(), q)
    if isinstance(estimate, NotEstimable):
        return estimate
    return Quantile(estimate, _interval(np.sort(data), q, level, side))


def _interval(
    ordered: np.ndarray[tuple[int], np.dtype[np.float64]], q: float, level: float, side: Side
) -> Interval | NotEstimable:
    from scipy.special import bdtr, bdtrc

    n, alpha = len(ordered), error_rate(level)
    miss = (alpha / 2 if side == "two-sided" else alpha) * (1 + 1e-12)
    k = np.arange(n)
    # With B values below the quantile: x[(l)] lies above it if B < l, x[(u)] below it if B >= u.
    lowest = int(np.count_nonzero(bdtr(k, n, q) <= miss))
    highest = n - int(np.count_nonzero(bdtrc(k, n, q) <= miss)) + 1
    if (side != "upper" and lowest == 0) or (side != "lower" and highest > n):
        return NotEstimable(f"too few values for a {100 * level:.6g} % interval")
    lower = -np.inf if side == "upper" else ordered[lowest - 1]
    upper = np.inf if side == "lower" else ordered[highest - 1]
    name = "order statistics" if side == "two-sided" else f"order statistics, one-sided {side}"
    return Interval(float(lower), float(upper), level, name)


def geometric(values: ArrayLike) -> Geometric | NotEstimable:
    """Geometric mean and geometric coefficient of variation of `values` (n,), n >= 2, all above 0."""
    data = sample(values, least=2)
    if isinstance(data, NotEstimable):
        return data
    if (data <= 0).any():
        return NotEstimable("a value at or below zero has no logarithm")
    logs = np.log(data)
    return Geometric(float(np.exp(logs.mean())), float(np.sqrt(np.expm1(logs.var(ddof=1)))))
