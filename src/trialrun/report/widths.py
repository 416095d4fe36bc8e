"""How the columns of a display share the width of a sheet of paper, and how many lines it then takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from math import ceil

from trialrun.report.display import Display, DisplayRow

LEAST, MOST = 5, 34  # letters: what a column has at least, and at first at most
INDENT = 2  # letters for each step
BOLD = 1.1  # how much wider the letters of heads are
LINE = (105, 155)  # letters on a line of an upright page and of a turned one


def widths(shown: Display) -> list[float]:
    """The share of each column of the width of the text, label columns first, by the letters that it needs;
    together 1 at most. Columns of long texts share what the others leave; where there is too little for all,
    they share by the root of what they need, and none becomes narrower than its longest word."""
    needed = [max(one, LEAST) + 2 for one in _needed(shown)]
    held: list[float] = [min(one, MOST + 2) for one in needed]
    line = LINE[shown.landscape]
    spare, wanted = line - sum(held), sum(needed) - sum(held)
    if spare > 0 and wanted > 0:
        part = min(1, spare / wanted)
        held = [one + part * (need - one) for one, need in zip(held, needed, strict=True)]
    held[0] += max(0, min(line, _heading(shown)) - sum(held))
    if sum(held) > line:
        held = _squeezed(needed, _least(shown), line)
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


def _squeezed(needed: Sequence[float], least: Sequence[float], line: float) -> list[float]:
    """Columns on a line too short for them: few letters stay whole, many take more lines."""

    def shared(part: float) -> list[float]:
        return [min(need, max(word, part * need**0.5)) for need, word in zip(needed, least, strict=True)]

    low, high = 0.0, line
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if sum(shared(middle)) > line else (middle, high)
    return shared(low)


def _needed(shown: Display) -> list[int]:
    """The letters of the longest line in each column."""
    needed = [_longest(words) for words in chain(shown.stub, (head.title for head in shown.heads))]
    for row in shown.rows:
        if not row.heading:
            for place, said in enumerate(_texts(row)):
                indent = INDENT * row.indent if place == 0 else 0
                needed[place] = max(needed[place], _longest(said) + indent)
    return needed


def _least(shown: Display) -> list[float]:
    """The letters of the longest word in each column, and the space beside it."""
    heads = (*shown.stub, *(head.title for head in shown.heads))
    least = [BOLD * _word(words) for words in heads]
    for row in shown.rows:
        if not row.heading:
            for place, said in enumerate(_texts(row)):
                least[place] = max(least[place], _word(said))
    return [one + 1 for one in least]


def _word(text: str) -> int:
    return max(map(len, text.split()), default=0)


def _heading(shown: Display) -> int:
    """The letters of the longest heading, which has the width of all columns."""
    said = [_longest(" ".join(row.labels)) + INDENT * row.indent for row in shown.rows if row.heading]
    return max(said, default=0) + 2


def _texts(row: DisplayRow) -> list[str]:
    return [*row.labels, *(cell.text for cell in row.cells)]


def _longest(text: str) -> int:
    return max(map(len, text.split("\n"))) if "\n" in text else len(text)
