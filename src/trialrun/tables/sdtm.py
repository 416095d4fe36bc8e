"""Anyone's SDTM as tables of ours: domains by their content, values typed, every row with its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from trialrun.tables import schema
from trialrun.tables.dataset import READERS, NoDataset, SdtmError, frame
from trialrun.tables.defect import Defect
from trialrun.tables.shape import ordered, recognised

Part = tuple[str, pl.DataFrame]  # a name, such as that of a file, and the records as they stand there


@dataclass(frozen=True)
class Sdtm:
    """Tables by domain, in the order of the schema, and what was wrong with the values read."""

    tables: dict[str, pl.DataFrame]
    defects: list[Defect]


def read(folder: Path) -> Sdtm:
    """The SDTM of a folder: every file of a known kind, a domain in one file or split over several.

    A file that holds no SDTM domain is left out and told. Files whose name begins with a dot or an
    underscore are no data. SdtmError if there is no file or one cannot be read.
    """
    if not folder.is_dir():
        raise SdtmError(f"{folder}: no such folder; give one that holds SDTM files such as dm.xpt")
    paths = sorted(path for path in folder.glob("[!._]*") if path.suffix.lower() in READERS)
    if not paths:
        raise SdtmError(f"{folder}: no SDTM file in it; expected files such as dm.xpt ({', '.join(READERS)})")
    parts, others = [], []
    for path in paths:
        try:
            parts.append((path.name, frame(path)))
        except NoDataset:
            others.append(_left_out(path.name, "not a dataset; left out"))
    data = adopt(parts)
    return Sdtm(data.tables, [*others, *data.defects])


def _left_out(name: str, why: str) -> Defect:
    return Defect(_stem(name).upper(), None, "*", None, name, why)


def adopt(parts: Iterable[Part] | Mapping[str, pl.DataFrame]) -> Sdtm:
    """Frames as tables. A row's source is its part's name and its number in it from 1: ``dm.xpt#12``.

    Blank text, NaN and infinity become null; dates and truth values become the text that SDTM has for
    them; a number that cannot be read as one becomes null and is told. Further variables are kept.
    Columns that our own tables carry (SRC, VIRTUAL, TIMEPT) are kept; without VIRTUAL, a row is a person's.
    """
    found: dict[str, list[pl.DataFrame]] = {}
    defects: list[Defect] = []
    for name, raw in parts.items() if isinstance(parts, Mapping) else parts:
        table = _named(name, raw)
        code = _code(name, table)
        if code is None:
            why = "not an SDTM domain: there is no DOMAIN, nor RDOMAIN with QNAM or RELID; left out"
            defects.append(_left_out(name, why))
            continue
        before = sum(part.height for part in found.get(code, ()))
        typed, wrong = _typed(code, _sourced(name, table), before)
        found.setdefault(code, []).append(typed)
        defects += wrong
    tables = {code: pl.concat(found[code], how="diagonal_relaxed") for code in ordered(found)}
    return Sdtm(tables, defects)


def _code(name: str, table: pl.DataFrame) -> str | None:
    """The domain of a part by its columns; where DOMAIN is empty, by its name. None for other data."""
    columns, stem = set(table.columns), _stem(name).upper()
    if {"RDOMAIN", "QNAM"} <= columns:
        return f"SUPP{_usual(table, 'RDOMAIN') or stem.removeprefix('SUPP')[:2]}"
    if {"RDOMAIN", "RELID"} <= columns:
        return "RELREC"
    if "DOMAIN" not in columns:
        return stem if stem in schema.CODES and {"STUDYID", "USUBJID"} <= columns else None
    code = _usual(table, "DOMAIN") or stem
    if f"{code[:2]}TESTCD" in columns:  # FACE is the part of FA that is about CE
        return code[:2]
    return code if code in schema.CODES or _usual(table, "DOMAIN") else None


def _usual(table: pl.DataFrame, column: str) -> str | None:
    """The most frequent value of a column, the first in the alphabet of several."""
    values = table.select(value=pl.col(column).cast(pl.String).str.strip_chars().str.to_uppercase())
    counted = values.filter(pl.col("value") != "").group_by("value").len()
    return next(iter(counted.sort("len", "value", descending=[True, False])["value"]), None)


def _stem(name: str) -> str:
    return name.partition(".")[0]


def _named(name: str, raw: pl.DataFrame) -> pl.DataFrame:
    """Variables have capital names."""
    names = [column.strip().upper() for column in raw.columns]
    twice = sorted({column for column in names if names.count(column) > 1})
    if twice:
        raise SdtmError(f"{name}: {', '.join(twice)} is there twice; capitals and small letters are the same")
    return raw.rename(dict(zip(raw.columns, names, strict=True)))


def _sourced(name: str, table: pl.DataFrame) -> pl.DataFrame:
    number = pl.int_range(1, pl.len() + 1).cast(pl.String)
    made = {"SRC": pl.lit(f"{name}#") + number, "VIRTUAL": pl.lit("N")}
    return table.with_columns(
        value.alias(column) for column, value in made.items() if column not in table.columns
    )


def _typed(code: str, table: pl.DataFrame, before: int) -> tuple[pl.DataFrame, list[Defect]]:
    """Every column as the schema has it; `before` is how many rows of the domain were read already."""
    shape = recognised(code, table)
    plain = table.select(_plain(table[name]) for name in table.columns)
    columns: list[pl.Series] = []
    defects: list[Defect] = []
    for column in shape.columns:
        if column.name in plain.columns:
            made, wrong = _cast(plain[column.name], column.dtype)
            columns.append(made)
            defects += _told(code, column, plain, wrong, before)
    return pl.DataFrame(columns), defects


def _plain(values: pl.Series) -> pl.Series:
    """Text without the blanks at its end; nothing that is empty, not a number, or without end."""
    if values.dtype.is_float():
        return (
            values.to_frame().select(pl.when(pl.col(values.name).is_finite()).then(values.name)).to_series()
        )
    if values.dtype == pl.Boolean:
        return values.replace_strict({True: "Y", False: "N"}, return_dtype=pl.String)
    if values.dtype == pl.Date:
        return values.dt.strftime("%Y-%m-%d")
    if isinstance(values.dtype, pl.Datetime):
        return values.dt.strftime("%Y-%m-%dT%H:%M:%S")
    if values.dtype.is_integer():
        return values
    text = values.cast(pl.String).str.strip_chars_end()
    return text.to_frame().select(pl.when(pl.col(values.name) != "").then(values.name)).to_series()


def _cast(values: pl.Series, dtype: type[pl.DataType]) -> tuple[pl.Series, pl.Series]:
    """The values in the type of their variable, and where one was there that does not fit it."""
    if dtype == pl.String:
        made = _written(values) if values.dtype.is_numeric() else values
    elif dtype == pl.Int64:
        numbers = values.cast(pl.Float64, strict=False)
        whole = numbers.to_frame().select(
            pl.when(pl.col(values.name).round() == pl.col(values.name)).then(values.name)
        )
        made = whole.to_series().cast(pl.Int64, strict=False)
    else:
        made = values.cast(pl.Float64, strict=False)
    return made, values.is_not_null() & made.is_null()


def _written(numbers: pl.Series) -> pl.Series:
    """A number in a variable of text, as it is read: ``1`` for 1.0."""
    return pl.Series(
        numbers.name, [None if each is None else f"{each:.15g}" for each in numbers], dtype=pl.String
    )


def _told(
    code: str, column: schema.Column, table: pl.DataFrame, wrong: pl.Series, before: int
) -> Iterator[Defect]:
    what = "not a whole number; read as empty" if column.kind == "integer" else "not a number; read as empty"
    for row in wrong.arg_true():
        value, source = str(table[column.name][row]), table["SRC"][row]
        yield Defect(code, before + row, column.name, value, source, what)
