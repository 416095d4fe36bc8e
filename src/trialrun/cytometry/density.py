"""Where the density of one marker parts: a valley between two peaks, or the foot of a peak's tail.

The density follows R's ``density()``, so that thresholds can be compared with those of openCyto, whose
``mindensity`` and ``tailgate`` the two cuts do over again from their published descriptions
(Bioconductor manual pages ``gate_mindensity``, ``gate_tail``; doi:10.1371/journal.pcbi.1003806).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEWEST = 50  # events below which no shape is read from a density: assumption
DIGITS = 8  # significant digits of a threshold


class _Decided:
    """Something that either has a value or says why it has none."""

    reasons: tuple[str, ...]

    @property
    def estimable(self) -> bool:
        return not self.reasons


@dataclass(frozen=True)
class Density:
    """A density on an even grid: `x` and `y` of equal length, and the standard deviation of its kernel."""

    x: Array
    y: Array
    bandwidth: float


@dataclass(frozen=True)
class Cut(_Decided):
    """A threshold on one marker, in the marker's own units, with what it was seen from.

    threshold: None where not estimable; then `reasons` says why. peaks: positions of all peaks, from left
    to right. separation: 1 - the density at the cut over that of the lower of the two peaks beside it
    (of the one peak, for a tail): 1 is a clean gap, 0 no valley at all. method: valley, tail or mixture.
    """

    method: str
    threshold: float | None
    peaks: tuple[float, ...]
    separation: float | None
    count: int
    reasons: tuple[str, ...] = ()

    def above(self, values: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Which events lie above the threshold. Raises ValueError where there is none."""
        if self.threshold is None:
            raise ValueError(f"no threshold: {'; '.join(self.reasons)}")
        return np.asarray(values > self.threshold)


def significant(value: float, digits: int = DIGITS) -> float:
    """A value at so many significant digits: the same on every machine's linear algebra."""
    return float(f"{value:.{digits}g}")


def finite(values: NDArray[Any]) -> Array:
    """The values as float64. Raises ValueError on any that is not finite."""
    array = np.ascontiguousarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError(
            f"{int((~np.isfinite(array)).sum())} values are not finite: remove those events first"
        )
    return array


def bandwidth(values: Array) -> float:
    """Silverman's rule of thumb as R's ``bw.nrd0`` has it: .9 min(sd, IQR / 1.34) n^(-1/5)."""
    spread = float(values.std(ddof=1))
    low, high = np.quantile(values, [0.25, 0.75])
    narrow = min(spread, float(high - low) / 1.34) or spread or abs(float(values[0])) or 1.0
    return 0.9 * narrow * math.pow(len(values), -0.2)


def density(values: NDArray[Any], adjust: float = 1.0, points: int = 512) -> Density:
    """Gaussian kernel density of at least two values, by R's conventions.

    Bandwidth ``nrd0`` × `adjust`; a grid of `points` from 3 bandwidths below the least value to 3 above the
    greatest; values shared linearly between the bins of a grid twice as fine and one bandwidth wider on
    either side; convolved by Fourier transform, and read off linearly. Raises ValueError if not finite.
    """
    array = np.sort(finite(values))  # sorted, so that the order of events changes no digit
    width = bandwidth(array) * adjust
    start, end = array[0] - 3 * width, array[-1] + 3 * width
    low, high = start - 4 * width, end + 4 * width
    size = 2 * points  # the far half stays empty, so that going around the circle brings nothing back
    place = (array - low) / ((high - low) / (points - 1))
    left = place.astype(np.int64)
    share = place - left
    mass = np.bincount(left, 1 - share, size) + np.bincount(left + 1, share, size)
    distance = np.minimum(np.arange(size), size - np.arange(size)) * (2 * (high - low) / (size - 1))
    kernel = np.exp(-0.5 * (distance / width) ** 2)
    smooth = np.fft.irfft(np.fft.rfft(mass) * np.fft.rfft(kernel), size)[:points]
    smooth = np.maximum(smooth, 0.0) / (width * np.sqrt(2 * np.pi) * len(array))
    grid = np.linspace(start, end, points)
    return Density(grid, np.interp(grid, np.linspace(low, high, points), smooth), width)


