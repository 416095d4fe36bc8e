"""A proportion: x of n participants, with its confidence interval and its exact test.

Clopper and Pearson, Biometrika 1934;26:404, inverts the exact binomial test and covers at least
at its level for every n: the choice for ten participants. So do Blaker's and Sterne's, which are
shorter and only two-sided. The others cover about at their level: Wilson, JASA 1927;22:209, and its
continuity correction, mid-P, likelihood ratio (Newcombe, Stat Med 1998;17:857); Jeffreys,
Agresti-Coull (Brown, Cai and DasGupta, Stat Sci 2001;16:101); Wald and logit.

A further method is one function of (x, n, miss below, miss above) and one entry in `METHODS`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist
from typing import Any, Literal, get_args, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import Interval, Intervals, NotEstimable, check_choice, error_rate
from trialrun.analysis.exact.binomial import blaker, mid_p, sterne
from trialrun.analysis.exact.root import crossing
from trialrun.analysis.exact.significance import Alternative, Significance, ordered, positive

Method = Literal[
    "clopper-pearson",
    "wilson",
    "wilson-cc",
    "mid-p",
    "blaker",
    "sterne",
    "likelihood-ratio",
    "jeffreys",
    "agresti-coull",
    "wald",
    "logit",
]
Side = Literal["two-sided", "lower", "upper"]
Rule = Literal["minimum-likelihood", "central", "blaker"]
_Floats = NDArray[np.float64]
_Bounds = Callable[[_Floats, _Floats, float, float], tuple[_Floats, _Floats]]


def _clopper_pearson(x: _Floats, n: _Floats, below: float, above: float) -> tuple[_Floats, _Floats]:
    """Beta quantiles, from P(X >= x | lower) = below and P(X <= x | upper) = above."""
    from scipy.special import betaincinv

    lower = betaincinv(np.maximum(x, 1), n - x + 1, below)
    upper = betaincinv(x + 1, np.maximum(n - x, 1), 1 - above)
    return np.asarray(lower), np.asarray(upper)


def _z(miss: float) -> float:
    """The normal quantile; a miss of 0 on one side is left to the caller."""
    return NormalDist().inv_cdf(1 - miss) if miss > 0 else 0.0


def _wilson(
    x: _Floats, n: _Floats, below: float, above: float, correction: float = 0.0
) -> tuple[_Floats, _Floats]:
    """Roots of (|x - n p| - correction)^2 = z^2 n p (1 - p)."""

    def root(sign: int, miss: float) -> _Floats:
        z, shifted = _z(miss), np.clip(x + sign * correction, 0, n)
        spread = z * np.sqrt(shifted * (n - shifted) / n + z * z / 4)
        return np.asarray((shifted + z * z / 2 + sign * spread) / (n + z * z))

    return root(-1, below), root(+1, above)


def _wilson_cc(x: _Floats, n: _Floats, below: float, above: float) -> tuple[_Floats, _Floats]:
    """Newcombe's method 4 and SAS's: half a participant, whatever x is."""
    return _wilson(x, n, below, above, correction=0.5)


def _likelihood_ratio(x: _Floats, n: _Floats, below: float, above: float) -> tuple[_Floats, _Floats]:
    """Where twice the log likelihood lies z^2 under its maximum."""
    from scipy.special import xlog1py, xlogy

    at = x / n

    def loss(p: _Floats) -> _Floats:
        best = xlogy(x, at) + xlog1py(n - x, -at)
        return np.asarray(2 * (best - xlogy(x, p) - xlog1py(n - x, -p)))

    lower = crossing(lambda p: _z(below) ** 2 - loss(p), np.zeros(x.shape), at)
    return lower, crossing(lambda p: loss(p) - _z(above) ** 2, at, np.ones(x.shape))


def _jeffreys(x: _Floats, n: _Floats, below: float, above: float) -> tuple[_Floats, _Floats]:
    """Quantiles of Beta(x + 1/2, n - x + 1/2), equal tails; at x = 0 and x = n the end is the scale's."""
    from scipy.special import betaincinv

    lower = betaincinv(x + 0.5, n - x + 0.5, below)
    return np.asarray(lower), np.asarray(betaincinv(x + 0.5, n - x + 0.5, 1 - above))


