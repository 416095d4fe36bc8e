"""What a laboratory says of its files: a CSV table with a row for each."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from trialrun.protocol.panel import Panel
from trialrun.protocol.problem import Place, Problem, ProtocolError, nearest, suggestion

__all__ = ["COLUMNS", "Manifest", "Row", "read_manifest"]

COLUMNS: Mapping[str, str] = {
    "file": "the file's name",
    "panel": "the panel, where there are several",
    "participant": "of whom it is",
    "timepoint": "the visit at which it was taken",
    "specimen": "the label of the specimen",
    "reference": "the name of a reference of the panel, for a sample of no participant",
    "batch": "what was run together",
    "storage": "fresh or frozen",
    "counting": "how cells per microlitre are counted: beads, dual or volume",
    "beads": "counting: beads; how many beads the tube was given",
    "blood_ul": "counting: beads; how many microlitres of blood the tube was given",
    "cells_per_ul": "counting: dual; what the blood count says of the reference population",
    "dilution": "counting: volume; how many times the blood was diluted",
    "accept": "why the file counts in a trial, though its keywords contradict its row or it was withdrawn",
}
"""The columns that are read, and what they hold; others are kept as they are."""
NUMBERS = ("beads", "blood_ul", "cells_per_ul", "dilution")
WORDS: Mapping[str, tuple[str, ...]] = {
    "storage": ("fresh", "frozen"),
    "counting": ("beads", "dual", "volume"),
}
NEEDED: Mapping[str, tuple[str, ...]] = {
    "beads": ("beads", "blood_ul"),
    "dual": ("cells_per_ul",),
    "volume": ("dilution",),
}
"""Way of counting -> the columns that it cannot do without."""
LARGEST = 10_000_000  # bytes
FEWEST_WORDS = 2  # of a reason
SHOWN = 5  # files of a list in a sentence


@dataclass(frozen=True)
class Row:
    """What the manifest says of one file; all empty for a file without one."""

    said: Mapping[str, str] = field(default_factory=dict)
    line: int | None = None

    def __getitem__(self, column: str) -> str:
        return self.said.get(column, "")

    def number(self, column: str) -> float | None:
        """The number in a column, None where it is empty."""
        return float(self[column]) if self[column] else None

    @property
    def counting(self) -> Literal["beads", "dual", "volume"] | None:
        for way in ("beads", "dual", "volume"):
            if self["counting"] == way:
                return way
        return None


@dataclass(frozen=True)
class Manifest:
    """By file name, its row. unread: the columns that nothing reads."""

    rows: Mapping[str, Row]
    unread: tuple[str, ...] = ()

    def of(self, name: str, path: Path) -> Row | None:
        """The row of a file: by the name that it goes by, by the end of its path, or by its own name if no
        other file has it; None where there is none."""
        return self.rows.get(self._called(name, path) or "")

    def _called(self, name: str, path: Path) -> str | None:
        """What the manifest calls a file, if it has a row of it."""
        ends = ["/".join(path.parts[at:]) for at in range(len(path.parts))]
        alone = [end for end in ends if "/" in end or name == path.name]
        return next((one for one in [name, *alone] if one in self.rows), None)

    def notes(self, named: Mapping[str, Path]) -> tuple[str, ...]:
        """What is in the manifest and had no part in gating these files."""
        used = {self._called(name, path) for name, path in named.items()}
        several = {path.name for name, path in named.items() if name != path.name} & self.rows.keys()
        absent = [name for name in self.rows if name not in used and name not in several]
        found = [f"`{name}` could be any of several files: write the folder too" for name in sorted(several)]
        if absent:
            listed = ", ".join(absent[:SHOWN]) + (" …" if len(absent) > SHOWN else "")
            found.append(f"it has rows of files that were not given ({len(absent)}): {listed}")
        if self.unread:
            found.append(f"nothing reads its columns {', '.join(self.unread)}")
        return tuple(found)


def read_manifest(path: Path, panels: Mapping[str, Panel], also: Collection[str] = ()) -> Manifest:
    """The manifest in a CSV file. also: columns that are read beside `COLUMNS`, as answers of a form.

    Raises ProtocolError with everything that is wrong, each with its line.
    """
    file = path.name
    try:
        if path.stat().st_size > LARGEST:
            raise ProtocolError(
                [Problem(Place(file), "is larger than any manifest", "Is it the right file?")]
            )
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ProtocolError([Problem(Place(file), "is not UTF-8 text", "Save it as CSV UTF-8.")]) from None
    except OSError as error:
        hint = "Make sure that the file is there and that you may read it."
        raise ProtocolError([Problem(Place(file), f"cannot be read: {error.strerror}", hint)]) from None
    return _read(text, file, panels, also)


def _read(text: str, file: str, panels: Mapping[str, Panel], also: Collection[str]) -> Manifest:
    if text.casefold().startswith("sep="):  # a spreadsheet's own line: the next is as if it were not there
        text = "\n" + text.partition("\n")[2]
    first = text.lstrip("\n").partition("\n")[0]
    separator = ";" if first.count(";") > first.count(",") else "\t" if "\t" in first else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(cells)]
    except csv.Error as error:
        raise ProtocolError([Problem(Place(file, reader.line_num, 1), f"is no CSV: {error}")]) from None
    head = [_column(cell, also) for cell in lines[0][1]] if lines else []
    if "file" not in head:
        hint = "The first line names the columns: " + ", ".join(COLUMNS) + "."
        raise ProtocolError([Problem(Place(file, 1, 1), "has no column `file`", hint)])
    unread = tuple(name for name in head if name and name not in COLUMNS and name not in also)
    problems = [
        Problem(Place(file, 1, 1), message, hint) for message, hint in _wrong_columns(head, unread, also)
    ]
    found: dict[str, Row] = {}
    for line, cells in lines[1:]:
        said = {name: cell for name, cell in zip(head, cells, strict=False) if name and cell}
        row = Row(said, line)
        if len(cells) > len(head) and any(cells[len(head) :]):
            problems.append(Problem(Place(file, line, 1), "has more cells than there are columns"))
        problems += [
            Problem(Place(file, line, 1, (column,)), message, hint)
            for column, message, hint in _wrong(row, panels)
        ]
        if row["file"] in found:
            hint = f"First on line {found[row['file']].line}; keep one."
            problems.append(Problem(Place(file, line, 1), f"`{row['file']}` is there twice", hint))
        found.setdefault(row["file"], row)
    if problems:
        raise ProtocolError(problems)
    return Manifest(found, unread)


def _column(cell: str, also: Collection[str]) -> str:
    """The column that a heading means, however people write it."""
    plain = "_".join(cell.casefold().split())
    return plain if plain in COLUMNS or plain in also else cell


def _wrong_columns(
    head: Sequence[str], unread: Sequence[str], also: Collection[str]
) -> Iterable[tuple[str, str | None]]:
    for name in sorted({name for name in head if name and head.count(name) > 1}):
        yield f"the column `{name}` is there twice", "Keep one."
    for name in unread:
        if close := nearest(name.casefold(), [*COLUMNS, *also]):
            yield f"there is no column `{name}`", f"Did you mean `{close}`?"


def _wrong(row: Row, panels: Mapping[str, Panel]) -> Iterable[tuple[str, str, str | None]]:
    """Column, what is wrong and its cure, of everything that is wrong in a row."""
    if not row["file"]:
        yield "file", "there is no file name", "Write the file's name, or delete the line."
    if row["panel"] and row["panel"] not in panels:
        yield "panel", f"there is no panel `{row['panel']}`", suggestion(row["panel"], panels)
    for column, words in WORDS.items():
        if row[column] and row[column] not in words:
            yield column, f"`{row[column]}` is not a right `{column}`", f"Write {' or '.join(words)}."
    bad = {column for column in NUMBERS if row[column] and not _positive(row[column])}
    for column in sorted(bad):
        hint = f"It is {COLUMNS[column].partition('; ')[2]}; write a number above 0, with a point."
        yield column, f"`{row[column]}` is not a number above 0", hint
    for column in NEEDED.get(row["counting"], ()):
        if not row[column]:
            yield column, f"is empty, and cells are counted by {row['counting']}", f"Write {COLUMNS[column]}."
    if row["accept"] and len(row["accept"].split()) < FEWEST_WORDS:
        yield "accept", f"`{row['accept']}` is no reason", "Write in a few words why the file counts."
    if row["reference"]:
        named = [row["panel"]] if row["panel"] in panels else list(panels)
        known = {name for panel in named for name in panels[panel].references}
        if row["reference"] not in known:
            yield (
                "reference",
                f"there is no reference `{row['reference']}`",
                suggestion(row["reference"], sorted(known)),
            )
        if row["participant"]:
            yield "reference", "a reference is a sample of no participant", "Leave one of both empty."


def _positive(text: str) -> bool:
    try:
        value = float(text)
    except ValueError:
        return False
    return math.isfinite(value) and value > 0
