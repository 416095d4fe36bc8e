"""Rows as they stand, each value a cell."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from trialrun.analysis.outputs.asked import Asked
from trialrun.analysis.outputs.statement import Line, Stated, Value, plain, words
from trialrun.protocol.output import Listed
from trialrun.protocol.text import Text

EMPTY = words("")


def listing(asked: Asked, analysis: Listed) -> Iterator[Line]:
    """A line for each row, sorted; a code that the study has words for is written in them."""
    table = analysis.listing
    rows = asked.rows(table, "listing")
    for i, one in enumerate(analysis.sort):
        asked.columns.split(f"{table}.{one}", (*asked.path, "sort", i))
    for one in analysis.columns:
        asked.columns.split(f"{table}.{one}", (*asked.path, "columns", one))
    rows = asked.columns.with_columns(table, rows, [*analysis.columns, *analysis.sort])
    rows = rows.sort(*(analysis.sort or ("USUBJID",)), "_row", nulls_last=True)
    titles = {one: asked.columns.titles(table, one) for one in analysis.columns}
    reads = asked.reads(table) | set(analysis.columns)
    identities = dict(asked.columns.rows_of(rows["_row"].to_list()).select("row", "id").iter_rows())
    for number, row in enumerate(asked.groups.sourced(table, rows, reads).iter_rows(named=True), 1):
        identity, sources = identities[row["_row"]], tuple(row["_sources"])
        cells = []
        for column, how in analysis.columns.items():
            value = _held(row[column])
            written = how.format or titles[column].get(str(value)) or words("{value}")
            cells.append(_cell(column, value, written, identity, sources))
        yield Line((asked.name, str(number)), (), tuple(cells), analysis.indent)


def _cell(column: str, value: Value, pattern: Text, identity: str, sources: tuple[int, ...]) -> Stated:
    inputs = hashlib.sha256(f"{identity}\n{value}".encode()).hexdigest()
    return Stated(
        column,
        {"value": value},
        pattern,
        "listing/1",
        "",
        EMPTY,
        sources,
        inputs,
        {"row": identity, "column": column},
    )


def _held(value: object) -> Value:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Y" if value else "N"
    return plain(float(value)) if isinstance(value, int | float) else str(value)
