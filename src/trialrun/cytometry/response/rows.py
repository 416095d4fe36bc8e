"""A laboratory's table as rows of text, with the place of every cell for its errors."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path
from typing import Generic, TypeVar

LARGEST = 20_000_000  # bytes; a plate has a hundred lines
MOST_LINES = 1_000_000  # stained wells of a thousand participants are fewer (an assumption)
MOST_HEADS = 1000  # a table of every combination of seven markers has 130
MANY = 50  # lines that anyone reads
SHOWN = 5  # lines of one kind of problem; of the others only the numbers are told
NEAR = 0.8  # as difflib measures it: heads that are likelier a slip than another thing
EMPTY = {"", ".", "na", "n/a", "nd", "-"}  # not "nan": it is what is left of a failed computation
LOST = {*EMPTY, "lost"}  # a count that was lost on purpose

Found = TypeVar("Found")
Columns = Mapping[str, tuple[str, ...]]  # by name, the other heads by which each is known


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that is wrong with a file: the line (from 1), the column, the cause, and the cure."""

    file: str
    line: int | None
    column: str | None
    cause: str
    cure: str

    def __str__(self) -> str:
        line = f", line {self.line}" if self.line else ""
        column = f", column {self.column}" if self.column else ""
        return f"{self.file}{line}{column}: {self.cause}\n    {self.cure}"


class TableError(Exception):
    """A table cannot be used; carries every defect found."""

    def __init__(self, defects: Iterable[Defect]) -> None:
        self.defects = tuple(defects)
        super().__init__(self.render())

    def render(self) -> str:
        """Each problem once, with all of its lines; each cure once."""
        causes: dict[tuple[str | None, str], dict[str, list[Defect]]] = {}
        for one in self.defects:
            causes.setdefault((one.column, one.cure), {}).setdefault(one.cause, []).append(one)
        said = [line for (_, cure), alike in causes.items() for line in (*_alike(alike), f"    {cure}")]
        return "\n".join(map(_visible, said))


def _alike(causes: Mapping[str, list[Defect]]) -> list[str]:
    """The lines that tell of defects with one column and cure."""
    told = list(causes.values())
    said = []
    for same in told[:SHOWN]:
        lines = sorted({one.line for one in same if one.line})
        place = f", line{'s' if len(lines) > 1 else ''} {_ranges(lines)}" if lines else ""
        column = f", column {same[0].column}" if same[0].column else ""
        said.append(f"{same[0].file}{place}{column}: {same[0].cause}")
    rest = sorted({one.line for same in told[SHOWN:] for one in same if one.line})
    if rest:
        said.append(f"… and {len(rest):,} more such line{'s' if len(rest) > 1 else ''}: {_ranges(rest)}")
    return said


