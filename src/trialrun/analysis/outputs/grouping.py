"""Who an output is about, in which columns, and counts of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

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
    """The members of an output's analysis set, in the columns of its grouping.

    ``membership``: _who and _column, a row for each participant in each column.
    """

    def __init__(self, columns: Columns, key: str, output: Output) -> None:
        self.columns = columns
        self.path: Path = ("outputs", key)
        self.output = output
        file = columns.outputs.file
        chosen = file.sets[output.set].where if output.set else None
        self.reads = columns.reads(PARTICIPANTS, chosen, ("sets", output.set or "", "where"))
        self.members = columns.chosen(PARTICIPANTS, chosen, ("sets", output.set or "", "where"))
        by, path = (output.by, (*self.path, "by")) if output.by else (file.by, ("by",))
        self.header = by.header if by else None
        found = [(ALL, EVERYONE, self.members)] if by is None else self._split(by, path)
        above = {name: group.under for name, group in by.groups.items()} if by else {}
        self.list = tuple(Column(name, title, some.height, above.get(name)) for name, title, some in found)
        frames = [some.select("_who", _column=pl.lit(name)) for name, _, some in found]
        self.membership = pl.concat(frames)
        self.compared = tuple(one.key for one in self.list if one.key != TOTAL)

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
            (
                key,
                by.titles.get(key, Text((("en", key),))),
                self.members.filter((values == key).fill_null(False)),
            )
            for key in keys
        ]

    def column(self, key: str) -> Column:
        return next(one for one in self.list if one.key == key)

    @cached_property
    def size(self) -> dict[str, int]:
        return {one.key: one.n for one in self.list}

    @cached_property
    def everyone(self) -> dict[str, tuple[int, ...]]:
        """Column -> the rows of its participants: what stands behind a nought."""
        own = self.members.select("_who", "_row").join(self.membership, on="_who", how="inner")
        rows = own.group_by("_column").agg("_row").iter_rows()
        return {str(key): tuple(sorted(numbers)) for key, numbers in rows}

    # ---- rows --------------------------------------------------------------------------------

    def rows(self, table: str, where: str | None, path: Path, word: str) -> pl.DataFrame:
        """The rows of the members that satisfy a rule."""
        chosen = self.columns.chosen(table, where, (*path, "where"), (*path, word))
        return chosen.join(self.members.select("_who"), on="_who", how="semi", maintain_order="left")

    def sourced(self, table: str, rows: pl.DataFrame, reads: Iterable[str]) -> pl.DataFrame:
        """Rows with ``_sources``: the numbers of the rows behind each; of participants also those behind
        the columns that are read."""
        if table not in (PARTICIPANTS, self.columns.outputs.file.participants):
            return rows.with_columns(pl.concat_list("_row").alias("_sources"))
        behind = self.columns.people.select("_who").with_columns(self.columns.people_sources(reads))
        return rows.join(behind, on="_who", how="left", maintain_order="left")

    def tally(self, rows: pl.DataFrame, keys: Sequence[str] = ()) -> dict[tuple[str | None, ...], Tally]:
        """(column, *values of the keys) -> participants, rows, and where they are from."""
        joined = rows.select("_who", "_sources", *keys).join(self.membership, on="_who", how="inner")
        found = joined.group_by("_column", *keys).agg(
            participants=pl.col("_who").n_unique(),
            rows=pl.len(),
            sources=pl.col("_sources").list.explode(keep_nulls=False, empty_as_null=False),
        )
        return {
            tuple(row[: len(keys) + 1]): Tally(row[-3], row[-2], tuple(sorted(set(row[-1]))))
            for row in found.iter_rows()
        }

    # ---- what was read -----------------------------------------------------------------------

    def fingerprints(self, table: str, rows: pl.DataFrame, reads: Iterable[str]) -> dict[str, str]:
        """Column -> SHA-256 of its participants and of what was read of their rows."""
        names = ["USUBJID", *sorted(set(reads) - {"USUBJID"})]
        held = self.columns.with_columns(table, rows, names).select("_who", *names)
        found = {}
        for one in self.list:
            there = self.membership.filter(pl.col("_column") == one.key).select("_who")
            people = self.members.join(there, on="_who", how="semi", maintain_order="left")["USUBJID"]
            some = held.join(there, on="_who", how="semi").select(names).sort(names, nulls_last=True)
            text = "\n".join(people.to_list()) + "\n\n" + some.write_csv(quote_style="always")
            found[one.key] = hashlib.sha256(text.encode()).hexdigest()
        return found
