import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.longitudinal.anova_type import AnovaType, anova_type


def made(y) -> AnovaType:
    result = anova_type(y)
    assert isinstance(result, AnovaType)
    return result


@given(st.integers(0, 10_000), st.integers(3, 10), st.integers(2, 5))
def test_only_ranks_matter(seed, n, visits) -> None:
    y = np.random.default_rng(seed).normal(size=(n, visits))
    assume(isinstance(anova_type(y), AnovaType))  # three participants may change alike
    result, other = made(y), made(np.exp(3 * y)[::-1])
    assert (result.statistic, result.df, result.p) == pytest.approx((other.statistic, other.df, other.p))
    assert np.mean(result.effects) == pytest.approx(0.5)
    assert 1 - 1e-9 <= result.df <= visits - 1 + 1e-9
    assert result.p <= result.p_box + 1e-12 or result.statistic < 1


def test_an_effect_is_the_chance_of_exceeding_all_visits() -> None:
    y = np.array([[1.0, 2.0], [1.0, 3.0], [2.0, 4.0]])
    both = y.ravel()
    for j, effect in enumerate(made(y).effects):
        wins = [(value > both).mean() + (value == both).mean() / 2 for value in y[:, j]]
        assert effect == pytest.approx(np.mean(wins))


def test_no_answer_has_a_reason() -> None:
    for y, reason in [
        (np.ones((5, 3)), "change alike"),
        (np.ones((5, 1)), "one visit"),
        (np.ones((1, 3)), "1 complete participants"),
    ]:
        result = anova_type(y)
        assert isinstance(result, NotEstimable)
        assert reason in result.reason


def test_few_participants_are_told_and_the_incomplete_left_out() -> None:
    y = np.random.default_rng(1).normal(size=(8, 3))
    y[0, 0] = np.nan
    result = made(y)
    assert (result.participants, result.left_out, result.cautions) == (7, 1, ("several-df",))
