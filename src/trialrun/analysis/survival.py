"""Time to an event: Kaplan-Meier's survival, its intervals and quantiles, exact where others fail.

Kaplan and Meier, JASA 1958;53:457; standard errors by Greenwood, 1926. Greenwood's error is 0
before the first event and undefined at S = 0, so that intervals built on it would be [1, 1] or
nothing. There the beta product confidence procedure takes over (Fay, Brittain and Proschan,
Biostatistics 2013;14:723), which without censoring is Clopper and Pearson's interval.

Whoever is censored at a time is taken to have survived it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import Interval, NotEstimable, check_choice, error_rate
from trialrun.analysis.exact.sample import sample
from trialrun.analysis.proportion import Side

Scale = Literal["log-log", "log", "plain", "exact"]
_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]
_EQUAL = 1e-9  # survival of exactly 1/2 is a product of fractions, rounded


@dataclass(frozen=True, slots=True)
class Survival:
    """Survival at one time, with its standard error (0 where there was no event) and interval."""

    estimate: float
    se: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class SurvivalQuantile:
    """The time by which a share of participants had the event, and its interval (infinite if not reached)."""

    estimate: float | NotEstimable
    interval: Interval


@dataclass(frozen=True, slots=True, eq=False)
class KaplanMeier:
    """The survival curve: one element for each distinct time of an event, in rising order.

    `at_risk` just before it, `events` at it, `survival` and `se` after it. `lower` and `upper` are
    its pointwise interval.
    """

    time: _Floats
    at_risk: _Ints
    events: _Ints
    survival: _Floats
    se: _Floats
    lower: _Floats
    upper: _Floats
    level: float
    scale: Scale
    side: Side
    followed: _Floats = field(repr=False)
    """Every participant's time, rising."""

    def at(self, t: float) -> Survival | NotEstimable:
        """Survival beyond time `t`; not estimable where nobody was followed so long and not all are dead."""
        steps = int(np.searchsorted(self.time, t, side="right"))
        s, se = (float(self.survival[steps - 1]), float(self.se[steps - 1])) if steps else (1.0, 0.0)
        if t > self.followed[-1] and s > 0:
            return NotEstimable("nobody was followed so long")
        lower, upper, how = _bounds(self, steps, t)
        name = how if self.side == "two-sided" else f"{how}, one-sided {self.side}"
        return Survival(s, se, Interval(lower, upper, self.level, name))

    def quantile(self, q: float = 0.5) -> SurvivalQuantile:
        """The time at which survival falls to 1 - `q`: the median by default.

        Where survival stays exactly there for a while, the middle of that while, as R and SAS. The
        interval holds the times whose own interval covers 1 - q (Brookmeyer and Crowley, 1982).
        """
        if not 0 < q < 1:
            raise ValueError(f"quantile {q} does not lie between 0 and 1")
        reached = self.survival <= 1 - q + _EQUAL
        band = Interval(*self._quantile_ends(1 - q), self.level, f"Brookmeyer-Crowley, {self.scale}")
        if not reached.any():
            return SurvivalQuantile(NotEstimable(f"survival stays above {1 - q:.6g}"), band)
        i = int(np.argmax(reached))
        flat = abs(self.survival[i] - (1 - q)) <= _EQUAL and i + 1 < self.time.size
        return SurvivalQuantile(float(self.time[i : i + 2].mean() if flat else self.time[i]), band)

    def _quantile_ends(self, survival: float) -> tuple[float, float]:
        """The first times at which the bounds fall to `survival`.

        Where the lower bound never does, the quantile lies beyond everyone's time. Exact bounds fall
        at censoring too, so they are sought at every time.
        """
        times, lower = self.time, self.lower
        if self.scale == "exact":
            times = np.unique(self.followed)
            steps = np.searchsorted(self.time, times, side="right").tolist()
            lower = np.array([_bounds(self, i, t)[0] for i, t in zip(steps, times.tolist(), strict=True)])
        first = _first(times, lower <= survival)
        low = min(first, float(self.followed[-1]))
        return (0.0 if self.side == "upper" else low), _first(self.time, self.upper <= survival)


