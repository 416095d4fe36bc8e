from collections.abc import Mapping
from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.analysis.estimate import Interval, NotEstimable
from trialrun.analysis.proportion import (
    METHODS,
    TWO_SIDED,
    Method,
    Rule,
    Side,
    exact_test,
    exact_tests,
    interval,
)

Cases = Mapping[str, Mapping[str, Any]]
LEVELS = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99])
METHOD = st.sampled_from([method for method in METHODS if method != "wald"])  # which may have no width
ONE_SIDED = st.sampled_from([method for method in METHODS if method not in TWO_SIDED | {"wald"}])
EXACT: list[Method] = ["clopper-pearson", "blaker", "sterne"]
DUAL: list[tuple[Method, Rule]] = [
    ("clopper-pearson", "central"),
    ("sterne", "minimum-likelihood"),
    ("blaker", "blaker"),
]
PARTS = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def bounds(
    x: int, n: int, method: Method = "clopper-pearson", side: Side = "two-sided"
) -> tuple[float, float]:
    one = interval(x, n, method=method, side=side)
    assert isinstance(one, Interval)
    return one.lower, one.upper


@pytest.mark.parametrize("name", [f"binom_cp_{x}_of_10" for x in (0, 1, 5, 8, 10)])
def test_clopper_pearson_in_r(cases: Cases, name: str) -> None:
    case = cases[name]
    expected = (case["expected"]["lower"], case["expected"]["upper"])
    assert bounds(case["inputs"]["x"], case["inputs"]["n"]) == pytest.approx(expected, abs=1e-9)


def test_binom_cp_upper_0_of_10(cases: Cases) -> None:
    expected = cases["binom_cp_upper_0_of_10"]["expected"]
    assert bounds(0, 10, side="upper") == (0.0, pytest.approx(expected["closed_form"], abs=1e-12))


def test_binom_test_mendel(cases: Cases) -> None:
    expected = cases["binom_test_mendel"]["expected"]
    assert bounds(682, 925) == pytest.approx((expected["lower"], expected["upper"]), abs=1e-9)


def test_km_zero_events(cases: Cases) -> None:
    expected = cases["km_zero_events"]["expected"]
    assert bounds(10, 10)[0] == pytest.approx(expected["cp_lower_two_sided"], abs=1e-9)
    assert bounds(10, 10, side="lower") == (pytest.approx(expected["cp_lower_one_sided"], abs=1e-9), 1.0)


@pytest.mark.parametrize("name", ["newcombe_81_263", "newcombe_0_20", "blaker_8_of_10", "sas_freq_36_of_154"])
@pytest.mark.parametrize("method", ["clopper-pearson", "wilson"])
def test_against_r_sas_and_newcombe(cases: Cases, name: str, method: Method) -> None:
    case, key = cases[name], method.replace("-", "_")
    ours = bounds(case["inputs"]["x"], case["inputs"]["n"], method)
    assert ours == pytest.approx(tuple(case["expected"][key]), abs=1e-9)
    if case["published"]:
        assert ours == pytest.approx(tuple(case["published"][key]), abs=5.1e-5)


def test_published_clopper_pearson_n10(published: Mapping[str, Any]) -> None:
    table = published["clopper_pearson_n10"]
    ours = interval(np.array(table["x"]), 10)
    assert np.round(ours.lower, 4).tolist() == table["lower"]
    assert np.round(ours.upper, 4).tolist() == table["upper"]


