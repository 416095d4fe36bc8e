"""The difference of two proportions: Newcombe's published intervals, Fisher's tea, and what always holds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.analysis.difference import Difference, difference
from trialrun.analysis.estimate import Interval, NotEstimable

PART = st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def of(x: int, n: int, y: int, m: int, level: float = 0.95) -> Difference:
    return difference(np.array([[x], [y]]), np.array([[n], [m]]), level=level)


def bounds(found: Difference) -> tuple[float, float]:
    interval = found.interval_at(0)
    assert isinstance(interval, Interval)
    return interval.lower, interval.upper


# Newcombe, Stat Med 1998;17:873, table II, method 10.
@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((6, 7, 2, 7), (0.0582, 0.8062)),
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
        ((0, 10, 0, 20), (-0.1611, 0.2775)),
        ((0, 10, 0, 10), (-0.2775, 0.2775)),
        ((10, 10, 0, 20), (0.6791, 1.0)),
        ((10, 10, 0, 10), (0.6075, 1.0)),
    ],
)
def test_newcombe_published(counts: tuple[int, int, int, int], expected: tuple[float, float]) -> None:
    assert bounds(of(*counts)) == pytest.approx(expected, abs=5.1e-5)


def test_fisher_tea(cases: Mapping[str, Mapping[str, Any]]) -> None:
    test = of(3, 4, 1, 4).test_at(0)
    assert not isinstance(test, NotEstimable)
    assert test.p == pytest.approx(cases["fisher_tea"]["expected"]["p_two"], abs=1e-12)


@given(PART, PART, st.sampled_from([0.8, 0.95, 0.99]))
def test_swapped_groups_have_the_mirrored_interval(
    first: tuple[int, int], second: tuple[int, int], level: float
) -> None:
    one, other = of(*first, *second, level), of(*second, *first, level)
    lower, upper = bounds(one)
    assert -1 <= lower <= float(one.estimate[0]) <= upper <= 1
    assert bounds(other) == pytest.approx((-upper, -lower), abs=1e-12)
    assert one.p[0] == pytest.approx(other.p[0], abs=1e-12)


@given(PART, PART)
def test_equal_shares_are_no_evidence(first: tuple[int, int], second: tuple[int, int]) -> None:
    found = of(*first, *first)
    assert found.estimate[0] == 0
    assert found.p[0] == pytest.approx(1.0)
    assert 0 in found.interval_at(0)
    assert 0 < of(*first, *second).p[0] <= 1


def test_many_trials_at_once_are_each_their_own() -> None:
    x, n = np.array([[9, 0, 9], [3, 0, 3]]), np.array([[10, 5, 10], [10, 0, 10]])
    found = difference(x, n)
    assert bounds(of(9, 10, 3, 10)) == (found.interval.lower[0], found.interval.upper[0])
    assert found.p[0] == found.p[2] == of(9, 10, 3, 10).p[0]
    assert found.interval_at(1) == found.test_at(1) == found.estimate_at(1)
    assert found.estimate_at(1) == NotEstimable("a group without participants")
