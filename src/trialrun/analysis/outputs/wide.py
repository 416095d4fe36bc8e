"""Tests as columns: a row for each visit of a participant, where findings have one for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialrun.analysis.outputs import vocabulary
from trialrun.protocol.derived import View
from trialrun.protocol.rule import Type

if TYPE_CHECKING:
    from trialrun.analysis.outputs.columns import Columns, Path

BEHIND = "_row_"
"""With the name of a test: the row that its value is from."""


def spread_rows(columns: Columns, name: str, view: View, path: Path) -> None:
    """Put the values of a view into a column for each test that its rows or the study have; of several
    values of one test the last counts. Other columns are those of the first test of each group."""
    assert view.spread is not None
    table, base = f"{name}.", columns.base(name)
    _, test = columns.split(f"{table}{view.spread.column}", (*path, "spread", "column"))
    _, value = columns.split(f"{table}{view.spread.value}", (*path, "spread", "value"))
    for i, one in enumerate(view.each):
        columns.split(f"{table}{one}", (*path, "each", i))
    rows, keys = columns._made[name], ["_who", *view.each]
    found = rows[test].drop_nulls().unique(maintain_order=True).to_list()
    tests = list(dict.fromkeys([*view.spread.tests, *vocabulary.tests(columns.protocol, base), *found]))
    first = rows.sort(test, "_row").group_by(keys, maintain_order=True).agg(pl.exclude(keys).first())
    made = first
    for held, prefix in ((value, ""), ("_row", BEHIND)):
        known = rows.filter(pl.col(value).is_not_null())
        wide = known.group_by(keys, maintain_order=True).agg(
            pl.col(held).filter(pl.col(test) == one).last().alias(f"{prefix}{one}") for one in tests
        )
        made = made.join(wide, on=keys, how="left", maintain_order="left", nulls_equal=True)
    kind = columns.known(base)[value] if value in columns.known(base) else Type("choice")
    columns._made[name] = made.sort("_row")
    columns.types[name] |= dict.fromkeys(tests, kind)
