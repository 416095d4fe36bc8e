"""A rate with a Beta prior: what the data so far say of it, and of the participants to come.

A prior is a pair (a, b): as if a events and b non-events had been seen before.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Floats = NDArray[np.float64]
_NODES = 256  # of the quadrature over the standard's rate; doubling them changes no result by 1e-7


def posterior_above(
    x: ArrayLike, n: ArrayLike, threshold: ArrayLike, prior: tuple[float, float] = (1.0, 1.0)
) -> _Floats:
    """P(rate > threshold) after `x` events among `n`; arguments broadcast."""
    from scipy.special import betainc

    a, b = _checked(prior)
    events, others = _events(x, n)
    return np.asarray(betainc(b + others, a + events, 1 - np.asarray(threshold, dtype=np.float64)))


def posterior_above_standard(
    x: ArrayLike,
    n: ArrayLike,
    prior: tuple[float, float],
    standard: tuple[float, float],
    margin: float = 0.0,
) -> _Floats:
    """P(rate > standard's rate + margin) after `x` events among `n`, the standard's being Beta too.

    Thall and Simon, Biometrics 1994;50:337. By quadrature over the quantiles of the standard, where the
    integrand is bounded for every prior.
    """
    from scipy.special import betaincinv

    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    rates = betaincinv(*_checked(standard), (nodes + 1) / 2) + margin
    events, n_all = np.broadcast_arrays(np.asarray(x), np.asarray(n))
    above = posterior_above(events[..., np.newaxis], n_all[..., np.newaxis], rates.clip(0, 1), prior)
    return np.asarray(above @ weights / 2)


def posterior_bounds(
    n_max: int,
    certainty: float,
    prior: tuple[float, float],
    standard: tuple[float, float] | float,
    *,
    kind: Literal["futility", "superiority"],
    margin: float = 0.0,
) -> tuple[int | None, ...]:
    """For n = 1 … n_max the number of events at which to stop; None where none does.

    For futility the most events for which P(rate > standard + margin) < `certainty`; for superiority the
    fewest for which it is > `certainty`. The standard is a Beta prior, or a known rate.
    """
    n, x = np.arange(1, n_max + 1)[:, np.newaxis], np.arange(n_max + 1)[np.newaxis]
    seen = np.minimum(x, n)
    if isinstance(standard, tuple):
        above = posterior_above_standard(seen, n, prior, standard, margin)
    else:
        above = posterior_above(seen, n, standard + margin, prior)
    if kind == "futility":
        low = ((above < certainty) & (x <= n)).sum(axis=1)
        return tuple(int(count) - 1 if count else None for count in low)
    high = (above > certainty) & (x <= n)
    return tuple(int(row.argmax()) if row.any() else None for row in high)


def predictive(x: int, n: int, more: int, prior: tuple[float, float] = (1.0, 1.0)) -> _Floats:
    """P(y events among `more` further participants), y = 0 … more, after `x` among `n`: beta-binomial."""
    from scipy.special import betaln

    a, b = _checked(prior)
    events, others = _events(x, n)
    y = np.arange(more + 1)
    ways = -np.log(more + 1) - betaln(y + 1, more - y + 1)
    chance = betaln(a + events + y, b + others + more - y) - betaln(a + events, b + others)
    return np.asarray(np.exp(ways + chance))


def _events(x: ArrayLike, n: ArrayLike) -> tuple[_Floats, _Floats]:
    events, n_all = np.asarray(x, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if np.any((events < 0) | (events > n_all)):
        raise ValueError(f"events must lie between 0 and the number of participants; got {x!r} of {n!r}")
    return events, n_all - events


def _checked(prior: tuple[float, float]) -> tuple[float, float]:
    if not (prior[0] > 0 and prior[1] > 0):
        raise ValueError(f"a Beta prior {prior}: both numbers must be above 0")
    return prior
