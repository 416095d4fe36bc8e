"""Arms compared by a mixed model: where it is a simpler one, and what cannot be estimated."""

import numpy as np
import pytest

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.linear_model import LinearModel
from trialrun.analysis.longitudinal.adjusted import AdjustedMeans

ARM = ["a", "a", "a", "b", "b", "b", "b"]
SITE = ["x", "y", "x", "y", "x", "y", "y"]
BASE = [3.0, 5, 4, 2, 6, 4, 1]
CHANGE = [1.0, 2.5, 0.5, -1, 2, 0, -2.5]
GAP = float("nan")


def column(values):
    return np.array(values)[:, None]


@pytest.mark.parametrize("margins", ["equal", "observed"])
def test_one_visit_is_the_analysis_of_covariance(margins):
    mixed = AdjustedMeans(column(CHANGE), ARM, {"site": SITE}, {"base": column(BASE)}, margins=margins)
    plain = LinearModel(CHANGE, {"arm": ARM, "site": SITE}, {"base": BASE})
    for ours, theirs in (
        (mixed.estimate({"b": 1, "a": -1}, [0]), plain.difference("arm", "b", "a")),
        (mixed.estimate({"b": 1}, [0]), plain.mean("arm", "b", margins)),
    ):
        assert (ours.estimate, ours.se, ours.p) == pytest.approx((theirs.estimate, theirs.se, theirs.p), 1e-6)
        assert ours.df == pytest.approx(theirs.df)


def test_complete_visits_average_to_the_analysis_of_means():
    """Compound symmetry, nothing missing: the mean over visits is one number of each participant."""
    values = np.array([[1.0, 2], [2, 5], [0, 1], [4, 3], [2, 2], [6, 3], [1, 4]])
    mixed = AdjustedMeans(values, ARM, {}, {}, structures=["compound-symmetry"])
    plain = LinearModel(values.mean(axis=1).tolist(), {"arm": ARM}, {})
    ours, theirs = mixed.estimate({"b": 1, "a": -1}, [0, 1]), plain.difference("arm", "b", "a")
    assert (ours.estimate, ours.se, ours.df) == pytest.approx((theirs.estimate, theirs.se, theirs.df), 1e-6)


def test_an_arm_without_values_at_a_visit_has_a_reason():
    values = np.array([[1.0, GAP], [2, GAP], [0, GAP], [4, 3], [2, 2], [6, 3], [1, 4]])
    mixed = AdjustedMeans(values, ARM, {}, {}, structures=["compound-symmetry"])
    assert mixed.estimate({"a": 1}, [1]) == NotEstimable("no observations")
    assert mixed.estimate({"b": 1}, [1]).estimate == pytest.approx(3.0, abs=0.5)


def test_nobody_has_a_reason():
    assert AdjustedMeans(np.empty((0, 1)), [], {}, {}).estimate({"a": 1}, [0]) == NotEstimable("no values")
