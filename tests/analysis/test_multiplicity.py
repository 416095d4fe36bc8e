from collections.abc import Callable, Mapping
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.multiplicity import (
    benjamini_hochberg,
    benjamini_yekutieli,
    fixed_sequence,
    graphical,
    hochberg,
    holm,
    hommel,
    serial_gatekeeping,
)

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


PROCEDURES = [holm, hochberg, hommel, benjamini_hochberg, benjamini_yekutieli]


def closed(p: list[float], test: Callable[[list[float]], float]) -> list[float]:
    """Adjusted p-values of the closed procedure of a test of intersections, by every subset."""
    family = range(len(p))
    subsets = [each for size in range(1, len(p) + 1) for each in combinations(family, size)]
    return [max(min(1.0, test(sorted(p[j] for j in each))) for each in subsets if i in each) for i in family]


def simes(p: list[float]) -> float:
    return min(len(p) * each / rank for rank, each in enumerate(p, 1))


@given(FAMILY)
def test_hommel_is_the_closure_of_simes_and_holm_that_of_bonferroni(p: list[float]) -> None:
    assert hommel(p).tolist() == pytest.approx(closed(p, simes))
    assert holm(p).tolist() == pytest.approx(closed(p, lambda q: len(q) * q[0]))


@given(FAMILY)
def test_stronger_assumptions_give_smaller_p(p: list[float]) -> None:
    ladder = [np.array(p), benjamini_hochberg(p), hommel(p), hochberg(p), holm(p)]
    for smaller, larger in pairwise(ladder):
        assert (smaller <= larger + 1e-12).all()
    assert (benjamini_hochberg(p) <= benjamini_yekutieli(p) + 1e-12).all()


@given(FAMILY)
def test_false_discovery_as_scipy_has_it(p: list[float]) -> None:
    from scipy.stats import false_discovery_control

    assert benjamini_hochberg(p).tolist() == pytest.approx(false_discovery_control(p).tolist())
    assert benjamini_yekutieli(p).tolist() == pytest.approx(false_discovery_control(p, method="by").tolist())


def test_fifteen_p_values_of_benjamini_and_hochberg() -> None:
    """JRSS B 1995;57:289, section 3: four rejections at q = .05 where Bonferroni and Hochberg give three."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262]
    p += [0.5719, 0.6528, 0.7590, 1.0]
    assert (benjamini_hochberg(p) <= 0.05).sum() == 4
    assert (hochberg(p) <= 0.05).sum() == 3


@pytest.mark.parametrize("procedure", [*PROCEDURES, fixed_sequence])
def test_every_procedure_takes_trials_at_once(procedure: Callable[[Any], Any]) -> None:
    trials = np.random.default_rng(1).uniform(size=(5, 4))
    assert procedure(trials).tolist() == [procedure(row).tolist() for row in trials]
    assert procedure([]).shape == (0,)
    assert procedure([0.02, NotEstimable("no observed differences")])[1] == 1
    with pytest.raises(ValueError, match="between 0 and 1"):
        procedure([0.5, float("nan")])


def test_a_sequence_stops_at_its_first_failure() -> None:
    assert fixed_sequence([0.01, 0.2, 0.001]).tolist() == [0.01, 0.2, 0.2]


def test_a_gate_opens_only_when_all_before_it_are_rejected() -> None:
    first, second = serial_gatekeeping([[0.01, 0.02], [0.001, 0.03]])
    assert first.tolist() == [0.02, 0.02] and second.tolist() == [0.02, 0.03]
    shut = serial_gatekeeping([[0.01, 0.2], [0.001]])
    assert shut[1].tolist() == [0.2]
    trials = serial_gatekeeping([np.array([[0.01], [0.9]]), np.array([[0.02], [0.02]])])
    assert trials[1].tolist() == [[0.02], [0.9]]
    assert [each.tolist() for each in serial_gatekeeping([[], [0.5]])] == [[], [0.5]]


@given(FAMILY)
def test_graphs_hold_holm_and_the_fixed_sequence(p: list[float]) -> None:
    m = len(p)
    everyone = (np.ones((m, m)) - np.eye(m)) / max(m - 1, 1)
    assert graphical(p, np.full(m, 1 / m), everyone).tolist() == pytest.approx(holm(p).tolist())
    chain = graphical(p, np.eye(1, m)[0], np.eye(m, k=1))
    assert chain.tolist() == pytest.approx(fixed_sequence(p).tolist())


def test_a_graph_of_two_primaries_and_two_secondaries() -> None:
    """Two primaries at one half each, every one passing on to its secondary, that to the other primary."""
    weights, passing = [0.5, 0.5, 0, 0], [[0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]]
    assert graphical([0.01, 0.04, 0.02, 0.03], weights, passing).tolist() == [0.02, 0.04, 0.04, 0.04]
    assert graphical([0.03, 0.04, 0.001, 0.9], weights, passing).tolist() == [0.06, 0.06, 0.06, 0.9]


@pytest.mark.parametrize(
    ("weights", "passing"),
    [([0.6, 0.6], [[0, 1], [1, 0]]), ([0.5, 0.5], [[0.5, 0.5], [1, 0]]), ([-0.1, 1], [[0, 1], [1, 0]])],
)
def test_bad_graphs(weights: list[float], passing: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="at most 1 together"):
        graphical([0.1, 0.2], weights, passing)
    with pytest.raises(ValueError, match="2 weights"):
        graphical([0.1, 0.2], [1], passing)