def _agresti_coull(x: _Floats, n: _Floats, below: float, above: float) -> tuple[_Floats, _Floats]:
    """Wald's interval about Wilson's centre, cut to 0 … 1."""

    def end(sign: int, miss: float) -> _Floats:
        z2 = _z(miss) ** 2
        centre = (x + z2 / 2) / (n + z2)
        return np.asarray(np.clip(centre + sign * np.sqrt(z2 * centre * (1 - centre) / (n + z2)), 0, 1))

    return end(-1, below), end(+1, above)


def _wald(x: _Floats, n: _Floats, below: float, above: float) -> tuple[_Floats, _Floats]:
    """x / n give or take z standard errors, cut to 0 … 1."""
    error = np.sqrt(x * (n - x) / n) / n
    return np.clip(x / n - _z(below) * error, 0, 1), np.clip(x / n + _z(above) * error, 0, 1)


def _logit(x: _Floats, n: _Floats, below: float, above: float) -> tuple[_Floats, _Floats]:
    """Wald's interval on the log odds; with no or all events, which have none, Clopper-Pearson."""
    from scipy.special import expit

    inner = np.clip(x, 0.5, n - 0.5)
    centre, error = np.log(inner / (n - inner)), np.sqrt(n / (inner * (n - inner)))
    exact = _clopper_pearson(x, n, below, above)
    inside = (x > 0) & (x < n)
    lower = np.where(inside, expit(centre - _z(below) * error), exact[0])
    return lower, np.where(inside, expit(centre + _z(above) * error), exact[1])


