"""A parameter's distribution over people."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.simulate.model import Parameter


def parameter(**changes: float) -> Parameter:
    entry = {"typical": 4.0, **changes}
    return Parameter(unit="1", standing="assumed", source=("assumption",), reason="test", **entry)


def test_people_without_variation_are_typical() -> None:
    assert parameter().values(np.array([-3.0, 0.0, 3.0])).tolist() == [4.0, 4.0, 4.0]
    assert parameter(cv=0.0).values(np.array([-3.0, 3.0])).tolist() == [4.0, 4.0]


def test_variation_is_lognormal_with_the_stated_median_and_cv() -> None:
    values = parameter(cv=0.5).values(np.random.default_rng(1).normal(size=200_000))
    assert np.median(values) == pytest.approx(4.0, rel=0.01)
    assert values.std() / values.mean() == pytest.approx(0.5, rel=0.02)


@given(st.floats(-8, 8), st.floats(0.01, 2))
def test_values_are_positive_and_end_where_stated(z: float, cv: float) -> None:
    [value] = parameter(cv=cv, at_most=5.0).values(np.array([z]))
    assert 0 < value <= 5.0
