"""What is known of a batch of participants, in columns.

A real participant is a batch of one, a virtual trial a batch of many; everything else in this room
reads only what is here. Times are local wall-clock minutes (``datetime64[m]``, NaT = not yet),
because windows and study days are counted in the site's calendar.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trialrun.protocol.chain import Days, Mask
from trialrun.protocol.form import Form, Item
from trialrun.protocol.plan import ANY_TIME
from trialrun.protocol.protocol import Protocol

if TYPE_CHECKING:
    import polars as pl

Times = NDArray[np.datetime64]  # datetime64[m]
Numbers = NDArray[np.float64]
Index = NDArray[np.int64]

NEVER = np.datetime64("NaT", "m")


def never(*shape: int) -> Times:
    return np.full(shape, NEVER, dtype="datetime64[m]")


def encode(item: Item, values: Any) -> Numbers:
    """Values as numbers: yes/no as 1/0, a choice as the position of its code, a date as days since 1970."""
    listed = list(np.atleast_1d(np.asarray(values, dtype=object)))
    return np.array([_number(item, value) for value in listed], dtype=np.float64)


def _number(item: Item, value: Any) -> float:
    if value is None or item.type == "text":
        return np.nan
    if item.type == "choice":
        return float(list(item.codes).index(value))
    if item.type == "date":
        return float(np.datetime64(value, "D").astype(np.int64))
    number = float(value)
    return number if np.isfinite(number) else np.nan


class Sheet:
    """One form that is filled at planned timepoints: arrays (participants, timepoints)."""

    def __init__(self, form: Form, points: tuple[str, ...], n: int) -> None:
        self.form = form
        self.points = points
        self.column = {point: i for i, point in enumerate(points)}
        self.happened = never(n, len(points))
        self.recorded = never(n, len(points))
        self.values = {name: np.full((n, len(points)), np.nan) for name in form.items}

    def at(self, point: str) -> Times:
        return self.happened[:, self.column[point]]

    def value(self, item: str, point: str) -> Numbers:
        return self.values[item][:, self.column[point]]


class Log:
    """One form with a row per occurrence, for all participants together."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.rows: list[dict[str, Any]] = []
        self._place: dict[tuple[int, str], int] = {}
        self._frame: pl.DataFrame | None = None

    def write(self, participant: int, row: str, happened: np.datetime64, recorded: np.datetime64, values: Mapping[str, Any]) -> None:
        """Add a row, or change the one that has this id already."""
        values = {name: _cell(self.form.items[name], value) for name, value in values.items()}
        found = self._place.get((participant, row))
        if found is None:
            self._place[(participant, row)] = len(self.rows)
            content = {"participant": participant, "row": row, "happened": happened, **dict.fromkeys(self.form.items), **values}
            self.rows.append(content)
        else:
            self.rows[found] = {**self.rows[found], **values}
        self.rows[self._place[(participant, row)]]["recorded"] = recorded
        self._frame = None

    def move(self, participant: int, row: str, happened: np.datetime64) -> None:
        """Correct when a row happened."""
        self.rows[self._place[(participant, row)]]["happened"] = happened
        self._frame = None

    def running(self) -> bool:
        """Whether any event has not ended."""
        return "ended" in self.form.items and any(row["ended"] is None for row in self.rows)

    def frame(self) -> pl.DataFrame:
        """participant, happened (minutes since 1970) and one column per item (numbers, true/false, codes, dates)."""
        if self._frame is None:
            import polars as pl

            kinds = {"number": pl.Float64, "integer": pl.Float64, "boolean": pl.Boolean, "date": pl.Date}
            schema = {"participant": pl.Int64, "row": pl.String, "happened": pl.Datetime("ms")}
            schema |= {name: kinds.get(item.type, pl.String) for name, item in self.form.items.items()}
            rows = [{**row, "happened": row["happened"].item()} for row in self.rows]
            self._frame = pl.DataFrame(rows, schema=schema, orient="row")
        return self._frame


def _cell(item: Item, value: Any) -> Any:
    """A value as a log keeps it: dates as dates, numbers as floats, codes and yes/no as they are."""
    if value is None:
        return None
    if item.type == "date" and isinstance(value, str):
        return datetime.date.fromisoformat(value)
    return float(value) if item.type in ("number", "integer") else value


