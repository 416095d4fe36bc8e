"""The cells of lines as columns of a frame."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import polars as pl

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.statement import Line, Stated
from trialrun.protocol.text import Text

_OF_LINES: dict[str, Any] = {
    "output": pl.String,  # its number, 14.1.1
    "analysis": pl.String,  # the name of the row in the file; "N" for the numbers in the column heads
    "line": pl.Int64,  # place of the line in the output, from 0
    "path": pl.String,  # JSON list: the keys that name the line
    "labels": pl.String,  # JSON list of {language: words}
    "indent": pl.Int64,
    "notes": pl.String,  # JSON list of {language: words}: what a reader of the line must know
}
_OF_CELLS: dict[str, Any] = {
    "column": pl.String,  # group of participants, a comparison, or a column of a listing
    "part": pl.String,  # which of the cells under one column, "" where there is one
    "cell": pl.String,  # SHA-256 of method, inputs and parameters
    "pattern": pl.String,  # JSON {language: words}: how the whole cell is written
    "none": pl.String,  # the same, where a statistic in it cannot be estimated
    "method": pl.String,  # with its version: count/1
    "parameters": pl.String,  # canonical JSON
    "inputs": pl.String,  # SHA-256 of the participants and values read
    "sources": pl.List(pl.UInt32),  # numbers of rows, see `Ard.rows`
}
_OF_STATISTICS: dict[str, Any] = {
    "statistic": pl.String,
    "value": pl.Float64,
    "text": pl.String,
    "not_estimable": pl.String,  # the reason
}
_ORDER = (
    "output", "analysis", "line", "path", "labels", "indent", "column", "part", "cell", "statistic", "value",
    "text", "not_estimable", "pattern", "none", "method", "parameters", "inputs", "sources", "notes",
)  # fmt: skip
SCHEMA = pl.Schema({name: (_OF_LINES | _OF_CELLS | _OF_STATISTICS)[name] for name in _ORDER})

_NO_CELL = (None,) * len(_OF_CELLS)
_NO_STATISTIC = (None,) * len(_OF_STATISTICS)


class Recorded:
    """Lines, their cells and their statistics, each kept once; ``data``: the numbers behind cells, by id."""

    def __init__(self) -> None:
        self.data: dict[str, Mapping[str, object]] = {}
        self._lines: list[tuple[Any, ...]] = []
        self._cells: list[tuple[Any, ...]] = []
        self._statistics: list[tuple[Any, ...]] = []
        self._line_of: list[int] = []  # of each cell
        self._cell_of: list[int] = []  # of each statistic
        self._told: dict[int, tuple[object, str]] = {}

    def add(self, output: str, analysis: str, place: int, line: Line) -> None:
        """The cells of a line; of one that has none, its words."""
        labels, notes = (f"[{','.join(map(_words, texts))}]" for texts in (line.labels, line.notes))
        self._lines.append((output, analysis, place, _json(list(line.key)), labels, line.indent, notes))
        if not line.cells:
            self._put(_NO_CELL)
            self._state(*_NO_STATISTIC)
        for cell in line.cells:
            self._add_cell(cell)

    def _add_cell(self, cell: Stated) -> None:
        parameters = self._canonical(cell.parameters)
        identity = hashlib.sha256(f"{cell.method}\n{cell.inputs}\n{parameters}".encode()).hexdigest()
        if cell.data is not None:
            self.data[identity] = cell.data
        none = _words(cell.none) if cell.none is not None else None
        told = (cell.column, cell.part, identity, _words(cell.pattern), none, cell.method, parameters)
        self._put((*told, cell.inputs, sorted({*cell.sources})))
        for statistic, value in cell.values.items():
            if isinstance(value, NotEstimable):
                self._state(statistic, None, None, value.reason)
            elif isinstance(value, str):
                self._state(statistic, None, value, None)
            else:
                self._state(statistic, value, None, None)

    def _put(self, cell: tuple[Any, ...]) -> None:
        self._line_of.append(len(self._lines) - 1)
        self._cells.append(cell)

    def _state(self, *statistic: Any) -> None:
        self._cell_of.append(len(self._cells) - 1)
        self._statistics.append(statistic)

    def _canonical(self, parameters: Mapping[str, object]) -> str:
        """JSON with sorted keys. What an analysis says is the same mapping in its thousand cells: it is
        written once, and kept, so that no other can have its identity."""
        told = []
        for name in sorted(parameters):
            value = parameters[name]
            if isinstance(value, str):
                text = _quoted(value)
            elif isinstance(value, list) and all(type(one) is str for one in value):
                text = _list(tuple(value))
            elif not isinstance(value, dict):
                text = _SORTED.encode(value)
            elif (held := self._told.get(id(value))) is not None:
                text = held[1]
            else:
                text = _SORTED.encode(value)
                self._told[id(value)] = value, text
            told.append(f"{_quoted(name)}:{text}")
        return f"{{{','.join(told)}}}"

    def frame(self) -> pl.DataFrame:
        """A row for each statistic of each cell (`SCHEMA`), in the order in which they came."""
        lines = _frame(self._lines, _OF_LINES)[self._line_of]
        cells = _frame(self._cells, _OF_CELLS)
        statistics = _frame(self._statistics, _OF_STATISTICS)
        return pl.concat(
            [pl.concat([lines, cells], how="horizontal")[self._cell_of], statistics], how="horizontal"
        ).select(SCHEMA.names())


def _frame(rows: Sequence[tuple[Any, ...]], types: Mapping[str, Any]) -> pl.DataFrame:
    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * len(types)
    held = dict(zip(types, columns, strict=True))
    return pl.DataFrame(
        held | ({"sources": _lists(held["sources"])} if "sources" in held else {}), schema=pl.Schema(types)
    )


def _lists(found: Sequence[Sequence[int] | None]) -> pl.Series:
    """Lists of row numbers as a column: many times as fast as one list after the other."""
    sizes = [len(one) if one is not None else 0 for one in found]
    places = np.repeat(np.arange(len(found), dtype=np.uint32), sizes)
    flat = np.fromiter(chain.from_iterable(one for one in found if one), np.uint32, sum(sizes))
    lists = (
        pl.DataFrame({"place": places, "number": flat}).group_by("place", maintain_order=True).agg("number")
    )
    known = pl.DataFrame(
        {
            "place": np.arange(len(found), dtype=np.uint32),
            "known": np.array([one is not None for one in found], dtype=np.bool_),
        }
    )
    joined = known.join(lists, on="place", how="left", maintain_order="left")
    none = pl.lit([], dtype=pl.List(pl.UInt32))
    filled = pl.when("known").then(pl.col("number").fill_null(none))
    return joined.select(filled.alias("sources"))["sources"]


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    return _SORTED.encode(text)


@lru_cache(maxsize=4096)
def _list(texts: tuple[str, ...]) -> str:
    return _SORTED.encode(list(texts))


@lru_cache(maxsize=4096)
def _words(text: Text) -> str:
    return _json(dict(text.by_language))


def _json(value: Any) -> str:
    return _AS_SAID.encode(value)


_AS_SAID = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_SORTED = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
