"""How the trial went: who was screened, included, dosed and followed; what was given; accrual."""

from __future__ import annotations

import calendar
import datetime
from typing import Any

import polars as pl

from trialrun.analysis.arrays import Arrays
from trialrun.analysis.endpoint import members
from trialrun.analysis.log import Tables, on_date
from trialrun.protocol.protocol import Protocol
from trialrun.tables import term


def counts(arrays: Arrays, tables: Tables) -> dict[str, int]:
    """Participants at each step; ``stopped`` had their doses ended, ``ongoing`` are still followed."""
    who = members(arrays)[0]
    ended = arrays.ended[0] >= 0
    finished = _ended(arrays, "COMPLETED")
    lost = _ended(arrays, term.ENDINGS["lost"]) | _ended(arrays, term.ENDINGS["withdrawn"])
    died = _ended(arrays, term.DEATH)
    stops = tables["DS"].filter(pl.col("DSSCAT") == term.TREATMENT)
    return {
        "screened": int(arrays.present[0].sum()),
        "included": included(tables).height,
        "dosed": int(who.sum()),
        "completed": int((who & finished).sum()),
        "stopped": stops["USUBJID"].n_unique(),
        "lost": int((who & lost).sum()),
        "died": int((who & died).sum()),
        "ended_otherwise": int((who & ended & ~finished & ~lost & ~died).sum()),
        "ongoing": int((who & ~ended).sum()),
    }


def _ended(arrays: Arrays, ending: str) -> Any:
    return arrays.ended_as(ending)[0] if ending in arrays.endings else arrays.ended[0] < -1


def included(tables: Tables) -> pl.DataFrame:
    """USUBJID and the date of inclusion (``on``), in order of inclusion."""
    rows = tables["DS"].filter(pl.col("DSDECOD") == term.ENROLLED)
    return rows.select("USUBJID", on=on_date("DSSTDTC")).drop_nulls("on").sort("on", "USUBJID")


def stops(tables: Tables) -> list[dict[str, Any]]:
    """Why injections were ended, most frequent first."""
    rows = tables["DS"].filter(pl.col("DSSCAT") == term.TREATMENT)
    grouped = rows.group_by("DSDECOD", "DSTERM").agg(pl.col("USUBJID").n_unique().alias("participants"))
    ordered = grouped.sort("participants", "DSDECOD", descending=[True, False])
    return [
        {"rule": rule, "reason": reason, "participants": count}
        for rule, reason, count in ordered.select("DSDECOD", "DSTERM", "participants").iter_rows()
    ]


def exposure(protocol: Protocol, arrays: Arrays, tables: Tables, arm: str | None = None) -> dict[str, Any]:
    """Doses and cumulative dose of every dosed participant, in the substance's unit, and what was planned.

    arm: of a study with arms, the one whose participants alone are present.
    """
    given = arrays.doses[0] > 0
    amount = arrays.doses[0].copy()
    amount[~given] = 0.0
    recorded = arrays.doses[0] == arrays.doses[0]  # not NaN: a dose or its omission was written down
    doses = {point.id: point.dose_of(arm) for point in protocol.doses if point.of(arm)}
    planned = {point: dose.amount for point, dose in doses.items() if dose}
    listed = [
        {
            "subject": arrays.subjects[i],
            "doses": int(given[i].sum()),
            "not_given": int((recorded[i] & ~given[i]).sum()),
            "cumulative": float(amount[i].sum()),
        }
        for i in members(arrays)[0].nonzero()[0]
    ]
    return {
        "planned": {"doses": len(planned), "cumulative": float(sum(planned.values()))},
        "doses": sum(row["doses"] for row in listed),
        "participants": listed,
        "not_given": not_given(protocol, arrays, tables, list(planned)),
    }


def not_given(protocol: Protocol, arrays: Arrays, tables: Tables, planned: list[str]) -> list[dict[str, Any]]:
    """Every planned dose that a dosed participant did not have, in the order of the plan.

    ``reason`` is the code of the form, null where none was given. ``recorded`` is false for a dose nobody
    wrote anything about; of participants who are still followed these are left out, as they may come.
    """
    written = {
        (who, point): reason
        for who, point, reason in tables["EX"].select("USUBJID", "TIMEPT", "EXREASOC").iter_rows()
    }
    listed = []
    for i in members(arrays)[0].nonzero()[0]:
        who = arrays.subjects[i]
        for point in planned:
            recorded = (who, point) in written
            expected = recorded or arrays.ended[0, i] >= 0
            if expected and not arrays.doses[0, i, arrays.point(point)] > 0:
                reason = written.get((who, point))
                listed.append({"subject": who, "point": point, "recorded": recorded, "reason": reason})
    return listed


def accrual(protocol: Protocol, tables: Tables) -> dict[str, Any]:
    """Dates of inclusion, and the plan: so many in so many months; ``in_time`` were within them."""
    dates = included(tables)["on"].to_list()
    start = _first(protocol, "date")
    lasts = protocol.study.timeline.get("inclusion")
    months = lasts.lasts.months if lasts and lasts.lasts else None
    plan: dict[str, Any] = {"planned": protocol.study.enrolment.planned, "months": months or None}
    plan["start"] = start.isoformat() if start else None
    plan["end"] = add_months(start, months).isoformat() if start and months else None
    end = plan["end"]
    plan["in_time"] = sum(date.isoformat() <= end for date in dates) if end else None
    return plan | {"included": [date.isoformat() for date in dates]}


def _first(protocol: Protocol, field: str) -> datetime.date | None:
    found = (getattr(milestone, field) for milestone in protocol.study.timeline.values())
    return next((each for each in found if each), None)


def add_months(date: datetime.date, months: int) -> datetime.date:
    """The same day so many months later, or the last day of a month that has no such day."""
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    day = min(date.day, calendar.monthrange(year, month + 1)[1])
    return datetime.date(year, month + 1, day)
