"""The endpoints of a study: each kind of the study file, computed from the arrays of any number of trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.arrays import Arrays
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.organ_response import OrganResponse, Organs, organ_response
from trialrun.analysis.paired_change import PairedChange, mean_baseline, paired_change
from trialrun.analysis.rounding import quantile
from trialrun.analysis.without_event import WithoutEvent, without_event
from trialrun.protocol import endpoint as defined
from trialrun.protocol.protocol import Protocol

Result = WithoutEvent | PairedChange | OrganResponse
_Floats = NDArray[np.float64]
_Mask = NDArray[np.bool_]


def estimate(protocol: Protocol, arrays: Arrays, name: str) -> Result:
    """The endpoint ``name`` of the study, at its primary timepoint, for every trial of the arrays."""
    endpoint = protocol.study.endpoints[name]
    if isinstance(endpoint, defined.WithoutEvent):
        return without(protocol, arrays, endpoint)
    if isinstance(endpoint, defined.PairedChange):
        return change(arrays, endpoint)
    if isinstance(endpoint, defined.OrganResponse):
        return response(protocol, arrays, endpoint, endpoint.at)
    assert_never(endpoint)


# ---- without an event ----------------------------------------------------------------------------


def without(protocol: Protocol, arrays: Arrays, endpoint: defined.WithoutEvent) -> WithoutEvent:
    """Events count up to the endpoint's last visit, and when their day is not known."""
    end = last_day_of(protocol, arrays, endpoint.until)
    event = np.logical_or.reduce([by(arrays, name, end) for name in endpoint.events])
    complete = followed(protocol, arrays, endpoint.complete_at)
    return without_event(event, complete, arrays.ended >= 0, members(arrays), level=endpoint.confidence)


def by(arrays: Arrays, name: str, day: _Floats) -> _Mask:
    """(T, n): an event happened by this study day (T, n), or on a day that is not known."""
    events = arrays.events(name)
    return events.happened & ~(events.first > day)


def due(protocol: Protocol, arrays: Arrays, point: str) -> _Floats:
    """(T, n): study day on which a timepoint is due, counted from the actual day of what it follows.

    Those who never had that are due by its ``otherwise``, and else on the planned day.
    """
    planned = protocol.timepoints[point]
    day = np.full(arrays.dosed.shape, float(planned.day))
    for anchor in (planned.otherwise, planned.anchor):
        start = f"{anchor.after}.D1" if anchor else ""
        if anchor and start in arrays.points:
            actual = arrays.days[:, :, arrays.point(start)] + anchor.offset
            day = np.where(np.isnan(actual), day, actual)
    return day


def last_day_of(protocol: Protocol, arrays: Arrays, point: str) -> _Floats:
    """(T, n): the day of a timepoint where it took place, else the last day of its window."""
    actual = arrays.days[:, :, arrays.point(point)]
    latest = due(protocol, arrays, point) + protocol.timepoints[point].window.after
    return np.where(np.isnan(actual), latest, actual)


def followed(protocol: Protocol, arrays: Arrays, point: str) -> _Mask:
    """(T, n): seen, or known of, on the first day of the timepoint's window or later.

    By the day, not by the visit's name: a form filled ahead of its time follows nobody.
    """
    begins = due(protocol, arrays, point) - protocol.timepoints[point].window.before
    seen = (arrays.attended & (arrays.days >= begins[:, :, None])).any(axis=-1)
    return np.asarray(seen | (arrays.last_day >= begins))


def members(arrays: Arrays) -> _Mask:
    """(T, n): the analysis set ``dosed``: at least one injection."""
    return arrays.present & arrays.dosed


# ---- paired change -------------------------------------------------------------------------------


def change(
    arrays: Arrays, endpoint: defined.PairedChange, at: str | None = None, *, later: bool = False
) -> PairedChange:
    """The change to ``at`` (default: the primary timepoint).

    Values after an event whose strategy is hypothetical are left out, unless ``later`` asks for all
    (treatment policy, the sensitivity analysis).
    """
    values = measured(arrays, endpoint.parameter) if later else before_events(arrays, endpoint)
    points = [arrays.point(name) for name in endpoint.baseline]
    return paired_change(
        measured(arrays, endpoint.parameter)[:, :, points],
        values[:, :, arrays.point(at or endpoint.at)],
        members(arrays),
        scale=endpoint.scale,
        at_least=endpoint.at_least,
        level=endpoint.confidence,
    )


def measured(arrays: Arrays, parameter: str) -> _Floats:
    """(T, n, P): values, NaN where not observed."""
    values, observed = arrays.parameter(parameter)
    return np.where(observed, values, np.nan)


