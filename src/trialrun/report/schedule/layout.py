"""How a schedule of activities is laid on paper: the size of its type, the width of its columns, its parts.

A schedule that is too wide for one sheet becomes several tables, cut between courses or visits where that
can be, each with its rows' titles again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from trialrun.protocol.plan import ANY_TIME
from trialrun.report.schedule.schedule import Head, Row, Schedule

PAPERS = {"a4": 297.0, "a3": 420.0}  # mm across, landscape
MARGIN = 10.0  # mm
SIZES = (8.0, 7.5, 7.0, 6.5)  # points; smaller is not read
TITLES = (62.0, 50.0)  # mm for the titles of rows: wished, and the least
NARROWEST = 6.5  # mm for a column
CHARACTER = 0.62 * 0.3528  # mm for each point of type: the mean width of a bold letter

PADDING = 1.4  # mm, with the lines
RAISED = 0.7  # how wide a letter of a footnote is, against others


@dataclass(frozen=True)
class Span:
    """One cell of a head: its words, how many columns and rows it covers, and what it calls."""

    text: str
    columns: int = 1
    rows: int = 1
    notes: tuple[str, ...] = ()
    assumed: bool = False
    kind: str = ""


@dataclass(frozen=True)
class Part:
    """One table: which columns of the schedule, how wide each (mm), and the rows of its head."""

    columns: tuple[int, ...]
    widths: tuple[float, ...]
    titles: float
    heads: tuple[tuple[Span, ...], ...]


@dataclass(frozen=True)
class Layout:
    paper: str
    size: float
    parts: tuple[Part, ...]


def layout(made: Schedule, paper: str | None = None) -> Layout:
    """One table in the largest type that fits on A4, else on A3 if no paper is asked for; else several."""
    for sheet in (paper,) if paper else tuple(PAPERS):
        for size in SIZES:
            widths = [_width(head, index, made, size) for index, head in enumerate(made.heads)]
            if sum(widths) + TITLES[1] <= _room(sheet):
                return Layout(sheet, size, (_part(made, range(len(widths)), widths, sheet),))
    sheet, size = paper or "a4", SIZES[-2]
    widths = [_width(head, index, made, size) for index, head in enumerate(made.heads)]
    cuts = _cuts(made.heads, widths, _room(sheet) - TITLES[1])
    return Layout(sheet, size, tuple(_part(made, cut, widths, sheet) for cut in cuts))


def rows_of(made: Schedule, part: Part) -> list[tuple[str, list[Row]]]:
    """The groups and rows that have anything in these columns."""
    groups = [
        (group.title, [row for row in group.rows if any(row.cells[index] for index in part.columns)])
        for group in made.groups
    ]
    return [(title, rows) for title, rows in groups if rows]


def _room(paper: str) -> float:
    return PAPERS[paper] - 2 * MARGIN


def _width(head: Head, index: int, made: Schedule, size: float) -> float:
    """What the longest word of a column asks for, and its label and days in a few lines."""
    column = head.column
    over = column.epoch if column.kind == ANY_TIME else ""
    texts = [column.label, column.day, column.window, over, *(row.cells[index] for row in made.rows)]
    longest: float = max((len(word) for text in texts for word in text.split()), default=1)
    if column.label.split()[-1:] == [column.label]:  # short enough to stay beside its letters
        longest = max(longest, len(column.label) + RAISED * (2 * len(head.notes) + head.assumed))
    longest = max(longest, len(column.label) / 3, len(column.day) / 2, len(over) / 2)
    return max(NARROWEST, longest * CHARACTER * size + PADDING)


def _cuts(heads: Sequence[Head], widths: Sequence[float], room: float) -> list[list[int]]:
    """Columns in parts that fit; courses stay whole if they can."""
    cuts: list[list[int]] = [[]]
    for _, block in groupby(range(len(heads)), key=lambda index: _block(heads[index], index)):
        indices = list(block)
        if cuts[-1] and sum(widths[index] for index in cuts[-1] + indices) > room:
            cuts.append([])
        for index in indices:
            if cuts[-1] and sum(widths[one] for one in [*cuts[-1], index]) > room:
                cuts.append([])
            cuts[-1].append(index)
    return cuts


def _block(head: Head, index: int) -> object:
    return head.column.courses or index


def _part(made: Schedule, indices: Sequence[int], widths: Sequence[float], paper: str) -> Part:
    """The columns in the room there is: titles first get what they wish, columns up to half as much again."""
    asked = [widths[index] for index in indices]
    spare = _room(paper) - TITLES[1] - sum(asked)
    titles = TITLES[1] + min(spare, TITLES[0] - TITLES[1])
    more = min(max(0.0, spare - (titles - TITLES[1])) / sum(asked), 0.5)
    heads = [made.heads[index] for index in indices]
    return Part(tuple(indices), tuple(round(width * (1 + more), 2) for width in asked), titles, spans(heads))


def spans(heads: Sequence[Head]) -> tuple[tuple[Span, ...], ...]:
    """The rows of a head: epochs; courses, and visits that stand alone; the days of the courses."""
    deep = any(head.column.courses for head in heads)
    whole = 5 if deep else 4
    epochs = [
        Span(group[0].column.epoch, len(group), whole if group[0].column.kind == ANY_TIME else 1)
        for group in _grouped(heads, lambda head: (head.column.epoch, head.column.kind == ANY_TIME))
    ]
    courses: list[Span] = []
    for group in _grouped(heads, lambda head: head.column.courses or id(head)):
        head = group[0]
        if head.column.courses:
            courses.append(Span(head.column.course, len(group), notes=head.course_notes))
        elif head.column.kind != ANY_TIME:
            courses.append(_labelled(head, 2 if deep else 1))
    days = [_labelled(head) for head in heads if head.column.courses]
    return (tuple(epochs), tuple(courses), tuple(days)) if deep else (tuple(epochs), tuple(courses))


def _labelled(head: Head, rows: int = 1) -> Span:
    return Span(head.column.label, 1, rows, head.notes, head.assumed, head.column.kind)


def _grouped(heads: Sequence[Head], key: Callable[[Head], object]) -> list[list[Head]]:
    return [list(group) for _, group in groupby(heads, key=key)]
