"""Reads variables as they are known at a moment: one column each, one row per participant.

What happened after the moment does not count; an occurrence with a date of its own (``occurs``) counts from
that date on, whenever it was written down. Two ways of reading: ``complete`` for what permits (a value
counts only where it is proven whole, and is null otherwise) and ``so far`` for what protects (what has been
reported counts at once).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trialrun.conduct.cohort import Cohort, Index, Numbers, Occurrences, Sheet, Times, day, never
from trialrun.conduct.verdict import NO, UNKNOWN, YES
from trialrun.protocol.chain import Mask
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule import Rule
from trialrun.protocol.rule_columns import expression
from trialrun.protocol.variable import Variable, body_surface

Knowledge = Literal["complete", "so far"]
Answers = NDArray[np.int8]  # YES, NO or UNKNOWN each
MINUTES_A_DAY = 24 * 60
NOBODY: Index = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class View:
    """Whose variables are read (M participants), each at which moment, at which timepoint, and how."""

    cohort: Cohort
    who: Index
    now: Times
    point: str | None
    knowledge: Knowledge

    @property
    def protocol(self) -> Protocol:
        return self.cohort.protocol


def read(
    cohort: Cohort, names: Iterable[str], who: Index, now: Times, point: str | None, knowledge: Knowledge
) -> pl.DataFrame:
    """A frame with a row per participant of ``who`` and a column per variable name.

    now: each participant's moment (len(who),); point: the timepoint that ``this visit`` means.
    """
    return _known(View(cohort, who, now, point, knowledge), names)[0]


def answers(rule: Rule, frame: pl.DataFrame) -> Answers:
    """What a rule says in each row: YES, NO or UNKNOWN."""
    said = frame.select(_said(rule))["said"].to_numpy()
    return np.asarray(said if len(said) == len(frame) else np.broadcast_to(said, (len(frame),)))


@lru_cache(maxsize=4096)
def _said(rule: Rule) -> pl.Expr:
    return expression(rule).cast(pl.Int8).fill_null(pl.lit(UNKNOWN, pl.Int8)).alias("said")


def judged(view: View, rule: Rule) -> tuple[pl.DataFrame, Answers]:
    """What a rule says of each participant, and the values it read.

    Where only what is known so far counts, an occurrence that cannot be judged yet never makes the answer
    YES; but where it could, the answer is UNKNOWN, not NO, and the value it would change is null.
    """
    frame, unsure = _known(view, rule.reads)
    said = answers(rule, frame)
    if view.knowledge == "so far" and unsure and (said == NO).any():
        open_ = (said == NO) & (answers(rule, _without(frame, unsure)) == UNKNOWN)
        if open_.any():
            frame = _without(frame, {name: mask & open_ for name, mask in unsure.items()})
            said = np.where(open_, UNKNOWN, said).astype(np.int8)
    return frame, said


def _without(frame: pl.DataFrame, unsure: dict[str, Mask]) -> pl.DataFrame:
    hidden = [
        pl.when(pl.Series(mask)).then(None).otherwise(pl.col(name)).alias(name)
        for name, mask in unsure.items()
    ]
    return frame.with_columns(hidden)


def _known(view: View, names: Iterable[str]) -> tuple[pl.DataFrame, dict[str, Mask]]:
    """The values, and for aggregates: whose has an occurrence that cannot be judged."""
    columns: dict[str, pl.Series] = {}
    unsure: dict[str, Mask] = {}
    for name in sorted(names):
        variable = view.protocol.variables[name]
        if variable.surface:
            columns[name] = pl.Series(name, _surface(view, variable), nan_to_null=True)
            continue
        if variable.aggregate is None:
            columns[name] = _item(view, variable)
            continue
        columns[name], doubtful = _aggregate(view, name, variable)
        if len(doubtful):
            unsure[name] = np.isin(view.who, doubtful)
    return pl.DataFrame(columns) if columns else pl.DataFrame({"": np.zeros(len(view.who))}), unsure


# ---- items -------------------------------------------------------------------------------------


def _item(view: View, variable: Variable) -> pl.Series:
    """The first of the moments named at which the item is known."""
    form, item = variable.reads
    if form not in view.cohort.sheets:
        return _picked(_occurrences(view, form, {item}), item, view.who, last=True)
    sheet = view.cohort.sheets[form]
    values = np.full(len(view.who), np.nan)
    for moment in variable.at:
        found, when = _at(view, form, item, moment)
        if variable.within is not None:
            age = (view.now - when) / np.timedelta64(1, "m")
            found = np.where(age <= variable.within.days * MINUTES_A_DAY, found, np.nan)
        values = np.where(np.isnan(values), found, values)
    return decode(sheet, item, values)


def _surface(view: View, variable: Variable) -> Numbers:
    """The body surface in m²; NaN where the height or the weight is not known."""
    height, weight = (_number(view, variable, form, item) for form, item in variable.read_all)
    return np.asarray(body_surface(variable.formula, height, weight))


def _number(view: View, variable: Variable, form: str, item: str) -> Numbers:
    """An item at the first of a variable's moments at which it is known, as a number."""
    one = variable.model_copy(update={"surface": None, "formula": None, "item": f"{form}.{item}"})
    return np.asarray(_item(view, one).cast(pl.Float64).fill_null(np.nan).to_numpy())


