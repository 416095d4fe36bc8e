"""A document as a PDF, set by Typst from a template of this package: tagged (PDF/UA-1), with bookmarks.

The same document gives the same bytes: only the fonts that Typst brings are used, and no date is written.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from trialrun.report.display import Display
from trialrun.report.document import Document, Facts, Heading, Link, Paragraph, Picture, Piece, Points
from trialrun.report.drawing import alone, size
from trialrun.report.heads import heads
from trialrun.report.language import Language, language
from trialrun.report.missing import Missing
from trialrun.report.pages import Placed, notes, outputs, runs
from trialrun.report.widths import lines, spaced, widths

WIDE, TALL = 10, 150  # columns and lines, from where on the letters are smaller
SIZE, SMALL = 8.5, 7.0  # points
DRAWN = (174, 190)  # mm, the most that a figure is wide and high
LISTED = 5  # outputs, from where on there is a list of contents; fewer are set to fit on one page
NARROW = 0.7  # of the width of a page: two such displays of a short document stand beside each other
WHOLE = 42  # lines of a table that is not broken over pages


def pdf(document: Document) -> bytes:
    """The PDF on A4, wide displays turned. Raises Missing where Typst is not installed."""
    try:
        import typst  # here, as it is an extra
    except ImportError as error:
        raise Missing("PDF", "Typst", "pdf", "Or print the HTML.") from error
    template = (resources.files("trialrun.report") / "templates" / "document.typ").read_bytes()
    content = json.dumps(_content(document), ensure_ascii=False, allow_nan=False)
    set_: bytes = typst.compile(
        template, sys_inputs={"content": content}, ignore_system_fonts=True, pdf_standards=["ua-1"]
    )
    return set_


def _content(document: Document) -> dict[str, Any]:
    """What the template reads: plain texts and numbers."""
    words, known = language(document.language), outputs(document)
    brief = len(known) < LISTED
    laid: list[tuple[bool, list[list[Any]]]] = [
        (turned, [_block(one, words, known) for one in some]) for turned, some in runs(document)
    ]
    return {
        "brief": brief,
        "lang": document.language,
        "title": document.title,
        "subtitle": document.subtitle,
        "banner": document.banner,
        "standing": document.standing,
        "facts": [[term, [said]] for term, said in document.facts],
        "foot": document.foot,
        "page": words("output.page", page="{page}", pages="{pages}"),
        "contents": "" if brief else words("contents"),
        "runs": [[turned, _paired(some) if brief else some] for turned, some in laid],
    }


def _paired(blocks: list[list[Any]]) -> list[list[Any]]:
    """The blocks, of which two narrow displays that follow each other are one pair."""
    made: list[list[Any]] = []
    for one in blocks:
        if made and made[-1][0] == "display" and _narrow(made[-1]) and _narrow(one):
            made[-1] = ["pair", _half(made[-1][1]), _half(one[1])]
        else:
            made.append(one)
    return made


def _narrow(block: list[Any]) -> bool:
    return block[0] == "display" and sum(map(float, block[1]["widths"])) <= NARROW


def _half(shown: dict[str, Any]) -> dict[str, Any]:
    """A display that has half the width of a page."""
    share = max(0.5, sum(shown["widths"]))
    return {**shown, "widths": [one / share for one in shown["widths"]]}


def _block(one: Placed, words: Language, known: frozenset[str]) -> list[Any]:
    """The kind of a block, and what is said in it."""

    def pieces(some: tuple[Piece, ...]) -> list[Any]:
        return [
            [piece.text, piece.output] if isinstance(piece, Link) and piece.output in known else piece.text
            for piece in some
        ]

    match one.block:
        case Heading():
            return ["heading", one.level, one.title]
        case Paragraph() as said:
            return ["paragraph", pieces(said.pieces), said.note]
        case Points() as said:
            return ["points", [pieces(item) for item in said.items]]
        case Facts() as said:
            return ["facts", [[term, pieces(told)] for term, told in said.rows]]
        case Display() as shown:
            return [
                "display",
                {"title": one.title, "level": one.level, "id": one.output, **_display(shown, words)},
            ]
        case Picture() as shown:
            head = {"title": one.title, "level": one.level, "id": one.output, "alt": shown.alt}
            drawn = {"svg": alone(shown.svg), "width": size(shown.svg, *DRAWN)[0]}
            return ["picture", {**head, **drawn, "notes": shown.notes}]


def _display(shown: Display, words: Language) -> dict[str, Any]:
    small = len(shown.stub) + len(shown.heads) >= WIDE or len(shown.rows) >= TALL
    return {
        "subtitle": shown.subtitle,
        "planned": shown.planned,
        "size": SMALL if small else SIZE,
        "whole": not shown.landscape and lines(shown) <= WHOLE,
        "inset": 0.3 if small else 0.4,
        "widths": widths(shown),
        "right": [*(False for _ in shown.stub), *(head.numeric for head in shown.heads)],
        "heads": [[[one.text, one.columns, one.rows, one.numeric] for one in line] for line in heads(shown)],
        "rows": [
            [row.indent, above, 1, " ".join(filter(None, row.labels)), []]
            if row.heading
            else [row.indent, above, 0, list(row.labels), [cell.text for cell in row.cells]]
            for row, above in spaced(shown)
        ],
        "notes": notes(shown, words),
    }
