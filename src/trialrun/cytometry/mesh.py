"""Which events a polygon holds, mostly without their transform.

A mesh is laid over the box around the polygon, even on a cheap scale of the channel values. A cell that no
edge of the polygon touches lies inside or outside as a whole; only events in the other cells, a few percent,
are transformed and asked about one by one. So the answer is that of asking about each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .gates import Mask, points_within
from .sample import Events
from .transform import Linear, Transform, Values, threshold

Vertices = tuple[tuple[float, float], ...]

CELLS = 256
OUTSIDE, INSIDE, MIXED = 0, 1, 2

# Cells are taken this part of their width wider on each side, so that an event is in its cell in spite of
# float32; where float32 is too coarse for that there is no mesh.
SLACK = 0.01
_FLOAT32 = 2.0**-22  # four units in the last place, for the value and the cheap scale of it


@dataclass(frozen=True)
class Axis:
    """Cells between two channel values, even in asinh(x / knee), or in x itself for no knee."""

    transform: Transform | None
    low: float
    high: float
    knee: float

    def cheap(self, values: Events) -> NDArray[np.float32]:
        narrow = values.astype(np.float32)
        return np.arcsinh(narrow * np.float32(1 / self.knee)) if self.knee else narrow

    @property
    def ends(self) -> tuple[float, float]:
        if not self.knee:
            return self.low, self.high
        return math.asinh(self.low / self.knee), math.asinh(self.high / self.knee)

    @property
    def sound(self) -> bool:
        """Whether float32 tells its cells apart."""
        low, high = self.ends
        return (high - low) / CELLS * SLACK > max(abs(low), abs(high)) * _FLOAT32 > 0

    def cells(self, values: Events) -> NDArray[np.int32]:
        """The cell of each value between low and high."""
        low, high = self.ends
        place = (self.cheap(values) - np.float32(low)) * np.float32(CELLS / (high - low))
        cells: NDArray[np.int32] = place.astype(np.int32)
        return np.clip(cells, 0, CELLS - 1, out=cells)

    def borders(self, slack: float) -> tuple[Values, Values]:
        """Where cells begin and end, on the scale of the gate; with slack a little before and behind."""
        low, high = self.ends
        places = np.arange(CELLS, dtype=np.float64)
        return self._scaled(low, high, places - slack), self._scaled(low, high, places + 1 + slack)

    def _scaled(self, low: float, high: float, places: Values) -> Values:
        cheap = low + places * ((high - low) / CELLS)
        values = np.sinh(cheap) * self.knee if self.knee else cheap
        return values if self.transform is None else self.transform.apply(values)


@dataclass(frozen=True, eq=False)
class Mesh:
    """Cells of two axes, each outside, inside or mixed."""

    x: Axis
    y: Axis
    states: NDArray[np.uint8]

    def look_up(self, x: Events, y: Events) -> NDArray[np.uint8]:
        """The state of each event's cell; the events lie in the box."""
        cells = self.x.cells(x) * np.int32(CELLS) + self.y.cells(y)
        return self.states.take(cells)


@lru_cache(maxsize=256)
def mesh(x: Transform | None, y: Transform | None, vertices: Vertices) -> Mesh | None:
    """The mesh of a polygon on these scales; None where its box is not finite or too small for float32."""
    sides = [(min(side), max(side)) for side in zip(*vertices, strict=True)]
    axes = [_axis(transform, *side) for transform, side in zip((x, y), sides, strict=True)]
    if axes[0] is None or axes[1] is None:
        return None
    corners = np.array(vertices)
    middles = [axis.borders(-0.5)[0] for axis in (axes[0], axes[1])]
    grid = np.stack(np.meshgrid(*middles, indexing="ij"), axis=-1).reshape(-1, 2)
    states = points_within(corners, grid).astype(np.uint8)
    states[_touched(corners, axes[0].borders(SLACK), axes[1].borders(SLACK)).ravel()] = MIXED
    return Mesh(axes[0], axes[1], states)


def _axis(transform: Transform | None, low: float, high: float) -> Axis | None:
    if transform is None or isinstance(transform, Linear):
        ends, knee = (low, high), 0.0
        if transform is not None:
            ends = (threshold(transform, low), threshold(transform, high))
    else:
        ends = (threshold(transform, low), threshold(transform, high))
        zero = float(transform.apply(np.zeros(1))[0])
        if not math.isfinite(zero):
            return None
        knee = abs(float(transform.inverse(np.array([zero + 0.02]))[0]))
        if not 1e-6 < knee < 1e12:
            return None
    if not all(math.isfinite(end) for end in ends):
        return None
    axis = Axis(transform, *ends, knee)
    return axis if axis.sound else None


def _touched(corners: Values, x: tuple[Values, Values], y: tuple[Values, Values]) -> Mask:
    """Which cells (x × y) an edge may touch: in each column of cells, the rows that its part there spans."""
    spans = np.zeros((CELLS, CELLS + 1), dtype=np.int32)
    pad = 1e-9 * (np.abs(corners).max() + 1)
    columns = np.arange(CELLS)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        (x0, y0), (x1, y1) = (start, end) if start[0] <= end[0] else (end, start)
        met = (x[1] >= x0 - pad) & (x[0] <= x1 + pad)
        slope = (y1 - y0) / (x1 - x0) if x1 - x0 > pad else math.inf
        if math.isfinite(slope):
            ends = [y0 + slope * (np.clip(side[met], x0, x1) - x0) for side in x]
            low, high = np.minimum(*ends) - pad, np.maximum(*ends) + pad
        else:
            low, high = (np.full(met.sum(), edge) for edge in (min(y0, y1) - pad, max(y0, y1) + pad))
        first = np.searchsorted(y[1], low, side="left")
        last = np.searchsorted(y[0], high, side="right")
        np.add.at(spans, (columns[met], np.minimum(first, last)), 1)
        np.add.at(spans, (columns[met], last), -1)
    return np.asarray(np.cumsum(spans[:, :CELLS], axis=1) > 0)
