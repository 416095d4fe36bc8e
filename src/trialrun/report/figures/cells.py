"""The cells of one output as a figure takes them: rows that were listed, and lines of statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from trialrun.analysis.ard import Ard, Cell, formatted
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.grouping import Column
from trialrun.analysis.outputs.statement import Line
from trialrun.protocol.analysis import Listed
from trialrun.protocol.figure import Drawn
from trialrun.report.language import Language


@dataclass(frozen=True)
class Row:
    """A row that was listed: its cells by column."""

    of: str
    cells: Mapping[str, Cell]
    language: Language

    def text(self, column: str | None) -> str:
        """As it is printed; nothing where there is nothing."""
        return formatted(self.cells[column], self.language.code) if column and column in self.cells else ""

    def code(self, column: str | None) -> str:
        """The value as it stands in the table, as text."""
        held = self.cells[column].values.get("value", "") if column and column in self.cells else ""
        return f"{held:.12g}" if isinstance(held, float) else str(held)

    def number(self, column: str | None) -> float | None:
        """The value; None where it is unknown. ValueError for text, which no figure can place."""
        held = self.cells[column].values.get("value") if column and column in self.cells else None
        if held is None or held == "" or isinstance(held, NotEstimable):
            return None
        try:
            value = float(held)
        except ValueError:
            hint = f"`{column}` of the row `{self.of}` holds `{held}`; a figure can place numbers only"
            raise ValueError(f"{hint}: list a column of numbers, such as a study day for a date") from None
        return value if isfinite(value) else None


@dataclass(frozen=True)
class Statistics:
    """A line of statistics, and its cell in each column of the output."""

    line: Line
    cells: Mapping[str, Cell]
    language: Language

    @property
    def title(self) -> str:
        return self.line.labels[-1](self.language.code) if self.line.labels else ""

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(one(self.language.code) for one in self.line.labels)

    def text(self, column: str) -> str:
        return formatted(self.cells[column], self.language.code) if column and column in self.cells else ""

    def value(self, statistic: str, column: str) -> float | None:
        """A statistic, None where there is none or it cannot be estimated."""
        held = self.cells[column].values.get(statistic) if column in self.cells else None
        return held if isinstance(held, float) else None

    def has(self, statistic: str) -> bool:
        return any(statistic in cell.values for cell in self.cells.values())


@dataclass(frozen=True)
class Cells:
    """The cells of one output, in one language."""

    ard: Ard
    output: str
    language: Language

    def __post_init__(self) -> None:
        held: dict[str, list[tuple[Line, list[Cell]]]] = {}
        for line, cells in self.ard.lines(self.output):
            held.setdefault(line.key[0], []).append((line, cells))
        object.__setattr__(self, "_held", held)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The groups of participants that the output has columns for."""
        return self.ard.columns[self.output]

    def of(self, row: str) -> list[tuple[Line, list[Cell]]]:
        held: Mapping[str, list[tuple[Line, list[Cell]]]] = self._held  # type: ignore[attr-defined]
        return held.get(row, [])

    def listed(self, row: str) -> list[Row]:
        """The rows of a listing, in its order."""
        found = (cells for _, cells in self.of(row) if cells)
        return [Row(row, {cell.column: cell for cell in cells}, self.language) for cells in found]

    def lines(self, row: str) -> list[Statistics]:
        """The lines of any other row, in their order; of cells with parts the first of each column."""
        return [
            Statistics(line, {cell.column: cell for cell in reversed(cells)}, self.language)
            for line, cells in self.of(row)
        ]

    def along(self, row: str, *statistics: str) -> list[tuple[tuple[str, ...], str, Statistics]]:
        """The lines that have these statistics, with what each is about (a visit, a group of visits): its key
        and its words, without those of the statistics themselves."""
        planned = self.ard.outputs[self.output].rows[row]
        last = -1 if getattr(planned, "statistics", None) is not None else None
        found = []
        for one in self.lines(row):
            if all(one.has(statistic) for statistic in statistics):
                words = one.titles[:last] or ("",)
                found.append((one.line.key[1:last], words[-1], one))
        return found

    def stated(self) -> list[str]:
        """The names of the rows that are statistics, not listings."""
        rows = self.ard.outputs[self.output].rows
        return [name for name, one in rows.items() if not isinstance(one, Listed | Drawn)]

    def statements(self, rows: Sequence[str], most: int = 8) -> str:
        """Lines of statistics as sentences for those who do not see a figure: words and cells. What all lines
        of a row are about is said once."""
        said = []
        for row in rows:
            every = []
            for one in self.lines(row):
                told = [one.text(column.key).strip() for column in self.columns]
                if any(told):
                    every.append((one.titles, " / ".join(told)))
            kept = every if len(every) <= most else [*every[: most - 2], *every[-1:]]
            about = {titles[:-1] for titles, _ in kept}
            once = len(about) == 1 and len(kept) > 1
            each = "; ".join(self.pair(titles[-1:] if once else titles, text) for titles, text in kept)
            [shared] = about if once else [()]
            said.append(f"{self.pair(shared, each)}." if shared and each else f"{each}." if each else "")
        return " ".join(filter(None, said))

    def pair(self, titles: Sequence[str], text: str) -> str:
        """Words, and what is said of them."""
        return self.language("picture.pair", title=", ".join(filter(None, titles)), text=text)

    def row_title(self, row: str) -> str:
        """The words of a row of the output."""
        title = getattr(self.ard.outputs[self.output].rows[row], "title", None)
        return title(self.language.code) if title else row

    def title(self, row: str, column: str) -> str:
        """The words over a column of a listing."""
        for name, one in self.ard.outputs[self.output].rows.items():
            if name == row and isinstance(one, Listed) and column in one.columns:
                return one.columns[column].title(self.language.code)
        return column


def known(rows: Sequence[Row], *columns: str | None) -> Iterator[tuple[Row, tuple[float, ...]]]:
    """The rows that have a number in each of the columns, with the numbers."""
    for row in rows:
        found = [row.number(column) for column in columns]
        values = tuple(value for value in found if value is not None)
        if len(values) == len(found):
            yield row, values


def shortened(names: Sequence[str]) -> dict[str, str]:
    """Names without the beginning that all share, cut after a hyphen; one alone keeps its last part."""
    every = list(dict.fromkeys(names))
    if not every:
        return {}
    shared = 0
    while shared < min(map(len, every)) and len({one[shared] for one in every}) == 1:
        shared += 1
    cut = every[0].rfind("-", 0, shared) + 1
    return {one: one[cut:] for one in every}
