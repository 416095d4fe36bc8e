"""Days of the week within windows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trialrun.simulate.agenda import on_weekday

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONDAY = np.datetime64("2008-03-03", "D")


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
