"""Group sequential tests: how far the statistic must go at each of several looks.

The statistics Z at information fractions t have the covariance sqrt(t_i / t_j), i <= j. Probabilities are
computed by recursive numerical integration (Armitage, McPherson and Rowe 1969; Jennison and Turnbull, Group
Sequential Methods, 2000, chapter 19), here with Gauss-Legendre nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.estimate import check_choice

Spending = Literal["obrien-fleming", "pocock", "power", "hwang-shih-decani"]
_Floats = NDArray[np.float64]
_WIDE = 9.0  # standard deviations beyond which nothing happens: 1e-19


def crossing(
    upper: Sequence[float],
    information: Sequence[float],
    *,
    lower: Sequence[float] | None = None,
    drift: float = 0.0,
) -> tuple[_Floats, _Floats]:
    """P(first beyond `upper`) and P(first beyond `lower`) at each look: two arrays, one element a look.

    `information`: fractions, rising above 0. `drift`: the mean of Z at fraction 1; at t it is drift sqrt(t).
    Without `lower` nothing stops below. Raises ValueError where the looks do not fit together.
    """
    t = _fractions(information)
    low = [-np.inf] * len(t) if lower is None else lower
    if not len(upper) == len(low) == len(t) or any(a > b for a, b in zip(low, upper, strict=True)):
        raise ValueError("one upper and one lower bound for each look, the lower not above the upper")
    walk = _Walk(t, drift)
    found = [walk.look(a, b) for a, b in zip(low, upper, strict=True)]
    above, below = zip(*found, strict=True)
    return np.array(above), np.array(below)


def wang_tsiatis(
    looks: int | Sequence[float], alpha: float, shape: float, *, sides: Literal[1, 2] = 2
) -> tuple[float, _Floats]:
    """The constant C and the bounds C t^(shape - 1/2) of a test with size `alpha`, for `looks` looks.

    A number of looks is of equally spaced ones; a sequence gives information fractions, the last 1. Shape
    0.5 is Pocock's test and 0 O'Brien and Fleming's (Wang and Tsiatis, Biometrics 1987;43:193).
    """
    from scipy.optimize import brentq

    t = _fractions(np.arange(1, looks + 1) / looks if isinstance(looks, int) else looks)
    _size(alpha, sides)
    if abs(t[-1] - 1) > 1e-12:
        raise ValueError(f"information {t.tolist()}: the last look of a test is at 1")

    def excess(constant: float) -> float:
        bounds = (constant * t ** (shape - 0.5)).tolist()
        above, below = crossing(bounds, t.tolist(), lower=[-z for z in bounds] if sides == 2 else None)
        return float(above.sum() + below.sum()) - alpha

    single = NormalDist().inv_cdf(1 - alpha / sides)
    if len(t) == 1:
        return single, np.array([single])
    constant = float(brentq(excess, single, single + 4, xtol=1e-11))  # more looks never need less than one
    return constant, constant * t ** (shape - 0.5)


def pocock_constant(looks: int, alpha: float = 0.05, *, sides: Literal[1, 2] = 2) -> float:
    """Jennison and Turnbull's C_P: every look tests |Z| >= C_P (2000, Table 2.1)."""
    return wang_tsiatis(looks, alpha, 0.5, sides=sides)[0]


def obrien_fleming_constant(looks: int, alpha: float = 0.05, *, sides: Literal[1, 2] = 2) -> float:
    """Jennison and Turnbull's C_B: look k of K tests |Z| >= C_B sqrt(K / k) (2000, Table 2.3)."""
    return wang_tsiatis(looks, alpha, 0.0, sides=sides)[0]


def spent(kind: Spending, alpha: float, t: Sequence[float], parameter: float | None = None) -> _Floats:
    """One-sided error spent by each information fraction (Lan and DeMets, Biometrika 1983;70:659).

    "power" is alpha t^parameter (Kim and DeMets 1987); "hwang-shih-decani" (1990) has parameter gamma. At t
    >= 1 all of it is spent.
    """
    from scipy.special import ndtr

    check_choice("kind", kind, get_args(Spending))
    if parameter is None and kind in ("power", "hwang-shih-decani"):
        raise ValueError(f"{kind} spending needs a parameter")
    at, rho = np.minimum(_fractions(t), 1.0), parameter or 0.0
    if kind == "obrien-fleming":
        return np.asarray(2 * ndtr(-NormalDist().inv_cdf(1 - alpha / 2) / np.sqrt(at)))
    if kind == "pocock":
        return np.asarray(alpha * np.log1p((np.e - 1) * at))
    if kind == "power":
        if rho <= 0:
            raise ValueError(f"power spending with parameter {rho}: write one above 0")
        return np.asarray(alpha * at**rho)
    return np.asarray(alpha * (at if rho == 0 else np.expm1(-rho * at) / np.expm1(-rho)))


