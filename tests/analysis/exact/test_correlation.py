"""Spearman and Kendall against enumeration, SciPy and AS 89."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimable import sure
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.correlation import _edgeworth_tail, kendall, spearman

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=6)


def enumerated(x: list[int], y: list[int], coefficient) -> float:  # type: ignore[no-untyped-def]
    here = coefficient(x, y)
    values = np.array([coefficient(x, list(each)) for each in permutations(y)])
    return float(np.mean(np.abs(values) >= abs(here) - 1e-9))


@settings(max_examples=20)
@given(PAIRS)
def test_exact_with_ties_is_enumeration(pairs: list[tuple[int, int]]) -> None:
    from scipy.stats import rankdata

    x, y = [a for a, _ in pairs], [b for _, b in pairs]

    def rho(u: list[int], v: list[int]) -> float:
        first, second = (rankdata(each) - (len(x) + 1) / 2 for each in (u, v))
        return float(first @ second)

    def tau(u: list[int], v: list[int]) -> float:
        return float((np.sign(np.subtract.outer(u, u)) * np.sign(np.subtract.outer(v, v))).sum())

    for test, coefficient in ((spearman, rho), (kendall, tau)):
        found = test(x, y)
        if isinstance(found, NotEstimable):
            assert len(set(x)) == 1 or len(set(y)) == 1
            continue
        assert found.method == "exact" and found.p == pytest.approx(enumerated(x, y, coefficient))
        assert -1 - 1e-12 <= found.coefficient <= 1 + 1e-12 and 0 < found.p <= 1
        turned = sure(test([-each for each in x], y))
        assert turned.coefficient == pytest.approx(-found.coefficient) and turned.p == pytest.approx(found.p)
        up, down = sure(test(x, y, alternative="greater")), sure(test([-e for e in x], y, alternative="less"))
        assert up.p == pytest.approx(down.p)


def test_coefficients_and_long_series_as_scipy_has_them() -> None:
    from scipy.stats import kendalltau, spearmanr

    random = np.random.default_rng(8)
    x, y = random.normal(size=30), random.normal(size=30)
    ties = x.round(), y.round()
    assert sure(kendall(x, y)).p == pytest.approx(kendalltau(x, y, method="exact").pvalue)
    assert sure(kendall(*ties)).p == pytest.approx(kendalltau(*ties, method="asymptotic").pvalue)
    assert sure(kendall(*ties)).coefficient == pytest.approx(kendalltau(*ties).statistic)
    assert sure(spearman(*ties)).p == pytest.approx(spearmanr(*ties).pvalue)
    assert (sure(kendall(*ties)).method, sure(spearman(*ties)).method) == ("normal", "t")
    series = sure(spearman(x, y))
    assert series.coefficient == pytest.approx(spearmanr(x, y).statistic)
    assert series.method == "Edgeworth series" and series.p == pytest.approx(spearmanr(x, y).pvalue, abs=0.01)


def test_tuna() -> None:
    """Hollander and Wolfe, 1999, p. 366: colour and quality of canned tuna."""
    lightness = [44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1]
    score = [2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8]
    found = sure(kendall(lightness, score))
    assert (found.statistic, found.coefficient) == (16, pytest.approx(4 / 9))
    assert found.p == pytest.approx(0.1194, abs=5e-5)
    assert sure(kendall(lightness, score, alternative="greater")).p == pytest.approx(0.0597, abs=5e-5)


def test_the_series_beside_the_exact_tail() -> None:
    """P(S <= 36) of 10 pairs: R's pspearman prints 0.005825634 by AS 89 and 0.005265377 exactly."""
    assert 1 - _edgeworth_tail(38, 10) == pytest.approx(0.005825634, abs=5e-10)
    x = list(range(10))
    y = [1, 0, 3, 2, 5, 4, 6, 9, 8, 7]
    at_36 = sure(spearman(x, y))
    assert at_36.statistic == 14
    swapped = sure(spearman(x, [2, 3, 0, 1, 5, 4, 9, 7, 8, 6]))
    assert swapped.statistic == 36
    assert sure(spearman(x, [2, 3, 0, 1, 5, 4, 9, 7, 8, 6], alternative="greater")).p == pytest.approx(
        0.005265377, abs=5e-10
    )


@pytest.mark.parametrize("test", [spearman, kendall])
def test_bad_pairs(test) -> None:  # type: ignore[no-untyped-def]
    assert test([1, 1], [1, 2]) == NotEstimable("all values are equal")
    assert test([1], [1]) == NotEstimable("fewer than 2 observations")
    assert test([], []) == NotEstimable("no observations")
    assert test([1, np.nan], [1, 2]) == NotEstimable("a value is missing or not finite")
    with pytest.raises(ValueError, match="pairs are needed"):
        test([1, 2], [1])
    assert sure(test([1, 2], [2, 1])).coefficient == -1