METHODS: dict[Method, tuple[str, _Bounds]] = {
    "clopper-pearson": ("Clopper-Pearson", _clopper_pearson),
    "wilson": ("Wilson", _wilson),
    "wilson-cc": ("Wilson with continuity correction", _wilson_cc),
    "mid-p": ("mid-P", mid_p),
    "blaker": ("Blaker", blaker),
    "sterne": ("Sterne", sterne),
    "likelihood-ratio": ("Likelihood ratio", _likelihood_ratio),
    "jeffreys": ("Jeffreys", _jeffreys),
    "agresti-coull": ("Agresti-Coull", _agresti_coull),
    "wald": ("Wald", _wald),
    "logit": ("Logit", _logit),
}
# Tests that add outcomes of both tails have no one-sided counterpart.
TWO_SIDED: frozenset[Method] = frozenset({"blaker", "sterne"})


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
    other at the end of the scale. n = 0 is not estimable; nor is Wald's interval with no or all
    events, whose width would be 0. Raises ValueError where x or n is not a count or x exceeds n, a
    word is unknown, or a two-sided method is asked for one side.
    """
    check_choice("method", method, tuple(METHODS))
    check_choice("side", side, get_args(Side))
    if side != "two-sided" and method in TWO_SIDED:
        raise ValueError(f"{method} has no one-sided bound: it adds both tails; write clopper-pearson")
    events, trials = np.broadcast_arrays(_counts(x, "x"), _counts(n, "n"))
    if np.any(events > trials):
        raise ValueError(f"x exceeds n for {events[events > trials][0]:g} of {trials[events > trials][0]:g}")
    alpha = error_rate(level)
    below, above = {"two-sided": (alpha / 2, alpha / 2), "lower": (alpha, 0.0), "upper": (0.0, alpha)}[side]
    name, bounds = METHODS[method]
    lower, upper = bounds(events, np.maximum(trials, 1), below, above)
    flat = (method == "wald") & (trials > 0) & ((events == 0) | (events == trials))
    result = Intervals(
        # The ends of the scale are set, not computed: the formulas are undefined or inexact there.
        lower=np.where((events == 0) | (below == 0) | flat, 0.0, lower),
        upper=np.where((events == trials) | (above == 0) | flat, 1.0, upper),
        estimable=(trials > 0) & ~flat,
        level=level,
        method=name if side == "two-sided" else f"{name}, one-sided {side}",
        reason="Wald's interval has no width with no or all events" if flat.any() else "no participants",
    )
    return result.at() if result.lower.ndim == 0 else result


def exact_test(
    x: int,
    n: int,
    p0: float,
    *,
    alternative: Alternative = "two-sided",
    rule: Rule = "minimum-likelihood",
) -> Significance | NotEstimable:
    """Exact test that the probability is `p0`, with its mid-P.

    Two-sided, `rule` says what is as extreme as x: outcomes no more likely (R's binom.test; its
    inverse is Sterne's interval), twice the smaller tail ("central": Clopper and Pearson's), or
    outcomes whose smaller tail is no larger (Blaker's). Raises ValueError unless 0 < p0 < 1.
    """
    found = exact_tests(np.array(x), np.array(n), p0, alternative=alternative, rule=rule)
    if n == 0:
        return NotEstimable("no participants")
    return Significance(x / n, float(found[0]), float(found[1]), alternative, "exact")


def exact_tests(
    x: ArrayLike,
    n: ArrayLike,
    p0: float,
    *,
    alternative: Alternative = "two-sided",
    rule: Rule = "minimum-likelihood",
) -> tuple[_Floats, _Floats]:
    """p and mid-P of `exact_test` for arrays of `x` and `n`, broadcast together; both are 1 at n = 0."""
    check_choice("alternative", alternative, get_args(Alternative))
    check_choice("rule", rule, get_args(Rule))
    if not 0 < p0 < 1:
        raise ValueError(f"the tested probability {p0} does not lie between 0 and 1")
    events, trials = np.broadcast_arrays(_counts(x, "x"), _counts(n, "n"))
    if np.any(events > trials):
        raise ValueError(f"x exceeds n for {events[events > trials][0]:g} of {trials[events > trials][0]:g}")
    p, mid = np.ones(events.shape), np.ones(events.shape)
    for size in np.unique(trials[trials > 0]).astype(int).tolist():
        here = trials == size
        table = _p_values(size, p0, alternative, rule)
        p[here], mid[here] = (column[events[here].astype(int)] for column in table)
    return p, mid


@lru_cache(maxsize=256)
def _p_values(n: int, p0: float, alternative: Alternative, rule: Rule) -> tuple[_Floats, _Floats]:
    """p and mid-P for every x = 0 … n. Shared by every caller, never written to."""
    from scipy.special import betainc, gammaln

    x = np.arange(n + 1)
    logs = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1) + x * np.log(p0) + (n - x) * np.log1p(-p0)
    pmf = np.asarray(np.exp(logs))
    at_least = np.concatenate([[1.0], betainc(x[1:], n - x[1:] + 1, p0)])
    at_most = np.concatenate([betainc(n - x[:-1], x[:-1] + 1, 1 - p0), [1.0]])
    tail = np.minimum(at_least, at_most)
    if alternative != "two-sided":
        p = at_least if alternative == "greater" else at_most
        mid = p - pmf / 2
    elif rule == "central":
        p = np.minimum(1.0, 2 * tail)
        mid = np.minimum(1.0, 2 * (tail - pmf / 2))
    else:
        p, mid = ordered(pmf, pmf if rule == "minimum-likelihood" else tail)
    return np.vectorize(positive)(p), np.vectorize(positive)(mid)


def _counts(values: ArrayLike, name: str) -> _Floats:
    counts = np.asarray(values, dtype=np.float64)
    if not np.all((counts >= 0) & (counts == np.floor(counts)) & np.isfinite(counts)):
        raise ValueError(f"{name} must be whole numbers of participants, at least 0; got {values!r}")
    return counts
