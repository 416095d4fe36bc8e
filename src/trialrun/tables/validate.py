"""What is wrong with tables, wherever they come from: each defect with its row, its value and its source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from trialrun.protocol.form import Item
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Limits
from trialrun.tables import schema, term
from trialrun.tables.build import study_day
from trialrun.tables.schema import Domain

# ISO 8601, complete or cut off from the right, as SDTM allows: 2010, 2010-03, 2010-03-01, 2010-03-01T09:30.
ISO_8601 = r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?)?)?)?$"


@dataclass(frozen=True)
class Defect:
    """One thing that is wrong. `row` counts from 0; None if the whole table or column is meant."""

    domain: str
    row: int | None
    column: str
    value: str | None
    source: str | None
    message: str

    def __str__(self) -> str:
        where = self.domain if self.row is None else f"{self.domain} row {self.row}"
        said = "" if self.value is None else f" is {self.value}"
        return f"{where}, {self.column}{said}: {self.message}" + (f" [{self.source}]" if self.source else "")


def validate(tables: Mapping[str, pl.DataFrame], protocol: Protocol) -> list[Defect]:
    """Every defect, by domain in the order of the schema, then by check; empty if all is well."""
    shapes = schema.domains(protocol)
    found = [_whole(code, "unknown table", shapes) for code in tables if code not in shapes]
    first = _first_dose(tables.get("DM"))
    for code, shape in shapes.items():
        if code not in tables:
            found.append(Defect(code, None, "*", None, None, "the table is missing"))
        else:
            found += _table(tables[code], shape, _Look(protocol, first))
    return found


def _whole(code: str, what: str, shapes: Mapping[str, Domain]) -> Defect:
    return Defect(code, None, "*", None, None, f"{what}; this study has {', '.join(shapes)}")


@dataclass(frozen=True)
class _Look:
    """What the checks look at beside the table. `first`: USUBJID and day of the first dose, from DM."""

    protocol: Protocol
    first: pl.DataFrame | None


Check = Callable[[pl.DataFrame, Domain, _Look], Iterator[Defect]]


def _table(table: pl.DataFrame, shape: Domain, look: _Look) -> Iterator[Defect]:
    misshapen = list(_shaped(table, shape))
    yield from misshapen
    if misshapen:  # the other checks need the columns
        return
    rows = table.with_row_index("_row")
    for check in CHECKS:
        yield from check(rows, shape, look)


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


def _tell(rows: pl.DataFrame, shape: Domain, column: str, bad: pl.Expr, message: str) -> Iterator[Defect]:
    """A defect for every row where `bad` is true."""
    for row, value, source in (
        rows.filter(bad).select("_row", pl.col(column).alias("_value"), "SRC").iter_rows()
    ):
        yield Defect(shape.code, row, column, None if value is None else str(value), source, message)


def _required(rows: pl.DataFrame, shape: Domain, look: _Look) -> Iterator[Defect]:
    for column in shape.columns:
        if column.core == "required":
            empty = pl.col(column.name).is_null()
            if column.kind == "text":
                empty = empty | (pl.col(column.name).str.strip_chars() == "")
            yield from _tell(rows, shape, column.name, empty, "a value is required")


def _identified(rows: pl.DataFrame, shape: Domain, look: _Look) -> Iterator[Defect]:
    study, code = look.protocol.id, shape.code
    yield from _tell(rows, shape, "STUDYID", pl.col("STUDYID") != study, f"the study is {study}")
    yield from _tell(rows, shape, "DOMAIN", pl.col("DOMAIN") != code, f"the domain is {code}")
    yield from _tell(rows, shape, "VIRTUAL", ~pl.col("VIRTUAL").is_in(["Y", "N"]), "write Y or N")
    if look.first is not None and code != "DM":
        stranger = ~pl.col("USUBJID").is_in(look.first["USUBJID"].implode())
        yield from _tell(rows, shape, "USUBJID", stranger, "no such participant in DM")


def _unique(rows: pl.DataFrame, shape: Domain, look: _Look) -> Iterator[Defect]:
    twice = pl.struct(*shape.keys).is_duplicated()
    named = ", ".join(shape.keys[1:])
    yield from _tell(rows, shape, shape.keys[-1], twice, f"another row has the same {named}")
    sequence = f"{shape.code}SEQ"
    if sequence in shape.names:
        again = pl.struct("USUBJID", sequence).is_duplicated()
        yield from _tell(rows, shape, sequence, again, "another row of the participant has this number")


def _dates(shape: Domain) -> list[str]:
    return [name for name in shape.names if name.endswith("DTC")]


def _dated(rows: pl.DataFrame, shape: Domain, look: _Look) -> Iterator[Defect]:
    for name in _dates(shape):
        wrong = ~pl.col(name).str.contains(ISO_8601) | (
            (pl.col(name).str.len_chars() >= 10)
            & pl.col(name).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).is_null()
        )
        yield from _tell(rows, shape, name, wrong, "not an ISO 8601 date, e.g. 2010-03-01T09:30")


def _days(rows: pl.DataFrame, shape: Domain, look: _Look) -> Iterator[Defect]:
    """A study day must be what the date and the first dose in DM say."""
    if look.first is None:
        return
    rows = rows.join(look.first, on="USUBJID", how="left", maintain_order="left")
    for when in _dates(shape):
        day = when.removesuffix("DTC") + "DY"
        if day in shape.names:
            right = study_day(pl.col(when), pl.col("_first"))
            wrong = pl.col(day).ne_missing(right)
            yield from _tell(rows, shape, day, wrong, f"does not agree with {when} and the first dose")


def _ordered(rows: pl.DataFrame, shape: Domain, look: _Look) -> Iterator[Defect]:
    pairs = [(f"{shape.code}STDTC", f"{shape.code}ENDTC"), ("RFSTDTC", "RFENDTC"), ("RFXSTDTC", "RFXENDTC")]
    for start, end in pairs:
        if {start, end} <= set(shape.names):
            # Compared only as precisely as both are known.
            length = pl.min_horizontal(pl.col(start).str.len_chars(), pl.col(end).str.len_chars())
            before = pl.col(end).str.slice(0, length) < pl.col(start).str.slice(0, length)
            yield from _tell(rows, shape, end, before, f"lies before {start}")


def _planned(rows: pl.DataFrame, shape: Domain, look: _Look) -> Iterator[Defect]:
    points = list(look.protocol.timepoints)
    yield from _tell(
        rows, shape, "TIMEPT", ~pl.col("TIMEPT").is_in(points), "the study has no such timepoint"
    )
    if "VISITNUM" in shape.names:
        numbers = {name: number for number, name in enumerate(points, 1)}
        right = pl.col("TIMEPT").replace_strict(numbers, default=None, return_dtype=pl.Int64)
        wrong = pl.col("TIMEPT").is_in(points) & pl.col("VISITNUM").ne_missing(right)
        yield from _tell(rows, shape, "VISITNUM", wrong, "is not the number of the timepoint in TIMEPT")


def _coded(rows: pl.DataFrame, shape: Domain, look: _Look) -> Iterator[Defect]:
    """Variables that forms answer with codes hold one of them, numbers lie within the form's limits."""
    if shape.kind == "findings" or shape.code == "DS":  # DS holds standard terms, not the form's codes
        return
    topics = (f"{shape.code}TERM", f"{shape.code}TRT")
    asked: dict[str, list[Item]] = {}
    for _, _, item, code, variable in schema.named(look.protocol):
        if code == shape.code and variable not in topics:
            asked.setdefault(variable, []).append(item)
    for name, items in asked.items():
        yield from _answered(rows, shape, name, name, items)


