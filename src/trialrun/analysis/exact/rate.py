"""A rate: x events in a total exposure, with its interval, its test, and the ratio of two rates.

Exact intervals: Garwood, Biometrika 1936;28:437. Given the sum of two counts, the first is
binomial (Przyborowski and Wilenski, Biometrika 1940;31:313), which carries every interval and
test of a proportion over to the ratio of two rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis import proportion
from trialrun.analysis.estimate import Interval, Intervals, NotEstimable, check_choice, error_rate
from trialrun.analysis.exact.root import crossing
from trialrun.analysis.exact.significance import Alternative, Significance, ordered, positive
from trialrun.analysis.proportion import Side

Method = Literal["garwood", "mid-p"]
Rule = Literal["minimum-likelihood", "central"]
_Floats = NDArray[np.float64]
_TITLES: dict[Method, str] = {"garwood": "Garwood", "mid-p": "mid-P"}


@dataclass(frozen=True, slots=True)
class Rate:
    """`events` per unit of `exposure`, in the unit that exposure was given in (person-years, say)."""

    events: int
    exposure: float
    rate: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class RateRatio:
    """The first rate over the second, infinite where the second had no events."""

    ratio: float
    interval: Interval
    significance: Significance


def rate(
    x: int,
    exposure: float,
    *,
    level: float = 0.95,
    method: Method = "garwood",
    side: Side = "two-sided",
) -> Rate | NotEstimable:
    """Exposure-adjusted rate of `x` events in `exposure`; without exposure it is not estimable."""
    found = intervals(x, exposure, level=level, method=method, side=side).at()
    if isinstance(found, NotEstimable):
        return found
    return Rate(int(x), float(exposure), x / exposure, found)


def intervals(
    x: ArrayLike,
    exposure: ArrayLike,
    *,
    level: float = 0.95,
    method: Method = "garwood",
    side: Side = "two-sided",
) -> Intervals:
    """Interval of the rate for arrays of `x` and `exposure`, broadcast together.

    With no events the lower bound is 0 and the upper one exact. Raises ValueError where x is not a
    count, or exposure is negative or not finite.
    """
    check_choice("method", method, get_args(Method))
    check_choice("side", side, get_args(Side))
    events, time = np.broadcast_arrays(_counts(x), _exposures(exposure))
    alpha = error_rate(level)
    below, above = {"two-sided": (alpha / 2, alpha / 2), "lower": (alpha, 0.0), "upper": (0.0, alpha)}[side]
    lower, upper = (_garwood if method == "garwood" else _mid_p)(events, below, above)
    estimable, safe = time > 0, np.where(time > 0, time, 1.0)
    return Intervals(
        lower=np.where(estimable & (below > 0), lower / safe, 0.0),
        upper=np.where(estimable & (above > 0), upper / safe, np.inf),
        estimable=estimable,
        level=level,
        method=_TITLES[method] if side == "two-sided" else f"{_TITLES[method]}, one-sided {side}",
        reason="no exposure",
    )


def _garwood(x: _Floats, below: float, above: float) -> tuple[_Floats, _Floats]:
    """Gamma quantiles, from P(X >= x | lower) = below and P(X <= x | upper) = above."""
    from scipy.special import gammaincinv

    lower = np.where(x > 0, gammaincinv(np.maximum(x, 1), below), 0.0)
    return lower, np.asarray(gammaincinv(x + 1, 1 - above)) if above > 0 else np.full(x.shape, np.inf)


def _mid_p(x: _Floats, below: float, above: float) -> tuple[_Floats, _Floats]:
    """Roots of P(X > x) + P(X = x) / 2 = below and P(X < x) + P(X = x) / 2 = above, inside Garwood's."""
    from scipy.special import gammainc

    def middle(mean: _Floats) -> _Floats:  # P(X > x) + P(X = x) / 2
        at_least = np.where(x > 0, gammainc(np.maximum(x, 1), mean), 1.0)
        return np.asarray((at_least + gammainc(x + 1, mean)) / 2)

    outer = _garwood(x, below, above)
    lower = np.where(x > 0, crossing(lambda m: middle(m) - below, outer[0], x), 0.0)
    if above == 0:
        return lower, outer[1]
    return lower, crossing(lambda m: middle(m) - (1 - above), np.zeros(x.shape), outer[1])