@pytest.mark.parametrize("method", list(METHODS))
def test_no_participants_is_not_estimable(method: Method) -> None:
    assert interval(0, 0, method=method) == NotEstimable("no participants")
    both = interval(np.array([0, 1]), np.array([0, 2]), method=method)
    assert both.estimable.tolist() == [False, True]
    assert (both.lower[0], both.upper[0]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("x", "n", "message"),
    [(11, 10, "x exceeds n for 11 of 10"), (-1, 10, "x must be whole"), (1, -1, "n must be whole")],
)
def test_impossible_counts_are_refused(x: int, n: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        interval(x, n)
    with pytest.raises(ValueError, match=message):
        interval(np.array([x]), np.array([n]))


def test_counts_that_are_not_whole_are_refused() -> None:
    for wrong in (0.5, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="whole numbers of participants"):
            interval(wrong, 10)  # type: ignore[call-overload]


def test_unknown_words_are_refused() -> None:
    with pytest.raises(ValueError, match="method 'exact' is unknown; write one of clopper-pearson, wilson"):
        interval(1, 10, method="exact")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="side 'less' is unknown"):
        interval(1, 10, side="less")  # type: ignore[call-overload]


def test_the_method_is_named() -> None:
    assert isinstance(one := interval(1, 10, side="upper"), Interval)
    assert one.method == "Clopper-Pearson, one-sided upper"


@given(PARTS, LEVELS, METHOD)
def test_contains_the_estimate_within_the_scale(part: tuple[int, int], level: float, method: Method) -> None:
    x, n = part
    one = interval(x, n, level=level, method=method)
    assert isinstance(one, Interval)
    assert 0 <= one.lower <= x / n <= one.upper <= 1


@given(PARTS, LEVELS, METHOD)
def test_mirrors_when_events_and_non_events_swap(part: tuple[int, int], level: float, method: Method) -> None:
    x, n = part
    one, other = (interval(k, n, level=level, method=method) for k in (x, n - x))
    assert isinstance(one, Interval) and isinstance(other, Interval)
    assert (one.lower, one.upper) == pytest.approx((1 - other.upper, 1 - other.lower), abs=1e-12)


@given(st.integers(1, 60), LEVELS, ONE_SIDED, st.sampled_from(["two-sided", "lower", "upper"]))
def test_batched_equals_single_and_rises_with_x(n: int, level: float, method: Method, side: Side) -> None:
    every = interval(np.arange(n + 1), n, level=level, method=method, side=side)
    singles = [interval(x, n, level=level, method=method, side=side) for x in range(n + 1)]
    assert [every.at(x) for x in range(n + 1)] == singles
    assert (np.diff(every.lower) >= 0).all() and (np.diff(every.upper) >= 0).all()


@given(st.integers(1, 30), LEVELS, st.floats(0.01, 0.99), st.sampled_from(EXACT))
def test_exact_intervals_cover_at_least_at_their_level(
    n: int, level: float, p: float, method: Method
) -> None:
    every = interval(np.arange(n + 1), n, level=level, method=method)
    hits = (every.lower <= p) & (p <= every.upper)
    coverage = sum(comb(n, x) * p**x * (1 - p) ** (n - x) for x in range(n + 1) if hits[x])
    assert coverage >= level - 1e-9


@given(PARTS, st.sampled_from([0.8, 0.9, 0.95]), ONE_SIDED)
def test_a_one_sided_bound_is_the_two_sided_one_at_twice_the_error(
    part: tuple[int, int], level: float, method: Method
) -> None:
    x, n = part
    two = interval(x, n, level=round(2 * level - 1, 10), method=method)
    lower, upper = (interval(x, n, level=level, method=method, side=side) for side in ("lower", "upper"))
    assert isinstance(two, Interval) and isinstance(lower, Interval) and isinstance(upper, Interval)
    assert (lower.lower, upper.upper) == pytest.approx((two.lower, two.upper), abs=1e-12)
    assert (lower.upper, upper.lower) == (1.0, 0.0)


@pytest.mark.parametrize("method", EXACT)
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_exact_intervals_cover_everywhere_up_to_12(method: Method, level: float) -> None:
    for n in range(1, 13):
        every, p = interval(np.arange(n + 1), n, level=level, method=method), np.linspace(0.001, 0.999, 999)
        weights = np.array([comb(n, x) * p**x * (1 - p) ** (n - x) for x in range(n + 1)])
        hits = (every.lower[:, None] <= p) & (p <= every.upper[:, None])
        assert (weights * hits).sum(axis=0).min() >= level - 1e-9


