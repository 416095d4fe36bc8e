"""How the columns of a display share the width of a sheet of paper, and how many lines it then takes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import ceil

from trialrun.report.display import Display, DisplayRow

LEAST, MOST = 5, 34  # letters: what a column has at least, and at first at most
INDENT = 2  # letters for each step
LINE = (105, 155)  # letters on a line of an upright page and of a turned one


def widths(shown: Display) -> list[float]:
    """The share of each column of the width of the text, label columns first, by the letters that it needs;
    together 1 at most. Columns of long texts share what the others leave."""
    needed = [max(one, LEAST) + 2 for one in _needed(shown)]
    held: list[float] = [min(one, MOST + 2) for one in needed]
    line = LINE[shown.landscape]
    spare, wanted = line - sum(held), sum(needed) - sum(held)
    if spare > 0 and wanted > 0:
        part = min(1, spare / wanted)
        held = [one + part * (need - one) for one, need in zip(held, needed, strict=True)]
    return [one / max(sum(held), line) for one in held]


def lines(shown: Display) -> int:
    """About how many lines of text it takes."""
    letters = [max(1.0, LINE[shown.landscape] * one - 2) for one in widths(shown)]
    return sum(
        1
        if row.heading or row.gap
        else max(map(ceil, (len(one) / room for one, room in zip(_texts(row), letters, strict=True))))
        for row in shown.rows
    )


def spaced(shown: Display) -> Iterator[tuple[DisplayRow, int]]:
    """Its rows that hold words, each with how many empty lines stand above it."""
    above = 0
    for row in shown.rows:
        if not row.gap:
            yield row, above
        above = above + 1 if row.gap else 0


def _needed(shown: Display) -> list[int]:
    """The letters of the longest line in each column."""
    needed = [_longest(words) for words in chain(shown.stub, (head.title for head in shown.heads))]
    for row in shown.rows:
        if not row.heading:
            for place, said in enumerate(_texts(row)):
                indent = INDENT * row.indent if place == 0 else 0
                needed[place] = max(needed[place], _longest(said) + indent)
    return needed


def _texts(row: DisplayRow) -> list[str]:
    return [*row.labels, *(cell.text for cell in row.cells)]


def _longest(text: str) -> int:
    return max(map(len, text.split("\n"))) if "\n" in text else len(text)
