"""A defect: one thing that is wrong with tables, where it stands and why it is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Defect:
    """One thing that is wrong. `row` counts from 0; None if the whole table or column is meant."""

    domain: str
    row: int | None
    column: str
    value: str | None
    source: str | None
    message: str

    def __str__(self) -> str:
        where = self.domain if self.row is None else f"{self.domain} row {self.row}"
        said = "" if self.value is None else f" is {self.value}"
        return f"{where}, {self.column}{said}: {self.message}" + (f" [{self.source}]" if self.source else "")


def tell(rows: pl.DataFrame, code: str, column: str, bad: pl.Expr, message: str) -> Iterator[Defect]:
    """A defect for every row where `bad` is true. `rows` has the number of each row as `_row`."""
    source = pl.col("SRC") if "SRC" in rows.columns else pl.lit(None, pl.String)
    chosen = rows.filter(bad).select("_row", pl.col(column).alias("_value"), source.alias("_source"))
    for row, value, origin in chosen.iter_rows():
        yield Defect(code, row, column, None if value is None else str(value), origin, message)


@dataclass(frozen=True)
class Kind:
    """Defects that have domain, column and message in common: how many, and the first of them."""

    domain: str
    column: str
    message: str
    count: int
    first: Defect


def by_kind(defects: Iterable[Defect]) -> list[Kind]:
    """Defects counted by kind, in the order in which the kinds first occur."""
    kinds: dict[tuple[str, str, str], list[Defect]] = {}
    for defect in defects:
        kinds.setdefault((defect.domain, defect.column, defect.message), []).append(defect)
    return [Kind(*kind, len(some), some[0]) for kind, some in kinds.items()]
