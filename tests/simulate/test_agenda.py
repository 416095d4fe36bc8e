"""The agenda: days of the week within windows, who misses what, one visit after the other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.protocol.protocol import Protocol
from trialrun.simulate.agenda import Agenda, on_weekday
from trialrun.simulate.chance import Person
from trialrun.simulate.population import population

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONDAY = np.datetime64("2008-03-03", "D")


WHO = np.arange(800)


@pytest.fixture(scope="module")
def agenda(protocol: Protocol) -> Agenda:
    return Agenda(protocol, [Person(9, 0, number) for number in WHO], population(protocol).people)


def one(date: np.datetime64) -> np.ndarray:
    return np.array([date], dtype="datetime64[D]")


@given(
    st.integers(0, 500), st.integers(0, 10), st.integers(0, 10), st.sets(st.sampled_from(DAYS), min_size=1)
)
def test_the_nearest_day_that_suits_within_the_window(
    day: int, before: int, after: int, names: set[str]
) -> None:
    date = MONDAY + np.timedelta64(day, "D")
    first, last = date - before, date + after
    found = on_weekday(one(date), " ".join(sorted(names, key=DAYS.index)), one(first), one(last))[0]
    window = [first + k for k in range(before + after + 1)]
    suits = [each for each in window if DAYS[int((each - MONDAY).astype(int)) % 7] in names]
    later, sooner = [each for each in suits if each >= date], [each for each in suits if each < date]
    assert found == (later[0] if later else sooner[-1] if sooner else date)


def test_an_open_window_takes_the_next_day() -> None:
    nowhere = np.datetime64("NaT", "D")
    assert on_weekday(one(MONDAY + 5), "Mon", one(nowhere), one(nowhere))[0] == MONDAY + 7
    assert np.isnat(on_weekday(one(nowhere), "Mon", one(MONDAY), one(MONDAY))[0])


def test_follow_up_visits_and_later_doses_are_missed_and_nothing_else(
    protocol: Protocol, agenda: Agenda
) -> None:
    for point in protocol.timepoints.values():
        missed = agenda.misses(point, WHO).mean()
        if point.id in ("W11", "W14", "W19", "W25", "W31", "C1.D8", "SAFETY"):
            assert missed == pytest.approx(0.03, abs=0.02)
        elif point.dose and not point.id.endswith("D1"):
            assert missed == pytest.approx(0.015, abs=0.014)
            assert missed > 0
        else:
            assert missed == 0, point.id


def test_two_visits_on_a_day_follow_each_other(agenda: Agenda) -> None:
    first = agenda.arrive("tolerance_C1", WHO, MONDAY)
    minutes = (first - MONDAY.astype("datetime64[m]")).astype(int)
    assert minutes.min() == 8 * 60
    assert minutes.max() <= 11 * 60
    assert minutes.mean() == pytest.approx(9 * 60, abs=5)
    agenda.leave(WHO, first + np.timedelta64(125, "m"))
    assert (agenda.arrive("C2.D1", WHO, MONDAY) >= first + np.timedelta64(125, "m")).all()
    tomorrow = agenda.arrive("C2.D2", WHO, MONDAY + 1)
    assert (tomorrow < (MONDAY + 1).astype("datetime64[m]") + np.timedelta64(11 * 60 + 1, "m")).all()
