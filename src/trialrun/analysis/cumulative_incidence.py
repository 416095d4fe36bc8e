"""Cumulative incidence of one cause among competing ones (Aalen and Johansen, Scand J Stat 1978;5:141).

Whoever has another event first can no longer have this one: to censor them instead, as 1 minus
Kaplan-Meier does, would say too much. Variance by the delta method over counting processes
(Aalen, Ann Stat 1978;6:534), with the hypergeometric factor for ties, as R's cmprsk prints it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import Interval, NotEstimable, error_rate
from trialrun.analysis.survival import follow_up

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Incidence:
    """The probability of the cause by one time, its variance and its interval."""

    estimate: float
    variance: float
    interval: Interval


@dataclass(frozen=True, slots=True, eq=False)
class CumulativeIncidence:
    """One element for each distinct time of an event of any cause, in rising order."""

    time: _Floats
    incidence: _Floats
    variance: _Floats
    level: float
    followed: _Floats = field(repr=False)
    """Every participant's time, rising."""
    censored: _Floats = field(repr=False)
    """The times of those without any event."""
    free: _Floats = field(repr=False)
    """Survival free of every cause after each time."""

    def at(self, t: float) -> Incidence | NotEstimable:
        """Incidence by time `t`; not estimable where nobody was followed so long.

        The interval is on the log-log scale (Choudhury, Stat Med 2002;21:1129). With none of the
        cause yet, or everyone, it is the exact binomial one of those who were followed that long or
        had any event.
        """
        i = int(np.searchsorted(self.time, t, side="right")) - 1
        f, variance = (float(self.incidence[i]), float(self.variance[i])) if i >= 0 else (0.0, 0.0)
        if t > self.followed[-1] and (i < 0 or self.free[i] > 0):
            return NotEstimable("nobody was followed so long")
        return Incidence(f, variance, self._interval(f, variance, t))

    def _interval(self, f: float, variance: float, t: float) -> Interval:
        alpha = error_rate(self.level)
        if 0 < f < 1 and variance > 0:
            z = NormalDist().inv_cdf(1 - alpha / 2)
            unit = z * float(np.sqrt(variance)) / (f * abs(np.log(f)))
            ends = float(f ** np.exp(unit)), float(f ** np.exp(-unit))
            return Interval(*ends, self.level, "Aalen-Johansen, log-log")
        known = self.followed.size - int((self.censored < t).sum())
        reach = float((alpha / 2) ** (1 / known))
        ends = (0.0, 1 - reach) if f < 0.5 else (reach, 1.0)
        return Interval(*ends, self.level, "Clopper-Pearson of those followed")


def cumulative_incidence(
    time: ArrayLike, status: ArrayLike, *, cause: int = 1, level: float = 0.95
) -> CumulativeIncidence | NotEstimable:
    """Incidence of `cause` from times (n,) and statuses (n,): 0 is censored, other integers are causes."""
    codes = np.unique(np.asarray(status, dtype=np.float64))
    known = tuple(int(code) for code in codes[np.isfinite(codes)] if code == int(code) and code >= 0)
    data = follow_up(time, status, known)
    if isinstance(data, NotEstimable):
        return data
    times, found = data
    when = np.unique(times[found > 0])
    y = (times.size - np.searchsorted(times, when, side="left")).astype(np.float64)
    own, other = (
        np.array([float(((times == t) & kind).sum()) for t in when]) for kind in _kinds(found, cause)
    )
    free = np.cumprod(1 - (own + other) / y)
    before = np.concatenate([[1.0], free[:-1]])
    incidence = np.cumsum(before * own / y)
    variance = _variance(own, other, y, before, free, incidence)
    return CumulativeIncidence(when, incidence, variance, level, times, times[found == 0], free)


def _kinds(found: _Ints, cause: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    return found == cause, (found > 0) & (found != cause)


def _variance(
    own: _Floats, other: _Floats, y: _Floats, before: _Floats, free: _Floats, incidence: _Floats
) -> _Floats:
    """Squared influence of every event up to each time, added up.

    An event at s lowers all later incidence, by (F(t) - F(s)) / S(s) of S(s-) / Y(s); one of the
    cause itself also adds to it at once.
    """
    later = np.where(free > 0, incidence[:, np.newaxis] - incidence, 0.0) / np.where(free > 0, free, 1.0)
    step, until = (before / y) ** 2, np.tri(len(y))  # until[t, s] is 1 where s <= t

    def part(events: _Floats, direct: float) -> _Floats:
        ties = np.where(events > 1, 1 - (events - 1) / np.maximum(y - 1, 1), 1.0)
        return (until * (direct - later) ** 2) @ (ties * events * step)

    return np.asarray(part(own, 1.0) + part(np.where(free > 0, other, 0.0), 0.0))
