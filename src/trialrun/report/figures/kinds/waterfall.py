"""A bar for each participant, from the greatest rise to the greatest fall."""

from __future__ import annotations

from typing import Any

from trialrun.protocol.figure import Waterfall
from trialrun.report.figures.cells import Cells, Row, known, shortened
from trialrun.report.figures.figure import (
    BLUE,
    GREY,
    INK,
    NAMED,
    WIDTH,
    Drawing,
    data,
    layered,
    rules,
    span,
    tips,
)
from trialrun.report.figures.palette import colour

ACROSS, HEIGHT, WRITTEN = WIDTH - 70, 270, 40


def waterfall(drawn: Waterfall, cells: Cells) -> Drawing:
    """Everyone who has a value, in its order."""
    code = cells.language.code
    rows = cells.listed(drawn.of)
    names = shortened([row.text(drawn.who) for row in rows])
    bars: list[dict[str, Any]] = [
        {
            "who": names[row.text(drawn.who)],
            "y": y,
            "said": row.text(drawn.value),
            "label": row.text(drawn.value).replace("-", "\N{MINUS SIGN}"),
            "level": _level(drawn, row, code),
        }
        for row, (y,) in known(rows, drawn.value)
    ]
    if not bars:
        return Drawing(None, "")
    bars.sort(key=lambda one: (-float(one["y"]), str(one["who"])))
    said = cells.language(
        "picture.waterfall",
        count=len(bars),
        y=drawn.y_title(code),
        most=bars[0]["said"],
        least=bars[-1]["said"],
    )
    stated = cells.statements(cells.stated())
    missing = len(names) - len(bars)
    notes = (cells.language.plural("picture.without", missing),) if missing else ()
    return Drawing(_chart(drawn, cells, bars), f"{said} {stated}".strip(), notes)


def _level(drawn: Waterfall, row: Row, language: str) -> str:
    held = drawn.levels.get(row.code(drawn.colour))
    return held.title(language) if held and held.title else row.text(drawn.colour)


def _chart(drawn: Waterfall, cells: Cells, bars: list[dict[str, Any]]) -> Any:
    import altair as alt

    code = cells.language.code
    lines = [(float(one.at), one.title(code) if one.title else "") for one in drawn.lines]
    heights = [*(one["y"] for one in bars), *(at for at, _ in lines), 0.0]
    scale = alt.Scale(domain=span(heights, room=0.1), nice=False)
    order = [one["who"] for one in bars]
    axis = alt.Axis(grid=False, labelAngle=-90 if len(bars) > 16 else 0, ticks=False, labelPadding=6)
    x = alt.X("who:N", sort=order, title=drawn.x_title(code), axis=axis, scale=alt.Scale(padding=0.25))
    y = alt.Y("y:Q", title=drawn.y_title(code), scale=scale, axis=alt.Axis(tickCount=6, format="~r"))
    hints = [("who", cells.title(drawn.of, drawn.who)), ("said", drawn.y_title(code))]
    base = alt.Chart(data(bars)).encode(x=x)
    filled: dict[str, Any] = {}
    if drawn.colour:
        hints.append(("level", cells.title(drawn.of, drawn.colour)))
        filled["color"] = _colours(drawn, bars, code)
    layers = [
        *rules(lines, scale, ACROSS),
        alt.Chart(data([{"zero": 0}])).mark_rule(color=GREY).encode(y=alt.Y("zero:Q", scale=scale)),
        base.mark_bar(color=BLUE).encode(y=y, tooltip=tips(*hints), **filled),
    ]
    if len(bars) <= WRITTEN:
        for above in (True, False):
            some = [one for one in bars if (one["y"] >= 0) == above]
            if some:
                word = alt.Chart(data(some)).mark_text(dy=-8 if above else 9, fontSize=11, fill=INK)
                layers.append(word.encode(x=x, y=y, text=alt.Text("label:N")))
    return layered(*layers, width=ACROSS, height=HEIGHT)


def _colours(drawn: Waterfall, bars: list[dict[str, Any]], language: str) -> Any:
    """Levels in the order of the file, then any other."""
    import altair as alt

    named = {
        one.title(language) if one.title else key: NAMED[one.colour] if one.colour else None
        for key, one in drawn.levels.items()
    }
    found = dict.fromkeys(one["level"] for one in bars)
    order = [*(one for one in named if one in found), *(one for one in found if one not in named)]
    inks = [named.get(one) or colour(i) for i, one in enumerate(order)]
    return alt.Color("level:N", scale=alt.Scale(domain=order, range=inks))
