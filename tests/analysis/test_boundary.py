from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise, product
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
SPLIT = (30, 0.25, 0.05)  # the one published design whose boundary owes to rounding, see below


def within_reach(stop_at: list[int]) -> tuple[int | None, ...]:
    """A printed boundary from n = 1 on, without limits that n participants cannot meet."""
    return tuple(b if b <= n else None for n, b in enumerate(stop_at, start=1))


@st.composite
def boundaries(draw: st.DrawFn, n_max: int = 8) -> Boundary:
    starts = sorted(draw(st.sets(st.integers(1, n_max), min_size=1, max_size=4)))
    counts = sorted(draw(st.lists(st.integers(1, 5), min_size=len(starts), max_size=len(starts))))
    return from_steps(list(zip(starts, counts, strict=True)), n_max)


@pytest.mark.parametrize(("key", "theta"), [("p10", 0.1), ("p20", 0.2)])
def test_iva_n10_boundary(cases: Cases, key: str, theta: float) -> None:
    expected = cases["iva_n10_boundary"]["expected"][key]
    ours = pocock(10, theta, 0.1)
    assert ours.stop_at == within_reach(expected["bound"])
    p, stop, early, treated = np.array(expected["cross"]).T
    actual = ours.operating_characteristics(p)
    assert actual.stop == pytest.approx(stop, abs=1e-9)
    assert actual.stop_early == pytest.approx(early, abs=1e-9)
    assert actual.expected_treated == pytest.approx(treated, abs=1e-9)


def test_toxbdry_pocock(cases: Cases) -> None:
    expected = cases["toxbdry_pocock"]["expected"]
    ours = pocock(30, 0.1, 0.1)
    assert ours.stop_at == (None, *(beyond + 1 for beyond in expected["hi"]))
    p, stop, early, treated = np.array(expected["cross_hi"]).T
    actual = ours.operating_characteristics(p)
    assert actual.stop == pytest.approx(stop, abs=1e-9)
    assert actual.stop_early == pytest.approx(early, abs=1e-9)
    assert actual.expected_treated == pytest.approx(treated, abs=1e-9)


def test_stoppingrule_pocock_30(cases: Cases) -> None:
    case = cases["stoppingrule_pocock_30"]
    ours = pocock(30, case["inputs"]["p0"], case["inputs"]["alpha"])
    assert ours.stop_at == within_reach(case["expected"]["bound"])


def test_published_pocock_toxicity(published: Mapping[str, Any]) -> None:
    for row in published["pocock_toxicity"]["rows"]:
        design = (row["N"], row["theta"], row["phi"])
        if design == SPLIT:
            continue
        ours = pocock(*design)
        assert ours.stop_at == tuple(row["stop_if_ge"]), row
        assert ours.operating_characteristics(row["theta"]).stop == pytest.approx(row["attained"], abs=1e-9)


def test_equal_tail_probabilities_stop_together(published: Mapping[str, Any]) -> None:
    # 3 of 3 and 4 of 5 are equally unlikely at 1/4, exactly 1/64. The published row stops at the
    # second only, which no constant does: rounding split the tie. Together they exceed the size.
    quarter = Fraction(1, 4)
    assert quarter**3 == 5 * quarter**4 * (1 - quarter) + quarter**5
    (row,) = (r for r in published["pocock_toxicity"]["rows"] if (r["N"], r["theta"], r["phi"]) == SPLIT)
    neither, both = list(row["stop_if_ge"]), list(row["stop_if_ge"])
    neither[4], both[2] = 5, 3
    assert pocock(*SPLIT).stop_at == tuple(neither)
    assert Boundary(tuple(both)).operating_characteristics(0.25).stop > 0.05


def test_prob_detect_ae_10(cases: Cases) -> None:
    case = cases["prob_detect_ae_10"]
    first_event = from_steps([(1, 1)], case["inputs"]["n"])
    actual = first_event.operating_characteristics(case["inputs"]["p"]).stop
    assert actual == pytest.approx(case["expected"]["prob"], abs=1e-12)


def test_a_printed_boundary() -> None:
    ours = from_steps(PRINTED, 10)
    assert ours.stop_at == (None, 2, 2, 2, 3, 3, 3, 3, 3, 3)
    assert ours == pocock(10, 0.1, 0.1)
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


@pytest.mark.parametrize("wrong", [(0, 0.1, 0.1), (10, 0.0, 0.1), (10, 0.1, 1.0), (10, float("nan"), 0.1)])
def test_wrong_designs_are_refused(wrong: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError, match="0 < theta, phi < 1"):
        pocock(*wrong)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_wrong_probabilities_are_refused(p: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        from_steps(PRINTED, 10).operating_characteristics(p)


def test_a_boundary_too_strict_to_state_never_stops() -> None:
    ours = pocock(2, 0.9, 0.1)
    assert ours == Boundary((None, None)) and ours.steps() == ()
    assert ours.operating_characteristics(0.9).expected_treated == 2


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


@given(st.integers(1, 25), st.floats(0.02, 0.6), st.floats(0.01, 0.4))
def test_pocock_never_exceeds_its_size_and_rises_by_single_events(
    n_max: int, theta: float, phi: float
) -> None:
    ours = pocock(n_max, theta, phi)
    assert ours.operating_characteristics(theta).stop <= phi + 1e-12
    limits = [b for b in ours.stop_at if b is not None]
    assert all(0 <= after - before <= 1 for before, after in pairwise(limits))
    if limits:
        assert from_steps(ours.steps(), n_max) == ours


@given(boundaries(), st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_batched_equals_single(ours: Boundary, p: list[float]) -> None:
    together = ours.operating_characteristics([p, p])
    alone = [ours.operating_characteristics(each).stop.item() for each in p]
    assert together.stop.tolist() == [alone, alone]
