"""Findings: one row per measurement, whatever the domain."""

from __future__ import annotations

import polars as pl

from trialrun.tables import term
from trialrun.tables.entry import RECORD, Entries, iso
from trialrun.tables.schema import Domain


def findings(known: Entries, domain: Domain, first_dose: pl.DataFrame) -> pl.DataFrame:
    """The rows of a findings domain. `first_dose`: subject, first_dose (local date and time)."""
    code = domain.code
    values = known.of(code)
    qualifier = pl.col("variable").is_in(domain.names)
    rows = values.filter(~qualifier)
    for variable, named in values.filter(qualifier).group_by("variable", maintain_order=True):
        own = named.select(*RECORD, pl.col("value").alias(str(variable[0])))
        rows = rows.join(own, on=RECORD, how="left", nulls_equal=True, maintain_order="left")
    result = pl.col("value")
    number = pl.col("number").is_not_null()
    return (
        rows.with_columns(
            _missing(f"{code}DTC", rows, iso("happened")), _missing(f"{code}CAT", rows, pl.col("title"))
        )
        .with_columns(
            pl.col("variable").alias(f"{code}TESTCD"),
            pl.col("label").alias(f"{code}TEST"),
            pl.col("words").alias(f"{code}ORRES"),
            result.alias(f"{code}STRESC"),
            pl.col("number").alias(f"{code}STRESN"),
            *(pl.when(number).then("unit").alias(f"{code}{name}") for name in ("ORRESU", "STRESU")),
            pl.when(result.is_null()).then(pl.lit(term.NOT_DONE)).alias(f"{code}STAT"),
            pl.when(result.is_null()).then("missing").alias(f"{code}REASND"),
            pl.format("files/{}", "file").alias(f"{code}XFN"),
            FAOBJ=pl.col("label"),
            SRC="source",
        )
        .pipe(_baseline, code, first_dose)
    )


def _missing(name: str, rows: pl.DataFrame, otherwise: pl.Expr) -> pl.Expr:
    """A column as the form gives it, or `otherwise`."""
    return (pl.coalesce(name, otherwise) if name in rows.columns else otherwise).alias(name)


def _baseline(rows: pl.DataFrame, code: str, first_dose: pl.DataFrame) -> pl.DataFrame:
    """Flags the last result of each test before the first dose.

    A sample of the very time of the first injection counts as before it, since the plan takes samples
    first; a sample known by its day only counts as taken at the start of that day.
    """
    rows = rows.join(first_dose, on="subject", how="left", maintain_order="left").with_row_index("_row")
    said = pl.col(f"{code}DTC").str
    timed = said.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="ms", strict=False)
    dated = said.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("ms"))
    before = (
        rows.filter(pl.col("value").is_not_null())
        .with_columns(_taken=pl.coalesce(timed, dated))
        .filter(pl.col("_taken") <= pl.col("first_dose"))
        .sort("_taken", "order", "_row")
    )
    last = before.group_by("subject", "variable", maintain_order=True).agg(pl.col("_row").last())["_row"]
    flag = pl.when(pl.col("_row").is_in(last.implode())).then(pl.lit("Y"))
    return rows.with_columns(flag.alias(f"{code}BLFL")).drop("_row")
