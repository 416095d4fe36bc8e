from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.analysis.design.beta_binomial import (
    posterior_above,
    posterior_above_standard,
    posterior_bounds,
    predictive,
)

Published = Mapping[str, Any]


def test_published_thall_simon_1994(published: Published) -> None:
    example = published["thall_simon_1994"]["example"]
    found = posterior_bounds(60, 0.05, (0.6, 1.4), (15.0, 35.0), kind="futility")
    steps = [(n, b) for n, b in zip(range(1, 61), found, strict=True) if n == 1 or b != found[n - 2]]
    assert steps == list(zip(example["n"], example["bound"], strict=True))


def test_published_lee_liu_2008_posteriors(published: Published) -> None:
    table = published["lee_liu_2008"]
    assert posterior_above(16, 23, 0.6, (0.6, 0.4)) == pytest.approx(table["post_example"], abs=1e-9)
    found = posterior_above(16 + np.array(table["table1_i"]), 40, 0.6, (0.6, 0.4))
    assert found == pytest.approx(table["table1_post"], abs=5.1e-5)


def test_a_known_standard_is_one_that_was_seen_very_often() -> None:
    vague = posterior_above_standard(4, 10, (1, 1), (3e7, 7e7))
    assert vague == pytest.approx(posterior_above(4, 10, 0.3), abs=1e-4)


def test_a_rate_beats_its_like_half_of_the_time() -> None:
    assert posterior_above_standard(0, 0, (0.3, 0.4), (0.3, 0.4)) == pytest.approx(0.5, abs=1e-3)
    assert posterior_above_standard(5, 10, (2, 3), (7, 8)) == pytest.approx(0.5, abs=1e-6)


@given(st.integers(1, 30), st.integers(0, 20), st.floats(0.1, 5), st.floats(0.1, 5), st.data())
def test_predictions_are_probabilities_with_the_right_mean(
    n: int, more: int, a: float, b: float, data: st.DataObject
) -> None:
    x = data.draw(st.integers(0, n))
    found = predictive(x, n, more, (a, b))
    assert found.sum() == pytest.approx(1)
    assert found @ np.arange(more + 1) == pytest.approx(more * (a + x) / (a + b + n))


@given(st.floats(0.05, 0.9), st.floats(0.05, 0.95))
def test_bounds_never_fall(standard: float, certainty: float) -> None:
    for kind in ("futility", "superiority"):
        found = posterior_bounds(15, certainty, (1, 1), standard, kind=kind)
        limits = [x for x in found if x is not None]
        assert limits == sorted(limits)


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and the number of participants"):
        posterior_above(3, 2, 0.5)
    with pytest.raises(ValueError, match="above 0"):
        predictive(1, 2, 3, (0, 1))
