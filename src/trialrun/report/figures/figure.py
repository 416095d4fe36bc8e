"""A figure of the report: an Altair specification drawn to SVG offline, with its description and its numbers.

Colours are those of Okabe and Ito (Color Universal Design, 2008), which people with any common
colour vision tell apart.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trialrun.report.language import Language

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
INK, GREY, PALE, BAND = "#1f2933", "#6b7785", "#d5dae0", "#eef1f4"
SHORT = 120  # days
WIDTH = 640  # drawing width in CSS pixels: about the text width of an A4 page

# Liberation Sans has the widths of Arial and Helvetica, so that labels placed with the one fit in the others.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"


_CONFIG: dict[str, Any] = {
    "font": FONT,
    "background": "transparent",
    "aria": False,  # the words beside a figure describe it; a label for each mark would bury a listener
    "axis": {
        "labelColor": INK, "titleColor": INK, "labelFontSize": 12, "titleFontSize": 12,
        "titleFontWeight": "normal", "titlePadding": 8, "gridColor": "#e6e9ed", "domainColor": GREY,
        "tickColor": GREY, "labelFont": FONT, "titleFont": FONT,
    },
    "legend": {
        "orient": "top", "title": None, "labelColor": INK, "labelLimit": 320, "symbolOpacity": 1,
        "labelFontSize": 12, "labelFont": FONT, "columnPadding": 16, "offset": 10,
        "layout": {"top": {"direction": "vertical", "anchor": "start", "margin": 4}},
    },
    "header": {"labelColor": INK, "labelFont": FONT, "labelFontSize": 12, "title": None},
    "title": {"color": INK, "font": FONT, "fontSize": 12},
    "view": {"stroke": None},
    "text": {"font": FONT, "fontSize": 12, "fill": INK},
}  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """The numbers behind a figure, as they are printed."""

    head: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Figure:
    """One drawing: inline SVG, what it shows in a sentence, and its numbers."""

    id: str
    title: str
    label: str
    svg: str
    rows: Rows
    note: str = ""
    key: tuple[tuple[str, str], ...] = field(default=())  # (colour or shape class, words)


@dataclass(frozen=True)
class _Values:
    """Rows that Altair passes on as they are: it would copy and check each of them many times."""

    rows: list[dict[str, Any]]


def data(rows: Sequence[dict[str, Any]]) -> Any:
    """Rows as inline data."""
    import altair as alt

    with alt.utils.schemapi.debug_mode(False):
        return alt.Data(values=_Values(list(rows)))  # type: ignore[no-untyped-call]


def _named(part: Any, found: dict[int, tuple[str, _Values]]) -> None:
    """Give rows names in place of themselves: those that several layers draw stand once in the chart."""
    if isinstance(part, dict):
        held = part.get("data")
        values = held.get("values") if isinstance(held, dict) else None
        if isinstance(values, _Values):
            name, _ = found.setdefault(id(values), (f"rows{len(found)}", values))
            part["data"] = {"name": name}
        for one in part.values():
            _named(one, found)
    elif isinstance(part, list):
        for one in part:
            _named(one, found)


def x_at(place: float) -> Any:
    """So many pixels from the left of a drawing."""
    import altair as alt

    return alt.XValue(place)  # type: ignore[no-untyped-call]


def y_at(place: float) -> Any:
    """So many pixels from its top."""
    import altair as alt

    return alt.YValue(place)  # type: ignore[no-untyped-call]


def layered(*charts: Any, **look: Any) -> dict[str, Any]:
    """Charts over each other, as Vega-Lite: Altair would copy each of them several times. Rows that all of
    them draw stand once."""
    layers = [nested(one) for one in charts]
    made: dict[str, Any] = {"layer": layers}
    rows = [one.get("data", {}).get("values") for one in layers]
    if rows[0] is not None and all(one is rows[0] for one in rows):
        made["data"] = layers[0]["data"]
        for one in layers:
            del one["data"]
    return {**made, **dict(sorted(look.items()))}


def nested(chart: Any) -> dict[str, Any]:
    """A chart as Vega-Lite, to stand within another one."""
    if isinstance(chart, dict):
        return chart
    made: dict[str, Any] = chart.to_dict(validate=False, context={"top_level": False})
    return made


def days_marked(last: float) -> range:
    """The study days after day 1 that an axis marks: every fiftieth; of a short trial every second week."""
    return range(50, int(last) + 20, 50) if last > SHORT else range(15, int(last) + 7, 14)


def specification(chart: Any, language: Language) -> dict[str, Any]:
    """The chart as Vega-Lite, in the look of the report; it says itself how numbers are written."""
    import altair as alt

    number: Any = {"decimal": language("decimal"), "thousands": "\N{NARROW NO-BREAK SPACE}"}
    number |= {"grouping": [3], "currency": ["", ""], "minus": "\N{MINUS SIGN}"}
    made = {"config": {**_CONFIG, "locale": {"number": number}}, **nested(chart), "$schema": alt.SCHEMA_URL}
    found: dict[int, tuple[str, _Values]] = {}
    _named(made, found)
    made["datasets"] = {name: values.rows for name, values in found.values()}
    return made


def drawing(spec: Mapping[str, Any], name: str) -> str:
    """A specification as SVG to be put into a page."""
    import vl_convert

    return inlined(vl_convert.vegalite_to_svg(dict(spec)), name)


def inlined(svg: str, name: str) -> str:
    """What Vega drew, to be put into a page: no namespace links, ids that no other drawing has."""
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)
    # The words beside the drawing describe it; a label per mark would bury a listener.
    svg = re.sub(r'\saria-\w+="[^"]*"|\srole="[^"]*"', "", svg)
    ids = set(re.findall(r'\sid="([^"]+)"', svg))
    for each in sorted(ids, key=len, reverse=True):
        svg = re.sub(rf'(id="|url\(#|href="#){re.escape(each)}(?=["\)])', rf"\g<1>{name}-{each}", svg)
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


# ---- figures of planned outputs ------------------------------------------------------------------

NAMED = {
    "blue": BLUE, "sky": SKY, "green": GREEN, "orange": ORANGE, "vermilion": VERMILION, "purple": PURPLE,
    "grey": GREY, "pale": "#e3e7ec", "black": BLACK,
}  # fmt: skip
"""The colours that an outputs file may name."""


@dataclass(frozen=True)
class Drawing:
    """A chart (None where nobody is in it), what it shows in words, and what else a reader needs to know."""

    chart: Any
    alt: str
    notes: tuple[str, ...] = ()


def nobody(language: Language) -> Any:
    """The chart of a figure that nobody is in: a sentence."""
    import altair as alt

    words = alt.Chart(data([{"words": language("picture.nobody")}])).mark_text(fontSize=14, fill=GREY)
    return words.encode(text=alt.Text("words:N")).properties(width=WIDTH - 70, height=60)


def time_axis(last: float, first: float = 1.0, marked: bool = True) -> Any:
    """An axis of study days: there is no day 0."""
    import altair as alt

    before = [-14] if first <= -7 else []
    return alt.Axis(grid=False, values=[*before, 1, *days_marked(last)], format="d", labelOverlap=True)


def span(values: Sequence[float], log: bool = False, room: float = 0.06, zero: bool = False) -> list[float]:
    """The two ends of an axis that holds all values with some room."""
    low, high = min(values), max(values)
    if log:
        return [low / (1 + 3 * room), high * (1 + 3 * room)]
    low = min(0.0, low) if zero else low
    more = (high - low or abs(high) or 1.0) * room
    return [low if zero and low == 0 else low - more, high + more]


def ticks(low: float, high: float) -> list[float]:
    """Where a logarithmic axis is marked: at 1, 2 and 5 times powers of ten, closer where these are few."""
    for steps in (
        (1.0, 2.0, 5.0),
        (1.0, 1.5, 2.0, 3.0, 5.0, 7.0),
        (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0),
    ):
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        found = [float(f"{step * 10.0**power:.12g}") for power in powers for step in steps]
        within = [one for one in found if low <= one <= high]
        if len(within) >= 4:
            break
    return within


def heights(
    title: str | None,
    values: Sequence[float],
    log: bool,
    zero: bool = False,
    field: str = "y",
    **axis: Any,
) -> tuple[Any, Any]:
    """The encoding of an upright axis that holds all values, and its scale."""
    import altair as alt

    domain = span([one for one in values if one > 0 or not log], log, zero=zero and not log)
    marks = alt.Axis(**({"values": ticks(*domain)} if log else {"tickCount": 6}), format="~r", **axis)
    scale = alt.Scale(type="log" if log else "linear", domain=domain, nice=False)
    return alt.Y(f"{field}:Q", title=title, scale=scale, axis=marks), scale


def keyed(words: Sequence[str], **more: Any) -> Any:
    """A legend in as many columns as its words leave room for."""
    import altair as alt

    longest = max(map(len, words), default=1)
    across = int(max(1, min(len(words), (WIDTH - 40) / (longest * 6.3 + 40))))
    return alt.Legend(columns=across, **more)


def tips(*fields: tuple[str, str]) -> list[Any]:
    """What a reader who points at a mark is told: fields that hold words, and what they are."""
    import altair as alt

    return [alt.Tooltip(field=field, type="nominal", title=title) for field, title in fields]


def rules(lines: Sequence[tuple[float, str]], scale: Any, across: float, upright: bool = False) -> list[Any]:
    """Dashed lines at values of an axis; the words of a level one stand at its right end, at ``across``."""
    import altair as alt

    layers: list[Any] = []
    for at, title in lines:
        base = alt.Chart(data([{"at": at, "title": title}]))
        place = {"x": alt.X("at:Q", scale=scale)} if upright else {"y": alt.Y("at:Q", scale=scale)}
        layers.append(base.mark_rule(color=GREY, strokeDash=[5, 4], strokeWidth=1).encode(**place))
        if title:
            words = base.mark_text(align="right", baseline="bottom", dy=-3, fill=GREY, fontSize=11)
            other = {"y": y_at(12)} if upright else {"x": x_at(across)}
            layers.append(words.encode(text=alt.Text("title:N"), **place, **other))
    return layers
