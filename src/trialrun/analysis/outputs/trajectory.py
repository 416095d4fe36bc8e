"""Trajectories: a measurement of each participant over visits, as an array with the rows behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.columns import Columns, Path
from trialrun.analysis.outputs.numbers import units_of
from trialrun.analysis.outputs.statement import words
from trialrun.analysis.paired_change import mean_baseline
from trialrun.protocol.grouping import Each
from trialrun.protocol.problem import suggestion
from trialrun.protocol.text import Text
from trialrun.protocol.trajectory import Trajectory

Floats = NDArray[np.float64]
BASELINE = "baseline"
_TITLE = words("Baseline", "Valeur initiale")


@dataclass(frozen=True, eq=False)
class Course:
    """The values (participants, visits), NaN where not measured, of all participants in their order.

    ``days`` are study days, ``positive`` 1 and 0, in the same shape; ``rows`` has a line for each value:
    ``_who``, ``_visit``, ``_row`` and the columns of the table. A visit of which a participant has several
    values has the last. ``units``: those of the values, where the table has them.
    """

    name: str
    how: Trajectory
    table: str
    reads: frozenset[str]
    visits: tuple[str, ...]
    titles: dict[str, Text]
    values: Floats
    days: Floats
    positive: Floats
    rows: pl.DataFrame
    units: tuple[str, ...] = ()
    timed: bool = True  # whether its table has days

    @property
    def unsure(self) -> NotEstimable | None:
        """Why its values cannot be taken together."""
        if len(self.units) < 2:
            return None
        return NotEstimable(f"values in different units: {', '.join(self.units)}")

    def place(self, visit: str) -> int | None:
        return self.visits.index(visit) if visit in self.visits else None

    @cached_property
    def baseline(self) -> Floats:
        """(participants,) the mean of the baseline visits, or the first measured, on the scale; else NaN."""
        places = [self.visits.index(one) for one in self.how.baseline if one in self.visits]
        values = self.values[:, places]
        if self.how.baseline_is == "first" and places:
            first = np.argmin(np.isnan(values), axis=1)
            values = np.take_along_axis(values, first[:, None], axis=1)
        return np.asarray(mean_baseline(values, self.how.scale))

    @cached_property
    def later(self) -> tuple[str, ...]:
        """The visits that are not of the baseline."""
        return tuple(one for one in self.visits if one not in self.how.baseline)

    def sources(self, who: Iterable[int], visits: Iterable[str]) -> tuple[int, ...]:
        """The rows behind some participants' values at some visits; ``baseline`` stands for its visits."""
        named = [one for visit in visits for one in (self.how.baseline if visit == BASELINE else (visit,))]
        held = self._numbers
        return tuple(sorted({held[key] for key in product(who, named) if key in held}))

    @cached_property
    def _numbers(self) -> dict[tuple[int, str], int]:
        """(participant, visit) -> the number of the row."""
        return {
            (who, visit): row for who, visit, row in self.rows.select("_who", "_visit", "_row").iter_rows()
        }

    def title(self, visit: str) -> Text:
        return _TITLE if visit == BASELINE else self.titles.get(visit, words(visit))


def course(columns: Columns, name: str) -> Course:
    """A trajectory of the file, made once."""
    return columns.shared(f"trajectory {name}", lambda: _made(columns, name))


def chosen(columns: Columns, one: Course, at: Sequence[str], path: Path) -> tuple[str, ...]:
    """The visits asked for; by default the baseline, where it is a mean, and all others.

    ProtocolError for one that neither the study nor the data know."""
    if not at:
        return (BASELINE, *one.later) if one.how.baseline else one.visits
    known = [BASELINE, *one.visits, *columns.titles(one.table, one.how.visit)]
    for i, visit in enumerate(at):
        if visit not in known:
            columns.refuse((*path, "at", i), f"there is no visit `{visit}`", suggestion(visit, known))
    return tuple(at)


