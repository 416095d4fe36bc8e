from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.analysis.design.predictive_probability import PredictiveDesign, feasible

Published = Mapping[str, Any]
LEE_LIU = PredictiveDesign(36, 0.2, 0.9, 0.001, prior=(0.2, 0.8), looks=tuple(range(10, 37)))


def test_published_lee_liu_2008_example(published: Published) -> None:
    design = PredictiveDesign(40, 0.6, 0.9, 0.001, prior=(0.6, 0.4))
    assert design.probability(16, 23) == pytest.approx(published["lee_liu_2008"]["pp_example"], abs=1e-9)


def test_published_lee_liu_2008_nmax36(published: Published) -> None:
    table = published["lee_liu_2008"]["nmax36"]
    boundary = LEE_LIU.boundary()
    assert boundary.n == tuple(table["n"])
    assert boundary.futile_at_most == tuple(table["reject_if_le"])
    assert boundary.promising_at_least == (*[None] * 26, 11)
    expected = [(0, 10), (1, 17), (2, 21), (3, 24), (4, 27), (5, 29), (6, 31), (7, 33), (8, 34), (9, 35)]
    assert boundary.steps() == (*expected, (10, 36))
    for key in ("oc_p0", "oc_p1"):
        found = boundary.operating_characteristics(table[key]["p"])
        assert found.promising == pytest.approx(table[key]["reject_H0"], abs=1e-9)
        assert found.stop_early == pytest.approx(table[key]["early_stop"], abs=1e-9)
        assert found.expected_n == pytest.approx(table[key]["EN"], abs=1e-6)


def test_feasible_designs_keep_both_errors() -> None:
    tries = [replace(LEE_LIU, certainty=c) for c in (0.8, 0.86, 0.9, 0.95)]
    # Lee and Liu state that certainties from 0.852 to 0.922 do.
    assert feasible(tries, 0.4, 0.1, 0.1) == tuple(tries[1:3])


@settings(max_examples=15)
@given(
    st.integers(2, 9),
    st.floats(0.1, 0.6),
    st.floats(0.6, 0.95),
    st.floats(0, 0.3),
    st.floats(0.7, 1),
    st.floats(0, 1),
)
def test_recursion_equals_enumeration(
    n_max: int, p0: float, certainty: float, futile: float, promising: float, p: float
) -> None:
    design = PredictiveDesign(n_max, p0, certainty, futile, promising)
    won = early = mean = 0.0
    for outcome in product((0, 1), repeat=n_max):
        chance = prod(p if event else 1 - p for event in outcome)
        for n in range(1, n_max + 1):
            probability = design.probability(sum(outcome[:n]), n)
            if n == n_max or probability < futile or probability > promising:
                won += chance * (probability > (0.5 if n == n_max else promising))
                early += chance * (n < n_max)
                mean += chance * n
                break
    found = design.boundary().operating_characteristics(p)
    actual = (found.promising.item(), found.stop_early.item(), found.expected_n.item())
    assert actual == pytest.approx((won, early, mean))


@given(st.integers(2, 20), st.floats(0.1, 0.6), st.floats(0.6, 0.95), st.floats(0, 0.3))
def test_boundaries_never_fall(n_max: int, p0: float, certainty: float, futile: float) -> None:
    found = PredictiveDesign(n_max, p0, certainty, futile, 0.9).boundary()
    for limits in (found.futile_at_most, found.promising_at_least):
        known = [x for x in limits if x is not None]
        assert known == sorted(known)
    stops = found.operating_characteristics(np.linspace(0, 1, 5)).promising
    assert (np.diff(stops) >= -1e-12).all()


def test_a_certainty_beyond_reach_is_never_promising() -> None:
    found = PredictiveDesign(2, 0.9, 0.999, 0.0).boundary()
    assert found.promising_at_least == (None, None)
    assert found.operating_characteristics([1.0]).promising == 0


@pytest.mark.parametrize(
    "wrong", [{"n_max": 0}, {"p0": 1.0}, {"futile": 0.5, "promising": 0.4}, {"looks": (0,)}]
)
def test_wrong_designs_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="futile <= promising"):
        replace(LEE_LIU, **wrong)
