"""What happened to each participant, from when to when: a block for each, a lane for each kind of event."""

from __future__ import annotations

from typing import Any

from trialrun.protocol.figure import Timeline
from trialrun.report.figures.cells import Cells, Row, shortened
from trialrun.report.figures.figure import (
    GREY,
    INK,
    NAMED,
    PALE,
    WIDTH,
    Drawing,
    data,
    keyed,
    layered,
    time_axis,
    tips,
    x_at,
)
from trialrun.report.figures.kinds.profiles import bands, shaded
from trialrun.report.figures.palette import colour

LANE, GAP, ACROSS = 14, 8, WIDTH - 60
LETTER = 5.6  # about the width of one at 10 pixels


def timeline(drawn: Timeline, cells: Cells) -> Drawing:
    """Everyone with an event. One without an end is drawn to the last day of all, with an arrow."""
    language = cells.language
    rows = [row for row in cells.listed(drawn.of) if row.number(drawn.begin) is not None]
    if not rows:
        return Drawing(None, "")
    names = shortened([row.text(drawn.who) for row in rows])
    days = [
        day for row in rows for day in (row.number(drawn.begin), row.number(drawn.end)) if day is not None
    ]
    last, first = max(days), min(*days, 1.0)
    events, blocks = _laid(drawn, cells, rows, names, last)
    levels = dict.fromkeys(one["level"] for one in events)
    counted = [
        cells.pair([one], str(sum(each["level"] == one for each in events)))
        for one in _order(drawn, cells, levels)
    ]
    said = language("picture.timeline", count=len(blocks), events=len(events)) + f" {'; '.join(counted)}."
    notes = (language("picture.open"),) if any(one["open"] for one in events) else ()
    return Drawing(_chart(drawn, cells, events, blocks, first, last), said, notes)


def _laid(
    drawn: Timeline, cells: Cells, rows: list[Row], names: dict[str, str], last: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Events with their height from above, and the block of each participant."""
    events: list[dict[str, Any]] = []
    blocks: list[dict[str, Any]] = []
    height = 0.0
    code = cells.language.code
    for who in dict.fromkeys(row.text(drawn.who) for row in rows):
        own = [row for row in rows if row.text(drawn.who) == who]
        lanes = {
            label: place for place, label in enumerate(dict.fromkeys(row.text(drawn.label) for row in own))
        }
        for row in own:
            begin, end = row.number(drawn.begin), row.number(drawn.end)
            level = drawn.levels.get(row.code(drawn.colour))
            words = level.title(code) if level and level.title else row.text(drawn.colour)
            top = height + GAP / 2 + LANE * lanes[row.text(drawn.label)]
            events.append({
                "who": names[who], "label": row.text(drawn.label), "from": begin, "level": words,
                "to": (last if end is None else end) + 1, "open": end is None, "top": top + 2,
                "bottom": top + LANE - 2, "mid": top + LANE / 2,
                "said": f"{row.text(drawn.begin)}–{row.text(drawn.end)}",
            })  # fmt: skip
        below = height + LANE * len(lanes) + GAP
        blocks.append({"who": names[who], "top": height, "bottom": below, "mid": (height + below) / 2})
        height = below
    return events, blocks


def _order(drawn: Timeline, cells: Cells, found: dict[str, None]) -> list[str]:
    code = cells.language.code
    named = [one.title(code) if one.title else key for key, one in drawn.levels.items()]
    return [*(one for one in named if one in found), *(one for one in found if one not in named)]


def _chart(
    drawn: Timeline,
    cells: Cells,
    events: list[dict[str, Any]],
    blocks: list[dict[str, Any]],
    first: float,
    last: float,
) -> Any:
    import altair as alt

    code, height = cells.language.code, blocks[-1]["bottom"]
    within = alt.Scale(domain=[first - 4, last + 6], nice=False)
    down = alt.Scale(domain=[height, 0], nice=False)
    y = alt.Y("top:Q", scale=down, axis=None)
    order = _order(drawn, cells, dict.fromkeys(one["level"] for one in events))
    given = {one.title(code) if one.title else key: one.colour for key, one in drawn.levels.items()}
    inks = [NAMED[given[one]] if given.get(one) else colour(i) for i, one in enumerate(order)]  # type: ignore[index]
    x = alt.X("from:Q", scale=within, title=drawn.x_title(code), axis=time_axis(last, first))
    base, above = alt.Chart(data(events)), 26 if drawn.shade else 10
    bars = base.mark_rect(stroke="white", strokeWidth=0.5).encode(
        x=x, x2=alt.X2("to:Q"), y=y, y2=alt.Y2("bottom:Q"),
        color=alt.Color("level:N", scale=alt.Scale(domain=order, range=inks),
                        legend=keyed(order, symbolType="square", symbolStrokeWidth=0, offset=above)),
        tooltip=tips(("who", cells.title(drawn.of, drawn.who)), ("label", cells.title(drawn.of, drawn.label)),
                     ("level", cells.title(drawn.of, drawn.colour or "")), ("said", drawn.x_title(code))),
    )  # fmt: skip
    border = alt.Chart(data(blocks)).mark_rule(color=PALE).encode(y=alt.Y("bottom:Q", scale=down, axis=None))
    who = alt.Chart(data(blocks)).mark_text(align="right", dx=-8, fontWeight="bold", fill=INK)
    who = who.encode(x=x_at(0), y=alt.Y("mid:Q", scale=down, axis=None), text=alt.Text("who:N"))
    layers = [*bands(shaded(drawn.shade, cells), within), border, bars, who]
    for align in ("left", "right"):
        words = [one for one in _words(events, first, last) if one["align"] == align]
        if words:
            mark = alt.Chart(data(words)).mark_text(
                align=align, dx=5 if align == "left" else -5, fontSize=10, fill=GREY
            )
            layers.append(
                mark.encode(
                    x=alt.X("at:Q", scale=within),
                    y=alt.Y("mid:Q", scale=down, axis=None),
                    text=alt.Text("label:N"),
                )
            )
    going = [one for one in events if one["open"]]
    if going:
        arrow = alt.Chart(data(going)).mark_text(text="▶", dx=4, fontSize=9, fill=INK)
        layers.append(arrow.encode(x=alt.X("to:Q", scale=within), y=alt.Y("mid:Q", scale=down, axis=None)))
    return layered(*layers, width=ACROSS, height=height)


def _words(events: list[dict[str, Any]], first: float, last: float) -> list[dict[str, Any]]:
    """A lane is named after its last event, or before its first one where there is no room after it."""
    lanes: dict[float, list[dict[str, Any]]] = {}
    for one in events:
        lanes.setdefault(one["mid"], []).append(one)
    unit, words = ACROSS / (last - first + 10), []
    for mid, own in lanes.items():
        begin, end = min(one["from"] for one in own), max(one["to"] for one in own)
        room = (last + 6 - end) * unit >= LETTER * len(own[0]["label"]) + 12 and not own[-1]["open"]
        at = {"at": end, "align": "left"} if room else {"at": begin, "align": "right"}
        words.append({"label": own[0]["label"], "mid": mid, **at})
    return words