def kaplan_meier(
    time: ArrayLike,
    event: ArrayLike,
    *,
    level: float = 0.95,
    scale: Scale = "log-log",
    side: Side = "two-sided",
) -> KaplanMeier | NotEstimable:
    """Kaplan-Meier from times (n,) and whether each ended in the event (n,), else in censoring.

    `scale` is that of the interval: "log-log" (SAS's default), "log" (R's), "plain", or "exact" (beta
    product), which replaces the others wherever S is 1 or 0. No events at all is an answer: S = 1.
    Raises ValueError for a negative time or an event that is not True or False.
    """
    check_choice("scale", scale, get_args(Scale))
    check_choice("side", side, get_args(Side))
    data = follow_up(time, event, (0, 1))
    if isinstance(data, NotEstimable):
        return data
    times, happened = data
    when = np.unique(times[happened == 1])
    at_risk = times.size - np.searchsorted(times, when, side="left")
    events = np.array([int(((times == t) & (happened == 1)).sum()) for t in when], dtype=np.int64)
    left = at_risk - events
    survival = np.asarray(np.cumprod(left / at_risk), dtype=np.float64)
    with_spread = np.where(left > 0, events / (at_risk * np.maximum(left, 1)), 0.0)
    se, none = survival * np.sqrt(np.cumsum(with_spread)), np.empty(0)
    curve = KaplanMeier(when, at_risk, events, survival, se, none, none, level, scale, side, times)
    ends = [_bounds(curve, i + 1, t)[:2] for i, t in enumerate(when.tolist())]
    lower, upper = np.reshape(ends, (-1, 2)).T
    return replace(curve, lower=lower, upper=upper)


def follow_up(
    time: ArrayLike, status: ArrayLike, known: tuple[int, ...]
) -> tuple[_Floats, _Ints] | NotEstimable:
    """Times in rising order and the status of each, or why there are none."""
    times, found = sample(time), sample(status)
    if isinstance(times, NotEstimable):
        return times
    if isinstance(found, NotEstimable):
        return found
    if times.shape != found.shape or (times < 0).any() or not np.isin(found, known).all():
        words = ", ".join(map(str, known))
        raise ValueError(f"each time must be at least 0 and have a status among {words}")
    order = np.argsort(times, kind="stable")
    return times[order], found[order].astype(np.int64)


def _first(time: _Floats, reached: NDArray[np.bool_]) -> float:
    return float(time[int(np.argmax(reached))]) if reached.any() else float(np.inf)


def _bounds(curve: KaplanMeier, steps: int, t: float) -> tuple[float, float, str]:
    """The interval of survival after `steps` event times, at time `t`, and how it was found."""
    alpha = error_rate(curve.level)
    below, above = {
        "two-sided": (alpha / 2, alpha / 2),
        "lower": (alpha, 0.0),
        "upper": (0.0, alpha),
    }[curve.side]
    s = float(curve.survival[steps - 1]) if steps else 1.0
    if curve.scale == "exact" or not 0 < s < 1:
        lower, upper = _beta_product(curve, steps, t, below, above)
        how = "beta product, exact"
    else:
        lower, upper = _by_greenwood(s, float(curve.se[steps - 1]), below, above, curve.scale)
        how = f"Greenwood, {curve.scale}"
    return (lower if below > 0 else 0.0), (upper if above > 0 else 1.0), how


def _by_greenwood(s: float, se: float, below: float, above: float, scale: Scale) -> tuple[float, float]:
    down, up = (-NormalDist().inv_cdf(miss) if miss > 0 else 0.0 for miss in (below, above))
    if scale == "plain":
        return max(0.0, s - down * se), min(1.0, s + up * se)
    if scale == "log":
        return float(s * np.exp(-down * se / s)), min(1.0, float(s * np.exp(up * se / s)))
    unit = se / (s * abs(np.log(s)))
    return float(s ** np.exp(down * unit)), float(s ** np.exp(-up * unit))


def _beta_product(
    curve: KaplanMeier, steps: int, t: float, below: float, above: float
) -> tuple[float, float]:
    """Quantiles of products of betas, by the beta that has the same mean and variance."""
    d, y = curve.events[:steps], curve.at_risk[:steps]
    first, second = (y - d + 1).astype(np.float64), d.astype(np.float64)
    # Those known to live beyond t: still followed, or censored at t itself.
    beyond = float((curve.followed >= t).sum() - (d[-1] if steps and curve.time[steps - 1] == t else 0))
    upper = _product_quantile(first, second, 1 - above) if steps and above > 0 else 1.0
    if beyond == 0 or below == 0:
        return 0.0, upper
    return _product_quantile(np.append(first, beyond), np.append(second, 1.0), below), upper


def _product_quantile(a: _Floats, b: _Floats, q: float) -> float:
    from scipy.special import betaincinv

    mean = float(np.prod(a / (a + b)))
    square = float(np.prod(a * (a + 1) / ((a + b) * (a + b + 1))))
    size = (mean - square) / (square - mean * mean)
    return float(betaincinv(mean * size, (1 - mean) * size, q))
