"""Who an output is about, in which columns, and counts of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, compress, repeat
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trialrun.analysis.outputs.columns import Columns, Path
from trialrun.protocol.cell import PARTICIPANTS
from trialrun.protocol.grouping import Grouping
from trialrun.protocol.output import Output
from trialrun.protocol.text import Text

ALL = "all"
EVERYONE = Text((("en", "All participants"), ("fr", "Tous les participants")))
TOTAL = "total"


@dataclass(frozen=True)
class Tally:
    """How many participants and rows, and the numbers of the rows."""

    participants: int = 0
    rows: int = 0
    sources: tuple[int, ...] = ()


NOTHING = Tally()


@dataclass(frozen=True)
class Column:
    """A group of participants that a table has a column for."""

    key: str
    title: Text
    n: int
    under: Text | None = None


class Groups:
    """The members of an analysis set, in the columns of a grouping: what outputs of the same have in common.

    ``membership``: _who and _column, a row for each participant in each column; ``inside``: the same as
    column -> for each of all participants, whether in it.
    """

    def __init__(self, columns: Columns, set_: str | None, by: Grouping | None, path: Path) -> None:
        self.columns, self.set = columns, set_
        chosen, place = (
            (columns.outputs.file.sets[set_].where if set_ else None),
            ("sets", set_ or "", "where"),
        )
        self.reads = columns.reads(PARTICIPANTS, chosen, place)
        self.members = columns.chosen(PARTICIPANTS, chosen, place)
        self.header = by.header if by else None
        found = [(ALL, EVERYONE, self.members)] if by is None else self._split(by, path)
        above = {name: group.under for name, group in by.groups.items()} if by else {}
        self.list = tuple(Column(name, title, some.height, above.get(name)) for name, title, some in found)
        frames = [some.select("_who", _column=pl.lit(name)) for name, _, some in found]
        self.membership = pl.concat(frames)
        self.inside = {name: self._are(some) for name, _, some in found}
        self.compared = tuple(one.key for one in self.list if one.key != TOTAL)
        self._rows: dict[tuple[str, str | None], pl.DataFrame] = {}
        self._prints: dict[tuple[str, tuple[str, ...], bytes], dict[str, str]] = {}

    def _split(self, by: Grouping, path: Path) -> list[tuple[str, Text, pl.DataFrame]]:
        found: list[tuple[str, Text, pl.DataFrame]] = []
        if by.column is not None:
            found += self._valued(by, path)
        for name, group in by.groups.items():
            some = self.columns.chosen(PARTICIPANTS, group.where, (*path, "groups", name, "where"))
            found.append((name, group.title, some.join(self.members.select("_who"), on="_who", how="semi")))
        if by.total is not None or not found:
            found.append((TOTAL, by.total or EVERYONE, self.members))
        return found

    def _valued(self, by: Grouping, path: Path) -> list[tuple[str, Text, pl.DataFrame]]:
        """A column for each value: those of ``order`` first, whether anyone has them or not."""
        _, column = self.columns.split(str(by.column), (*path, "column"))
        values = self.members[column].cast(pl.String)
        held = sorted(values.drop_nulls().unique())
        keys = [*by.order, *(value for value in held if value not in by.order)]
        return [
            (key, by.titles.get(key, Text((("en", key),))), self.members.filter(values == key))
            for key in keys
        ]

    def _are(self, people: pl.DataFrame) -> NDArray[np.bool_]:
        there = np.zeros(self.columns.people.height, dtype=np.bool_)
        there[people["_who"].to_numpy()] = True
        return there

    def column(self, key: str) -> Column:
        return next(one for one in self.list if one.key == key)

    @cached_property
    def size(self) -> dict[str, int]:
        return {one.key: one.n for one in self.list}

    @cached_property
    def everyone(self) -> dict[str, tuple[int, ...]]:
        """Column -> the rows of its participants: what stands behind a nought."""
        return {one.key: tuple(sorted(self.within(self.members, one.key))) for one in self.list}

    @cached_property
    def _columns_of(self) -> list[list[str]]:
        """The columns that each of all participants is in."""
        held = np.stack([*self.inside.values()], axis=-1)
        return [[key for key, there in zip(self.inside, row, strict=True) if there] for row in held.tolist()]

    @cached_property
    def _member(self) -> NDArray[np.bool_]:
        return self._are(self.members)

    # ---- rows --------------------------------------------------------------------------------

    def rows(self, table: str, where: str | None, path: Path, word: str) -> pl.DataFrame:
        """The rows of the members that satisfy a rule."""
        if (table, where) not in self._rows:
            chosen = self.columns.chosen(table, where, (*path, "where"), (*path, word))
            there = self._member[chosen["_who"].to_numpy()]
            self._rows[table, where] = chosen if there.all() else chosen.filter(there)
        return self._rows[table, where]

    def within(self, rows: pl.DataFrame, column: str) -> list[int]:
        """The numbers of the rows of a column's participants, in the order of the rows."""
        there = self.inside[column][rows["_who"].to_numpy()]
        numbers: list[int] = rows["_row"].to_numpy()[there].tolist()
        return numbers

    def behind(self, table: str, rows: pl.DataFrame, reads: Iterable[str]) -> list[Sequence[int]]:
        """The numbers of the rows behind each row; of participants also those behind the columns that are
        read."""
        if not self._is_of_people(table):
            return [(number,) for number in rows["_row"].to_list()]
        held = self.columns.people_sources(reads).to_list()
        return [held[who] for who in rows["_who"].to_list()]

    def _is_of_people(self, table: str) -> bool:
        return table in (PARTICIPANTS, self.columns.outputs.file.participants)

    def sourced(self, table: str, rows: pl.DataFrame, reads: Iterable[str]) -> pl.DataFrame:
        """Rows with ``_sources``: the numbers of the rows behind each."""
        if self._is_of_people(table):
            return rows.hstack([self.columns.people_sources(reads)[rows["_who"]]])
        return rows.with_columns(pl.concat_list("_row").alias("_sources"))

    def tally(
        self, rows: pl.DataFrame, keys: Sequence[str] = (), behind: Sequence[Sequence[int]] | None = None
    ) -> dict[tuple[Any, ...], Tally]:
        """(column, *values of the keys) -> participants, rows, and the numbers ``behind`` these."""
        people: dict[tuple[Any, ...], list[int]] = {}
        numbers: dict[tuple[Any, ...], list[Sequence[int]]] = {}
        who, values = rows["_who"].to_list(), [rows[key].to_list() for key in keys]
        for one, sources, *held in zip(who, repeat(()) if behind is None else behind, *values, strict=False):
            for column in self._columns_of[one]:
                key = (column, *held)
                people.setdefault(key, []).append(one)
                numbers.setdefault(key, []).append(sources)
        return {
            key: Tally(len(set(some)), len(some), tuple(sorted(set(chain.from_iterable(numbers[key])))))
            for key, some in people.items()
        }

    # ---- what was read -----------------------------------------------------------------------

    def fingerprints(self, table: str, rows: pl.DataFrame, reads: Iterable[str]) -> dict[str, str]:
        """Column -> SHA-256 of its participants and of what was read of their rows."""
        names = ("USUBJID", *sorted(set(reads) - {"USUBJID"}))
        key = (table, names, rows["_row"].to_numpy().tobytes())
        if key not in self._prints:
            held = self.columns.with_columns(table, rows, names)[["_who", *names]]
            self._prints[key] = self._printed(held.sort(names, nulls_last=True))
        return self._prints[key]

    def _printed(self, held: pl.DataFrame) -> dict[str, str]:
        """The rows are written once and dealt to the columns: a line ends in what stands in no value."""
        told = held[held.columns[1:]].write_csv(quote_style="always", line_terminator=_END)
        head, *lines = told.split(_END)[:-1]
        who, members = held["_who"].to_numpy(), self.members["_who"].to_numpy()
        names = self.members["USUBJID"].to_list()
        found = {}
        for key, inside in self.inside.items():
            people = compress(names, inside[members])
            some = (line for line, there in zip(lines, inside[who].tolist(), strict=True) if there)
            text = "\n".join(people) + "\n\n" + "\n".join([head, *some, ""])
            found[key] = hashlib.sha256(text.encode()).hexdigest()
        return found


_END = "\x00\n"


def groups_of(columns: Columns, key: str, output: Output) -> Groups:
    """The groups of an output, made once for all that have its set and its grouping."""
    by, path = (output.by, ("outputs", key, "by")) if output.by else (columns.outputs.file.by, ("by",))
    return columns.shared(f"groups {output.set} {by!r}", lambda: Groups(columns, output.set, by, path))