def _made(columns: Columns, name: str) -> Course:
    how, path = columns.outputs.file.trajectories[name], ("trajectories", name)
    table, column = columns.split(how.value, (*path, "value"))
    columns.split(f"{table}.{how.visit}", (*path, "visit"))
    day, reads = _day(columns, how, table, path), columns.reads(table, how.where, (*path, "where"))
    rows = columns.chosen(table, how.where, (*path, "where"))
    rows = columns.with_columns(table, rows, [column, how.visit, *([day] if day else [])])
    if not rows.schema[column].is_numeric() and rows.schema[column] != pl.Null:
        columns.refuse((*path, "value"), f"`{how.value}` is no number", "A trajectory is of numbers.")
    value = pl.col(column).cast(pl.Float64)
    rows = rows.with_columns(_value=value, _visit=pl.col(how.visit).cast(pl.String)).drop_nulls("_visit")
    visits, titles = _visits(columns, how, table, rows)
    kept = rows.filter(pl.col("_value").is_finite())
    kept = kept.sort(*_order(kept, columns, table), "_row", nulls_last=True, maintain_order=True)
    kept = kept.unique(["_who", "_visit"], keep="last", maintain_order=True).sort("_row")
    for i, one in enumerate(how.baseline):
        if one not in visits:
            columns.refuse(
                (*path, "baseline", i),
                f"there is no visit `{one}`",
                suggestion(one, visits) or "Name a visit that the table has, or list it in `visits`.",
            )
    kept = kept.filter(pl.col("_visit").is_in(list(visits)))
    positive = _positive(columns, how, table, kept, path)
    if how.positive is not None:
        reads |= columns.reads(table, how.positive, (*path, "positive"))
    days = kept[day].cast(pl.Float64) if day else pl.Series([None] * kept.height, dtype=pl.Float64)
    values, when, yes = (_spread(columns, kept, visits, one) for one in (kept["_value"], days, positive))
    unit = next((one for one in units_of(column) if one in kept.columns), None)
    units = tuple(kept[unit].drop_nulls().unique().sort().to_list()) if unit else ()
    read = reads | {column, how.visit, *([day] if day else [])}
    return Course(
        name, how, table, frozenset(read), visits, titles, values, when, yes, kept, units, day is not None
    )


def _day(columns: Columns, how: Trajectory, table: str, path: Path) -> str | None:
    """The column of study days: as said, else that of the domain (LBDY) or of analysis data (ADY)."""
    if how.day is not None:
        return columns.split(f"{table}.{how.day}", (*path, "day"))[1]
    view = columns.outputs.file.tables.get(table)
    usual = (f"{(view.rows if view else table)[:2]}DY", "ADY")
    return next((one for one in usual if one in columns.known(table)), None)


def _order(rows: pl.DataFrame, columns: Columns, table: str) -> list[str]:
    """What says which of several values is the last: the time, else the day."""
    view = columns.outputs.file.tables.get(table)
    code = (view.rows if view else table)[:2]
    return [one for one in (f"{code}DTC", "ADT", f"{code}DY", "ADY") if one in rows.columns][:1]


def _visits(
    columns: Columns, how: Trajectory, table: str, rows: pl.DataFrame
) -> tuple[tuple[str, ...], dict[str, Text]]:
    """The visits in order: those listed; else those that rows name, and those of the baseline that the
    study knows."""
    known = columns.titles(table, how.visit)
    found = columns.levels(table, how.visit, Each(), rows, "_visit")
    if how.visits:
        return how.visits, {**known, **found}
    present = [*dict.fromkeys(one for one in known if one in found or one in how.baseline), *found]
    return tuple(dict.fromkeys(present)), {**known, **found}


def _positive(columns: Columns, how: Trajectory, table: str, rows: pl.DataFrame, path: Path) -> pl.Series:
    if how.positive is None:
        return pl.Series([None] * rows.height, dtype=pl.Float64)
    said = columns.value(table, rows, columns.rule(table, how.positive, (*path, "positive")))
    return said.cast(pl.Float64)


def _spread(columns: Columns, rows: pl.DataFrame, visits: Sequence[str], values: pl.Series) -> Floats:
    """(participants, visits) of one value for each row."""
    made = np.full((columns.people.height, len(visits)), np.nan)
    place = {visit: i for i, visit in enumerate(visits)}
    for who, visit, value in zip(rows["_who"], rows["_visit"], values, strict=True):
        if value is not None:
            made[who, place[visit]] = value
    return made
