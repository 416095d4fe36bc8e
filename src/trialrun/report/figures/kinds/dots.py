"""Terms by how many had them: a dot for each group on an axis, or for each worst grade a dot by its size."""

from __future__ import annotations

from typing import Any

from trialrun.protocol.analysis import Hierarchy
from trialrun.protocol.figure import Dots
from trialrun.report.figures.cells import Cells, Statistics
from trialrun.report.figures.figure import (
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    WIDTH,
    Drawing,
    data,
    layered,
    span,
    tips,
)
from trialrun.report.figures.palette import colour, shape

HIGH = 24
GRADED = (GREY, SKY, ORANGE, VERMILION, PURPLE, INK)


def dots(drawn: Dots, cells: Cells) -> Drawing:
    """The terms of the last level, most frequent first, as many as the figure may have."""
    found = _terms(drawn, cells)
    if not found:
        return Drawing(None, "")
    order = list(dict.fromkeys(one["term"] for one in found))
    first = [one for one in found if one["term"] in order[:3] and not one["grade"]]
    each = "; ".join(cells.pair([one["term"]], one["said"]) for one in first)
    said = cells.language("picture.dots", count=len(order)) + f" {each}."
    kept = [one for one in found if one["term"] in order[: drawn.most]]
    notes = (
        (cells.language("picture.most", most=drawn.most, count=len(order)),)
        if len(order) > drawn.most
        else ()
    )
    chart = _grades(cells, kept) if drawn.grades else _groups(drawn, cells, kept)
    return Drawing(chart, said, notes)


def _terms(drawn: Dots, cells: Cells) -> list[dict[str, Any]]:
    """A dot for each term, grade ("" is any) and column in which somebody had it."""
    planned = cells.ard.outputs[cells.output].rows[drawn.of]
    depth = len(planned.levels) if isinstance(planned, Hierarchy) else 1
    graded = isinstance(planned, Hierarchy) and planned.worst is not None
    found: list[dict[str, Any]] = []
    for one in cells.lines(drawn.of):
        keys = one.line.key[1:]
        worst = graded and bool(keys) and keys[-1].startswith("worst=")
        if len(keys) - worst != depth or (worst and not drawn.grades):
            continue
        grade = one.title if worst else ""
        term = found[-1]["term"] if grade and found else one.title
        found += [_dot(drawn, one, term, grade, column.key, cells) for column in cells.columns]
    kept = [one for one in found if one["value"]]
    size = {one["term"]: one["value"] for one in reversed(kept) if not one["grade"]}
    return sorted(kept, key=lambda one: (-size.get(one["term"], 0.0), one["term"]))


def _dot(drawn: Dots, one: Statistics, term: str, grade: str, column: str, cells: Cells) -> dict[str, Any]:
    titles = {each.key: each.title(cells.language.code) for each in cells.columns}
    return {
        "term": term, "grade": grade, "group": titles[column], "said": one.text(column),
        "value": one.value(drawn.statistic, column), "n": one.value("n", column),
    }  # fmt: skip


def _groups(drawn: Dots, cells: Cells, found: list[dict[str, Any]]) -> Any:
    """An axis of frequency, groups by colour and shape."""
    import altair as alt

    order, groups = (list(dict.fromkeys(one[key] for one in found)) for key in ("term", "group"))
    scale = alt.Scale(domain=[0, span([one["value"] for one in found])[1]], nice=False)
    y = alt.Y(
        "term:N", sort=order, title=None, axis=alt.Axis(grid=True, ticks=False, domain=False, labelLimit=230)
    )
    x = alt.X("value:Q", title=drawn.x_title(cells.language.code), scale=scale)
    places, key = range(len(groups)), alt.Legend() if len(groups) > 1 else None
    fill = alt.Fill("group:N", legend=key, scale=alt.Scale(domain=groups, range=[colour(i) for i in places]))
    form = alt.Shape("group:N", legend=key, scale=alt.Scale(domain=groups, range=[shape(i) for i in places]))
    point = alt.Chart(data(found)).mark_point(size=100, opacity=1, stroke="white")
    hints = tips(("term", " "), ("group", " "), ("said", drawn.x_title(cells.language.code)))
    chart = point.encode(x=x, y=y, fill=fill, shape=form, tooltip=hints)
    return chart.properties(width=WIDTH - 250, height=HIGH * len(order))


def _grades(cells: Cells, found: list[dict[str, Any]]) -> Any:
    """Terms by grades: the larger a dot, the more had it as their worst; the number stands in it."""
    import altair as alt

    for one in found:
        one["grade"] = one["grade"] or cells.language("picture.any")
        one["many"] = f"{one['n']:.0f}" if one["n"] is not None else ""
    every = cells.language("picture.any")
    order, seen = list(dict.fromkeys(one["term"] for one in found)), {one["grade"] for one in found}
    grades = [every, *sorted(seen - {every})]
    y = alt.Y(
        "term:N",
        sort=order,
        title=None,
        axis=alt.Axis(grid=True, ticks=False, domain=False, labelLimit=230, labelPadding=8),
    )
    x = alt.X("grade:N", sort=grades, title=None, scale=alt.Scale(domain=grades),
              axis=alt.Axis(orient="top", labelAngle=0, ticks=False, domain=False, grid=False))  # fmt: skip
    size = alt.Size("value:Q", legend=None, scale=alt.Scale(domain=[0, 100], range=[0, 850]))
    ink = alt.Color("grade:N", legend=None,
                    scale=alt.Scale(domain=grades, range=list(GRADED[: len(grades)])))  # fmt: skip
    base = alt.Chart(data(found)).encode(x=x, y=y)
    dot = base.mark_circle(opacity=0.9).encode(
        size=size, color=ink, tooltip=tips(("term", " "), ("grade", " "), ("said", "n (%)"))
    )
    word = base.mark_text(dx=19, align="left", fontSize=11).encode(text=alt.Text("many:N"))
    return layered(dot, word, width=88 * len(grades), height=36 * len(order))
