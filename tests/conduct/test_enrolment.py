import numpy as np
import pytest

from trialrun.conduct.enrolment import boundary_reached, may_enrol
from trialrun.conduct.roll import join, roll


def verdict(story, day):
    present = roll(story.cohort, story.everyone, story.at(day))
    return {r.condition: str(r) for r in may_enrol(story.protocol, join([present])).reasons()}


def test_the_first_participant_is_welcome(protocol):
    assert may_enrol(protocol, None).permitted.all()


def test_the_first_three_start_one_after_the_other(people):
    story = people(1).dosed()
    assert (
        "one is still before the decision «Tolerance of the first course»"
        in verdict(story, 10)["enrolment.stagger"]
    )
    story.decide(19, infection=True)
    assert set(verdict(story, 20)) == {"enrolment.stagger"}  # a hold is no decision yet
    story.decide(21)
    assert verdict(story, 22) == {}
    assert verdict(people(3).dosed(), 10) == {}  # the fourth waits for nobody


def test_nobody_waits_for_who_can_no_longer_be_dosed(people):
    story = people(1).screen().include()
    assert set(verdict(story, 14)) == {"enrolment.stagger"}
    assert verdict(story, 15) == {}  # screening is out of date
    assert roll(story.cohort, story.everyone, story.at(15)).lost[0]


@pytest.mark.parametrize("how", ["stopped", "ended"])
def test_nobody_waits_for_a_decision_that_will_not_come(people, how):
    story = people(1).dosed()
    if how == "stopped":
        story.cohort.stop(story.everyone, "stops.rescue", story.at(5))
    else:
        story.fill("end_of_participation", "any time", 5, status="lost")
    assert verdict(story, 6) == {}


def test_ten_are_planned_and_two_who_were_never_dosed_replaced(people):
    story = people(10).dosed()
    assert "10 participants are included, and 10 are planned" in verdict(story, 20)["enrolment.planned"]
    for gone, room in ((1, True), (3, True)):
        story = people(10 + gone - 1).screen().include()
        leaving = np.arange(gone)
        story.fill("end_of_participation", "any time", -1, hour=12, who=leaving, status="withdrawn")
        assert ("enrolment.planned" not in verdict(story, 20)) == (room and gone <= 2)


def flared(people, *flares, dosed=5):
    """Participants dosed every 30 days; (who, day of the flare)."""
    story = people(dosed).screen().include()
    for one in range(dosed):
        story.fill("injection", "C1.D1", 30 * one, 10, who=[one], given=True, dose=1.5)
    for one, day in flares:
        story.row("flare", day, one, organ="kidney", major=False)
    return story


def test_the_flare_boundary_suspends(people):
    assert verdict(flared(people, (0, 10), dosed=3), 100) == {}
    said = verdict(flared(people, (0, 10), (1, 40), dosed=3), 100)
    assert "inclusions are suspended: Flares beyond the boundary" in said["suspensions.flares"]


def test_a_boundary_once_reached_stays_reached(people):
    story = flared(people, (0, 10), (1, 40), dosed=5)  # the fifth was dosed on day 120
    assert "suspensions.flares" in verdict(story, 200)
    late = flared(people, (0, 130), (1, 140), dosed=5)
    assert "suspensions.flares" not in verdict(late, 200)
    late.row("flare", 150, 4, organ="gut", major=False)
    assert "suspensions.flares" in verdict(late, 200)


def test_a_boundary_goes_by_when_flares_began(people):
    story = flared(people, dosed=5)
    for one, day in ((0, 10), (1, 40)):  # both told of once the fifth was dosed
        story.row("flare", 150, one, organ="kidney", major=False, onset=story.date(day))
    assert "suspensions.flares" in verdict(story, 200)


def test_two_toxicities_of_one_organ_suspend_and_of_two_do_not(people):
    def toxic(*systems):
        story = people(3).dosed()
        story.cohort.decided["tolerance_C1"][:] = story.at(19)
        story.cohort.outcome["tolerance_C1"][:] = 2
        for one, system in enumerate(systems):
            story.event(3, one, grade=3, system=system)
        return verdict(story, 20)

    assert "suspensions.toxicity" not in toxic("lung", "kidney")
    assert "suspensions.toxicity" in toxic("lung", "lung")
    assert "suspensions.toxicity" in toxic("lung", None)  # it may be the same
    assert "suspensions.toxicity" in toxic("lung", "kidney", "kidney")
    assert "suspensions.toxicity" not in toxic("lung")


def test_a_severe_related_event_suspends_at_once(people):
    story = people(1).ambulatory()
    story.event(24, grade=4)
    assert set(verdict(story, 25)) == {"suspensions.severe_related"}


def test_rolls_join_in_order_of_inclusion(people):
    first, second = people(1).screen().include(-1), people(1).screen().include(-3)
    first.cohort.order[:], second.cohort.order[:] = 1, 2  # the second was included later, and dated back
    rolls = [roll(s.cohort, s.everyone, s.at(0)) for s in (second, first)]
    joined = join(rolls)
    assert list(joined.included) == [first.at(-1)[0], second.at(-3)[0]]
    assert not boundary_reached(joined, "flares", {1: 1})
