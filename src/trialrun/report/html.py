"""A document as one HTML file that needs nothing else: every number in it says how it was made.

Its policy lets nothing in from outside and runs one script, named by its hash; without scripts all tables can
be read.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import polars as pl
from jinja2 import Template
from markupsafe import Markup

from trialrun.analysis.ard import Ard
from trialrun.report.display import Display, Shown
from trialrun.report.document import Block, Document, Facts, Heading, Paragraph, Picture, Points
from trialrun.report.figures.script import script as interactive
from trialrun.report.heads import heads
from trialrun.report.language import Language, language
from trialrun.report.page import environment
from trialrun.report.pages import notes, outputs, placed
from trialrun.report.provenance import provenance

DEEPEST = 6  # level of a heading in HTML
_WORDS = (
    "values", "method", "version", "inputs", "result", "row", "rows", "source", "none", "nothing", "all",
)  # fmt: skip


def html(document: Document, ard: Ard, tables: Mapping[str, pl.DataFrame] | None = None) -> str:
    """The page; with ``tables``, what the results were made from, the rows behind a number are shown whole.

    ValueError for a number that is not among the results, and for other tables.
    """
    words = language(document.language)
    number = {one: place for place, one in enumerate(dict.fromkeys(_ids(document)))}
    blocks = list(_blocks(document))
    figures = {
        one.id: {key: held for key, held in one.spec.items() if key != "$schema"}
        for one in document.blocks
        if isinstance(one, Picture) and one.spec
    }
    style, script = _part("document.css"), _part("document.js")
    script = Markup(f"{script}\n{interactive()}") if figures else script
    return _template().render(
        document=document,
        t=words,
        heads=heads,
        number=number,
        blocks=blocks,
        contents=[
            (one[4] - 1, one[2], one[3]) for one in blocks if one[2] and getattr(one[1], "planned", True)
        ],
        outputs=outputs(document),
        notes=notes,
        policy=f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        words=_json(_words(words)),
        figures=_json(figures) if figures else "",
        results=_json(provenance(number, ard, tables, document.language)),
    )


def _blocks(document: Document) -> Iterator[tuple[str, Block, str, str, int]]:
    """Each block with its kind, anchor, title and level; without anchor where it has no title."""
    for place, one in enumerate(placed(document)):
        block, anchor = one.block, ""
        if isinstance(block, Heading):
            anchor = f"section-{block.number or place}"
        elif isinstance(block, Display | Picture):
            anchor = f"out-{one.output}" if one.output else f"again-{place}"
        yield type(block).__name__, block, anchor, one.title, min(one.level + 1, DEEPEST)


def _ids(document: Document) -> Iterator[str]:
    """The id of every result that is shown, in order."""
    for block in document.blocks:
        match block:
            case Paragraph():
                some = [block.pieces]
            case Points():
                some = list(block.items)
            case Facts():
                some = [pieces for _, pieces in block.rows]
            case Display():
                yield from _shown(block)
                continue
            case Picture():
                yield from _shown(block.beside)
                continue
            case _:
                continue
        yield from (one.id for pieces in some for one in pieces if isinstance(one, Shown) and one.id)


def _shown(display: Display) -> Iterator[str]:
    yield from (head.id for head in display.heads if head.id)
    yield from (cell.id for row in display.rows for cell in row.cells if cell.id and cell.text)


def _words(words: Language) -> dict[str, Any]:
    """What the panel says, and the words for names of methods, parameters and statistics."""

    def group(name: str) -> dict[str, str]:
        start = f"how.{name}."
        return {key.removeprefix(start): said for key, said in words.words.items() if key.startswith(start)}

    return {
        "language": words.code,
        "decimal": words("decimal"),
        **{key: words(f"how.{key}") for key in _WORDS},
        **{f"{name}s": group(name) for name in ("method", "key", "statistic")},
    }


def _json(value: Any) -> Markup:
    """Data that may stand in a page: no ``<`` in it can end a script."""
    said = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(said.replace("<", "\\u003c"))


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _part(name: str) -> Markup:
    """A part of the page that stands in it as it is."""
    return Markup(environment().loader.get_source(environment(), name)[0])  # type: ignore[union-attr]


@cache
def _template() -> Template:
    overlay = environment().overlay()
    overlay.filters["drawing"] = _drawing
    return overlay.get_template("document.html.j2")


def _drawing(svg: str) -> Markup:
    """A drawing without the styles of its own that the policy would refuse."""
    return Markup(re.sub(r'\sstyle="[^"]*"', "", svg))
