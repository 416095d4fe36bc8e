from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.analysis.longitudinal.fit import REASONS, fit, measurements
from trialrun.analysis.longitudinal.inference import adjusted, contrasts
from trialrun.analysis.longitudinal.likelihood import curvature, deviance
from trialrun.analysis.longitudinal.structure import Name, random_slope, structure

NAMES = get_args(Name)
SEEDS = st.integers(0, 10_000)
MEANS = np.broadcast_to(np.eye(4), (12, 4, 4))


def trial(seed: int, trials: int = 1, missing: float = 0.1, n: int = 12) -> np.ndarray:
    """(trials, n, 4) values with unequal variances and correlations; never fewer than six complete."""
    random = np.random.default_rng(seed)
    sigma = np.outer([1, 2, 3, 2], [1, 2, 3, 2]) * 0.6 ** np.abs(np.subtract.outer(range(4), range(4)))
    y = random.multivariate_normal([5, 6, 9, 7], sigma, size=(trials, n))
    gone = random.random(y.shape) < missing
    gone[:, :6] = False
    return np.where(gone, np.nan, y)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("form", [structure(name, 4) for name in NAMES] + [random_slope([0.0, 1, 2, 5])])
def test_the_curvature_is_that_of_the_deviance(form, reml) -> None:
    data = measurements(trial(1), MEANS)
    theta = form.near(np.cov(np.nan_to_num(trial(1)[0], nan=6.0), rowvar=False)[None])
    at, step = curvature(data, form.at(theta), reml=reml), 1e-4
    q = theta.shape[1]
    moves = step * np.eye(q)

    def value(shift):
        return deviance(data, form.at(theta + shift).sigma, reml=reml)[0]

    for a in range(q):
        slope = (value(moves[a]) - value(-moves[a])) / (2 * step)
        assert at.score[0, a] == pytest.approx(slope, abs=1e-4, rel=1e-4)
        up = curvature(data, form.at(theta + moves[a]), reml=reml).score[0]
        down = curvature(data, form.at(theta - moves[a]), reml=reml).score[0]
        np.testing.assert_allclose(at.observed[0, a], (up - down) / (2 * step), atol=1e-3, rtol=1e-3)
    assert at.deviance[0] == pytest.approx(value(np.zeros(q)))


def test_the_expected_information_is_the_mean_of_the_observed() -> None:
    form = structure("heterogeneous-ar1", 4)
    theta = np.array([[1.0, 2.0, 3.0, 2.0, 0.5]])
    sigma = form.at(theta).sigma[0]
    y = np.random.default_rng(3).multivariate_normal(np.zeros(4), sigma, size=(4000, 8))
    y[:, 0, 1] = np.nan
    at = curvature(measurements(y, MEANS[:8]), form.at(np.repeat(theta, 4000, axis=0)), reml=True)
    np.testing.assert_allclose(at.observed.mean(axis=0), at.expected[0], atol=0.15)


@settings(max_examples=15)
@given(SEEDS, st.sampled_from(NAMES))
def test_participants_may_come_in_any_order(seed, name) -> None:
    y, form = trial(seed), structure(name, 4)
    other = fit(y[:, np.random.default_rng(seed).permutation(12)], MEANS, form)
    one = fit(y, MEANS, form)
    np.testing.assert_allclose(one.curvature.beta, other.curvature.beta, rtol=1e-6)
    np.testing.assert_allclose(adjusted(one), adjusted(other), rtol=1e-4, atol=1e-6)


@settings(max_examples=15)
@given(SEEDS, st.sampled_from(["unstructured", "compound-symmetry", "diagonal"]))
def test_visits_may_come_in_any_order(seed, name) -> None:
    order = np.random.default_rng(seed).permutation(4)
    one = fit(trial(seed), MEANS, structure(name, 4))
    other = fit(trial(seed)[:, :, order], MEANS, structure(name, 4))
    np.testing.assert_allclose(one.curvature.deviance, other.curvature.deviance)
    np.testing.assert_allclose(one.sigma[:, order][:, :, order], other.sigma, rtol=1e-4, atol=1e-5)


@settings(max_examples=20)
@given(SEEDS, st.sampled_from(NAMES), st.sampled_from([-1e4, 0.0, 3.0]), st.sampled_from([1e-6, 0.5, 1e6]))
def test_origin_and_unit_do_not_matter(seed, name, origin, unit) -> None:
    y, form = trial(seed), structure(name, 4)
    one, other = fit(y, MEANS, form), fit(origin * unit + unit * y, MEANS, form)
    row = [-1.0, 0, 1, 0]
    a, b = contrasts(one, row), contrasts(other, row)
    np.testing.assert_allclose(a.estimate * unit, b.estimate, rtol=1e-6, atol=1e-7 * unit)
    np.testing.assert_allclose([a.df, a.p], [b.df, b.p], rtol=1e-4, atol=1e-12)