def _measured(rows: pl.DataFrame, shape: Domain, look: _Look) -> Iterator[Defect]:
    """Each result fits what its form asks; each test is asked; nothing is both done and not done."""
    if shape.kind != "findings":
        return
    code = shape.code
    test, text, number, unit = (f"{code}{name}" for name in ("TESTCD", "STRESC", "STRESN", "STRESU"))
    asked = schema.tests(look.protocol, code)
    yield from _tell(rows, shape, test, ~pl.col(test).is_in(list(asked)), "no form measures this")
    skipped = pl.col(f"{code}STAT") == term.NOT_DONE
    has_result = pl.col(text).is_not_null() | pl.col(f"{code}ORRES").is_not_null()
    yield from _tell(rows, shape, f"{code}STAT", skipped & has_result, "not done, yet there is a result")
    neither = pl.col(f"{code}STAT").is_null() & ~has_result
    yield from _tell(rows, shape, text, neither, "no result, and nothing says that it was not done")
    for (name,), some in rows.group_by(test, maintain_order=True):
        items = [item for _, _, item in asked.get(str(name), [])]
        units = [item.unit for item in items if item.unit not in (None, "none")]
        if items:
            yield from _answered(some, shape, text, number, items)
        if units:
            odd = pl.col(number).is_not_null() & ~pl.col(unit).is_in(units).fill_null(False)
            yield from _tell(some, shape, unit, odd, f"{name} is measured in {units[0]}")


def _answered(
    rows: pl.DataFrame, shape: Domain, text: str, number: str, items: list[Item]
) -> Iterator[Defect]:
    """Codes, if every item that asks has them; the widest of the items' limits, if every one has them."""
    codes = [schema.choices(item) for item in items]
    if all(codes):
        allowed = sorted({code for some in codes for code in some})
        wrong = ~pl.col(text).is_in(allowed)
        yield from _tell(rows, shape, text, wrong, f"not a code of the form: {', '.join(allowed)}")
    limits = [item.limits for item in items if item.limits]
    if len(limits) == len(items):
        widest = Limits(min(limit.low for limit in limits), max(limit.high for limit in limits))
        within = pl.col(number).cast(pl.Float64, strict=False).is_between(widest.low, widest.high)
        outside = pl.col(number).is_not_null() & ~within.fill_null(False)
        yield from _tell(rows, shape, number, outside, f"outside the limits {widest}")


def _dosed(rows: pl.DataFrame, shape: Domain, look: _Look) -> Iterator[Defect]:
    if shape.code == "EX":
        given = pl.col("EXOCCUR") == "Y"
        yield from _tell(rows, shape, "EXDOSE", given & pl.col("EXDOSE").is_null(), "given, yet no dose")
        withheld = (pl.col("EXOCCUR") == "N") & (pl.col("EXDOSE") > 0)
        yield from _tell(rows, shape, "EXDOSE", withheld, "not given, yet a dose")


CHECKS: tuple[Check, ...] = (
    _required,
    _identified,
    _unique,
    _dated,
    _days,
    _ordered,
    _planned,
    _coded,
    _measured,
    _dosed,
)


def _first_dose(demographics: pl.DataFrame | None) -> pl.DataFrame | None:
    if demographics is None or not {"USUBJID", "RFSTDTC"} <= set(demographics.columns):
        return None
    day = pl.col("RFSTDTC").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    return demographics.select("USUBJID", _first=day).unique("USUBJID", keep="first", maintain_order=True)