def test_blaker_lies_within_clopper_pearson() -> None:
    for n in (1, 2, 7, 10, 40):
        outer = interval(np.arange(n + 1), n)
        inner = interval(np.arange(n + 1), n, method="blaker")
        assert (inner.lower >= outer.lower - 1e-12).all() and (inner.upper <= outer.upper + 1e-12).all()


@pytest.mark.parametrize(("method", "rule"), DUAL)
@given(PARTS, st.floats(0.001, 0.999), st.sampled_from([0.8, 0.9, 0.95]))
def test_what_the_test_keeps_lies_in_its_interval(
    method: Method, rule: Rule, part: tuple[int, int], p0: float, level: float
) -> None:
    x, n = part
    one, test = interval(x, n, level=level, method=method), exact_test(x, n, p0, rule=rule)
    assert isinstance(one, Interval) and not isinstance(test, NotEstimable)
    assert 0 < test.p <= 1 and test.mid_p is not None and 0 < test.mid_p <= test.p
    if test.p > 1 - level + 1e-9:
        assert one.lower - 1e-9 <= p0 <= one.upper + 1e-9
    elif method == "clopper-pearson" and test.p < 1 - level - 1e-9:
        assert p0 not in one


@pytest.mark.parametrize(("method", "rule"), DUAL)
def test_just_outside_an_interval_its_test_rejects(method: Method, rule: Rule) -> None:
    for n in (1, 3, 10, 25):
        for x in range(n + 1):
            one = interval(x, n, method=method)
            assert isinstance(one, Interval)
            for outside in (one.lower - 1e-7, one.upper + 1e-7):
                if 0 < outside < 1:
                    test = exact_test(x, n, outside, rule=rule)
                    assert not isinstance(test, NotEstimable) and test.p <= 0.05 + 1e-6


@given(PARTS, st.floats(0.01, 0.99))
def test_minimum_likelihood_by_enumeration(part: tuple[int, int], p0: float) -> None:
    x, n = part
    pmf = [comb(n, k) * p0**k * (1 - p0) ** (n - k) for k in range(n + 1)]
    expected = sum(each for each in pmf if each <= pmf[x] * (1 + 1e-7))
    test = exact_test(x, n, p0)
    assert not isinstance(test, NotEstimable)
    assert test.p == pytest.approx(min(1, expected), rel=1e-9)


@given(PARTS, st.floats(0.01, 0.99))
def test_one_sided_tests_mirror(part: tuple[int, int], p0: float) -> None:
    x, n = part
    up, down = exact_test(x, n, p0, alternative="greater"), exact_test(n - x, n, 1 - p0, alternative="less")
    assert not isinstance(up, NotEstimable) and not isinstance(down, NotEstimable)
    assert (up.p, up.mid_p) == pytest.approx((down.p, down.mid_p), rel=1e-9)


def test_many_trials_are_tested_at_once() -> None:
    p, mid = exact_tests(np.array([[8, 0], [1, 0]]), np.array([10, 0]), 0.3, alternative="greater")
    assert p[0, 0] == pytest.approx(0.0015903864, abs=1e-12) and mid[0, 0] == pytest.approx(0.00086703615)
    assert p.shape == (2, 2) and p[0, 1] == 1


def test_wald_never_has_no_width() -> None:
    for x in (0, 10):
        found = interval(x, 10, method="wald")
        assert found == NotEstimable("Wald's interval has no width with no or all events")
    assert interval(5, 10, method="wald") != found


@pytest.mark.parametrize("method", sorted(TWO_SIDED))
def test_two_sided_methods_have_no_one_sided_bound(method: Method) -> None:
    with pytest.raises(ValueError, match="no one-sided bound"):
        interval(1, 10, method=method, side="upper")


def test_bad_tests_are_refused() -> None:
    assert exact_test(0, 0, 0.5) == NotEstimable("no participants")
    for p0 in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match="does not lie between"):
            exact_test(1, 2, p0)
    with pytest.raises(ValueError, match="x exceeds n"):
        exact_test(3, 2, 0.5)
