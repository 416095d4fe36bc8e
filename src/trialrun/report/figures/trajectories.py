"""A measurement over time: a line for each participant, and the median."""

from __future__ import annotations

from typing import Any

import numpy as np

from trialrun.analysis.arrays import Arrays
from trialrun.analysis.endpoint import hypothetical, measured, members
from trialrun.protocol.endpoint import PairedChange
from trialrun.protocol.protocol import Protocol
from trialrun.report.comparison import title as arm_title
from trialrun.report.figures.figure import (
    BAND,
    BLUE,
    GREY,
    VERMILION,
    WIDTH,
    Figure,
    Rows,
    data,
    days_marked,
    draw,
)
from trialrun.report.figures.palette import colour, shape, swatch
from trialrun.report.language import Language
from trialrun.report.participants import course_label, short

KEY = (("line", "trajectories.one"), ("median", "median"), ("band", "courses"))


def trajectories(protocol: Protocol, arrays: Arrays, name: str, language: Language) -> Figure:
    """Every dosed participant's values over the actual study day; the median at each planned timepoint."""
    endpoint = protocol.study.endpoints[name]
    assert isinstance(endpoint, PairedChange)
    points = _points(arrays, endpoint)
    lines = _lines(arrays, endpoint, points)
    each = [
        _medians(protocol, [row for row in lines if row["arm"] == arm])
        for arm in range(len(arrays.arms) or 1)
    ]
    title = endpoint.title(language.code)
    return Figure(
        id=f"trajectories-{name}",
        title=title,
        label=language("trajectories.label", title=title, count=len({row["who"] for row in lines})),
        svg=draw(_chart(protocol, endpoint, lines, each, language), f"trajectories-{name}", language),
        rows=_rows(protocol, arrays, endpoint, points, language),
        note=_note(arrays, endpoint, language),
        key=_key(protocol, arrays, language),
    )


def _key(protocol: Protocol, arrays: Arrays, language: Language) -> tuple[tuple[str, str], ...]:
    if not arrays.arms:
        return tuple((kind, language(word)) for kind, word in KEY)
    arms = ((swatch(k), arm_title(protocol, arm, language)) for k, arm in enumerate(arrays.arms))
    return (*arms, ("band", language("courses")))


def _note(arrays: Arrays, endpoint: PairedChange, language: Language) -> str:
    note = language("trajectories.note.log" if endpoint.scale == "log" else "trajectories.note")
    note = f"{language('trajectories.arms')} {note}" if arrays.arms else note
    left_out = any(arrays.events(name).happened.any() for name in hypothetical(endpoint))
    return f"{note} {language('trajectories.rescued')}" if left_out else note


def _points(arrays: Arrays, endpoint: PairedChange) -> list[str]:
    _, seen = arrays.parameter(endpoint.parameter)
    who = members(arrays)[0]
    return [point for i, point in enumerate(arrays.points) if seen[0, who, i].any()]


def _lines(arrays: Arrays, endpoint: PairedChange, points: list[str]) -> list[dict[str, Any]]:
    values = measured(arrays, endpoint.parameter)[0]
    rows = []
    for i in np.flatnonzero(members(arrays)[0]):
        for point in points:
            at = arrays.point(point)
            value, day = float(values[i, at]), float(arrays.days[0, i, at])
            if np.isnan(value) or np.isnan(day) or (endpoint.scale == "log" and value <= 0):
                continue
            arm = int(arrays.arm[0, i]) if arrays.arms else 0
            rows.append({"who": arrays.subjects[i], "arm": arm, "point": point, "day": day, "value": value})
    return rows


def _medians(protocol: Protocol, lines: list[dict[str, Any]]) -> list[dict[str, float]]:
    """The median at each planned day; day 1 is one day, whichever the arm's first course."""
    grouped: dict[int, list[dict[str, Any]]] = {}
    for row in lines:
        grouped.setdefault(protocol.timepoints[row["point"]].offset, []).append(row)
    return [_median(grouped[offset]) for offset in sorted(grouped)]


