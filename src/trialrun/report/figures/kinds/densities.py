"""Densities over a grid: what was believed before the data, and after."""

from __future__ import annotations

from typing import Any

from trialrun.protocol.figure import Densities
from trialrun.report.figures.cells import Cells
from trialrun.report.figures.figure import NAMED, WIDTH, Drawing, data, layered, rules, tips


def densities(drawn: Densities, cells: Cells) -> Drawing:
    """Each curve from the lines of its row, which are its points; panels side by side."""
    code = cells.language.code
    points = [point for one in drawn.curves for point in _points(drawn, one, cells)]
    if not points:
        return Drawing(None, "")
    curves = {row for one in drawn.curves.values() for row in (one.of,)}
    said = cells.language("picture.densities", x=drawn.x_title(code))
    stated = cells.statements([row for row in cells.stated() if row not in curves])
    return Drawing(_chart(drawn, cells, points), f"{said} {stated}".strip())


def _points(drawn: Densities, name: str, cells: Cells) -> list[dict[str, Any]]:
    one, code = drawn.curves[name], cells.language.code
    column, found = cells.columns[-1].key, []
    for line in cells.lines(one.of):
        x, y = line.value(drawn.x, column), line.value(one.density, column)
        if x is not None and y is not None:
            found.append({
                "curve": one.title(code), "x": x, "y": y, "panel": one.panel(code) if one.panel else "",
                "said": line.text(column),
            })  # fmt: skip
    return found


def _chart(drawn: Densities, cells: Cells, points: list[dict[str, Any]]) -> Any:
    import altair as alt

    code = cells.language.code
    curves = {one.title(code): one for one in drawn.curves.values()}
    panels = list(dict.fromkeys(one["panel"] for one in points))
    lines = [(float(one.at), one.title(code) if one.title else "") for one in drawn.lines]
    xs = alt.Scale(domain=[min(one["x"] for one in points), max(one["x"] for one in points)], nice=False)
    wide = (WIDTH - 70 - 30 * (len(panels) - 1)) / len(panels)
    key = alt.Scale(domain=list(curves), range=[NAMED[one.colour] for one in curves.values()])
    dash = alt.Scale(domain=list(curves), range=[[6, 4] if one.dashed else [1, 0] for one in curves.values()])
    made = []
    for place, panel in enumerate(panels):
        some = [one for one in points if one["panel"] == panel]
        base = alt.Chart(data(some)).encode(
            x=alt.X(
                "x:Q",
                title=drawn.x_title(code),
                scale=xs,
                axis=alt.Axis(grid=False, format="~r", tickCount=6),
            ),
            color=alt.Color("curve:N", scale=key),
        )
        y = alt.Y(
            "y:Q", title=drawn.y_title(code) if place == 0 else None, axis=alt.Axis(tickCount=5, format="~r")
        )
        area = base.mark_area(opacity=0.13).encode(y=alt.Y("y:Q", stack=None))
        line = base.mark_line(strokeWidth=2.4).encode(
            y=y,
            strokeDash=alt.StrokeDash("curve:N", scale=dash),
            tooltip=tips(("curve", " "), ("said", drawn.y_title(code))),
        )
        look = {"title": panel} if panel else {}
        layers = [*rules(lines, xs, wide, upright=True), area, line]
        made.append(layered(*layers, width=wide, height=230, **look))
    if len(made) == 1:
        return made[0]
    shared = {"scale": {"color": "shared", "strokeDash": "shared", "y": "shared"}}
    return {"hconcat": made, "resolve": shared, "spacing": 30}
