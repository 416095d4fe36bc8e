"""Flares: their risk is used up by time and activity, they have an organ, and they end."""

import numpy as np
import pytest

from trialrun.protocol.protocol import Protocol
from trialrun.simulate.body import Bodies
from trialrun.simulate.chance import Person
from trialrun.simulate.flare import Flares
from trialrun.simulate.population import population

START = np.datetime64("2008-03-03T09:00", "m")
DAY = np.timedelta64(1, "D")
COUNT = 1500


def flares(protocol: Protocol, people: list[Person]) -> Flares:
    return Flares(population(protocol).events.flare, people, Bodies(protocol, people))


@pytest.fixture
def many(protocol: Protocol) -> Flares:
    return flares(protocol, [Person(3, 0, number) for number in range(COUNT)])


WHO = np.arange(COUNT)


def at(day: float) -> np.ndarray:
    return np.full(COUNT, START + np.timedelta64(int(day * 1440), "m"))


def test_one_in_ten_flares_in_37_weeks_at_the_activity_of_the_start(many: Flares) -> None:
    many.look(WHO, at(0))
    assert (many.begins < START + 259 * DAY).mean() == pytest.approx(0.10, abs=0.02)


def test_looking_often_changes_nothing_while_the_hazard_stays(protocol: Protocol, many: Flares) -> None:
    often = flares(protocol, [Person(3, 0, number) for number in range(COUNT)])
    many.look(WHO, at(0))
    for day in range(0, 200, 7):
        often.look(WHO, at(day))
        often.look(WHO, at(day + 0.1))
    apart = np.abs((often.begins - many.begins) / np.timedelta64(1, "m"))
    assert apart.max() <= 60


def test_a_calmer_disease_flares_later(many: Flares) -> None:
    many.look(WHO, at(0))
    before = many.begins.copy()
    many.bodies.state.relative[:] /= 2  # half the activity, half the hazard
    many.look(WHO, at(10))
    still = before > at(10)
    later = (many.begins - at(10))[still] / (before - at(10))[still]
    np.testing.assert_allclose(later[(before < START + 9000 * DAY)[still]], 2, rtol=0.01)


def test_it_comes_once_and_goes_on_for_its_length(many: Flares) -> None:
    many.look(WHO, at(0))
    day = np.datetime64("2008-10-01T22:00", "m")
    fresh = many.came(WHO, np.full(COUNT, day))
    assert len(fresh) == (many.begins <= day).sum() > 50
    assert len(many.came(WHO, np.full(COUNT, day + DAY)[: len(WHO)])) < 10
    begun = many.begins[fresh]
    assert many.going(fresh, begun).all()
    assert many.going(fresh, begun + 41 * DAY).all()
    assert not many.going(fresh, begun + 42 * DAY).any()
    many.look(fresh, np.full(len(fresh), day + 100 * DAY))
    assert (many.begins[fresh] == begun).all()


def test_nobody_knows_of_a_flare_before_it_came(many: Flares) -> None:
    many.look(WHO, at(0))
    assert not many.going(WHO, many.begins).any()


def test_organs_are_those_affected_or_in_one_of_five_another(many: Flares) -> None:
    affected = many.bodies.involved[WHO, many.organ]
    assert (~affected).mean() == pytest.approx(0.2, abs=0.04)
    assert many.major.mean() == pytest.approx(0.2, abs=0.04)
    assert {many.code(one) for one in WHO} <= {"purpura", "ulcer", "joints", "nerve", "kidney", "gut", "cns"}


def test_one_alone_flares_as_in_a_batch(protocol: Protocol, many: Flares) -> None:
    alone = flares(protocol, [Person(3, 0, 77)])
    alone.look(np.array([0]), at(0)[:1])
    many.look(WHO, at(0))
    assert alone.begins[0] == many.begins[77]
    assert (alone.organ[0], alone.major[0]) == (many.organ[77], many.major[77])
