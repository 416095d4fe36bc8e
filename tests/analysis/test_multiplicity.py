from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.multiplicity import holm

FAMILY = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def test_multiplicity_three_endpoints(cases: Mapping[str, Mapping[str, Any]]) -> None:
    case = cases["multiplicity_three_endpoints"]
    assert holm(case["inputs"]["p"]).tolist() == case["expected"]["holm"]


def test_order_is_kept() -> None:
    assert holm([0.04, 0.01]).tolist() == [0.04, 0.02]
    assert holm([0.02, 0.03]).tolist() == [0.04, 0.04]


def test_a_test_that_is_not_estimable_stays_in_the_family() -> None:
    assert holm([0.02, NotEstimable("no observed differences")]).tolist() == [0.04, 1.0]


def test_trials_are_adjusted_each_on_its_own() -> None:
    trials = np.array([[0.04, 0.01], [0.5, 0.6]])
    assert holm(trials).tolist() == [holm(row).tolist() for row in trials]


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_only_probabilities_are_taken(wrong: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, wrong])


def test_an_empty_family_stays_empty() -> None:
    assert holm([]).shape == (0,)


@given(FAMILY)
def test_adjustment_never_lowers_and_stays_below_bonferroni(p: list[float]) -> None:
    adjusted = holm(p)
    assert (adjusted >= p).all() and (adjusted <= np.minimum(1, len(p) * np.array(p))).all()
    by_p = np.argsort(p, kind="stable")
    assert (np.diff(adjusted[by_p]) >= 0).all()


@given(FAMILY, st.randoms(use_true_random=False))
def test_adjustment_does_not_depend_on_order(p: list[float], random: Any) -> None:
    order = list(range(len(p)))
    random.shuffle(order)
    assert holm([p[i] for i in order]).tolist() == holm(p)[order].tolist()
