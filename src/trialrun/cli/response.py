"""What the commands on the responses of cells share: options, numbers, and tables under each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from trialrun.cli.terminal import console

if TYPE_CHECKING:
    from rich.table import Table

    from trialrun.cytometry.response.rows import Content

SAID = {True: "positive", False: "negative", None: "unknown"}
ALONE = "the file has no other visit"
NARROWEST = 10  # the first column: "background"
INDENT, GAP = 2, 2
SHOWN = 5  # names under one reason; of the others only the number is told


class Number(click.FloatRange):
    """A number within bounds; click itself lets NaN through, above and below which nothing is."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


from_baseline = click.option("--baseline", metavar="VISIT", help="Give the changes from this visit, too.")


def named(visit: str, visits: Iterable[str]) -> str:
    """The visit of the file that is meant. Wrong usage, if it has none of this name."""
    from trialrun.cytometry.response.rows import key
    from trialrun.protocol.problem import suggestion

    known = list(dict.fromkeys(visits))
    for one in known:
        if key(one) == key(visit):
            return one
    hint = suggestion(visit, known) or f"Its visits: {', '.join(known)}."
    raise click.BadParameter(f"the file has no visit '{visit}'. {hint}", param_hint="'--baseline'")


def told(content: Content[Any]) -> dict[str, Any]:
    """What JSON says of a file as a whole."""
    return {"columns_not_read": content.unread, "names_taken_for_one": content.spelt}


def whole(value: float | None, at_least: bool = False) -> str:
    return "–" if value is None else f"{'≥ ' if at_least else ''}{round(value)}"


def decimal(value: float | None, places: int = 3) -> str:
    """With so many decimals, and no negative nought."""
    return "–" if value is None else f"{round(value, places) + 0.0:.{places}f}"


def between(bounds: tuple[float, float] | None, places: int = 0) -> str:
    return "–" if bounds is None else f"[{', '.join(decimal(one, places) for one in bounds)}]"


def p(value: float | None) -> str:
    return "–" if value is None else "<.001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def reasons(found: Iterable[tuple[str, str | None]]) -> list[str]:
    """Each reason once, behind the names of what it keeps from being known."""
    names: dict[str, list[str]] = {}
    for name, reason in found:
        if reason:
            names.setdefault(reason, []).append(name)
    return [f"{_few(list(dict.fromkeys(alike)))}: {reason}" for reason, alike in names.items()]


def _few(names: list[str]) -> str:
    """The first of many; between names of several words stands a semicolon."""
    rest = len(names) - SHOWN
    said = ("; " if any(" " in one for one in names) else ", ").join(names if rest <= 1 else names[:SHOWN])
    return said if rest <= 1 else f"{said} and {rest} more"


@dataclass(frozen=True)
class Block:
    """Rows under a line of their own, so that the names of people and plates take no width of the table.

    said: what is to be known first, in yellow unless it is ``good``. notes: what stands under the rows.
    """

    title: str
    rows: Sequence[tuple[str, ...]]
    notes: Sequence[str] = ()
    said: str = ""
    good: bool = True


@dataclass(frozen=True)
class Columns:
    """The heads of blocks. widths: the least of each behind the first, whose names are folded if they must.

    left: heads of words. stacked: pairs of neighbours, of which the second goes under the first where the
    terminal is narrow.
    """

    first: str
    widths: Mapping[str, int]
    left: Sequence[str] = ()
    stacked: Sequence[tuple[str, str]] = ()


class Page:
    """What a person reads of one file: blocks, headings, and at the end what is to be said of the file."""

    def __init__(self) -> None:
        self.out = console()
        self.begun = False

    def line(self, *parts: Any) -> None:
        """A line after an empty one, but for the first."""
        from rich.text import Text

        text = Text.assemble(*parts, overflow="fold")
        self.out.print(*([""] if self.begun else []), text, sep="\n")
        self.begun = True

    def heading(self, text: str) -> None:
        self.line((text, "bold underline"))

    def note(self, text: str) -> None:
        from rich.padding import Padding
        from rich.text import Text

        said = Text.assemble(("Note: ", "yellow"), text, overflow="fold")
        self.out.print(Padding(said, (0, 0, 0, INDENT)))

    def blocks(self, columns: Columns, blocks: Sequence[Block]) -> None:
        """All of them with the same widths."""
        from rich.padding import Padding

        heads = (columns.first, *columns.widths)
        lines = [heads, *(row for block in blocks for row in block.rows)]
        least = [NARROWEST, *columns.widths.values()]
        behind: list[int] = []
        if self._over(_widths(lines, least)):
            behind = [heads.index(second) for _, second in columns.stacked]
            least = [width for k, width in enumerate(least) if k not in behind]
        widths = _widths([_stacked(line, behind) for line in lines], least)
        widths[0] = max(NARROWEST, widths[0] - self._over(widths))
        for block in blocks:
            state = [": ", (block.said, "" if block.good else "yellow")] if block.said else []
            self.line((block.title, "bold"), *state)
            if block.rows:
                rows = [_stacked(line, behind) for line in (heads, *block.rows)]
                left = [k for k, head in enumerate(rows[0]) if k == 0 or head in columns.left]
                self.out.print(Padding(_table(rows, widths, left), (0, 0, 0, INDENT)))
            for one in block.notes:
                self.note(one)

    def _over(self, widths: Sequence[int]) -> int:
        """By how much a table is wider than the terminal."""
        return max(0, INDENT + sum(widths) + GAP * (len(widths) - 1) - self.out.width)

    def about(self, content: Content[Any]) -> None:
        if content.spelt:
            self.line("Names that are taken for one:", *(f"\n  {one}" for one in content.spelt))
        if content.unread:
            self.line(f"Columns that are not read: {', '.join(content.unread)}.")


def _stacked(line: tuple[str, ...], behind: Sequence[int]) -> tuple[str, ...]:
    """A line with some cells under those before them."""
    cells: list[str] = []
    for k, cell in enumerate(line):
        if k in behind:
            cells[-1] = f"{cells[-1]}\n{cell}".rstrip("\n")
        else:
            cells.append(cell)
    return tuple(cells)


def _widths(lines: Sequence[tuple[str, ...]], least: Sequence[int]) -> list[int]:
    from rich.cells import cell_len

    columns = zip(*lines, strict=True)
    return [
        max(width, *(cell_len(part) for cell in column for part in cell.split("\n")))
        for width, column in zip(least, columns, strict=True)
    ]


def _table(rows: Sequence[tuple[str, ...]], widths: Sequence[int], left: Sequence[int]) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="dim")
    for k, (head, width) in enumerate(zip(rows[0], widths, strict=True)):
        justify: Any = "left" if k in left else "right"
        table.add_column(head, width=width, overflow="fold", justify=justify)
    for row in rows[1:]:
        table.add_row(*row)
    return table
