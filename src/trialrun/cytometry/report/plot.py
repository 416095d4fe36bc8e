"""One gate in its parent as a drawing: the density below, axes around it, the gate's lines above.

A drawing has no words of any language: names of markers and channels, and channel values.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import escape
from numpy.typing import NDArray

from .axis import Axis, Tick
from .colour import LEVELS, palette
from .outline import Outline
from .png import data_url, png

Values = NDArray[np.float64]

WIDTH, HEIGHT = 200, 184
LEFT, TOP, ACROSS, DOWN = 40, 6, 154, 146  # the field within the axes
PIXELS = 80  # of a density, along each side
NEAR = (0.06, 0.24, 0.4, 0.24, 0.06)  # how much of a pixel its neighbours see: a kernel against noise
BINS = 96  # of a histogram
DOTS = 240  # events of a population that are drawn over its ancestors, evenly spaced in the file
NAME = 38  # letters of a title that fit


def field(axes: Sequence[Axis], scaled: Sequence[Values], outline: Outline) -> str:
    """The density of one marker or two in the parent's events, and the gate. scaled: one column per axis."""
    if len(axes) == 1:
        return _histogram(axes[0], scaled[0], outline)
    return _frame(axes, _density(axes, scaled)) + lines(axes, outline)


def lines(axes: Sequence[Axis], outline: Outline, kind: str = "gate") -> str:
    """A gate's border; of one marker a line at each bound."""
    if len(axes) == 1:
        bounds = [bound for span in outline.spans for bound in span if bound is not None]
        places = [_x(axes[0], bound) for bound in bounds if axes[0].low <= bound <= axes[0].high]
        return "".join(f'<path class="{kind}" d="M{x:.1f} {TOP}v{DOWN}"/>' for x in places)
    return "".join(_path(axes, path, kind) for path in outline.paths)


def dots(axes: Sequence[Axis], scaled: Sequence[Values]) -> str:
    """Events of a population over an ancestor's plot: points, or of one marker their histogram."""
    if not len(scaled[0]):
        return ""
    if len(axes) == 1:
        return f'<path class="over" d="{_hill(axes[0], scaled[0])}"/>'
    every = -(-len(scaled[0]) // DOTS)
    x = LEFT + ACROSS * axes[0].place(scaled[0][::every])
    y = TOP + DOWN * (1 - axes[1].place(scaled[1][::every]))
    marks = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x, y, strict=True))
    return f'<path class="dots" d="{marks}"/>'


# ---- densities ------------------------------------------------------------------------------------


def _density(axes: Sequence[Axis], scaled: Sequence[Values]) -> str:
    if not len(scaled[0]):
        return ""
    image = data_url(png(_levels(axes, scaled), palette()))
    return (
        f'<image class="density" x="{LEFT}" y="{TOP}" width="{ACROSS}" height="{DOWN}" '
        f'preserveAspectRatio="none" href="{image}"/>'
    )


def _levels(axes: Sequence[Axis], scaled: Sequence[Values]) -> NDArray[np.uint8]:
    """Rows × columns, 0 without events, else 1 to LEVELS with the logarithm of how many are around."""
    column, row = (_bins(axis, values, PIXELS) for axis, values in zip(axes, scaled, strict=True))
    counts = np.bincount(row * PIXELS + column, minlength=PIXELS * PIXELS).astype(np.float64)
    square = counts.reshape(PIXELS, PIXELS)
    around: Values = square
    for side in (0, 1):
        wide = np.pad(around, [(2, 2) if axis == side else (0, 0) for axis in (0, 1)])
        shifted = [np.take(wide, np.arange(place, place + PIXELS), axis=side) for place in range(len(NEAR))]
        around = np.tensordot(np.array(NEAR), np.stack(shifted), axes=1)
    light = np.log1p(around) / np.log1p(around.max())
    levels = np.where(square > 0, 1 + np.rint(light * (LEVELS - 1)), 0).astype(np.uint8)
    return levels[::-1]


