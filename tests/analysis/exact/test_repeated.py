"""Friedman, Kendall's W, Quade, Cochran's Q and Page against enumeration, SciPy and textbooks."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimable import sure
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.repeated import _merged, cochran_q, friedman, kendall_w, page, quade
from trialrun.analysis.exact.significance import every_trial

Matrix = list[list[int]]
SMALL = st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=2, max_size=4)
BINARY = st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3), min_size=2, max_size=4)

# Hollander and Wolfe, 1999, table 7.1: seconds of 22 players to round first base by three methods.
FIRST_BASE = [
    *([5.40, 5.50, 5.55], [5.85, 5.70, 5.75], [5.20, 5.60, 5.50], [5.55, 5.50, 5.40], [5.90, 5.85, 5.70]),
    *([5.45, 5.55, 5.60], [5.40, 5.40, 5.35], [5.45, 5.50, 5.35], [5.25, 5.15, 5.00], [5.85, 5.80, 5.70]),
    *([5.25, 5.20, 5.10], [5.65, 5.55, 5.45], [5.60, 5.35, 5.45], [5.05, 5.00, 4.95], [5.50, 5.50, 5.40]),
    *([5.45, 5.55, 5.50], [5.55, 5.55, 5.35], [5.45, 5.50, 5.55], [5.50, 5.45, 5.25], [5.65, 5.60, 5.40]),
    *([5.70, 5.65, 5.55], [6.30, 6.30, 6.25]),
]
# Conover, 1999, p. 375: sales of five brands of hand lotion in seven stores.
LOTION = [
    *([5, 4, 7, 10, 12], [1, 3, 1, 0, 2], [16, 12, 22, 22, 35], [5, 4, 3, 5, 4], [10, 9, 7, 13, 10]),
    *([19, 18, 28, 37, 58], [10, 7, 6, 8, 7]),
]


def share(matrix: Matrix, statistic) -> float:  # type: ignore[no-untyped-def]
    """Of all orders within rows, those whose statistic is at least the observed one."""
    here = statistic(np.array(matrix, dtype=float))
    orders = [list(permutations(row)) for row in matrix]
    values = [statistic(np.array(each, dtype=float)) for each in product(*orders)]
    return float(np.mean(np.array(values) >= here - 1e-9))


def spread(matrix: np.ndarray) -> float:
    return float(((matrix.sum(axis=0) - matrix.sum() / matrix.shape[1]) ** 2).sum())


def rank_spread(matrix: np.ndarray) -> float:
    from scipy.stats import rankdata

    return spread(rankdata(matrix, axis=1))


@settings(max_examples=25)
@given(SMALL)
def test_friedman_is_enumeration_with_ties(matrix: Matrix) -> None:
    found = friedman(matrix)
    if isinstance(found, NotEstimable):
        assert all(len(set(row)) == 1 for row in matrix)
    else:
        assert found.method == "exact" and found.p == pytest.approx(share(matrix, rank_spread))
        assert 0 < found.p <= 1 and 0 <= sure(kendall_w(matrix)) <= 1


@settings(max_examples=25)
@given(BINARY)
def test_cochran_is_enumeration(matrix: Matrix) -> None:
    found = cochran_q(matrix)
    if isinstance(found, NotEstimable):
        assert all(len(set(row)) == 1 for row in matrix)
    else:
        assert found.p == pytest.approx(share(matrix, spread))
        assert found.statistic == pytest.approx(sure(friedman(matrix)).statistic)


@settings(max_examples=25)
@given(SMALL)
def test_page_is_enumeration(matrix: Matrix) -> None:
    from scipy.stats import rankdata

    found = page(matrix)
    if not isinstance(found, NotEstimable):
        order = np.arange(1, 4)
        assert found.p == pytest.approx(share(matrix, lambda m: float((rankdata(m, axis=1) @ order).sum())))
        turned = [row[::-1] for row in matrix]
        assert sure(page(turned, alternative="less")).p == pytest.approx(found.p)
        assert sure(page(turned)).z == pytest.approx(-found.z)


@settings(max_examples=15)
@given(SMALL)
def test_quade_is_enumeration(matrix: Matrix) -> None:
    from scipy.stats import rankdata

    def weighted(m: np.ndarray) -> float:
        weights = rankdata(np.ptp(m, axis=1))[:, np.newaxis]
        return float(((weights * (rankdata(m, axis=1) - 2)).sum(axis=0) ** 2).sum())

    found = quade(matrix)
    if not isinstance(found, NotEstimable):
        assert found.method == "exact" and found.p == pytest.approx(share(matrix, weighted))


@settings(max_examples=20)
@given(SMALL, st.permutations(range(3)), st.randoms(use_true_random=False))
def test_order_of_columns_and_rows_does_not_matter(matrix: Matrix, order: list[int], random) -> None:  # type: ignore[no-untyped-def]
    other = [[10 * row[i] - 3 for i in order] for row in matrix]
    random.shuffle(other)
    for test in (friedman, quade):
        one, two = test(matrix), test(other)
        if isinstance(one, NotEstimable):
            assert one == two
        else:
            assert sure(two).p == pytest.approx(one.p) and sure(two).statistic == pytest.approx(one.statistic)


def test_without_ties_as_scipy_has_it() -> None:
    from scipy.stats import friedmanchisquare, page_trend_test

    matrix = np.random.default_rng(3).normal(size=(6, 4))
    theirs = friedmanchisquare(*matrix.T)
    ours = sure(friedman(matrix))
    assert (ours.statistic, ours.p_asymptotic) == pytest.approx((theirs.statistic, theirs.pvalue))
    trend = page_trend_test(matrix, method="exact")
    assert (sure(page(matrix)).l, sure(page(matrix)).p) == pytest.approx((trend.statistic, trend.pvalue))


def test_rounding_first_base() -> None:
    found = sure(friedman(FIRST_BASE))
    assert found.statistic == pytest.approx(11.143, abs=5e-4)
    assert found.p_asymptotic == pytest.approx(0.003805, abs=5e-7)
    assert found.method == "exact" and found.p == pytest.approx(0.00315, abs=5e-5)


@pytest.mark.parametrize(("low", "high", "columns"), [(-3, 3, 3), (0, 2, 5), (-(10**9), 10**9, 4)])
def test_equal_sums_are_put_together_and_no_others(low: int, high: int, columns: int) -> None:
    sums = np.random.default_rng(7).integers(low, high + 1, (300, columns))
    sums = np.concatenate([sums, sums[:50]])
    sums[:, -1] = -sums[:, :-1].sum(axis=1)  # a random order of a row leaves its total
    kept, shares = _merged(sums, np.full(len(sums), 1 / len(sums)))
    expected, counts = np.unique(sums, axis=0, return_counts=True)
    order = np.lexsort(kept.T[::-1])
    assert (kept[order] == expected).all() and shares[order] == pytest.approx(counts / len(sums))


def test_quade_of_conover() -> None:
    found = sure(quade(LOTION, samples=2000))
    assert (found.statistic, found.df) == (pytest.approx(3.8293, abs=5e-5), (4, 24))
    assert found.p_asymptotic == pytest.approx(0.01519, abs=5e-6)
    assert found.method == "Monte Carlo, 2000 samples, seed 1"
    assert found.p == sure(quade(LOTION, samples=2000)).p != sure(quade(LOTION, samples=2000, seed=2)).p


def test_sampled_orders_agree_with_all_orders() -> None:
    wide = np.random.default_rng(1).normal(size=(4, 9)) + np.linspace(0, 1, 9)
    found, trend = sure(friedman(wide, samples=4000)), sure(page(wide, samples=4000))
    assert found.method == trend.method == "Monte Carlo, 4000 samples, seed 1"
    assert found.p == pytest.approx(found.p_asymptotic, abs=0.06)
    assert trend.p == pytest.approx(trend.p_asymptotic, abs=0.03) and trend.mid_p is None


def test_all_rows_alike() -> None:
    alike = [[1, 2, 3]] * 3
    assert sure(friedman(alike)).p == pytest.approx(6 / 6**3)
    assert sure(kendall_w(alike)) == 1
    assert sure(quade(alike)).statistic == np.inf and sure(quade(alike)).p_asymptotic == pytest.approx(1 / 36)


@pytest.mark.parametrize("test", [friedman, kendall_w, quade, page, cochran_q])
def test_bad_matrices(test) -> None:  # type: ignore[no-untyped-def]
    assert isinstance(test(np.ones((3, 3))), NotEstimable)
    assert isinstance(test(np.empty((0, 3))), NotEstimable)
    assert isinstance(test([[1], [0]]), NotEstimable)
    assert test([[1.0, np.nan], [0, 1]]) == NotEstimable("a value is missing or not finite")
    with pytest.raises(ValueError, match="dimension"):
        test([1, 2])


def test_one_participant_and_other_answers() -> None:
    assert sure(friedman([[1, 2, 3]])).p == 1
    with pytest.raises(ValueError, match="0 \\(no event\\) and 1"):
        cochran_q([[0, 2]])


def test_every_trial() -> None:
    trials = np.array([[[1, 2, 3], [1, 2, 3]], [[1, 1, 1], [1, 1, 1]]])
    found = every_trial(friedman, (trials, np.ones((2, 2), bool)))
    assert found.p == pytest.approx([1 / 6, 1]) and found.estimable.tolist() == [True, False]
