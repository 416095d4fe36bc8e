"""Sign, sign-flip, paired t, geometric mean ratio and McNemar."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimable import ends, sure
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact import sign_flip as flips
from trialrun.analysis.exact.mcnemar import mcnemar, mcnemars
from trialrun.analysis.exact.paired_t import geometric_mean_ratio, paired_t
from trialrun.analysis.exact.sign import sign_test
from trialrun.analysis.exact.sign_flip import sign_flip
from trialrun.analysis.exact.significance import Alternative, every_trial

FEW = st.lists(st.integers(-5, 5), min_size=1, max_size=9)
SIDE = st.sampled_from(["two-sided", "greater", "less"])
NOT_FINITE = NotEstimable("a value is missing or not finite")


def enumerated(d: list[int], alternative: Alternative) -> tuple[float, float]:
    sums = [
        sum(s * abs(x) for s, x in zip(signs, d, strict=True)) for signs in product((-1, 1), repeat=len(d))
    ]
    here = sum(d)
    if alternative == "two-sided":
        sums, here = [abs(each) for each in sums], abs(here)
    if alternative == "less":
        sums, here = [-each for each in sums], -here
    at_least, above = sum(each >= here for each in sums), sum(each > here for each in sums)
    return at_least / len(sums), (at_least + above) / 2 / len(sums)


@given(FEW, SIDE)
def test_sign_flips_are_enumerated(d: list[int], side: Alternative) -> None:
    found = sure(sign_flip(d, alternative=side))
    assert (found.p, found.mid_p) == pytest.approx(enumerated(d, side), abs=1e-12)
    assert flips._by_halves([abs(x) for x in d if x], sum(d), side) == pytest.approx(enumerated(d, side))
    assert 0 < found.p <= 1 and found.method == "exact"


@given(FEW, SIDE, st.sampled_from([0.1, 1e-7, 3e5]))
def test_scale_and_sign_do_not_matter(d: list[int], side: Alternative, scale: float) -> None:
    turned: Alternative = {"two-sided": "two-sided", "greater": "less", "less": "greater"}[side]  # type: ignore[assignment]
    one = sure(sign_flip(d, alternative=side)).p
    assert sure(sign_flip([scale * x for x in d], alternative=side)).p == one
    assert sure(sign_flip([-x for x in reversed(d)], alternative=turned)).p == pytest.approx(one)
    assert sure(sign_test([-x for x in d], alternative=turned)).p == pytest.approx(
        sure(sign_test(d, alternative=side)).p
    )


def test_forty_real_differences_are_exact_and_more_are_sampled() -> None:
    d = np.random.default_rng(0).normal(0.3, 1, 30)
    assert sure(sign_flip(d)).method == "exact"
    many = np.random.default_rng(0).normal(0.1, 1, 60)
    found = sure(sign_flip(many, samples=5000, seed=7))
    assert (found.method, found.mid_p) == ("Monte Carlo, 5000 samples, seed 7", None)
    assert found.p == pytest.approx(sure(paired_t(many)).p, abs=0.03)
    assert found == sign_flip(many, samples=5000, seed=7)


@given(FEW)
def test_the_sign_test_is_binomial(d: list[int]) -> None:
    from scipy.stats import binomtest

    found, n = sure(sign_test(d)), sum(x != 0 for x in d)
    assert found.positive + found.negative + found.zero == len(d)
    assert found.p == pytest.approx(binomtest(found.positive, n).pvalue if n else 1)
    assert 0 < found.mid_p <= found.p <= 1


def test_paired_t_as_scipy_has_it() -> None:
    from scipy.stats import ttest_1samp

    d = np.random.default_rng(4).normal(1, 2, 9)
    for side in ("two-sided", "greater", "less"):
        theirs, ours = ttest_1samp(d, 0, alternative=side), sure(paired_t(d, alternative=side))
        assert (ours.t, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert ends(sure(paired_t(d)).interval) == pytest.approx(
        list(ttest_1samp(d, 0).confidence_interval(0.95))
    )
    two, one = sure(paired_t(d, level=0.9)), sure(paired_t(d, side="lower"))
    assert (one.interval.lower, one.interval.upper) == (pytest.approx(two.interval.lower), np.inf)
    assert sure(paired_t(d, side="upper")).interval.lower == -np.inf


def test_the_ratio_is_of_geometric_means() -> None:
    before, after = [1.0, 2, 4], [2.0, 8, 4]
    found = sure(geometric_mean_ratio(before, after))
    assert found.ratio == pytest.approx((2 * 8 * 4 / 8) ** (1 / 3))
    back = sure(geometric_mean_ratio(after, before))
    assert ends(back.interval) == pytest.approx([1 / each for each in reversed(ends(found.interval))])
    assert geometric_mean_ratio([1, 2], [0, 3]) == NotEstimable("a value at or below zero has no logarithm")
    assert geometric_mean_ratio([1, 2], [2, 4]) == NotEstimable("all ratios are equal")
    assert geometric_mean_ratio([1, np.nan], [2, 4]) == NOT_FINITE


def test_mcnemar() -> None:
    assert mcnemar(0, 0) == NotEstimable("nobody changed")
    none_lost = sure(mcnemar(0, 6))
    assert (none_lost.odds_ratio, none_lost.interval.upper) == (np.inf, np.inf)
    assert none_lost.p == pytest.approx(0.03125)
    even = sure(mcnemar(4, 4))
    assert (even.p, even.mid_p) == pytest.approx((1, 1 - 70 / 256 / 2))
    one, other = sure(mcnemar(2, 7)), sure(mcnemar(7, 2))
    assert ends(one.interval) == pytest.approx([1 / each for each in reversed(ends(other.interval))])
    assert one.p == pytest.approx(other.p)
    p, mid = mcnemars(np.array([1, 0]), np.array([8, 0]))
    assert p.tolist() == pytest.approx([0.0390625, 1]) and mid.tolist() == pytest.approx([0.021484375, 1])
    with pytest.raises(ValueError, match="whole numbers"):
        mcnemar(-1, 3)


@pytest.mark.parametrize("test", [sign_test, sign_flip, paired_t])
def test_bad_differences(test) -> None:  # type: ignore[no-untyped-def]
    assert test([]) == NotEstimable("no observations")
    assert test([1.0, np.nan]) == test([np.inf, 1.0]) == NOT_FINITE


def test_what_equal_values_and_one_value_say() -> None:
    assert paired_t([0.1, 0.1, 0.1]) == paired_t([0, 0]) == NotEstimable("all differences are equal")
    assert paired_t([1.0]) == NotEstimable("fewer than 2 observations")
    assert (sure(sign_flip([0, 0])).p, sure(sign_test([0, 0])).p) == (1, 1)
    assert (sure(sign_flip([3])).p, sure(sign_test([3], alternative="greater")).p) == (1, 0.5)


def test_values_that_no_double_can_square() -> None:
    beyond = NotEstimable("a value beyond 1e+150, whose square is no number")
    assert paired_t([1e300, -1e300, 1e300]) == sign_flip([1e300, 1]) == beyond


def test_every_trial_of_a_simulation() -> None:
    d, seen = np.array([[1.0, 2, 3], [1, -1, 9]]), np.array([[True] * 3, [True, True, False]])
    found = every_trial(sign_flip, (d, seen))
    assert found.p.tolist() == [0.25, 1] and found.estimable.all()