def _at(view: View, form: str, item: str, moment: str) -> tuple[Numbers, Times]:
    """The value of an item at a moment, and when it was measured; NaN where it had not been yet."""
    sheet = view.cohort.sheets[form]
    if moment == "latest":
        return _latest_value(view, sheet, item)
    column = sheet.column.get(place(moment, view.point))
    if column is None:
        return np.full(len(view.who), np.nan), never(len(view.who))
    values, when = sheet.values[item][view.who, column], sheet.happened[view.who, column]
    counts = when <= view.now
    if moment == "this visit":
        counts &= _fresh(view, form, when)
    return np.where(counts, values, np.nan), when


def place(moment: str, point: str | None) -> str:
    """The timepoint that a moment of a variable means at ``point``."""
    if moment == "this visit":
        return point or ""
    return f"{(point or '').split('.')[0]}.D1" if moment == "course day 1" else moment


def _fresh(view: View, form: str, when: Times) -> Mask:
    """Whether what was measured for an injection is of its day, or as little ahead of it as the study allows:
    when a course slips, what was measured on the day it was planned for counts no more."""
    ahead = _ahead(view.protocol, str(view.point), form)
    if ahead is None:
        return np.ones(len(when), dtype=bool)
    return np.asarray((day(when) == day(view.now)) | (view.now - when <= ahead))


@lru_cache(maxsize=4096)
def _ahead(protocol: Protocol, point: str, form: str) -> np.timedelta64 | None:
    """How long before the injection of a timepoint its form may be filled (None = no injection)."""
    planned = protocol.timepoints.get(point)
    if planned is None or planned.dose is None:
        return None
    rows = [protocol.activity(task.activity) for task in planned.tasks if task.form == form]
    days = max((row.ahead.days for row in rows if row.ahead), default=0.0)
    return np.timedelta64(round(days * MINUTES_A_DAY), "m")


def _latest_value(view: View, sheet: Sheet, item: str) -> tuple[Numbers, Times]:
    if not sheet.points:  # asked for nowhere
        return np.full(len(view.who), np.nan), never(len(view.who))
    values, happened = sheet.values[item][view.who], sheet.happened[view.who]
    known = ~np.isnan(values) & (happened <= view.now[:, None])
    order = np.where(known, happened.astype(np.int64), np.iinfo(np.int64).min)
    rows, last = np.arange(len(view.who)), order.argmax(axis=1)
    return np.where(known[rows, last], values[rows, last], np.nan), happened[rows, last]


def decode(sheet: Sheet, item: str, values: Numbers) -> pl.Series:
    """Numbers back to the column type that rules expect; NaN becomes null."""
    asked = sheet.form.items[item]
    if asked.type == "choice":
        codes = np.array([*asked.codes, None], dtype=object)
        chosen = np.where(np.isnan(values), -1, values).astype(int)
        return pl.Series(item, codes[chosen].tolist(), dtype=pl.String)
    column = pl.Series(item, values, nan_to_null=True)
    if asked.type == "boolean":
        return column.cast(pl.Boolean)
    if asked.type == "date":
        return column.cast(pl.Int32).cast(pl.Date)
    return column.cast(pl.String) if asked.type == "text" else column


# ---- aggregates --------------------------------------------------------------------------------


def _aggregate(view: View, name: str, variable: Variable) -> tuple[pl.Series, Index]:
    """The value for each of ``who``, and the participants with an occurrence that cannot be judged."""
    rows, unsure = _matching(view, name)
    if variable.aggregate != "count" and len(rows) and rows.columns[variable.reads[1]].null_count():
        unknown = rows.columns[variable.reads[1]].is_null().to_numpy()
        unsure = np.concatenate([unsure, rows.participant[unknown]])
        rows = rows.keep(~unknown)
    proven = _proven(view, variable, unsure) if view.knowledge == "complete" else None
    if variable.aggregate in ("first", "last"):
        return _chosen(view, variable, rows, proven).alias(name), unsure
    value = _summary(variable, rows, view.who, view.now)
    if variable.none is not None:
        value = np.where(np.isnan(value), float(variable.none), value)
    if proven is not None:
        value = np.where(proven, value, np.nan)
    return pl.Series(name, value, nan_to_null=True).cast(_dtype(view, name)), unsure


