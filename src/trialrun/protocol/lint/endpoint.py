"""Objectives and end points: whether each is fed, wanted, and able to say anything with so few people."""

from __future__ import annotations

from collections.abc import Iterator
from math import comb

from trialrun.protocol.endpoint import Endpoint, OrganResponse, PairedChange, WithoutEvent
from trialrun.protocol.knowable import asked_at_any_time
from trialrun.protocol.link import DEATH
from trialrun.protocol.lint.code import Found, finding
from trialrun.protocol.protocol import Protocol


@finding(
    "endpoint-not-fed",
    means="No assessment feeds a part of an end point: a further visit, an event, or the end of its period.",
    matters="Its table or its proportion would be empty there, or everyone would count as without event.",
    mend="Ask the form there (`activities`), or take the visit or event out of the end point.",
    was="secondary_at: [W2, W10]",
    now="secondary_at: [C1.D7, W2, W10]",
)
def not_fed(protocol: Protocol) -> Iterator[Found]:
    for name, endpoint in protocol.study.endpoints.items():
        for message in (*_unfed(protocol, endpoint), *_unvisited(protocol, endpoint)):
            yield Found(f"endpoints/{name}", message)


def _unfed(protocol: Protocol, endpoint: Endpoint) -> Iterator[str]:
    if isinstance(endpoint, PairedChange):
        yield from _unmeasured(protocol, (endpoint.parameter,), endpoint.secondary_at)
    if isinstance(endpoint, OrganResponse):
        yield from _unmeasured(protocol, tuple(endpoint.organs), endpoint.secondary_at)
        yield from _unheard(protocol, endpoint.unless)
    if isinstance(endpoint, WithoutEvent):
        yield from _unheard(protocol, endpoint.events)
        for visit in dict.fromkeys((endpoint.complete_at, endpoint.until)):
            if not protocol.timepoints[visit].forms:
                yield f"Nothing is asked at {visit}, so nobody is known to be without event there."
        if protocol.timepoints[endpoint.complete_at].offset > protocol.timepoints[endpoint.until].offset:
            yield f"It is complete at {endpoint.complete_at}, after the period ends at {endpoint.until}."


def _unvisited(protocol: Protocol, endpoint: Endpoint) -> Iterator[str]:
    """Visits that one of the arms, of those that are compared, does not have."""
    if isinstance(endpoint, WithoutEvent):
        wanted: list[tuple[str, ...]] = [(endpoint.until,), (endpoint.complete_at,)]
    else:
        wanted = [endpoint.baseline, (endpoint.at,), *((visit,) for visit in endpoint.secondary_at)]
    for arm in endpoint.compare.arms if endpoint.compare else protocol.arms:
        for visits in dict.fromkeys(wanted):
            if not any(protocol.timepoints[visit].of(arm) for visit in visits):
                yield f"The arm {arm} does not have {' or '.join(visits)}."


def _unmeasured(protocol: Protocol, parameters: tuple[str, ...], visits: tuple[str, ...]) -> Iterator[str]:
    for parameter in parameters:
        forms = [
            form
            for form, asked in protocol.forms.items()
            if parameter in {i.sdtm for i in asked.items.values()}
        ]
        measured = {point for form in forms for point in protocol.where_asked[form]}
        if missing := [visit for visit in visits if visit not in measured]:
            yield f"{parameter} is not measured at {', '.join(missing)}."


def _unheard(protocol: Protocol, events: tuple[str, ...]) -> Iterator[str]:
    for event in events:
        if event != DEATH and event not in asked_at_any_time(protocol) and not protocol.where_asked[event]:
            yield f"The form {event} is asked nowhere, so its events are never known."


@finding(
    "endpoint-order",
    means="The baseline of an end point lies after the first dose, or its visits not after its baseline.",
    matters="The change would be one under treatment only, or have its sign turned round.",
    mend="Take the baseline before the first dose, and measure the effect after it.",
    was="    baseline: [SCR]\n    at: W6",
    now="    baseline: [W2]\n    at: W6",
)
def turned_round(protocol: Protocol) -> Iterator[Found]:
    for name, endpoint in protocol.study.endpoints.items():
        if isinstance(endpoint, WithoutEvent):
            continue
        points = [protocol.timepoints[visit] for visit in endpoint.baseline]
        known = [point for point in points if point.planned]
        for point in known:
            if point.offset > 0:
                message = f"The baseline, {point.id}, is on study day {point.day}, after the first dose."
                yield Found(f"endpoints/{name}", message)
        for visit in (endpoint.at, *endpoint.secondary_at):
            at = protocol.timepoints[visit]
            if at.planned and any(at.offset <= point.offset for point in known):
                yield Found(f"endpoints/{name}", f"{visit} does not come after the baseline.")


@finding(
    "endpoint-state",
    means="An end point waits for a state that no item of its organs offers.",
    matters="Nobody is ever involved, or ever worse: the response would be counted wrongly.",
    mend="Use one of the item's codes, or add the code.",
    was="worse: [worse]",
    now="worse: [worse, relapsed]",
)
def states(protocol: Protocol) -> Iterator[Found]:
    items = [item for form in protocol.forms.values() for item in form.items.values()]
    for name, endpoint in protocol.study.endpoints.items():
        if not isinstance(endpoint, OrganResponse):
            continue
        offered = {code for item in items if item.sdtm in endpoint.organs for code in item.codes}
        for word, wanted in (("involved", endpoint.involved), ("worse", endpoint.worse)):
            for state in wanted:
                if state not in offered:
                    yield Found(f"endpoints/{name}", f"No organ can be `{state}`, which `{word}` waits for.")


