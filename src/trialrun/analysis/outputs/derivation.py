"""Derived columns of an outputs file: of participants from the rows of tables, and of the rows of a view."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import polars as pl

from trialrun.analysis.outputs.traced import traced
from trialrun.analysis.rounding import half_away
from trialrun.protocol.cell import PARTICIPANTS
from trialrun.protocol.derived import Cases, Computed, Cut, Derived, Judged, Picked, Traced, View
from trialrun.protocol.rule import Type

if TYPE_CHECKING:
    from trialrun.analysis.outputs.columns import Columns, Path

_AGGREGATED = {
    "first": lambda one: one.first(),
    "last": lambda one: one.last(),
    "min": lambda one: one.min(),
    "max": lambda one: one.max(),
    "sum": lambda one: one.sum(),
    "mean": lambda one: one.mean(),
}


def derive_participants(columns: Columns) -> None:
    """Add the columns of the file's ``derive`` to the participants, in its order, where they are needed."""
    needed = _needed(columns)
    for name, derived in columns.outputs.file.derive.items():
        if name not in needed:
            continue
        path: Path = ("derive", name)
        if isinstance(derived, Picked):
            found, kind = _picked(columns, name, derived, path)
        elif isinstance(derived, Judged):
            from trialrun.analysis.outputs.judged import judged  # here, as it imports the whole engine

            found, columns.sources[name], kind = judged(columns, derived, path)
        elif isinstance(derived, Traced):
            found, kind, columns.sources[name] = traced(columns, derived, path)
        else:
            found, kind = _said(columns, PARTICIPANTS, derived, path)
            columns.sources[name] = _behind(columns, derived, path)
        columns.put(PARTICIPANTS, _finished(found, derived).alias(name), kind)


def _needed(columns: Columns) -> set[str]:
    """Every word that the planned outputs say, themselves or through derived columns."""
    content = columns.outputs.source.content
    outputs = [one for key, one in content["outputs"].items() if key in columns.planned]
    named = _words([outputs, *(content.get(key) for key in ("by", "sets", "tables", "trajectories"))])
    for name, derived in reversed(content.get("derive", {}).items()):
        if name in named:
            named |= _words(derived)
    return named


def _words(content: object) -> set[str]:
    return set(re.findall(r"\w+", json.dumps(content)))


def derive_rows(columns: Columns, table: str, view: View, path: Path) -> None:
    """Add the columns of a view to its rows; a value is picked among the rows of its own participant."""
    for name, derived in view.derive.items():
        here = (*path, "derive", name)
        if isinstance(derived, Picked):
            found, kind = _picked_among(columns, table, derived, here)
        elif isinstance(derived, Judged):
            columns.refuse(
                here, "an endpoint judges participants, not rows", "Put it under `derive` at the top."
            )
        elif isinstance(derived, Traced):
            columns.refuse(
                here, "rows have no trajectory", "Derive it of participants, at the top of the file."
            )
        else:
            found, kind = _said(columns, table, derived, here)
        columns.put(table, _finished(found, derived).alias(name), kind)


def _finished(values: pl.Series, derived: Derived) -> pl.Series:
    """Rounded half away from zero, and with its word for what is missing."""
    if derived.round is not None and values.dtype.is_float():
        rounded = [None if one is None else float(half_away(one, derived.round)) for one in values]
        values = pl.Series(values.name, rounded, dtype=pl.Float64)
    return values if derived.missing is None else values.fill_null(derived.missing)


# ---- picked --------------------------------------------------------------------------------------


def _rows(
    columns: Columns, derived: Picked, default: str, path: Path
) -> tuple[str, str | None, pl.DataFrame]:
    """(table, column, rows) that a value is picked from; `count` and `any` name a table."""
    where = (*path, "where")
    if derived.verb in ("count", "any"):
        table = derived.column
        return table, None, columns.chosen(table, derived.where, where, (*path, derived.verb))
    table, column = columns.split(derived.column, (*path, derived.verb), default)
    rows = columns.with_columns(table, columns.chosen(table, derived.where, where), [column])
    rows = rows.filter(pl.col(column).is_not_null())
    if derived.by is not None:
        columns.split(f"{table}.{derived.by}", (*path, "by"))
        rows = rows.sort(derived.by, "_row", nulls_last=True)
    return table, column, rows


def _grouped(
    columns: Columns, derived: Picked, table: str, column: str | None, rows: pl.DataFrame, keys: list[str]
) -> tuple[pl.DataFrame, Type]:
    """A value for each group of rows, with the numbers of the rows behind it."""
    if column is None:
        made = rows.group_by(keys).agg(_value=pl.len().cast(pl.Float64), _from=pl.col("_row"))
        return made, Type("number")
    kind = columns.known(table)[column]
    value = _AGGREGATED[derived.verb](pl.col(column))
    behind = pl.col("_row").first() if derived.verb == "first" else pl.col("_row")
    behind = pl.col("_row").last() if derived.verb == "last" else behind
    made = rows.group_by(keys, maintain_order=True).agg(_value=value, _from=behind)
    if made.schema["_from"] == pl.UInt32:
        made = made.with_columns(pl.concat_list("_from").alias("_from"))
    return made, kind


