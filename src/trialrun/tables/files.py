"""Tables on disk: a folder with one Parquet file per domain, the same bytes for the same content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from trialrun.protocol.file import whole

SUFFIX = ".parquet"


def write(tables: Mapping[str, pl.DataFrame], folder: Path) -> list[Path]:
    """Write each table as `<domain>.parquet`, and remove the files of domains that are no longer there.

    One row group, no statistics, one compression and level: nothing in the file depends on the time,
    the machine or the number of threads. A file is complete or absent: it takes its name when written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [_write(table, folder / f"{code.lower()}{SUFFIX}") for code, table in sorted(tables.items())]
    for path in folder.glob(f"*{SUFFIX}"):
        if path not in written:
            path.unlink()
    return written


def _write(table: pl.DataFrame, path: Path) -> Path:
    rows = max(1, table.height)
    with whole(path) as part:
        table.rechunk().write_parquet(
            part, compression="zstd", compression_level=3, statistics=False, row_group_size=rows
        )
    return path


def read(folder: Path) -> dict[str, pl.DataFrame]:
    """The tables of a folder by domain. FileNotFoundError if it holds none."""
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    if not paths:
        raise FileNotFoundError(f"{folder} holds no table: expected files such as dm{SUFFIX}")
    return {path.stem.upper(): pl.read_parquet(path) for path in paths}


def table_hash(table: pl.DataFrame) -> str:
    """SHA-256 of a table written as CSV, UTF-8, in its order of rows and columns."""
    return hashlib.sha256(table.write_csv().encode()).hexdigest()