def spending_bounds(
    information: Sequence[float],
    alpha: float,
    kind: Spending = "obrien-fleming",
    *,
    parameter: float | None = None,
    sides: Literal[1, 2] = 2,
) -> _Floats:
    """Upper bounds that spend `alpha` as `kind` says; a two-sided test mirrors them, half the error each
    side.

    Infinity where a look has nothing to spend.
    """
    from scipy.optimize import brentq

    t = _fractions(information)
    _size(alpha, sides)
    steps = np.diff(spent(kind, alpha / sides, t.tolist(), parameter), prepend=0.0)
    walk, bounds = _Walk(t, 0.0), []
    for step in steps.tolist():
        bound = np.inf
        if step > 1e-16:

            def miss(z: float, step: float = step) -> float:
                return walk.above(z) - step

            bound = float(brentq(miss, -_WIDE, _WIDE, xtol=1e-11)) if miss(_WIDE) < 0 else _WIDE
        walk.look(-bound if sides == 2 else -np.inf, bound)
        bounds.append(bound)
    return np.array(bounds)


def drift_for_power(
    upper: Sequence[float],
    information: Sequence[float],
    power: float,
    *,
    lower: Sequence[float] | None = None,
) -> float:
    """The drift at which the upper bounds are crossed with probability `power`.

    Its square over that of the single-look test is how much more information the looks cost.
    """
    from scipy.optimize import brentq

    def miss(drift: float) -> float:
        return float(crossing(upper, information, lower=lower, drift=drift)[0].sum()) - power

    return float(brentq(miss, -2.0, 12.0, xtol=1e-10))


@dataclass
class _Walk:
    """The statistic from look to look: nodes of the region in which the test goes on, and their weights."""

    t: _Floats
    drift: float

    def __post_init__(self) -> None:
        self.k = 0
        self.nodes = np.zeros(1)  # of the score sqrt(t) Z, at look k; before the first it is 0
        self.mass = np.ones(1)

    def _step(self) -> tuple[float, float]:
        """The mean and standard deviation of the score's next increment."""
        gap = float(self.t[self.k] - (self.t[self.k - 1] if self.k else 0.0))
        return self.drift * gap, gap**0.5

    def above(self, z: float) -> float:
        """P(going on until the next look, and Z above z there)."""
        from scipy.special import ndtr

        mean, deviation = self._step()
        return float(self.mass @ ndtr((self.nodes + mean - z * self.t[self.k] ** 0.5) / deviation))

    def look(self, low: float, high: float) -> tuple[float, float]:
        """P(first above high) and P(first below low) at the next look; then on, between them."""
        from scipy.special import ndtr

        mean, deviation = self._step()
        root = float(self.t[self.k]) ** 0.5
        above = self.above(high)
        below = float(self.mass @ ndtr((low * root - self.nodes - mean) / deviation))
        centre = self.drift * root
        a, b = max(low, centre - _WIDE) * root, min(high, centre + _WIDE) * root
        b = max(a, b)
        # The density is as smooth as the last increment is wide, and is asked for as finely as the next.
        ahead = np.diff(self.t[self.k : self.k + 2]).tolist()
        nodes, weight = _panels(a, b, min([deviation, *(gap**0.5 for gap in ahead)]))
        gap = (nodes[:, np.newaxis] - self.nodes - mean) / deviation
        density = np.exp(-0.5 * gap * gap) @ self.mass / (deviation * np.sqrt(2 * np.pi))
        self.nodes, self.mass, self.k = nodes, density * weight, self.k + 1
        return above, below


def _panels(a: float, b: float, deviation: float) -> tuple[_Floats, _Floats]:
    """Gauss-Legendre nodes and weights from a to b, in panels of some standard deviations each."""
    x, weight = _legendre(32)
    edges = np.linspace(a, b, 1 + max(1, int(np.ceil((b - a) / (6 * deviation)))))
    half = np.diff(edges)[:, np.newaxis] / 2
    return (edges[:-1, np.newaxis] + half * (x + 1)).ravel(), (half * weight).ravel()


@cache
def _legendre(count: int) -> tuple[_Floats, _Floats]:
    return np.polynomial.legendre.leggauss(count)


def _fractions(information: Sequence[float] | _Floats) -> _Floats:
    t = np.asarray(information, dtype=np.float64)
    if t.ndim != 1 or not t.size or t[0] <= 0 or np.any(np.diff(t) <= 0) or not np.isfinite(t).all():
        raise ValueError(f"information {information}: write numbers that rise, all above 0")
    return t


def _size(alpha: float, sides: int) -> None:
    if not 0 < alpha < 1 or sides not in (1, 2):
        raise ValueError(f"size {alpha} on {sides} sides: needs 0 < alpha < 1, on 1 or 2 sides")