def test_a_batch_gives_each_trial_its_own_answer() -> None:
    y, form = trial(5, trials=7), structure("unstructured", 4)
    y[2] = 3.0
    whole = fit(y, MEANS, form)
    assert whole.code.tolist() == [0, 0, 2, 0, 0, 0, 0]
    for t in (0, 3, 6):
        alone = fit(y[t : t + 1], MEANS, form)
        np.testing.assert_allclose(whole.theta[t], alone.theta[0], rtol=1e-8)
        np.testing.assert_allclose(whole.curvature.deviance[t], alone.curvature.deviance[0])
    assert np.isfinite(contrasts(whole, [1.0, 0, 0, 0]).p).all()


def test_batches_are_joined(monkeypatch) -> None:
    y, form = trial(6, trials=5), structure("heterogeneous-ar1", 4)
    whole = fit(y, MEANS, form)
    monkeypatch.setattr("trialrun.analysis.longitudinal.fit._BATCH", 2)
    parts = fit(y, MEANS, form)
    np.testing.assert_allclose(whole.theta, parts.theta)
    np.testing.assert_allclose(adjusted(whole), adjusted(parts))


@pytest.mark.parametrize("name", NAMES)
def test_values_all_equal_do_not_vary(name) -> None:
    assert fit(np.full((1, 12, 4), 0.1), MEANS, structure(name, 4)).why_not(0).reason == REASONS[2]
    zeros = np.zeros((1, 12, 4))
    assert fit(zeros, MEANS, structure(name, 4)).why_not(0).reason == REASONS[2]


def test_a_visit_without_values_has_no_mean() -> None:
    y = trial(1)
    y[:, :, 2] = np.nan
    assert fit(y, MEANS, structure("ar1", 4)).why_not(0).reason == REASONS[1]
    assert fit(np.full((1, 12, 4), np.nan), MEANS, structure("ar1", 4)).code[0] == 1


def test_visits_never_seen_together_have_no_covariance() -> None:
    y = trial(1, missing=0)
    y[0, :6, 2], y[0, 6:, 3] = np.nan, np.nan
    assert fit(y, MEANS, structure("unstructured", 4)).why_not(0).reason == REASONS[3]
    assert fit(y, MEANS, structure("heterogeneous-compound-symmetry", 4)).estimable[0]


def test_one_visit_cannot_tell_a_correlation() -> None:
    y = trial(1)[:, :, :1]
    one = np.ones((12, 1, 1))
    assert fit(y, one, structure("compound-symmetry", 1)).why_not(0).reason == REASONS[3]
    assert fit(y, one, structure("unstructured", 1)).estimable[0]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_too_few_participants_for_the_covariance(n) -> None:
    fits = fit(trial(1, missing=0)[:, :n], MEANS[:n], structure("unstructured", 4))
    assert not fits.estimable[0]
    assert "too few participants" in fits.why_not(0).reason or n == 1


def test_changes_all_equal_leave_no_maximum() -> None:
    y = trial(1)
    y[..., 1] = y[..., 0] + 1
    assert not fit(y, MEANS, structure("unstructured", 4)).estimable[0]


def test_nearly_equal_visits_are_still_fitted() -> None:
    y = trial(1, missing=0)
    y[..., 1] = y[..., 0] + 0.01 * np.random.default_rng(1).standard_normal(y.shape[:2])
    fits = fit(y, MEANS, structure("unstructured", 4))
    np.testing.assert_allclose(fits.sigma[0], np.cov(y[0], rowvar=False), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("y", "x", "message"),
    [
        (np.zeros((12, 4)), MEANS, "shape \\(trials, participants, visits\\)"),
        (np.zeros((1, 12, 4)), MEANS[:, :3], "the design has shape"),
        (np.full((1, 12, 4), np.inf), MEANS, "a value is infinite"),
        (np.zeros((1, 12, 4)), np.full((12, 4, 1), np.nan), "covariate of an observed value is missing"),
        (np.zeros((1, 12, 3)), MEANS[:, :3], "covariance of 4 visits does not fit 3 visits"),
    ],
)
def test_bad_input(y, x, message) -> None:
    with pytest.raises(ValueError, match=message):
        fit(y, x, structure("ar1", 4))
