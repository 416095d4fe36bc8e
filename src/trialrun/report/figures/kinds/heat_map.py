"""Participant by visit, a panel for each organ or whatever has states, coloured by what a state means."""

from __future__ import annotations

from typing import Any

from trialrun.protocol.figure import HeatMap
from trialrun.report.figures.cells import Cells, Row, shortened
from trialrun.report.figures.figure import BLACK, GREY, INK, NAMED, WIDTH, Drawing, data, keyed, layered, tips

HIGH, LABELS, MOST, HEAD, FOOT, BETWEEN = 15, 42, 19, 22, 76, 14


def heat_map(drawn: HeatMap, cells: Cells) -> Drawing:
    """Every state that is known. A panel in which nobody has any but the hidden level is named only."""
    code, language = cells.language.code, cells.language
    rows = [row for row in cells.listed(drawn.of) if row.code(drawn.state)]
    names = shortened([row.text(drawn.who) for row in rows])
    squares = [_square(drawn, row, names, code) for row in rows]
    quiet = drawn.levels.get(drawn.hide) if drawn.hide else None
    hidden = quiet.title(code) if quiet and quiet.title else drawn.hide
    loud = dict.fromkeys(one["panel"] for one in squares if one["level"] != hidden)
    shown = [one for one in squares if one["panel"] in loud]
    if not squares:
        return Drawing(None, "")
    never = [one for one in dict.fromkeys(one["panel"] for one in squares) if one not in loud]
    notes = (language("picture.never", level=hidden, panels=language.listed(never)),) if never else ()
    said = language("picture.heat_map", count=len(names), panels=language.listed(list(loud)))
    said = f"{said} {cells.statements(cells.stated())}".strip()
    return Drawing(_chart(drawn, cells, shown or squares), said, notes)


def _square(drawn: HeatMap, row: Row, names: dict[str, str], language: str) -> dict[str, Any]:
    state = row.code(drawn.state)
    key = next((name for name, one in drawn.levels.items() if state in (one.values or (name,))), None)
    level = drawn.levels[key] if key else None
    return {
        "who": names[row.text(drawn.who)], "panel": row.text(drawn.panel), "visit": row.text(drawn.x),
        "said": row.text(drawn.state), "sign": level.sign if level else "?",
        "level": level.title(language) if level and level.title else key or row.text(drawn.state),
    }  # fmt: skip


def _placed(squares: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], float, float]:
    """Words beside the squares; the squares get their places in pixels, which is far quicker to draw than
    panels with axes of their own. Also how wide one is, and how high the whole."""
    visits, panels = (list(dict.fromkeys(one[key] for one in squares)) for key in ("visit", "panel"))
    people = sorted({one["who"] for one in squares})
    across = min(3, len(panels))
    wide = min(MOST, (WIDTH - 20 - across * LABELS - (across - 1) * BETWEEN) / across / len(visits))
    every = HEAD + HIGH * len(people) + FOOT
    words = []
    for place, panel in enumerate(panels):
        left = (place % across) * (wide * len(visits) + LABELS + BETWEEN) + LABELS
        top = (place // across) * every + HEAD
        words.append({"words": panel, "x": left, "y": top - 10, "of": "panel"})
        words += [
            {"words": who, "x": left - 5, "y": top + HIGH * (i + 0.5), "of": "who"}
            for i, who in enumerate(people)
        ]
        foot = top + HIGH * len(people) + 5
        words += [
            {"words": _cut(one), "x": left + wide * (i + 0.5), "y": foot, "of": "visit"}
            for i, one in enumerate(visits)
        ]
        for one in squares:
            if one["panel"] == panel:
                one["x"] = round(left + wide * (visits.index(one["visit"]) + 0.5), 1)
                one["y"] = round(top + HIGH * (people.index(one["who"]) + 0.5), 1)
    return words, wide, every * ((len(panels) - 1) // across + 1)


def _cut(words: str) -> str:
    return words if len(words) <= 13 else words[:12].rstrip() + "…"


def _chart(drawn: HeatMap, cells: Cells, squares: list[dict[str, Any]]) -> Any:
    import altair as alt

    words, wide, height = _placed(squares)
    xs, ys = alt.Scale(domain=[0, WIDTH - 20], nice=False), alt.Scale(domain=[height, 0], nice=False)

    at = {"x": alt.X("x:Q", scale=xs, axis=None), "y": alt.Y("y:Q", scale=ys, axis=None)}
    hints = tips(
        ("who", cells.title(drawn.of, drawn.who)), ("panel", cells.title(drawn.of, drawn.panel)),
        ("visit", cells.title(drawn.of, drawn.x)), ("said", cells.title(drawn.of, drawn.state)),
    )  # fmt: skip
    colours = _colours(drawn, cells, squares)
    kept = ("who", "panel", "visit", "said", "key", "x", "y")
    boxes = alt.Chart(data([{key: one[key] for key in kept} for one in squares]))
    boxes = boxes.mark_rect(stroke="white", strokeWidth=1.5, width=wide, height=HIGH)
    boxes = boxes.encode(**at, color=colours, tooltip=hints)
    signs = alt.Chart(data([{key: one[key] for key in ("sign", "x", "y")} for one in squares if one["sign"]]))
    signs = signs.mark_text(fontSize=10, fontWeight="bold", fill=BLACK).encode(**at, text=alt.Text("sign:N"))
    layers = [boxes, signs]
    visits = {one["visit"] for one in squares}
    looks: dict[str, dict[str, Any]] = {
        "panel": {
            "align": "left",
            "fontWeight": "bold",
            "fontSize": 12,
            "limit": wide * len(visits) + BETWEEN,
        },
        "who": {"align": "right", "fontSize": 10},
        "visit": {"align": "right", "angle": 270, "fontSize": 10},
    }
    for of, look in looks.items():
        some = alt.Chart(data([one for one in words if one["of"] == of]))
        layers.append(
            some.mark_text(baseline="middle", fill=INK, **look).encode(**at, text=alt.Text("words:N"))
        )
    return layered(*layers, width=WIDTH - 20, height=height)


def _colours(drawn: HeatMap, cells: Cells, squares: list[dict[str, Any]]) -> Any:
    """The levels that occur, in the order of the file, each with its sign."""
    import altair as alt

    inks: dict[str, str] = {}
    for key, one in drawn.levels.items():
        title = one.title(cells.language.code) if one.title else key
        for square in squares:
            if square["level"] == title:
                square["key"] = f"{title} ({one.sign})" if one.sign else title
                inks[square["key"]] = NAMED[one.colour or "pale"]
    for square in squares:
        inks.setdefault(square.setdefault("key", f"{square['level']} (?)"), GREY)
    key = keyed(list(inks), symbolType="square", symbolStrokeWidth=0)
    return alt.Color("key:N", scale=alt.Scale(domain=list(inks), range=list(inks.values())), legend=key)
