"""Adverse events: participants and events by category and worst grade, serious, related, dose-limiting."""

from __future__ import annotations

from typing import Any

import polars as pl

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.log import Tables, counted, on_date, rows
from trialrun.protocol.protocol import Protocol

GRADES = (1, 2, 3, 4, 5)

# The items that an adverse-event form has by these names; a study without one has it unknown throughout.
ITEMS = {"category": pl.String, "grade": pl.Float64, "serious": pl.Boolean, "related": pl.Boolean}


def adverse_events(protocol: Protocol, tables: Tables, dosed: list[str]) -> dict[str, Any]:
    """Events of dosed participants from the first dose on.

    ``by_category`` counts each participant once, at the worst grade of that category. An event whose
    day or grade is not known is counted, under ``ungraded`` where it has no grade.
    """
    form = protocol.study.recorded_on.adverse_event
    events = rows(protocol, tables, form)
    events = events.filter(pl.col("USUBJID").is_in(dosed) & ~(pl.col("day") < 1).fill_null(False))
    absent = [pl.lit(None, kind).alias(name) for name, kind in ITEMS.items() if name not in events.columns]
    events = events.with_columns(*absent)
    found: dict[str, Any] = {
        "participants": len(dosed),
        "any": _count(events),
        "grade_3_or_worse": _count(events.filter(pl.col("grade") >= 3)),
        "serious": _count(events.filter(pl.col("serious"))),
        "related": _count(events.filter(pl.col("related"))),
        "serious_related": _count(events.filter(pl.col("serious") & pl.col("related"))),
        "by_category": _by_category(protocol, form, events),
    }
    return found | {
        "stopping": {name: _stopping(protocol, tables, name, dosed) for name in _counts(protocol, form)}
    }


def _count(events: pl.DataFrame) -> dict[str, int]:
    return {"participants": events["USUBJID"].n_unique(), "events": events.height}


def _by_category(protocol: Protocol, form: str, events: pl.DataFrame) -> list[dict[str, Any]]:
    listed = []
    category = protocol.forms[form].items.get("category")
    codes = [*(category.codes if category else ()), None]
    for code in codes:
        chosen = events.filter(pl.col("category").eq_missing(pl.lit(code, dtype=pl.String)))
        if chosen.is_empty():
            continue
        worst = chosen.group_by("USUBJID").agg(pl.col("grade").max())["grade"]
        grades = {str(grade): int((worst == grade).sum()) for grade in GRADES}
        serious = chosen.filter(pl.col("serious"))
        listed.append(
            {
                "category": code,
                **_count(chosen),
                "worst_grade": grades,
                "ungraded": worst.null_count(),
                "serious": _count(serious),
            }
        )
    return listed


def _counts(protocol: Protocol, form: str) -> list[str]:
    """The variables that the study's stops and suspensions read and that count rows of this form."""
    rules = [rule for rule in protocol.rules if rule.startswith(("stops.", "suspensions."))]
    read = dict.fromkeys(name for rule in rules for name in protocol.rules[rule].reads)
    counting = [name for name in read if protocol.variables[name].aggregate == "count"]
    return [name for name in counting if protocol.variables[name].reads[0] == form]


def _stopping(protocol: Protocol, tables: Tables, name: str, dosed: list[str]) -> dict[str, Any]:
    found = counted(protocol, tables, name, last_seen(tables))
    if isinstance(found, NotEstimable):
        return {"not_estimable": found.reason}
    return dict(_count(found.filter(pl.col("USUBJID").is_in(dosed))))


def last_seen(tables: Tables) -> pl.DataFrame:
    """USUBJID and the last date known of (``seen``): the end of participation, else the last visit."""
    visits = tables["SV"].select("USUBJID", seen=on_date("SVSTDTC"))
    ends = tables["DM"].select("USUBJID", seen=on_date("RFPENDTC"))
    return pl.concat([visits, ends]).group_by("USUBJID").agg(pl.col("seen").max()).sort("USUBJID")
