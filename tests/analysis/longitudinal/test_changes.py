from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.longitudinal.caution import CAUTIONS
from trialrun.analysis.longitudinal.changes import AtVisit, Changes, changes
from trialrun.analysis.longitudinal.inference import Contrast, FTest, Method
from trialrun.analysis.longitudinal.structure import Name

VISITS = ("D0", "W1", "W9", "W24")
RANDOM = np.random.default_rng(8)
Y = RANDOM.normal([3, 5, 10, 6], [1, 1, 2, 1.5], size=(16, 4)) + RANDOM.normal(size=(16, 1))
ARMS = ["low"] * 7 + ["high"] * 9


def made(y=Y, visits=VISITS, **options) -> Changes:
    result = changes(y, visits, **options)
    assert isinstance(result, Changes)
    return result


def row(change: AtVisit) -> Contrast:
    assert isinstance(change.result, Contrast)
    return change.result


def without(*cells) -> np.ndarray:
    y = Y.copy()
    for cell in cells:
        y[cell] = np.nan
    return y


def test_complete_changes_are_those_of_the_paired_t_test() -> None:
    result = made()
    assert [(c.visit, c.arm, c.versus, c.n) for c in result.changes] == [
        (visit, "", None, 16) for visit in VISITS[1:]
    ]
    for j, change in enumerate(result.changes, 1):
        paired = stats.ttest_rel(Y[:, j], Y[:, 0])
        interval = paired.confidence_interval()
        assert (row(change).t, row(change).df, row(change).p) == pytest.approx(
            (paired.statistic, 15, paired.pvalue), rel=1e-6
        )
        assert (row(change).interval.lower, row(change).interval.upper) == pytest.approx(interval, rel=1e-6)
    assert isinstance(result.overall, FTest)
    assert result.participants == 16
    np.testing.assert_allclose(result.covariance, np.cov(Y, rowvar=False), rtol=1e-6)


def test_complete_means_are_those_of_the_t_test_of_one_sample() -> None:
    for j, mean in enumerate(made().means):
        alone = stats.ttest_1samp(Y[:, j], 0)
        assert mean.visit == VISITS[j]
        assert (row(mean).t, row(mean).df, row(mean).p) == pytest.approx(
            (alone.statistic, 15, alone.pvalue), rel=1e-6
        )


def test_complete_differences_of_arms_are_those_of_the_t_test() -> None:
    result = made(arms=ARMS)
    high = np.array(ARMS) == "high"
    assert [(c.visit, c.arm, c.versus) for c in result.differences] == [
        (visit, "high", "low") for visit in VISITS[1:]
    ]
    assert len(result.changes) == 6
    for j, change in enumerate(result.differences, 1):
        d = Y[:, j] - Y[:, 0]
        both = stats.ttest_ind(d[high], d[~high])
        assert (row(change).t, row(change).df, row(change).p) == pytest.approx(
            (both.statistic, 14, both.pvalue), rel=1e-6
        )


def test_a_common_baseline_is_analysis_of_covariance_with_two_visits() -> None:
    """Complete baseline and one visit: the constrained estimate is that of ANCOVA (Liang and Zeger 2000)."""
    y = Y[:, :2]
    result = made(y, VISITS[:2], arms=ARMS, common_baseline=True)
    high = (np.array(ARMS) == "high").astype(float)
    x = np.stack([np.ones(16), high, y[:, 0]], axis=1)
    beta = np.linalg.lstsq(x, y[:, 1], rcond=None)[0]
    [difference] = result.differences
    assert row(difference).estimate == pytest.approx(beta[1], rel=1e-3)
    free = made(y, VISITS[:2], arms=ARMS)
    assert row(difference).se < row(free.differences[0]).se


def test_the_baseline_may_be_named() -> None:
    shuffled = made(Y[:, [1, 0, 3, 2]], ("W1", "D0", "W24", "W9"), baseline="D0")
    mine = {change.visit: row(change).estimate for change in shuffled.changes}
    assert mine == pytest.approx({change.visit: row(change).estimate for change in made().changes})


def test_a_participant_without_baseline_still_informs() -> None:
    some, fewer = made(without((0, 0), (3, 2))), made(np.delete(without((3, 2)), 0, axis=0))
    assert some.participants == 16
    assert fewer.participants == 15
    assert row(some.changes[0]).estimate != pytest.approx(row(fewer.changes[0]).estimate)


def test_an_empty_participant_changes_nothing() -> None:
    more = made(np.vstack([Y, np.full((2, 4), np.nan)]))
    assert more.participants == 16
    assert row(more.changes[1]).p == pytest.approx(row(made().changes[1]).p)


