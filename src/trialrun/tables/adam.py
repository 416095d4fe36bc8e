"""Any CDISC dataset as a table: by its name, values as they stand, every row with its source."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from trialrun.tables.dataset import READERS, SdtmError, frame


def read(where: Path | Iterable[Path]) -> dict[str, pl.DataFrame]:
    """The datasets of a folder, or of some files, by name in capitals (``adsl.xpt``: ADSL).

    Blank text, NaN and infinity become null. A row's source is its file and its number in it from 1.
    """
    paths = (
        sorted(path for path in where.glob("[!._]*") if path.suffix.lower() in READERS)
        if isinstance(where, Path)
        else list(where)
    )
    if not paths:
        raise SdtmError(f"{where}: no dataset in it; expected files such as adsl.xpt ({', '.join(READERS)})")
    return {path.stem.upper(): sourced(path.name, frame(path)) for path in paths if path.stem[0] != "_"}


def sourced(name: str, raw: pl.DataFrame) -> pl.DataFrame:
    """The rows of a part with their source, capital names, and nothing where nothing is said."""
    named = raw.rename({column: column.strip().upper() for column in raw.columns})
    number = pl.int_range(1, pl.len() + 1).cast(pl.String)
    added = {"SRC": pl.lit(f"{name}#") + number, "VIRTUAL": pl.lit("N")}
    return named.select(*(_plain(column, dtype) for column, dtype in named.schema.items())).with_columns(
        value.alias(column) for column, value in added.items() if column not in named.columns
    )


def _plain(name: str, dtype: pl.DataType) -> pl.Expr:
    held = pl.col(name)
    if dtype == pl.String:
        text = held.str.strip_chars_end()
        return pl.when(text != "").then(text).alias(name)
    return pl.when(held.is_finite()).then(held).alias(name) if dtype.is_float() else held
