"""An output as it is laid out, whatever it is printed on: title, heads, lines, cells, notes.

Every cell carries the id of the result that it shows and its text. HTML, PDF, RTF and DOCX take this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from trialrun.analysis.ard import Ard, Cell, formatted
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.grouping import ALL, Column
from trialrun.analysis.outputs.projection import HEADS
from trialrun.analysis.outputs.statement import Line
from trialrun.analysis.outputs.wording import written
from trialrun.protocol.analysis import Hierarchy, Listed, Monitored, Narrative, Organs, Projection, Told
from trialrun.protocol.cell import Written
from trialrun.protocol.output import EVERY_ROW, GROUP, Analysis, Output
from trialrun.protocol.text import Text
from trialrun.report.reason import reason as reason_in

NOTHING = Text((("en", "Nothing was recorded."), ("fr", "Rien n'a été enregistré.")))
NOBODY = Text(
    (("en", "There is no participant in this set."), ("fr", "Cette population ne compte aucun participant."))
)
VALUE = Text((("en", "Value"), ("fr", "Valeur")))
HEADER = Text((("en", "{title}\n(N={N})"), ("fr", "{title}\n(N={N})")))


@dataclass(frozen=True)
class Head:
    """The head of a column: its words, those of the group above it, and which cells stand in it.

    ``id``: the result that counts its participants (the N in the words), None where there is none.
    """

    key: str
    title: str
    part: str = ""
    under: str = ""
    numeric: bool = True
    id: str | None = None


@dataclass(frozen=True)
class Shown:
    """A cell: its text and the id of its result, None for an empty one."""

    text: str = ""
    id: str | None = None


@dataclass(frozen=True)
class DisplayRow:
    """A line: the words of its label columns, how far they are indented, its cells.

    ``heading``: words alone. ``gap``: an empty line.
    """

    labels: tuple[str, ...]
    cells: tuple[Shown, ...] = ()
    indent: int = 0
    heading: bool = False
    gap: bool = False


@dataclass(frozen=True)
class Display:
    """One output in one language. ``stub``: the heads of the label columns; ``reasons``: why something in it
    could not be estimated; ``landscape``: whether it is wide; ``planned``: whether it is one of the outputs,
    which have numbers."""

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
    reasons: tuple[str, ...] = ()
    planned: bool = True


WIDE = 6  # columns, beyond which a page is turned


def display(ard: Ard, output: str, language: str = "en") -> Display:
    """The layout of one output in one language."""
    planned = ard.outputs[output]
    lines = list(ard.lines(output))
    if planned.across == "statistics":
        heads, lines = _across(ard, output, planned, lines, language)
    elif planned.across == "both":
        heads, lines = _beneath(ard, output, planned, lines, language)
    else:
        heads = _heads(ard, output, planned, language)
    listed = planned.kind == "listing"
    stub = tuple(one(language) for one in planned.stub) or (() if listed else ("",))
    return Display(
        output,
        planned.kind,
        planned.title(language),
        planned.subtitle(language) if planned.subtitle else "",
        stub,
        heads,
        _filled(ard, output, lines, heads, stub, language),
        tuple(dict.fromkeys(one(language) for one in (*planned.footnotes, *_notes(lines)))),
        planned.section,
        language,
        len(heads) + len(stub) > WIDE,
        tuple(dict.fromkeys(why for _, cells in lines for cell in cells for why in _reasons(cell, language))),
    )


def _filled(
    ard: Ard,
    output: str,
    lines: list[tuple[Line, list[Cell]]],
    heads: tuple[Head, ...],
    stub: tuple[str, ...],
    language: str,
) -> tuple[DisplayRow, ...]:
    """The lines, or the sentence that stands where there is nothing to show."""
    planned = ard.outputs[output]
    nobody = not any(column.n for column in ard.columns[output])
    counted = not any(_own(row) for row in planned.rows.values())
    rows = () if nobody and counted else tuple(_rows(planned, lines, heads, len(stub), language))
    if any(row.cells for row in rows) or planned.kind == "figure":
        return rows
    words = NOBODY if nobody and counted else planned.empty or NOTHING
    return (DisplayRow((words(language), *("",) * (len(stub) - 1)), heading=True),)


def _notes(lines: list[tuple[Line, list[Cell]]]) -> Iterator[Text]:
    """What must be known of the lines, beside what the plan says of the output."""
    return (note for line, _ in lines for note in line.notes)


def _reasons(cell: Cell, language: str) -> list[str]:
    found = (value for value in cell.values.values() if isinstance(value, NotEstimable))
    return [reason_in(one.reason, language) for one in found]


# ---- columns -------------------------------------------------------------------------------------


def _heads(ard: Ard, output: str, planned: Output, language: str) -> tuple[Head, ...]:
    """The columns that an analysis brings along, as a listing does; else the groups, with the parts of their
    cells, and the comparisons."""
    own = next((found for row in planned.rows.values() if (found := _own(row))), None)
    if own is not None:
        numeric = any(isinstance(row, Projection | Monitored) for row in planned.rows.values())
        return tuple(
            Head(key, title(language) if title else "", numeric=numeric) for key, title in own.items()
        )
    heads: list[Head] = []
    ids = ard.heads(output)
    for column in ard.columns[output]:
        title = _titled(ard.headers.get(output) or HEADER, column, language)
        over = column.under(language) if column.under else ""
        for part, cell in (planned.cells or {"": Written()}).items():
            words = cell.title(language) if cell.title else ""
            below, above = (words, title) if planned.cells else (title, over)
            heads.append(Head(column.key, below, part, above, id=ids[column.key]))
    return (*heads, *_compared(planned, language))


def _compared(planned: Output, language: str) -> Iterator[Head]:
    for key, one in planned.compare.items():
        yield Head(key, one.title(language), under=one.under(language) if one.under else "")


def _own(row: Analysis) -> dict[str, Text | None]:
    """The columns of an analysis that has its own, not one for each group of participants."""
    match row:
        case Listed() | Monitored() | Organs():
            return {key: one.title for key, one in row.columns.items()}
        case Narrative():
            return {"text": None}
        case Told():
            return {"value": VALUE}
        case Projection():
            return dict(HEADS)
        case _:
            return {}


def _titled(pattern: Text, column: Column, language: str) -> str:
    return written(pattern, {"title": column.title(language), "N": float(column.n)}, None, language)


def _beneath(
    ard: Ard, output: str, planned: Output, lines: list[tuple[Line, list[Cell]]], language: str
) -> tuple[tuple[Head, ...], list[tuple[Line, list[Cell]]]]:
    """The statistics of a line beside each other under each group."""
    titles: dict[str, str] = {}
    turned: list[tuple[Line, list[Cell]]] = []
    columns, ids = ard.columns[output], ard.heads(output)
    groups = {column.key for column in columns}
    for _, block in groupby(lines, key=lambda one: one[0].key[:-1] if one[1] else one[0].key):
        found = list(block)
        line = found[0][0]
        if not found[0][1]:
            turned += found
            continue
        for one, _ in found:
            titles.setdefault(one.key[-1], one.labels[-1](language))
        cells = [
            replace(cell, part=one.key[-1]) if cell.column in groups else cell
            for one, some in found
            for cell in some
        ]
        turned.append((replace(line, key=line.key[:-1], labels=line.labels[:-1]), cells))
    heads = [
        Head(
            column.key,
            title,
            part,
            _titled(ard.headers.get(output) or HEADER, column, language),
            id=ids[column.key],
        )
        for column in columns
        for part, title in titles.items()
    ]
    return (*heads, *_compared(planned, language)), turned


def _across(
    ard: Ard, output: str, planned: Output, lines: list[tuple[Line, list[Cell]]], language: str
) -> tuple[tuple[Head, ...], list[tuple[Line, list[Cell]]]]:
    """Statistics as columns, and a line for each group of participants; the group stands last among the
    words, or before the column of ``each`` that ``group_before`` names."""
    heads: dict[str, Head] = {}
    turned: list[tuple[Line, list[Cell]]] = []
    for _, block in groupby(lines, key=lambda one: _until(planned, one[0])):
        found = list(block)
        for line, _ in found:
            heads.setdefault(line.key[-1], _statistic_head(planned, line, language))
        for column in ard.columns[output]:
            for _, some in groupby(found, key=lambda one: one[0].key[:-1]):
                words = _group_words(planned, column, language)
                turned.append(_turned(column, words, list(some), len(_until(planned, found[0][0]))))
    return tuple(heads.values()), turned


def _until(planned: Output, line: Line) -> tuple[str, ...]:
    """The part of a line's key that stands before the group."""
    if planned.group_before is None:
        return line.key[:-1]
    if planned.group_before == EVERY_ROW:
        return ()
    each = list(getattr(planned.rows[line.key[0]], "each", ()))
    place = each.index(planned.group_before) if planned.group_before in each else len(each)
    return line.key[: 1 + place]


