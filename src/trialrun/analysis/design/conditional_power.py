"""Half-way: how likely is success at the end, if the rate or the effect is this, or as far as anyone knows?

Conditional power states the effect; predictive power averages it over what is known of it. Normal formulas
are on the B-value scale of Lan and Wittes, Biometrics 1988;44:579: information fraction t, drift the mean of
Z at its end. Binomial ones are exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.design.beta_binomial import predictive
from trialrun.analysis.design.binomial import at_least

_Floats = NDArray[np.float64]


def conditional(z: ArrayLike, t: ArrayLike, critical: float, drift: ArrayLike | None = None) -> _Floats:
    """P(Z(1) >= critical | Z(t) = z); without a `drift`, if the trend z / sqrt(t) goes on. Broadcasts."""
    from scipy.special import ndtr

    at, now = _fraction(t), np.asarray(z, dtype=np.float64)
    trend = now / np.sqrt(at) if drift is None else np.asarray(drift, dtype=np.float64)
    return np.asarray(ndtr((now * np.sqrt(at) + trend * (1 - at) - critical) / np.sqrt(1 - at)))


def predictive_normal(
    z: ArrayLike, t: ArrayLike, critical: float, prior: tuple[float, float] | None = None
) -> _Floats:
    """P(Z(1) >= critical | Z(t) = z), the drift unknown: a flat prior, or a normal (mean, standard
    deviation).

    Spiegelhalter, Freedman and Blackburn, Control Clin Trials 1986;7:8.
    """
    from scipy.special import ndtr

    at, now = _fraction(t), np.asarray(z, dtype=np.float64)
    b = now * np.sqrt(at)
    mean, deviation = prior or (0.0, np.inf)
    if not deviation > 0:
        raise ValueError(f"a prior with standard deviation {deviation}: write one above 0")
    precision = at + 1 / deviation**2
    drift = (b + mean / deviation**2) / precision
    spread = np.sqrt((1 - at) + (1 - at) ** 2 / precision)
    return np.asarray(ndtr((b + drift * (1 - at) - critical) / spread))


def conditional_binomial(x: ArrayLike, n: ArrayLike, n_max: int, needed: int, p: ArrayLike) -> _Floats:
    """P(`needed` responses or more among `n_max` | x among n), at a rate `p`. Exact; broadcasts."""
    events, seen = np.asarray(x), np.asarray(n)
    if np.any((events < 0) | (events > seen) | (seen > n_max)):
        raise ValueError(f"{x!r} responses of {n!r}, of {n_max} in all: needs 0 <= x <= n <= n_max")
    return at_least(needed - events, n_max - seen, p)


def predictive_binomial(
    x: int, n: int, n_max: int, needed: int, prior: tuple[float, float] = (1.0, 1.0)
) -> float:
    """The same, the rate unknown, from a Beta prior: beta-binomial."""
    if not 0 <= x <= n <= n_max:
        raise ValueError(f"{x} responses of {n}, of {n_max} in all: needs 0 <= x <= n <= n_max")
    return min(1.0, float(predictive(x, n, n_max - n, prior)[max(0, needed - x) :].sum()))


def _fraction(t: ArrayLike) -> _Floats:
    at = np.asarray(t, dtype=np.float64)
    if not np.all((at > 0) & (at < 1)):
        raise ValueError(f"information fractions lie between 0 and 1; got {t!r}")
    return at
