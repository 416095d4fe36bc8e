"""Organ response: complete, partial and none by hand; unchanged disease never counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.analysis.arrays import Arrays, Events
from trialrun.analysis.endpoint import response
from trialrun.analysis.organ_response import OrganResponse
from trialrun.protocol.compile import load
from trialrun.protocol.endpoint import OrganResponse as Endpoint
from trialrun.protocol.protocol import Protocol

STATES = ("absent", "active", "improved", "resolved", "new", "worse")


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load("vascu_il2")


def endpoint(protocol: Protocol) -> Endpoint:
    found = protocol.study.endpoints["efficacy"]
    assert isinstance(found, Endpoint)
    return found


def judged(
    protocol: Protocol,
    before: dict[str, str],
    after: dict[str, str] | None,
    *,
    rescue: float | None = None,
    ended: bool = True,
    screening: dict[str, str] | None = None,
) -> OrganResponse:
    """One participant: organ states on the first day and at the primary visit (None = not seen)."""
    definition = endpoint(protocol)
    points = tuple(protocol.timepoints)
    shape = (1, 1, len(points))
    days = np.full(shape, np.nan)
    days[0, 0, points.index("C1.D1")] = 1
    if after is not None:
        days[0, 0, points.index(definition.at)] = 134
    seen = {"SCR": screening or {}, "C1.D1": before, definition.at: after or {}}
    categories = {}
    for organ in definition.organs:
        codes = np.full(shape, -1, dtype=np.int8)
        for point, states in seen.items():
            if states:
                codes[0, 0, points.index(point)] = STATES.index(states.get(organ, "absent"))
        categories[organ] = (codes, codes >= 0)
    nothing = Events(np.zeros((1, 1), bool), np.full((1, 1), np.nan), np.zeros((1, 1), np.int64))
    happened = Events(np.ones((1, 1), bool), np.full((1, 1), rescue or np.nan), np.ones((1, 1), np.int64))
    arrays = Arrays(
        subjects=("1",),
        points=points,
        present=np.ones((1, 1), bool),
        dosed=np.ones((1, 1), bool),
        doses=np.full(shape, np.nan),
        days=days,
        last_day=np.array([[260.0 if ended else 80.0]]),
        ended=np.array([[0 if ended else -1]], dtype=np.int8),
        endings=("COMPLETED",),
        categories=categories,
        labels=dict.fromkeys(definition.organs, STATES),
        occurrences={"rescue": happened if rescue is not None else nothing, "death": nothing},
    )
    return response(protocol, arrays, definition, definition.at)


def said(found: OrganResponse) -> str:
    if found.pending[0, 0]:
        return "pending"
    if not found.evaluable[0, 0]:
        return "not evaluable"
    return "complete" if found.complete[0, 0] else "partial" if found.partial[0, 0] else "none"


SKIN, NERVE, KIDNEY = "FA.PURPURA", "FA.NERVE", "FA.KIDNEY"
TWO = {SKIN: "active", NERVE: "active"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (TWO, {SKIN: "resolved", NERVE: "improved"}, "complete"),
        (TWO, {SKIN: "resolved", NERVE: "active"}, "partial"),
        (TWO, {SKIN: "improved", NERVE: "active"}, "none"),  # improved skin is no response of the skin
        (TWO, {SKIN: "resolved", NERVE: "worse"}, "none"),
        (TWO, {SKIN: "resolved", NERVE: "resolved", KIDNEY: "new"}, "none"),
        (TWO, {SKIN: "resolved", NERVE: "resolved", KIDNEY: "active"}, "none"),  # new though not so called
        ({**TWO, KIDNEY: "active"}, {SKIN: "resolved", NERVE: "active", KIDNEY: "active"}, "none"),  # a third
        ({}, {SKIN: "resolved"}, "not evaluable"),
        ({SKIN: "active"}, None, "none"),
    ],
)
def test_the_rule_by_hand(
    protocol: Protocol, before: dict[str, str], after: dict[str, str] | None, expected: str
) -> None:
    assert said(judged(protocol, before or {SKIN: "absent"}, after)) == expected


def test_rescue_before_the_visit_is_no_response_and_after_it_changes_nothing(protocol: Protocol) -> None:
    healed = {SKIN: "resolved", NERVE: "resolved"}
    assert said(judged(protocol, TWO, healed, rescue=50)) == "none"
    assert said(judged(protocol, TWO, healed, rescue=200)) == "complete"


def test_a_visit_not_seen_is_missing_once_participation_ended_and_pending_before(protocol: Protocol) -> None:
    assert judged(protocol, TWO, None).missing[0, 0]
    assert said(judged(protocol, TWO, None, ended=False)) == "pending"


def test_the_first_baseline_timepoint_that_was_seen_counts(protocol: Protocol) -> None:
    healed = {SKIN: "resolved"}
    assert said(judged(protocol, {SKIN: "absent"}, healed, screening={SKIN: "active"})) == "not evaluable"
    assert said(judged(protocol, {}, healed, screening={SKIN: "active"})) == "complete"


def test_active_where_baseline_was_never_seen_is_not_called_new(protocol: Protocol) -> None:
    found = judged(protocol, {}, {SKIN: "active"})
    assert not found.organs.against.any()
    assert said(found) == "not evaluable"


organs = st.sampled_from([SKIN, NERVE, KIDNEY, "FA.JOINTS", "FA.GUT"])


@given(st.sets(organs, min_size=1))
def test_unchanged_disease_never_counts_as_response(involved: set[str]) -> None:
    states = dict.fromkeys(involved, "active")
    found = judged(load("vascu_il2"), states, states)
    assert said(found) == "none"


@given(
    st.dictionaries(organs, st.sampled_from(STATES), min_size=1),
    st.dictionaries(organs, st.sampled_from(STATES)),
)
def test_nobody_is_in_two_classes(before: dict[str, str], after: dict[str, str]) -> None:
    found = judged(load("vascu_il2"), before, after)
    assert not (found.complete & found.partial).any()
    assert not (found.response & ~found.evaluable).any()
    if found.response.any():  # something that was involved has changed for the better
        better = [
            o for o, state in before.items() if state == "active" and after.get(o) in ("improved", "resolved")
        ]
        assert better
