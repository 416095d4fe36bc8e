"""A document as a PDF, set by Typst from a template of this package: tagged (PDF/UA-1), with bookmarks.

The same document gives the same bytes: only the fonts that Typst brings are used, and no date is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

from trialrun.report.display import Display
from trialrun.report.document import Document, Facts, Heading, Link, Paragraph, Picture, Piece, Points
from trialrun.report.heads import heads
from trialrun.report.html import titled
from trialrun.report.language import Language, language
from trialrun.report.missing import Missing
from trialrun.report.widths import widths

WIDE, TALL = 10, 150  # columns and lines, from where on the letters are smaller
SIZE, SMALL = 8.5, 7.0  # points
DRAWN = (174, 190)  # mm, the most that a figure is wide and high
WHOLE = 42  # lines of a table that is not broken over pages

Run = tuple[bool, list[list[Any]]]


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
    words = language(document.language)
    outputs = {block.id for block in document.blocks if isinstance(block, Display | Picture)}
    return {
        "lang": document.language,
        "title": document.title,
        "subtitle": document.subtitle,
        "banner": document.banner,
        "standing": document.standing,
        "facts": [[term, [said]] for term, said in document.facts],
        "foot": document.foot,
        "page": words("output.page", page="{page}", pages="{pages}"),
        "contents": words("contents") if outputs else "",
        "runs": _runs(_blocks(document, words, outputs)),
    }


def _runs(blocks: Iterator[tuple[bool | None, list[Any]]]) -> list[Run]:
    """Blocks on pages of one direction; headings go with what follows them."""
    runs: list[Run] = []
    waiting: list[list[Any]] = []
    for turned, block in blocks:
        if turned is None:
            waiting.append(block)
            continue
        if not runs or runs[-1][0] != turned:
            runs.append((turned, []))
        runs[-1][1].extend([*waiting, block])
        waiting = []
    if waiting:
        runs.append((False, waiting))
    return runs


def _blocks(
    document: Document, words: Language, outputs: set[str]
) -> Iterator[tuple[bool | None, list[Any]]]:
    """Each block, and whether its page is turned; of a heading that is not known yet."""
    level = 0

    def pieces(some: tuple[Piece, ...]) -> list[Any]:
        return [_piece(one, outputs) for one in some]

    for block in document.blocks:
        match block:
            case Heading():
                level = min(block.level, level + 1)  # none is passed over, as PDF/UA has it
                yield None, ["heading", level, f"{block.number} {block.title}".strip()]
            case Paragraph():
                yield False, ["paragraph", pieces(block.pieces), block.note]
            case Points():
                yield False, ["points", [pieces(one) for one in block.items]]
            case Facts():
                yield False, ["facts", [[term, pieces(said)] for term, said in block.rows]]
            case Display():
                head = {"title": titled(block, words), "level": level + 1}
                yield block.landscape, ["display", {**head, **_display(block, words)}]
            case Picture():
                head = {"title": titled(block, words), "level": level + 1, "id": block.id}
                drawn = {"svg": block.svg, "alt": block.alt, "notes": block.notes, "width": _width(block.svg)}
                yield False, ["picture", {**head, **drawn}]


def _piece(piece: Piece, outputs: set[str]) -> Any:
    return [piece.text, piece.output] if isinstance(piece, Link) and piece.output in outputs else piece.text


def _width(svg: str) -> float:
    """How wide a drawing is printed, in mm."""
    found = re.search(r'viewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"', svg)
    across, high = DRAWN
    return min(across, high * float(found[1]) / float(found[2])) if found else across


def _display(shown: Display, words: Language) -> dict[str, Any]:
    small = len(shown.stub) + len(shown.heads) >= WIDE or len(shown.rows) >= TALL
    return {
        "id": shown.id,
        "subtitle": shown.subtitle,
        "size": SMALL if small else SIZE,
        "whole": len(shown.rows) <= WHOLE and not shown.landscape,
        "inset": 0.3 if small else 0.4,
        "widths": widths(shown),
        "right": [*(False for _ in shown.stub), *(head.numeric for head in shown.heads)],
        "heads": [[[one.text, one.columns, one.rows, one.numeric] for one in line] for line in heads(shown)],
        "rows": [
            [row.indent, 1, " ".join(filter(None, row.labels)), []]
            if row.heading
            else [row.indent, 0, list(row.labels), [cell.text for cell in row.cells]]
            for row in shown.rows
            if not row.gap
        ],
        "notes": [
            *shown.footnotes,
            *(f"{words('not.estimable')}{words('colon')}{one}" for one in shown.reasons),
        ],
    }
