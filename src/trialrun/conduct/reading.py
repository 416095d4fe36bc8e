"""Reads variables as they are known at a moment: one column each, one row per participant.

Two ways of reading: ``complete`` for what permits (a value counts only where it is proven whole, and
is null otherwise) and ``so far`` for what protects (what has been reported counts at once).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
import polars as pl

from trialrun.conduct.cohort import Cohort, Index, Log, Numbers, Sheet, Times, day
from trialrun.protocol.rule import Rule
from trialrun.protocol.rule_columns import expression
from trialrun.protocol.variable import Variable

Knowledge = Literal["complete", "so far"]
MINUTES_A_DAY = 24 * 60


def read(cohort: Cohort, names: Iterable[str], who: Index, now: Times, point: str | None, knowledge: Knowledge) -> pl.DataFrame:
    """A frame with a row per participant of ``who`` and a column per variable name.

    now: each participant's moment (len(who),); point: the timepoint that ``this visit`` means.
    """
    columns = {name: _column(cohort, name, who, now, point, knowledge) for name in sorted(names)}
    return pl.DataFrame(columns) if columns else pl.DataFrame({"": np.zeros(len(who))})


def _column(cohort: Cohort, name: str, who: Index, now: Times, point: str | None, knowledge: Knowledge) -> pl.Series:
    variable = cohort.protocol.variables[name]
    if variable.aggregate is None:
        return _item(cohort, variable, who, now, point)
    return _aggregate(cohort, name, variable, who, now, point, knowledge)


# ---- items -------------------------------------------------------------------------------------


def _item(cohort: Cohort, variable: Variable, who: Index, now: Times, point: str | None) -> pl.Series:
    form, item = variable.reads
    if form not in cohort.sheets:
        return _latest_row(cohort, variable, who)
    sheet = cohort.sheets[form]
    values = np.full(len(who), np.nan)
    for moment in variable.at:
        found, when = _at(sheet, item, moment, who, point)
        if variable.within is not None:
            age = (now - when) / np.timedelta64(1, "m")
            found = np.where(age <= variable.within.days * MINUTES_A_DAY, found, np.nan)
        values = np.where(np.isnan(values), found, values)
    return decode(sheet, item, values)


def _at(sheet: Sheet, item: str, moment: str, who: Index, point: str | None) -> tuple[Numbers, Times]:
    if moment == "latest":
        return _latest_value(sheet, item, who)
    if moment == "this visit":
        moment = point or ""
    elif moment == "course day 1":
        moment = f"{(point or '').split('.')[0]}.D1"
    column = sheet.column.get(moment)
    if column is None:
        return np.full(len(who), np.nan), np.full(len(who), np.datetime64("NaT", "m"))
    return sheet.values[item][who, column], sheet.happened[who, column]


def _latest_value(sheet: Sheet, item: str, who: Index) -> tuple[Numbers, Times]:
    values, happened = sheet.values[item][who], sheet.happened[who]
    order = np.where(np.isnan(values), np.iinfo(np.int64).min, happened.astype(np.int64))
    last = order.argmax(axis=1)
    rows = np.arange(len(who))
    return values[rows, last], happened[rows, last]


def _latest_row(cohort: Cohort, variable: Variable, who: Index) -> pl.Series:
    form, item = variable.reads
    rows = cohort.logs[form].frame().drop_nulls(item).sort("happened")
    found = rows.group_by("participant").agg(pl.col(item).last())
    return pl.DataFrame({"participant": who}).join(found, on="participant", how="left", maintain_order="left")[item]


def decode(sheet: Sheet, item: str, values: Numbers) -> pl.Series:
    """Numbers back to the column type that rules expect."""
    asked = sheet.form.items[item]
    if asked.type == "boolean":
        return pl.Series(item, values == 1, dtype=pl.Boolean).set(pl.Series(np.isnan(values)), None)
    if asked.type == "choice":
        codes = [*asked.codes, None]
        return pl.Series(item, [codes[-1 if np.isnan(v) else int(v)] for v in values], dtype=pl.String)
    series = pl.Series(item, values, dtype=pl.Float64).fill_nan(None)
    return series.cast(pl.Int32).cast(pl.Date) if asked.type == "date" else series


# ---- aggregates --------------------------------------------------------------------------------


def _aggregate(cohort: Cohort, name: str, variable: Variable, who: Index, now: Times, point: str | None, knowledge: Knowledge) -> pl.Series:
    rows, unsure = matching(cohort, name, who, now, point, knowledge)
    found = rows.group_by("participant").agg(_function(variable, variable.reads[1]).alias("value"))
    everyone = pl.DataFrame({"participant": who, "now": now.astype("datetime64[ms]")})
    joined = everyone.join(found, on="participant", how="left", maintain_order="left")
    value = joined.select(_since(variable)).to_series()
    if variable.none is not None:
        value = value.fill_null(variable.none)
    if knowledge == "complete":
        value = _only_proven(cohort, variable, value, who, point, unsure)
    return value.alias(name)


def matching(cohort: Cohort, name: str, who: Index, now: Times, point: str | None, knowledge: Knowledge) -> tuple[pl.DataFrame, pl.Series | None]:
    """The rows an aggregate variable counts, and the participants with a row that cannot be judged."""
    variable = cohort.protocol.variables[name]
    rows = _rows(cohort, variable.reads[0], who, now)
    rows = rows.filter(_during(cohort, variable.during or "study", who, rows, point))
    if not variable.where:
        return rows, None
    return _where(cohort, cohort.protocol.rules[f"variables.{name}"], rows, who, now, point, knowledge)


def _rows(cohort: Cohort, form: str, who: Index, now: Times) -> pl.DataFrame:
    """Every occurrence of a form, with the participant, when it happened and how long it has lasted."""
    if form in cohort.logs:
        rows = _mine(cohort.logs[form], who, cohort.n)
    else:
        rows = _entries(cohort.sheets[form], who)
    rows = rows.with_columns(moment=pl.col("happened"), happened=pl.col("happened").dt.date())
    if {"onset", "ended"} <= set(rows.columns):
        moments = pl.DataFrame({"participant": who, "now": now.astype("datetime64[ms]")})
        rows = rows.join(moments, on="participant", how="left", maintain_order="left")
        end = pl.coalesce(pl.col("ended"), pl.col("now").dt.date())
        rows = rows.with_columns(lasting=(end - pl.col("onset")).dt.total_days().cast(pl.Float64)).drop("now")
    return rows


def _mine(log: Log, who: Index, n: int) -> pl.DataFrame:
    rows = log.frame().drop("row")
    return rows if len(who) == n else rows.filter(pl.col("participant").is_in(who.tolist()))


def _entries(sheet: Sheet, who: Index) -> pl.DataFrame:
    happened = sheet.happened[who]
    row, column = np.nonzero(~np.isnat(happened))
    columns = {"participant": pl.Series(who[row]), "happened": pl.Series(happened[row, column].astype("datetime64[ms]"))}
    columns |= {item: decode(sheet, item, values[who[row], column]) for item, values in sheet.values.items()}
    return pl.DataFrame(columns)


def _during(cohort: Cohort, period: str, who: Index, rows: pl.DataFrame, point: str | None) -> pl.Series:
    """Which rows fall into the period; days 1 to n of a course, n being the cycle length."""
    if period == "study":
        return pl.Series(np.ones(len(rows), dtype=bool))
    mine = rows["participant"].to_numpy()
    date = rows["moment"].to_numpy().astype("datetime64[D]")
    if period == "since first dose":
        return pl.Series(date >= day(cohort.first_injection)[mine])
    starts = {cycle: day(cohort.begun(cycle)) for cycle in cohort.protocol.cycles}
    length = int(cohort.protocol.study.treatment.cycle_length.days)
    inside = {c: (date >= s[mine]) & (date < s[mine] + length) for c, s in starts.items()}
    if period == "courses":
        return pl.Series(np.logical_or.reduce(list(inside.values())))
    if period == "this course":
        return pl.Series(inside[(point or "").split(".")[0]])
    if period == "latest course":
        latest = np.fmax.reduce(list(starts.values()))
        return pl.Series((date >= latest[mine]) & (date < latest[mine] + length))
    following = cohort.protocol.cycles[cohort.protocol.cycles.index(period) + 1 :]
    later = np.fmin.reduce([starts[cycle] for cycle in following]) if following else starts[period] + np.timedelta64("NaT", "D")
    # A course lasts until the next one begins: what happens while it is awaited belongs to it.
    return pl.Series((date >= starts[period][mine]) & ~(date >= later[mine]))


def _where(cohort: Cohort, rule: Rule, rows: pl.DataFrame, who: Index, now: Times, point: str | None, knowledge: Knowledge) -> tuple[pl.DataFrame, pl.Series]:
    """The rows for which the condition is true, and the participants with a row for which it is unknown."""
    others = [name for name in rule.reads if name not in rows.columns]
    if others:
        known = read(cohort, others, who, now, point, knowledge).with_columns(participant=pl.Series(who))
        rows = rows.join(known, on="participant", how="left", maintain_order="left")
    holds = rows.select(expression(rule).alias("holds"))["holds"]
    return rows.filter(holds.fill_null(False)), rows.filter(holds.is_null())["participant"].unique()


def _function(variable: Variable, item: str) -> pl.Expr:
    column = pl.col(item)
    kind = variable.aggregate
    if kind == "count":
        return pl.len().cast(pl.Float64)
    if kind == "span":
        return (column.max() - column.min()).dt.total_days().cast(pl.Float64)
    if kind in ("first", "last"):
        ordered = column.sort_by("moment").drop_nulls()
        return ordered.first() if kind == "first" else ordered.last()
    if kind == "since":
        return column.max()
    return {"max": column.max(), "min": column.min(), "sum": column.sum()}[str(kind)]


def _since(variable: Variable) -> pl.Expr:
    if variable.aggregate == "since":
        return (pl.col("now").dt.date() - pl.col("value")).dt.total_days().cast(pl.Float64)
    return pl.col("value")


def _only_proven(cohort: Cohort, variable: Variable, value: pl.Series, who: Index, point: str | None, unsure: pl.Series | None) -> pl.Series:
    """Null where nothing proves that every row is there, or where a row's condition is unknown."""
    if variable.complete is None:
        proven = np.full(len(who), variable.none is None)
    else:
        where, _, at = variable.complete.partition("@")
        form, _, item = where.strip().partition(".")
        found, _ = _at(cohort.sheets[form], item, at.strip(), who, point)
        proven = found == 1
    if unsure is not None and len(unsure):
        proven = proven & ~np.isin(who, unsure.to_numpy())
    return value.set(pl.Series(~proven), None)
