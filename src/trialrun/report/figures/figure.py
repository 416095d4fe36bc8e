"""A figure of the report: an Altair specification drawn to SVG offline, with its description and its numbers.

Colours are those of Okabe and Ito (Color Universal Design, 2008), which people with any common
colour vision tell apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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


def data(rows: Sequence[dict[str, Any]]) -> Any:
    """Rows as inline data."""
    import altair as alt

    return alt.Data(values=list(rows))  # type: ignore[no-untyped-call]


def days_marked(last: float) -> range:
    """The study days after day 1 that an axis marks: every fiftieth; of a short trial every second week."""
    return range(50, int(last) + 20, 50) if last > SHORT else range(15, int(last) + 7, 14)


def draw(chart: Any, name: str, language: Language) -> str:
    """The chart as SVG to be put into a page: no namespace links, ids that no other drawing has."""
    import vl_convert

    styled = chart.configure(
        font=FONT,
        background="transparent",
        axis={
            "labelColor": INK,
            "titleColor": INK,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "gridColor": "#e6e9ed",
            "domainColor": GREY,
            "tickColor": GREY,
            "labelFont": FONT,
            "titleFont": FONT,
        },
        view={"stroke": None},
        text={"font": FONT, "fontSize": 12, "fill": INK},
    )
    locale: Any = {"decimal": language("decimal"), "thousands": "\N{NARROW NO-BREAK SPACE}"}
    locale |= {"grouping": [3], "currency": ["", ""]}
    svg = vl_convert.vegalite_to_svg(styled.to_dict(validate=False), format_locale=locale)
    return _inline(svg, name)


def _inline(svg: str, name: str) -> str:
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)
    # The words beside the drawing describe it; a label per mark would bury a listener.
    svg = re.sub(r'\saria-\w+="[^"]*"|\srole="[^"]*"', "", svg)
    ids = set(re.findall(r'\sid="([^"]+)"', svg))
    for each in sorted(ids, key=len, reverse=True):
        svg = re.sub(rf'(id="|url\(#|href="#){re.escape(each)}(?=["\)])', rf"\g<1>{name}-{each}", svg)
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
