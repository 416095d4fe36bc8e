"""Least squares with factors and covariates: against R's lm, car and emmeans, and against simpler tests."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.linear_model import LinearModel
from trialrun.analysis.outputs.compared import anova

DOSE = [0, 0, 0, 0, 54, 54, 54, 81, 81, 81, 81]
ARM = ["P"] * 4 + ["L"] * 3 + ["H"] * 4
SITE = ["a", "a", "b", "b", "a", "b", "b", "a", "a", "a", "b"]
BASE = [21.0, 30, 12, 18, 25, 14, 33, 19, 27, 22, 16]
CHANGE = [3.0, 4.5, 1, 0.5, 2.5, -1, 3, -2, 1.5, 0, -3]


@pytest.fixture(scope="module")
def model():
    return LinearModel(CHANGE, {"arm": ARM, "site": SITE}, {"base": BASE})


def test_differences_are_those_of_r(model):
    """R 4.2: summary and confint of lm(y ~ arm + site + base)."""
    found = model.difference("arm", "H", "P")
    assert (found.df, found.p) == (6, pytest.approx(0.0007290952009, rel=1e-6))
    assert found.estimate == pytest.approx(-3.5621686747, rel=1e-7)
    assert found.se == pytest.approx(0.56305108594, rel=1e-7)
    assert (found.lower, found.upper) == (pytest.approx(-4.93990504969), pytest.approx(-2.1844322997))


def test_effects_are_of_type_three(model):
    """R 4.2: drop1(lm(y ~ arm + site + base), test = "F"), which is type III without interactions."""
    assert model.effect("arm").f == pytest.approx(20.03787, rel=1e-5)
    assert (model.effect("arm").df, model.effect("arm").df_error) == (2, 6)
    assert model.effect("base").p == pytest.approx(0.0035999915494, rel=1e-6)


def test_the_dose_is_a_slope():
    """R 4.2: summary(lm(y ~ dose + site + base))."""
    slope = LinearModel(CHANGE, {"site": SITE}, {"dose": DOSE, "base": BASE}).slope("dose")
    assert slope.estimate == pytest.approx(-0.0411612107, rel=1e-7)
    assert slope.p == pytest.approx(0.00101581468, rel=1e-6)


def test_means_weigh_levels_equally_or_as_observed(model):
    """R 4.2: predict at the mean of base, the sites' predictions averaged, or weighted by 6 and 5 of 11."""
    assert model.mean("arm", "P").estimate == pytest.approx(2.515958379)
    assert model.mean("arm", "P", "observed").estimate == pytest.approx(2.567447974)


VALUE = st.floats(-1e3, 1e3).map(lambda one: round(one, 2))


@given(st.lists(VALUE, min_size=2, max_size=8), st.lists(VALUE, min_size=2, max_size=8))
def test_groups_alone_are_the_analysis_of_variance(one, other):
    model = LinearModel([*one, *other], {"arm": ["a"] * len(one) + ["b"] * len(other)}, {})
    found = model.difference("arm", "b", "a")
    if isinstance(found, NotEstimable):
        assert np.ptp(one) < 1e-6 > np.ptp(other)
    elif model.rss > 1e-8:
        assert found.p == pytest.approx(anova([one, other]), rel=1e-5, abs=1e-7)
        assert model.effect("arm").p == pytest.approx(found.p, rel=1e-5, abs=1e-7)


@given(st.floats(0.01, 100), st.floats(-1e4, 1e4))
def test_the_unit_and_origin_of_a_covariate_do_not_matter(times, more):
    there = LinearModel(CHANGE, {"arm": ARM, "site": SITE}, {"base": BASE}).difference("arm", "L", "P")
    moved = LinearModel(CHANGE, {"arm": ARM, "site": SITE}, {"base": [times * one + more for one in BASE]})
    found = moved.difference("arm", "L", "P")
    assert found.p == pytest.approx(there.p, rel=1e-5)


@pytest.mark.parametrize(
    ("values", "arm", "site", "why"),
    [
        ([1.0, 2, 3, 4], "aabb", "xxyy", "not observed"),
        ([1.0, 2], "ab", "xx", "degree of freedom"),
        ([1.0, 1, 2, 2], "aabb", "xyxy", "exactly"),
        ([1.0, 3, 2], "aaa", "xyx", "no observations"),
        ([], "", "", "no observations"),
    ],
)
def test_what_cannot_be_estimated_says_why(values, arm, site, why):
    found = LinearModel(values, {"arm": list(arm), "site": list(site)}, {}).difference("arm", "b", "a")
    assert isinstance(found, NotEstimable)
    assert why in found.reason


def test_an_effect_that_follows_from_another_is_not_tested():
    model = LinearModel([1.0, 3, 2, 5, 4, 4], {"arm": list("aabbcc"), "again": list("xxyyzz")}, {})
    assert isinstance(model.effect("arm"), NotEstimable)
    with pytest.raises(ValueError, match="length"):
        LinearModel([1.0], {"arm": []}, {})