def _median(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {of: float(np.median([row[of] for row in rows])) for of in ("day", "value")}


def courses(protocol: Protocol, language: Language) -> list[dict[str, Any]]:
    """The planned days of each course, for bands behind a time axis; courses of arms that begin together
    share one."""
    bands: dict[int, tuple[list[str], int]] = {}
    for cycle in protocol.cycles:
        days = [point.day for point in protocol.doses if point.cycle == cycle]
        labels, last = bands.get(min(days), ([], 0))
        bands[min(days)] = [*labels, course_label(protocol, cycle, language.code)], max(last, *days)
    return [
        {"cycle": ", ".join(labels), "from": first - 0.5, "to": last + 0.5, "middle": (first + last) / 2}
        for first, (labels, last) in bands.items()
    ]


def _chart(
    protocol: Protocol,
    endpoint: PairedChange,
    lines: list[dict[str, Any]],
    each: list[list[dict[str, float]]],
    language: Language,
) -> Any:
    """``each`` are the medians of each arm, or of everyone."""
    import altair as alt

    days = [row["day"] for row in lines]
    last = max(days, default=1.0)
    within = alt.Scale(domain=[min([-5.0, *days]) - 6, max(60, last + 8)], nice=False)
    ticks = alt.Axis(grid=False, values=[-14, 1, *days_marked(max(60, last))])
    x = alt.X("day:Q", title=language("study.day"), scale=within, axis=ticks)
    y = alt.Y("value:Q", title=None, scale=_scale(endpoint, lines), axis=alt.Axis(tickCount=6, format="~r"))
    bands = data(courses(protocol, language))
    band = alt.Chart(bands).mark_rect(color=BAND).encode(x=alt.X("from:Q"), x2="to:Q")
    names = alt.Chart(bands).mark_text(dy=-6, color=GREY, fontSize=11, baseline="bottom")
    names = names.encode(x="middle:Q", y=alt.value(0), text="cycle:N")
    if len(each) == 1:
        layers = [_people(lines, BLUE, 0.35, x, y), *_median_line(each[0], language("median"), x, y)]
    else:
        layers = _arms(protocol, lines, each, x, y)
    return alt.layer(band, names, *layers).properties(width=WIDTH - 70, height=300)


def _people(lines: list[dict[str, Any]], colour: str, opacity: float, x: Any, y: Any) -> Any:
    """A thin line for each participant."""
    import altair as alt

    dot = {"size": 14, "color": colour, "opacity": opacity + 0.2}
    line = alt.Chart(data(lines)).mark_line(color=colour, opacity=opacity, strokeWidth=1.2, point=dot)
    return line.encode(x=x, y=y, detail="who:N", order="day:Q")


def _arms(
    protocol: Protocol, lines: list[dict[str, Any]], each: list[list[dict[str, float]]], x: Any, y: Any
) -> list[Any]:
    """Each arm in its colour and shape: its participants below, the medians of all arms above them."""
    import altair as alt

    layers = [
        _people([row for row in lines if row["arm"] == k], colour(k), 0.18, x, y) for k in range(len(each))
    ]
    for k, medians in enumerate(each):
        median = alt.Chart(data(medians)).encode(x=x, y=y, order="day:Q")
        layers.append(median.mark_line(color="white", strokeWidth=5.5))
        layers.append(median.mark_line(color=colour(k), strokeWidth=3))
        layers.append(median.mark_point(shape=shape(k), fill=colour(k), stroke="white", size=110, opacity=1))
    return layers


def _median_line(medians: list[dict[str, float]], name: str, x: Any, y: Any) -> list[Any]:
    """The median of everyone, named."""
    import altair as alt

    median = alt.Chart(data(medians)).encode(x=x, y=y, order="day:Q")
    line = median.mark_line(color=VERMILION, strokeWidth=3)
    dots = median.mark_point(color=VERMILION, filled=True, size=40, opacity=1)
    # The line is named where it stands highest, away from its crowded end.
    word = alt.Chart(data([max(medians, key=lambda each: float(each["value"]))] if medians else []))
    place: dict[str, Any] = {"text": name, "fontWeight": "bold"}
    place |= {"align": "left", "dx": 8, "dy": -12}
    halo = word.mark_text(**place, stroke="white", strokeWidth=5, strokeJoin="round").encode(x=x, y=y)
    label = word.mark_text(**place, fill=VERMILION).encode(x=x, y=y)
    return [line, dots, halo, label]


def _scale(endpoint: PairedChange, lines: list[dict[str, Any]]) -> Any:
    import altair as alt

    values = [row["value"] for row in lines] or [1.0]
    if endpoint.scale == "log":
        return alt.Scale(type="log", domain=[min(values) * 0.85, max(values) * 1.2], nice=False)
    return alt.Scale(domain=[min(0.0, *values), max(values) * 1.08], nice=False)


def _rows(
    protocol: Protocol, arrays: Arrays, endpoint: PairedChange, points: list[str], language: Language
) -> Rows:
    values = measured(arrays, endpoint.parameter)[0]
    labels = tuple(protocol.timepoints[point].label(language.code) for point in points)
    body = []
    for i in np.flatnonzero(members(arrays)[0]):
        cells = [values[i, arrays.point(point)] for point in points]
        shown = tuple("–" if np.isnan(value) else language.number(float(value)) for value in cells)
        body.append((short(protocol, arrays.subjects[i]), *shown))
    return Rows((language("participant"), *labels), tuple(body))
