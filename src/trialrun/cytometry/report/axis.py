"""The axis of a marker: the part of its scale that is shown, with ticks at channel values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trialrun.cytometry.transform import Linear, Transform

Values = NDArray[np.float64]

APART = 0.13  # of the axis: labels closer than this would touch
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Tick:
    """Where on the axis (0 to 1), and what stands there; nothing at a minor tick."""

    at: float
    label: str = ""


@dataclass(frozen=True)
class Axis:
    """marker, channel: their names. low, high: what is shown, on the scale of the transform."""

    marker: str
    channel: str
    transform: Transform
    low: float
    high: float

    @property
    def title(self) -> str:
        return self.marker if self.marker == self.channel else f"{self.marker} ({self.channel})"

    def place(self, scaled: Values) -> Values:
        """From the scale to 0 at the left and 1 at the right; what is beyond the ends lies on them."""
        places = (np.nan_to_num(scaled, nan=self.low) - self.low) / (self.high - self.low)
        return np.clip(places, 0.0, 1.0)

    def ticks(self) -> tuple[Tick, ...]:
        """At round channel values, in ascending order."""
        return _ticks(self)

    def at(self, values: Sequence[float]) -> list[float | None]:
        """Where channel values are on the axis; None for those that are not shown."""
        scaled = self.transform.apply(np.array(values, dtype=np.float64))
        places = ((scaled - self.low) / (self.high - self.low)).tolist()
        return [place if -1e-9 <= place <= 1 + 1e-9 else None for place in places]


def window(columns: list[Values]) -> tuple[float, float]:
    """The part of a scale that holds nearly all events of these samples, rounded outwards.

    columns: of each sample one marker on its scale. Of 2,000 events one may lie beyond each end.
    """
    ends = [np.quantile(some, [0.0005, 0.9995]) for one in columns if len(some := one[np.isfinite(one)])]
    low = float(min((end[0] for end in ends), default=0.0))
    high = float(max((end[1] for end in ends), default=1.0))
    step = 0.05 if high - low > 0.3 else 0.01 if high - low > 0.05 else 0.001
    low, high = (math.floor(low / step - 0.2) * step, math.ceil(high / step + 0.2) * step)
    return round(low, 9), round(max(high, low + 2 * step), 9)


@lru_cache(maxsize=1024)  # samples that are drawn together have the same few axes in every picture
def _ticks(axis: Axis) -> tuple[Tick, ...]:
    return tuple(_even(axis) if isinstance(axis.transform, Linear) else _decades(axis))


def _even(axis: Axis) -> list[Tick]:
    ends = axis.transform.inverse(np.array([axis.low, axis.high]))
    step = 10.0 ** math.floor(math.log10(ends[1] - ends[0]))
    times = next(times for times in (0.2, 0.5, 1.0, 2.0) if (ends[1] - ends[0]) / (step * times) <= 5.5)
    step *= times
    values = [number * step for number in range(math.ceil(ends[0] / step), math.floor(ends[1] / step) + 1)]
    return [
        Tick(round(place, 5), _short(value))
        for value, place in zip(values, axis.at(values), strict=True)
        if place is not None
    ]


def _short(value: float) -> str:
    for size, sign in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{sign}"
    return f"{value:.3g}"


def _decades(axis: Axis) -> list[Tick]:
    """Powers of ten on both sides of 0, the greatest labelled first; between them eight minor ticks."""
    found: dict[float, str] = {}
    labelled: list[float] = []
    for label, place in zip(LABELS, axis.at(POWERS), strict=True):
        if place is None:
            continue
        near = any(abs(place - other) < APART for other in labelled)
        if label and not near:
            labelled.append(place)
            found[round(place, 5)] = label
        elif not any(abs(place - other) < 0.012 for other in found):
            found.setdefault(round(place, 5), "")
    return [Tick(at, label) for at, label in sorted(found.items())]


def _powers() -> Iterator[tuple[float, str]]:
    yield 0.0, "0"
    for exponent in range(9, -3, -1):
        for sign, mark in ((1, ""), (-1, "−")):
            yield sign * 10.0**exponent, f"{mark}10{_raised(exponent)}"
    for exponent in range(9, 0, -1):
        for times in range(9, 1, -1):
            yield times * 10.0**exponent, ""
            yield -times * 10.0**exponent, ""


def _raised(exponent: int) -> str:
    return ("⁻" if exponent < 0 else "") + str(abs(exponent)).translate(SUPERSCRIPT)


POWERS, LABELS = zip(*_powers(), strict=True)
"""Channel values that may have a tick, in the order in which they get one, and what stands there."""
