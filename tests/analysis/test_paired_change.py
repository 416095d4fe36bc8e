"""Paired change: hand-computed cases, the log scale, missing values, too few pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.analysis.estimate import Interval, NotEstimable
from trialrun.analysis.paired_change import PairedChange, Scale, mean_baseline, paired_change
from trialrun.analysis.signed_rank import SignedRank


def one(before: list[float], after: list[float], scale: Scale = "linear", at_least: int = 7) -> PairedChange:
    members = np.ones((1, len(before)), dtype=bool)
    baseline = np.array(before, dtype=float)[np.newaxis, :, np.newaxis]
    return paired_change(baseline, np.array([after], dtype=float), members, scale=scale, at_least=at_least)


def test_seven_rises_out_of_seven() -> None:
    found = one([1] * 7, [2, 3, 4, 5, 6, 7, 8])
    test = found.test_at(0)
    assert isinstance(test, SignedRank)
    assert test.p == 2 / 2**7
    assert found.estimate_at(0) == 4.0  # the Walsh averages of 1 … 7 are symmetric about 4


def test_a_ratio_on_the_log_scale() -> None:
    found = one([1, 2, 3, 4, 5, 6, 7], [3, 6, 9, 12, 15, 18, 21], "log")
    assert found.estimate_at(0) == pytest.approx(3)
    interval = found.interval_at(0)
    assert isinstance(interval, Interval)
    assert interval.lower == pytest.approx(3)
    assert interval.upper == pytest.approx(3)


def test_equal_ratios_are_ties_though_their_logarithms_differ_in_the_last_bit() -> None:
    before = np.array([1.0, 1.5, 3.3, 4.7, 0.9, 2.3, 7.1])
    logs = np.log(before * 2) - np.log(before)
    assert len(set(logs.tolist())) > 1
    found = one(before.tolist(), (before * 2).tolist(), "log")
    assert len(set(found.differences[0].tolist())) == 1


def test_zeros_follow_pratt() -> None:
    """Zeros are ranked, then their ranks left out: 1 and 2 of seven ranks here, T+ = 3 + … + 7."""
    test = one([5] * 7, [5, 5, 6, 7, 8, 9, 10]).test_at(0)
    assert isinstance(test, SignedRank)
    assert (test.n, test.nonzero, test.t_plus, test.p) == (7, 5, 25.0, 2 / 2**5)


def test_six_pairs_are_estimated_but_not_tested() -> None:
    found = one([1] * 7, [2, 3, 4, 5, 6, 7, np.nan])
    assert found.estimate_at(0) == 3.5
    assert isinstance(found.interval_at(0), Interval)
    assert found.test_at(0) == NotEstimable("6 pairs; the test needs at least 7")
    assert found.unpaired[0] == 1


def test_no_pair_is_not_estimable() -> None:
    found = one([np.nan, 1], [1, np.nan])
    assert found.estimate_at(0) == NotEstimable("no pairs")
    assert isinstance(found.interval_at(0), NotEstimable)


def test_the_baseline_is_geometric_on_the_log_scale_and_takes_what_there_is() -> None:
    values = np.array([[[2.0, 8.0], [np.nan, 3.0], [np.nan, np.nan]]])
    logs = mean_baseline(values, "log")[0]
    assert np.exp(logs[0]) == pytest.approx(4)
    assert np.exp(logs[1]) == pytest.approx(3)
    assert np.isnan(logs[2])
    assert mean_baseline(values, "linear")[0, 0] == 5


def test_zero_has_no_logarithm_and_leaves_its_pair_out() -> None:
    found = one([0, 1, 2], [3, 2, 4], "log")
    assert found.n[0] == 2
    assert found.unpaired[0] == 1


levels = st.lists(
    st.tuples(st.floats(0.5, 50), st.floats(0.5, 50)).map(lambda pair: tuple(round(x, 2) for x in pair)),
    min_size=1,
    max_size=12,
)


@given(levels)
def test_turning_time_around_inverts_the_ratio_and_keeps_p(pairs: list[tuple[float, float]]) -> None:
    before, after = ([pair[i] for pair in pairs] for i in (0, 1))
    forth, back = one(before, after, "log", 1), one(after, before, "log", 1)
    there, again = forth.estimate_at(0), back.estimate_at(0)
    assert isinstance(there, float)
    assert isinstance(again, float)
    assert there == pytest.approx(1 / again)
    assert forth.test.p[0] == back.test.p[0]


@given(levels, st.integers(2, 4))
def test_trials_side_by_side_are_trials_one_by_one(pairs: list[tuple[float, float]], trials: int) -> None:
    before, after = (np.array([pair[i] for pair in pairs]) for i in (0, 1))
    members = np.ones((trials, before.size), dtype=bool)
    members[1:, 0] = False
    stacked = paired_change(
        np.tile(before, (trials, 1))[..., np.newaxis],
        np.tile(after, (trials, 1)),
        members,
        scale="linear",
        at_least=1,
    )
    alone = one(before.tolist(), after.tolist(), "linear", 1)
    assert stacked.estimate_at(0) == alone.estimate_at(0)
    assert stacked.test.p[0] == alone.test.p[0]
    assert stacked.n.tolist() == [before.size, *[before.size - 1] * (trials - 1)]
