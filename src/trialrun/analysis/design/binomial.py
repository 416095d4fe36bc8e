"""Binomial probabilities on a grid of numbers of events, in the forms that designs need."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Floats = NDArray[np.float64]


def pmf(n: int, p: ArrayLike) -> _Floats:
    """P(X = x), x = 0 … n: the shape of `p`, then n + 1."""
    from scipy.special import gammaln, xlog1py, xlogy

    rate = rates(p)[..., np.newaxis]
    x = np.arange(n + 1)
    ways = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
    return np.asarray(np.exp(ways + xlogy(x, rate) + xlog1py(n - x, -rate)))


def at_least(x: ArrayLike, n: ArrayLike, p: ArrayLike) -> _Floats:
    """P(X >= x); arguments broadcast. Accurate in both tails, for it is a beta integral."""
    from scipy.special import betainc

    events, size, rate = np.broadcast_arrays(np.asarray(x), np.asarray(n), rates(p))
    inside = (events > 0) & (events <= size)
    found = betainc(np.where(inside, events, 1), np.where(inside, size - events + 1, 1), rate)
    return np.where(events <= 0, 1.0, np.where(events > size, 0.0, found))


def at_most(x: ArrayLike, n: ArrayLike, p: ArrayLike) -> _Floats:
    """P(X <= x); arguments broadcast."""
    size = np.asarray(n)
    return at_least(size - np.asarray(x), size, 1 - rates(p))


def rates(p: ArrayLike) -> _Floats:
    """Probabilities as an array. Raises ValueError where one is none."""
    found = np.asarray(p, dtype=np.float64)
    if not np.all((found >= 0) & (found <= 1)):
        raise ValueError(f"probabilities must lie between 0 and 1; got {p!r}")
    return found
