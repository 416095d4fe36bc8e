"""A document before it is printed: headings, sentences, tables and figures in their order.

The study report, the safety board's pack and the sponsor's page are each one document. HTML, PDF, RTF and
DOCX take a document and compute nothing; every number in it carries the id of its result.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trialrun.report.display import Display, Shown

_HOLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Link:
    """Words that lead to an output of the same document: "Table 14.1.1"."""

    text: str
    output: str


Piece = Shown | Link


@dataclass(frozen=True)
class Heading:
    """``number``: that of ICH E3, or of the section; ``level``: 1 is a chapter."""

    title: str
    level: int = 1
    number: str = ""


@dataclass(frozen=True)
class Paragraph:
    """One or more sentences, cut where a number has a result behind it. ``note``: small print."""

    pieces: tuple[Piece, ...]
    note: bool = False


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    items: tuple[tuple[Piece, ...], ...]


@dataclass(frozen=True)
class Facts:
    """Terms and what is said of them."""

    rows: tuple[tuple[str, tuple[Piece, ...]], ...]


@dataclass(frozen=True)
class Picture:
    """A figure: one Vega-Lite specification, the vector drawing made from it, what it shows in words, and
    its numbers as a table."""

    id: str
    title: str
    alt: str
    spec: Mapping[str, Any]
    svg: str
    beside: Display
    section: str | None = None
    notes: tuple[str, ...] = ()


Block = Heading | Paragraph | Points | Facts | Display | Picture


@dataclass(frozen=True)
class Document:
    """``kind``: report, board or sponsor. ``banner``: that people are virtual, on every page; empty for
    real ones. ``foot``: study, version, as of when, hash of the results: on every page too."""

    kind: str
    title: str
    subtitle: str
    language: str
    blocks: tuple[Block, ...]
    banner: str = ""
    standing: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    foot: str = ""
    generator: str = field(default="", compare=False)


def sentence(template: str, shown: Mapping[str, Piece | str]) -> tuple[Piece, ...]:
    """The pieces of a sentence whose ``{holes}`` are results, links or words. KeyError for an unknown one."""
    pieces: list[Piece] = []
    place = 0
    for hole in _HOLE.finditer(template):
        if hole.start() > place:
            pieces.append(Shown(template[place : hole.start()]))
        found = shown[hole[1]]
        pieces.append(Shown(found) if isinstance(found, str) else found)
        place = hole.end()
    if place < len(template):
        pieces.append(Shown(template[place:]))
    return tuple(pieces)
