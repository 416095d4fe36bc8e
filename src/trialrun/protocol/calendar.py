"""One participant's dates."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trialrun.protocol.chain import Days, chain
from trialrun.protocol.protocol import Protocol, Timepoint


def calendar(
    protocol: Protocol,
    start: datetime.date,
    actual: Mapping[str, datetime.date] | None = None,
    language: str = "en",
) -> list[dict[str, Any]]:
    """The planned dates if the first dose is on ``start``, in order of date.

    ``actual`` gives the dates of courses that began on another day (``{"C2": …}``); what hangs on
    them moves along. Visits that only some participants have (after stopping early) are left out,
    and each decision is taken to end as the study expects; ``provided`` names that condition.
    Raises KeyError for a course that the study does not have.
    """
    dates = _dates(protocol, start, actual or {})
    first = dates[protocol.first_dose]
    order = {name: i for i, name in enumerate(protocol.timepoints)}
    planned = [(dates[name], point) for name, point in protocol.timepoints.items() if point.only is None]
    planned.sort(key=lambda row: (row[0], order[row[1].id]))
    return [_row(protocol, point, date, first, language) for date, point in planned]


def _dates(
    protocol: Protocol, start: datetime.date, actual: Mapping[str, datetime.date]
) -> dict[str, datetime.date | Any]:
    """Date of every timepoint: the actual one of the courses that have begun, else the planned one."""
    began = {f"{cycle}.D1": _days(date) for cycle, date in actual.items()}
    if unknown := began.keys() - protocol.timepoints.keys():
        raise KeyError(", ".join(sorted(unknown)))
    return {name: day[0].item() for name, day in {**chain(protocol, _days(start), began), **began}.items()}


def _days(date: datetime.date) -> Days:
    return np.array([date], dtype="datetime64[D]")


def _row(
    protocol: Protocol, point: Timepoint, date: datetime.date, first: datetime.date, language: str
) -> dict[str, Any]:
    offset = (date - first).days
    setting, provided = expected_setting(protocol, point)
    dose = point.dose
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
        "unit": protocol.study.treatment.substances[dose.substance].unit_name(language) if dose else None,
        "setting": setting,
        "place": point.place,
        "window": _window(point, date, language),
    }
    if provided:
        row["provided"] = provided
    return row


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


@dataclass(frozen=True)
class Slip:
    """A course that began outside its window, or after more delay in all than the study allows."""

    cycle: str
    planned: datetime.date
    began: datetime.date
    message: str


def slips(protocol: Protocol, start: datetime.date, actual: Mapping[str, datetime.date]) -> Iterator[Slip]:
    """What of the actual starts the study does not allow; delays add up over the courses."""
    allowed = protocol.study.treatment.delays.cumulative
    total = 0
    for cycle in protocol.cycles:
        if cycle not in actual:
            continue
        earlier = {other: date for other, date in actual.items() if other != cycle}
        planned, began = _dates(protocol, start, earlier)[f"{cycle}.D1"], actual[cycle]
        late = (began - planned).days
        total += max(late, 0)
        window = protocol.study.treatment.cycles[cycle].window
        if not -window.before <= late <= window.after:
            far = f"{abs(late)} day{'s' if abs(late) != 1 else ''} {'after' if late > 0 else 'before'}"
            message = f"{cycle} began on {began}, {far} the planned {planned}; allowed is {window}"
            yield Slip(cycle, planned, began, message)
        elif late > 0 and total > allowed.days:
            message = (
                f"{cycle} began on {began}: the delays come to {total} days, and {allowed} are allowed in all"
            )
            yield Slip(cycle, planned, began, message)
