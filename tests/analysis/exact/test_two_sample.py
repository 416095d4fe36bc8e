"""Mann-Whitney, permutation of sums and the shift against enumeration, SciPy and StatXact's data."""

from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimable import ends, sure
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact import two_sample
from trialrun.analysis.exact.significance import Alternative, every_trial
from trialrun.analysis.exact.two_sample import mann_whitney, permutation_of_sums, shift, subset_sums

FEW = st.lists(st.integers(-3, 3), min_size=1, max_size=5)  # so few values that ties abound
SIDE = st.sampled_from(["two-sided", "greater", "less"])


def enumerated(scores: list[Fraction], m: int, alternative: Alternative) -> tuple[Fraction, Fraction]:
    """p and mid-P of the sum of the first m among every choice of m."""
    sums = [sum(choice) for choice in combinations(scores, m)]
    mean, here = Fraction(sum(scores) * m, len(scores)), sum(scores[:m])
    if alternative == "two-sided":
        sums, here = [abs(each - mean) for each in sums], abs(here - mean)
    if alternative == "less":
        sums, here = [-each for each in sums], -here
    at_least, above = (sum(each >= here for each in sums), sum(each > here for each in sums))
    return Fraction(at_least, len(sums)), Fraction(at_least + above, 2 * len(sums))


def mid_ranks(values: list[int]) -> list[Fraction]:
    return [Fraction(2 * sum(w < v for w in values) + sum(w == v for w in values) + 1, 2) for v in values]


@given(FEW, FEW, SIDE)
def test_dynamic_programming_is_enumeration(x: list[int], y: list[int], side: Alternative) -> None:
    ranks = enumerated(mid_ranks(x + y), len(x), side)
    sums = enumerated([Fraction(v) for v in x + y], len(x), side)
    for test, (p, mid) in ((mann_whitney, ranks), (permutation_of_sums, sums)):
        found = sure(test(x, y, alternative=side))
        assert (found.p, found.mid_p) == pytest.approx((float(p), float(mid)), abs=1e-12)
        assert 0 < found.p <= 1 and found.method == "exact"


@given(FEW, FEW, SIDE)
def test_the_two_exact_ways_agree(x: list[int], y: list[int], side: Alternative) -> None:
    scores = [each + 3 for each in x + y]
    found = two_sample._by_halves(scores, len(x), sum(scores[: len(x)]), side)
    expected = enumerated([Fraction(v) for v in scores], len(x), side)
    assert found == pytest.approx(tuple(map(float, expected)), abs=1e-12)


def test_real_numbers_are_exact_too() -> None:
    random = np.random.default_rng(5)
    x, y = random.normal(size=5), random.normal(size=6)
    found = sure(permutation_of_sums(x, y))
    sums = np.array([np.concatenate([x, y])[list(c)].sum() for c in combinations(range(11), 5)])
    mean = np.concatenate([x, y]).mean() * 5
    assert found.p == pytest.approx(np.mean(np.abs(sums - mean) >= abs(x.sum() - mean) - 1e-9))


@given(FEW, FEW)
def test_swapping_the_samples_turns_the_side(x: list[int], y: list[int]) -> None:
    for test in (mann_whitney, permutation_of_sums):
        assert sure(test(x, y)).p == pytest.approx(sure(test(y, x)).p)
        up, down = sure(test(x, y, alternative="greater")), sure(test(y, x, alternative="less"))
        assert up.p == pytest.approx(down.p)


@given(FEW, FEW, st.sampled_from([0.001, 3.0, 1e6]), st.permutations(range(5)))
def test_scale_and_order_do_not_matter(x: list[int], y: list[int], scale: float, order: list[int]) -> None:
    other = [x[i] * scale for i in order if i < len(x)], [each * scale for each in y]
    for test in (mann_whitney, permutation_of_sums):
        assert sure(test(*other)).p == pytest.approx(sure(test(x, y)).p)
    assert sure(shift(*other)).estimate == pytest.approx(sure(shift(x, y)).estimate * scale)


def test_without_ties_as_scipy_has_it() -> None:
    from scipy.stats import mannwhitneyu

    random = np.random.default_rng(2)
    x, y = random.normal(size=9), random.normal(size=14)
    for side in ("two-sided", "greater", "less"):
        theirs = mannwhitneyu(x, y, alternative=side, method="exact")
        ours = sure(mann_whitney(x, y, alternative=side))
        assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_rotarod() -> None:
    """Bergmann, Ludbrook and Spooren, Am Stat 2000;54:72: exact p .0373, where packages gave .01 to .09."""
    assert sure(mann_whitney([18, 22, 75, 163, 271, *[300] * 7], [300] * 12)).p == pytest.approx(
        0.0373, abs=5e-5
    )