class Cohort:
    """All that is known of N participants of one protocol."""

    def __init__(self, protocol: Protocol, n: int) -> None:
        self.protocol = protocol
        self.n = n
        self.sheets = {
            name: Sheet(form, (*protocol.where_asked[name], *_unplanned(protocol, name)), n)
            for name, form in protocol.forms.items()
            if not form.repeats
        }
        self.logs = {name: Log(protocol.forms[name]) for name in protocol.logs}
        self.included = never(n)
        self.outcome = {name: np.full(n, -1, dtype=np.int8) for name in protocol.decisions}
        self.decided = {name: never(n) for name in protocol.decisions}
        self.collected = {
            (task.specimen, point.id): never(n)
            for point in protocol.timepoints.values()
            for task in point.tasks
            if task.specimen
        }
        self.stopped = never(n)
        self.stop_rule = np.full(n, "", dtype=object)

    # ---- facts -------------------------------------------------------------------------------

    def enter(self, form: str, point: str, who: Index, happened: Times, recorded: Times, values: Mapping[str, Any]) -> None:
        """Write items of a planned form; items not named keep what they have."""
        sheet = self.sheets[form]
        column = sheet.column[point]
        sheet.happened[who, column] = happened
        sheet.recorded[who, column] = recorded
        for name, given in values.items():
            sheet.values[name][who, column] = encode(sheet.form.items[name], given)

    def write(self, form: str, participant: int, row: str, happened: np.datetime64, recorded: np.datetime64, values: Mapping[str, Any]) -> None:
        self.logs[form].write(participant, row, happened, recorded, values)

    def include(self, who: Index, when: Times) -> None:
        self.included[who] = when

    def collect(self, specimen: str, point: str, who: Index, when: Times) -> None:
        self.collected[specimen, point][who] = when

    def decide(self, decision: str, who: Index, outcome: NDArray[np.int8], when: Times) -> None:
        """Record an outcome (its position); one whose effect is to stop ends the injections at once."""
        self.outcome[decision][who] = outcome
        self.decided[decision][who] = when
        outcomes = list(self.protocol.decisions[decision].outcomes.values())
        stops = np.array([outcomes[int(i)].effect == "stop" for i in np.atleast_1d(outcome)], dtype=bool)
        if stops.any():
            self.stop(who[stops], f"decisions.{decision}", np.broadcast_to(when, (len(who),))[stops])

    def stop(self, who: Index, rule: str, when: Times) -> None:
        """End the injections; a stop is never lifted by later data."""
        fresh = who[np.isnat(self.stopped[who])]
        self.stopped[fresh] = when[np.isnat(self.stopped[who])] if when.ndim else when
        self.stop_rule[fresh] = rule

    # ---- what follows from the facts ---------------------------------------------------------

    @property
    def consented(self) -> Times:
        form, _, item = self.protocol.study.recorded_on.consent.partition(".")
        sheet = self.sheets[form]
        return np.where(sheet.values[item][:, 0] == 1, sheet.happened[:, 0], NEVER)

    def given(self, point: str) -> Mask:
        """Who had the injection planned at this timepoint."""
        return np.asarray(self.injections.value("given", point) == 1)

    @property
    def injections(self) -> Sheet:
        return self.sheets[self.protocol.study.recorded_on.injection]

    def injected(self, point: str) -> Times:
        """When the injection planned at this timepoint was given (NaT = not given)."""
        return np.where(self.given(point), self.injections.at(point), NEVER)

    @property
    def last_injection(self) -> Times:
        given = np.where(self.injections.values["given"] == 1, self.injections.happened, NEVER)
        return _latest(given)

    @property
    def first_injection(self) -> Times:
        return self.begun(self.protocol.cycles[0])

    def begun(self, cycle: str) -> Times:
        """When day 1 of a course was given (NaT = not begun)."""
        return self.injected(f"{cycle}.D1")

    @property
    def ended(self) -> Times:
        form, _, item = self.protocol.study.recorded_on.end.partition(".")
        sheet = self.sheets[form]
        return _latest(np.where(np.isnan(sheet.values[item]), NEVER, sheet.happened))

    @property
    def end_status(self) -> NDArray[np.object_]:
        """The code on the end form ('' where participation goes on)."""
        form, _, item = self.protocol.study.recorded_on.end.partition(".")
        codes = [*self.protocol.item(form, item).codes, ""]
        values = self.sheets[form].values[item]
        chosen = np.where(np.isnan(values), -1, values).max(axis=1).astype(int)
        return np.array([codes[i] for i in chosen], dtype=object)


def _unplanned(protocol: Protocol, form: str) -> tuple[str, ...]:
    """A form that may also be filled at any time has one more column for that."""
    rows = (a for a in protocol.study.activities.values() if form in a.forms)
    return (ANY_TIME,) if any(ANY_TIME in a.at for a in rows) else ()


def _latest(times: Times) -> Times:
    """The latest of each row, NaT where there is none (numpy's max would spread NaT)."""
    if times.shape[1] == 0:
        return never(times.shape[0])
    return np.fmax.reduce(times, axis=1)


def day(times: Times) -> Days:
    return times.astype("datetime64[D]")
