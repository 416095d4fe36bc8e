"""A survival curve with its interval, censoring marked, and below it how many are at risk."""

from __future__ import annotations

from typing import Any

from trialrun.protocol.figure import KaplanMeier
from trialrun.report.figures.cells import Cells
from trialrun.report.figures.figure import INK, WIDTH, Drawing, data, layered, nested, tips
from trialrun.report.figures.palette import colour

ACROSS, HEIGHT, LINE = WIDTH - 110, 260, 18


def kaplan_meier(drawn: KaplanMeier, cells: Cells) -> Drawing:
    """Each column of the output has its curve; a part that cannot be estimated is not drawn."""
    code = cells.language.code
    steps = [step for place in range(len(cells.columns)) for step in _steps(drawn.curve, cells, place)]
    if not steps:
        return Drawing(None, "")
    risk = _at_risk(drawn, cells)
    said = cells.language("picture.kaplan_meier", y=drawn.y_title(code))
    stated = [row for row in cells.stated() if row != drawn.curve]
    last = steps[-1]
    said += f" {cells.pair([last['title']], last['said'])}. {cells.statements(stated)}"
    return Drawing(_chart(drawn, cells, steps, risk), said.strip())


def _steps(row: str, cells: Cells, place: int) -> list[dict[str, Any]]:
    """The curve of one column: day, survival in per cent, interval, who was censored."""
    column, found = cells.columns[place], []
    for one in cells.lines(row):
        day, alive = one.value("time", column.key), one.value("survival", column.key)
        if day is not None and alive is not None:
            found.append({
                "x": day, "y": alive,
                "lower": one.value("lower", column.key), "upper": one.value("upper", column.key),
                "censored": one.value("censored", column.key) or 0.0, "said": one.text(column.key),
                "group": column.title(cells.language.code), "title": one.title, "place": place,
                "at_risk": one.value("at_risk", column.key),
            })  # fmt: skip
    return found


def _at_risk(drawn: KaplanMeier, cells: Cells) -> list[dict[str, Any]]:
    """Numbers at risk at the days that the row names (the last part of a line's key is ``risk=day``)."""
    if drawn.at_risk is None:
        return []
    found = []
    for one in cells.lines(drawn.at_risk):
        word, _, day = one.line.key[-1].partition("=")
        if word == "risk":
            found += [
                {"x": float(day), "group": column.title(cells.language.code), "n": one.text(column.key)}
                for column in cells.columns
            ]
    return found


def _chart(drawn: KaplanMeier, cells: Cells, steps: list[dict[str, Any]], risk: list[dict[str, Any]]) -> Any:
    import altair as alt

    code = cells.language.code
    groups = [column.title(code) for column in cells.columns]
    ticks = sorted({one["x"] for one in risk}) or None
    last = max(one["x"] for one in [*steps, *risk])
    xs = alt.Scale(domain=[0, last * 1.02], nice=False)
    axis = alt.Axis(grid=False, format="d", values=ticks if ticks else alt.Undefined)
    x = alt.X("x:Q", scale=xs, title=drawn.x_title(code), axis=axis)
    ys = alt.Scale(domain=[0, 100], nice=False)
    y = alt.Y(
        "y:Q", scale=ys, title=drawn.y_title(code), axis=alt.Axis(values=[0, 25, 50, 75, 100], format="d")
    )
    several = len(groups) > 1
    inks = [colour(place) for place in range(len(groups))]
    ink = alt.Color(
        "group:N", scale=alt.Scale(domain=groups, range=inks), legend=alt.Legend() if several else None
    )
    sure = [one for one in steps if one["lower"] is not None and one["upper"] is not None]
    band = alt.Chart(data(sure)).mark_area(interpolate="step-after", opacity=0.15)
    band = band.encode(
        x=x, y=alt.Y("lower:Q", scale=ys, title=drawn.y_title(code)), y2=alt.Y2("upper:Q"), color=ink
    )
    base = alt.Chart(data(steps)).encode(x=x, y=y, color=ink)
    line = base.mark_line(interpolate="step-after", strokeWidth=2.4)
    hints = tips(("title", drawn.x_title(code)), ("said", drawn.y_title(code)))
    points = base.mark_point(opacity=0, size=80, filled=True).encode(tooltip=hints)
    layers = [*([band] if sure else []), line, points]
    gone = [one for one in steps if one["censored"]]
    if gone:
        tick = alt.Chart(data(gone)).mark_rule(strokeWidth=1.6, yOffset=-5, y2Offset=5)
        layers.append(tick.encode(x=x, y=y, y2=alt.Y2("y:Q"), color=ink))
    curve = layered(*layers, width=ACROSS, height=HEIGHT)
    return curve if not risk else {"vconcat": [curve, nested(_table(risk, groups, xs, cells))], "spacing": 14}


def _table(risk: list[dict[str, Any]], groups: list[str], xs: Any, cells: Cells) -> Any:
    """The numbers at risk under the days of the axis."""
    import altair as alt

    several = len(groups) > 1
    title = alt.TitleParams(
        cells.language("picture.at.risk"), anchor="start", fontSize=12, fontWeight="bold", offset=4
    )
    y = alt.Y("group:N", sort=groups, title=None,
              axis=alt.Axis(ticks=False, domain=False, labels=several, labelLimit=90))  # fmt: skip
    words = (
        alt.Chart(data(risk))
        .mark_text(fill=INK)
        .encode(x=alt.X("x:Q", scale=xs, axis=None), y=y, text=alt.Text("n:N"))
    )
    return words.properties(width=ACROSS, height=LINE * len(groups), title=title)
