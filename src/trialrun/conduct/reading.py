"""Reads variables as they are known at a moment: one column each, one row per participant.

Two ways of reading: ``complete`` for what permits (a value counts only where it is proven whole, and
is null otherwise) and ``so far`` for what protects (what has been reported counts at once).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trialrun.conduct.cohort import Cohort, Index, Log, Numbers, Sheet, Times, day
from trialrun.protocol.chain import Mask
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
    known = values.tolist()
    if asked.type == "boolean":
        return pl.Series(item, [None if v != v else v == 1 for v in known], dtype=pl.Boolean)
    if asked.type == "choice":
        codes = list(asked.codes)
        return pl.Series(item, [None if v != v else codes[int(v)] for v in known], dtype=pl.String)
    if asked.type == "date":
        return pl.Series(item, [None if v != v else int(v) for v in known], dtype=pl.Int32).cast(pl.Date)
    return pl.Series(item, [None if v != v else v for v in known], dtype=pl.Float64)


def answers(rule: Rule, frame: pl.DataFrame) -> NDArray[np.int8]:
    """What a rule says in each row: 1 true, 0 false, -1 not known."""
    holds = frame.select(expression(rule).alias("holds"))["holds"].cast(pl.Int8).to_numpy()
    return np.where(np.isnan(holds), -1, holds).astype(np.int8) if holds.dtype.kind == "f" else holds.astype(np.int8)


# ---- aggregates --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """Occurrences of a form: whose (position in the cohort), when, and the columns that are read."""

    participant: Index
    moment: Times
    columns: pl.DataFrame

    def keep(self, mask: Mask) -> Rows:
        return Rows(self.participant[mask], self.moment[mask], self.columns.filter(pl.Series(mask)))

    def values(self, item: str) -> Numbers:
        column = self.columns[item]
        if column.dtype == pl.Date:
            days = column.to_physical().cast(pl.Float64).to_numpy()
            return np.asarray(days)
        return np.asarray(column.cast(pl.Float64).to_numpy()) if column.dtype != pl.String else np.ones(len(column))


def _aggregate(cohort: Cohort, name: str, variable: Variable, who: Index, now: Times, point: str | None, knowledge: Knowledge) -> pl.Series:
    rows, unsure = matching(cohort, name, who, now, point, knowledge)
    value = _summary(variable, rows, who, now)
    if variable.none is not None:
        value = np.where(np.isnan(value), float(variable.none), value)
    if knowledge == "complete":
        value = np.where(_proven(cohort, variable, who, point, unsure), value, np.nan)
    return pl.Series(name, [None if v != v else v for v in value.tolist()], dtype=pl.Float64).cast(_dtype(cohort, name))


def _dtype(cohort: Cohort, name: str) -> Any:
    return {"date": pl.Date, "boolean": pl.Boolean}.get(cohort.protocol.types[name].kind, pl.Float64)


def matching(cohort: Cohort, name: str, who: Index, now: Times, point: str | None, knowledge: Knowledge) -> tuple[Rows, Index]:
    """The rows an aggregate variable counts, and the participants with a row that cannot be judged."""
    variable = cohort.protocol.variables[name]
    rule = cohort.protocol.rules[f"variables.{name}"] if variable.where else None
    form, item = variable.reads
    rows = _rows(cohort, form, {item, *(rule.reads if rule else ())}, who, now)
    nobody = np.zeros(0, dtype=np.int64)
    if not len(rows.participant):
        return rows, nobody
    inside = _during(cohort, variable.during or "study", rows, point)
    if not inside.all():
        rows = rows.keep(inside)
    if rule is None or not len(rows.participant):
        return rows, nobody
    said = answers(rule, _with_variables(cohort, rule, rows, who, now, point, knowledge))
    return rows.keep(said == 1), rows.participant[said == -1]


def _rows(cohort: Cohort, form: str, wanted: set[str], who: Index, now: Times) -> Rows:
    """Every occurrence of a form among ``who``, with the items wanted."""
    if form in cohort.logs:
        rows = _log_rows(cohort.logs[form], who)
    else:
        rows = _sheet_rows(cohort.sheets[form], wanted, who)
    if not len(rows.participant):
        return rows
    if "happened" in wanted:
        rows = Rows(rows.participant, rows.moment, rows.columns.with_columns(happened=pl.Series(day(rows.moment))))
    if "lasting" in wanted:
        rows = Rows(rows.participant, rows.moment, rows.columns.with_columns(lasting=_lasting(rows, who, now)))
    return rows


def _log_rows(log: Log, who: Index) -> Rows:
    frame = log.frame()
    participant = frame["participant"].to_numpy()
    moment = frame["happened"].to_numpy().astype("datetime64[m]")
    rows = Rows(participant, moment, frame)
    mine = np.isin(participant, who)
    return rows if mine.all() else rows.keep(mine)


def _sheet_rows(sheet: Sheet, wanted: set[str], who: Index) -> Rows:
    happened = sheet.happened[who]
    row, column = np.nonzero(~np.isnat(happened))
    items = [item for item in sheet.values if item in wanted] or list(sheet.values)[:1]
    columns = {item: decode(sheet, item, sheet.values[item][who[row], column]) for item in items}
    return Rows(who[row], happened[row, column], pl.DataFrame(columns))


def _lasting(rows: Rows, who: Index, now: Times) -> pl.Series:
    """Days from onset to end, or to now while it goes on."""
    today = day(now)[_position(who, rows.participant)].astype(np.float64)
    ended = rows.values("ended")
    return pl.Series(np.where(np.isnan(ended), today, ended) - rows.values("onset"), nan_to_null=True)


def _position(who: Index, participant: Index) -> Index:
    order = np.argsort(who, kind="stable")
    return np.asarray(order[np.searchsorted(who, participant, sorter=order)])


def _during(cohort: Cohort, period: str, rows: Rows, point: str | None) -> Mask:
    """Which rows fall into the period; days 1 to n of a course, n being the cycle length."""
    mine, date = rows.participant, day(rows.moment)
    if period == "study":
        return np.ones(len(mine), dtype=bool)
    if period == "since first dose":
        return np.asarray(date >= day(cohort.first_injection)[mine])
    starts = {cycle: day(cohort.begun(cycle)) for cycle in cohort.protocol.cycles}
    length = int(cohort.protocol.study.treatment.cycle_length.days)
    if period == "latest course":
        latest = np.fmax.reduce(list(starts.values()))
        return np.asarray((date >= latest[mine]) & (date < latest[mine] + length))
    inside = {c: (date >= s[mine]) & (date < s[mine] + length) for c, s in starts.items()}
    if period == "courses":
        return np.asarray(np.logical_or.reduce(list(inside.values())))
    if period == "this course":
        return np.asarray(inside[(point or "").split(".")[0]])
    following = cohort.protocol.cycles[cohort.protocol.cycles.index(period) + 1 :]
    later = np.fmin.reduce([starts[c] for c in following]) if following else np.full(cohort.n, np.datetime64("NaT", "D"))
    # A course lasts until the next one begins: what happens while it is awaited belongs to it.
    return np.asarray((date >= starts[period][mine]) & ~(date >= later[mine]))


def _with_variables(cohort: Cohort, rule: Rule, rows: Rows, who: Index, now: Times, point: str | None, knowledge: Knowledge) -> pl.DataFrame:
    """The rows, with each participant's variables that the condition reads beside them."""
    others = [name for name in rule.reads if name not in rows.columns.columns]
    if not others:
        return rows.columns
    known = read(cohort, others, who, now, point, knowledge)
    return rows.columns.hstack(known[_position(who, rows.participant).tolist()])


