"""What is wrong with tables, wherever they come from: each defect with its row, its value and its source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from trialrun.protocol.form import Item
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Limits
from trialrun.tables import schema
from trialrun.tables.conformance import conform, look
from trialrun.tables.defect import Defect, tell
from trialrun.tables.schema import Domain
from trialrun.tables.shape import ordered, recognised


def validate(tables: Mapping[str, pl.DataFrame], protocol: Protocol | None = None) -> list[Defect]:
    """Every defect, by domain in the order of the schema, then by check; empty if all is well.

    Without a protocol the tables are anyone's: they are held against SDTM alone, and may have any
    domain and any further column. With one, they are held against that study as well.
    """
    if protocol is None:
        return _anyones(tables)
    shapes = schema.domains(protocol)
    found = [_whole(code, "unknown table", shapes) for code in tables if code not in shapes]
    beside = look(tables, protocol.id)
    for code, shape in shapes.items():
        if code not in tables:
            found.append(Defect(code, None, "*", None, None, "the table is missing"))
        elif misshapen := list(_shaped(tables[code], shape)):
            found += misshapen  # the other checks need the columns
        else:
            found += conform(tables[code], shape, beside)
            found += _planned(tables[code], shape, protocol)
    return found


def _anyones(tables: Mapping[str, pl.DataFrame]) -> list[Defect]:
    beside = look(tables)
    found = [] if "DM" in tables else [Defect("DM", None, "*", None, None, "the table is missing")]
    for code in ordered(tables):
        found += conform(tables[code], recognised(code, tables[code]), beside)
    return found


def _whole(code: str, what: str, shapes: Mapping[str, Domain]) -> Defect:
    return Defect(code, None, "*", None, None, f"{what}; this study has {', '.join(shapes)}")


def _shaped(table: pl.DataFrame, shape: Domain) -> Iterator[Defect]:
    for column in shape.columns:
        if column.name not in table.columns:
            yield Defect(shape.code, None, column.name, None, None, "the column is missing")
        elif table.schema[column.name] != column.dtype:
            kind = f"holds {table.schema[column.name]}; it must hold {column.dtype()}"
            yield Defect(shape.code, None, column.name, None, None, kind)
    for name in table.columns:
        if name not in shape.names:
            yield Defect(shape.code, None, name, None, None, "the domain has no such column")


def _planned(table: pl.DataFrame, shape: Domain, protocol: Protocol) -> Iterator[Defect]:
    """What only the study can tell: its timepoints, its codes, units and limits."""
    rows = table.with_row_index("_row")
    for check in (_timed, _coded, _measured):
        yield from check(rows, shape, protocol)


def _timed(rows: pl.DataFrame, shape: Domain, protocol: Protocol) -> Iterator[Defect]:
    points = list(protocol.timepoints)
    yield from tell(
        rows, shape.code, "TIMEPT", ~pl.col("TIMEPT").is_in(points), "the study has no such timepoint"
    )
    if "VISITNUM" in shape.names:
        numbers = {name: number for number, name in enumerate(points, 1)}
        right = pl.col("TIMEPT").replace_strict(numbers, default=None, return_dtype=pl.Float64)
        wrong = pl.col("TIMEPT").is_in(points) & pl.col("VISITNUM").ne_missing(right)
        yield from tell(rows, shape.code, "VISITNUM", wrong, "is not the number of the timepoint in TIMEPT")


def _coded(rows: pl.DataFrame, shape: Domain, protocol: Protocol) -> Iterator[Defect]:
    """Variables that forms answer with codes hold one of them, numbers lie within the form's limits."""
    if shape.kind == "findings" or shape.code == "DS":  # DS holds standard terms, not the form's codes
        return
    topics = (f"{shape.code}TERM", f"{shape.code}TRT")
    asked: dict[str, list[Item]] = {}
    for _, _, item, code, variable in schema.named(protocol):
        if code == shape.code and variable not in topics:
            asked.setdefault(variable, []).append(item)
    for name, items in asked.items():
        yield from _answered(rows, shape, name, name, items)


def _measured(rows: pl.DataFrame, shape: Domain, protocol: Protocol) -> Iterator[Defect]:
    """Each result fits what its form asks; each test is asked."""
    if shape.kind != "findings":
        return
    code = shape.code
    test, text, number, unit = (f"{code}{name}" for name in ("TESTCD", "STRESC", "STRESN", "STRESU"))
    asked = schema.tests(protocol, code)
    yield from tell(rows, shape.code, test, ~pl.col(test).is_in(list(asked)), "no form measures this")
    for (name,), some in rows.group_by(test, maintain_order=True):
        items = [item for _, _, item in asked.get(str(name), [])]
        units = [item.unit for item in items if item.unit not in (None, "none")]
        if items:
            yield from _answered(some, shape, text, number, items)
        if units:
            odd = pl.col(number).is_not_null() & ~pl.col(unit).is_in(units).fill_null(False)
            yield from tell(some, shape.code, unit, odd, f"{name} is measured in {units[0]}")


def _answered(
    rows: pl.DataFrame, shape: Domain, text: str, number: str, items: list[Item]
) -> Iterator[Defect]:
    """Codes, if every item that asks has them; the widest of the items' limits, if every one has them."""
    codes = [schema.choices(item) for item in items]
    if all(codes):
        allowed = sorted({code for some in codes for code in some})
        wrong = ~pl.col(text).is_in(allowed)
        yield from tell(rows, shape.code, text, wrong, f"not a code of the form: {', '.join(allowed)}")
    limits = [item.limits for item in items if item.limits]
    if len(limits) == len(items):
        widest = Limits(min(limit.low for limit in limits), max(limit.high for limit in limits))
        within = pl.col(number).cast(pl.Float64, strict=False).is_between(widest.low, widest.high)
        outside = pl.col(number).is_not_null() & ~within.fill_null(False)
        yield from tell(rows, shape.code, number, outside, f"outside the limits {widest}")
