from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.analysis.boundary import Boundary, from_steps
from trialrun.analysis.design.toxicity import (
    Scale,
    bayesian,
    calibrated_bayesian,
    obrien_fleming,
    pocock,
    repeated_test,
)

Cases = Mapping[str, Mapping[str, Any]]
SPLIT = (30, 0.25, 0.05)  # the one published design whose boundary owes to rounding, see below


def within_reach(stop_at: list[int]) -> tuple[int | None, ...]:
    """A printed boundary from n = 1 on, without limits that n participants cannot meet."""
    return tuple(b if b <= n else None for n, b in enumerate(stop_at, start=1))


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


@pytest.mark.parametrize("wrong", [(0, 0.1, 0.1), (10, 0.0, 0.1), (10, 0.1, 1.0), (10, float("nan"), 0.1)])
def test_wrong_designs_are_refused(wrong: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError, match="0 < theta, phi < 1"):
        pocock(*wrong)


def test_a_boundary_too_strict_to_state_never_stops() -> None:
    ours = pocock(2, 0.9, 0.1)
    assert ours == Boundary((None, None)) and ours.steps() == ()
    assert ours.operating_characteristics(0.9).expected_treated == 2


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


def test_bayes_tox_boundary(cases: Cases) -> None:
    case = cases["bayes_tox_boundary"]["inputs"]
    ours = bayesian(10, case["pt"], case["cut"], prior=(case["a"], case["b"]))
    assert ours.stop_at == tuple(cases["bayes_tox_boundary"]["expected"]["bound"])


def test_toxbdry_pocock_on_both_sides_of_the_size(cases: Cases) -> None:
    expected = cases["toxbdry_pocock"]["expected"]
    found = repeated_test(30, 0.1, 0.1, looks=range(2, 31))
    assert found.boundary.stop_at[1:] == tuple(x + 1 for x in expected["hi"])
    assert found.beyond
    assert found.beyond.stop_at[1:] == tuple(x + 1 for x in expected["lo"])
    p, *both = np.array(expected["oc"]).T
    for boundary, columns in ((found.beyond, both[:3]), (found.boundary, both[3:])):
        actual = boundary.operating_characteristics(p)
        assert actual.stop == pytest.approx(columns[0], abs=1e-9)
        assert actual.stop_early == pytest.approx(columns[1], abs=1e-9)
        assert actual.expected_treated == pytest.approx(columns[2], abs=1e-9)


def test_clinfun_documented_example_with_four_looks() -> None:
    # toxbdry(0.2, 0.35, c(20, 40, 60, 75)) accepts 7/20 12/40 17/60 and 20 or 21/75
    found = repeated_test(75, 0.2, 0.1, looks=(20, 40, 60, 75))
    limits = [[b for b in one.stop_at if b] for one in (found.boundary, found.beyond) if one]
    assert limits == [[8, 13, 18, 22], [8, 13, 18, 21]]


def test_stoppingrule_pocock_30_with_its_constant(cases: Cases) -> None:
    expected = cases["stoppingrule_pocock_30"]["expected"]
    found = repeated_test(30, 0.15, 0.05)
    assert [b for b in found.boundary.stop_at if b] == expected["bound"][2:]
    assert found.constant == pytest.approx(expected["cval"], abs=1e-6)


def test_published_pocock_toxicity_constants(published: Mapping[str, Any]) -> None:
    for row in published["pocock_toxicity"]["rows"]:
        if (row["N"], row["theta"], row["phi"]) == SPLIT:
            continue
        found = repeated_test(row["N"], row["theta"], row["phi"])
        assert found.constant == pytest.approx(row["nominal_alpha"], abs=1e-5), row


def test_obrien_fleming_is_strict_first_and_close_to_one_test_at_the_end() -> None:
    early, late = obrien_fleming(30, 0.2, 0.05), pocock(30, 0.2, 0.05)
    first = [next(n for n, b in enumerate(one.stop_at) if b is not None) for one in (early, late)]
    assert first[0] > first[1]
    assert (early.stop_at[-1] or 0) < (late.stop_at[-1] or 0)


