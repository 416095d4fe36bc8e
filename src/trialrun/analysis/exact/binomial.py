"""Intervals for a proportion that invert binomial tests without a closed form.

mid-P: Lancaster, JASA 1961;56:223. Sterne, Biometrika 1954;41:275, inverts the test that orders
outcomes by their probability. Blaker, Can J Stat 2000;28:783, inverts the one that orders them by
their smaller tail; it always lies within Clopper and Pearson's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.exact.root import crossing

_Floats = NDArray[np.float64]
Order = Literal["sterne", "blaker"]
# The point of a jump belongs to the interval, and coverage there hangs on it: it must not be rounded out.
_OUTWARDS = 1e-12


def mid_p(x: _Floats, n: _Floats, below: float, above: float) -> tuple[_Floats, _Floats]:
    """Roots of P(X > x) + P(X = x) / 2 = below, and of P(X < x) + P(X = x) / 2 = above."""
    from scipy.special import betainc

    def upper_tail(k: _Floats, p: _Floats) -> _Floats:  # P(X >= k), for k = 0 … n + 1
        inside = np.asarray(betainc(np.maximum(k, 1), np.maximum(n - k + 1, 1), p))
        return np.where(k <= 0, 1.0, np.where(k > n, 0.0, inside))

    def middle(p: _Floats) -> _Floats:
        return (upper_tail(x, p) + upper_tail(x + 1, p)) / 2

    zero, one = np.zeros(x.shape), np.ones(x.shape)
    lower = crossing(lambda p: middle(p) - below, zero, one)
    return lower, crossing(lambda p: middle(p) - (1 - above), zero, one)


def sterne(x: _Floats, n: _Floats, below: float, above: float) -> tuple[_Floats, _Floats]:
    """The least closed interval that holds every p not rejected by the minimum-likelihood test."""
    return _inverted(x, n, below + above, "sterne")


def blaker(x: _Floats, n: _Floats, below: float, above: float) -> tuple[_Floats, _Floats]:
    """The least closed interval that holds every p of acceptability above the error rate."""
    return _inverted(x, n, below + above, "blaker")


def _inverted(x: _Floats, n: _Floats, alpha: float, order: Order) -> tuple[_Floats, _Floats]:
    pairs = list(zip(x.ravel().astype(int).tolist(), n.ravel().astype(int).tolist(), strict=True))
    lower = [_lower_end(k, size, alpha, order) for k, size in pairs]
    upper = [1 - _lower_end(size - k, size, alpha, order) for k, size in pairs]
    return np.reshape(lower, x.shape).astype(np.float64), np.reshape(upper, x.shape).astype(np.float64)


@lru_cache(maxsize=4096)
def _lower_end(x: int, n: int, alpha: float, order: Order) -> float:
    """The least p whose two-sided p-value for `x` of `n` exceeds `alpha`.

    As p rises to x / n, the outcomes at most as likely as x are those from x upwards and those
    from 0 to j, where j grows by one at each of x break points. Between two of them the p-value
    is 1 - P(j < X < x), which falls and then rises: it crosses alpha upwards once at most, or
    jumps above it at a break point. No grid is needed and no crossing can be missed.
    """
    if x == 0:
        return 0.0
    j = np.arange(-1, x)
    breaks = _sterne_breaks(x, n) if order == "sterne" else _blaker_breaks(x, n)
    left, right = np.concatenate([[0.0], breaks]), np.concatenate([breaks, [1.0]])
    inside = _p_value(j, x, n, right) > alpha
    at_start = _p_value(j, x, n, left) > alpha
    first = int(np.argmax(inside | at_start))
    if at_start[first]:
        return max(0.0, float(left[first]) - _OUTWARDS)
    return float(crossing(lambda p: _p_value(j[first], x, n, p) - alpha, left[first], right[first]))


def _p_value(j: NDArray[Any], x: int, n: int, p: _Floats) -> _Floats:
    """P(X >= x) + P(X <= j), where j = -1 … x - 1."""
    from scipy.special import betainc

    low = np.where(j < 0, 0.0, 1 - betainc(np.maximum(j, 0) + 1, n - np.maximum(j, 0), p))
    return np.asarray(betainc(x, n - x + 1, p) + low)


def _sterne_breaks(x: int, n: int) -> _Floats:
    """Where P(X = j) = P(X = x), for j = 0 … x - 1: closed form in log odds."""
    from scipy.special import expit, gammaln

    j = np.arange(x)
    choose_ratio = gammaln(x + 1) + gammaln(n - x + 1) - gammaln(j + 1) - gammaln(n - j + 1)
    return np.asarray(expit(choose_ratio / (x - j)), dtype=np.float64)


def _blaker_breaks(x: int, n: int) -> _Floats:
    """Where P(X <= j) = P(X >= x), for j = 0 … x - 1."""
    from scipy.special import betainc

    j = np.arange(x)

    def rising(p: _Floats) -> _Floats:
        return np.asarray(betainc(x, n - x + 1, p) + betainc(j + 1, n - j, p) - 1)

    return crossing(rising, np.zeros(x), np.ones(x))
