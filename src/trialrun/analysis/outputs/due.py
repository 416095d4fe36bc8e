"""What is to be expected of each participant on a day: visits done, missed, open or still to come.

Two tables are made from the study's plan: ``VISITS``, a row for each planned timepoint of each participant,
and ``SAMPLES``, one for each specimen of it. Days are counted from the courses as they really began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from trialrun.protocol.chain import chain
from trialrun.protocol.protocol import Protocol, Timepoint

MADE = ("VISITS", "SAMPLES")
AS_OF = "as_of"
CUT = "CUTDTC"
SCHEMA: dict[str, Any] = {
    "USUBJID": pl.String, "TIMEPT": pl.String, "VISITNUM": pl.Float64, "EPOCH": pl.String,
    "DUEDTC": pl.String,  # the planned day, counted from the course that it hangs on
    "DONEDTC": pl.String, "STATUS": pl.String,  # done, missed, open, later
    "LATE": pl.Float64,  # days after the planned day; negative before it
    "INWINDOW": pl.String, "SPECIMEN": pl.String, "SRC": pl.String,
}  # fmt: skip
STATES = ("done", "missed", "open", "later")
_DAY = "datetime64[D]"


def tables(
    protocol: Protocol, given: Mapping[str, pl.DataFrame], as_of: object = None
) -> dict[str, pl.DataFrame]:
    """``VISITS``, ``SAMPLES``, and the participants with ``CUTDTC``, the day up to which data are counted."""
    if not {"DM", "SV"} <= given.keys() or not {"RFXSTDTC", "RFPENDTC"} <= set(given["DM"].columns):
        return {}
    cut = cut_off(given, as_of)
    people = given["DM"].with_columns(pl.lit(cut, pl.String).alias(CUT))
    visits = pl.DataFrame(list(_visits(protocol, given, cut)), schema=SCHEMA, orient="row")
    return {"DM": people, "VISITS": visits, "SAMPLES": _samples(protocol, given, visits)}


def cut_off(given: Mapping[str, pl.DataFrame], as_of: object = None) -> str | None:
    """The day asked for, else the last day of any visit or end of participation; None without any."""
    if as_of is not None:
        return str(as_of)[:10]
    days = [given["SV"]["SVSTDTC"], given["DM"]["RFPENDTC"], given["DM"]["RFICDTC"]]
    held = pl.concat([one.cast(pl.String).str.slice(0, 10).rename("day") for one in days])
    found = held.str.to_date("%Y-%m-%d", strict=False).max()
    return str(found) if found is not None else None


def _visits(
    protocol: Protocol, given: Mapping[str, pl.DataFrame], cut: str | None
) -> Iterator[tuple[Any, ...]]:
    people = given["DM"].sort("USUBJID").to_dicts()
    if not people or cut is None:
        return
    done = {
        (row["USUBJID"], row["TIMEPT"]): (row["SVSTDTC"], row["SRC"])
        for row in given["SV"].select("USUBJID", "TIMEPT", "SVSTDTC", "SRC").iter_rows(named=True)
    }
    days = _days(protocol, people, done, given, np.datetime64(cut))
    order = {name: place for place, name in enumerate(protocol.timepoints, 1)}
    for i, person in enumerate(people):
        for point in protocol.timepoints.values():
            when, source = done.get((person["USUBJID"], point.id), (None, person.get("SRC")))
            row = _row(point, person, days[point.id][i], when, np.datetime64(cut))
            if row is not None:
                epoch = point.epoch.upper().replace("_", "-")
                head = (person["USUBJID"], point.id, float(order[point.id]), epoch)
                yield *head, *row, None, source


def _row(
    point: Timepoint, person: Mapping[str, Any], due: Any, when: str | None, cut: Any
) -> tuple[Any, ...] | None:
    """(due, done, status, late, in window); None for what is not to be expected of this participant."""
    low, high = due - int(point.window.before), due + int(point.window.after)
    told = None if np.isnat(due) else str(due)
    if when is not None:
        actual = _date(when)
        unsure = told is None or np.isnat(actual)
        late = None if unsure else float((actual - due).astype(int))
        inside = None if unsure else ("Y" if low <= actual <= high else "N")
        return told, when, "done", late, inside
    ended = person["RFPENDTC"]
    expected = point.planned and point.only is None and point.of(_arm(point, person))
    if told is None or not expected or (ended is not None and str(ended)[:10] < str(high)):
        return None
    status = "missed" if high < cut else "open" if low <= cut else "later"
    return told, None, status, None, None


def _date(text: str | None) -> Any:
    """The day that a text names; NaT for none, for a part of a date, and for a day that no calendar has."""
    try:
        return np.datetime64(date.fromisoformat((text or "")[:10]), "D")
    except ValueError:
        return np.datetime64("NaT", "D")


def _arm(point: Timepoint, person: Mapping[str, Any]) -> str | None:
    """The arm of a participant, as the study file spells it."""
    return next((one for one in point.arms if one.upper() == person.get("ARMCD")), person.get("ARMCD"))


def _days(
    protocol: Protocol,
    people: list[dict[str, Any]],
    done: Mapping[tuple[str, str], tuple[str, Any]],
    given: Mapping[str, pl.DataFrame],
    cut: Any,
) -> dict[str, Any]:
    """Timepoint -> the day on which each participant should have it, NaT where none can be named."""

    def dates(values: list[str | None]) -> Any:
        return np.array([_date(one) for one in values], dtype=_DAY)

    ids = [person["USUBJID"] for person in people]
    start = dates([person["RFXSTDTC"] for person in people])
    actual = {
        name: dates([done.get((one, name), (None,))[0] for one in ids])
        for name, point in protocol.timepoints.items()
        if point.course_day == 1
    }
    planned = chain(protocol, start, actual)
    stopped = _stopped(given)
    over = np.array([one in stopped or bool(p["RFPENDTC"]) for one, p in zip(ids, people, strict=True)])
    void = {}
    for cycle in protocol.cycles:
        name = f"{cycle}.D1"
        closed = planned[name] + int(protocol.timepoints[name].window.after) < cut
        void[cycle] = np.isnat(actual[name]) & (over | closed)
    last = dates([person.get("RFXENDTC") for person in people])
    found = chain(protocol, start, actual, void, np.where(over, last, np.datetime64("NaT")))
    nowhere = np.full(len(people), np.datetime64("NaT"), dtype=_DAY)
    for name, point in protocol.timepoints.items():
        if point.cycle in void and point.kind == "course":
            found[name] = np.where(void[point.cycle], nowhere, found[name])
    return found


def _stopped(given: Mapping[str, pl.DataFrame]) -> set[str]:
    """Who no longer gets the treatment."""
    if "DS" not in given:
        return set()
    ended = given["DS"].filter(pl.col("DSSCAT") == "STUDY TREATMENT")
    return set(ended["USUBJID"].to_list())


def _samples(protocol: Protocol, given: Mapping[str, pl.DataFrame], visits: pl.DataFrame) -> pl.DataFrame:
    """A row for each specimen of the visits: there, or missing from a visit that was done or missed."""
    drawn: dict[tuple[str, str, str], tuple[str, Any]] = {}
    if "BE" in given:
        some = given["BE"].select("USUBJID", "TIMEPT", "BEREFID", "BESTDTC", "SRC")
        drawn = {(a, b, c): (when, source) for a, b, c, when, source in some.iter_rows()}
    rows = []
    for row in visits.iter_rows(named=True):
        for specimen in dict.fromkeys(protocol.timepoints[row["TIMEPT"]].specimens):
            when, source = drawn.get((row["USUBJID"], row["TIMEPT"], specimen), (None, row["SRC"]))
            status = "done" if when else "missed" if row["STATUS"] == "done" else row["STATUS"]
            rows.append({**row, "SPECIMEN": specimen, "DONEDTC": when, "STATUS": status, "SRC": source})
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
