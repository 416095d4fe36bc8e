import numpy as np
import pytest

from trialrun.conduct.standing import DONE, FUTURE, MISSED, OPEN, VOID, hold_ends, standing, states


def status(story, point, day, hour=12):
    now = story.at(day, hour)
    return int(standing(story.cohort, now).status(story.cohort, point, now)[0])


def days(story, dates):
    return int((dates[0] - story.at(0)[0].astype("datetime64[D]")).astype(int))


def test_screening_is_open_before_anything_is_known(story):
    assert status(story, "SCR", -20) == OPEN
    assert status(story, "C1.D1", -20) == VOID or np.isnat(
        standing(story.cohort, story.at(-20)).planned["C1.D1"][0]
    )
    story.screen()
    assert status(story, "SCR", -13) == DONE
    here = standing(story.cohort, story.at(-13))
    assert (days(story, here.earliest["C1.D1"]), days(story, here.latest["C1.D1"])) == (
        -13,
        14,
    )  # SCR on D-28 to D-1


def test_a_course_that_slips_takes_the_rest_with_it(story):
    story.ambulatory()
    here = standing(story.cohort, story.at(21))
    assert (days(story, here.earliest["C2.D1"]), days(story, here.latest["C2.D1"])) == (21, 28)
    story.inject("C2.D1", 26)
    here = standing(story.cohort, story.at(27))
    assert [days(story, here.planned[p]) for p in ("C2.D5", "C3.D1", "C4.D1", "W11", "W37")] == [
        30,
        47,
        68,
        82,
        264,
    ]


def test_delays_add_up_to_14_days_at_most(story):
    story.ambulatory()
    story.inject("C2.D1", 28)
    story.inject("C3.D1", 56)
    here = standing(story.cohort, story.at(60))
    assert (days(story, here.earliest["C4.D1"]), days(story, here.latest["C4.D1"])) == (77, 77)
    assert not here.omitted["C4"][0]
    assert standing(story.cohort, story.at(78)).omitted["C4"][0]


def test_a_course_left_out_is_not_caught_up_and_the_next_comes_on_its_planned_day(story):
    story.ambulatory()
    assert status(story, "C2.D1", 28, 23.9) == OPEN
    here = standing(story.cohort, story.at(29))
    assert here.omitted["C2"][0]
    assert not here.omitted["C3"][0]
    assert status(story, "C2.D1", 29) == status(story, "C2.D3", 29) == VOID
    assert days(story, here.planned["C3.D1"]) == 42
    assert status(story, "C3.D1", 42) == OPEN


def test_without_the_last_course_follow_up_counts_from_the_first(story):
    story.ambulatory().course("C2", 28).course("C3", 49)
    assert days(story, standing(story.cohort, story.at(70)).planned["W11"]) == 84
    here = standing(story.cohort, story.at(78))
    assert here.omitted["C4"][0]
    assert [days(story, here.planned[w]) for w in ("W11", "W37")] == [77, 259]
    assert status(story, "W11", 78) == OPEN


def test_a_dose_is_late_by_the_hour(story):
    story.dosed()
    story.cohort.injections.happened[0, 1] = np.datetime64("NaT")  # the second dose is not recorded
    here = standing(story.cohort, story.at(1))
    assert here.until["C1.D2"][0] == story.at(2, 10)[0]
    assert status(story, "C1.D2", 2, 10) == OPEN
    assert status(story, "C1.D2", 2, 10.5) == MISSED


def test_what_hangs_on_a_course_waits_for_it(story):
    story.ambulatory()
    assert status(story, "C2.D2", 25) == FUTURE
    assert status(story, "W11", 85) == VOID or status(story, "W11", 25) == FUTURE


def test_a_stop_ends_injections_and_nothing_else(story):
    story.dosed()
    story.cohort.stop(story.everyone, "stops.rescue", story.at(10))
    assert [status(story, p, 11) for p in ("C1.D5", "C2.D1", "tolerance_C1")] == [DONE, VOID, VOID]
    assert status(story, "W11", 77) == status(story, "W37", 259) == OPEN
    assert status(story, "SAFETY", 4 + 28) == OPEN
    here = standing(story.cohort, story.at(300))
    assert not any(here.omitted[c][0] for c in ("C2", "C3", "C4"))  # stopped, not late


def test_the_safety_visit_is_for_those_stopped_early(story):
    story.completed()
    assert status(story, "SAFETY", 95) == VOID
    story.cohort.stop(story.everyone, "stops.flare", story.at(150))
    assert status(story, "SAFETY", 160) == VOID
    assert states(story.cohort, story.at(160))[0] == "in follow-up"
    assert days(story, standing(story.cohort, story.at(160)).planned["W37"]) == 259


def test_who_is_stopped_or_too_late_before_the_first_dose_has_no_follow_up(people):
    story = people(2).screen().include()
    story.cohort.stop(np.array([0]), "stops.pregnant", story.at(-1)[:1])
    now = story.at(80)
    here = standing(story.cohort, now)
    for point in ("C1.D1", "C1.D8", "C2.D1", "tolerance_C1", "W11", "SAFETY"):
        assert list(here.status(story.cohort, point, now)) == [VOID, VOID], point
    assert list(states(story.cohort, now)) == ["stopped", "included"]
    assert not here.omitted["C1"].any()


def test_nothing_is_open_once_participation_has_ended(story):
    story.dosed()
    story.fill("end_of_participation", "any time", 76, hour=9, status="lost")
    assert status(story, "W11", 76, 8) == OPEN  # what took place before
    assert status(story, "W11", 76, 9) == status(story, "W11", 78) == VOID


def test_a_second_hold_does_not_begin_anew(story):
    story.dosed()
    assert story.decide(19, infection=True) == "hold"
    assert story.decide(24, infection=True) == "hold"
    assert days(story, hold_ends(story.cohort, "tolerance_C1")) == 26
    assert story.decide(26, hour=22, infection=False) == "ambulatory"
    assert np.isnat(hold_ends(story.cohort, "tolerance_C1")[0])


def test_the_words_of_a_participation(story):
    def word(day, hour=12):
        return states(story.cohort, story.at(day, hour))[0]

    assert word(-15) == "candidate"
    story.screen()
    assert word(-13) == "screening"
    story.include()
    assert word(-1) == "included"
    story.course("C1", 0)
    assert word(5) == "in treatment"
    story.decide(19, infection=True)
    assert word(20) == "on hold"
    story.decide(22)
    for cycle, day in (("C2", 22), ("C3", 43), ("C4", 64)):
        assert word(day - 1) == "in treatment"
        story.course(cycle, day)
    assert word(69) == "in follow-up"
    story.fill("end_of_participation", "W37", 260, status="completed")
    assert word(260) == "ended"


@pytest.mark.parametrize("day", [2, 30])
def test_stopped_goes_before_on_hold_and_treatment(story, day):
    story.dosed()
    story.cohort.stop(story.everyone, "stops.rescue", story.at(day))
    assert states(story.cohort, story.at(day + 1))[0] == "stopped"
