from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.rounding import half_away, half_away_array, p_value, percent, quantile

Cases = Mapping[str, Mapping[str, Any]]
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def test_rounding_half_away(cases: Cases) -> None:
    case = cases["rounding_half_away"]
    for decimals in (0, 2):
        rounded = half_away_array(case["inputs"]["x"], decimals)
        assert rounded.tolist() == case["expected"][f"sas_round{decimals}"]


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (2.5, 0, "3"),
        (-2.5, 0, "-3"),
        (-0.4, 0, "0"),
        (-0.004, 2, "0.00"),
        (8, 1, "8.0"),
        (1250, -2, "1300"),
        (40, -2, "0"),
        (1e22, 2, "10000000000000000000000.00"),
        (5e-324, 3, "0.000"),
        (Decimal("2.675"), 2, "2.68"),
    ],
)
def test_half_away_as_text(value: float | Decimal, decimals: int, text: str) -> None:
    assert str(half_away(value, decimals)) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("-Infinity")])
def test_only_finite_numbers_are_rounded(value: float | Decimal) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        half_away(value, 1)


def test_arrays_keep_their_shape() -> None:
    assert half_away_array([[0.125, -0.125]], 2).tolist() == [[0.13, -0.13]]
    assert half_away_array(0.5, 0).shape == ()
    assert half_away_array(np.zeros((0, 3)), 0).shape == (0, 3)


@given(FINITE, st.integers(-3, 6))
def test_half_away_is_nearest_and_odd(value: float, decimals: int) -> None:
    rounded = half_away(value, decimals)
    assert abs(Fraction(rounded) - Fraction(repr(value))) <= Fraction(1, 2) / Fraction(10) ** decimals
    assert half_away(-value, decimals) == -rounded
    assert half_away(rounded, decimals) == rounded


def test_quantile_type_2(cases: Cases) -> None:
    case = cases["mcar_littles"]
    assert [quantile(case["inputs"]["x"], q) for q in (0.25, 0.5, 0.75)] == case["expected"]["type2"]


def test_sas_univariate_ttr19_quartiles(cases: Cases) -> None:
    case = cases["sas_univariate_ttr19"]
    actual = [quantile(case["inputs"]["d"], q) for q in (0.25, 0.5, 0.75)]
    assert actual == [case["expected"][name] for name in ("q1", "median", "q3")]


def test_quantile_counts_in_rationals() -> None:
    hundred = list(range(1, 101))
    assert 100 * 0.29 < 29  # in doubles, the 29th place is missed
    assert quantile(hundred, 0.29) == 29.5


def test_a_third_of_three_is_one() -> None:
    """R 4.2, quantile(c(2, 7, 40), 1/3, type = 2), and SAS average the first two; 1/3 is no double."""
    assert quantile([2, 7, 40], 1 / 3) == 4.5
    assert quantile([2, 7, 40], 2 / 3) == 23.5
    assert quantile([1, 2, 3, 4, 5, 6, 7], 0.2857) == 2  # a little under 2/7, and meant so


def test_quantile_of_nothing_is_not_estimable() -> None:
    assert quantile([], 0.5) == NotEstimable("no observations")


@pytest.mark.parametrize(("values", "q"), [([1.0, float("nan")], 0.5), ([1.0], 1.1), ([1.0], float("nan"))])
def test_quantile_refuses_what_has_no_place(values: list[float], q: float) -> None:
    with pytest.raises(ValueError, match="q must lie in 0 … 1 and values be finite"):
        quantile(values, q)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=30), st.sampled_from([0, 0.25, 0.5, 0.75, 1]))
def test_quantile_equals_numpy(values: list[float], q: float) -> None:
    assert quantile(values, q) == np.quantile(values, q, method="averaged_inverted_cdf")


@pytest.mark.parametrize(
    ("x", "n", "decimals", "text"),
    [
        (8, 10, 1, "80.0"),
        (1, 3, 0, "33"),
        (1, 8, 1, "12.5"),
        (1, 8, 0, "13"),
        (0, 4, 1, "0.0"),
        (7, 7, 0, "100"),
    ],
)
def test_percent(x: int, n: int, decimals: int, text: str) -> None:
    assert percent(x, n, decimals) == text


def test_percent_of_no_one_and_of_too_many() -> None:
    assert percent(0, 0) == NotEstimable("no participants")
    with pytest.raises(ValueError, match="11 of 10"):
        percent(11, 10)
    with pytest.raises(ValueError, match="decimals >= 0"):
        percent(1, 10, -1)


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.03125, "0.031"),
        (0.0005, "<0.001"),
        (0.00099999, "<0.001"),
        (0.001, "0.001"),
        (0.0, "<0.001"),
        (0.9996, ">0.999"),
        (0.9994, "0.999"),
        (1.0, "1.000"),
        (0.0125, "0.013"),
    ],
)
def test_p_value(p: float, text: str) -> None:
    assert p_value(p) == text


def test_p_value_to_other_places() -> None:
    assert p_value(0.00004, 4) == "<0.0001"
    with pytest.raises(ValueError, match="between 0 and 1"):
        p_value(float("nan"))