def _chosen(view: View, variable: Variable, rows: Occurrences, proven: Mask | None) -> pl.Series:
    """The item of the first or last occurrence."""
    value = _picked(rows, variable.reads[1], view.who, last=variable.aggregate == "last")
    if variable.none is not None:
        value = value.fill_null(pl.Series([variable.none], dtype=value.dtype)[0])
    return value if proven is None else value.set(pl.Series(~proven), None)


def _dtype(view: View, name: str) -> Any:
    return pl.Date if view.protocol.types[name].kind == "date" else pl.Float64


def matching(
    cohort: Cohort,
    name: str,
    who: Index,
    now: Times,
    point: str | None,
    knowledge: Knowledge,
    also: str | None = None,
) -> tuple[Occurrences, Index]:
    """The occurrences an aggregate variable counts, and the participants with one that cannot be judged.

    also: an item of the form that is wanted beside those the variable reads.
    """
    return _matching(View(cohort, who, now, point, knowledge), name, also)


def _matching(view: View, name: str, also: str | None = None) -> tuple[Occurrences, Index]:
    variable = view.protocol.variables[name]
    rule = view.protocol.rules[f"variables.{name}"] if variable.where else None
    form, item = variable.reads
    rows = _occurrences(view, form, {item, also or item, *(rule.reads if rule else ())})
    if len(rows):
        rows = rows.keep(_during(view, variable.during or "study", rows))
    if rule is None or not len(rows):
        return rows, NOBODY
    said = answers(rule, _beside(view, rule, rows))
    return rows.keep(said == YES), rows.participant[said == UNKNOWN]


def _occurrences(view: View, form: str, wanted: set[str]) -> Occurrences:
    """Every occurrence of a form among ``who`` up to now; ``happened`` and ``lasting`` only if wanted."""
    if form in view.cohort.logs:
        rows = view.cohort.logs[form].table(view.who)
    else:
        rows = _filled(view.cohort.sheets[form], view.who, wanted)
    if not len(rows):
        return rows
    rows = rows.keep(_taken_place(view, form, rows))
    columns = rows.columns
    if "happened" in wanted:
        columns = columns.with_columns(happened=pl.Series(day(rows.moment)))
    if "lasting" in wanted:
        columns = columns.with_columns(lasting=_lasting(view, rows))
    return Occurrences(rows.participant, rows.moment, rows.date, columns)


def _taken_place(view: View, form: str, rows: Occurrences) -> Mask:
    """Which occurrences had taken place: by their own date where it is known, else by that of the form."""
    now = view.now[_position(view.who, rows.participant)]
    own = view.protocol.forms[form].occurs
    filled = np.asarray(rows.moment <= now)
    if own is None:
        return filled
    return np.where(rows.columns[own].is_null().to_numpy(), filled, rows.date <= day(now))


def _filled(sheet: Sheet, who: Index, wanted: set[str]) -> Occurrences:
    """A form that is filled at timepoints as occurrences, one for each time it was."""
    happened = sheet.happened[who]
    row, column = np.nonzero(~np.isnat(happened))
    items = [item for item in sheet.values if item in wanted] or list(sheet.values)[:1]
    columns = {item: decode(sheet, item, sheet.values[item][who[row], column]) for item in items}
    moment = happened[row, column]
    return Occurrences(who[row], moment, day(moment), pl.DataFrame(columns))


def _lasting(view: View, rows: Occurrences) -> pl.Series:
    """Days from onset to end, or to now while it goes on; not known where the end comes before the onset."""
    today = day(view.now)[_position(view.who, rows.participant)].astype(np.float64)
    ended = _numbers(rows, "ended")
    days = np.where(np.isnan(ended), today, ended) - _numbers(rows, "onset")
    return pl.Series(np.where(days < 0, np.nan, days), nan_to_null=True)


def _numbers(rows: Occurrences, item: str) -> Numbers:
    """An item of every occurrence as a number, a date as days since 1970; NaN where it is not known."""
    return np.asarray(rows.columns[item].to_physical().cast(pl.Float64).to_numpy())


def _position(who: Index, participant: Index) -> Index:
    """Where each participant stands in ``who``, in whatever order that is."""
    order = np.argsort(who, kind="stable")
    return np.asarray(order[np.searchsorted(who, participant, sorter=order)])


