"""Poisson rates: intervals, tests and ratios."""

from math import exp, factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimable import ends, sure
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.rate import Method, exact_test, intervals, rate, ratio

EVENTS, MEAN = st.integers(0, 40), st.floats(0.05, 60)
METHOD = st.sampled_from(["garwood", "mid-p"])


@given(MEAN, st.sampled_from([0.8, 0.95]))
def test_garwood_covers(mean: float, level: float) -> None:
    x = np.arange(150)
    every = intervals(x, 1.0, level=level)
    pmf = np.array([exp(-mean) * mean**k / factorial(k) for k in x])
    assert pmf[(every.lower <= mean) & (mean <= every.upper)].sum() >= level - 1e-9


@given(EVENTS, METHOD, st.floats(0.1, 50))
def test_the_interval_holds_the_rate_and_scales_with_exposure(x: int, method: Method, time: float) -> None:
    one, unit = sure(rate(x, time, method=method)), sure(rate(x, 1, method=method))
    assert one.rate in one.interval
    assert ends(one.interval) == pytest.approx([each / time for each in ends(unit.interval)])
    lower, upper = (
        sure(rate(x, time, method=method, level=0.975, side=s)).interval for s in ("lower", "upper")
    )  # type: ignore[arg-type]
    assert [lower.lower, upper.upper] == pytest.approx(ends(one.interval))
    assert (lower.upper, upper.lower) == (np.inf, 0)


@given(EVENTS)
def test_mid_p_lies_within_garwood_and_at_its_tail(x: int) -> None:
    outer, inner = sure(rate(x, 1)).interval, sure(rate(x, 1, method="mid-p")).interval
    assert outer.lower <= inner.lower and inner.upper < outer.upper
    pmf = [exp(-inner.upper) * inner.upper**k / factorial(k) for k in range(x + 1)]
    assert sum(pmf) - pmf[-1] / 2 == pytest.approx(0.025)


@given(EVENTS, MEAN)
def test_the_test_and_its_interval_agree(x: int, mean: float) -> None:
    test = sure(exact_test(x, 1, mean, rule="central"))
    assert 0 < test.p <= 1
    if abs(test.p - 0.05) > 1e-9:
        assert (mean in sure(rate(x, 1)).interval) == (test.p > 0.05)
    smaller = min(sure(exact_test(x, 1, mean, alternative=side)).p for side in ("greater", "less"))
    assert test.p == pytest.approx(min(1, 2 * smaller))


def test_poisson_test_in_r() -> None:
    """?poisson.test: 137 events in 24.19893 units at rate 1, and 11 in 800 against 21 in 3011 people."""
    assert ends(sure(rate(137, 24.19893)).interval) == pytest.approx([4.753125, 6.692709], abs=5e-7)
    found = sure(ratio(11, 800, 21, 3011))
    assert found.ratio == pytest.approx(1.971488, abs=5e-7)
    assert ends(found.interval) == pytest.approx([0.8584264, 4.2772659], abs=5e-7)
    assert found.significance.p == pytest.approx(0.07967, abs=5e-6)


def test_the_ratio_turns_over() -> None:
    one, other = sure(ratio(4, 10, 9, 7)), sure(ratio(9, 7, 4, 10))
    assert ends(one.interval) == pytest.approx([1 / each for each in reversed(ends(other.interval))])
    assert one.significance.p == pytest.approx(other.significance.p)
    none = sure(ratio(3, 1, 0, 1))
    assert (none.ratio, none.interval.upper) == (np.inf, np.inf) and none.interval.lower > 0


def test_bad_rates() -> None:
    assert rate(0, 0) == exact_test(0, 0, 1) == NotEstimable("no exposure")
    assert ratio(1, 1, 1, 0) == NotEstimable("no exposure in one group")
    assert ratio(0, 1, 0, 1) == NotEstimable("no events in either group")
    assert ends(sure(rate(0, 2)).interval) == pytest.approx([0, -np.log(0.025) / 2])
    for x, time in ((-1, 1), (0.5, 1), (1, -1), (1, np.nan)):
        with pytest.raises(ValueError, match="at least 0"):
            rate(x, time)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not positive"):
        exact_test(1, 1, 0)
