"""Derived columns of participants from a trajectory: its peak, its area, its change, a confirmed rise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from math import fsum
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trialrun.analysis.paired_change import RESOLUTION, from_scale
from trialrun.protocol.derived import Traced
from trialrun.protocol.rule import Type

if TYPE_CHECKING:
    from trialrun.analysis.outputs.columns import Columns, Path
    from trialrun.analysis.outputs.trajectory import Course

Floats = NDArray[np.float64]


def traced(columns: Columns, derived: Traced, path: Path) -> tuple[pl.Series, Type, pl.Series]:
    """The column, its type, and the numbers of the rows behind each value; unknown is null."""
    from trialrun.analysis.outputs.trajectory import BASELINE, chosen, course

    one = course(columns, derived.trajectory)
    visits = chosen(columns, one, derived.at or one.later, path)
    needs_baseline = derived.verb in ("baseline", "change", "ratio", "area", "confirmed_rise")
    if needs_baseline and not one.how.baseline:
        hint = "Name the visits of its baseline in the trajectory."
        columns.refuse((*path, derived.verb), f"the trajectory `{one.name}` has no baseline", hint)
    if derived.verb in ("area", "peak_day", "confirmed_rise") and not one.timed:
        hint = "Name its column of study days: `day: LBDY`."
        columns.refuse((*path, derived.verb), f"the trajectory `{one.name}` has no days", hint)
    places = [place for visit in visits if (place := one.place(visit)) is not None]
    values: list[float | bool | None] = [None] * len(one.values)
    if one.unsure is None:  # nothing is known of numbers in different units
        values = [VERBS[derived.verb](one, who, places, derived) for who in range(len(one.values))]
    asked = visits if derived.verb in ("measured", "peak", "trough", "peak_day") else (BASELINE, *visits)
    rows = [list(one.sources([who], asked)) for who in range(len(one.values))]
    behind = pl.Series("_from", rows, dtype=pl.List(pl.UInt32))
    if derived.verb == "confirmed_rise":
        return pl.Series("value", values, dtype=pl.Boolean), Type("boolean"), behind
    rounded = [None if value is None else round(float(value), RESOLUTION) for value in values]
    return pl.Series("value", rounded, dtype=pl.Float64), Type("number"), behind


def _start(one: Course, who: int) -> float | None:
    """The baseline in the unit of the measurement."""
    start = float(from_scale(one.baseline[who], one.how.scale))
    return None if np.isnan(start) else start


def _seen(one: Course, who: int, places: list[int]) -> list[tuple[float, float]]:
    """(day, value) of what was measured at some visits, by day."""
    held = [(one.days[who, i], one.values[who, i]) for i in places if not np.isnan(one.values[who, i])]
    return sorted((float(day), float(value)) for day, value in held)


def _baseline(one: Course, who: int, places: list[int], derived: Traced) -> float | None:
    return _start(one, who)


def _measured(one: Course, who: int, places: list[int], derived: Traced) -> float | None:
    return next((value for _, value in _seen(one, who, places)), None)


def _change(one: Course, who: int, places: list[int], derived: Traced) -> float | None:
    start, value = _start(one, who), _measured(one, who, places, derived)
    return None if start is None or value is None else value - start


def _ratio(one: Course, who: int, places: list[int], derived: Traced) -> float | None:
    start, value = _start(one, who), _measured(one, who, places, derived)
    return None if start is None or value is None or start <= 0 else value / start


def _peak(one: Course, who: int, places: list[int], derived: Traced) -> float | None:
    return max((value for _, value in _seen(one, who, places)), default=None)


def _trough(one: Course, who: int, places: list[int], derived: Traced) -> float | None:
    return min((value for _, value in _seen(one, who, places)), default=None)


def _peak_day(one: Course, who: int, places: list[int], derived: Traced) -> float | None:
    """The day of the peak; of equal ones the first."""
    held = [each for each in _seen(one, who, places) if not np.isnan(each[0])]
    return max(held, key=lambda each: (each[1], -each[0]))[0] if held else None


def _area(one: Course, who: int, places: list[int], derived: Traced) -> float | None:
    """The area between the values and the baseline by trapezoids, over the days it spans: the mean height
    above baseline. Below baseline it is negative. It begins at the last baseline visit, with the baseline."""
    start = _start(one, who)
    days = [one.days[who, i] for name in one.how.baseline if (i := one.place(name)) is not None]
    known = [float(day) for day in days if not np.isnan(day)]
    points = [each for each in _seen(one, who, places) if not np.isnan(each[0])]
    if start is None or not known or not points:
        return None
    path = [(max(known), 0.0), *((day, value - start) for day, value in points if day > max(known))]
    if len(path) < 2:
        return None
    whole = fsum(
        (later - day) * (height + next_one) / 2 for (day, height), (later, next_one) in pairwise(path)
    )
    return whole / (path[-1][0] - path[0][0])


def _confirmed_rise(one: Course, who: int, places: list[int], derived: Traced) -> bool | None:
    """Whether a value is above the baseline by so much (and so many times it), and so is one so many days
    later; unknown for whom nothing was measured after baseline."""
    start, points = _start(one, who), _seen(one, who, places)
    if start is None or not points:
        return None
    times, by = float(derived.times or 0), float(derived.by or 0)
    high = [day for day, value in points if value >= times * start and round(value - start, RESOLUTION) >= by]
    return bool(high) and max(high) - min(high) >= derived.after


VERBS: Mapping[str, Callable[[Course, int, list[int], Traced], float | bool | None]] = {
    "baseline": _baseline,
    "measured": _measured,
    "change": _change,
    "ratio": _ratio,
    "peak": _peak,
    "trough": _trough,
    "peak_day": _peak_day,
    "area": _area,
    "confirmed_rise": _confirmed_rise,
}
