"""Where the trial stands against the boundaries that suspend its inclusions, and what those boundaries do."""

from __future__ import annotations

from typing import Any

import polars as pl

from trialrun.analysis.boundary import Boundary, from_steps
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.log import Tables, counted, last_seen, on_date
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule_columns import expression

RATES = (0.1, 0.2, 0.3)  # true event rates at which a boundary's probabilities are stated


def suspensions(protocol: Protocol, tables: Tables) -> dict[str, Any]:
    """Every suspension rule of the study: its boundary, exact probabilities, and this trial's path.

    Probabilities are for the planned number of participants, each with an event or not independently, and
    are not given for a rule on events of the ``same`` kind, whose number of kinds has no single rate.
    """
    return {name: _suspension(protocol, tables, name) for name in protocol.study.suspensions}


def _suspension(protocol: Protocol, tables: Tables, name: str) -> dict[str, Any]:
    rule = protocol.study.suspensions[name]
    first = doses(tables)
    planned = protocol.study.enrolment.planned
    steps = sorted(rule.at_least.items())
    boundary = from_steps(steps, max(planned, first.height, steps[-1][0]))
    found: dict[str, Any] = {
        "steps": [list(step) for step in steps],
        "same": rule.same,
        "n_max": planned,
        "probabilities": [] if rule.same else _probabilities(from_steps(steps, max(planned, steps[-1][0]))),
    }
    matched = matched_events(protocol, tables, name)
    if isinstance(matched, NotEstimable):
        return found | {"standing": {"not_estimable": matched.reason}}
    return found | {"standing": _standing(boundary, first, matched)}


def _probabilities(boundary: Boundary) -> list[dict[str, float]]:
    found = boundary.operating_characteristics(RATES)
    treated = found.expected_treated.tolist()
    return [
        {"rate": rate, "stop": stop, "expected_treated": mean}
        for rate, stop, mean in zip(RATES, found.stop.tolist(), treated, strict=True)
    ]


def doses(tables: Tables) -> pl.DataFrame:
    """USUBJID and the date of the first dose (``first``), in that order."""
    first = tables["DM"].select("USUBJID", first=on_date("RFXSTDTC"))
    return first.drop_nulls("first").sort("first", "USUBJID")


def matched_events(protocol: Protocol, tables: Tables, name: str) -> pl.DataFrame | NotEstimable:
    """USUBJID, kind and date (``on``) from which a participant matches the rule of a suspension.

    The rule must read one count; a participant matches from the event with which it becomes true.
    """
    suspension = protocol.study.suspensions[name]
    rule = protocol.rules[f"suspensions.{name}"]
    if len(rule.reads) != 1:
        return NotEstimable(f"the rule reads {len(rule.reads)} variables, not one count")
    variable = next(iter(rule.reads))
    events = counted(protocol, tables, variable, last_seen(tables))
    if isinstance(events, NotEstimable):
        return events
    events = events.filter(pl.col("USUBJID").is_in(doses(tables)["USUBJID"].to_list()))
    item = suspension.same.partition(".")[2] if suspension.same else None
    kind = pl.col(item) if item else pl.lit("")
    ordered = events.with_columns(kind=kind).sort("on", nulls_last=False)
    number = (pl.int_range(pl.len()) + 1).over("USUBJID", "kind").cast(pl.Float64)
    numbered = ordered.with_columns(number.alias(variable))
    true = numbered.filter(numbered.select(expression(rule).alias("holds"))["holds"].fill_null(False))
    return true.group_by("USUBJID", "kind").agg(pl.col("on").min()).sort("on", "USUBJID", "kind")


def _standing(boundary: Boundary, first: pl.DataFrame, matched: pl.DataFrame) -> dict[str, Any]:
    """Participants dosed and matching after each change, in order of time; whether the boundary was reached.

    Where a rule counts events of the same kind, the path is that of the kind with most participants.
    """
    kinds = matched["kind"].unique().sort().to_list() or [""]
    paths = [_path(first, matched.filter(pl.col("kind").eq_missing(kind))) for kind in kinds]
    path = max(paths, key=lambda each: each[-1]["events"] if each else 0)
    reached = [step for each in paths for step in each if boundary.reached(step["events"], step["n"])]
    return {
        "n": first.height,
        "events": path[-1]["events"] if path else 0,
        "stop_at": boundary.stop_at[first.height - 1] if first.height else None,
        "path": path,
        "reached": bool(reached),
        "reached_on": min(step["on"] for step in reached) if reached else None,
    }


def _path(first: pl.DataFrame, matched: pl.DataFrame) -> list[dict[str, Any]]:
    began = first.select(on="first", n=pl.lit(1), events=pl.lit(0))
    # A date that is not known is taken as the first dose of its participant: the earliest it can be.
    dated = matched.join(first, on="USUBJID", how="left").select(
        on=pl.coalesce("on", "first"), n=pl.lit(0), events=pl.lit(1)
    )
    moments = pl.concat([began, dated]).group_by("on").agg(pl.col("n", "events").sum()).sort("on")
    summed = moments.with_columns(pl.col("n", "events").cum_sum())
    return [{"on": on.isoformat(), "n": n, "events": events} for on, n, events in summed.iter_rows()]