def _picked(columns: Columns, name: str, derived: Picked, path: Path) -> tuple[pl.Series, Type]:
    """A value for each participant; nobody's rows are none (`count` 0, `any` false), the rest unknown."""
    table, column, rows = _rows(columns, derived, PARTICIPANTS, path)
    made, kind = _grouped(columns, derived, table, column, rows, ["_who"])
    found = columns.people.select("_who").join(made, on="_who", how="left", maintain_order="left")
    none = pl.lit([], dtype=pl.List(pl.UInt32))
    columns.sources[name] = found.select(pl.col("_from").fill_null(none))["_from"]
    values = found["_value"]
    if derived.verb == "any":
        return values.is_not_null(), Type("boolean")
    return (values.fill_null(0.0), kind) if derived.verb == "count" else (values, kind)


def _picked_among(columns: Columns, table: str, derived: Picked, path: Path) -> tuple[pl.Series, Type]:
    """A value for each row of a view, from rows of its participant that are the ``same`` in some columns."""
    source, column, rows = _rows(columns, derived, table, path)
    keys = ["_who", *derived.same]
    for i, one in enumerate(derived.same):
        columns.split(f"{source}.{one}", (*path, "same", i))
        columns.split(f"{table}.{one}", (*path, "same", i))
    rows = columns.with_columns(source, rows, derived.same)
    made, kind = _grouped(columns, derived, source, column, rows, keys)
    mine = columns.with_columns(table, columns.table(table, path), derived.same)
    values = mine.select(keys).join(made, on=keys, how="left", maintain_order="left", nulls_equal=True)
    found = values["_value"]
    if derived.verb == "any":
        return found.is_not_null(), Type("boolean")
    return (found.fill_null(0.0), kind) if derived.verb == "count" else (found, kind)


# ---- computed ------------------------------------------------------------------------------------


def _said(
    columns: Columns, table: str, derived: Computed | Cut | Cases, path: Path
) -> tuple[pl.Series, Type]:
    """What a row says of itself."""
    rows = columns.table(table, path)
    if isinstance(derived, Computed):
        rule = columns.rule(table, derived.value, (*path, "value"), "any")
        values = columns.value(table, rows, rule)
        if rule.type.kind == "date":
            values = values.cast(pl.Int32).cast(pl.Date)
        if derived.where is not None:
            told = columns.value(table, rows, columns.rule(table, derived.where, (*path, "where")))
            values = pl.select(pl.when(told.fill_null(False)).then(values)).to_series()
        return values, rule.type
    if isinstance(derived, Cut):
        _, column = columns.split(
            derived.cut if "." in derived.cut or table == PARTICIPANTS else f"{table}.{derived.cut}",
            (*path, "cut"),
        )
        values = columns.with_columns(table, rows, [column])[column]
        if not values.dtype.is_numeric():
            columns.refuse((*path, "cut"), f"`{derived.cut}` is no number", "Only numbers are cut.")
        return _groups(values, derived), Type("choice", codes=derived.titles)
    return _first_true(columns, table, rows, derived, path), Type("choice")


def _groups(values: pl.Series, derived: Cut) -> pl.Series:
    frame = values.alias("value").to_frame()
    chain = pl.lit(derived.titles[-1])
    for limit, title in reversed(list(zip(derived.at, derived.titles[:-1], strict=True))):
        chain = pl.when(pl.col("value") < limit).then(pl.lit(title)).otherwise(chain)
    return frame.select(pl.when(pl.col("value").is_not_null()).then(chain).alias("value"))["value"]


def _first_true(columns: Columns, table: str, rows: pl.DataFrame, derived: Cases, path: Path) -> pl.Series:
    held = {
        code: columns.value(table, rows, columns.rule(table, text, (*path, "cases", code)))
        for code, text in derived.cases.items()
    }
    frame = pl.DataFrame({f"c{i}": one for i, one in enumerate(held.values())})
    chain = pl.lit(derived.otherwise, dtype=pl.String)
    for i, code in reversed(list(enumerate(held))):
        chain = pl.when(pl.col(f"c{i}").fill_null(False)).then(pl.lit(code)).otherwise(chain)
    return frame.select(chain.alias("value"))["value"]


def _behind(columns: Columns, derived: Computed | Cut | Cases, path: Path) -> pl.Series:
    """The rows behind a computed column: those behind the columns that it reads."""
    if isinstance(derived, Computed):
        reads = columns.reads_any(PARTICIPANTS, derived.value, (*path, "value"))
        reads |= columns.reads(PARTICIPANTS, derived.where, (*path, "where"))
    elif isinstance(derived, Cut):
        reads = frozenset([derived.cut])
    else:
        reads = frozenset().union(
            *(
                columns.reads(PARTICIPANTS, text, (*path, "cases", code))
                for code, text in derived.cases.items()
            )
        )
    return columns.people_sources(sorted(reads))
