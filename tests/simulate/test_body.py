"""Bodies: time passes, doses act, and what is measured belongs to the person and the sample."""

import numpy as np
import pytest

from trialrun.protocol.protocol import Protocol
from trialrun.simulate.body import Bodies
from trialrun.simulate.chance import Person

START = np.datetime64("2008-03-03T09:00", "m")
DAY = np.timedelta64(1, "D")
PEOPLE = [Person(5, 0, number) for number in range(40)]


def awake(protocol: Protocol, people: list[Person] = PEOPLE) -> tuple[Bodies, np.ndarray]:
    bodies, who = Bodies(protocol, people), np.arange(len(people))
    bodies.wake(who, np.full(len(people), START))
    return bodies, who


def treated(protocol: Protocol, people: list[Person]) -> Bodies:
    """Everyone had five injections of 3 on five days."""
    bodies, who = awake(protocol, people)
    for k in range(5):
        bodies.live(who, np.full(len(who), START + k * DAY))
        bodies.inject(who, 3.0)
    bodies.live(who, np.full(len(who), START + 5 * DAY))
    return bodies


def test_the_clock_starts_at_midnight_of_the_first_day_and_is_set_once(protocol: Protocol) -> None:
    bodies, who = awake(protocol)
    assert bodies.days(who, np.full(40, START)).tolist() == [9 / 24] * 40
    bodies.wake(who, np.full(40, START + 3 * DAY))
    assert (bodies.origin == START.astype("datetime64[D]")).all()


def test_treatment_raises_the_cells_that_it_is_meant_to_raise(protocol: Protocol) -> None:
    before, _ = awake(protocol)
    after = treated(protocol, PEOPLE)
    who = np.arange(40)
    ratio = after.truth(who)["treg_percent"] / before.truth(who)["treg_percent"]
    assert (ratio > 1.2).all()
    assert 1.5 < np.median(ratio) < 4


def test_one_alone_lives_as_in_a_batch(protocol: Protocol) -> None:
    together, alone = treated(protocol, PEOPLE), treated(protocol, PEOPLE[9:10])
    nine, zero = np.array([9]), np.array([0])
    for name, value in together.truth(nine).items():
        assert alone.truth(zero)[name].tolist() == value.tolist(), name
    for point in ("SCR", "C4.D5", "W37"):
        for name in ("treg_percent", "cryoglobulin", "bvas"):
            assert (
                together.measured(name, together.truth(nine), nine, point).tolist()
                == alone.measured(name, alone.truth(zero), zero, point).tolist()
            )
    assert together.improved(nine).tolist() == alone.improved(zero).tolist()


def test_others_stay_where_they_are(protocol: Protocol) -> None:
    bodies, _ = awake(protocol)
    before = bodies.truth(np.array([1]))
    bodies.live(np.array([0]), np.array([START + 30 * DAY]))
    assert bodies.state.t[:2].tolist() == [30.375, 0.0]
    for name, value in bodies.truth(np.array([1])).items():
        assert value.tolist() == before[name].tolist()


def test_nobody_lives_backwards(protocol: Protocol) -> None:
    bodies, who = awake(protocol)
    bodies.live(who, np.full(40, START + 2 * DAY))
    bodies.live(who, np.full(40, START))
    assert (bodies.state.t == 2.375).all()


def test_one_sample_shows_one_value_and_another_sample_another(protocol: Protocol) -> None:
    bodies, who = awake(protocol)
    bodies.live(who, np.full(40, START))
    first = bodies.process("virus", who, "SCR")
    assert bodies.process("virus", who, "SCR").tolist() == first.tolist()
    bodies.live(who, np.full(40, START + 14 * DAY))
    later = bodies.process("virus", who, "C1.D1")
    assert (later != first).all()
    assert bodies.process("virus", who, "SCR").tolist() == first.tolist()
    together = np.corrcoef(first, later)[0, 1]
    assert 0.2 < together < 0.95  # exp(-14/30) = .63: the load is remembered, but not for ever


def test_an_earlier_sample_of_an_untreated_body_differs_by_its_error_only(protocol: Protocol) -> None:
    bodies, who = awake(protocol)
    true = bodies.truth(who)["cryoglobulin"]
    np.testing.assert_allclose(bodies.earlier("cryoglobulin", who, np.zeros(40)), true)
    assert (bodies.earlier("cryoglobulin", who, np.ones(40)) > true).all()


def test_signs_move_the_laboratory(protocol: Protocol) -> None:
    bodies, who = awake(protocol)
    no, yes = np.zeros(40, dtype=bool), np.ones(40, dtype=bool)
    well, hot = bodies.laboratory(who, "SCR", no, no), bodies.laboratory(who, "SCR", yes, no)
    leaking = bodies.laboratory(who, "SCR", no, yes)
    np.testing.assert_allclose(hot["temperature"] - well["temperature"], 1.8)
    assert (leaking["systolic"] < well["systolic"]).all()
    assert (leaking["weight"] > well["weight"]).all()


def test_an_unknown_quantity_is_refused(protocol: Protocol) -> None:
    bodies, who = awake(protocol)
    with pytest.raises(ValueError, match="no measurement error"):
        bodies.measured("il2", bodies.truth(who), who, "SCR")
