"""A gate as lines on the axes of a plot: exact where its shape is known, else traced around what it holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialrun.cytometry.gates import Ellipsoid, Mask, Polygon, Quadrant, Rectangle, Shape
from trialrun.cytometry.transform import Transform

Values = NDArray[np.float64]
Point = tuple[float, float]
Bounds = tuple[float | None, float | None]

GRID = 160
"""Cells along each side in which a gate without a shape of its own is asked."""
MOST = 12  # parts of a traced gate that are drawn, the largest: the rest is smaller than a line is wide


@dataclass(frozen=True)
class Outline:
    """On the scale. spans: of one marker, what is kept; paths: of two, closed."""

    spans: tuple[Bounds, ...] = ()
    paths: tuple[tuple[Point, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.spans or self.paths)


def of_shape(
    shape: Shape,
    channels: Sequence[str],
    transforms: Sequence[Transform],
    windows: Sequence[tuple[float, float]],
) -> Outline:
    """The outline of a gate on the axes of these channels; of more than two dimensions, in the first two.

    On two axes a gate of one marker holds all of the other. Nothing where a dimension is on no axis.
    """
    read = [str(one.channel) for one in shape.dimensions[:2]]
    if not set(read) <= set(channels):
        return Outline()
    match shape:
        case Polygon():
            return Outline(paths=(_turned(shape.vertices, read, channels),))
        case Ellipsoid():
            return Outline(paths=(_turned(_ellipse(shape), read, channels),))
        case Rectangle() | Quadrant():
            known = {
                name: _scaled(box, None if one.transform else transforms[channels.index(name)])
                for name, one, box in zip(read, shape.dimensions, shape.box, strict=False)
            }
            sides = [known.get(name, (None, None)) for name in channels]
            if len(sides) == 1:
                return Outline(spans=(sides[0],))
            (left, right), (bottom, top) = (
                (window[0] if low is None else low, window[1] if high is None else high)
                for (low, high), window in zip(sides, windows, strict=True)
            )
            return Outline(paths=(((left, bottom), (right, bottom), (right, top), (left, top)),))


def _turned(points: Sequence[Point], read: Sequence[str], channels: Sequence[str]) -> tuple[Point, ...]:
    """Points of a gate that reads channels in another order than that of the axes, on the axes."""
    return tuple(points) if read == list(channels) else tuple((y, x) for x, y in points)


def of_events(holds: Callable[[Values], Mask], windows: Sequence[tuple[float, float]]) -> Outline:
    """The outline of what a gate holds, asked on a grid. holds: takes markers × events on their scales."""
    centres = [low + (np.arange(GRID) + 0.5) * (high - low) / GRID for low, high in windows]
    if len(centres) == 1:
        return Outline(spans=_runs(holds(centres[0][None, :]), windows[0]))
    x, y = np.meshgrid(*centres)
    held = holds(np.stack([x.ravel(), y.ravel()])).reshape(GRID, GRID)
    loops = sorted(_loops(held), key=_area, reverse=True)[:MOST]
    return Outline(paths=tuple(_placed(_plain(loop), windows) for loop in loops if _area(loop) > 2))


def _scaled(bounds: Bounds, transform: Transform | None) -> Bounds:
    """Bounds as channel values, on the scale; a bound that has no place there is none."""
    low, high = (
        None
        if value is None
        else value
        if transform is None
        else float(transform.apply(np.array([value]))[0])
        for value in bounds
    )
    return (
        low if low is not None and math.isfinite(low) else None,
        high if high is not None and math.isfinite(high) else None,
    )


def _ellipse(shape: Ellipsoid) -> tuple[Point, ...]:
    covariance = np.array(shape.covariance)[:2, :2] * shape.distance_square
    values, vectors = np.linalg.eigh(covariance)
    turn = np.linspace(0, 2 * math.pi, 72, endpoint=False)
    circle = np.sqrt(np.maximum(values, 0))[:, None] * np.stack([np.cos(turn), np.sin(turn)])
    x, y = vectors @ circle + np.array(shape.mean[:2])[:, None]
    return tuple(zip(x.tolist(), y.tolist(), strict=True))


def _runs(held: Mask, window: tuple[float, float]) -> tuple[Bounds, ...]:
    turns = np.flatnonzero(np.diff(np.concatenate([[False], held, [False]]).astype(np.int8)))
    places = [window[0] + float(turn) * (window[1] - window[0]) / GRID for turn in turns]
    return tuple(
        (None if low == 0 else a, None if high == GRID else b)
        for (low, high), a, b in zip(
            zip(turns[::2], turns[1::2], strict=True), places[::2], places[1::2], strict=True
        )
    )


# ---- tracing --------------------------------------------------------------------------------------


def _loops(held: Mask) -> list[list[tuple[int, int]]]:
    """The borders of the cells that are held, each a closed walk along their edges."""
    wide = np.pad(held, 1)
    edges: dict[tuple[int, int], list[tuple[int, int]]] = {}

    def add(starts: tuple[NDArray[np.int64], ...], start: tuple[int, int], end: tuple[int, int]) -> None:
        for row, column in zip(starts[0].tolist(), starts[1].tolist(), strict=True):
            edges.setdefault((column + start[0], row + start[1]), []).append((column + end[0], row + end[1]))

    inner = wide[1:-1, 1:-1]
    add(np.nonzero(inner & ~wide[:-2, 1:-1]), (0, 0), (1, 0))
    add(np.nonzero(inner & ~wide[1:-1, 2:]), (1, 0), (1, 1))
    add(np.nonzero(inner & ~wide[2:, 1:-1]), (1, 1), (0, 1))
    add(np.nonzero(inner & ~wide[1:-1, :-2]), (0, 1), (0, 0))
    found = []
    while edges:
        start = min(edges)
        loop, here = [start], edges[start].pop()
        if not edges[start]:
            del edges[start]
        while here != start:
            loop.append(here)
            ends = edges[here]
            nearer = ends.pop()
            if not ends:
                del edges[here]
            here = nearer
        found.append(loop)
    return found


def _area(loop: Sequence[tuple[int, int]]) -> float:
    x, y = np.array(loop, dtype=np.float64).T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _plain(loop: list[tuple[int, int]]) -> Values:
    """The loop without the steps of the grid (Douglas and Peucker 1973, Cartographica 10:112)."""
    corners = np.array(loop, dtype=np.float64)
    middles = (corners + np.roll(corners, -1, axis=0)) / 2
    points = np.concatenate([middles, middles[:1]])
    far = int(np.argmax(((points - points[0]) ** 2).sum(axis=1)))
    keep = {0, far, len(points) - 1}
    waiting = [(0, far), (far, len(points) - 1)]
    while waiting:
        start, end = waiting.pop()
        if end - start < 2:
            continue
        along = points[end] - points[start]
        off = points[start + 1 : end] - points[start]
        length = math.hypot(*along)
        away = np.abs(along[0] * off[:, 1] - along[1] * off[:, 0]) / (length or 1.0)
        if away.max() > 0.55:
            middle = start + 1 + int(np.argmax(away))
            keep.add(middle)
            waiting += [(start, middle), (middle, end)]
    return points[sorted(keep)[:-1]]


def _placed(points: Values, windows: Sequence[tuple[float, float]]) -> tuple[Point, ...]:
    (left, right), (bottom, top) = windows
    x = left + points[:, 0] * (right - left) / GRID
    y = bottom + points[:, 1] * (top - bottom) / GRID
    return tuple(zip(x.tolist(), y.tolist(), strict=True))