def _bins(axis: Axis, scaled: Values, number: int) -> NDArray[np.int64]:
    return np.minimum((axis.place(scaled) * number).astype(np.int64), number - 1)


def _histogram(axis: Axis, scaled: Values, outline: Outline) -> str:
    drawn = _frame([axis], "")
    if len(scaled):
        drawn += f'<path class="hill" d="{_hill(axis, scaled)}"/>'
        for low, high in outline.spans:
            drawn += f'<path class="kept" d="{_hill(axis, scaled, low, high)}"/>'
    return drawn + lines([axis], outline)


def _hill(axis: Axis, scaled: Values, low: float | None = None, high: float | None = None) -> str:
    """The area under a marker's histogram, its greatest height nearly that of the field."""
    counts = np.bincount(_bins(axis, scaled, BINS), minlength=BINS).astype(np.float64)
    inner = np.convolve(np.pad(counts, 2, mode="edge"), np.array([1, 2, 3, 2, 1]) / 9, mode="valid")
    heights = inner / inner.max() * 0.94
    centres = (np.arange(BINS) + 0.5) / BINS
    start, end = (
        default if bound is None else float(axis.place(np.array([bound]))[0])
        for bound, default in ((low, 0.0), (high, 1.0))
    )
    if end <= start:
        return "M0 0"
    between = centres[(centres > start) & (centres < end)]
    places = np.concatenate([[start], between, [end]])
    values = np.interp(places, centres, heights)
    x, y = LEFT + ACROSS * places, TOP + DOWN * (1 - values)
    top = " ".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
    return f"M{x[0]:.1f} {TOP + DOWN}L{top}V{TOP + DOWN}z"


# ---- around ---------------------------------------------------------------------------------------


def _frame(axes: Sequence[Axis], inside: str) -> str:
    parts = [f'<rect class="field" x="{LEFT}" y="{TOP}" width="{ACROSS}" height="{DOWN}"/>', inside]
    bottom = TOP + DOWN
    marks, words = [], []
    for tick in axes[0].ticks():
        x = LEFT + ACROSS * tick.at
        marks.append(f"M{x:.1f} {bottom}v{_length(tick)}")
        if tick.label:
            words.append(f'<text class="middle" x="{x:.1f}" y="{bottom + 12.5}">{escape(tick.label)}</text>')
    if len(axes) > 1:
        for tick in axes[1].ticks():
            y = bottom - DOWN * tick.at
            marks.append(f"M{LEFT} {y:.1f}h-{_length(tick)}")
            if tick.label:
                words.append(
                    f'<text class="end" x="{LEFT - 5}" y="{y + 2.8:.1f}">{escape(tick.label)}</text>'
                )
        words.append(
            f'<text class="middle" transform="translate(8.5 {TOP + DOWN / 2}) rotate(-90)">'
            f"{escape(_fit(axes[1].title))}</text>"
        )
    words.append(
        f'<text class="middle" x="{LEFT + ACROSS / 2}" y="{HEIGHT - 4}">{escape(_fit(axes[0].title))}</text>'
    )
    return "".join([*parts, f'<path class="ticks" d="{"".join(marks)}"/>', *words])


def _length(tick: Tick) -> float:
    return 3.5 if tick.label else 2


def _fit(title: str) -> str:
    return title if len(title) <= NAME else f"{title[: NAME - 1]}…"


def _x(axis: Axis, scaled: float) -> float:
    return LEFT + ACROSS * float(axis.place(np.array([scaled]))[0])


def _path(axes: Sequence[Axis], path: Sequence[tuple[float, float]], kind: str) -> str:
    """A closed border; corners beyond an axis lie on its end, which is where their events are drawn."""
    points = np.array(path)
    x = LEFT + ACROSS * axes[0].place(points[:, 0])
    y = TOP + DOWN * (1 - axes[1].place(points[:, 1]))
    return f'<path class="{kind}" d="M{" ".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))}z"/>'