def test_one_look_is_one_exact_test() -> None:
    for scale in ("exact", "score"):
        found = obrien_fleming(10, 0.3, 0.05, looks=[10], scale=scale)
        assert found.stop_at == (*[None] * 9, 6)


def test_the_score_scale_is_a_straight_line_for_obrien_fleming() -> None:
    found = obrien_fleming(40, 0.2, 0.05, scale="score").stop_at
    excess = [b - 0.2 * n for n, b in enumerate(found, start=1) if b is not None]
    assert max(excess) - min(excess) < 1  # x >= n theta + constant, rounded up


def test_a_calibrated_posterior_keeps_its_size_and_says_its_cut() -> None:
    found = calibrated_bayesian(20, 0.2, 0.1, prior=(0.4, 1.6))
    assert found.constant and found.beyond
    assert bayesian(20, 0.2, found.constant, prior=(0.4, 1.6)) == found.boundary
    stop = [one.operating_characteristics(0.2).stop for one in (found.boundary, found.beyond)]
    assert stop[0] <= 0.1 < stop[1]


@settings(max_examples=25)
@given(
    st.integers(1, 25),
    st.floats(0.02, 0.6),
    st.floats(0.01, 0.4),
    st.sampled_from([0.0, 0.25, 0.5]),
    st.sampled_from(["exact", "score"]),
    st.integers(1, 4),
)
def test_every_shape_keeps_its_size_and_never_falls(
    n_max: int, theta: float, phi: float, shape: float, scale: Scale, step: int
) -> None:
    looks = range(min(step, n_max), n_max + 1, step)
    found = repeated_test(n_max, theta, phi, shape=shape, looks=looks, scale=scale)
    limits = [b for b in found.boundary.stop_at if b is not None]
    assert all(before <= after for before, after in pairwise(limits))
    assert all(b is None or n in looks for n, b in enumerate(found.boundary.stop_at, start=1))
    assert found.boundary.operating_characteristics(theta).stop <= phi
    if found.beyond:
        assert found.beyond.operating_characteristics(theta).stop > phi


@given(st.integers(1, 30), st.floats(0.05, 0.6), st.floats(0.5, 0.99), st.floats(0.2, 3), st.floats(0.2, 3))
def test_bayesian_boundaries_never_fall_and_rise_by_single_events(
    n_max: int, threshold: float, certainty: float, a: float, b: float
) -> None:
    limits = [x for x in bayesian(n_max, threshold, certainty, prior=(a, b)).stop_at if x is not None]
    assert all(0 <= after - before <= 1 for before, after in pairwise(limits))


@pytest.mark.parametrize("looks", [[], [3, 2], [0, 2], [2, 2], [5, 11]])
def test_wrong_looks_are_refused(looks: list[int]) -> None:
    with pytest.raises(ValueError, match="must rise, from 1 to 10"):
        pocock(10, 0.1, 0.1, looks=looks)


@pytest.mark.parametrize("wrong", [(0, 0.3, 0.9), (10, 0.0, 0.9), (10, 0.3, 1.0)])
def test_wrong_bayesian_designs_are_refused(wrong: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError, match="0 < threshold, certainty < 1"):
        bayesian(*wrong)
    with pytest.raises(ValueError, match="above 0"):
        bayesian(10, 0.3, 0.9, prior=(0, 1))


def test_a_certainty_that_no_outcome_gives_never_stops() -> None:
    assert bayesian(3, 0.5, 0.999) == Boundary((None,) * 3)


def test_a_boundary_of_a_rare_event_does_not_fall() -> None:
    # Taken look by look, 3 events would be needed at n = 3 and 4, and 2 from n = 5 to 7.
    assert obrien_fleming(10, 0.05, 0.05).stop_at == (None, 2, 2, 2, 2, 2, 2, 3, 3, 3)


def test_a_boundary_may_be_made_for_its_power() -> None:
    found = repeated_test(30, 0.1, 0.9, looks=range(2, 31), rate=0.3)
    assert found.beyond
    stop = [one.operating_characteristics(0.3).stop for one in (found.boundary, found.beyond)]
    assert stop[0] <= 0.9 < stop[1]
    with pytest.raises(ValueError, match="from theta"):
        repeated_test(30, 0.1, 0.9, rate=0.05)