def test_a_visit_without_values_is_said_and_the_others_stand() -> None:
    result = made(without((slice(None), 2)))
    w1, w9, w24 = result.changes
    assert isinstance(w9.result, NotEstimable)
    assert w9.n == 0
    assert (row(w1).df, row(w24).df) == pytest.approx((15, 15))
    assert result.visits == ("D0", "W1", "W24")


def test_a_visit_empty_in_one_arm() -> None:
    result = made(without((slice(0, 7), 2)), arms=ARMS, structures=("heterogeneous-ar1",))
    told = {(c.visit, c.arm): isinstance(c.result, Contrast) for c in result.changes}
    assert [cell for cell, estimable in told.items() if not estimable] == [("W9", "low")]
    assert isinstance(result.differences[1].result, NotEstimable)
    assert isinstance(result.differences[0].result, Contrast)


def test_the_next_structure_of_the_plan_is_used_and_said() -> None:
    result = made(Y[:4], structures=("unstructured", "heterogeneous-ar1"))
    assert result.structure == "heterogeneous-ar1"
    [(name, reason)] = result.dropped
    assert name == "unstructured"
    assert "too few participants" in reason
    assert "other-structure" in result.cautions
    assert isinstance(changes(Y[:4], VISITS), NotEstimable)


def test_cautions_say_what_goes_wrong_with_few() -> None:
    assert made(Y[:9]).cautions == ("model-secondary", "several-df")
    assert "equal-correlations" in made(structures=("random-intercept",)).cautions
    assert "normal-inference" in made(method="z").cautions
    many = np.random.default_rng(1).normal(size=(40, 4))
    assert made(many).cautions == ()
    few = without((slice(4, 8), 1), (slice(8, 12), 2), (slice(12, 16), 3))  # four are complete
    assert "no-global-maximum" in made(few).cautions
    alternating = np.random.default_rng(1).normal(size=(9, 1)) * [[1, -1, 1, -1]]
    negative = made(
        alternating + np.random.default_rng(2).normal(size=(9, 4)), structures=("random-intercept",)
    )
    assert "negative-component" in negative.cautions
    assert all(text.endswith(".") for text in CAUTIONS.values())


@settings(max_examples=60)
@given(st.data())
def test_never_nan(data) -> None:
    """Few participants, ties, holes, any structure and arms: finite numbers, or a reason."""
    n, visits = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 5))
    random = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    y = random.integers(0, data.draw(st.integers(1, 50)), size=(n, visits)) / 10
    y[random.random(y.shape) < data.draw(st.sampled_from([0.0, 0.2, 0.6]))] = np.nan
    arms = data.draw(st.sampled_from([None, [str(i % 2) for i in range(n)]]))
    names = [f"V{j}" for j in range(visits)]
    name, method = data.draw(st.sampled_from(get_args(Name))), data.draw(st.sampled_from(get_args(Method)))
    result = changes(y, names, arms=arms, structures=(name,), method=method)
    if isinstance(result, NotEstimable):
        assert result.reason
        return
    for each in (*result.means, *result.changes, *result.differences):
        if isinstance(each.result, Contrast):
            numbers = (each.result.estimate, each.result.se, each.result.t, each.result.p)
            assert np.isfinite(numbers).all()
            assert each.result.se > 0
            assert each.result.df > 0
    if isinstance(result.overall, FTest):
        assert np.isfinite([result.overall.f, result.overall.p]).all()
        assert result.overall.f >= 0


@pytest.mark.parametrize(
    ("y", "visits", "reason"),
    [
        (np.full((3, 2), np.nan), ("D0", "W1"), "no values"),
        (np.array([[np.nan, 1.0], [np.nan, 2.0]]), ("D0", "W1"), "no value at baseline"),
        (np.array([[1.0], [2.0]]), ("D0",), "values at one visit only"),
        (np.array([[1.0, np.nan], [2.0, np.nan]]), ("D0", "W1"), "values at one visit only"),
        (np.ones((5, 3)), ("D0", "W1", "W2"), "the values do not vary about their means"),
        (np.array([[1.0, 2.0]]), ("D0", "W1"), "the values do not vary about their means"),
    ],
)
def test_no_answer_has_a_reason(y, visits, reason) -> None:
    result = changes(y, visits)
    assert isinstance(result, NotEstimable)
    assert result.reason == reason


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="baseline 'W0' is not a visit; write one of D0"):
        changes(Y, VISITS, baseline="W0")
    with pytest.raises(ValueError, match="here \\(at least 1, 3\\), not \\(16, 4\\)"):
        changes(Y, VISITS[:3])
    with pytest.raises(ValueError, match="named twice"):
        changes(Y, ("D0", "W1", "W1", "W9"))
    with pytest.raises(ValueError, match="2 arms are named for 16 participants"):
        changes(Y, VISITS, arms=["a", "b"])
    with pytest.raises(ValueError, match="at least one covariance"):
        changes(Y, VISITS, structures=())
