"""Organs over time: participant by visit, one panel for each organ that was ever involved."""

from __future__ import annotations

from typing import Any

import numpy as np

from trialrun.analysis.arrays import Arrays
from trialrun.analysis.endpoint import members
from trialrun.protocol.endpoint import OrganResponse
from trialrun.protocol.form import Item
from trialrun.protocol.protocol import Protocol
from trialrun.report.figures.figure import (
    BLACK,
    FONT,
    GREEN,
    ORANGE,
    SKY,
    VERMILION,
    Figure,
    Rows,
    data,
    draw,
)
from trialrun.report.language import Language
from trialrun.report.participants import short

# What a state means for the endpoint: colour, and a sign for those who do not see the colour.
CLASSES = {
    "absent": ("#e9edf1", ""),
    "involved": (ORANGE, "="),
    "better": (SKY, "+"),
    "responds": (GREEN, "✓"),
    "worse": (VERMILION, "!"),
}
CELL, ACROSS = 15, 3


def organs(protocol: Protocol, arrays: Arrays, name: str, language: Language) -> Figure:
    """The states of every organ of the endpoint, classed by what they mean for the response."""
    endpoint = protocol.study.endpoints[name]
    assert isinstance(endpoint, OrganResponse)
    each = [_cells(protocol, arrays, endpoint, organ, language) for organ in endpoint.organs]
    cells = [cell for organ in each for cell in organ]
    involved = {cell["organ"] for cell in cells if cell["class"] != "absent"}
    shown = [cell for cell in cells if cell["organ"] in involved]
    quiet = [organ_title(protocol, o, language) for o in endpoint.organs]
    quiet = [title for title in quiet if title not in involved]
    note = language("organs.note")
    if quiet:
        note += " " + language("organs.never", organs=language.listed(quiet))
    return Figure(
        id=f"organs-{name}",
        title=language("organs.title"),
        label=language("organs.label", count=len({cell["who"] for cell in cells})),
        svg=draw(_chart(protocol, shown, language), f"organs-{name}", language) if shown else "",
        rows=_rows(protocol, shown, language),
        note=note,
        key=tuple((f"state-{kind}", language(f"organs.{kind}")) for kind in CLASSES),
    )


def _item(protocol: Protocol, organ: str) -> Item:
    return next(i for form in protocol.forms.values() for i in form.items.values() if i.sdtm == organ)


def organ_title(protocol: Protocol, organ: str, language: Language) -> str:
    return _item(protocol, organ).ask(language.code)


def state_class(endpoint: OrganResponse, organ: str, state: str) -> str:
    """What a state means: ``better`` responds for another organ but is not enough for this one."""
    if state in endpoint.worse:
        return "worse"
    if state in endpoint.involved:
        return "involved"
    if state in endpoint.organs[organ]:
        return "responds"
    return "better" if any(state in states for states in endpoint.organs.values()) else "absent"


def _cells(
    protocol: Protocol, arrays: Arrays, endpoint: OrganResponse, organ: str, language: Language
) -> list[dict[str, Any]]:
    codes, seen = arrays.states(organ)
    labels, item = arrays.labels[organ], _item(protocol, organ)
    cells = []
    for i in np.flatnonzero(members(arrays)[0]):
        for p in np.flatnonzero(seen[0, i]):
            state = labels[codes[0, i, p]]
            kind = state_class(endpoint, organ, state)
            said = item.codes[state](language.code) if state in item.codes else state
            cells.append(
                {
                    "organ": item.ask(language.code),
                    "who": short(protocol, arrays.subjects[i]),
                    "point": arrays.points[p],
                    "class": kind,
                    "sign": CLASSES[kind][1],
                    "state": said,
                }
            )
    return cells


def _short(who: str, everyone: list[str]) -> str:
    """A participant's number without the part that all share."""
    shared = 0
    while len(everyone) > 1 and len({one[: shared + 1] for one in everyone}) == 1 and shared < len(who):
        shared += 1
    cut = who.rfind("-", 0, shared + 1) + 1
    return who[cut:]


def _visits(protocol: Protocol, cells: list[dict[str, Any]]) -> list[str]:
    seen = {cell["point"] for cell in cells}
    return [point for point in protocol.timepoints if point in seen]


def _visit_label(protocol: Protocol, point: str, language: Language) -> str:
    """The label of a timepoint, or its study day where the label is too long for the foot of a column."""
    planned = protocol.timepoints[point]
    label = planned.label(language.code)
    return label if len(label) <= 12 else language("day.short", day=planned.day)


def _chart(protocol: Protocol, cells: list[dict[str, Any]], language: Language) -> Any:
    import altair as alt

    points = _visits(protocol, cells)
    visits = {p: _visit_label(protocol, p, language) for p in points}
    everyone = sorted({cell["who"] for cell in cells})
    rows = [{**cell, "visit": visits[cell["point"]], "row": _short(cell["who"], everyone)} for cell in cells]
    domain, colours = list(CLASSES), [colour for colour, _ in CLASSES.values()]
    x = alt.X("visit:N", sort=list(visits.values()), title=None,
              axis=alt.Axis(labelAngle=-90, ticks=False, domain=False, labelFontSize=10))  # fmt: skip
    y = alt.Y("row:N", title=None, axis=alt.Axis(ticks=False, domain=False, labelFontSize=10))
    base = alt.Chart().encode(x=x, y=y)
    colour = alt.Color("class:N", scale=alt.Scale(domain=domain, range=colours), legend=None)
    boxes = base.mark_rect(stroke="white", strokeWidth=1.5).encode(color=colour)
    signs = base.mark_text(fontSize=10, fontWeight="bold", fill=BLACK).encode(text="sign:N")
    panel = alt.layer(boxes, signs).properties(width=CELL * len(points), height=CELL * len(everyone))
    order = list(dict.fromkeys(row["organ"] for row in rows))
    header = alt.Header(
        title=None,
        labelFontSize=12,
        labelFontWeight="bold",
        labelAnchor="start",
        labelLimit=190,
        labelFont=FONT,
    )
    facet = alt.Facet("organ:N", sort=order, header=header, title=None)
    panels = panel.facet(facet=facet, columns=ACROSS, data=data(rows), spacing={"row": 18, "column": 14})
    return panels.resolve_axis(x="independent", y="independent")


def _rows(protocol: Protocol, cells: list[dict[str, Any]], language: Language) -> Rows:
    points = _visits(protocol, cells)
    said = {(cell["organ"], cell["who"], cell["point"]): cell["state"] for cell in cells}
    keys = dict.fromkeys((cell["organ"], cell["who"]) for cell in cells)
    body = tuple((o, w, *(said.get((o, w, point), "–") for point in points)) for o, w in keys)
    head = (language("organ"), language("participant"))
    return Rows((*head, *(protocol.timepoints[p].label(language.code) for p in points)), body)
