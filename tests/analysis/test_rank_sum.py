"""The exact rank-sum test against brute force, SciPy without ties, and StatXact with them."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, rankdata

from trialrun.analysis.estimate import Interval, NotEstimable
from trialrun.analysis.rank_sum import RankSum, null_distribution, rank_sum, shift, shift_interval

FEW = st.lists(st.integers(0, 4).map(float), min_size=1, max_size=6)
MANY = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12)


def test_wmw_statxact_bloodp(cases: Mapping[str, Mapping[str, Any]]) -> None:
    case = cases["wmw_statxact_bloodp"]
    treated, control = case["inputs"]["trt"], case["inputs"]["ctl"]
    test = rank_sum(treated, control)
    assert isinstance(test, RankSum)
    assert test.p == pytest.approx(case["expected"]["p_two"], abs=1e-12)
    assert shift(treated, control) == case["expected"]["hl"]
    interval = shift_interval(treated, control)
    assert isinstance(interval, Interval)
    # StatXact's lower end of -4 is that of the tied distribution; the tie-free places give 0, p being 0.0989.
    assert (interval.lower, interval.upper) == (0.0, 22.0)


@given(FEW, FEW)
def test_every_choice_of_the_first_group_is_equally_likely(first: list[float], second: list[float]) -> None:
    ranks = rankdata([*first, *second])
    sums = [sum(ranks[list(chosen)]) for chosen in combinations(range(len(ranks)), len(first))]
    w, mean = sum(ranks[: len(first)]), len(first) * (len(ranks) + 1) / 2
    far = [abs(each - mean) >= abs(w - mean) - 1e-9 for each in sums]
    furthest = max(abs(each - mean) for each in sums)
    test = rank_sum(first, second)
    assert isinstance(test, RankSum)
    assert (test.n, test.w) == ((len(first), len(second)), w)
    assert test.p == pytest.approx(sum(far) / len(sums), abs=1e-12)
    least = sum(abs(each - mean) >= furthest - 1e-9 for each in sums) / len(sums)
    assert test.minimum_p == pytest.approx(least, abs=1e-12)


@given(MANY, MANY, st.randoms())
def test_without_ties_it_is_scipys(first: list[float], second: list[float], chance: Any) -> None:
    values = [float(rank) for rank in range(len(first) + len(second))]
    chance.shuffle(values)
    x, y = values[: len(first)], values[len(first) :]
    test = rank_sum(x, y)
    assert isinstance(test, RankSum)
    assert test.p == pytest.approx(mannwhitneyu(x, y, method="exact").pvalue, abs=1e-12)


@given(MANY, MANY)
def test_the_groups_may_be_swapped(first: list[float], second: list[float]) -> None:
    one, other = rank_sum(first, second), rank_sum(second, first)
    assert isinstance(one, RankSum)
    assert isinstance(other, RankSum)
    assert one.p == pytest.approx(other.p, abs=1e-12)
    assert shift(first, second) == pytest.approx(-float(shift(second, first)), abs=1e-9)


@pytest.mark.parametrize(("n", "m"), [(4, 4), (3, 5), (2, 8), (6, 9), (20, 20)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_interval_holds_what_the_test_does_not_reject(n: int, m: int, level: float) -> None:
    values = np.random.default_rng(n * m).permutation(np.arange(n + m) * 1.37)
    x, y = values[:n], values[n:]
    interval = shift_interval(x, y, level=level)
    assert isinstance(interval, Interval)
    for moved, inside in ((interval.lower, True), (interval.upper, True)):
        for off in (-1e-6, 1e-6):
            kept = rank_sum(x - moved - off, y)
            assert isinstance(kept, RankSum)
            outside = off < 0 if moved == interval.lower else off > 0
            assert (kept.p > 1 - level + 1e-12) == (inside and not outside)


@pytest.mark.parametrize(("n", "m"), [(3, 4), (2, 7), (1, 38)])
def test_too_few_values_have_no_interval(n: int, m: int) -> None:
    found = shift_interval(np.arange(n), np.arange(m) + 0.5)
    assert found == NotEstimable("too few values for a 95 % interval")


def test_a_group_without_values_is_not_estimable() -> None:
    for found in (rank_sum([], [1.0]), shift([1.0], []), shift_interval([], [])):
        assert isinstance(found, NotEstimable)


def test_only_equal_values_say_nothing() -> None:
    assert rank_sum([1.0, 1.0], [1.0, 1.0]) == RankSum((2, 2), 5.0, 1.0, 1.0)


def test_a_value_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="finite values"):
        rank_sum([1.0, np.nan], [2.0])


def test_the_null_distribution_of_a_hundred_ranks_sums_to_one() -> None:
    pmf = null_distribution(tuple(range(1, 101)), 50)
    assert pmf.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.argmax(pmf) == 50 * 101 // 2
    with pytest.raises(ValueError, match="read-only"):
        pmf[0] = 1.0
