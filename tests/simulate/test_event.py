"""Events: reactions by the model's hazards, one worst grade a course, illness, leaving and death."""

import numpy as np
import pytest

from trialrun.protocol.protocol import Protocol
from trialrun.simulate.body import Bodies
from trialrun.simulate.chance import Person
from trialrun.simulate.event import Events
from trialrun.simulate.population import population
from trialrun.simulate.site import Site

START = np.datetime64("2008-03-03T09:00", "m")
DAY = np.timedelta64(1, "D")
COUNT = 600
PEOPLE = [Person(2, 0, number) for number in range(COUNT)]


def events(protocol: Protocol, people: list[Person] = PEOPLE) -> Events:
    return Events(protocol, population(protocol), people, Bodies(protocol, people))


def course(happening: Events, cycle: str, amount: float, count: int = COUNT) -> None:
    for k in range(5):
        for one in range(count):
            happening.react(one, f"{cycle}.D{k + 1}", START + k * DAY, amount)


@pytest.fixture(scope="module")
def reacted(protocol: Protocol) -> Events:
    happening = events(protocol)
    course(happening, "C1", 1.5)
    return happening


def test_the_chance_of_any_reaction_is_the_model_s(reacted: Events) -> None:
    chance = 1 - np.exp(-5 * reacted.bodies.model.reaction_hazard(np.array([1.5]))[0])
    had = np.mean([bool(going) for going in reacted.going])
    assert had == pytest.approx(chance, abs=0.04)


def test_the_first_reaction_of_a_course_has_its_worst_grade(reacted: Events) -> None:
    grades = [[event.values["grade"] for event in going] for going in reacted.going if going]
    assert all(set(later) <= {1, 2} for _, *later in grades)  # 2: a leak is never less
    first = np.array([one[0] for one in grades])
    for grade, chance in ((1, 0.70), (2, 0.26), (3, 0.035)):
        assert (first == grade).mean() == pytest.approx(chance, abs=0.05)


def test_a_reaction_begins_in_the_evening_and_lasts_whole_days(reacted: Events) -> None:
    for going in reacted.going:
        for event in going:
            assert (event.onset - START) % DAY == np.timedelta64(8, "h")
            assert (event.end - event.onset) % DAY == np.timedelta64(0, "m")
            assert event.end - event.onset >= DAY
            assert event.values["onset"] == str(event.onset.astype("datetime64[D]"))
            assert event.values["related"] is True


def test_grades_that_a_kind_cannot_have_do_not_occur(protocol: Protocol, reacted: Events) -> None:
    kinds = population(protocol).events.reactions.kinds
    limits = {kind.category: kind.grades for kind in kinds.values()}
    for event in (event for going in reacted.going for event in going):
        limit = limits[event.values["category"]]
        assert limit is None or event.values["grade"] in limit
        serious = event.values["grade"] >= 4
        assert event.values["serious"] == serious
        assert (event.values["seriousness"] is not None) == serious


def test_a_course_does_not_depend_on_others(protocol: Protocol, reacted: Events) -> None:
    alone = events(protocol, PEOPLE[8:9])
    course(alone, "C1", 1.5, 1)
    assert alone.going[0] == reacted.going[8]


def test_signs_show_while_the_event_goes_on(reacted: Events) -> None:
    shown = [
        (one, event) for one, going in enumerate(reacted.going) for event in going if event.sign == "fever"
    ]
    assert shown
    one, event = shown[0]
    who = np.array([one])
    assert event.values["grade"] >= 2
    assert reacted.signs(who, np.array([event.onset]))["fever"].tolist() == [True]
    assert "fever" not in reacted.signs(who, np.array([event.end]))
    assert "fever" not in reacted.signs(who, np.array([event.onset - DAY]))


def test_illness_comes_at_its_rate_and_is_not_related(protocol: Protocol) -> None:
    happening = events(protocol)
    for one in range(COUNT):
        happening.fall_ill(one, START)
    all_of_them = [event for going in happening.going for event in going]
    year = [event for event in all_of_them if event.onset < START + 365 * DAY]
    assert len(year) / COUNT == pytest.approx(0.8, abs=0.12)
    assert not any(event.values["related"] for event in all_of_them)
    grades = np.array([event.values["grade"] for event in all_of_them])
    assert (grades == 1).mean() == pytest.approx(0.6, abs=0.06)
    assert not any(event.values["serious"] for event in all_of_them if event.values["grade"] == 1)
    assert 0.02 < np.mean([event.values["serious"] for event in all_of_them]) < 0.14


def test_leaving_and_dying_have_their_rates(protocol: Protocol) -> None:
    happening = events(protocol)
    for one in range(COUNT):
        happening.depart(one, START)
    within = happening.leaves < START + 365 * DAY
    gone = {how: (within & (happening.how == how)).mean() for how in ("withdrawn", "lost", "")}
    assert gone["withdrawn"] == pytest.approx(0.035, abs=0.02)
    assert gone["lost"] == pytest.approx(0.015, abs=0.015)
    assert gone[""] == pytest.approx(0.04, abs=0.02)  # 4 % die in a year


def test_a_death_is_a_fatal_event_and_the_end(site: Site) -> None:
    cohort = site.cohort
    died = np.flatnonzero(cohort.end_status == "died")
    fatal = [row for row in cohort.logs["ae"].rows if row["outcome"] == "fatal"]
    assert sorted(row["participant"] for row in fatal) == died.tolist() != []
    for row in fatal:
        one = row["participant"]
        assert (row["grade"], row["related"], row["serious"], row["seriousness"]) == (5, False, True, "death")
        assert str(row["ended"]) == str(cohort.ended[one].astype("datetime64[D]"))
        for name, sheet in cohort.sheets.items():
            later = sheet.happened[one] > cohort.ended[one]
            assert not later.any(), name
