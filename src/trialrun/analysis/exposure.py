"""Exposure by arm, from the tables alone: how long, how many doses, how much."""

from __future__ import annotations

from typing import Any

import polars as pl

from trialrun.analysis.arm import Arms, Tables, column, doses
from trialrun.analysis.rounding import quantile

# Doses a day of a row that spans days: submission values of the codelist FREQ.
DAILY = {"QD": 1, "BID": 2, "TID": 3, "QID": 4}
ONCE = "ONCE"


def exposure(tables: Tables, arms: Arms) -> dict[str, Any]:
    """Of those who had a dose, one entry a column of `arms`.

    ``days``: from the first dose to the end of the last. ``treatments``: by name and unit, who had it, the
    least and greatest single dose, and the cumulative dose of each. A spread is ``{n, median, low, high}``,
    null where nobody's is known; who is missing from ``n`` has a row whose end or frequency is not told.
    """
    arms = arms.dosed()
    rows = _measured(arms.place(doses(tables)))
    days = _days(rows)
    return {
        "columns": arms.columns(),
        "days": [_spread(part["days"]) for part in arms.each(days.drop("arm"))],
        "treatments": [
            {"treatment": treatment, "unit": unit, **_treatment(arms, some)}
            for (treatment, unit), some in rows.sort("EXTRT", "EXDOSU").group_by(
                "EXTRT", "EXDOSU", maintain_order=True
            )
        ],
    }


def _measured(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with ``from``, ``to`` (dates), ``EXDOSE`` and ``amount``: what the row gave in all."""
    start, end, often = (column(rows, name) for name in ("EXSTDTC", "EXENDTC", "EXDOSFRQ"))
    dose = pl.col("EXDOSE") if "EXDOSE" in rows.columns else pl.lit(None, pl.Float64)
    rows = rows.with_columns(
        column(rows, "EXTRT"),
        column(rows, "EXDOSU"),
        EXDOSE=dose,
        _from=_date(start),
        _to=_date(end),
        _often=often,
    )
    span = (pl.col("_to") - pl.col("_from")).dt.total_days() + 1
    once = pl.col("_often").eq_missing(ONCE) | (pl.col("_often").is_null() & ((span == 1) | end.is_null()))
    daily = pl.col("_often").replace_strict(DAILY, default=None, return_dtype=pl.Int64)
    return rows.with_columns(
        _to=pl.when(once).then(pl.coalesce("_to", "_from")).otherwise("_to"),
        amount=pl.col("EXDOSE") * pl.when(once).then(1).otherwise(daily * span),
    )


def _date(text: pl.Expr) -> pl.Expr:
    return text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)


def _days(rows: pl.DataFrame) -> pl.DataFrame:
    """USUBJID, arm, days: null for who has a row without an end."""
    whole = pl.col("_from").null_count() + pl.col("_to").null_count() == 0
    span = (pl.col("_to").max() - pl.col("_from").min()).dt.total_days() + 1
    return rows.group_by("USUBJID", "arm", maintain_order=True).agg(days=pl.when(whole).then(span))


def _treatment(arms: Arms, rows: pl.DataFrame) -> dict[str, Any]:
    known = pl.col("amount").null_count() == 0
    each = rows.group_by("USUBJID", maintain_order=True).agg(
        amount=pl.when(known).then(pl.col("amount").sum())
    )
    parts = arms.each(rows.drop("arm"))
    return {
        "counts": arms.count(rows),
        "doses": [{"low": part["EXDOSE"].min(), "high": part["EXDOSE"].max()} for part in parts],
        "cumulative": [_spread(part["amount"]) for part in arms.each(each)],
    }


def _spread(values: pl.Series) -> dict[str, Any] | None:
    known = [float(value) for value in values.drop_nulls()]
    if not known:
        return None
    return {"n": len(known), "median": quantile(known, 0.5), "low": min(known), "high": max(known)}