def test_240_values_are_counted_exactly() -> None:
    random = np.random.default_rng(1)
    x, y = random.normal(size=120).round(1), random.normal(0.2, 1, size=120).round(1)
    assert sure(mann_whitney(x, y)).method == "exact"
    weights = subset_sums(tuple(range(1, 61)), 30)
    assert weights.sum() == pytest.approx(comb(60, 30), rel=1e-12)


def test_beyond_counting_a_sample_is_named() -> None:
    x, y = np.arange(60) ** 1.5, np.arange(0.3, 60.3) ** 1.51
    found = sure(permutation_of_sums(x, y, samples=200, seed=3))
    assert (found.method, found.mid_p) == ("Monte Carlo, 200 samples, seed 3", None)
    assert found.p == sure(permutation_of_sums(x, y, samples=200, seed=3)).p


def test_shift_without_ties_as_in_r() -> None:
    """Hollander and Wolfe, 1999, p. 110, permeability of membranes: R prints (-0.76, 0.15) about -0.305."""
    at_term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
    early = [1.15, 0.88, 0.90, 0.74, 1.21]
    found = sure(shift(early, at_term))
    assert (found.estimate, *ends(found.interval)) == pytest.approx((-0.305, -0.76, 0.15))
    assert sure(mann_whitney(at_term, early, alternative="greater")).p == pytest.approx(0.1272, abs=5e-5)


@given(
    st.lists(st.integers(0, 30), min_size=4, max_size=8), st.lists(st.integers(0, 30), min_size=4, max_size=8)
)
def test_the_interval_holds_the_estimate_and_follows_a_shift(x: list[int], y: list[int]) -> None:
    assert sure(shift(x, y)).estimate in sure(sure(shift(x, y)).interval)
    found, moved = (sure(shift([each + by for each in x], y, places="tie-free")) for by in (0, 7))
    assert found.estimate in sure(found.interval)
    assert ends(moved.interval) == [each + 7 for each in ends(found.interval)]


@settings(max_examples=30)
@given(st.permutations(range(9)), st.sampled_from([0.8, 0.9]))
def test_without_ties_the_interval_is_what_the_test_keeps(values: list[int], level: float) -> None:
    x, y = [3.0 * v for v in values[:4]], [3.0 * v + 1 for v in values[4:]]
    lower, upper = ends(sure(shift(x, y, level=level)).interval)
    for d in (lower - 0.5, lower + 0.5, upper - 0.5, upper + 0.5):
        kept = sure(mann_whitney([each - d for each in x], y)).p > 1 - level + 1e-12
        assert kept == (lower < d < upper)


@pytest.mark.parametrize("test", [mann_whitney, permutation_of_sums, shift])
def test_bad_samples(test) -> None:  # type: ignore[no-untyped-def]
    assert test([], [1.0]) == NotEstimable("no observations")
    assert test([1.0], [np.nan]) == NotEstimable("a value is missing or not finite")
    with pytest.raises(ValueError, match=r"1 dimension\(s\)"):
        test([[1.0]], [1.0])


def test_all_equal() -> None:
    for test in (mann_whitney, permutation_of_sums):
        assert (sure(test([2, 2], [2, 2, 2])).p, sure(test([2], [2])).p) == (1, 1)
    assert ends(sure(shift([2] * 5, [2] * 5)).interval) == [0, 0]
    assert sure(shift([1], [2])).interval == NotEstimable("too few values for a 95 % interval")


def test_every_trial() -> None:
    x, y = np.array([[3.0, 4, 5], [1, 1, 1], [0, 0, 0]]), np.array([[1.0, 2], [1, 1], [9, 9]])
    seen = np.array([[True, True, False], [True] * 3, [False] * 3])
    found = every_trial(mann_whitney, (x, seen), (y, np.ones((3, 2), bool)))
    assert found.p == pytest.approx([1 / 3, 1, 1])
    assert found.estimable.tolist() == [True, True, False]
    assert found.reasons == ("", "", "no observations")
    with pytest.raises(ValueError, match="must share"):
        every_trial(mann_whitney, (x, seen[:, :2]), (y, np.ones((3, 2), bool)))
