from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.analysis.design.sample_size import (
    detection,
    expected_width,
    gehan,
    least_p_binomial,
    least_p_friedman,
    least_p_paired,
    least_p_two_groups,
    n_for_p,
    n_for_width,
    n_to_detect,
    paired_t_n,
    paired_t_power,
    widths,
)
from trialrun.analysis.signed_rank import minimum_p

Cases = Mapping[str, Mapping[str, Any]]


def test_prob_detect_ae_10(cases: Cases) -> None:
    case = cases["prob_detect_ae_10"]
    found = detection(case["inputs"]["n"], case["inputs"]["p"])
    assert found == pytest.approx(case["expected"]["prob"], abs=1e-12)


def test_power_paired_t_10(cases: Cases) -> None:
    case = cases["power_paired_t_10"]
    i, expected = case["inputs"], case["expected"]
    assert paired_t_power(i["n"], i["d"]) == pytest.approx(expected["power"], abs=1e-8)
    assert paired_t_n(i["d"], 0.8) == pytest.approx(expected["n80"], abs=1e-5)


def test_published_gehan_1961(published: Mapping[str, Any]) -> None:
    table = published["gehan_1961"]
    assert [gehan(p) for p in table["p"]] == table["n"]


def test_published_clopper_pearson_n10_widths(published: Mapping[str, Any]) -> None:
    table = published["clopper_pearson_n10"]
    assert widths(10) == pytest.approx(np.subtract(table["upper"], table["lower"]), abs=1.1e-4)


@given(st.floats(0.001, 0.99), st.floats(0.01, 0.999))
def test_the_fewest_that_detect(p: float, probability: float) -> None:
    n = n_to_detect(p, probability)
    assert detection(n, p) >= probability * (1 - 1e-9)
    assert n == 1 or detection(n - 1, p) < probability * (1 + 1e-9)


def test_equality_is_enough() -> None:
    assert n_to_detect(0.5, 0.875) == 3
    assert n_to_detect(0.1, 1 - 0.9**7) == 7


def test_power_of_the_paired_t_test() -> None:
    assert paired_t_power(10, 0) == pytest.approx(0.025)
    assert paired_t_power(10, 0, both=True) == pytest.approx(0.05)
    assert paired_t_power(10, -1) == paired_t_power(10, 1)
    assert paired_t_power(10, 1, sides=1) > paired_t_power(10, 1)
    assert paired_t_power(paired_t_n(0.5, 0.9), 0.5) == pytest.approx(0.9)


def test_precision() -> None:
    n = n_for_width(0.3, 0.1)
    assert expected_width(n, 0.1) <= 0.3 < expected_width(n - 1, 0.1)
    whatever = n_for_width(0.3)
    assert widths(whatever).max() <= 0.3 < widths(whatever - 1).max()
    assert n_for_width(0.3, 0.1, method="wilson") < n
    with pytest.raises(ValueError, match="raise n_max"):
        n_for_width(0.01, n_max=50)


def test_the_least_p() -> None:
    assert least_p_paired(10) == pytest.approx(0.00195, abs=5e-6)
    assert [least_p_paired(n) for n in (1, 6, 7)] == pytest.approx(minimum_p([1, 6, 7]))
    assert n_for_p(least_p_paired, 0.025) == 7  # six pairs cannot succeed after Holm over two
    assert least_p_two_groups(3, 3) == pytest.approx(0.1)
    assert least_p_two_groups(5, 5, "one-sided") == pytest.approx(1 / 252)
    assert least_p_friedman(4, 3) == pytest.approx(1 / 216)
    assert least_p_binomial(3, 0.3) == pytest.approx(0.027)
    assert n_for_p(lambda n: least_p_binomial(n, 0.3), 0.05) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: detection(10, 1.5),
        lambda: n_to_detect(0, 0.9),
        lambda: paired_t_power(1, 1),
        lambda: paired_t_n(0, 0.8),
        lambda: n_for_width(1.5),
        lambda: widths(0),
        lambda: least_p_paired(0),
        lambda: n_for_p(lambda n: 1.0, 0.05, n_max=3),
    ],
)
def test_wrong_input_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError):
        wrong()
