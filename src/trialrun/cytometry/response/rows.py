"""A laboratory's table as rows of text, with the place of every cell for its errors."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

LARGEST = 20_000_000  # bytes; a plate has a hundred lines
MANY = 50  # errors that anyone reads
EMPTY = {"", ".", "na", "n/a", "nd", "nan", "-"}


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
        said = [str(one) for one in self.defects[:MANY]]
        if len(self.defects) > MANY:
            said.append(f"… and {len(self.defects) - MANY:,} more.")
        return "\n".join(said)


class Row:
    """The cells of one line, by column; what is wrong with one is noted among the table's defects."""

    def __init__(self, file: str, line: int, cells: Mapping[str, str], comma: bool) -> None:
        self.file, self.line, self.cells, self.comma = file, line, cells, comma
        self.defects: list[Defect] = []

    def refuse(self, column: str, cause: str, cure: str) -> None:
        self.defects.append(Defect(self.file, self.line, column, cause, cure))

    def text(self, column: str, *, needed: bool = True) -> str:
        said = " ".join(self.cells.get(column, "").split())
        if needed and said.lower() in EMPTY:
            self.refuse(column, "the cell is empty", f"Write the {column} on every line.")
        return "" if said.lower() in EMPTY else said

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
        value = self.number(column)
        if value is None:
            return None
        if value < 0 or value != int(value):
            self.refuse(column, f"{value:g} is not a count", "Write a whole number from 0.")
            return None
        return int(value)


def rows(path: Path, columns: Mapping[str, tuple[str, ...]], needed: Iterable[str]) -> list[Row]:
    """The lines of a CSV file (separated by comma, semicolon or tab; UTF-8), each with the named columns.

    columns: by name, other heads by which they are known; case, spaces and other columns do not matter.
    Raises TableError.
    """
    file = path.name
    text = _text(path)
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
    try:
        heads = _heads(file, next(reader, []), columns, needed)
        found, end = [], reader.line_num
        for cells in reader:
            line, end = end + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(heads):
                cause = f"{len(cells)} cells under {len(heads)} heads"
                raise TableError([Defect(file, line, None, cause, "Give every line as many cells as heads.")])
            named = {head: cell for head, cell in zip(heads, cells, strict=True) if head}
            found.append(Row(file, line, named, comma=separator != ","))
    except csv.Error as error:
        cure = "Save the table again as CSV."
        raise TableError([Defect(file, reader.line_num, None, f"not CSV: {error}", cure)]) from error
    if not found:
        raise TableError([Defect(file, None, None, "there is no line under the heads", "Write the counts.")])
    return found


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


def _heads(
    file: str, said: list[str], columns: Mapping[str, tuple[str, ...]], needed: Iterable[str]
) -> list[str]:
    """The column of each head; "" for one that is not asked for."""
    known = {alias: name for name, aliases in columns.items() for alias in (name, *aliases)}
    heads = [known.get("_".join(re.findall(r"\w+", head.lower())), "") for head in said]
    defects = []
    for name in columns:
        if heads.count(name) > 1:
            cause = f"{heads.count(name)} columns are the {name}"
            defects.append(Defect(file, 1, name, cause, "Keep one of them."))
    for name in needed:
        if name not in heads:
            others = f" (or {', '.join(columns[name])})" if columns[name] else ""
            cure = f"Write a column headed {name}{others}."
            defects.append(Defect(file, 1, name, f"no column for the {name}", cure))
    if defects:
        raise TableError(defects)
    return heads
