"""The schedule of activities as a PDF, set by Typst from a template of this package.

The same study gives the same bytes: only the fonts that Typst brings are used, and no date is written.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from trialrun.report.missing import Missing
from trialrun.report.schedule.layout import Layout, Part, layout, rows_of
from trialrun.report.schedule.schedule import Row, Schedule

SHORT = 30  # rows: a further table with so many is not broken over pages


def pdf(made: Schedule, paper: str = "a4") -> bytes:
    """The PDF, landscape on ``a4`` or ``a3``. Raises Missing where Typst is not installed."""
    try:
        import typst  # here, as it is an extra
    except ImportError as error:
        raise Missing("PDF", "Typst", "pdf", "Or print the HTML.") from error
    template = (resources.files("trialrun.report") / "templates" / "schedule.typ").read_bytes()
    content = json.dumps(_content(made, layout(made, paper)), ensure_ascii=False)
    set_: bytes = typst.compile(
        template, sys_inputs={"content": content}, ignore_system_fonts=True, pdf_standards=["ua-1"]
    )
    return set_


def _content(made: Schedule, laid: Layout) -> dict[str, Any]:
    """What the template reads: plain texts and numbers, lengths in mm, the type in points."""
    words = made.words
    said = {key: words(f"soa.{key}") for key in ("activity", "day", "window", "notes", "key", "assumed")}
    return {
        "lang": words.code,
        "paper": laid.paper,
        "size": laid.size,
        "study": made.study,
        "version": words("soa.version", version=made.version),
        "heading": words("soa"),
        "title": made.title,
        "standing": made.standing,
        "foot": words("soa.foot", study=made.study, version=made.version, software=made.software),
        "hash": made.hash,
        **said,
        "assumptions_title": words("soa.assumptions"),
        "assumptions_language": words("assumptions.language"),
        "colon": words("colon"),
        "day_notes": made.day_notes,
        "window_notes": made.window_notes,
        "parts": [_part(made, part, number, len(laid.parts)) for number, part in enumerate(laid.parts, 1)],
        "footnotes": [[mark, note.text, note.items] for mark, note in made.notes],
        "assumptions": made.assumed,
    }


def _part(made: Schedule, part: Part, number: int, parts: int) -> dict[str, Any]:
    columns = [made.heads[index].column for index in part.columns]
    groups = rows_of(made, part)
    return {
        "whole": number > 1 and sum(1 + len(rows) for _, rows in groups) <= SHORT,
        "caption": made.words("soa.part", part=number, parts=parts) if parts > 1 else "",
        "titles": part.titles,
        "widths": part.widths,
        "decisions": [column.kind == "decision" for column in columns],
        "heads": [
            [
                [span.text, span.columns, span.rows, _calls(span.notes, span.assumed), span.kind]
                for span in row
            ]
            for row in part.heads
        ],
        "days": [column.day for column in columns if column.points],
        "windows": [column.window for column in columns if column.points],
        "groups": [[title, [_row(row, part) for row in rows]] for title, rows in groups],
        "total": _row(made.total, part) if made.total else None,
    }


def _row(row: Row, part: Part) -> list[Any]:
    return [
        row.title,
        row.detail,
        _calls(row.notes, row.assumed),
        [row.cells[index] for index in part.columns],
    ]


def _calls(notes: tuple[str, ...], assumed: bool) -> str:
    return ",".join([*notes, *(["†"] if assumed else [])])
