import numpy as np
import pytest

from trialrun.conduct.decision import WAITS, judge


def judged(story, day=19, hour=10):
    return judge(story.cohort, "tolerance_C1", story.everyone, story.at(day, hour))


def reasons(story, day=19, hour=10):
    return {r.condition: str(r) for r in judged(story, day, hour).reasons()}


def outcome(story, day=19, **changed):
    story.visit("tolerance_C1", day)
    if changed:
        story.fill("tolerance", "tolerance_C1", day, **changed)
    position = judged(story, day).outcome[0]
    return None if position == WAITS else story.outcomes[position]


def test_no_event_and_complete_forms_are_ambulatory(story):
    story.dosed().visit("tolerance_C1", 19)
    found = judged(story)
    assert found.ready[0]
    assert story.outcomes[found.outcome[0]] == "ambulatory"
    assert found.reasons() == ()
    assert found.values()["worst_related_grade_C1"] == 0


def test_a_missing_review_waits_and_says_why(story):
    story.dosed().visit("tolerance_C1", 19, without=("ae_review",))
    found = judged(story)
    assert (found.outcome[0], found.ready[0]) == (WAITS, False)
    said = reasons(story)
    assert said["needs.ae_review"] == (
        "«Adverse event review» is not filled → fill «Adverse event review» at tolerance_C1"
    )
    assert (
        "«Later courses ambulatory» cannot be judged: not known ("
        in said["decisions.tolerance_C1.ambulatory"]
    )
    assert "confirm «All adverse events up to now are entered»" in said["decisions.tolerance_C1.ambulatory"]
    assert len(found.waiting) == 1


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"grade": 1}, "ambulatory"),
        ({"grade": 2, "related": False}, "ambulatory"),
        ({"grade": 2}, "hold"),
        ({"grade": 2, "outcome": "resolved"}, "ambulatory_after_grade_2"),
        ({"grade": 2, "outcome": "resolved", "category": "hypotension"}, "hospital"),
        ({"grade": 2, "outcome": "resolved_with_sequelae"}, "hold"),
        ({"grade": 3, "category": "fever", "outcome": "resolved", "ended": "2008-03-21"}, "hospital"),
        ({"grade": 1, "serious": True}, "review"),
        ({"grade": 3}, "stop"),
        ({"grade": None}, None),
        ({"grade": 3, "related": None}, None),
    ],
)
def test_what_an_event_leads_to(story, event, expected):
    story.dosed().event(3, **event)
    assert outcome(story) == expected


def test_flares_homes_and_infections(story):
    story.dosed()
    assert outcome(story, home_unsafe=True) == "hospital"
    assert outcome(story, infection=True) == "hold"
    story.fill("tolerance", "tolerance_C1", 19)
    story.fill("hcv_rna", "tolerance_C1", 19, log10=7.2)
    assert story.outcomes[judged(story).outcome[0]] == "hold"
    story.fill("hcv_rna", "tolerance_C1", 19)
    story.row("flare", 12, organ="kidney", major=None)
    assert judged(story).outcome[0] == WAITS
    assert "complete every row of «Vasculitis flare»" in reasons(story)["decisions.tolerance_C1.stop"]
    story.row("flare", 12, row="r9", organ="kidney", major=False)
    assert judged(story).outcome[0] == WAITS


def test_a_minor_flare_goes_to_review_and_a_major_one_stops(people):
    story = people(2).dosed()
    for one in (0, 1):
        story.row("flare", 12, one, organ="kidney", major=bool(one))
    story.visit("tolerance_C1", 19)
    assert [story.outcomes[i] for i in judged(story).outcome] == ["review", "stop"]


def test_a_stop_waits_neither_for_its_day_nor_for_forms(story):
    story.dosed().event(6, grade=4)
    found = judged(story, 7)
    assert found.ready[0]
    story.cohort.decide("tolerance_C1", story.everyone, found.outcome, story.at(7))
    assert story.cohort.stop_rule[0] == "decisions.tolerance_C1"
    assert "stopped" in reasons(story, 19)


def test_it_has_its_days_and_may_be_late(story):
    story.dosed()
    story.visit("tolerance_C1", 17)
    assert "it is decided from 2008-04-04 to 2008-04-07, not on 2008-04-03" in reasons(story, 17)["window"]
    story.visit("tolerance_C1", 25)
    assert judged(story, 25).ready[0]


def test_forms_are_of_the_last_72_hours_and_not_of_later(story):
    story.dosed().visit("tolerance_C1", 18)
    assert judged(story, 21, hour=9).ready[0]
    old = reasons(story, 21, hour=9.5)
    assert "«Safety laboratory» is older than 72 hours → fill «Safety laboratory»" in old["fresh.laboratory"]
    assert set(reasons(story, 18, hour=8.5)) >= {"needs.laboratory", "needs.ae_review"}


def test_it_is_made_once_unless_it_held(story):
    story.dosed()
    assert story.decide(19, infection=True) == "hold"
    assert judged(story, 20).ready[0]
    assert "the hold ended on 2008-04-12" in reasons(story, 27)["decisions.tolerance_C1.hold"]
    assert story.decide(21) == "ambulatory"
    assert set(reasons(story, 21, hour=11)) == {"decided"}


def test_nothing_is_decided_for_who_was_not_dosed_or_has_left(story):
    story.screen().include().visit("tolerance_C1", 19)
    assert "dosed" in reasons(story)
    story.course("C1", 0)
    story.fill("end_of_participation", "any time", 10, status="lost")
    assert set(reasons(story)) == {"participation"}


def test_a_later_correction_does_not_decide_again(story):
    story.ambulatory().event(5, grade=2, outcome="resolved")
    assert story.outcomes[story.cohort.outcome["tolerance_C1"][0]] == "ambulatory"
    assert np.isnat(story.cohort.stopped[0])


def test_a_decision_dated_back_does_not_outlive_the_hold_or_a_stop(story):
    story.dosed().decide(19, infection=True)
    story.visit("tolerance_C1", 25)

    def said(entered):
        found = judge(story.cohort, "tolerance_C1", story.everyone, story.at(25), story.at(entered))
        return {r.condition for r in found.reasons()}

    assert said(26) == set()
    assert said(20) == set()  # not before it is done
    assert said(27) == {"decisions.tolerance_C1.hold"}
    story.cohort.stop(story.everyone, "decisions.tolerance_C1.hold", story.at(27))
    assert said(26) == set()
    assert said(27) == {"stopped"}
