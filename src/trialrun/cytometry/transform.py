"""Scales on which gates are drawn: Gating-ML 2.0's linear, log, logicle, asinh and hyperlog.

Each maps channel values to a display scale on which the top of the channel is 1. Logicle and hyperlog are
FlowUtils', whose code in C follows Moore & Parks 2012 (Cytometry A 81A:273) and Bagwell 2005 (64A:34).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_LN10 = math.log(10.0)


class GatingError(ValueError):
    """A gate, scale, matrix or hierarchy that cannot be. The message says which, why and what to do."""


class Transform(Protocol):
    """A monotone scale. Two with equal parameters are equal: what was found for one is kept for both."""

    @property
    def least(self) -> float:
        """The least channel value it is defined for, −inf if for all."""

    def apply(self, values: Values) -> Values:
        """Channel values, float64, any length, to display values."""

    def inverse(self, scaled: Values) -> Values:
        """Display values to channel values."""

    def __hash__(self) -> int: ...


class _Everywhere:
    """A scale that is defined for every channel value."""

    @property
    def least(self) -> float:
        return -math.inf


@dataclass(frozen=True)
class Linear(_Everywhere):
    """(x + a) / (t + a): maps [−a, t] to [0, 1]."""

    t: float
    a: float = 0.0

    def __post_init__(self) -> None:
        _demand(self, self.t > 0, "T must be above 0")
        _demand(self, self.t + self.a > 0, "T + A must be above 0")

    def apply(self, values: Values) -> Values:
        return (values + self.a) / (self.t + self.a)

    def inverse(self, scaled: Values) -> Values:
        return scaled * (self.t + self.a) - self.a


@dataclass(frozen=True)
class Log:
    """log10(x / t) / m + 1: t maps to 1, m decades to the unit interval. −inf at 0, NaN below."""

    t: float
    m: float

    def __post_init__(self) -> None:
        _demand(self, self.t > 0 and self.m > 0, "T and M must be above 0")

    @property
    def least(self) -> float:
        return 0.0

    def apply(self, values: Values) -> Values:
        with np.errstate(divide="ignore", invalid="ignore"):
            return (1.0 / self.m) * np.log10(values / self.t) + 1.0

    def inverse(self, scaled: Values) -> Values:
        return self.t * 10.0 ** ((scaled - 1.0) * self.m)


@dataclass(frozen=True)
class Asinh(_Everywhere):
    """Inverse hyperbolic sine: t maps to 1, m decades, a further decades below zero."""

    t: float
    m: float
    a: float = 0.0

    def __post_init__(self) -> None:
        _demand(self, self.t > 0 and self.m > 0, "T and M must be above 0")
        _demand(self, 0 <= self.a <= self.m, "A must be between 0 and M")

    def apply(self, values: Values) -> Values:
        scale = np.sinh(self.m * _LN10) / self.t
        return _of((np.arcsinh(values * scale) + self.a * _LN10) / ((self.m + self.a) * _LN10))

    def inverse(self, scaled: Values) -> Values:
        scale = np.sinh(self.m * _LN10) / self.t
        return _of(np.sinh(scaled * ((self.m + self.a) * _LN10) - self.a * _LN10) / scale)


@dataclass(frozen=True)
class Logicle(_Everywhere):
    """Biexponential: t maps to 1, w decades about linear, m decades in all, a further ones below zero."""

    t: float
    w: float
    m: float
    a: float = 0.0

    def __post_init__(self) -> None:
        _demand(self, self.t > 0 and self.m > 0, "T and M must be above 0")
        _demand(self, 0 <= self.w <= self.m / 2, "W must be between 0 and M / 2")
        _demand(self, -self.w <= self.a <= self.m - 2 * self.w, "A must be between −W and M − 2 W")

    def apply(self, values: Values) -> Values:
        from flowutils.transforms import logicle  # type: ignore[import-untyped]

        return _of(logicle(_wide(values), None, t=self.t, w=self.w, m=self.m, a=self.a))

    def inverse(self, scaled: Values) -> Values:
        from flowutils.transforms import logicle_inverse

        return _of(logicle_inverse(_wide(scaled), None, t=self.t, w=self.w, m=self.m, a=self.a))


@dataclass(frozen=True)
class Hyperlog(_Everywhere):
    """Bagwell's hyperlog in Gating-ML's parameters, which are those of the logicle; w above 0."""

    t: float
    w: float
    m: float
    a: float = 0.0

    def __post_init__(self) -> None:
        _demand(self, self.t > 0 and self.m > 0, "T and M must be above 0")
        _demand(self, 0 < self.w <= self.m / 2, "W must be above 0 and at most M / 2")
        _demand(self, -self.w <= self.a <= self.m - 2 * self.w, "A must be between −W and M − 2 W")

    def apply(self, values: Values) -> Values:
        from flowutils.transforms import hyperlog

        return _of(hyperlog(_wide(values), None, t=self.t, w=self.w, m=self.m, a=self.a))

    def inverse(self, scaled: Values) -> Values:
        from flowutils.transforms import hyperlog_inverse

        return _of(hyperlog_inverse(_wide(scaled), None, t=self.t, w=self.w, m=self.m, a=self.a))


@lru_cache(maxsize=4096)
def threshold(transform: Transform, bound: float) -> float:
    """The least channel value that `transform` takes to `bound` or above: x ≥ it if and only if T(x) ≥ bound.

    So a gate's edge is found once and events are compared as they stand, with the same answer as if each were
    transformed (the scale being monotone). Infinite where no finite value reaches the bound, or all do.
    """
    low, high = -_REACH, _REACH
    guess = float(_inverse_at(transform, bound))
    if math.isfinite(guess):
        step = max(abs(guess), 1.0) * 1e-9
        near = (max(guess - step, low), min(guess + step, high))
        low = near[0] if not _reaches(transform, near[0], bound) else low
        high = near[1] if _reaches(transform, near[1], bound) else high
    if _reaches(transform, low, bound):
        return -math.inf
    if not _reaches(transform, high, bound):
        return math.inf
    while (middle := low + (high - low) / 2) not in (low, high):
        low, high = (low, middle) if _reaches(transform, middle, bound) else (middle, high)
    return high


# Beyond every number that a channel can hold after compensation: float32 ends at 3.4e38, and the exponential
# parts of the scales overflow far above this.
_REACH = 1e30


def _reaches(transform: Transform, value: float, bound: float) -> bool:
    return bool(transform.apply(np.array([value]))[0] >= bound)


def _inverse_at(transform: Transform, bound: float) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(transform.inverse(np.array([bound]))[0])


def _demand(transform: object, holds: bool, rule: str) -> None:
    if not holds:
        raise GatingError(f"{transform}: {rule} (Gating-ML 2.0)")


def _wide(values: Values) -> Values:
    return np.ascontiguousarray(values, dtype=np.float64)


def _of(values: object) -> Values:
    return np.asarray(values, dtype=np.float64)
