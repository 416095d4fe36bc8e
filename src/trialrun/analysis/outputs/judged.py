"""What an endpoint of the study says of each participant, as a derived column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trialrun.analysis.arrays import Arrays, from_tables
from trialrun.analysis.endpoint import by, followed, last_day_of, members, response
from trialrun.analysis.outputs.endpoints import rows_read
from trialrun.analysis.outputs.statement import words
from trialrun.analysis.without_event import without_event
from trialrun.protocol import endpoint as defined
from trialrun.protocol.derived import Judged
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule import Type
from trialrun.protocol.text import Text

if TYPE_CHECKING:
    from trialrun.analysis.outputs.columns import Columns, Path

_Floats = NDArray[np.float64]
_States = NDArray[np.object_]

STATES: dict[str, dict[str, Text]] = {
    "proportion_without_event": {
        "without": words("Without an event", "Sans événement"),
        "event": words("With an event", "Avec événement"),
        "lost": words("Lost before the end", "Perdu de vue avant la fin"),
        "pending": words("Still followed", "Encore suivi"),
    },
    "organ_response": {
        "complete": words("Complete response", "Réponse complète"),
        "partial": words("Partial response", "Réponse partielle"),
        "none": words("No response", "Pas de réponse"),
        "missing": words("Missing", "Manquante"),
        "pending": words("Not due yet", "Pas encore prévue"),
        "nothing_involved": words(
            "No organ known to be involved at baseline", "Aucun organe connu comme atteint au départ"
        ),
    },
}
"""Kind of endpoint -> the states of a participant, the better before the worse."""


def judged(columns: Columns, derived: Judged, path: Path) -> tuple[pl.Series, pl.Series, Type]:
    """(value, numbers of the rows behind it, type) of every participant; who is not of the endpoint's set
    has none."""
    protocol, planned = _planned(columns, derived, path)
    arrays = columns.shared("arrays", lambda: from_tables(protocol, dict(columns.raw)))
    kind = Type("number") if derived.day else Type("choice", codes=tuple(STATES[planned.kind]))
    if isinstance(planned, defined.WithoutEvent):
        values = _without(columns, protocol, arrays, planned, derived, path)
    elif derived.day or derived.events or derived.until:
        return columns.refuse(path, f"`day`, `events` and `until` are not for an endpoint of {planned.kind}")
    else:
        values = _best(columns, protocol, arrays, planned, derived.at or (planned.at,), path)
    found = pl.DataFrame(
        {"USUBJID": arrays.subjects, "_value": values.tolist()},
        schema={"USUBJID": pl.String, "_value": pl.Float64 if derived.day else pl.String},
    )
    rows = rows_read(columns, path, columns.people, protocol, planned)
    behind = rows.group_by("_who").agg(_behind=pl.col("_row").sort())
    joined = columns.people.select("_who", "USUBJID")
    for one, on in ((found, "USUBJID"), (behind, "_who")):
        joined = joined.join(one, on=on, how="left", maintain_order="left")
    return joined["_value"], joined["_behind"], kind


def _planned(
    columns: Columns, derived: Judged, path: Path
) -> tuple[Protocol, defined.WithoutEvent | defined.OrganResponse]:
    protocol = columns.protocol
    if protocol is None:
        hint = "Give the protocol together with the tables."
        return columns.refuse((*path, "endpoint"), "an endpoint belongs to a study", hint)
    planned = protocol.study.endpoints[derived.endpoint]
    if isinstance(planned, defined.PairedChange):
        hint = "Derive a change from the rows of its table: {value: after - before}."
        return columns.refuse((*path, "endpoint"), f"`{derived.endpoint}` is a change, and no state", hint)
    return protocol, planned


# ---- without an event ----------------------------------------------------------------------------


def _without(
    columns: Columns,
    protocol: Protocol,
    arrays: Arrays,
    planned: defined.WithoutEvent,
    derived: Judged,
    path: Path,
) -> NDArray[Any]:
    """(n,) the state, or the study day of the event or of the end of what is known."""
    for i, one in enumerate(derived.events):
        if one not in arrays.occurrences:
            columns.refuse((*path, "events", i), f"the study records no event `{one}`")
    end, complete = _period(columns, protocol, arrays, planned, derived, path)
    names = derived.events or planned.events
    happened = np.logical_or.reduce([by(arrays, name, end) for name in names])
    found = without_event(happened, complete, arrays.ended >= 0, members(arrays), level=planned.confidence)
    who = members(arrays)[0]
    if derived.day:
        # An event on a day that is not known may have been on the first: the earliest it can be.
        days = [np.where(by(arrays, name, end), arrays.events(name).first, np.inf) for name in names]
        first = np.minimum.reduce([np.where(np.isnan(one), 1.0, one) for one in days])[0]
        free = np.minimum(arrays.last_day, end)[0]
        day = np.where(happened[0], first, free)
        return np.array([float(one) if w and one == one else None for one, w in zip(day, who, strict=True)])
    state = np.full(who.shape, None, dtype=object)
    state[who] = "without"
    for name in ("event", "lost", "pending"):
        state[getattr(found, name)[0]] = name
    return state


def _period(
    columns: Columns,
    protocol: Protocol,
    arrays: Arrays,
    planned: defined.WithoutEvent,
    derived: Judged,
    path: Path,
) -> tuple[_Floats, NDArray[np.bool_]]:
    """(T, n): the last day on which an event counts, and who was followed as long as is asked."""
    if derived.until is None:
        return last_day_of(protocol, arrays, planned.until), followed(protocol, arrays, planned.complete_at)
    if derived.until.after != "last dose":
        hint = "Write e.g. last dose + 28 days."
        columns.refuse((*path, "until"), f"`{derived.until}` is not counted from the last dose", hint)
    given = np.where(arrays.doses > 0, arrays.days, -np.inf).max(axis=-1)
    end = given + derived.until.until
    return end, arrays.last_day >= end


# ---- organ response ------------------------------------------------------------------------------


def _best(
    columns: Columns,
    protocol: Protocol,
    arrays: Arrays,
    planned: defined.OrganResponse,
    visits: tuple[str, ...],
    path: Path,
) -> _States:
    """(n,) the best state among visits; while a visit is not due, none is the last word."""
    for i, one in enumerate(visits):
        if one not in arrays.points:
            columns.refuse((*path, "at", i), f"the study has no visit `{one}`")
    each = [states(protocol, arrays, planned, one) for one in visits]
    order = ("complete", "partial", "pending", "none", "missing", "nothing_involved")
    best = np.full(each[0].shape, None, dtype=object)
    for name in reversed(order):
        best[np.logical_or.reduce([one == name for one in each])] = name
    return best


def states(protocol: Protocol, arrays: Arrays, planned: defined.OrganResponse, at: str) -> _States:
    """(n,) the state of each participant of the first trial at one visit; None outside the set."""
    found = response(protocol, arrays, planned, at)
    state = np.full(found.evaluable[0].shape, None, dtype=object)
    state[found.evaluable[0]] = "none"
    for name in ("complete", "partial", "missing", "pending", "nothing_involved"):
        state[getattr(found, name)[0]] = name
    return state