def _summary(variable: Variable, rows: Rows, who: Index, now: Times) -> Numbers:
    """The aggregate for each of ``who``; NaN where there is no row."""
    result = np.full(len(who), np.nan)
    if not len(rows.participant):
        return result
    place = _position(who, rows.participant)
    kind = variable.aggregate
    if kind == "count":
        count = np.bincount(place, minlength=len(who)).astype(np.float64)
        return np.where(count == 0, np.nan, count)
    values = rows.values(variable.reads[1])
    if kind in ("first", "last"):
        order = np.argsort(rows.moment, kind="stable")[:: -1 if kind == "first" else 1]
        order = order[~np.isnan(values[order])]
        result[place[order]] = values[order]
        return result
    if kind == "sum":
        present = ~np.isnan(values)
        np.add.at(result := np.zeros(len(who)), place[present], values[present])
        return np.where(np.isin(np.arange(len(who)), place[present]), result, np.nan)
    highest, lowest = result.copy(), result.copy()
    np.fmax.at(highest, place, values)
    np.fmin.at(lowest, place, values)
    if kind == "since":
        return np.asarray(day(now).astype(np.float64) - highest)
    return {"max": highest, "min": lowest, "span": highest - lowest}[str(kind)]


def _proven(cohort: Cohort, variable: Variable, who: Index, point: str | None, unsure: Index) -> Mask:
    """Where it is proven that every row is there and no row's condition is unknown.

    Without a proof named in the study, rows that are there count but their absence proves nothing.
    """
    proven = np.full(len(who), variable.none is None)
    if variable.complete is not None:
        where, _, at = variable.complete.partition("@")
        form, _, item = where.strip().partition(".")
        found, _when = _at(cohort.sheets[form], item, at.strip(), who, point)
        proven = found == 1
    return np.asarray(proven & ~np.isin(who, unsure))
