"""Two values of each participant joined; beside them the estimated difference with its interval, on an axis
of its own (as in an estimation plot: Gardner and Altman, BMJ 1986;292:746)."""

from __future__ import annotations

from typing import Any

from trialrun.protocol.figure import Pairs
from trialrun.report.figures.cells import Cells, known, shortened
from trialrun.report.figures.figure import (
    BLUE,
    GREY,
    INK,
    VERMILION,
    WIDTH,
    Drawing,
    data,
    heights,
    layered,
    tips,
    x_at,
    y_at,
)

HEIGHT, SIDE = 290, 150


def pairs(drawn: Pairs, cells: Cells) -> Drawing:
    """The ladder of everyone who has both values."""
    code, log = cells.language.code, drawn.scale == "log"
    rows = cells.listed(drawn.of)
    names = shortened([row.text(drawn.who) for row in rows])
    ends = drawn.before_title(code), drawn.after_title(code)
    points: list[dict[str, Any]] = [
        {
            "who": names[row.text(drawn.who)], "at": at, "y": value, "rose": after > before,
            "before": row.text(drawn.before), "after": row.text(drawn.after),
        }
        for row, (before, after) in known(rows, drawn.before, drawn.after)
        if not log or min(before, after) > 0
        for at, value in zip(ends, (before, after), strict=True)
    ]  # fmt: skip
    if not points:
        return Drawing(None, "")
    estimate = _estimate(drawn, cells)
    said = cells.language("picture.pairs", count=len(points) // 2, y=drawn.y_title(code))
    if drawn.estimate:
        said += " " + cells.statements([drawn.estimate])
    ladder = _ladder(drawn, cells, points, ends)
    if estimate is None:
        return Drawing(ladder, said)
    beside = {"hconcat": [ladder, _interval(drawn, cells, estimate)], "spacing": 46}
    return Drawing(beside, said)


def _estimate(drawn: Pairs, cells: Cells) -> dict[str, Any] | None:
    """Estimate and interval, from whichever lines hold them."""
    if drawn.estimate is None:
        return None
    column = cells.columns[-1].key
    found: dict[str, Any] = {}
    for one in cells.lines(drawn.estimate):
        for name in ("estimate", "lower", "upper"):
            if (value := one.value(name, column)) is not None:
                found.setdefault(name, value)
                found[f"{name}_said"] = one.text(column)
    return found if {"estimate", "lower", "upper"} <= set(found) else None


def _ladder(drawn: Pairs, cells: Cells, points: list[dict[str, Any]], ends: tuple[str, str]) -> Any:
    import altair as alt

    log, title = drawn.scale == "log", drawn.y_title(cells.language.code)
    x = alt.X(
        "at:N",
        sort=list(ends),
        title=None,
        scale=alt.Scale(padding=0.35),
        axis=alt.Axis(labelAngle=0, ticks=False, grid=False, labelPadding=8, labelLimit=200),
    )
    y, _ = heights(title, [one["y"] for one in points], log, zero=True)
    hints = tips(("who", cells.title(drawn.of, drawn.who)), ("before", ends[0]), ("after", ends[1]))
    base = alt.Chart(data(points)).encode(x=x, y=y, detail=alt.Detail("who:N"))
    # A fall is a dashed line: told apart without colour.
    dash = alt.StrokeDash(
        "rose:N", scale=alt.Scale(domain=[True, False], range=[[1, 0], [5, 3]]), legend=None
    )
    colour = alt.Color("rose:N", scale=alt.Scale(domain=[True, False], range=[BLUE, VERMILION]), legend=None)
    line = base.mark_line(strokeWidth=1.6, opacity=0.75).encode(strokeDash=dash, color=colour)
    dots = base.mark_point(filled=True, size=48, opacity=1).encode(color=colour, tooltip=hints)
    return layered(line, dots, width=WIDTH - 120 - SIDE, height=HEIGHT)


def _interval(drawn: Pairs, cells: Cells, found: dict[str, Any]) -> Any:
    import altair as alt

    code = cells.language.code
    title = drawn.estimate_title(code) if drawn.estimate_title else ""
    # A ratio is compared with one, on a logarithmic axis; a difference with nothing.
    log, same = drawn.scale == "log", 1.0 if drawn.scale == "log" else 0.0
    values = [found["lower"], found["upper"], same]
    y, scale = heights(title, values, log, field="estimate", orient="right")
    base = alt.Chart(data([found]))
    zero = alt.Chart(data([{"same": same}])).mark_rule(color=GREY, strokeDash=[5, 4])
    zero = zero.encode(y=alt.Y("same:Q", scale=scale, title=title))
    whisker = base.mark_rule(color=INK, strokeWidth=2)
    whisker = whisker.encode(x=x_at(SIDE / 2), y=alt.Y("lower:Q", scale=scale), y2=alt.Y2("upper:Q"))
    dot = base.mark_point(shape="diamond", filled=True, color=INK, size=130, opacity=1)
    dot = dot.encode(x=x_at(SIDE / 2), y=y, tooltip=tips(("estimate_said", title), ("lower_said", title)))
    word = base.mark_text(align="left", dx=10, fontWeight="bold")
    under = base.mark_text(fontSize=11, fill=GREY).encode(
        x=x_at(SIDE / 2), y=y_at(HEIGHT + 16), text=alt.Text("lower_said:N")
    )
    word = word.encode(x=x_at(SIDE / 2), y=y, text=alt.Text("estimate_said:N"))
    return layered(zero, whisker, dot, word, under, width=SIDE, height=HEIGHT)
