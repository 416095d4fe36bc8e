"""Without an event: the lost count as events, those still followed do not count yet."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.analysis.estimate import Interval, NotEstimable
from trialrun.analysis.without_event import WithoutEvent, without_event


def counted(event: str, complete: str, ended: str) -> WithoutEvent:
    masks = (np.array([[mark == "x" for mark in marks]]) for marks in (event, complete, ended))
    return without_event(*masks, np.ones((1, len(event)), dtype=bool))


def test_nobody_of_ten_had_an_event() -> None:
    """Clopper-Pearson for 0 of 10: two-sided upper bound 1 - .025^(1/10), one-sided 1 - .05^(1/10)."""
    found = counted("-" * 10, "x" * 10, "x" * 10)
    both, upper = found.proportion.at(0), found.upper.at(0)
    assert isinstance(both, Interval)
    assert isinstance(upper, Interval)
    assert (both.lower, both.upper) == (pytest.approx(0.025**0.1), 1.0)
    assert upper.upper == pytest.approx(1 - 0.05**0.1)
    assert upper.upper == pytest.approx(0.2589, abs=5e-5)


def test_the_lost_count_as_events_and_are_left_out_of_the_complete_cases() -> None:
    found = counted("x----", "xxxx-", "xxxxx")
    assert (found.n[0], found.without[0], found.observed[0], found.lost_count[0]) == (5, 3, 1, 1)
    complete = found.complete_case.at(0)
    assert isinstance(complete, Interval)
    assert 3 / 4 in complete


def test_an_event_before_being_lost_is_an_event_once() -> None:
    found = counted("x", "-", "x")
    assert (found.observed[0], found.lost_count[0], found.n[0]) == (1, 0, 1)


def test_those_still_followed_are_pending() -> None:
    found = counted("-x-", "--x", "---")
    assert found.pending[0].tolist() == [True, False, False]
    assert found.n[0] == 2


def test_nobody_is_not_estimable() -> None:
    assert counted("-", "-", "-").proportion.at(0) == NotEstimable("no participants")


marks = st.integers(1, 12).flatmap(lambda n: st.tuples(*[st.text("x-", min_size=n, max_size=n)] * 3))


@given(marks)
def test_everyone_is_counted_once(given_marks: tuple[str, str, str]) -> None:
    event, _, _ = given_marks
    found = counted(*given_marks)
    total = found.without[0] + found.observed[0] + found.lost_count[0]
    assert total == found.n[0]
    assert total + found.pending[0].sum() == len(event)


@given(marks)
def test_losing_someone_never_looks_better(given_marks: tuple[str, str, str]) -> None:
    event, complete, _ = given_marks
    ended = "x" * len(event)
    without = counted(event, complete, ended).without[0]
    assert counted(event, "-" + complete[1:], ended).without[0] <= without
