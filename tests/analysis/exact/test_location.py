"""Quantiles by definition and their intervals by order statistics."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimable import ends, sure
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.location import Definition, geometric, quantile, quantile_interval
from trialrun.analysis.proportion import Side

VALUES = st.lists(st.integers(-50, 50), min_size=1, max_size=20)
SHARE = st.sampled_from([0.0, 0.05, 0.1, 0.25, 1 / 3, 2 / 3, 0.5, 0.75, 0.9, 1.0])
TYPES: dict[Definition, str] = {"2": "averaged_inverted_cdf", "6": "weibull", "7": "linear"}


@given(VALUES, SHARE, st.sampled_from(list(TYPES)))
def test_types_as_numpy_has_them(values: list[int], q: float, definition: Definition) -> None:
    theirs = np.quantile(np.array(values, float), q, method=TYPES[definition])  # type: ignore[call-overload]
    assert sure(quantile(values, q, definition)) == pytest.approx(float(theirs))


@pytest.mark.parametrize(
    ("q", "side"), [(0.5, "two-sided"), (0.25, "two-sided"), (0.5, "lower"), (0.8, "upper")]
)
@pytest.mark.parametrize("n", [6, 7, 10, 12, 30])
def test_coverage_is_the_binomial_one(n: int, q: float, side: Side) -> None:
    """Places l and u cover a quantile of a continuous distribution with P(l <= B < u)."""
    interval = sure(quantile_interval(range(1, n + 1), q, side=side)).interval
    pmf = [comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(n + 1)]
    if isinstance(interval, NotEstimable):
        assert min(pmf[0], pmf[-1]) > 0.025 or max(pmf[0], pmf[-1]) > 0.025
        return
    low, high = (int(max(0, min(n + 1, each))) for each in ends(interval))
    assert sum(pmf[low:high]) >= 0.95 - 1e-12
    if side == "two-sided":  # one place further in on either side would miss more than its share
        assert sum(pmf[: low + 1]) > 0.025 and sum(pmf[high - 1 :]) > 0.025


def test_the_median_of_ten_lies_between_the_second_and_the_ninth() -> None:
    found = sure(quantile_interval(range(1, 11)))
    assert (found.estimate, ends(found.interval)) == (5.5, [2, 9])
    five = sure(quantile_interval(range(5)))
    assert (five.estimate, five.interval) == (2, NotEstimable("too few values for a 95 % interval"))
    assert ends(sure(quantile_interval(range(6))).interval) == [0, 5]
    assert ends(sure(quantile_interval([4] * 8)).interval) == [4, 4]


@given(st.lists(st.integers(-50, 50), min_size=8, max_size=20), st.floats(0.1, 0.9))
def test_the_interval_holds_its_quantile_and_mirrors(values: list[int], q: float) -> None:
    found = sure(quantile_interval(values))
    assert found.estimate in sure(found.interval)
    mirrored = sure(quantile_interval([-each for each in values]))
    assert ends(mirrored.interval) == [-each for each in reversed(ends(found.interval))]


def test_geometric() -> None:
    found = sure(geometric([1, 10, 100]))
    assert found.mean == pytest.approx(10)
    assert found.cv == pytest.approx(np.sqrt(np.exp(np.log(10) ** 2) - 1))
    assert geometric([1, 0]) == NotEstimable("a value at or below zero has no logarithm")
    assert sure(geometric([3, 3])).cv == 0


def test_bad_values() -> None:
    assert (
        quantile([], 0.5, "7")
        == quantile([], 0.5)
        == quantile_interval([])
        == NotEstimable("no observations")
    )
    assert geometric([1]) == NotEstimable("fewer than 2 observations")
    assert quantile_interval([1, np.nan]) == NotEstimable("a value is missing or not finite")
    for q in (0, 1, np.nan):
        with pytest.raises(ValueError, match="between 0 and 1"):
            quantile_interval([1, 2], q)
    with pytest.raises(ValueError, match="must lie in 0"):
        quantile([1, 2], 1.5, "6")
    with pytest.raises(ValueError, match="definition '9' is unknown"):
        quantile([1, 2], 0.5, "9")  # type: ignore[arg-type]
