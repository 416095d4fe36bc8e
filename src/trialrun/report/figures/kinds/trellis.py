"""A panel for each participant with a line for each measurement."""

from __future__ import annotations

from typing import Any

from trialrun.protocol.figure import Trellis
from trialrun.report.figures.cells import Cells, known, shortened
from trialrun.report.figures.figure import GREY, WIDTH, Drawing, data, heights, tips
from trialrun.report.figures.palette import colour, shape

ACROSS, HEIGHT = 4, 96


def trellis(drawn: Trellis, cells: Cells) -> Drawing:
    """Everyone who has a value, all panels on the same axes."""
    code, log = cells.language.code, drawn.scale == "log"
    rows = cells.listed(drawn.of)
    names = shortened([row.text(drawn.who) for row in rows])
    points: list[dict[str, Any]] = [
        {"who": names[row.text(drawn.who)], "x": x, "y": y, "line": row.text(drawn.line),
         "day": row.text(drawn.x), "said": row.text(drawn.y)}
        for row, (x, y) in known(rows, drawn.x, drawn.y)
        if not log or y > 0
    ]  # fmt: skip
    if not points:
        return Drawing(None, "")
    kinds = list(dict.fromkeys(one["line"] for one in points))
    highest = {
        kind: max((one for one in points if one["line"] == kind), key=lambda one: one["y"]) for kind in kinds
    }
    who = cells.title(drawn.of, drawn.who).lower()
    each = "; ".join(
        cells.pair([kind], f"{one['said']} ({who} {one['who']})") for kind, one in highest.items()
    )
    said = cells.language("picture.trellis", count=len({one["who"] for one in points}), y=drawn.y_title(code))
    return Drawing(_chart(drawn, cells, points, kinds), f"{said} {each}.")


def _chart(drawn: Trellis, cells: Cells, points: list[dict[str, Any]], kinds: list[str]) -> Any:
    import altair as alt

    code, log = cells.language.code, drawn.scale == "log"
    people = list(dict.fromkeys(one["who"] for one in points))
    across = min(ACROSS, len(people))
    wide = (WIDTH - 50 - 14 * (across - 1)) / across
    values = [*(one["y"] for one in points), *(float(one.at) for one in drawn.lines)]
    days = [one["x"] for one in points]
    xs = alt.Scale(domain=[min(*days, 1) - 6, max(days) + 6], nice=False)
    every = 100 if max(days) > 120 else 14
    marks = [1, *range(every if every == 100 else 15, int(max(days)) + 1, every)]
    places = range(len(kinds))
    ink = alt.Color("line:N", scale=alt.Scale(domain=kinds, range=[colour(i) for i in places]))
    form = alt.Shape("line:N", scale=alt.Scale(domain=kinds, range=[shape(i) for i in places]))
    y, scale = heights(None, values, log, labelFontSize=10)
    axis = alt.Axis(grid=False, values=marks, labelFontSize=10, format="d", titleFontSize=11)
    base = alt.Chart().encode(
        x=alt.X("x:Q", scale=xs, title=drawn.x_title(code), axis=axis),
        y=y,
        color=ink,
    )
    hints = tips(
        ("who", cells.title(drawn.of, drawn.who)),
        ("line", " "),
        ("day", drawn.x_title(code)),
        ("said", drawn.y_title(code)),
    )
    lines = base.mark_line(strokeWidth=1.3).encode(order=alt.Order("x:Q"))
    dots = base.mark_point(filled=True, size=16, opacity=1).encode(shape=form, tooltip=hints)
    limits = [
        alt.Chart().mark_rule(color=GREY, strokeDash=[4, 3]).encode(y=alt.Y(datum=float(one.at), scale=scale))
        for one in drawn.lines
    ]
    panel = alt.layer(*limits, lines, dots).properties(width=wide, height=HEIGHT)
    header = alt.Header(title=None, labelFontWeight="bold", labelAnchor="start", labelPadding=3)
    facet = alt.Facet("who:N", sort=people, header=header, title=None)
    grid = panel.facet(facet=facet, columns=across, data=data(points), spacing={"row": 12, "column": 14})
    title = alt.TitleParams(drawn.y_title(code), anchor="start", fontSize=12, fontWeight="normal")
    return grid.properties(title=title)