def _statistic_head(planned: Output, line: Line, language: str) -> Head:
    own = getattr(planned.rows[line.key[0]], "statistics", {}).get(line.key[-1])
    said = [one.under for one in (own, planned.statistics.get(line.key[-1])) if one is not None and one.under]
    over = said[0](language) if said else ""
    return Head(line.key[-1], line.labels[-1](language), under=over)


def _group_words(planned: Output, column: Column, language: str) -> tuple[Text, ...]:
    """The words of a group in a line: its title, or as ``group`` says, one for each label column."""
    if not planned.group:
        return (column.title,)
    return tuple(Text(((language, _titled(one, column, language)),)) for one in planned.group)


def _turned(
    column: Column, group: tuple[Text, ...], lines: list[tuple[Line, list[Cell]]], place: int
) -> tuple[Line, list[Cell]]:
    """The statistics of one group, side by side; a key for each label, from the first label on."""
    first = lines[0][0]
    cells = [
        replace(cell, column=line.key[-1], part="")
        for line, found in lines
        for cell in found
        if cell.column == column.key
    ]
    if column.key == ALL:  # there is no other to tell it from
        return replace(first, key=first.key[:-1], labels=first.labels[:-1]), cells
    untold = len(first.key) - len(first.labels)
    word = max(0, place - untold)
    key = (*first.key[:place], *[column.key] * len(group), *first.key[place or untold : -1])
    labels = (*first.labels[:word], *group, *first.labels[word:-1])
    return replace(first, key=key, labels=labels), cells