def before_events(arrays: Arrays, endpoint: defined.PairedChange) -> _Floats:
    """(T, n, P): values that no event with a hypothetical strategy precedes.

    A value on the day of the event stays; where that day is not known, every value after baseline goes.
    """
    values = measured(arrays, endpoint.parameter)
    for name in hypothetical(endpoint):
        events = arrays.events(name)
        first = np.where(events.happened & np.isnan(events.first), 0.0, events.first)
        values = np.where(arrays.days > first[:, :, np.newaxis], np.nan, values)
    return values


def hypothetical(endpoint: defined.PairedChange) -> tuple[str, ...]:
    """The intercurrent events after which values are left out (ICH E9(R1), hypothetical strategy)."""
    strategies = endpoint.estimand.intercurrent
    return tuple(name for name, how in strategies.items() if how("en").startswith("hypothetical"))


@dataclass(frozen=True)
class Summary:
    """Values of one trial at one timepoint."""

    point: str
    n: int
    median: float | NotEstimable
    lower: float | NotEstimable  # quartiles, SAS definition 5
    upper: float | NotEstimable


def summaries(arrays: Arrays, endpoint: defined.PairedChange, trial: int = 0) -> list[Summary]:
    """The baseline (mean of its timepoints) and every timepoint of the endpoint, in order of the plan."""
    who = members(arrays)[trial]
    values = before_events(arrays, endpoint)[trial]
    points = [arrays.point(name) for name in endpoint.baseline]
    mean = mean_baseline(values[:, points], endpoint.scale)
    baseline = np.exp(mean) if endpoint.scale == "log" else mean
    wanted = {*endpoint.baseline, endpoint.at, *endpoint.secondary_at}
    columns = [(name, values[:, i]) for i, name in enumerate(arrays.points) if name in wanted]
    return [_summary(name, column[who]) for name, column in [("baseline", baseline), *columns]]


def _summary(name: str, values: NDArray[Any]) -> Summary:
    seen = values[~np.isnan(values)]
    median, lower, upper = (quantile(seen, q) for q in (0.5, 0.25, 0.75))
    return Summary(name, int(seen.size), median, lower, upper)


# ---- organ response ------------------------------------------------------------------------------


def response(protocol: Protocol, arrays: Arrays, endpoint: defined.OrganResponse, at: str) -> OrganResponse:
    """The response at one visit. An organ's baseline is the first of its timepoints that was observed."""
    visit, day = arrays.point(at), last_day_of(protocol, arrays, at)
    return organ_response(
        organs_at(arrays, endpoint, at),
        members(arrays),
        failed=failed(protocol, arrays, endpoint, at),
        pending=(arrays.ended < 0) & ~arrays.attended[:, :, visit] & ~(arrays.last_day > day),
        partial=endpoint.partial,
        level=endpoint.confidence,
    )


def failed(protocol: Protocol, arrays: Arrays, endpoint: defined.OrganResponse, at: str) -> _Mask:
    """(T, n): an event that rules a response out happened by one visit."""
    day, never = last_day_of(protocol, arrays, at), np.zeros_like(arrays.dosed)
    return np.asarray(np.logical_or.reduce([never, *(by(arrays, name, day) for name in endpoint.unless)]))


def organs_at(arrays: Arrays, endpoint: defined.OrganResponse, at: str) -> Organs:
    """The endpoint's organs at baseline and at one visit, in the order of the study file.

    An organ is against a response when it is worse, or involved though baseline showed it was not.
    """
    visit = arrays.point(at)
    involved, responds, against, seen = [], [], [], []
    for organ, states in endpoint.organs.items():
        before, known = baseline_states(arrays, endpoint, organ)
        responding, observed = arrays.among(organ, states)
        worse, _ = arrays.among(organ, endpoint.worse)
        active, _ = arrays.among(organ, endpoint.involved)
        involved.append(before)
        responds.append(responding[:, :, visit])
        against.append(worse[:, :, visit] | (active[:, :, visit] & known & ~before))
        seen.append(observed[:, :, visit])
    return Organs(*(np.stack(each, axis=-1) for each in (involved, responds, against, seen)))


def baseline_states(arrays: Arrays, endpoint: defined.OrganResponse, organ: str) -> tuple[_Mask, _Mask]:
    """(T, n): involved at the first baseline timepoint where the organ was observed; and observed at all."""
    involved, observed = arrays.among(organ, endpoint.involved)
    result, known = np.zeros_like(arrays.dosed), np.zeros_like(arrays.dosed)
    for name in endpoint.baseline:
        at = arrays.point(name)
        result = np.where(observed[:, :, at] & ~known, involved[:, :, at], result)
        known = known | observed[:, :, at]
    return result, known
