"""What arms, events, the last dose and need do to a participant's timepoints."""

import numpy as np
import pytest

from small_study import small
from trialrun.conduct.act import acts
from trialrun.conduct.cohort import Cohort, Times
from trialrun.conduct.standing import DONE, FUTURE, OPEN, VOID, standing, states
from trialrun.protocol.protocol import Protocol

DAY_1 = np.datetime64("2020-03-09", "D")
WHO = np.array([0])


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    return small(tmp_path_factory.mktemp("arms"))


def at(day: float, hour: float = 10) -> Times:
    """Days are counted from the first dose, 0."""
    return np.array([DAY_1.astype("datetime64[m]") + np.timedelta64(round(day * 1440 + hour * 60), "m")])


def begun(study: Protocol, arm: str, doses: dict[str, float], keeps_blood: bool = True) -> Cohort:
    """One participant in an arm, with these doses on these days."""
    cohort = Cohort(study, 1)
    said = {"signed": True, "blood": keeps_blood}
    cohort.enter("consent", "SCR", WHO, at(-7), at(-7), said)
    cohort.enter("person", "SCR", WHO, at(-7), at(-7), {"sex": "F", "height": 180, "weight": 80})
    cohort.include(WHO, at(-3), arm, block=2)
    for point, day in doses.items():
        cohort.enter("dose", point, WHO, at(day), at(day), {"given": True, "dose": 40})
    return cohort


def status(cohort: Cohort, point: str, day: float) -> int:
    return int(standing(cohort, at(day)).status(cohort, point, at(day))[0])


SERIES = {"S1.D1": 0, "S2.D1": 14, "S3.D1": 28, "S4.D1": 42}


def test_what_belongs_to_the_other_arm_never_comes(study: Protocol) -> None:
    cohort = begun(study, "B", {"S1.D1": 0})
    assert status(cohort, "LOAD.D1", 0) == status(cohort, "KEEP.D3", 0) == VOID
    assert status(cohort, "S1.D8", 7) == OPEN
    assert states(cohort, at(1)).tolist() == ["in treatment"]


def test_before_an_arm_is_given_either_may_come(study: Protocol) -> None:
    cohort = begun(study, "A", {})
    cohort.arm[:] = -1
    assert status(cohort, "S1.D1", 0) == status(cohort, "LOAD.D1", 0) == OPEN


def test_follow_up_is_counted_from_the_last_dose_of_those_who_go_on(study: Protocol) -> None:
    cohort = begun(study, "B", {"S1.D1": 0, "S2.D1": 14})
    assert standing(cohort, at(15)).planned["LATE"][0] == DAY_1 + 42 + 28
    assert status(cohort, "LATE", 42) == FUTURE  # while doses are to come, whatever the last one was
    whole = begun(study, "B", SERIES | {"S4.D1": 44})
    assert standing(whole, at(45)).planned["LATE"][0] == DAY_1 + 44 + 28
    assert status(whole, "LATE", 44 + 28) == OPEN


def test_who_is_stopped_is_followed_from_the_dose_they_had(study: Protocol) -> None:
    cohort = begun(study, "B", {"S1.D1": 0, "S2.D1": 14})
    cohort.stop(WHO, "stops.severe", at(16))
    assert standing(cohort, at(16)).planned["LATE"][0] == DAY_1 + 14 + 28
    assert status(cohort, "LATE", 42) == OPEN


def test_a_dose_that_is_missed_ends_the_waiting(study: Protocol) -> None:
    cohort = begun(study, "B", {"S1.D1": 0, "S2.D1": 14})
    assert standing(cohort, at(60)).planned["LATE"][0] == DAY_1 + 14 + 28  # S3 and S4 were left out


def test_an_event_brings_its_visit(study: Protocol) -> None:
    cohort = begun(study, "B", {"S1.D1": 0})
    assert status(cohort, "SEEN", 5) == VOID
    row = {"term": "rash", "onset": str(DAY_1 + 3), "severe": False}
    cohort.write("event", 0, "1", at(4)[0], at(4)[0], row)
    assert standing(cohort, at(5)).planned["SEEN"][0] == DAY_1 + 8
    assert status(cohort, "SEEN", 5) == FUTURE
    assert status(cohort, "SEEN", 8) == OPEN


def test_a_visit_as_needed_may_come_at_any_time_one_after_the_other(study: Protocol) -> None:
    cohort = begun(study, "B", {"S1.D1": 0})
    offered = {act.point: act.status for act in acts(cohort, 0, at(3)[0]) if act.point.startswith("EXTRA")}
    assert offered == {"EXTRA_1": "as needed"}
    cohort.enter("check", "EXTRA_1", WHO, at(3), at(3), {"well": True, "pulse": 70})
    assert status(cohort, "EXTRA_1", 4) == DONE
    assert status(cohort, "EXTRA_2", 4) == OPEN
    cohort.enter("end", "any time", WHO, at(9), at(9), {"status": "withdrawn"})
    assert status(cohort, "EXTRA_2", 10) == VOID


def test_a_visit_of_a_course_that_never_took_place_never_comes(study: Protocol) -> None:
    late = begun(study, "B", {"S1.D1": 0})
    assert status(late, "S2.D8", 14) == FUTURE
    assert status(late, "S2.D8", 21) == VOID  # S2 was left out
    assert status(late, "S3.D8", 21) == FUTURE
    late.stop(WHO, "stops.severe", at(22))
    assert status(late, "S4.D8", 49) == VOID
    assert status(late, "S1.D8", 7) == OPEN


@pytest.mark.parametrize("joined", [True, False])
def test_a_substudy_is_for_those_who_joined_it(study: Protocol, joined: bool) -> None:
    cohort = begun(study, "B", SERIES, keeps_blood=joined)
    asked = {act.name for act in acts(cohort, 0, at(140)[0]) if act.point == "W20"}
    assert ("kept" in asked) == joined


def test_nobody_is_in_a_substudy_who_is_not_known_to_have_joined(study: Protocol) -> None:
    cohort = begun(study, "B", SERIES)
    cohort.enter("consent", "SCR", WHO, at(-7), at(-7), {"blood": None})
    assert "kept" not in {act.name for act in acts(cohort, 0, at(140)[0])}


def test_doses_two_weeks_apart_have_a_window_of_their_own(study: Protocol) -> None:
    loading = {"LOAD.D1": 0, "LOAD.D2": 1, "LOAD.D3": 2, "KEEP.D1": 14}
    here = standing(begun(study, "A", loading), at(20))
    assert here.earliest["KEEP.D2"][0] == DAY_1 + 25
    assert here.latest["KEEP.D2"][0] == DAY_1 + 31
