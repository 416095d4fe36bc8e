"""Estimates with their intervals, one after the other, groups side by side."""

from __future__ import annotations

from typing import Any

from trialrun.protocol.figure import Means
from trialrun.report.figures.cells import Cells
from trialrun.report.figures.figure import WIDTH, Drawing, data, heights, layered, rules, tips, x_at, y_at
from trialrun.report.figures.palette import colour, shape

ACROSS, HEIGHT = WIDTH - 70, 270


def means(drawn: Means, cells: Cells) -> Drawing:
    """What could be estimated; lines without an estimate are left out."""
    code = cells.language.code
    points = _points(drawn, cells)
    if not points:
        return Drawing(None, "")
    said = cells.language("picture.means", y=drawn.y_title(code)) + " " + _said(points, cells)
    lines = [(float(one.at), one.title(code) if one.title else "") for one in drawn.lines]
    return Drawing(_chart(drawn, cells, points, lines), said)


def _points(drawn: Means, cells: Cells) -> list[dict[str, Any]]:
    """A point for each line and column; rows named one after the other are groups too."""
    found = []
    for row in drawn.of:
        name = cells.row_title(row)
        for _, words, one in cells.along(row, drawn.estimate):
            for column in cells.columns:
                values = [one.value(key, column.key) for key in (drawn.estimate, drawn.lower, drawn.upper)]
                if values[0] is None:
                    continue
                group = [*([name] if len(drawn.of) > 1 else [])]
                group += [column.title(cells.language.code)] if len(cells.columns) > 1 else []
                found.append({
                    "about": words, "y": values[0], "lower": values[1], "upper": values[2],
                    "said": one.text(column.key), "group": ", ".join(group),
                })  # fmt: skip
    return found


def _said(points: list[dict[str, Any]], cells: Cells) -> str:
    each = [cells.pair([one["about"], one["group"]], one["said"]) for one in points]
    kept = each if len(each) <= 8 else [*each[:2], "…", *each[-2:]]
    return "; ".join(kept) + "."


def _chart(drawn: Means, cells: Cells, points: list[dict[str, Any]], lines: list[tuple[float, str]]) -> Any:
    import altair as alt

    code, log = cells.language.code, drawn.scale == "log"
    groups = list(dict.fromkeys(one["group"] for one in points))
    order = list(dict.fromkeys(one["about"] for one in points))
    values = [one[key] for one in points for key in ("y", "lower", "upper") if one[key] is not None]
    values = [*values, *(at for at, _ in lines)]
    long = max(map(len, order)) * len(order) * 6.5 > ACROSS
    axis = alt.Axis(labelAngle=-40 if long else 0, grid=False, labelPadding=6, labelOverlap=False)
    x = alt.X("about:N", sort=order, title=drawn.x_title(code) if drawn.x_title else None, axis=axis,
              scale=alt.Scale(type="point", padding=0.5))  # fmt: skip
    y, scale = heights(drawn.y_title(code), values, log)
    layers = rules(lines, scale, ACROSS)
    for place, group in enumerate(groups):
        # Groups stand beside each other, so that no interval hides another.
        shift = (place - (len(groups) - 1) / 2) * 9
        base = alt.Chart(data([one for one in points if one["group"] == group])).encode(x=x)
        hints = tips(("about", drawn.x_title(code) if drawn.x_title else " "), ("said", drawn.y_title(code)))
        ink, line = colour(place), base.mark_line(color=colour(place), strokeWidth=1.5, xOffset=shift)
        layers += [line.encode(y=y)] if drawn.joined and len(order) > 1 else []
        layers.append(
            base.mark_rule(color=ink, strokeWidth=2, xOffset=shift).encode(
                y=alt.Y("lower:Q", scale=scale, title=drawn.y_title(code)), y2=alt.Y2("upper:Q")
            )
        )
        dot = base.mark_point(shape=shape(place), fill=ink, stroke="white", size=90, opacity=1, xOffset=shift)
        layers.append(dot.encode(y=y, tooltip=hints))
    if len(groups) > 1:
        layers.append(_key(groups, x, y))
    return layered(*layers, width=ACROSS, height=HEIGHT)


def _key(groups: list[str], x: Any, y: Any) -> Any:
    """Signs that are not seen, for the legend."""
    import altair as alt

    places = range(len(groups))
    fill = alt.Fill("group:N", scale=alt.Scale(domain=groups, range=[colour(i) for i in places]))
    form = alt.Shape("group:N", scale=alt.Scale(domain=groups, range=[shape(i) for i in places]))
    base = alt.Chart(data([{"group": one} for one in groups])).mark_point(opacity=0, size=90)
    return base.encode(fill=fill, shape=form, x=x_at(0), y=y_at(0))
