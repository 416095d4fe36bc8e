"""Fisher's test and the conditional odds ratio."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimable import ends, sure
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.two_by_two import fisher

CELL = st.integers(0, 12)


def tail(table: list[list[int]], odds: float, up: bool) -> float:
    """P(first cell at least, or at most, as observed) at this odds ratio, by its definition."""
    (a, b), (c, d) = table
    weights = {
        k: comb(a + b, k) * comb(c + d, a + c - k) * odds**k
        for k in range(max(0, a - d), min(a + b, a + c) + 1)
    }
    hits = [w for k, w in weights.items() if (k >= a if up else k <= a)]
    return sum(hits) / sum(weights.values())


@given(CELL, CELL, CELL, CELL)
def test_against_scipy_and_the_definition(a: int, b: int, c: int, d: int) -> None:
    from scipy.stats import fisher_exact

    found = fisher([[a, b], [c, d]])
    if isinstance(found, NotEstimable):
        assert 0 in (a + b, c + d, a + c, b + d)
        return
    for side in ("two-sided", "greater", "less"):
        theirs = fisher_exact([[a, b], [c, d]], alternative=side).pvalue
        assert sure(fisher([[a, b], [c, d]], alternative=side)).p == pytest.approx(theirs, rel=1e-6)
    lower, upper = ends(found.interval)
    assert lower <= found.odds_ratio <= upper
    if lower > 0:
        assert tail([[a, b], [c, d]], lower, up=True) == pytest.approx(0.025, rel=1e-9)
    if np.isfinite(upper):
        assert tail([[a, b], [c, d]], upper, up=False) == pytest.approx(0.025, rel=1e-9)


def test_the_bound_that_r_stops_short_of() -> None:
    """The tea taster: R 4.2 prints an upper bound of 621.9338."""
    lower, upper = ends(sure(fisher([[3, 1], [1, 3]])).interval)
    assert (lower, upper) == pytest.approx((0.2117356, 626.2435305), rel=1e-7)
    assert tail([[3, 1], [1, 3]], 621.9337505, up=False) == pytest.approx(0.02517, abs=1e-5)


def test_the_odds_ratio_as_scipy_has_it() -> None:
    from scipy.stats.contingency import odds_ratio

    for table in ([[3, 1], [1, 3]], [[10, 2], [3, 15]], [[7, 3], [2, 8]]):
        theirs = odds_ratio(table, kind="conditional")
        ours = sure(fisher(table))
        assert ours.odds_ratio == pytest.approx(theirs.statistic, rel=1e-6)
        assert ends(ours.interval) == pytest.approx(list(theirs.confidence_interval(0.95)), rel=1e-6)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
def test_swapping_rows_inverts_the_odds_ratio(a: int, b: int, c: int, d: int) -> None:
    one, other = sure(fisher([[a, b], [c, d]])), sure(fisher([[c, d], [a, b]]))
    assert one.odds_ratio == pytest.approx(1 / other.odds_ratio, rel=1e-8)
    assert ends(one.interval) == pytest.approx(
        [1 / each for each in reversed(ends(other.interval))], rel=1e-8
    )
    inner = ends(sure(fisher([[a, b], [c, d]], mid=True)).interval)
    assert ends(one.interval)[0] < inner[0] and inner[1] < ends(one.interval)[1]


def test_bad_tables() -> None:
    assert fisher([[0, 0], [1, 2]]) == NotEstimable("no participants in one group")
    assert fisher([[0, 4], [0, 3]]) == NotEstimable("all participants are alike")
    for wrong in ([[1, 2]], [[-1, 2], [3, 4]], [[0.5, 2], [3, 4]], [[np.nan, 2], [3, 4]]):
        with pytest.raises(ValueError, match="2 rows and 2 columns"):
            fisher(wrong)
