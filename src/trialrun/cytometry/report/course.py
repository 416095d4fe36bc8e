"""The course of one quantity in one participant: a point for each sample, its interval, and what failed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import escape

WIDTH, HEIGHT = 240, 136
LEFT, TOP, ACROSS, DOWN = 38, 8, 192, 100
LETTERS = 36  # of all labels along the axis together: more would touch


@dataclass(frozen=True)
class Point:
    """visit: its place among the visits. low, high: the ends of the interval, where there is one."""

    visit: int
    value: float
    low: float | None = None
    high: float | None = None
    failed: bool = False


def ends(values: Sequence[float]) -> tuple[float, float, float]:
    """Bottom, top and step of an axis from 0 (or below, where a value is) for these values."""
    low, high = min(0.0, *values), max(0.0, *values)
    if high == low:
        high = low + 1.0
    rough = (high - low) / 3
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(times for times in (1, 2, 5, 10) if rough <= times * power * 1.0000001)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step


def course(
    points: Sequence[Point],
    visits: Sequence[str],
    axis: tuple[float, float, float],
    number: Callable[[float], str],
) -> str:
    """What stands within the drawing. axis: as `ends` gives it; number: how the language writes one."""
    bottom, top, step = axis
    parts = [f'<rect class="field" x="{LEFT}" y="{TOP}" width="{ACROSS}" height="{DOWN}"/>']

    def y(value: float) -> float:
        return TOP + DOWN * (1 - (value - bottom) / (top - bottom))

    def x(visit: float) -> float:
        return LEFT + ACROSS * (visit + 0.5) / max(len(visits), 1)

    for place in range(round((top - bottom) / step) + 1):
        value = bottom + place * step
        parts.append(f'<path class="grid" d="M{LEFT} {y(value):.1f}h{ACROSS}"/>')
        label = escape(number(round(value, 10)))
        parts.append(f'<text class="end" x="{LEFT - 4}" y="{y(value) + 3:.1f}">{label}</text>')
    every = max(1, math.ceil(sum(len(one) + 1 for one in visits) / LETTERS))
    for place in range(0, len(visits), every):
        label = escape(visits[place][:12])
        parts.append(f'<text class="middle" x="{x(place):.1f}" y="{TOP + DOWN + 13}">{label}</text>')
    sound = [one for one in points if not one.failed]
    walk = " ".join(f"{x(one.visit):.1f} {y(one.value):.1f}" for one in sound)
    parts.append(f'<path class="course" d="M{walk}"/>' if len(sound) > 1 else "")
    for one in points:
        if one.low is not None and one.high is not None:
            high = y(min(one.high, top))
            parts.append(f'<path class="whisker" d="M{x(one.visit):.1f} {y(one.low):.1f}V{high:.1f}"/>')
        kind = "point failed" if one.failed else "point"
        parts.append(f'<circle class="{kind}" cx="{x(one.visit):.1f}" cy="{y(one.value):.1f}" r="3"/>')
    return "".join(parts)
