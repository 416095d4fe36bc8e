"""Participants from one box to the next, and beside each box those who leave before the following one."""

from __future__ import annotations

import textwrap
from itertools import pairwise
from typing import Any

from trialrun.protocol.figure import Flow
from trialrun.report.figures.cells import Cells, Statistics
from trialrun.report.figures.figure import BAND, GREY, INK, WIDTH, Drawing, data, layered

LINE, PAD, GAP = 16, 10, 30
LEFT, BESIDE = 250, 300  # widths of the boxes
INDENT = "\N{NO-BREAK SPACE}" * 3
LETTER = 6.3  # about the width of one at 12 pixels


def flow(drawn: Flow, cells: Cells) -> Drawing:
    """The boxes from top to bottom, each with its number (of groups with theirs, the one below the other)."""
    if not any(column.n for column in cells.columns):
        return Drawing(None, "")
    y, parts = 0.0, []
    boxes: list[dict[str, Any]] = []
    sides: list[dict[str, Any]] = []
    for name in drawn.boxes:
        lines = [line for one in cells.lines(name) for line in _lines(one, cells, LEFT)]
        within = drawn.within.get(name, ())
        lines += [
            text for row in within for one in cells.lines(row) for text in _lines(one, cells, LEFT, INDENT)
        ]
        box = _box(0, y, LEFT, lines)
        boxes.append(box)
        parts += [cells.pair([one.title], _numbers(one, cells)) for one in cells.lines(name)]
        parts += [cells.pair([one.title], _numbers(one, cells)) for row in within for one in cells.lines(row)]
        y = box["bottom"] + GAP
        beside = [line for row in drawn.aside.get(name, ()) for line in _aside(row, cells)]
        if beside:
            side = _box(LEFT + 50, y - GAP / 2, BESIDE, beside)
            sides.append(side)
            parts += [
                cells.pair([one.title], _numbers(one, cells))
                for row in drawn.aside[name]
                for one in _had(row, cells)
            ]
            y = side["bottom"] + GAP / 2
    said = cells.language("picture.flow") + " " + "; ".join(parts) + "."
    return Drawing(_chart(boxes, sides), said)


def _numbers(one: Statistics, cells: Cells) -> str:
    """Of one group "n = 12", of several each with its name."""
    found = [(column, one.value("n", column.key)) for column in cells.columns]
    told = [(column.title(cells.language.code), f"{n:.0f}") for column, n in found if n is not None]
    return f"n = {told[0][1]}" if len(told) == 1 else ", ".join(f"{name} n = {n}" for name, n in told)


def _lines(one: Statistics, cells: Cells, width: float, indent: str = "") -> list[str]:
    text = f"{one.title} ({_numbers(one, cells)})"
    return [indent + line for line in textwrap.wrap(text, int((width - 2 * PAD) / LETTER) - len(indent))]


def _had(row: str, cells: Cells) -> list[Statistics]:
    """The lines in which there is anyone."""
    return [one for one in cells.lines(row) if any(one.value("n", column.key) for column in cells.columns)]


def _aside(row: str, cells: Cells) -> list[str]:
    found = _had(row, cells)
    if len(cells.lines(row)) == 1:
        return [line for one in found for line in _lines(one, cells, BESIDE)]
    title = [cells.row_title(row)] if found else []
    return title + [line for one in found for line in _lines(one, cells, BESIDE, INDENT)]


def _box(x: float, y: float, width: float, lines: list[str]) -> dict[str, Any]:
    return {
        "left": x,
        "right": x + width,
        "top": y,
        "bottom": y + len(lines) * LINE + 2 * PAD,
        "lines": lines,
    }


def _chart(boxes: list[dict[str, Any]], sides: list[dict[str, Any]]) -> Any:
    """Everything is placed in pixels."""
    import altair as alt

    height = max(one["bottom"] for one in [*boxes, *sides])
    xs, ys = alt.Scale(domain=[0, WIDTH - 20], nice=False), alt.Scale(domain=[height, 0], nice=False)

    def across(field: str) -> Any:
        return alt.X(f"{field}:Q", scale=xs, axis=None)

    def down(field: str) -> Any:
        return alt.Y(f"{field}:Q", scale=ys, axis=None)

    middle = LEFT / 2
    shafts = [
        {"x": middle, "x2": middle, "y": one["bottom"], "y2": after["top"]} for one, after in pairwise(boxes)
    ]
    heads = [{"x": one["x"], "y": one["y2"] - 3, "angle": 180} for one in shafts]
    for side in sides:
        at = (side["top"] + side["bottom"]) / 2
        shafts.append({"x": middle, "x2": side["left"], "y": at, "y2": at})
        heads.append({"x": side["left"] - 3, "y": at, "angle": 90})
    frames = [{key: one[key] for key in ("left", "right", "top", "bottom")} for one in [*boxes, *sides]]
    words = [
        {
            "x": one["left"] + PAD + (14 if text.startswith(INDENT) else 0),
            "y": one["top"] + PAD + LINE * (i + 0.5),
            "words": text.strip(),
        }
        for one in [*boxes, *sides]
        for i, text in enumerate(one["lines"])
    ]
    rect = alt.Chart(data(frames)).mark_rect(fill=BAND, stroke=GREY, strokeWidth=1)
    layers = [rect.encode(x=across("left"), x2=alt.X2("right:Q"), y=down("top"), y2=alt.Y2("bottom:Q"))]
    if shafts:
        rule = alt.Chart(data(shafts)).mark_rule(color=GREY, strokeWidth=1.2)
        layers.insert(0, rule.encode(x=across("x"), x2=alt.X2("x2:Q"), y=down("y"), y2=alt.Y2("y2:Q")))
        head = alt.Chart(data(heads)).mark_point(
            shape="triangle-up", filled=True, color=GREY, size=40, opacity=1
        )
        layers.append(head.encode(x=across("x"), y=down("y"), angle=alt.Angle("angle:Q", scale=None)))
    text = alt.Chart(data(words)).mark_text(align="left", baseline="middle", fill=INK)
    layers.append(text.encode(x=across("x"), y=down("y"), text=alt.Text("words:N")))
    return layered(*layers, width=WIDTH - 20, height=height)
