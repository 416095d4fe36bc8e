import numpy as np
import pytest

from trialrun.conduct.standing import OPEN, standing
from trialrun.conduct.stop import forms_read, overdue, triggered


def test_nothing_reported_stops_nobody(story):
    assert story.dosed().protect(10) == []


def test_a_dose_limiting_event_stops_and_follow_up_goes_on(story):
    story.ambulatory().course("C2", 21).event(23, grade=3)
    assert story.protect(24) == ["stops.dose_limiting_toxicity"]
    assert set(story.against("C3.D1", 42)) == {"stopped"}
    for point, day in (("SAFETY", 25 + 28), ("W11", 77), ("W37", 259)):
        now = story.at(day)
        assert standing(story.cohort, now).status(story.cohort, point, now)[0] == OPEN


@pytest.mark.parametrize(
    ("rule", "tell"),
    [
        ("flare", lambda s: s.row("flare", 9, organ="kidney", major=True)),
        ("rescue", lambda s: s.row("rescue", 9, medicine="steroid")),
        ("pregnant", lambda s: s.fill("pregnancy", "C2.D1", 9, result="positive")),
        (
            "doses_missed",
            lambda s: [
                s.inject(f"C1.D{d}", d - 1, given=False, reason_not_given="toxicity") for d in (2, 3, 4)
            ],
        ),
    ],
)
def test_each_rule_stops(story, rule, tell):
    story.dosed()
    tell(story)
    assert story.protect(10) == [f"stops.{rule}"]
    assert story.protect(10) == []


def test_a_rise_of_the_virus_counts_once_confirmed_and_with_alt(story):
    story.completed()
    story.fill("hcv_rna", "C2.D1", 21, log10=7.2)
    story.fill("laboratory", "C3.D1", 42, alt=200)
    assert story.protect(43) == []
    story.fill("hcv_rna", "C3.D1", 42, log10=7.2)
    assert story.protect(43) == ["stops.hcv_rise"]


def test_a_flare_that_was_refused_does_not_stop(story):
    story.dosed().row("flare", 9, organ="kidney", major=True, adjudicated=False)
    assert story.protect(10) == []


def test_the_first_rule_is_the_one_that_counts_and_later_data_lift_nothing(story):
    story.dosed().event(6, row="a", grade=4)
    story.row("rescue", 6, medicine="steroid")
    assert story.protect(7) == ["stops.dose_limiting_toxicity"]
    story.event(6, row="a", grade=1)
    assert story.protect(8) == []
    assert story.cohort.stop_rule[0] == "stops.dose_limiting_toxicity"


def test_only_who_is_treated_is_stopped(people):
    story = people(3).dosed()
    story.cohort.included[0] = np.datetime64("NaT")
    story.fill("end_of_participation", "any time", 5, who=[1], status="lost")
    story.fill("pregnancy", "C2.D1", 6, result="positive")
    [(rule, who)] = triggered(story.cohort, story.everyone, story.at(7))
    assert (rule, list(who)) == ("stops.pregnant", [2])


def test_only_rules_that_read_a_form_are_looked_at(story):
    story.dosed().row("rescue", 9, medicine="steroid")
    assert triggered(story.cohort, story.everyone, story.at(10), {"ae"}) == []
    assert triggered(story.cohort, story.everyone, story.at(10), {"rescue"}) != []
    assert forms_read(story.protocol, "dose_limiting_toxicity") == {"ae", "injection"}
    assert forms_read(story.protocol, "hcv_rise") == {"hcv_rna", "laboratory", "injection"}


def test_an_event_that_lasts_too_long_stops_with_time_alone(story):
    story.dosed().event(3, category="fever", grade=3)
    assert overdue(story.cohort, story.everyone, story.at(6)) == []
    [(rule, who)] = overdue(story.cohort, story.everyone, story.at(7))
    assert (rule, list(who)) == ("stops.dose_limiting_toxicity", [0])
    story.row("ae", 3, row="r4", ended=story.date(5))


def test_a_hold_that_runs_out_stops_once(story):
    story.dosed()
    story.decide(19, infection=True)
    story.event(20, category="fever", grade=3)
    assert story.protect(27) == ["decisions.tolerance_C1.hold"]
    assert story.protect(28) == []


def test_an_event_entered_before_its_course_counts_once_the_course_is(story):
    story.screen().include().event(0, grade=4)
    assert triggered(story.cohort, story.everyone, story.at(1), {"ae"}) == []
    story.inject("C1.D1", 0)
    [(rule, _)] = triggered(story.cohort, story.everyone, story.at(1), {"injection"})
    assert rule == "stops.dose_limiting_toxicity"


def test_a_death_ends_the_injections_whatever_it_came_from(story):
    story.dosed().event(5, grade=5, related=False, outcome="fatal")
    assert story.protect(6) == ["stops.death"]
    assert "stopped" in story.against("C2.D1", 21)
