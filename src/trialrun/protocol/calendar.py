"""One participant's dates."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trialrun.protocol.chain import Days, chain
from trialrun.protocol.protocol import Dose, Protocol, Timepoint


def calendar(
    protocol: Protocol,
    start: datetime.date,
    actual: Mapping[str, datetime.date] | None = None,
    language: str = "en",
    arm: str | None = None,
) -> list[dict[str, Any]]:
    """The planned dates of one arm (None: the first) if the first dose is on ``start``, in order of date.

    ``actual`` gives the dates of courses that began on another day (``{"C2": …}``); what hangs on
    them moves along. Visits that only some participants have (after stopping early, after an event, as
    needed) are left out, and each decision is taken to end as the study expects; ``provided`` names that
    condition. A course that the study does not let begin on its day is of the kind ``omitted``: without a
    dose, on the days it was planned for, and its ``warning`` says why. Raises KeyError for a course that the
    arm does not have, Disorder for one that begins before the course ahead of it has ended.
    """
    arm = arm or next(iter(protocol.arms), None)
    began, refused = _settled(protocol, start, actual or {}, arm)
    dates = _dates(protocol, start, began, arm, refused)
    first = dates[protocol.first_of(arm)]
    order = {name: i for i, name in enumerate(protocol.timepoints)}
    planned = [(dates[point.id], point) for point in protocol.timepoints.values() if _expected(point, arm)]
    planned.sort(key=lambda row: (row[0], order[row[1].id]))
    rows = [_row(protocol, point, date, first, language, arm) for date, point in planned]
    return [_omitted(row, refused[row["cycle"]]) if _part_of(row, refused) else row for row in rows]


def _expected(point: Timepoint, arm: str | None) -> bool:
    """Whether everyone of the arm has it, on a day that is known."""
    return point.only is None and point.planned and point.of(arm)


def _part_of(row: Mapping[str, Any], courses: Collection[str]) -> bool:
    """Whether the row falls away with one of the courses: visits take place all the same."""
    return row["kind"] != "visit" and row["cycle"] in courses


def _omitted(row: dict[str, Any], slip: Slip) -> dict[str, Any]:
    """The row of what will not take place, so that nobody takes it for a plan."""
    return {**row, "kind": "omitted", "what": [], "dose": None, "unit": None, "warning": slip.message}


def _dates(
    protocol: Protocol,
    start: datetime.date,
    actual: Mapping[str, datetime.date],
    arm: str | None,
    omitted: Collection[str] = (),
) -> dict[str, datetime.date | Any]:
    """Date of every timepoint: the actual one of the courses that have begun, else the planned one."""
    began = {f"{cycle}.D1": _days(date) for cycle, date in actual.items()}
    mine = _courses(protocol, arm)
    void = {cycle: np.array([cycle in omitted or cycle not in mine]) for cycle in protocol.cycles}
    dates = {**chain(protocol, _days(start), began, void), **began}
    return {name: day[0].item() for name, day in dates.items()}


def _courses(protocol: Protocol, arm: str | None) -> list[str]:
    """The cycles of an arm, in the order of the plan."""
    mine = [name for name in protocol.cycles if protocol.timepoints[f"{name}.D1"].of(arm)]
    return sorted(mine, key=lambda name: protocol.timepoints[f"{name}.D1"].offset)


def _days(date: datetime.date) -> Days:
    return np.array([date], dtype="datetime64[D]")


def _row(
    protocol: Protocol,
    point: Timepoint,
    date: datetime.date,
    first: datetime.date,
    language: str,
    arm: str | None,
) -> dict[str, Any]:
    offset = (date - first).days
    setting, provided = expected_setting(protocol, point)
    dose = point.dose_of(arm)
    asked = dict.fromkeys(task.activity for task in point.tasks)
    row: dict[str, Any] = {
        "date": date.isoformat(),
        "day": offset + 1 if offset >= 0 else offset,
        "id": point.id,
        "label": point.label(language),
        "kind": "dose" if dose else point.kind,
        "epoch": point.epoch,
        "cycle": point.cycle,
        "what": [protocol.activity(name).title(language) for name in asked],
        "dose": dose.amount if dose else None,
        "unit": dose_unit(protocol, dose, language) if dose else None,
        "setting": setting,
        "place": point.place,
        "window": _window(point, date, language),
    }
    if provided:
        row["provided"] = provided
    return row


def dose_unit(protocol: Protocol, dose: Dose, language: str) -> str:
    """The unit of a dose as people say it: ``million IU``, ``million IU/m²``."""
    unit = protocol.study.treatment.substances[dose.substance].unit_name(language)
    return f"{unit}/{'m²' if dose.per == 'm2' else dose.per}" if dose.per else unit


def expected_setting(protocol: Protocol, point: Timepoint) -> tuple[str | None, str | None]:
    """(setting on the expected path, the decision it depends on)."""
    if not point.setting or not point.cycle:
        return point.setting, None
    decision = protocol.study.treatment.cycles[point.cycle].setting_decision
    if decision is None:
        return point.setting, None
    outcome = protocol.decisions[decision].expected
    return protocol.decisions[decision].outcomes[outcome].setting or outcome, f"{decision} = {outcome}"


def _window(point: Timepoint, date: datetime.date, language: str) -> dict[str, Any]:
    window = point.window
    return {
        "from": (date - datetime.timedelta(days=window.before)).isoformat(),
        "to": (date + datetime.timedelta(days=window.after)).isoformat(),
        "text": window.words(language),
    }


class Disorder(ValueError):
    """Courses that begin on days on which they cannot: before the course ahead of them has ended."""


@dataclass(frozen=True)
class Slip:
    """A course that began outside its window, or after more delay in all than the study allows."""

    cycle: str
    planned: datetime.date
    began: datetime.date
    message: str

    @property
    def late(self) -> bool:
        return self.began > self.planned


def slips(
    protocol: Protocol,
    start: datetime.date,
    actual: Mapping[str, datetime.date],
    arm: str | None = None,
) -> Iterator[Slip]:
    """What of the actual starts the study does not allow; delays add up over the courses.

    Raises as ``calendar`` does.
    """
    yield from _settled(protocol, start, actual, arm or next(iter(protocol.arms), None))[1].values()


def _settled(
    protocol: Protocol, start: datetime.date, actual: Mapping[str, datetime.date], arm: str | None
) -> tuple[dict[str, datetime.date], dict[str, Slip]]:
    """(day 1 of the courses that began as the study allows, the slips of those that did not).

    Course by course, since what was left out moves nothing: later courses are counted from the day it
    was planned for.
    """
    courses, first = _courses(protocol, arm), protocol.first_of(arm)
    if unknown := actual.keys() - set(courses):
        raise KeyError(", ".join(sorted(unknown)))
    began: dict[str, datetime.date] = {}
    refused: dict[str, Slip] = {}
    ahead: str | None = None
    for cycle in courses:
        dates = _dates(protocol, start, began, arm)
        if cycle in actual and ahead:
            _require_order(protocol, cycle, actual[cycle], ahead, actual.get(ahead, dates[f"{ahead}.D1"]))
        slip = None
        if cycle in actual and f"{cycle}.D1" != first:
            on_time = dates[first] + _offset(protocol, cycle)
            slip = _slip(protocol, cycle, dates[f"{cycle}.D1"], actual[cycle], on_time)
        if slip:
            refused[cycle] = slip
        elif cycle in actual:
            began[cycle] = actual[cycle]
        ahead = cycle
    return began, refused


def _offset(protocol: Protocol, cycle: str) -> datetime.timedelta:
    """From the first dose to day 1 of a course, if everything runs on time."""
    return datetime.timedelta(days=protocol.timepoints[f"{cycle}.D1"].offset)


def _require_order(
    protocol: Protocol, cycle: str, began: datetime.date, ahead: str, ahead_began: datetime.date
) -> None:
    last = max(point.offset for point in protocol.doses if point.cycle == ahead)
    ends = ahead_began + datetime.timedelta(days=last) - _offset(protocol, ahead)
    if began <= ends:
        raise Disorder(
            f"{cycle} cannot begin on {began}: {ahead}, the course before it, lasts from {ahead_began} "
            f"to {ends}. Write a later day for {cycle}, or correct the day of {ahead}."
        )


def _slip(
    protocol: Protocol, cycle: str, planned: datetime.date, began: datetime.date, on_time: datetime.date
) -> Slip | None:
    """Why the study does not let a course begin on its day, if it does not."""
    allowed = protocol.study.treatment.delays.cumulative
    window = protocol.study.treatment.cycles[cycle].window
    late, total = (began - planned).days, (began - on_time).days
    if not -window.before <= late <= window.after:
        far = f"{abs(late)} day{'s' if abs(late) != 1 else ''} {'after' if late > 0 else 'before'}"
        message = f"{cycle} began on {began}, {far} the planned {planned}; allowed is {window}"
    elif late > 0 and total > allowed.days:
        message = (
            f"{cycle} began on {began}: the delays come to {total} days, and {allowed} are allowed in all"
        )
    else:
        return None
    return Slip(cycle, planned, began, f"{message}. {_said(cycle, late > 0)}")


def _said(cycle: str, late: bool) -> str:
    """What the study makes of it."""
    verdict = f"The study omits {cycle}" if late else f"The study does not let {cycle} begin so early"
    return f"{verdict}; what follows is counted from its planned day"
