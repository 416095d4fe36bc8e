"""A defect: one thing that is wrong with tables, where it stands and why it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
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

    @property
    def kind(self) -> tuple[str, str, str]:
        """Domain, column and message: what defects of many rows have in common."""
        return self.domain, self.column, self.message


def tell(rows: pl.DataFrame, code: str, column: str, bad: pl.Expr, message: str) -> Iterator[Defect]:
    """A defect for every row where `bad` is true. `rows` has the number of each row as `_row`."""
    source = pl.col("SRC") if "SRC" in rows.columns else pl.lit(None, pl.String)
    chosen = rows.filter(bad).select("_row", pl.col(column).alias("_value"), source.alias("_source"))
    for row, value, origin in chosen.iter_rows():
        yield Defect(code, row, column, None if value is None else str(value), origin, message)
