"""Dates, chained to what actually happened.

One function for one participant's calendar and for ten thousand virtual ones: every planned day is
counted from the actual day 1 of the course it hangs on, so that a course that slips takes what
follows with it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trialrun.protocol.plan import FIRST_DOSE, LAST_DOSE
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Anchor

Days = NDArray[np.datetime64]  # datetime64[D], NaT = not known
Mask = NDArray[np.bool_]


def chain(
    protocol: Protocol,
    start: Days,
    actual: Mapping[str, Days] | None = None,
    void: Mapping[str, Mask] | None = None,
    last_dose: Days | None = None,
    events: Mapping[str, Days] | None = None,
) -> dict[str, Days]:
    """Planned date of every timepoint, shape (N,) each, in the order of the plan.

    start: planned (or actual) date of the first dose; actual: timepoint -> date it took place (NaT = not
    yet); void: cycle -> True where it will not take place (stopped, omitted, or of another arm);
    last_dose: date of the last dose, where no other will come; events: variable -> its date.
    NaT where a date cannot be known.
    """
    actual, void, events = actual or {}, void or {}, events or {}
    nowhere = np.full(start.shape, np.datetime64("NaT"), dtype="datetime64[D]")
    begun: dict[str, Days] = {}

    def begin(cycle: str) -> Days:
        """Day 1 of a cycle: the actual one, else the planned one."""
        if cycle not in begun:
            happened = actual.get(f"{cycle}.D1", nowhere)
            planned = counted(protocol.timepoints[f"{cycle}.D1"].anchor)
            begun[cycle] = np.where(np.isnat(happened), planned, happened)
        return begun[cycle]

    def counted(anchor: Anchor | None) -> Days:
        if anchor is None:
            return start
        if anchor.after == FIRST_DOSE:
            return first_given() + int(anchor.offset)
        if anchor.after == LAST_DOSE:
            known = nowhere if last_dose is None else last_dose
            return np.where(np.isnat(known), expected_last(), known) + int(anchor.offset)
        if anchor.after in protocol.cycles:
            return begin(anchor.after) + int(anchor.offset)
        return events.get(anchor.after, nowhere) + int(anchor.offset)

    def first_given() -> Days:
        """The first dose: its actual date, else the planned one."""
        given = np.fmin.reduce([actual.get(name, nowhere) for name in protocol.first_doses])
        return np.where(np.isnat(given), start, given)

    def expected_last() -> Days:
        """When the last dose is due, of the courses that will take place."""
        last = nowhere
        for cycle, days in protocol.spans.items():
            last = np.fmax(last, np.where(void.get(cycle, False), nowhere, begin(cycle) + days))
        return last

    planned: dict[str, Days] = {}
    for name, point in protocol.timepoints.items():
        if point.as_needed:
            planned[name] = nowhere
            continue
        planned[name] = counted(point.anchor) if point.anchor or point.dose else start + point.offset
        if point.otherwise is not None and point.anchor is not None and point.anchor.after in void:
            planned[name] = np.where(void[point.anchor.after], counted(point.otherwise), planned[name])
    return planned


def study_day(date: Days, first_dose: Days) -> NDArray[np.float64]:
    """SDTM study day (no day 0); NaN where either date is missing."""
    difference = (date - first_dose).astype("timedelta64[D]")
    days = difference.astype(np.float64)
    days[np.isnat(difference)] = np.nan
    return np.where(days >= 0, days + 1, days)