def peaks(found: Density) -> NDArray[np.int64]:
    """Indices of a density's local maxima, from left to right; of a flat top its first point."""
    steps = np.diff(found.y)
    moved = np.flatnonzero(steps)
    rising = steps[moved] > 0
    turns = np.flatnonzero(rising[:-1] & ~rising[1:])
    return np.asarray(moved[turns] + 1, dtype=np.int64)


def valley(
    values: NDArray[Any],
    adjust: float = 2.0,
    within: tuple[float, float] = (-np.inf, np.inf),
    shallowest: float = 0.0,
) -> Cut:
    """The least density between the two highest peaks, as openCyto's ``mindensity``.

    values: one marker, any length. adjust: widens the kernel (openCyto's default is 2). within: the cut is
    sought in this range only. shallowest: a valley whose separation is less is none. Not estimable with
    fewer than 50 events, one peak, or no valley within the range. Raises ValueError if not finite.
    """
    array = finite(values)
    if reason := _too_few(array):
        return Cut("valley", None, (), None, len(array), (reason,))
    return lowest(density(array, adjust), len(array), within, shallowest)


def lowest(
    found: Density, count: int, within: tuple[float, float] = (-np.inf, np.inf), shallowest: float = 0.0
) -> Cut:
    """The valley of a density that is there already, of so many events; else as `valley`."""
    tops = peaks(found)
    seen = tuple(significant(found.x[top]) for top in tops)

    def none(reason: str) -> Cut:
        return Cut("valley", None, seen, None, count, (reason,))

    if len(tops) < 2:
        return none("no valley: the density has one peak only")
    left, right = sorted(tops[np.argsort(-found.y[tops], kind="stable")[:2]])
    between = np.arange(left, right + 1)
    between = between[(found.x[between] >= within[0]) & (found.x[between] <= within[1])]
    if not len(between):
        return none(f"no valley between {within[0]:g} and {within[1]:g}")
    lowest = between[np.argmin(found.y[between])]
    separation = significant(1 - found.y[lowest] / min(found.y[left], found.y[right]))
    if separation <= shallowest:
        return none(f"the valley is too shallow: separation {separation:.3g}, needed above {shallowest:g}")
    return Cut("valley", significant(found.x[lowest]), seen, separation, count)


def tail(
    values: NDArray[Any],
    side: Literal["right", "left"] = "right",
    tolerance: float = 0.01,
    adjust: float = 1.0,
) -> Cut:
    """Where the tail of the highest peak has run out, as openCyto's ``tailgate`` by the first derivative.

    Beyond the steepest descent on that side, the first point where the slope is less than `tolerance` times
    the steepest slope of the whole density (openCyto's ``auto_tol``, which no unit of the marker changes).
    Not estimable with fewer than 50 events, or where the slope never levels off.
    """
    array = finite(values)
    if reason := _too_few(array):
        return Cut("tail", None, (), None, len(array), (reason,))
    sign = 1.0 if side == "right" else -1.0
    found = density(sign * array, adjust)
    tops = peaks(found)
    seen = tuple(sorted(significant(sign * found.x[top]) for top in tops))
    top = tops[np.argmax(found.y[tops])] if len(tops) else int(np.argmax(found.y))
    slope = np.gradient(found.y, found.x)
    falling = slope[top:]
    turns = np.flatnonzero((falling[1:-1] < falling[:-2]) & (falling[1:-1] <= falling[2:])) + 1
    steepest = top + (turns[0] if len(turns) else int(np.argmin(falling)))
    level = np.flatnonzero(np.abs(slope[steepest:]) < tolerance * np.abs(slope).max())
    if not len(level):
        return Cut("tail", None, seen, None, len(array), ("the tail does not level off",))
    foot = steepest + level[0]
    separation = significant(1 - found.y[foot] / found.y[top])
    return Cut("tail", significant(sign * found.x[foot]), seen, separation, len(array))


def edge(values: NDArray[Any], side: Literal["right", "left"] = "right", shallowest: float = 0.05) -> Cut:
    """The valley where there is one, else the tail: for debris (left), dead cells (right) and the like.

    shallowest: a valley with less separation is taken for roughness (assumption).
    """
    found = valley(values, shallowest=shallowest)
    return found if found.estimable else tail(values, side)


def _too_few(array: Array) -> str | None:
    if len(array) < FEWEST:
        return f"too few events: {len(array)}, at least {FEWEST} are needed"
    if array.min() == array.max():
        return "all events have the same value"
    return None
