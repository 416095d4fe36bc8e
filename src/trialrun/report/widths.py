"""How the columns of a display share the width of a sheet of paper."""

from __future__ import annotations

from trialrun.report.display import Display

LEAST, MOST = 5, 34  # letters: what a column has at least, and what is broken over lines
INDENT = 2  # letters for each step
LINE = (105, 155)  # letters on a line of an upright page and of a turned one


def widths(shown: Display) -> list[float]:
    """The share of each column of the width of the text, label columns first, by the letters that it needs;
    together 1 at most."""
    stubs = len(shown.stub)
    needed = [_longest(words) for words in shown.stub] + [_longest(head.title) for head in shown.heads]
    for row in shown.rows:
        if row.heading:
            continue
        for place, label in enumerate(row.labels):
            indent = INDENT * row.indent if place == 0 else 0
            needed[place] = max(needed[place], _longest(label) + indent)
        for place, cell in enumerate(row.cells, stubs):
            needed[place] = max(needed[place], len(cell.text))
    held = [min(max(one, LEAST), MOST) + 2 for one in needed]
    line = LINE[shown.landscape]
    return [one / max(sum(held), line) for one in held]


def _longest(text: str) -> int:
    """Letters of the longest line."""
    return max(map(len, text.split("\n")))
