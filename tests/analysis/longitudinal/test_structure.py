from typing import get_args

import numpy as np
import pytest

from trialrun.analysis.longitudinal.structure import Name, random_slope, structure

NAMES = get_args(Name)
NEAR = np.array([[2.0, 0.9, 0.5, 0.3], [0.9, 1.5, 0.8, 0.4], [0.5, 0.8, 3.0, 1.1], [0.3, 0.4, 1.1, 2.2]])
EVERY = [structure(name, 4) for name in NAMES] + [random_slope([0.0, 1.0, 3.0, 8.0])]


@pytest.mark.parametrize("form", EVERY, ids=lambda form: form.name)
def test_derivatives_are_those_of_the_covariance(form) -> None:
    theta = form.near(NEAR[None])
    at, step = form.at(theta), 1e-5
    for a in range(theta.shape[1]):
        shift = np.zeros_like(theta)
        shift[0, a] = step
        up, down = form.at(theta + shift), form.at(theta - shift)
        np.testing.assert_allclose(at.first[0, a], (up.sigma - down.sigma)[0] / (2 * step), atol=1e-8)
        change = (up.first - down.first)[0] / (2 * step)
        np.testing.assert_allclose(0 if at.second is None else at.second[0, a], change, atol=1e-7)


@pytest.mark.parametrize("form", EVERY, ids=lambda form: form.name)
def test_every_structure_holds_independence_and_scales(form) -> None:
    theta = form.near(3 * np.eye(4)[None])
    np.testing.assert_allclose(form.at(theta).sigma[0], 3 * np.eye(4), atol=1e-12)
    theta = form.near(NEAR[None])
    scaled = form.at(form.rescaled(theta, np.array([7.0]))).sigma
    np.testing.assert_allclose(scaled, 7 * form.at(theta).sigma)
    assert len(form.parameters) == len(set(form.parameters)) == theta.shape[1]
    assert form.visits == 4


def test_ar1_falls_with_the_distance_of_visits() -> None:
    sigma = structure("ar1", 3).at(np.array([[2.0, 0.5]])).sigma[0]
    np.testing.assert_allclose(sigma, [[2, 1, 0.5], [1, 2, 1], [0.5, 1, 2]])


@pytest.mark.parametrize("name", NAMES)
def test_one_visit_is_a_variance(name) -> None:
    assert structure(name, 1).at(structure(name, 1).near(np.full((1, 1, 1), 4.0))).sigma[
        0, 0, 0
    ] == pytest.approx(4)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="write one of unstructured, compound-symmetry"):
        structure("autoregressive", 4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one visit"):
        structure("ar1", 0)