def _ranges(lines: Sequence[int]) -> str:
    """3, 4, 5, 9 → "3-5, 9"; at most so many as anyone reads."""
    runs = [[line for _, line in run] for _, run in groupby(enumerate(lines), lambda one: one[1] - one[0])]
    said = [f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    return ", ".join([*said[:MANY], *([f"… ({len(lines):,} lines)"] if len(said) > MANY else [])])


def _visible(text: str) -> str:
    """Text without what a terminal would obey."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def key(name: str) -> str:
    """A name without case and doubled blanks. Its signs stay: day -1 is not day 1, nor CD4+ CD4-."""
    return " ".join(name.casefold().split())


def spelt(rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """Write each name on every line as it is most often written; told are those that are written in several
    ways.

    Names that blanks alone part are refused: `pool 1 2` may be `pool 12`, and may not.
    """
    told = []
    for column in columns:
        ways: dict[str, Counter[str]] = {}
        first: dict[str, tuple[str, int]] = {}
        said = [(row, name) for row in rows if (name := row.text(column, needed=False))]
        for row, name in said:
            ways.setdefault(key(name), Counter())[name] += 1
            other, line = first.setdefault(key(name).replace(" ", ""), (name, row.line))
            if key(other) != key(name):
                cause = f"'{name[:40]}' and '{other[:40]}' on line {line} differ by blanks alone"
                row.refuse(column, cause, "Write one name alike on every line, and two so that they differ.")
        usual = {one: max(counts, key=counts.__getitem__) for one, counts in ways.items()}
        for row, name in said:
            row.cells = {**row.cells, column: usual[key(name)]}
        told += [f"{column} {', '.join(counts)}" for counts in ways.values() if len(counts) > 1]
    return told


def once(rows: Iterable[Row], columns: Sequence[str]) -> None:
    """Refuse a well that is given twice under one name in these columns: nobody can tell which is right."""
    first: dict[tuple[str, ...], int] = {}
    for row in rows:
        names = [row.text(one, needed=False) for one in columns]
        position = row.text("well", needed=False).upper()
        place = (*map(key, names), f"{position[:1]}{position[1:].lstrip('0')}")
        if position and row.line != (line := first.setdefault(place, row.line)):
            of = " ".join(f"{column} {name}" for column, name in zip(columns, names, strict=True) if name)
            cause = f"well {position} of {of} stands on line {line} already"
            row.refuse("well", cause, "Keep the line that is right.")


@dataclass(frozen=True, slots=True)
class Content(Generic[Found]):
    """What was read from a table. unread: the heads of columns that are not read, as they are written.
    spelt: names that were written in several ways and are one, each with its column."""

    found: list[Found]
    unread: list[str]
    spelt: list[str]


class Row:
    """The cells of one line, by column; what is wrong with one is noted among the table's defects."""

    def __init__(self, file: str, line: int, cells: Mapping[str, str], comma: bool) -> None:
        self.file, self.line, self.cells, self.comma = file, line, cells, comma
        self.defects: list[Defect] = []
        for column, cell in cells.items():
            if odd := next((one for one in " ".join(cell.split()) if not one.isprintable()), None):
                self.refuse(column, f"holds what cannot be seen: U+{ord(odd):04X}", "Type the cell anew.")

    def refuse(self, column: str, cause: str, cure: str) -> None:
        self.defects.append(Defect(self.file, self.line, column, cause, cure))

    def text(self, column: str, *, needed: bool = True) -> str:
        """What the cell says; "" where it is empty, which is refused of one that is needed."""
        said = " ".join(self.cells.get(column, "").split())
        empty = said.lower() in EMPTY
        if needed and (empty or said.lower() == "nan"):
            cause = "the cell is empty" if empty else f"'{said}' is no {column}"
            self.refuse(column, cause, f"Write the {column} on every line.")
        return "" if empty else said

    def well(self, *, needed: bool = True) -> None:
        """Refuse a position that no plate has."""
        position = self.text("well", needed=needed)
        if position and not re.fullmatch(r"[A-Pa-p](0?[1-9]|1\d|2[0-4])", position):
            cause = f"'{position[:40]}' is no well of a plate"
            self.refuse("well", cause, "Write a letter and a number, as A1.")

    def number(self, column: str) -> float | None:
        """A number, or None where the cell is empty or (refused) holds something else."""
        said = self.text(column, needed=False).replace(" ", "").removesuffix("%")
        if not said:
            return None
        plain = said.replace(",", ".") if self.comma else said
        if re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?", plain):
            return float(plain)
        self.refuse(column, f"'{said[:40]}' is not a number", "Write digits, or leave the cell empty.")
        return None

    def count(self, column: str) -> int | None:
        """A whole number, or None where it was lost, or (refused) where something else is written."""
        said = "".join(self.cells.get(column, "").split())
        if said.lower() in LOST:
            return None
        if found := re.fullmatch(r"\+?(\d{1,15})(?:[.,]0)?", said):
            return int(found[1])
        # As spreadsheets write large numbers. 80,000 is refused: it may be eighty.
        if re.fullmatch(r"\d(?:[.,]\d+)?[eE]\+?\d{1,2}", said):
            value = float(said.replace(",", "."))
            if value.is_integer():
                return int(value)
        self.refuse(column, f"'{said[:40]}' is not a count", "Write a whole number from 0, or lost.")
        return None


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of a file.

    columns: what is asked for. heads: as they are written. lines: the cells of each line that holds
    something, with its number. comma: numbers may have a decimal comma.
    """

    file: str
    columns: Columns
    heads: list[str]
    lines: list[tuple[int, list[str]]]
    comma: bool

    @property
    def unread(self) -> list[str]:
        """The heads of the columns that are not read, as they are written."""
        found = []
        for k, head in enumerate(self.heads):
            filled = any(cells[k].strip() for _, cells in self.lines if len(cells) == len(self.heads))
            if not head.strip() and filled:
                found.append(f"number {k + 1}, without a head")
            elif head.strip() and self._column(head) is None:
                found.append(_visible(head.strip()))
        return found

    def rows(self, needed: Sequence[str]) -> list[Row]:
        """The lines, each with the named columns. Raises TableError."""
        if defects := self._lacking(needed) or self._nearly() or self._uneven():
            raise TableError(defects)
        if not self.lines:
            cause = "there is no line under the heads"
            raise TableError([Defect(self.file, None, None, cause, "Write the counts.")])
        names = [self._column(head) for head in self.heads]
        return [
            Row(
                self.file,
                line,
                {name: cell for name, cell in zip(names, cells, strict=True) if name},
                self.comma,
            )
            for line, cells in self.lines
        ]

    def _lacking(self, needed: Sequence[str]) -> list[Defect]:
        """Columns that are there twice, or not at all: with the head that may be meant."""
        heads = [self._column(head) for head in self.heads]
        if not any(heads) and not any(map(self._near, self.columns)):
            cure = "Begin the file with a line of heads, between commas, semicolons or tabs: "
            cure += f"{', '.join(needed)}."
            return [Defect(self.file, 1, None, "no head of a column is known here", cure)]
        defects = []
        for name in self.columns:
            if heads.count(name) > 1:
                cause = f"{heads.count(name)} columns are the {name}"
                defects.append(Defect(self.file, 1, name, cause, "Keep one of them."))
        for name in needed:
            if name not in heads:
                others = f" (or {', '.join(self.columns[name])})" if self.columns[name] else ""
                cure = f"Write a column headed {name}{others}."
                if head := self._near(name) or self._longer(name):
                    cure = f"Is it '{head[:40]}'? Head it {name}."
                defects.append(Defect(self.file, 1, name, f"no column for the {name}", cure))
        return defects

    def _nearly(self) -> list[Defect]:
        """A head that is nearly that of a column is refused, not passed over."""
        heads = {self._column(head) for head in self.heads}
        return [
            Defect(
                self.file,
                1,
                None,
                f"the column '{head[:40]}' is not known",
                f"Head it {name}, or otherwise if it is something else.",
            )
            for name in self.columns
            if name not in heads and (head := self._near(name))
        ]

    def _uneven(self) -> list[Defect]:
        cure = "Give every line as many cells as heads."
        under = _many(len(self.heads), "head")
        return [
            Defect(self.file, line, None, f"{_many(len(cells), 'cell')} under {under}", cure)
            for line, cells in self.lines
            if len(cells) != len(self.heads)
        ]

    def _column(self, head: str) -> str | None:
        bare = _bare(head)
        return next((name for name, others in self.columns.items() if bare in (name, *others)), None)

    def _strange(self) -> list[str]:
        return [head.strip() for head in self.heads if self._column(head) is None]

    def _near(self, name: str) -> str | None:
        """The head that is no column's, but nearly this one's."""
        known = [name, *self.columns[name]]
        return next((one for one in self._strange() if get_close_matches(_bare(one), known, 1, NEAR)), None)

    def _longer(self, name: str) -> str | None:
        """The head that is no column's, but begins with the name of this one."""
        return next((one for one in self._strange() if _bare(one).startswith(f"{name}_")), None)


def table(path: Path, columns: Columns) -> Table:
    """A CSV file (separated by comma, semicolon or tab; UTF-8). Case and blanks of heads do not matter.

    Raises TableError.
    """
    text = _text(path)
    separator = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
    try:
        heads, lines, end = next(reader, []), [], reader.line_num
        for cells in reader:
            line, end = end + 1, reader.line_num
            if any(cell.strip() for cell in cells):
                lines.append((line, cells))
            if len(lines) > MOST_LINES:
                break
    except csv.Error as error:
        cause, cure = f"not CSV: {error}", "Save the table again as CSV."
        raise TableError([Defect(path.name, reader.line_num, None, cause, cure)]) from error
    for count, most, what in ((len(heads), MOST_HEADS, "columns"), (len(lines), MOST_LINES, "lines")):
        if count > most:
            cause, cure = f"more than {most:,} {what}", "Give the table of counts alone, or parts of it."
            raise TableError([Defect(path.name, None, None, cause, cure)])
    return Table(path.name, columns, heads, lines, comma=separator != ",")


def _text(path: Path) -> str:
    def refused(cause: str, cure: str) -> TableError:
        return TableError([Defect(path.name, None, None, cause, cure)])

    try:
        if path.stat().st_size > LARGEST:
            raise refused(
                "the file is larger than any such table", "Give the table of counts, not the images."
            )
        content = path.read_bytes()
    except OSError as error:
        raise refused(f"cannot be read: {error.strerror}", "Give the path of a CSV file.") from error
    if b"\0" in content:
        raise refused("not a text file", "Save the table as CSV; a spreadsheet file is not read.")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise refused(f"not UTF-8 text (byte {error.start})", "Save it as 'CSV UTF-8'.") from error


def _bare(head: str) -> str:
    return "_".join(re.findall(r"\w+", head.lower()))


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
