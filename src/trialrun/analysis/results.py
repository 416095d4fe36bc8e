"""The results of a trial as plain data: every number rounded to its declared precision."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Mapping
from typing import Any, assert_never

import numpy as np
import polars as pl

from trialrun import __version__
from trialrun.analysis import course
from trialrun.analysis.arrays import Arrays, from_tables
from trialrun.analysis.baseline import allocated, baseline
from trialrun.analysis.comparison import Comparison, Test, compare, described
from trialrun.analysis.endpoint import (
    Result,
    by,
    change,
    estimate,
    hypothetical,
    last_day_of,
    members,
    organs_at,
    response,
    summaries,
)
from trialrun.analysis.estimate import Interval, NotEstimable
from trialrun.analysis.log import Tables, rows
from trialrun.analysis.multiplicity import holm
from trialrun.analysis.organ_response import OrganResponse
from trialrun.analysis.paired_change import PairedChange
from trialrun.analysis.rounding import half_away
from trialrun.analysis.safety import adverse_events
from trialrun.analysis.signed_rank import SignedRank
from trialrun.analysis.suspension import suspensions
from trialrun.analysis.without_event import WithoutEvent
from trialrun.protocol import endpoint as defined
from trialrun.protocol.protocol import Protocol

# Decimals of every number in the results: more than is printed, fewer than machines may differ in.
DECIMALS = 6


def analyse(protocol: Protocol, tables: Tables) -> dict[str, Any]:
    """Everything the report prints, JSON-able: what cannot be estimated is ``{"not_estimable": reason}``."""
    arrays = from_tables(protocol, tables)
    estimates = {name: estimate(protocol, arrays, name) for name in protocol.study.endpoints}
    compared = {name: compare(protocol, arrays, name) for name in protocol.study.endpoints}
    found = {
        "study": protocol.id,
        "protocol_hash": protocol.hash,
        "software": f"trialrun {__version__}",
        "virtual": bool((tables["DM"]["VIRTUAL"] == "Y").any()),
        "counts": course.counts(arrays, tables),
        "stops": course.stops(tables),
        "endpoints": {
            name: _by_arm(protocol, arrays, tables, name, compared[name])
            if arrays.arms
            else _endpoint(protocol, arrays, tables, name, each)
            for name, each in estimates.items()
        },
        "multiplicity": _multiplicity(protocol, compared if arrays.arms else estimates),
        "safety": adverse_events(protocol, tables, _dosed(arrays)),
        "suspensions": suspensions(protocol, tables),
        "exposure": None if arrays.arms else course.exposure(protocol, arrays, tables),
        "accrual": course.accrual(protocol, tables),
        "published": _published(protocol),
    }
    if arrays.arms:
        found["arms"] = {arm: _arm(protocol, arrays, tables, arm) for arm in arrays.arms}
        found["baseline"] = baseline(protocol, arrays, tables)
    rounded: dict[str, Any] = plain(found)
    return rounded


def _dosed(arrays: Arrays) -> list[str]:
    return _named(arrays, members(arrays)[0])


def canonical(results: Mapping[str, Any]) -> str:
    """One JSON text for the same results, keys sorted; ValueError for NaN and infinity."""
    return json.dumps(results, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def plain(value: Any) -> Any:
    """A value as JSON has it, numbers rounded half away from zero; an infinite bound becomes null."""
    if isinstance(value, NotEstimable):
        return {"not_estimable": value.reason}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return _number(float(value))
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} {value!r} has no place in results")


def _number(value: float) -> float | None:
    if np.isnan(value):
        raise ValueError("a result is not a number; give NotEstimable with the reason")
    return None if np.isinf(value) else float(half_away(value, DECIMALS))


# ---- endpoints -----------------------------------------------------------------------------------


def _by_arm(
    protocol: Protocol, arrays: Arrays, tables: Tables, name: str, found: Comparison | None
) -> dict[str, Any]:
    """An endpoint in each arm, and the comparison; groups that were treated differently are never pooled."""
    endpoint = protocol.study.endpoints[name]
    each = {arm: arrays.only(arm) for arm in arrays.arms}
    arms = {
        arm: _endpoint(protocol, some, tables, name, estimate(protocol, some, name))
        for arm, some in each.items()
    }
    result: dict[str, Any] = {"kind": endpoint.kind, "level": endpoint.level, "arms": arms}
    if found is None or endpoint.compare is None:
        return result
    for arm in arms.values():  # what is tested is the difference between arms, not the change within one
        for part in (arm, arm.get("treatment_policy", {})):
            if "test" in part:
                part["test"] = NotEstimable("the arms are compared with each other")
    return result | {"comparison": described(endpoint.compare.arms, found)}


def _arm(protocol: Protocol, arrays: Arrays, tables: Tables, arm: str) -> dict[str, Any]:
    """How the trial went in one arm."""
    mine, who = arrays.only(arm), _named(arrays, allocated(arrays, arm))
    there = {code: table.filter(pl.col("USUBJID").is_in(who)) for code, table in tables.items()}
    return {
        "counts": course.counts(mine, there),
        "stops": course.stops(there),
        "safety": adverse_events(protocol, tables, _dosed(mine)),
        "exposure": course.exposure(protocol, mine, there, arm),
    }


def _endpoint(protocol: Protocol, arrays: Arrays, tables: Tables, name: str, found: Result) -> dict[str, Any]:
    endpoint = protocol.study.endpoints[name]
    head = {"kind": endpoint.kind, "level": endpoint.level}
    if isinstance(found, WithoutEvent):
        assert isinstance(endpoint, defined.WithoutEvent)
        return head | _without(arrays, found) | {"by_event": _by_event(protocol, arrays, tables, endpoint)}
    if isinstance(found, PairedChange):
        assert isinstance(endpoint, defined.PairedChange)
        return head | _change(arrays, endpoint, found)
    if isinstance(found, OrganResponse):
        assert isinstance(endpoint, defined.OrganResponse)
        return head | _response(protocol, arrays, endpoint, found)
    assert_never(found)


def _proportion(x: int, n: int, interval: Interval | NotEstimable) -> dict[str, Any]:
    value: float | NotEstimable = x / n if n else NotEstimable("no participants")
    return {"x": x, "n": n, "estimate": value, "interval": interval}


def _without(arrays: Arrays, found: WithoutEvent) -> dict[str, Any]:
    n, without, lost = int(found.n[0]), int(found.without[0]), int(found.lost_count[0])
    return {
        "without_event": _proportion(without, n, found.proportion.at(0)),
        "observed_events": int(found.observed[0]),
        "lost_counted_as_events": lost,
        "pending": int(found.pending[0].sum()),
        "event_rate_upper": found.upper.at(0),
        "complete_case": _proportion(without, n - lost, found.complete_case.at(0)),
        "participants_with_event": _named(arrays, found.event[0]),
        "participants_lost": _named(arrays, found.lost[0]),
    }


def _by_event(
    protocol: Protocol, arrays: Arrays, tables: Tables, endpoint: defined.WithoutEvent
) -> dict[str, dict[str, Any]]:
    """Each kind of event alone: participants, and whether it counts only by the composite strategy.

    ``not_adjudicated`` are the occurrences among them that wait for the adjudicators (item ``adjudicated``).
    """
    end = last_day_of(protocol, arrays, endpoint.until)
    composite = [
        name for name, how in endpoint.estimand.intercurrent.items() if how("en").startswith("composite")
    ]
    found = {}
    for name in endpoint.events:
        who = _named(arrays, (members(arrays) & by(arrays, name, end))[0])
        found[name] = {
            "participants": len(who),
            "composite": name in composite,
            "not_adjudicated": _waiting(protocol, tables, name, who),
        }
    return found


def _waiting(protocol: Protocol, tables: Tables, form: str, who: list[str]) -> int:
    events = rows(protocol, tables, form) if form in protocol.logs else pl.DataFrame()
    if "adjudicated" not in events.columns:
        return 0
    since = pl.col("USUBJID").is_in(who) & ~(pl.col("day") < 1).fill_null(False)
    return events.filter(since & pl.col("adjudicated").is_null()).height


def _change(arrays: Arrays, endpoint: defined.PairedChange, found: PairedChange) -> dict[str, Any]:
    difference = found.differences[0][found.paired[0]]
    result = {
        "parameter": endpoint.parameter,
        "scale": endpoint.scale,
        "at": endpoint.at,
        "n": int(found.n[0]),
        "unpaired": int(found.unpaired[0]),
        "at_least": endpoint.at_least,
        "rose": int((difference > 0).sum()),
        "fell": int((difference < 0).sum()),
        "unchanged": int((difference == 0).sum()),
        "estimate": found.estimate_at(0),
        "interval": found.interval_at(0),
        "test": found.test_at(0),
        "timepoints": summaries(arrays, endpoint),
    }
    if hypothetical(endpoint):
        every = change(arrays, endpoint, later=True)
        result["treatment_policy"] = {
            "n": int(every.n[0]),
            "estimate": every.estimate_at(0),
            "interval": every.interval_at(0),
            "test": every.test_at(0),
        }
    return result


def _response(
    protocol: Protocol, arrays: Arrays, endpoint: defined.OrganResponse, found: OrganResponse
) -> dict[str, Any]:
    visits = {at: response(protocol, arrays, endpoint, at) for at in (endpoint.at, *endpoint.secondary_at)}
    order = sorted(visits, key=arrays.point)
    organs = organs_at(arrays, endpoint, endpoint.at)
    responding = organs.involved & organs.responds & organs.seen & found.evaluable[:, :, np.newaxis]
    involved = organs.involved & found.evaluable[:, :, np.newaxis]
    return {
        "at": endpoint.at,
        **_classes(found),
        "visits": {at: _classes(visits[at]) for at in order},
        "organs": {
            name: {"involved": int(involved[0, :, i].sum()), "responding": int(responding[0, :, i].sum())}
            for i, name in enumerate(endpoint.organs)
        },
        "participants_complete": _named(arrays, found.complete[0]),
        "participants_partial": _named(arrays, found.partial[0]),
    }


def _classes(found: OrganResponse) -> dict[str, Any]:
    n, responders = int(found.n[0]), int(found.responders[0])
    return {
        "response": _proportion(responders, n, found.proportion.at(0)),
        "complete": int(found.complete[0].sum()),
        "partial": int(found.partial[0].sum()),
        "none": n - responders,
        "missing": int(found.missing[0].sum()),
        "pending": int(found.pending[0].sum()),
        "nothing_involved": int(found.nothing_involved[0].sum()),
    }


def _named(arrays: Arrays, mask: Any) -> list[str]:
    return [arrays.subjects[i] for i in np.flatnonzero(mask)]


def _multiplicity(
    protocol: Protocol, estimates: Mapping[str, Result | Comparison | None]
) -> dict[str, Any] | None:
    """Holm's adjusted p-values of the study's family; a test that was not made stays in it."""
    rule = protocol.study.multiplicity
    if rule is None:
        return None
    tests = {name: estimates[name] for name in rule.over}
    tested = PairedChange | Comparison
    raw = {name: t.test_at(0) if isinstance(t, tested) else None for name, t in tests.items()}
    p = [t.p if isinstance(t, SignedRank | Test) else NotEstimable("not tested") for t in raw.values()]
    adjusted = dict(zip(raw, holm(p).tolist(), strict=True))
    return {
        "method": rule.method,
        "alpha": rule.alpha,
        "endpoints": {
            name: {
                "p": p_raw,
                "adjusted": adjusted[name] if not isinstance(p_raw, NotEstimable) else p_raw,
                "rejected": not isinstance(p_raw, NotEstimable) and adjusted[name] <= rule.alpha,
            }
            for name, p_raw in zip(raw, p, strict=True)
        },
    }


def _published(protocol: Protocol) -> dict[str, Any] | None:
    """Published results, with the endpoint of ours that each stands beside."""
    published = protocol.sources.published
    if published is None:
        return None
    rows = [
        {
            "id": row.id,
            "endpoint": row.endpoint,
            "number": dict(row.number) if row.number else None,
            "fitted": row.fitted,
        }
        for row in published.results
    ]
    return {"cite": published.cite, "results": rows}
