"""The exact rank-sum test against brute force, SciPy without ties, and StatXact with them."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, rankdata

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.rank_sum import RankSum, rank_sum

FEW = st.lists(st.integers(0, 4).map(float), min_size=1, max_size=6)
MANY = st.lists(st.integers(-1000, 1000).map(float), min_size=1, max_size=12)


def test_wmw_statxact_bloodp(cases: Mapping[str, Mapping[str, Any]]) -> None:
    case = cases["wmw_statxact_bloodp"]
    treated, control = case["inputs"]["trt"], case["inputs"]["ctl"]
    test = rank_sum(treated, control)
    assert isinstance(test, RankSum)
    assert test.p == pytest.approx(case["expected"]["p_two"], abs=1e-12)


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


def test_a_group_without_values_is_not_estimable() -> None:
    for found in (rank_sum([], [1.0]), rank_sum([1.0], []), rank_sum([], [])):
        assert isinstance(found, NotEstimable)


def test_only_equal_values_say_nothing() -> None:
    assert rank_sum([1.0, 1.0], [1.0, 1.0]) == RankSum((2, 2), 5.0, 1.0, 1.0)


def test_a_value_that_is_not_finite_is_not_left_out() -> None:
    assert isinstance(rank_sum([1.0, np.nan], [2.0]), NotEstimable)
