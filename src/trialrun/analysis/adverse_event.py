"""Adverse events by arm, from the tables alone: by body system and term, serious, by worst severity."""

from __future__ import annotations

from typing import Any

import polars as pl

from trialrun.analysis.arm import Arms, Tables, column, doses
from trialrun.tables import term
from trialrun.tables.conformance import before

# What a variable is told by, the first that holds anything: the dictionary's word before the sponsor's.
SYSTEMS = ("AEBODSYS", "AESOC", "AECAT")
TERMS = ("AEDECOD", "AETERM")
SEVERITIES = ("AETOXGR", "AESEV")
ORDER = ("MILD", "MODERATE", "SEVERE", "LIFE THREATENING", "FATAL")


def adverse_events(tables: Tables, arms: Arms) -> dict[str, Any] | None:
    """Events of those who had a dose that did not begin before it, one count a column of `arms`.

    A count is ``{participants, events}``: a participant counts once, however often it happened. An event
    whose beginning is not known, or only as precisely as the first dose, counts. ``before`` are the events
    left out for their date, ``others`` those of participants who had no dose. Null without AE.

    ``severities`` are those that occur, least first; ``worst`` counts participants at their worst known one.
    """
    if "AE" not in tables:
        return None
    treated = arms.dosed()
    everyone = _events(tables["AE"])
    placed = treated.place(everyone).join(_first(tables), on="USUBJID", how="left", maintain_order="left")
    early = before(pl.col("began"), pl.col("first")).fill_null(False)
    events = placed.filter(~early)
    levels = _levels(events["severity"])
    rank = pl.col("severity").replace_strict(
        {level: place for place, level in enumerate(levels)}, default=None, return_dtype=pl.Int64
    )
    events = events.with_columns(rank=rank)
    return {
        "columns": treated.columns(),
        "severity": _told(tables["AE"], SEVERITIES),
        "severities": levels,
        "any": treated.count(events),
        "serious": treated.count(events.filter("serious")),
        "fatal": treated.count(events.filter("fatal")),
        "worst": _worst(treated, events, levels),
        "systems": _systems(treated, events, levels),
        "before": _sum(placed.filter(early)),
        "others": _sum(everyone.join(treated.members, on="USUBJID", how="anti")),
    }


def _events(rows: pl.DataFrame) -> pl.DataFrame:
    """USUBJID, system, term, severity, serious, fatal, began."""
    return rows.select(
        column(rows, "USUBJID"),
        system=column(rows, _told(rows, SYSTEMS) or SYSTEMS[0]),
        term=pl.coalesce(column(rows, name) for name in TERMS),
        severity=column(rows, _told(rows, SEVERITIES) or SEVERITIES[0]),
        serious=column(rows, "AESER").eq_missing("Y"),
        fatal=column(rows, "AEOUT").str.to_lowercase().is_in(term.FATAL).fill_null(False),
        began=column(rows, "AESTDTC"),
    )


def _told(rows: pl.DataFrame, names: tuple[str, ...]) -> str | None:
    """The first of these variables that holds anything."""
    return next((n for n in names if n in rows.columns and rows[n].null_count() < rows.height), None)


def _first(tables: Tables) -> pl.DataFrame:
    """USUBJID and the first dose (``first``), as precisely as it is known."""
    given = doses(tables).filter(pl.col("EXSTDTC").is_not_null())
    return given.group_by("USUBJID").agg(first=pl.col("EXSTDTC").min().str.slice(0, 10))


def _levels(severity: pl.Series) -> list[str]:
    known = [str(level) for level in severity.drop_nulls().unique()]
    return sorted(known, key=lambda level: (ORDER.index(level) if level in ORDER else len(ORDER), level))


def _systems(arms: Arms, events: pl.DataFrame, levels: list[str]) -> list[dict[str, Any]]:
    """By system, then by term, most participants first."""
    listed = []
    for (system,), some in events.group_by("system"):
        worst = _worst(arms, some, levels)
        terms = [_named(arms, name, each) for (name,), each in some.group_by("term")]
        listed.append({**_named(arms, system, some), "worst": worst, "terms": _by_frequency(terms)})
    return _by_frequency(listed)


def _named(arms: Arms, name: Any, events: pl.DataFrame) -> dict[str, Any]:
    return {"name": name, "counts": arms.count(events), "serious": arms.count(events.filter("serious"))}


def _by_frequency(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(listed, key=lambda one: (-one["counts"][-1]["participants"], one["name"] or ""))


def _worst(arms: Arms, events: pl.DataFrame, levels: list[str]) -> list[list[int]]:
    """Participants of each column at each severity, and last those of whom none is known."""
    each = events.group_by("USUBJID", "arm").agg(pl.col("rank").max())
    chosen = [each.filter(pl.col("rank") == place) for place in range(len(levels))]
    chosen.append(each.filter(pl.col("rank").is_null()))
    counted = [[count["participants"] for count in arms.count(some)] for some in chosen]
    return [list(column) for column in zip(*counted, strict=True)]


def _sum(events: pl.DataFrame) -> dict[str, int]:
    return {"participants": events["USUBJID"].n_unique(), "events": events.height}
