"""What is known of a batch of participants, in columns.

A real participant is a batch of one, a virtual trial a batch of many; everything else in this room
reads only what is here. Times are local wall-clock minutes (``datetime64[m]``, NaT = not yet),
because windows and study days are counted in the site's calendar.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trialrun.protocol.chain import Days, Mask
from trialrun.protocol.form import Form, Item
from trialrun.protocol.plan import ANY_TIME
from trialrun.protocol.protocol import Protocol

Times = NDArray[np.datetime64]  # datetime64[m]
Numbers = NDArray[np.float64]
Index = NDArray[np.int64]

UNALLOCATED = -1
NEVER = np.datetime64("NaT", "m")


def never(*shape: int) -> Times:
    return np.full(shape, NEVER, dtype="datetime64[m]")


def encode(item: Item, values: Any) -> Numbers:
    """Values as numbers: yes/no as 1/0, a choice as the position of its code, a date as days since 1970.

    What is not known, not finite or text becomes NaN. Raises ValueError for a code the item does not have.
    """
    listed = np.atleast_1d(np.asarray(values, dtype=object))
    if item.type == "text":
        return np.full(len(listed), np.nan)
    place = {code: float(i) for i, code in enumerate(item.codes)}
    return np.array([_number(item, value, place) for value in listed], dtype=np.float64)


def _number(item: Item, value: Any, place: Mapping[str, float]) -> float:
    if value is None:
        return np.nan
    if item.type == "choice":
        return place[_code(item, value)]
    if item.type == "date":
        return float(np.datetime64(value, "D").astype(np.int64))
    number = float(value)
    return number if np.isfinite(number) else np.nan


def _code(item: Item, value: Any) -> str:
    if value not in item.codes:
        raise ValueError(f"«{item.ask()}»: {value!r} is not one of its codes {', '.join(item.codes)}")
    return str(value)


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
        self._of: dict[int, list[int]] = {}
        self._running: set[int] = set()
        self._table: Occurrences | None = None

    def write(
        self,
        participant: int,
        row: str,
        happened: np.datetime64,
        recorded: np.datetime64,
        values: Mapping[str, Any],
    ) -> None:
        """Add a row, or change the one that has this id already: when that happened stays."""
        values = {name: _cell(self.form.items[name], value) for name, value in values.items()}
        place = self._place.setdefault((participant, row), len(self.rows))
        if place == len(self.rows):
            who = {"participant": participant, "row": row, "happened": happened}
            self.rows.append({**who, **dict.fromkeys(self.form.items)})
            self._of.setdefault(participant, []).append(place)
        self.rows[place] = found = {**self.rows[place], **values, "recorded": recorded}
        if found.get("ended", recorded) is None:
            self._running.add(place)
        else:
            self._running.discard(place)
        self._table = None

    def move(self, participant: int, row: str, happened: np.datetime64) -> None:
        """Correct when a row happened."""
        self.rows[self._place[(participant, row)]]["happened"] = happened
        self._table = None

    def running(self) -> bool:
        """Whether any event has not ended."""
        return bool(self._running)

    def table(self, who: Index) -> Occurrences:
        """The rows of these participants (positions in the cohort), in the order they were written.

        Kept until the next change; the rows of a few among many are read without making the rest.
        """
        if self._table is None:
            few = sorted(place for one in who.tolist() for place in self._of.get(one, ()))
            if 4 * len(few) < len(self.rows):
                return self._made([self.rows[place] for place in few])
            self._table = self._made(self.rows)
        if len(who) < len(self._of) or not self._of.keys() <= set(who.tolist()):
            return self._table.keep(np.isin(self._table.participant, who))
        return self._table

    def _made(self, rows: list[dict[str, Any]]) -> Occurrences:
        kinds = {"number": pl.Float64, "integer": pl.Float64, "boolean": pl.Boolean, "date": pl.Date}
        items = {
            name: pl.Series(name, [row[name] for row in rows], dtype=kinds.get(item.type, pl.String))
            for name, item in self.form.items.items()
        }
        participant = np.array([row["participant"] for row in rows], dtype=np.int64)
        happened = np.array([row["happened"] for row in rows], dtype="datetime64[m]")
        date = day(happened)
        if self.form.occurs:
            said = items[self.form.occurs].to_numpy().astype("datetime64[D]")
            date = np.where(np.isnat(said), date, said)
        return Occurrences(participant, happened, date, pl.DataFrame(items))


@dataclass(frozen=True)
class Occurrences:
    """Occurrences of a form, K of them: whose (position in the cohort), when, and a column per item.

    moment: when the form says it was filled; date: the day it took place, which is the item that the form
    names in ``occurs`` where that is known, and else the day of the moment.
    """

    participant: Index
    moment: Times
    date: Days
    columns: pl.DataFrame

    def __len__(self) -> int:
        return len(self.participant)

    def keep(self, mask: Mask) -> Occurrences:
        """Those where ``mask`` (K,) is true."""
        if mask.all():
            return self
        columns = self.columns.filter(pl.Series(mask)) if mask.any() else self.columns.clear()
        return Occurrences(self.participant[mask], self.moment[mask], self.date[mask], columns)


def _cell(item: Item, value: Any) -> Any:
    """A value as a log keeps it: a date as a date, a number as a float, yes/no as a bool, a code as it is.

    What is not known or not finite is None. Raises ValueError for a code the item does not have.
    """
    if value is None:
        return None
    if item.type in ("number", "integer"):
        return float(value) if np.isfinite(float(value)) else None
    if item.type == "date":
        return np.datetime64(value, "D").item()
    if item.type == "boolean":
        return bool(value)
    return _code(item, value) if item.type == "choice" else str(value)


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
        self.site = np.full(n, "", dtype=object)
        self.included = never(n)
        self.arm = np.full(n, UNALLOCATED, dtype=np.int8)
        self.block = np.zeros(n, dtype=np.int16)
        self.stratum = np.full(n, "", dtype=object)
        self.kind = np.full(n, None, dtype=object)
        self.order = np.zeros(n, dtype=np.int64)
        self.outcome = {name: np.full(n, -1, dtype=np.int8) for name in protocol.decisions}
        self.decided = {name: never(n) for name in protocol.decisions}
        self.held_since = {name: never(n) for name in protocol.decisions}
        self.collected = {
            (task.specimen, point.id): never(n)
            for point in protocol.timepoints.values()
            for task in point.tasks
            if task.specimen
        }
        self.stopped = never(n)
        self.stop_rule = np.full(n, "", dtype=object)

    # ---- facts -------------------------------------------------------------------------------

    def enter(
        self, form: str, point: str, who: Index, happened: Times, recorded: Times, values: Mapping[str, Any]
    ) -> None:
        """Write items of a planned form; items not named keep what they have."""
        sheet = self.sheets[form]
        column = sheet.column[point]
        sheet.happened[who, column] = happened
        sheet.recorded[who, column] = recorded
        for name, given in values.items():
            sheet.values[name][who, column] = encode(sheet.form.items[name], given)

    def write(
        self,
        form: str,
        participant: int,
        row: str,
        happened: np.datetime64,
        recorded: np.datetime64,
        values: Mapping[str, Any],
    ) -> None:
        """Add a row to a log, or change the one of that id; items not named keep what they have."""
        self.logs[form].write(participant, row, happened, recorded, values)

    def include(
        self,
        who: Index,
        when: Times,
        arm: str | None = None,
        *,
        block: int = 0,
        stratum: str = "",
        kind: str | None = None,
        order: int | None = None,
    ) -> None:
        """Include ``who``, all in one arm, with what stood when that was done and never changes after it.

        block: the size of the block that the arm was drawn from, in its ``stratum``; kind: the code by which
        the study limits how many of each it takes; order: the place among all inclusions of the trial (None:
        after all others of this cohort). The order is that of the acts, not of the clocks of the sites.
        """
        self.included[who] = when
        self.order[who] = order if order is not None else self.order.max(initial=0) + 1
        self.block[who], self.stratum[who], self.kind[who] = block, stratum, kind
        if arm is not None:
            self.arm[who] = self.protocol.arms.index(arm)

    def within(self, arms: Collection[str]) -> Mask:
        """Who may have what belongs to these arms (none: everyone); who has no arm yet may have any."""
        if not arms:
            return np.ones(self.n, dtype=bool)
        theirs = np.array([arm in arms for arm in self.protocol.arms] + [True])  # the last: no arm yet
        return np.asarray(theirs[self.arm])

    def arm_of(self, one: int) -> str | None:
        """The arm of one participant, None where there is none (yet)."""
        return None if self.arm[one] == UNALLOCATED else self.protocol.arms[self.arm[one]]

    def collect(self, specimen: str, point: str, who: Index, when: Times) -> None:
        self.collected[specimen, point][who] = when

    def decide(self, decision: str, who: Index, outcome: NDArray[np.int8], when: Times) -> None:
        """Record an outcome (its position); one whose effect is to stop ends the injections at once.

        A hold that follows a hold goes on: how long it may last counts from the first.
        Raises ValueError for a position that is no outcome (a decision that still waits).
        """
        outcomes = list(self.protocol.decisions[decision].outcomes.values())
        chosen = np.broadcast_to(np.asarray(outcome), (len(who),))
        moment = np.broadcast_to(when, (len(who),)).astype("datetime64[m]")
        if ((chosen < 0) | (chosen >= len(outcomes))).any():
            raise ValueError(
                f"{decision} has no outcome {chosen.min()}: judge it, and decide once it is ready"
            )
        effect = np.array([o.effect for o in outcomes])[chosen]
        since = self.held_since[decision][who]
        since = np.where(np.isnat(since), moment, since)
        self.held_since[decision][who] = np.where(effect == "hold", since, NEVER)
        self.outcome[decision][who] = chosen
        self.decided[decision][who] = moment
        stops = effect == "stop"
        if stops.any():
            self.stop(who[stops], f"decisions.{decision}", moment[stops])

    def stop(self, who: Index, rule: str, when: Times) -> None:
        """End the injections; a stop is never lifted nor replaced by later data."""
        fresh = np.isnat(self.stopped[who])
        self.stopped[who[fresh]] = np.broadcast_to(when, (len(who),))[fresh]
        self.stop_rule[who[fresh]] = rule

    # ---- what follows from the facts ---------------------------------------------------------

    @property
    def consented(self) -> Times:
        """When consent was first signed (NaT = not)."""
        form, _, item = self.protocol.study.recorded_on.consent.partition(".")
        sheet = self.sheets[form]
        return _first(np.where(sheet.values[item] == 1, sheet.happened, NEVER))

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
        return _latest(self._given)

    @property
    def first_injection(self) -> Times:
        """When the first injection was given, whichever it was: who has one is dosed."""
        return _first(self._given)

    @property
    def _given(self) -> Times:
        return np.where(self.injections.values["given"] == 1, self.injections.happened, NEVER)

    def begun(self, cycle: str) -> Times:
        """When day 1 of a course was given (NaT = not begun)."""
        return self.injected(f"{cycle}.D1")

    @property
    def ended(self) -> Times:
        """When participation ended: it ends once, so the first time that was recorded (NaT = it goes on)."""
        return _first(self._ends()[0])

    @property
    def end_status(self) -> NDArray[np.object_]:
        """The code on the form that ended the participation ('' where it goes on)."""
        happened, values = self._ends()
        form, _, item = self.protocol.study.recorded_on.end.partition(".")
        codes = np.array([*self.protocol.item(form, item).codes, ""], dtype=object)
        first = happened == _first(happened)[:, None]
        chosen = np.where(first, values, np.nan)
        known = ~np.isnan(chosen)
        code = np.where(known, chosen, 0).max(axis=1, initial=0).astype(int)
        return np.asarray(codes[np.where(known.any(axis=1), code, -1)])

    def _ends(self) -> tuple[Times, Numbers]:
        """When a form that ends participation was filled, and its status: (participants, timepoints)."""
        form, _, item = self.protocol.study.recorded_on.end.partition(".")
        values = self.sheets[form].values[item]
        return np.where(np.isnan(values), NEVER, self.sheets[form].happened), values


def _unplanned(protocol: Protocol, form: str) -> tuple[str, ...]:
    """A form that may also be filled at any time has one more column for that."""
    rows = (a for a in protocol.study.activities.values() if form in a.forms)
    return (ANY_TIME,) if any(ANY_TIME in a.at for a in rows) else ()


def _latest(times: Times) -> Times:
    """The latest of each row, NaT where there is none (numpy's max would spread NaT)."""
    return np.asarray(np.fmax.reduce(times, axis=1)) if times.shape[1] else never(times.shape[0])


def _first(times: Times) -> Times:
    """The first of each row, NaT where there is none."""
    return np.asarray(np.fmin.reduce(times, axis=1)) if times.shape[1] else never(times.shape[0])


def day(times: Times) -> Days:
    return times.astype("datetime64[D]")