# ---- lines ---------------------------------------------------------------------------------------


def _rows(
    planned: Output, lines: list[tuple[Line, list[Cell]]], heads: tuple[Head, ...], stubs: int, language: str
) -> Iterator[DisplayRow]:
    before: Line | None = None
    for line, cells in lines:
        if before is not None:
            yield from [DisplayRow(("",) * stubs, gap=True)] * _space(planned, line, before)
        held = {(cell.column, cell.part): Shown(formatted(cell, language), cell.id) for cell in cells}
        shown = tuple(held.get((head.key, head.part), Shown()) for head in heads) if held else ()
        yield from _laid(planned, line, before, shown, stubs, language)
        before = line


def _space(planned: Output, line: Line, before: Line) -> int:
    """How many empty lines stand between two lines: what the row that begins here says, else the output."""
    row = planned.rows.get(line.key[0])
    own: int | None = getattr(row, "space", None)
    if own is not None and line.key[0] != before.key[0]:
        return own
    if isinstance(planned.space, bool):
        return int(planned.space and line.key[0] != before.key[0])
    depth = max((_depth(planned, row, one, line) for one in planned.space), default=0)
    return int(line.key[:depth] != before.key[:depth])


def _depth(planned: Output, row: Analysis | None, name: str, line: Line) -> int:
    """How much of a line's key must be the same as above where ``name`` (a column of ``each``, a level, the
    group or the row) has the same value; nothing where the row has no such column."""
    columns = list(row.levels if isinstance(row, Hierarchy) else getattr(row, "each", ()))
    groups = len(planned.group) or 1
    place = None if planned.across != "statistics" else planned.group_before
    at = 0 if place == EVERY_ROW else 1 + (columns.index(place) if place in columns else len(columns))
    if name == GROUP:
        return at + groups
    if name == EVERY_ROW:
        return 1
    if name not in columns:
        return 0
    depth = 2 + columns.index(name)
    return depth + groups if place is not None and depth > at else depth


def _laid(
    planned: Output,
    line: Line,
    before: Line | None,
    cells: tuple[Shown, ...],
    stubs: int,
    language: str,
) -> Iterator[DisplayRow]:
    """A line in its label columns. Words that the line above has too are not said again; words for which
    there is no column stand above, each on its own line."""
    labels = [one(language) for one in line.labels]
    if not stubs:
        yield DisplayRow((), cells)
        return
    same = 0 if before is None or planned.repeat else _shared(before, line)
    above = max(0, len(labels) - stubs)
    for depth, words in enumerate(labels[:above]):
        if depth >= same:
            yield DisplayRow((words, *("",) * (stubs - 1)), (), line.indent + depth, heading=True)
    own = [words if above + i >= same else "" for i, words in enumerate(labels[above:])]
    padded = (*own, *("",) * (stubs - len(own)))
    yield DisplayRow(padded, cells, line.indent + above, heading=not cells)


def _shared(before: Line, line: Line) -> int:
    """How many of a line's words, but for its last, the line above has already said."""
    untold = len(line.key) - len(line.labels)
    same = 0
    while same < len(line.labels) - 1 and before.key[: untold + same + 1] == line.key[: untold + same + 1]:
        same += 1
    return same


def text(shown: Display) -> str:
    """The display as plain text, for terminals and tests."""
    names = [f"{head.under} {head.title}".replace("\n", " ").strip() for head in shown.heads]
    table = [[one.replace("\n", " ") for one in shown.stub] + names]
    for row in shown.rows:
        labels = ["  " * row.indent + row.labels[0], *row.labels[1:]] if row.labels else []
        table.append([*labels, *(cell.text for cell in row.cells)])
    width = max(map(len, table))
    padded = [[*row, *[""] * (width - len(row))] for row in table]
    sizes = [max(len(row[i]) for row in padded) for i in range(width)]
    head, *body = [
        "  ".join(one.ljust(size) for one, size in zip(row, sizes, strict=True)).rstrip() for row in padded
    ]
    rule = "-" * max(map(len, [head, *body]))
    above = [f"{shown.id}  {shown.title}", *([shown.subtitle] if shown.subtitle else [])]
    return "\n".join([*above, rule, head, rule, *body, rule, *shown.footnotes]) + "\n"
