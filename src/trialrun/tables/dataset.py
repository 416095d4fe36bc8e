"""One file of someone's data as a frame: SAS transport, Parquet, CSV, Dataset-JSON 1.1."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl


class SdtmError(Exception):
    """Data that cannot be read at all: which file, why, and what to do."""

    def render(self) -> str:
        return str(self)


class NoDataset(SdtmError):
    """A file that is sound, but holds something else."""


def frame(path: Path) -> pl.DataFrame:
    """The records of a file, columns and values as they stand there. SdtmError if it cannot be read."""
    if path.suffix.lower() not in READERS:
        raise SdtmError(f"{path}: files of this kind are not read; give {', '.join(READERS)}")
    try:
        return READERS[path.suffix.lower()](path)
    except SdtmError:
        raise
    except UnicodeDecodeError as error:
        raise SdtmError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except Exception as error:  # each reader has its own errors for a file that is not what it claims to be
        why = (str(error) or type(error).__name__).partition("\n")[0]
        raise SdtmError(f"{path}: cannot be read as {path.suffix.lower()}: {why}") from error


def _transport(path: Path) -> pl.DataFrame:
    try:
        import pyreadstat
    except ImportError as error:
        cure = "pip install 'trialrun[sdtm]'"
        raise SdtmError(f"{path}: SAS transport files need pyreadstat: {cure}") from error
    content = path.read_bytes()
    if sum(content.count(f"HEADER RECORD*******{each}".encode()) for each in ("MEMBER", "MEMBV8")) > 1:
        raise SdtmError(f"{path}: holds more than one dataset; write each to a file of its own")
    found, _ = pyreadstat.read_xport(path, output_format="polars")
    return pl.DataFrame(found)


def _csv(path: Path) -> pl.DataFrame:
    return pl.read_csv(path.read_text(encoding="utf-8-sig").encode(), infer_schema=False)


def _dataset_json(path: Path) -> pl.DataFrame:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or "columns" not in content:
        raise NoDataset(f"{path}: not Dataset-JSON: expected an object with `columns` and `rows`")
    return _tabular(path, content, content.get("rows"))


def _dataset_ndjson(path: Path) -> pl.DataFrame:
    """The same, one JSON text a line: first what the dataset is, then each row."""
    head, *rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return _tabular(path, head, rows)


def _tabular(path: Path, head: dict[str, Any], rows: Any) -> pl.DataFrame:
    try:
        names = [column["name"] for column in head["columns"]]
        kinds = [NUMBERS.get(column["dataType"], pl.String) for column in head["columns"]]
    except (KeyError, TypeError) as error:
        raise SdtmError(f"{path}: not Dataset-JSON: every column has a `name` and a `dataType`") from error
    if not isinstance(rows, list):
        raise SdtmError(f"{path}: not Dataset-JSON: `rows` is a list of lists")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, list) or len(row) != len(names):
            raise SdtmError(f"{path}: row {number} does not have the {len(names)} values of `columns`")
    columns = [[row[place] for row in rows] for place in range(len(names))]
    series = [_series(name, values, kind) for name, values, kind in zip(names, columns, kinds, strict=True)]
    return pl.DataFrame(series)


def _series(name: str, values: list[Any], kind: type[pl.DataType]) -> pl.Series:
    """Decimals come as text and stay so until the column's meaning is known."""
    texts = [None if value is None else _written(value) for value in values]
    if kind is pl.String or any(isinstance(value, str) for value in values):
        return pl.Series(name, texts, dtype=pl.String)
    return pl.Series(name, values, dtype=kind)


def _written(value: Any) -> str:
    return {True: "Y", False: "N"}[value] if isinstance(value, bool) else str(value)


NUMBERS: dict[str, type[pl.DataType]] = {
    "integer": pl.Float64,
    "float": pl.Float64,
    "double": pl.Float64,
    "decimal": pl.Float64,
}

READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".xpt": _transport,
    ".parquet": pl.read_parquet,
    ".csv": _csv,
    ".json": _dataset_json,
    ".ndjson": _dataset_ndjson,
}
