"""Two values of each participant against each other."""

from __future__ import annotations

from typing import Any

from trialrun.protocol.figure import Line, Scatter
from trialrun.report.figures.cells import Cells, known, shortened
from trialrun.report.figures.figure import (
    BLUE,
    GREY,
    WIDTH,
    Drawing,
    data,
    layered,
    rules,
    span,
    ticks,
    tips,
    x_at,
    y_at,
)

SIDE, HEIGHT = WIDTH - 180, 330


def scatter(drawn: Scatter, cells: Cells) -> Drawing:
    """A point for everyone who has both values, named where there are few."""
    code = cells.language.code
    rows = cells.listed(drawn.of)
    names = shortened([row.text(drawn.who) for row in rows])
    points: list[dict[str, Any]] = [
        {
            "who": names[row.text(drawn.who)],
            "x": x,
            "y": y,
            "x_said": row.text(drawn.x),
            "y_said": row.text(drawn.y),
        }
        for row, (x, y) in known(rows, drawn.x, drawn.y)
        if drawn.x_scale == "linear" or x > 0
    ]
    if not points:
        return Drawing(None, "")
    said = cells.language("picture.scatter", count=len(points), x=drawn.x_title(code), y=drawn.y_title(code))
    if drawn.related:
        said += " " + cells.statements([drawn.related])
    return Drawing(_chart(drawn, cells, points), said)


def _lines(lines: tuple[Line, ...], code: str) -> list[tuple[float, str]]:
    return [(float(one.at), one.title(code) if one.title else "") for one in lines]


def _chart(drawn: Scatter, cells: Cells, points: list[dict[str, Any]]) -> Any:
    import altair as alt

    code = cells.language.code
    along, up = _lines(drawn.x_lines, code), _lines(drawn.y_lines, code)
    log = drawn.x_scale == "log"
    reach = span([*(one["x"] for one in points), *(at for at, _ in along)], log, room=0.1)
    xs = alt.Scale(type="log" if log else "linear", domain=reach, nice=False)
    axis = alt.Axis(format="~r", values=ticks(*reach)) if log else alt.Axis(format="~r", tickCount=7)
    ys = alt.Scale(domain=span([*(one["y"] for one in points), *(at for at, _ in up)], room=0.1), nice=False)
    x = alt.X("x:Q", title=drawn.x_title(code), scale=xs, axis=axis)
    y = alt.Y("y:Q", title=drawn.y_title(code), scale=ys, axis=alt.Axis(format="~r", tickCount=6))
    hints = tips(
        ("who", cells.title(drawn.of, drawn.who)),
        ("x_said", drawn.x_title(code)),
        ("y_said", drawn.y_title(code)),
    )
    base = alt.Chart(data(points)).encode(x=x, y=y)
    dots = base.mark_point(filled=True, color=BLUE, size=75, opacity=0.85, stroke="white", strokeWidth=0.8)
    layers = [*rules(along, xs, SIDE, upright=True), *rules(up, ys, SIDE), dots.encode(tooltip=hints)]
    if len(points) <= 25:
        words = base.mark_text(dx=8, align="left", fontSize=10, fill=GREY).encode(text=alt.Text("who:N"))
        layers.append(words)
    if drawn.related:
        told = [one for one in cells.lines(drawn.related) if one.has("rho") or one.has("p")]
        text = ["; ".join(cells.pair([one.title], one.text(cells.columns[-1].key)) for one in told)]
        word = alt.Chart(data([{"words": one} for one in text])).mark_text(
            align="right", baseline="bottom", dy=-6
        )
        layers.append(word.encode(x=x_at(SIDE), y=y_at(0), text=alt.Text("words:N")))
    return layered(*layers, width=SIDE, height=HEIGHT)
