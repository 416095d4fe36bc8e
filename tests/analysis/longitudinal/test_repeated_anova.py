import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.longitudinal.repeated_anova import RepeatedAnova, repeated_anova

SEEDS = st.integers(0, 10_000)


def made(y) -> RepeatedAnova:
    result = repeated_anova(y)
    assert isinstance(result, RepeatedAnova)
    return result


@given(SEEDS, st.integers(3, 9), st.integers(2, 5))
def test_epsilons_keep_to_their_bounds_and_order(seed, n, visits) -> None:
    y = np.random.default_rng(seed).normal(size=(n, visits))
    result = made(y)
    assert 1 / (visits - 1) - 1e-9 <= result.greenhouse_geisser <= result.huynh_feldt + 1e-9 <= 1 + 2e-9
    moved = made(1e3 + 5 * y + np.arange(n)[:, None])
    assert (moved.f, moved.greenhouse_geisser) == pytest.approx((result.f, result.greenhouse_geisser))
    swapped = made(y[::-1, ::-1])
    assert (swapped.f, swapped.huynh_feldt) == pytest.approx((result.f, result.huynh_feldt))


def test_two_visits_are_the_paired_t_test() -> None:
    y = np.random.default_rng(1).normal(size=(7, 2))
    result, paired = made(y), stats.ttest_rel(y[:, 0], y[:, 1])
    assert (result.f, result.p) == pytest.approx((paired.statistic**2, paired.pvalue))
    assert result.greenhouse_geisser == pytest.approx(1)
    assert isinstance(result.mauchly, NotEstimable)


def test_participants_without_a_visit_are_left_out() -> None:
    y = np.random.default_rng(1).normal(size=(7, 3))
    whole = made(y[1:])
    y[0, 2] = np.nan
    result = made(y)
    assert (result.f, result.participants, result.left_out) == (pytest.approx(whole.f), 6, 1)


@pytest.mark.parametrize(
    ("y", "reason"),
    [
        (np.ones((4, 3)), "same changes"),
        (np.arange(4.0)[:, None] + np.arange(3.0), "same changes"),
        (np.ones((4, 1)), "one visit"),
        (np.ones((1, 3)), "1 complete participants; at least 2"),
        (np.full((4, 3), np.nan), "0 complete participants"),
    ],
)
def test_no_answer_has_a_reason(y, reason) -> None:
    result = repeated_anova(y)
    assert isinstance(result, NotEstimable)
    assert reason in result.reason


def test_mauchly_needs_more_participants_than_contrasts() -> None:
    result = made(np.random.default_rng(1).normal(size=(3, 4)))
    assert isinstance(result.mauchly, NotEstimable)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="shape \\(participants, visits\\)"):
        repeated_anova([1.0, 2.0])
    with pytest.raises(ValueError, match="infinite"):
        repeated_anova([[1.0, np.inf], [1.0, 2.0]])