def _during(view: View, period: str, rows: Occurrences) -> Mask:
    """Which occurrences fall into the period; days 1 to n of a course, n being the cycle length.

    An occurrence belongs to its day, whatever the hour. Raises ValueError for ``this course`` outside one.
    """
    cohort, mine, date = view.cohort, rows.participant, rows.date
    if period == "study":
        return np.ones(len(mine), dtype=bool)
    if period == "since first dose":
        return np.asarray(date >= day(cohort.first_injection)[mine])
    starts = {cycle: day(cohort.begun(cycle))[mine] for cycle in view.protocol.cycles}
    lengths = {cycle: np.timedelta64(int(view.protocol.length(cycle)), "D") for cycle in starts}
    inside = {cycle: (date >= start) & (date < start + lengths[cycle]) for cycle, start in starts.items()}
    if period == "courses":
        return np.asarray(np.logical_or.reduce(list(inside.values())))
    if period == "latest course":
        latest = np.fmax.reduce(list(starts.values()))
        of_it = [(starts[cycle] == latest) & inside[cycle] for cycle in starts]
        return np.asarray(np.logical_or.reduce(of_it))
    if period == "this course":
        return np.asarray(inside[_cycle(view)])
    following = view.protocol.cycles[view.protocol.cycles.index(period) + 1 :]
    later = np.fmin.reduce([starts[c] for c in following]) if following else np.full(len(mine), never(1)[0])
    # A course lasts until the next one begins: what happens while it is awaited belongs to it.
    return np.asarray((date >= starts[period]) & ~(date >= later))


def _cycle(view: View) -> str:
    cycle = (view.point or "").split(".")[0]
    if cycle not in view.protocol.cycles:
        raise ValueError(
            f"`during: this course` is read at {view.point or 'no timepoint'}, which is in no course"
        )
    return cycle


def _beside(view: View, rule: Rule, rows: Occurrences) -> pl.DataFrame:
    """The occurrences, with the variables of their participants that the condition reads beside them."""
    others = [name for name in rule.reads if name not in rows.columns.columns]
    if not others:
        return rows.columns
    known, _ = _known(view, others)
    return rows.columns.hstack(known[_position(view.who, rows.participant).tolist()])


def _picked(rows: Occurrences, item: str, who: Index, *, last: bool) -> pl.Series:
    """The item of each participant's first or last occurrence that has it; of equal moments, the one written
    first or last."""
    if not len(rows):
        return pl.Series(item, [None] * len(who), dtype=rows.columns.schema.get(item, pl.Date))
    known = np.nonzero(rows.columns[item].is_not_null().to_numpy())[0]
    order = known[np.lexsort((rows.moment[known], rows.date[known]))][:: 1 if last else -1]
    chosen = np.full(len(who), np.nan)
    chosen[_position(who, rows.participant[order])] = order
    return rows.columns[item].gather(pl.Series(chosen, nan_to_null=True).cast(pl.UInt32))


def _summary(variable: Variable, rows: Occurrences, who: Index, now: Times) -> Numbers:
    """The aggregate for each of ``who``; NaN where there is no occurrence."""
    place = _position(who, rows.participant) if len(rows) else NOBODY
    count = np.bincount(place, minlength=len(who)).astype(np.float64)
    none = np.where(count == 0, np.nan, 0.0)
    if variable.aggregate == "count" or not len(rows):
        return none + count
    values = _numbers(rows, variable.reads[1])
    if variable.aggregate == "sum":
        return none + np.bincount(place, weights=values, minlength=len(who))
    highest: Numbers = np.full(len(who), np.nan)
    lowest: Numbers = np.full(len(who), np.nan)
    np.fmax.at(highest, place, values)
    np.fmin.at(lowest, place, values)
    if variable.aggregate == "since":
        return np.asarray(day(now).astype(np.float64) - highest)
    if variable.aggregate == "span":
        return highest - lowest
    return highest if variable.aggregate == "max" else lowest


def _proven(view: View, variable: Variable, unsure: Index) -> Mask:
    """Where it is proven that every occurrence is there and none of them cannot be judged.

    Without a proof named in the study, occurrences that are there count but their absence proves nothing.
    """
    proven = np.full(len(view.who), variable.none is None)
    if variable.complete is not None:
        form, item, at = proof(variable.complete)
        proven = _at(view, form, item, at)[0] == 1
    return np.asarray(proven & ~np.isin(view.who, unsure))


def proof(complete: str) -> tuple[str, str, str]:
    """(form, item, moment) of a proof ``form.item@moment``."""
    where, _, at = complete.partition("@")
    form, _, item = where.strip().partition(".")
    return form, item, at.strip()