def exact_test(
    x: int,
    exposure: float,
    rate0: float,
    *,
    alternative: Alternative = "two-sided",
    rule: Rule = "minimum-likelihood",
) -> Significance | NotEstimable:
    """Exact Poisson test that the rate is `rate0`, above 0; two-sided as R's poisson.test, or central."""
    check_choice("alternative", alternative, get_args(Alternative))
    check_choice("rule", rule, get_args(Rule))
    if not 0 < rate0 < np.inf:
        raise ValueError(f"the tested rate {rate0} is not positive and finite")
    events, time = int(_counts(x)), float(_exposures(exposure))
    if time == 0:
        return NotEstimable("no exposure")
    p, mid = _p_values(events, rate0 * time, alternative, rule)
    return Significance(events / time, positive(p), positive(mid), alternative, "exact")


def _p_values(x: int, mean: float, alternative: Alternative, rule: Rule) -> tuple[float, float]:
    from scipy.special import gammainc, gammaincc, gammaln

    k = np.arange(int(max(x, mean) + 40 * np.sqrt(mean) + 60))  # what lies beyond is under 1e-60
    pmf = np.exp(k * np.log(mean) - mean - gammaln(k + 1))
    at_least, at_most = float(gammainc(x, mean)) if x else 1.0, float(gammaincc(x + 1, mean))
    here = float(pmf[x])
    if alternative != "two-sided":
        tail = at_least if alternative == "greater" else at_most
        return tail, tail - here / 2
    if rule == "central":
        tail = min(at_least, at_most)
        return min(1.0, 2 * tail), min(1.0, 2 * tail - here)
    p, mid = ordered(pmf, pmf)
    return float(p[x]), float(mid[x])


def ratio(
    x1: int,
    exposure1: float,
    x2: int,
    exposure2: float,
    *,
    level: float = 0.95,
    ratio0: float = 1.0,
    method: proportion.Method = "clopper-pearson",
    alternative: Alternative = "two-sided",
    rule: Rule = "minimum-likelihood",
) -> RateRatio | NotEstimable:
    """The ratio of two rates, its interval by `method`, and the exact test that it is `ratio0`.

    Given x1 + x2, x1 is binomial with odds ratio·exposure1 / exposure2. No events at all, or no
    exposure in one group, is not estimable.
    """
    if not 0 < ratio0 < np.inf:
        raise ValueError(f"the tested ratio {ratio0} is not positive and finite")
    first, second = int(_counts(x1)), int(_counts(x2))
    time1, time2 = float(_exposures(exposure1)), float(_exposures(exposure2))
    if time1 == 0 or time2 == 0:
        return NotEstimable("no exposure in one group")
    n = first + second
    share = proportion.interval(first, n, level=level, method=method)
    p0 = ratio0 * time1 / (ratio0 * time1 + time2)
    test = proportion.exact_test(first, n, p0, alternative=alternative, rule=rule)
    if n == 0 or isinstance(share, NotEstimable) or isinstance(test, NotEstimable):
        return NotEstimable("no events in either group")
    lower, upper = (
        np.inf if bound == 1 else bound / (1 - bound) * time2 / time1 for bound in (share.lower, share.upper)
    )
    point = np.inf if second == 0 else (first / time1) / (second / time2)
    found = Interval(float(lower), float(upper), level, f"{share.method}, conditional on the total")
    return RateRatio(float(point), found, test)


def _counts(x: ArrayLike) -> _Floats:
    counts = np.asarray(x, dtype=np.float64)
    if not np.all((counts >= 0) & (counts == np.floor(counts)) & np.isfinite(counts)):
        raise ValueError(f"events must be whole numbers, at least 0; got {x!r}")
    return counts


def _exposures(exposure: ArrayLike) -> _Floats:
    time = np.asarray(exposure, dtype=np.float64)
    if not np.all((time >= 0) & np.isfinite(time)):
        raise ValueError(f"exposure must be finite and at least 0; got {exposure!r}")
    return time
