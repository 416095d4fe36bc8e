from collections.abc import Mapping
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.analysis.boundary import Boundary, from_steps
from trialrun.analysis.design.toxicity import pocock

Cases = Mapping[str, Mapping[str, Any]]
PRINTED = ((2, 2), (5, 3))


@st.composite
def boundaries(draw: st.DrawFn, n_max: int = 8) -> Boundary:
    starts = sorted(draw(st.sets(st.integers(1, n_max), min_size=1, max_size=4)))
    counts = sorted(draw(st.lists(st.integers(1, 5), min_size=len(starts), max_size=len(starts))))
    return from_steps(list(zip(starts, counts, strict=True)), n_max)


def test_prob_detect_ae_10(cases: Cases) -> None:
    case = cases["prob_detect_ae_10"]
    first_event = from_steps([(1, 1)], case["inputs"]["n"])
    actual = first_event.operating_characteristics(case["inputs"]["p"]).stop
    assert actual == pytest.approx(case["expected"]["prob"], abs=1e-12)


def test_a_printed_boundary() -> None:
    ours = from_steps(PRINTED, 10)
    assert ours.stop_at == (None, 2, 2, 2, 3, 3, 3, 3, 3, 3)
    assert ours == pocock(10, 0.1, 0.1)  # the rule that the steps were printed from
    assert np.round(ours.operating_characteristics([0.1, 0.2, 0.3]).stop, 2).tolist() == [0.10, 0.36, 0.65]
    assert ours.steps() == PRINTED


def test_reached_is_asked_for_many_trials_at_once() -> None:
    ours = from_steps(PRINTED, 10)
    events, n = np.array([[0, 2, 2], [2, 3, 1]]), np.array([0, 4, 5])
    assert ours.reached(events, n).tolist() == [[False, True, False], [False, True, False]]
    with pytest.raises(ValueError, match="up to 10 participants"):
        ours.reached(3, 11)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "n must rise strictly"),
        ([(5, 3), (2, 2)], "n must rise strictly"),
        ([(2, 2), (2, 3)], "n must rise strictly"),
        ([(0, 1)], "n must rise strictly"),
        ([(2, 2), (11, 3)], "from 1 to 10"),
        ([(2, 3), (5, 2)], "never fall"),
        ([(2, 0)], "at 1 or more"),
    ],
)
def test_wrong_steps_are_refused(steps: list[tuple[int, int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_steps(steps, 10)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_wrong_probabilities_are_refused(p: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        from_steps(PRINTED, 10).operating_characteristics(p)


@settings(max_examples=25)
@given(boundaries(), st.floats(0, 1))
def test_recursion_equals_enumeration(ours: Boundary, p: float) -> None:
    stop = early = treated = 0.0
    for events in product((0, 1), repeat=ours.n_max):
        chance = prod(p if event else 1 - p for event in events)
        stops = [n for n in range(1, ours.n_max + 1) if ours.reached(sum(events[:n]), n)]
        stop += chance * bool(stops)
        early += chance * bool(stops and stops[0] < ours.n_max)
        treated += chance * (stops[0] if stops else ours.n_max)
    actual = ours.operating_characteristics(p)
    assert (actual.stop, actual.stop_early, actual.expected_treated) == pytest.approx((stop, early, treated))


@given(boundaries(n_max=20))
def test_more_events_stop_more_and_treat_fewer(ours: Boundary) -> None:
    actual = ours.operating_characteristics(np.linspace(0, 1, 21))
    assert (np.diff(actual.stop) >= -1e-12).all() and (np.diff(actual.expected_treated) <= 1e-12).all()
    assert (actual.stop_early <= actual.stop + 1e-12).all()


@given(boundaries(), st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_batched_equals_single(ours: Boundary, p: list[float]) -> None:
    together = ours.operating_characteristics([p, p])
    alone = [ours.operating_characteristics(each).stop.item() for each in p]
    assert together.stop.tolist() == [alone, alone]