@finding(
    "endpoint-without-objective",
    means="An end point belongs to no objective.",
    matters="What is measured must answer a question that the protocol asks, or nobody knows why it is.",
    mend="Name it among the `endpoints` of an objective, or remove it.",
    was="endpoints: [quiet, legs], from: outline#3",
    now="endpoints: [quiet], from: outline#3",
)
def unwanted(protocol: Protocol) -> Iterator[Found]:
    wanted = {name for objective in protocol.study.objectives.values() for name in objective.endpoints}
    for name in protocol.study.endpoints:
        if name not in wanted:
            yield Found(f"endpoints/{name}", f"No objective names the end point {name}.")


@finding(
    "objective-without-endpoint",
    means="An objective has no end point, or none of its own rank.",
    matters="The trial would end without an answer to a question it asks.",
    mend="Name an end point for it, of the same `level`.",
    was="objectives:\n",
    now="objectives:\n"
    "  sleep: {level: secondary, text: {en: Sleep, fr: Sommeil}, endpoints: [], from: outline#3}\n",
)
def unanswered(protocol: Protocol) -> Iterator[Found]:
    for name, objective in protocol.study.objectives.items():
        ranks = {protocol.study.endpoints[key].level for key in objective.endpoints}
        if not ranks:
            yield Found(f"objectives/{name}", f"The objective {name} has no end point.")
        elif objective.level not in ranks:
            message = f"The objective {name} is {objective.level}, and none of its end points is."
            yield Found(f"objectives/{name}", message)


@finding(
    "never-significant",
    means="An exact test cannot reach its level with so few participants, whatever they show.",
    matters="With n pairs that all change one way the two-sided p-value is 2/2^n; it cannot be smaller.",
    mend="Plan more participants, ask for more pairs (`at_least`), or estimate instead of testing.",
    was="    secondary_at: [W2, W10]\n    missing: left out of the exact test\n    at_least: 7",
    now="    secondary_at: [W2, W10]\n    missing: left out of the exact test\n    at_least: 5",
)
def powerless(protocol: Protocol) -> Iterator[Found]:
    planned = protocol.study.enrolment.planned
    for name, endpoint in protocol.study.endpoints.items():
        if not isinstance(endpoint, PairedChange):
            continue
        alpha, said = _level(protocol, name, endpoint)
        for pairs, who in (
            (planned, "planned participants"),
            (endpoint.at_least, "pairs, the fewest allowed,"),
        ):
            smallest = _smallest(protocol, endpoint, pairs, planned=who == "planned participants")
            if smallest > alpha:
                message = (
                    f"With {pairs} {who} the smallest p-value is {smallest:.3g}, and the level is {said}."
                )
                yield Found(f"endpoints/{name}", message)
                break


def _smallest(protocol: Protocol, endpoint: PairedChange, count: int, *, planned: bool) -> float:
    """The smallest two-sided p-value: of a signed rank within participants, or of a rank sum between two arms
    of which ``count`` are the participants of both, or the pairs of each."""
    if endpoint.compare is None:
        return float(2 / 2**count)
    arms = max(len(protocol.arms), 1)
    each = count // arms if planned else count
    return 2 / comb(2 * each, each)


def _level(protocol: Protocol, name: str, endpoint: PairedChange) -> tuple[float, str]:
    """The level an end point must reach if it comes first (Holm), in a number and in words."""
    several = protocol.study.multiplicity
    if several and name in several.over:
        alpha = several.alpha / len(several.over)
        return alpha, f"{alpha:.3g} (Holm: {several.alpha:g} over {len(several.over)})"
    alpha = round(1 - endpoint.confidence, 9)
    return alpha, f"{alpha:.3g}"


@finding(
    "more-pairs-than-people",
    means="An end point asks for more pairs than participants are planned.",
    matters="It could never be tested.",
    mend="Lower `at_least`, or plan more participants.",
    was="    secondary_at: [W2, W10]\n    missing: left out of the exact test\n    at_least: 7",
    now="    secondary_at: [W2, W10]\n    missing: left out of the exact test\n    at_least: 20",
)
def too_many(protocol: Protocol) -> Iterator[Found]:
    planned = protocol.study.enrolment.planned
    for name, endpoint in protocol.study.endpoints.items():
        if isinstance(endpoint, PairedChange) and endpoint.at_least > planned:
            message = f"{name} asks for {endpoint.at_least} pairs, and {planned} participants are planned."
            yield Found(f"endpoints/{name}", message)


@finding(
    "multiplicity-unsaid",
    means="Several primary end points are tested, and nothing says how their errors are shared.",
    matters="Each test alone may be wrong in 1 of 20 trials; together they are wrong more often.",
    mend="Name them all in `multiplicity`, or make all but one secondary.",
    was="multiplicity: {method: holm, over: [cramps, magnesium],",
    now="multiplicity: {method: holm, over: [cramps],",
)
def unshared(protocol: Protocol) -> Iterator[Found]:
    study = protocol.study
    tested = [
        name
        for name, endpoint in study.endpoints.items()
        if endpoint.level == "primary" and isinstance(endpoint, PairedChange)
    ]
    over = study.multiplicity.over if study.multiplicity else ()
    if len(tested) > 1 and not set(tested) <= set(over):
        yield Found("multiplicity", f"{', '.join(tested)} are primary and tested, and share no level.")


CODES = (not_fed, turned_round, states, unwanted, unanswered, powerless, too_many, unshared)
