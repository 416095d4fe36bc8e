"""A proportion: x of n participants, with its confidence interval.

Clopper and Pearson, Biometrika 1934;26:404, inverts the exact binomial test and covers at least
at its level for every n: the choice for ten participants. Wilson, JASA 1927;22:209, inverts the
score test and covers about at its level (Newcombe, Stat Med 1998;17:857).

A further method is one function of (x, n, miss below, miss above) and one entry in `METHODS`.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import Any, Literal, get_args, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import Interval, Intervals, NotEstimable, check_choice, error_rate

Method = Literal["clopper-pearson", "wilson"]
Side = Literal["two-sided", "lower", "upper"]
_Floats = NDArray[np.float64]
_Bounds = Callable[[_Floats, _Floats, float, float], tuple[_Floats, _Floats]]


def _clopper_pearson(x: _Floats, n: _Floats, below: float, above: float) -> tuple[_Floats, _Floats]:
    """Beta quantiles, from P(X >= x | lower) = below and P(X <= x | upper) = above."""
    from scipy.special import betaincinv

    lower = betaincinv(np.maximum(x, 1), n - x + 1, below)
    upper = betaincinv(x + 1, np.maximum(n - x, 1), 1 - above)
    return np.asarray(lower), np.asarray(upper)


def _wilson(x: _Floats, n: _Floats, below: float, above: float) -> tuple[_Floats, _Floats]:
    """Roots of (x/n - p)^2 = z^2 p (1 - p) / n; a miss of 0 on one side is left to the caller."""

    def root(sign: int, miss: float) -> _Floats:
        z = NormalDist().inv_cdf(1 - miss) if miss > 0 else 0.0
        spread = z * np.sqrt(x * (n - x) / n + z * z / 4)
        return np.asarray((x + z * z / 2 + sign * spread) / (n + z * z))

    return root(-1, below), root(+1, above)


METHODS: dict[Method, tuple[str, _Bounds]] = {
    "clopper-pearson": ("Clopper-Pearson", _clopper_pearson),
    "wilson": ("Wilson", _wilson),
}


@overload
def interval(
    x: int, n: int, *, level: float = ..., method: Method = ..., side: Side = ...
) -> Interval | NotEstimable: ...
@overload
def interval(
    x: NDArray[np.integer[Any]],
    n: NDArray[np.integer[Any]] | int,
    *,
    level: float = ...,
    method: Method = ...,
    side: Side = ...,
) -> Intervals: ...
def interval(
    x: ArrayLike,
    n: ArrayLike,
    *,
    level: float = 0.95,
    method: Method = "clopper-pearson",
    side: Side = "two-sided",
) -> Interval | NotEstimable | Intervals:
    """Confidence interval for the probability behind `x` events in `n` participants.

    Whole numbers give one `Interval`; arrays are broadcast together and give `Intervals` of
    that shape. `side` "upper" or "lower" puts the whole error on that bound and leaves the
    other at the end of the scale. n = 0 is not estimable. Raises ValueError where x or n
    is not a count or x exceeds n, or a word is unknown.
    """
    check_choice("method", method, tuple(METHODS))
    check_choice("side", side, get_args(Side))
    events, trials = np.broadcast_arrays(_counts(x, "x"), _counts(n, "n"))
    if np.any(events > trials):
        raise ValueError(f"x exceeds n for {events[events > trials][0]:g} of {trials[events > trials][0]:g}")
    alpha = error_rate(level)
    below, above = {"two-sided": (alpha / 2, alpha / 2), "lower": (alpha, 0.0), "upper": (0.0, alpha)}[side]
    name, bounds = METHODS[method]
    lower, upper = bounds(events, np.maximum(trials, 1), below, above)
    result = Intervals(
        # The ends of the scale are set, not computed: the formulas are undefined or inexact there.
        lower=np.where((events == 0) | (below == 0), 0.0, lower),
        upper=np.where((events == trials) | (above == 0), 1.0, upper),
        estimable=trials > 0,
        level=level,
        method=name if side == "two-sided" else f"{name}, one-sided {side}",
        reason="no participants",
    )
    return result.at() if result.lower.ndim == 0 else result


def _counts(values: ArrayLike, name: str) -> _Floats:
    counts = np.asarray(values, dtype=np.float64)
    if not np.all((counts >= 0) & (counts == np.floor(counts)) & np.isfinite(counts)):
        raise ValueError(f"{name} must be whole numbers of participants, at least 0; got {values!r}")
    return counts
