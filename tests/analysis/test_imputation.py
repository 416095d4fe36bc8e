import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimable import ends, sure
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.imputation import rubin, tipping_change, tipping_response, worst_case
from trialrun.analysis.proportion import exact_test, interval


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8), st.floats(0.1, 3), st.integers(3, 40))
def test_pooling(estimates: list[float], variance: float, df: int) -> None:
    found = sure(rubin(estimates, [variance] * len(estimates), complete_df=df))
    assert found.total >= found.within == pytest.approx(variance)
    assert 0 < found.df <= df and 0 < found.p <= 1
    assert found.estimate in found.interval
    unlimited = sure(rubin(estimates, [variance] * len(estimates)))
    assert unlimited.df >= found.df and np.isfinite(ends(unlimited.interval)).all()


def test_imputations_that_agree() -> None:
    found = sure(rubin([2, 2, 2], [1, 1, 1], complete_df=9))
    assert (found.between, found.riv, found.total) == (0, 0, 1)
    assert found.df == pytest.approx(10 / 12 * 9)
    assert ends(sure(rubin([2, 2], [1, 1])).interval) == pytest.approx([2 - 1.959964, 2 + 1.959964], abs=1e-6)
    assert rubin([1, 1], [0, 0]) == rubin([1, 2], [0, 0]) == NotEstimable("no variance within imputations")


def test_bad_imputations() -> None:
    assert rubin([1], [1]) == NotEstimable("estimates: fewer than 2 observations")
    assert rubin([1, np.nan], [1, 1]) == NotEstimable("estimates: a value is missing or not finite")
    assert rubin([1, 2], [1, np.inf]) == NotEstimable("variances: a value is missing or not finite")
    for u, df in (([1, -1], 9), ([1, 1, 1], 9), ([1, 1], 0)):
        with pytest.raises(ValueError, match="variance of at least 0"):
            rubin([1, 2], u, complete_df=df)


def test_a_change_tips() -> None:
    d = [3, 2.5, 4, 1, 2, 3.5, 2.2]
    found = sure(tipping_change(d, 3, [0, -2, -4, -6, -8]))
    assert found.significant and found.p[0] == 2 / 1024
    assert found.tips_at == next(s for s, p in zip(found.shifts, found.p, strict=True) if sure(p) > 0.05)
    assert sure(tipping_change(d, 0, [0, -99])).tips_at is None
    never = sure(tipping_change([1, -1, 2], 2, [0]))
    assert (never.significant, never.tips_at) == (False, None)
    assert tipping_change([], 2, [0]) == NotEstimable("no observations")


def test_a_response_tips() -> None:
    def p(x: int, n: int) -> float | NotEstimable:
        test = exact_test(x, n, 0.3, alternative="greater")
        return test if isinstance(test, NotEstimable) else test.p

    found = tipping_response(6, 8, 4, p)
    assert found.shifts == (0, 1, 2, 3, 4) and found.significant
    assert found.tips_at is None or p(10 - int(found.tips_at), 12) > 0.05  # type: ignore[operator]
    assert tipping_response(5, 8, 4, p).tips_at == 3
    with pytest.raises(ValueError, match="needs 0 <= x <= n"):
        tipping_response(9, 8, 1, p)


def test_worst_case() -> None:
    assert worst_case(8, 9, 1, good=True) == interval(8, 10)
    assert worst_case(0, 9, 1, good=False) == interval(1, 10)
    assert worst_case(0, 0, 0, good=True) == NotEstimable("no participants")
    with pytest.raises(ValueError, match="at least 0"):
        worst_case(1, 2, -1, good=True)
