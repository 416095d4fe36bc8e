"""Doses by weight and surface: reckoned from what is known, rounded as declared, never guessed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from small_study import small
from trialrun.conduct.cohort import UNALLOCATED, Cohort
from trialrun.conduct.dose import amount, amounts
from trialrun.conduct.permission import may_inject
from trialrun.protocol.protocol import Dose, Protocol

NOW = np.datetime64("2020-03-02T10:00", "m")
BY_KG = Dose(0.5, "mg", "drug", "by_weight", per="kg", of="weight", round=5, at_most=50)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    return small(tmp_path_factory.mktemp("dose"))


def screened(study: Protocol, arm: str, **measures: float) -> Cohort:
    """One participant in an arm, screened a week ago with these measures."""
    cohort, who = Cohort(study, 1), np.array([0])
    then = np.array([NOW - np.timedelta64(7, "D")])
    cohort.enter("consent", "SCR", who, then, then, {"signed": True})
    cohort.enter("person", "SCR", who, then, then, {"sex": "F", **measures})
    cohort.include(who, then, arm, block=2)
    return cohort


@pytest.mark.parametrize(
    ("weight", "given"),
    [(64.9, 30), (65, 35), (55, 30), (54.99, 25), (140, 50), (0, np.nan), (5, 5), (4.99, np.nan)],
)
def test_the_nearest_multiple_a_half_up_and_at_most(weight: float, given: float) -> None:
    np.testing.assert_equal(amount(BY_KG, np.array([float(weight)])), [given])


@given(st.floats(5, 300))
def test_a_rounded_dose_is_within_half_a_step_of_the_exact_one(weight: float) -> None:
    found = amount(BY_KG, np.array([weight]))[0]
    assert found % 5 == 0
    assert found == 50 or abs(found - 0.5 * weight) <= 2.5 + 1e-9


def test_mosteller_gives_the_square_metres(study: Protocol) -> None:
    cohort = screened(study, "B", height=180, weight=80)  # sqrt(180 × 80 / 3600) = 2 m²
    assert amounts(cohort, "S1.D1", np.array([0]), np.array([NOW])).tolist() == [40]
    cohort = screened(study, "B", height=173, weight=70)  # 1.834 m² × 20 mg/m² = 36.68 mg
    assert amounts(cohort, "S1.D1", np.array([0]), np.array([NOW])).tolist() == [35]


def test_without_the_weight_no_dose_is_permitted(study: Protocol) -> None:
    cohort = screened(study, "A")
    who, now = np.array([0]), np.array([NOW])
    assert np.isnan(amounts(cohort, "LOAD.D1", who, now)).all()
    reasons = {reason.condition: reason for reason in may_inject(cohort, "LOAD.D1", who, now).reasons()}
    assert "not known (weight)" in reasons["dose_known"].message
    assert "«Weight»" in reasons["dose_known"].cure


def test_a_dose_that_rounds_to_nothing_is_not_permitted(study: Protocol) -> None:
    cohort = screened(study, "A", weight=4.5)
    verdict = may_inject(cohort, "LOAD.D1", np.array([0]), np.array([NOW]), 0)
    reasons = {reason.condition: reason.message for reason in verdict.reasons()}
    assert reasons["dose_known"] == "the dose cannot be reckoned: it comes to nothing"


def test_the_amount_given_must_be_the_one_planned_for_this_person(study: Protocol) -> None:
    cohort = screened(study, "A", weight=64)
    who, now = np.array([0]), np.array([NOW])

    def against(given: float) -> set[str]:
        return {reason.condition for reason in may_inject(cohort, "LOAD.D1", who, now, given).reasons()}

    assert "dose" not in against(30)
    assert "dose" in against(32)


def test_a_dose_of_the_other_arm_is_refused_for_good(study: Protocol) -> None:
    cohort = screened(study, "B", height=180, weight=80)
    reasons = may_inject(cohort, "LOAD.D1", np.array([0]), np.array([NOW])).reasons()
    assert [reason.condition for reason in reasons] == ["arm"]


def test_who_was_included_without_an_arm_is_given_nothing(study: Protocol) -> None:
    cohort = screened(study, "A", height=180, weight=80)
    cohort.arm[:] = UNALLOCATED
    for point in ("LOAD.D1", "S1.D1"):
        reasons = may_inject(cohort, point, np.array([0]), np.array([NOW])).reasons()
        assert [(reason.condition, reason.message) for reason in reasons] == [("arm", "no arm was given")]
