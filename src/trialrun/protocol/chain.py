"""Dates, chained to what actually happened.

One function for one participant's calendar and for ten thousand virtual ones: every planned day is
counted from the actual day 1 of the course it hangs on, so that a course that slips takes what
follows with it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trialrun.protocol.plan import LAST_DOSE
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
) -> dict[str, Days]:
    """Planned date of every timepoint, shape (N,) each.

    start: planned date of the first dose; actual: timepoint -> date it took place (NaT = not yet);
    void: cycle -> True where it will not take place (stopped or omitted before its day 1);
    last_dose: date of the last injection given so far. NaT where a date cannot be known.
    """
    actual = actual or {}
    void = void or {}
    nowhere = np.full(start.shape, np.datetime64("NaT"), dtype="datetime64[D]")
    planned: dict[str, Days] = {}
    begun: dict[str, Days] = {}

    def base(anchor: Anchor) -> Days:
        if anchor.after == LAST_DOSE:
            return last_dose if last_dose is not None else nowhere
        return begun[anchor.after]

    for cycle in _in_order(protocol):
        first = f"{cycle}.D1"
        anchor = protocol.timepoints[first].anchor
        planned[first] = start if anchor is None else base(anchor) + int(anchor.offset)
        happened = actual.get(first, nowhere)
        begun[cycle] = np.where(np.isnat(happened), planned[first], happened)
    for name, point in protocol.timepoints.items():
        if name in planned:
            continue
        if point.anchor is None:
            planned[name] = start + point.offset
            continue
        planned[name] = base(point.anchor) + int(point.anchor.offset)
        if point.otherwise is not None and point.anchor.after in void:
            fallback = base(point.otherwise) + int(point.otherwise.offset)
            planned[name] = np.where(void[point.anchor.after], fallback, planned[name])
    return planned


def _in_order(protocol: Protocol) -> list[str]:
    """Cycles, each after the one it is counted from."""
    return sorted(protocol.cycles, key=lambda cycle: protocol.timepoints[f"{cycle}.D1"].offset)


def study_day(date: Days, first_dose: Days) -> NDArray[np.float64]:
    """SDTM study day (no day 0); NaN where either date is missing."""
    difference = (date - first_dose).astype("timedelta64[D]")
    days = difference.astype(np.float64)
    days[np.isnat(difference)] = np.nan
    return np.where(days >= 0, days + 1, days)
