"""An output as it is laid out, whatever it is printed on: title, heads, lines, cells, notes.

Every cell carries the id of the result that it shows and its text. HTML, PDF, RTF and DOCX take this.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from trialrun.analysis.ard import Ard, Cell, formatted
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.wording import written
from trialrun.protocol.output import Listed, Output
from trialrun.protocol.text import Text

HEADER = Text((("en", "{title}\n(N={N})"), ("fr", "{title}\n(N={N})")))


@dataclass(frozen=True)
class Head:
    """The head of a column: its words, of the group above it and of the part below."""

    key: str
    title: str
    part: str = ""
    under: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Shown:
    """A cell: the id of its result, None for an empty one, and its text."""

    text: str = ""
    id: str | None = None


@dataclass(frozen=True)
class DisplayRow:
    """A line: the words of its label columns, how far it is indented, its cells; ``gap``: an empty line."""

    labels: tuple[str, ...]
    cells: tuple[Shown, ...] = ()
    indent: int = 0
    heading: bool = False
    gap: bool = False


@dataclass(frozen=True)
class Display:
    id: str
    kind: str
    title: str
    subtitle: str
    stub: tuple[str, ...]
    heads: tuple[Head, ...]
    rows: tuple[DisplayRow, ...]
    footnotes: tuple[str, ...]
    section: str | None = None
    language: str = "en"
    landscape: bool = False
    reasons: tuple[str, ...] = field(default=())


def display(ard: Ard, output: str, language: str = "en") -> Display:
    """The layout of one output in one language."""
    planned = ard.outputs[output]
    heads = _heads(ard, output, planned, language)
    stub = tuple(one(language) for one in planned.stub) or (() if planned.kind == "listing" else ("",))
    reasons: dict[str, None] = {}
    rows: list[DisplayRow] = []
    last = None
    for line, cells in ard.lines(output):
        new = line.key[0] != last
        if new and planned.space and last is not None:
            rows.append(DisplayRow(tuple("" for _ in stub), gap=True))
        labels = tuple(one(language) for one in line.labels)
        rows += _laid(labels, _shown(heads, cells, language), line.indent, len(stub), new)
        last = line.key[0]
        for cell in cells:
            reasons.update(
                dict.fromkeys(v.reason for v in cell.values.values() if isinstance(v, NotEstimable))
            )
    return Display(
        output,
        planned.kind,
        planned.title(language),
        planned.subtitle(language) if planned.subtitle else "",
        stub,
        heads,
        tuple(rows),
        tuple(one(language) for one in planned.footnotes),
        planned.section,
        language,
        len(heads) + len(stub) > 6,
        tuple(reasons),
    )


def _heads(ard: Ard, output: str, planned: Output, language: str) -> tuple[Head, ...]:
    listed = [row for row in planned.rows.values() if isinstance(row, Listed)]
    if listed:
        return tuple(Head(key, one.title(language), numeric=False) for key, one in listed[0].columns.items())
    pattern = ard.headers.get(output) or HEADER
    found = []
    for column in ard.columns[output]:
        title = written(pattern, {"title": column.title(language), "N": float(column.n)}, None, language)
        if planned.cells:
            for part, cell in planned.cells.items():
                found.append(Head(column.key, cell.title(language) if cell.title else "", part, title))
        else:
            found.append(Head(column.key, title))
    found += [
        Head(key, one.title(language), under=one.under(language) if one.under else "")
        for key, one in planned.compare.items()
    ]
    return tuple(found)


def _shown(heads: tuple[Head, ...], cells: list[Cell], language: str) -> tuple[Shown, ...]:
    held = {(cell.column, cell.part): Shown(formatted(cell, language), cell.id) for cell in cells}
    return tuple(held.get((head.key, head.part), Shown()) for head in heads) if held else ()


def _laid(
    labels: tuple[str, ...], cells: tuple[Shown, ...], indent: int, stubs: int, new: bool
) -> list[DisplayRow]:
    """A line in its label columns; the title of an analysis stands once, beside or above its lines."""
    if len(labels) < 2:
        padded = (*labels, *("" for _ in range(stubs - len(labels)))) if stubs else ()
        return [DisplayRow(padded, cells, indent, heading=not cells)]
    if stubs > 1:
        return [DisplayRow((labels[0] if new else "", *labels[1:]), cells, indent)]
    title = [DisplayRow((labels[0],), (), indent, heading=True)] if new else []
    return [*title, DisplayRow((labels[1],), cells, indent + 1)]


def text(shown: Display) -> str:
    """The display as plain text, for terminals and tests."""
    table = [[*shown.stub, *(head.title.replace("\n", " ") for head in shown.heads)]]
    for row in shown.rows:
        first = "  " * row.indent + row.labels[0] if row.labels else ""
        table.append(
            [first, *row.labels[1:], *(cell.text for cell in row.cells)]
            if row.labels
            else [c.text for c in row.cells]
        )
    width = max(map(len, table))
    padded = [[*row, *[""] * (width - len(row))] for row in table]
    sizes = [max(len(row[i]) for row in padded) for i in range(width)]
    lines = [
        "  ".join(one.ljust(size) for one, size in zip(row, sizes, strict=True)).rstrip() for row in padded
    ]
    rule = "-" * max(map(len, lines))
    notes = shown.footnotes
    return (
        "\n".join(
            [f"{shown.id}  {shown.title}", shown.subtitle, rule, lines[0], rule, *lines[1:], rule, *notes]
        )
        + "\n"
    )
