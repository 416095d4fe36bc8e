"""The time of each participant: how long, what was given in it, and what happened when."""

from __future__ import annotations

from typing import Any

from trialrun.protocol.figure import Bars, Marks, Swimmer
from trialrun.report.figures.cells import Cells, known, shortened
from trialrun.report.figures.figure import (
    GREY,
    NAMED,
    PALE,
    WIDTH,
    Drawing,
    data,
    keyed,
    layered,
    time_axis,
    tips,
)
from trialrun.report.figures.palette import colour

ROW, ACROSS = 30, WIDTH - 70
SHAPES = {
    "circle": "circle", "square": "square", "triangle": "triangle-up", "diamond": "diamond", "cross": "cross",
    "bar": "M-0.25,-1h0.5v2h-0.5z",
}  # fmt: skip
LIFT = {"on": 0, "above": -12, "below": 12}


def swimmer(drawn: Swimmer, cells: Cells) -> Drawing:
    """Everyone listed, in the order of the listing."""
    language = cells.language
    rows = cells.listed(drawn.of)
    names = shortened([row.text(drawn.who) for row in rows])
    people: list[dict[str, Any]] = [
        {"who": names[row.text(drawn.who)], "from": row.number(drawn.begin) or 1.0, "to": end,
         "open": bool(drawn.ended) and not row.code(drawn.ended), "ended": row.text(drawn.ended)}
        for row, (end,) in known(rows, drawn.end)
    ]  # fmt: skip
    if not people:
        return Drawing(None, "")
    there = {str(one["who"]) for one in people}
    bars = [bar for one in drawn.bars.values() for bar in _bars(one, cells, names) if bar["who"] in there]
    marks = [
        mark for one in drawn.marks.values() for mark in _marks(one, cells, names) if mark["who"] in there
    ]
    parts = [
        language("picture.swimmer", count=len(people), longest=str(int(max(one["to"] for one in people))))
    ]
    for one in drawn.marks.values():
        title = one.title(language.code)
        found = [mark for mark in marks if mark["kind"] == title]
        parts.append(cells.pair([title], f"{language.plural('picture.marks', len(found))}."))
    going = [one for one in people if one["open"]]
    notes = (f"▶ {drawn.ongoing(language.code)}",) if going and drawn.ongoing else ()
    return Drawing(_chart(drawn, cells, people, bars, marks), " ".join(parts), notes)


def _bars(one: Bars, cells: Cells, names: dict[str, str]) -> list[dict[str, Any]]:
    code, found = cells.language.code, []
    for row, (begin, end) in known(cells.listed(one.of), one.begin, one.end):
        level = one.levels.get(row.code(one.colour))
        words = level.title(code) if level and level.title else row.text(one.colour)
        title = one.title(code) if one.title else ""
        found.append({
            "who": names.get(row.text(one.who), ""), "from": begin - 0.5, "to": end + 0.5,
            "level": words or title,
            "ink": NAMED[level.colour] if level and level.colour else None,
            "said": f"{row.text(one.begin)}–{row.text(one.end)}",
        })  # fmt: skip
    return found


def _marks(one: Marks, cells: Cells, names: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"who": names.get(row.text(one.who), ""), "at": at, "kind": one.title(cells.language.code),
         "said": row.text(one.label) if one.label else row.text(one.at), "lift": LIFT[one.place]}
        for row, (at,) in known(cells.listed(one.of), one.at)
    ]  # fmt: skip


def _chart(
    drawn: Swimmer,
    cells: Cells,
    people: list[dict[str, Any]],
    bars: list[dict[str, Any]],
    marks: list[dict[str, Any]],
) -> Any:
    import altair as alt

    code = cells.language.code
    last, first = max(one["to"] for one in people), min(one["from"] for one in people)
    within = alt.Scale(domain=[min(first, 1) - 4, last + 12], nice=False)
    order = [one["who"] for one in people]
    y = alt.Y("who:N", sort=order, title=None, scale=alt.Scale(domain=order),
              axis=alt.Axis(ticks=False, domain=False, grid=False, labelPadding=8))  # fmt: skip
    x = alt.X("from:Q", scale=within, title=drawn.x_title(code), axis=time_axis(last, first))
    who = cells.title(drawn.of, drawn.who)
    follow = alt.Chart(data(people)).mark_bar(color=PALE, height=4)
    follow = follow.encode(
        x=x, x2=alt.X2("to:Q"), y=y, tooltip=tips(("who", who), ("ended", drawn.follow(code)))
    )
    layers: list[Any] = [follow]
    if bars:
        inks: dict[str, str] = {}
        for one in bars:
            inks.setdefault(one["level"], one["ink"] or colour(len(inks)))
        ink = alt.Color("level:N", scale=alt.Scale(domain=list(inks), range=list(inks.values())),
                        legend=keyed(list(inks), symbolType="square", symbolStrokeWidth=0))  # fmt: skip
        given = alt.Chart(data(bars)).mark_bar(height=14)
        layers.append(
            given.encode(
                x=x,
                x2=alt.X2("to:Q"),
                y=y,
                color=ink,
                tooltip=tips(("who", who), ("level", " "), ("said", drawn.x_title(code))),
            )
        )
    if marks:
        layers += _signs(drawn, code, marks, within, y, who)
    going = [one for one in people if one["open"]]
    if going:
        arrow = alt.Chart(data(going)).mark_text(text="▶", dx=8, fill=GREY, fontSize=10)
        layers.append(arrow.encode(x=alt.X("to:Q", scale=within), y=y))
    return layered(*layers, width=ACROSS, height=ROW * len(order) + 6)


def _signs(
    drawn: Swimmer, code: str, marks: list[dict[str, Any]], within: Any, y: Any, who: str
) -> list[Any]:
    """The marks of each kind, all with one legend, in the order of the file; those never seen left out."""
    import altair as alt

    seen = [one for one in drawn.marks.values() if any(mark["kind"] == one.title(code) for mark in marks)]
    order = [one.title(code) for one in seen]
    key = keyed(order, symbolSize=80)
    fill = alt.Fill(
        "kind:N", legend=key, scale=alt.Scale(domain=order, range=[NAMED[one.colour] for one in seen])
    )
    form = alt.Shape(
        "kind:N", legend=key, scale=alt.Scale(domain=order, range=[SHAPES[one.shape] for one in seen])
    )
    layers = []
    for lift in LIFT.values():
        some = [mark for mark in marks if mark["lift"] == lift]
        if some:
            point = alt.Chart(data(some)).mark_point(
                stroke="white", strokeWidth=0.7, size=80, opacity=1, yOffset=lift
            )
            layers.append(point.encode(
                x=alt.X("at:Q", scale=within), y=y, fill=fill, shape=form,
                tooltip=tips(("who", who), ("kind", " "), ("said", drawn.x_title(code))),
            ))  # fmt: skip
    return layers
