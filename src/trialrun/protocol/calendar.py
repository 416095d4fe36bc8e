"""One participant's dates."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np

from trialrun.protocol.chain import chain
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
    """
    began = {f"{cycle}.D1": _days(date) for cycle, date in (actual or {}).items()}
    dates = chain(protocol, _days(start), began)
    for name, date in began.items():
        dates[name] = date
    planned = [(dates[name][0].item(), point) for name, point in protocol.timepoints.items() if point.only is None]
    planned.sort(key=lambda row: (row[0], list(protocol.timepoints).index(row[1].id)))
    return [_row(protocol, point, date, start, language) for date, point in planned]


def _days(date: datetime.date) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    return np.array([date], dtype="datetime64[D]")


def _row(protocol: Protocol, point: Timepoint, date: datetime.date, start: datetime.date, language: str) -> dict[str, Any]:
    offset = (date - start).days
    setting, provided = expected_setting(protocol, point)
    row: dict[str, Any] = {
        "date": date.isoformat(),
        "day": offset + 1 if offset >= 0 else offset,
        "id": point.id,
        "label": point.label(language),
        "kind": "dose" if point.dose else point.kind,
        "what": [protocol.activity(name).title(language) for name in dict.fromkeys(t.activity for t in point.tasks)],
        "dose": point.dose.amount if point.dose else None,
        "unit": protocol.study.treatment.substances[point.dose.substance].unit_name(language) if point.dose else None,
        "setting": setting,
        "place": point.place,
        "window": _window(point, date),
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


def _window(point: Timepoint, date: datetime.date) -> dict[str, Any]:
    window = point.window
    return {
        "from": (date - datetime.timedelta(days=window.before)).isoformat(),
        "to": (date + datetime.timedelta(days=window.after)).isoformat(),
        "text": str(window),
    }
