"""The Analysis Results Dataset on disk: text that reads back to the same, and the same bytes each time.

``cells.csv`` and ``rows.csv`` are RFC 4180 with line ends of one character; an empty text is ``""``, nothing
is nothing. Numbers are the shortest text that reads back to the same double; lists of rows are ``3-9 12``.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from trialrun.analysis.ard import Ard
from trialrun.analysis.outputs.columns import ROWS as COLUMNS_OF_ROWS
from trialrun.analysis.outputs.grouping import Column
from trialrun.analysis.outputs.recorded import SCHEMA
from trialrun.protocol.output import Output
from trialrun.protocol.text import Text

CELLS, ROWS, COLUMNS = "cells.csv", "rows.csv", "columns.json"


class NotResults(Exception):
    """A file that does not hold an Analysis Results Dataset: which, and why."""

    def render(self) -> str:
        return str(self)


def save(ard: Ard, folder: Path) -> None:
    """Write ``cells.csv``, ``rows.csv`` and ``columns.json`` into a folder that is there."""
    _write(ard.cells, folder / CELLS)
    _write(ard.rows, folder / ROWS)
    told = {
        key: {
            "header": _words(ard.headers.get(key)),
            "columns": [
                {"key": one.key, "title": _words(one.title), "n": one.n, "under": _words(one.under)}
                for one in columns
            ],
        }
        for key, columns in ard.columns.items()
    }
    text = json.dumps(told, ensure_ascii=False, indent=1) + "\n"
    (folder / COLUMNS).write_text(text, "utf-8", newline="")


def load(folder: Path, outputs: Mapping[str, Output]) -> Ard:
    """Read back what `save` wrote; ``outputs`` is what was planned (`Ard.outputs`, or those of the study's
    file, without the footnotes that an analysis adds). Raises NotResults."""
    cells, rows = read_cells(folder / CELLS), _read(folder / ROWS, COLUMNS_OF_ROWS)
    try:
        told = json.loads((folder / COLUMNS).read_text("utf-8"))
        columns = {
            key: tuple(
                Column(one["key"], Text(tuple(one["title"].items())), one["n"], _text(one["under"]))
                for one in found["columns"]
            )
            for key, found in told.items()
        }
        headers = {key: _text(found["header"]) for key, found in told.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotResults(f"{folder / COLUMNS} cannot be read: {error}") from error
    missing = sorted(set(columns) - set(outputs))
    if missing:
        raise NotResults(f"{folder / COLUMNS} has outputs that the study does not plan: {', '.join(missing)}")
    return Ard(cells, rows, {key: outputs[key] for key in columns}, columns, headers)


def read_cells(path: Path) -> pl.DataFrame:
    """The cells that a file holds, as `analysis.ard.SCHEMA` has them. Raises NotResults."""
    return _read(path, dict(SCHEMA))


# ---- text ----------------------------------------------------------------------------------------


def _write(frame: pl.DataFrame, path: Path) -> None:
    told = frame.select(_told(frame[name]) for name in frame.columns)
    path.write_text(told.write_csv(quote_style="necessary"), "utf-8", newline="")


def _told(values: pl.Series) -> pl.Series:
    """A column as text. ``repr`` of a float is the shortest text that reads back, in any locale."""
    if isinstance(values.dtype, pl.List):
        lists = (None if one is None else tuple(one) for one in values.to_list())
        return pl.Series(values.name, [None if one is None else ranges(one) for one in lists], pl.String)
    if values.dtype.is_float():
        said = [None if one is None else repr(one).removesuffix(".0") for one in values.to_list()]
        return pl.Series(values.name, said, pl.String)
    return values.cast(pl.String)


@lru_cache(maxsize=4096)
def ranges(numbers: tuple[int, ...]) -> str:
    """Rising numbers, shorter: ``3-9 12``."""
    if not numbers:
        return ""
    cuts = [0, *(i for i, (a, b) in enumerate(pairwise(numbers), 1) if b != a + 1), len(numbers)]
    runs = [numbers[a:b] for a, b in pairwise(cuts)]
    return " ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _numbers(text: str | None) -> list[int] | None:
    return None if text is None else [number for part in text.split() for number in _run(part)]


def _run(part: str) -> Iterator[int]:
    first, _, last = part.partition("-")
    yield from range(int(first), int(last or first) + 1)


def _read(path: Path, schema: Mapping[str, Any]) -> pl.DataFrame:
    try:
        content = path.read_bytes()
        names = next(csv.reader(content.decode("utf-8").splitlines()[:1]), [])
        if names != list(schema):
            raise NotResults(
                f"{path}: its columns are not {', '.join(schema)}; it was made by another program"
            )
        texts = pl.read_csv(content, infer_schema=False)
        return texts.select(_typed(texts[name], dtype) for name, dtype in schema.items())
    except (OSError, UnicodeDecodeError, ValueError, pl.exceptions.PolarsError) as error:
        raise NotResults(f"{path} cannot be read: {str(error).partition(chr(10))[0]}") from error


def _typed(texts: pl.Series, dtype: Any) -> pl.Series:
    if dtype == pl.List(pl.UInt32):
        return pl.Series(texts.name, [_numbers(one) for one in texts.to_list()], dtype=dtype)
    return texts.cast(dtype)


def _words(text: Text | None) -> dict[str, str] | None:
    return None if text is None else dict(text.by_language)


def _text(words: dict[str, str] | None) -> Text | None:
    return None if words is None else Text(tuple(words.items()))
