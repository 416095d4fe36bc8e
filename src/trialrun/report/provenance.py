"""How each number of a document was made, as compact data: its statistics, its method, the rows behind it.

Nothing is said twice: methods, parameters, lists of rows and values of columns are numbered, and lists of
rows are ranges. A page reads it when a number is asked about.
"""

from __future__ import annotations

import json
from binascii import b2a_base64
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from trialrun.analysis.ard import Ard
from trialrun.report.reason import reason as reason_in

_KNOWN = ("STUDYID", "DOMAIN", "USUBJID", "SRC", "VIRTUAL")  # said by the row's name, its source, the banner


_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Pool(dict[Any, int]):
    """Things by number, each held once: ``pool[thing]`` is its number, and gives a new one its own."""

    def __missing__(self, thing: Any) -> int:
        number = self[thing] = len(self)
        return number


def provenance(
    ids: Iterable[str], ard: Ard, tables: Mapping[str, pl.DataFrame] | None, language: str = "en"
) -> dict[str, Any]:
    """Of the results ``ids``, in their order:

    - ``ids``, ``inputs``: SHA-256 in base64, 43 letters each, one after the other;
    - ``cells``: [method, [key, value, …], [statistic, value, …], rows], numbers into ``methods``, ``keys``,
      ``values`` and ``statistics``, and into ``sets``: [first row, how many, gap, how many, …];
      the value of a statistic is a number, a text, or [why there is none];
    - ``rows``: their ``id`` and ``src``, and the ``tables`` they stand in, see `_table`.

    ValueError for an id that is no result, and for tables that the results were not made from.
    """
    wanted = pl.DataFrame({"cell": list(ids)}, schema={"cell": pl.String}).with_row_index("place")
    found = wanted.join(ard.cells.unique(["cell", "statistic"], maintain_order=True), on="cell", how="left")
    found = found.sort("place", maintain_order=True)
    if found["method"].null_count():
        unknown = found.filter(pl.col("method").is_null())["cell"][0]
        raise ValueError(f"the document shows {unknown}, which is not among the results it is printed with")
    rows = ard.rows.join(
        found.select(row=pl.col("sources").explode()).unique(), on="row", how="semi", maintain_order="left"
    )
    place = dict(zip(rows["row"].to_list(), range(rows.height), strict=True))
    methods, keys, values, statistics, sets = Pool(), Pool(), Pool(), Pool(), Pool()
    cells: list[list[Any]] = []
    hashes: list[tuple[str, str]] = []
    behind: dict[tuple[int, ...], int] = {}  # the number of a list of rows: many cells are made from the same
    now = None
    first = found["cell"].ne_missing(found["cell"].shift())
    sources = iter(found["sources"].filter(first).to_list())
    columns = "cell", "statistic", "value", "text", "not_estimable", "method", "parameters", "inputs"
    for cell, statistic, value, text, reason, method, parameters, inputs in found.select(columns).iter_rows():
        if now != cell:
            now = cell
            hashes.append((cell, inputs))
            told: list[int] = []
            for key, said in json.loads(parameters).items():
                # a pool holds words as they are, all else as the JSON of it
                told += keys[key], values[said if isinstance(said, str) else (_ENCODE(said),)]
            rows_of = tuple(next(sources) or ())
            if rows_of not in behind:
                behind[rows_of] = sets[_ranges([place[one] for one in rows_of])]
            made: list[Any] = []
            cells.append([methods[method], told, made, behind[rows_of]])
        held = [reason_in(reason, language)] if reason is not None else text if text is not None else value
        made += statistics[statistic], _whole(held)
    return {
        "ids": "".join(_short(cell) for cell, _ in hashes),
        "inputs": "".join(_short(inputs) for _, inputs in hashes),
        "cells": cells,
        "methods": list(methods),
        "keys": list(keys),
        "values": [one if isinstance(one, str) else json.loads(one[0]) for one in values],
        "statistics": list(statistics),
        "sets": list(sets),
        "rows": _rows(rows, {**ard.made, **tables} if tables is not None else None),
    }


def _whole(held: Any) -> Any:
    """13.0 as 13: a letter less each, and as people write it."""
    return int(held) if isinstance(held, float) and held.is_integer() and abs(held) < 1e15 else held


def _short(digest: str) -> str:
    """A SHA-256 in 43 letters instead of 64; of none, blanks."""
    return b2a_base64(bytes.fromhex(digest), newline=False).decode().rstrip("=").ljust(43)


def _ranges(numbers: list[int]) -> tuple[int, ...]:
    """2, 3, 4, 9 as (2, 3, 4, 1): begin at 2, take 3, pass over 4, take 1."""
    told: list[int] = []
    after = 0
    for number in sorted(set(numbers)):
        if told and number == after:
            told[-1] += 1
        else:
            told += [number - after, 1]
        after = number + 1
    return tuple(told)


def _rows(rows: pl.DataFrame, tables: Mapping[str, pl.DataFrame] | None) -> dict[str, Any]:
    held = {"id": rows["id"].to_list(), "src": rows["SRC"].to_list()}
    if tables is None:
        return {**held, "tables": []}
    grouped = rows.group_by("table", maintain_order=True)
    return {**held, "tables": [_table(str(name), some, tables) for (name,), some in grouped]}


def _table(name: str, rows: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """``columns`` by name: [the different values, the number of each row's value (of one alone, nothing)]."""
    table, places = tables.get(name), rows["place"].to_list()
    if table is None or max(places) >= table.height:
        raise ValueError(
            f"the rows behind these results are not in the table {name}: other tables were given"
        )
    own = table[places]
    if "SRC" in own.columns and own["SRC"].cast(pl.String).to_list() != rows["SRC"].to_list():
        raise ValueError(
            f"the rows behind these results are not those of the table {name}: other tables were given"
        )
    columns = {}
    for column in own.columns:
        if (
            column in _KNOWN
            or isinstance(own.schema[column], pl.List)
            or own[column].null_count() == own.height
        ):
            continue
        pool = Pool()
        at = [pool[one] for one in own[column].to_list()]
        columns[column] = [[_plain(one) for one in pool], at if len(pool) > 1 else []]
    return {"name": name, "rows": own.height, "columns": columns}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    return _whole(value) if isinstance(value, float) else str(value)
