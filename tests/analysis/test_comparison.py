"""Arms side by side: each is as if it were alone, and the declared two are compared, in every trial."""

from dataclasses import replace

import numpy as np
import pytest

from trialrun.analysis.arrays import Arrays, Events
from trialrun.analysis.comparison import Shift, compare
from trialrun.analysis.difference import Difference, difference
from trialrun.analysis.endpoint import estimate, members
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.two_sample import shift
from trialrun.analysis.paired_change import PairedChange
from trialrun.analysis.rank_sum import rank_sum
from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol

T, N = 3, 24


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load("parallel_blank")


@pytest.fixture(scope="module")
def arrays(protocol: Protocol) -> Arrays:
    """Three trials of 24, the first half of each treated: their score falls by about ten."""
    points = tuple(protocol.timepoints)
    chance = np.random.default_rng(3)
    days = np.full((T, N, len(points)), np.nan)
    score = np.full((T, N, len(points)), np.nan)
    for name in ("SCR", "LOAD.D1", "W2", "W8", "W12"):
        place = points.index(name)
        days[:, :, place] = protocol.timepoints[name].day
        score[:, :, place] = np.round(chance.normal(50, 8, (T, N)))
    arm = np.tile(np.repeat(np.array([0, 1], dtype=np.int8), N // 2), (T, 1))
    score[:, :, points.index("W8")] -= np.where(arm == 0, 10, 0)
    happened = chance.random((T, N)) < np.where(arm == 0, 0.6, 0.3)
    first = np.where(happened, 20.0, np.nan)
    nothing = np.zeros((T, N), dtype=np.bool_)
    return Arrays(
        subjects=tuple(f"{i:03}" for i in range(N)),
        points=points,
        present=~nothing,
        dosed=~nothing,
        doses=np.full(days.shape, np.nan),
        days=days,
        last_day=np.full((T, N), 85.0),
        ended=np.zeros((T, N), dtype=np.int8),
        endings=("COMPLETED",),
        numbers={"QS.SCORE": (score, ~np.isnan(score))},
        occurrences={
            "ae": Events(happened, first, happened.astype(np.int64)),
            "death": Events(nothing, np.full((T, N), np.nan), nothing.astype(np.int64)),
        },
        arms=protocol.arms,
        arm=arm,
    )


def alone(arrays: Arrays, arm: str) -> Arrays:
    """The participants of one arm as a trial of their own."""
    mine = np.flatnonzero(arrays.arm[0] == arrays.arms.index(arm))
    return replace(
        arrays,
        subjects=tuple(arrays.subjects[i] for i in mine),
        **{
            name: getattr(arrays, name)[:, mine]
            for name in ("present", "dosed", "doses", "days", "last_day", "ended", "arm")
        },
        numbers={name: (values[:, mine], seen[:, mine]) for name, (values, seen) in arrays.numbers.items()},
        occurrences={
            name: Events(found.happened[:, mine], found.first[:, mine], found.count[:, mine])
            for name, found in arrays.occurrences.items()
        },
    )


@pytest.mark.parametrize("arm", ["active", "placebo"])
def test_an_arm_is_estimated_as_if_it_were_alone(protocol: Protocol, arrays: Arrays, arm: str) -> None:
    some, lone = (
        estimate(protocol, arrays.only(arm), "score"),
        estimate(protocol, alone(arrays, arm), "score"),
    )
    assert isinstance(some, PairedChange)
    assert isinstance(lone, PairedChange)
    for trial in range(T):
        assert some.estimate_at(trial) == lone.estimate_at(trial)
        assert some.interval_at(trial) == lone.interval_at(trial)
    assert (members(arrays.only(arm)).sum(axis=1) == N // 2).all()


def test_the_shift_is_between_the_changes_of_the_two_arms(protocol: Protocol, arrays: Arrays) -> None:
    found = compare(protocol, arrays, "score")
    assert isinstance(found, Shift)
    for trial in range(T):
        first, second = found.changes(trial)
        assert (len(first), len(second)) == (12, 12)
        assert found.estimate_at(trial) == shift(first, second).estimate
        assert found.test_at(trial) == rank_sum(first, second)
        assert float(found.estimate_at(trial)) < 0 or found.test_at(trial).p > 0.05


def test_the_difference_is_between_those_without_an_event(protocol: Protocol, arrays: Arrays) -> None:
    found = compare(protocol, arrays, "without_event")
    assert isinstance(found, Difference)
    without = ~arrays.occurrences["ae"].happened
    x = np.stack([(without & (arrays.arm == k)).sum(axis=1) for k in (0, 1)])
    expected = difference(x, np.full((2, T), 12))
    np.testing.assert_array_equal(found.x, x)
    np.testing.assert_array_equal(found.p, expected.p)
    assert found.interval_at(1) == expected.interval_at(1)


def test_swapping_the_arms_turns_the_sign(protocol: Protocol, arrays: Arrays) -> None:
    swapped = replace(arrays, arm=(1 - arrays.arm).astype(np.int8))
    for name in ("score", "without_event"):
        one, other = compare(protocol, arrays, name), compare(protocol, swapped, name)
        assert one is not None
        assert other is not None
        assert one.estimate_at(0) == pytest.approx(-float(other.estimate_at(0)), abs=1e-12)
        assert one.test_at(0).p == pytest.approx(other.test_at(0).p, abs=1e-12)


def test_an_arm_with_too_few_pairs_is_not_tested(protocol: Protocol, arrays: Arrays) -> None:
    few = arrays.present & ((arrays.arm == 1) | (np.arange(N) < 3))
    found = compare(protocol, replace(arrays, present=few), "score")
    assert isinstance(found, Shift)
    assert found.test_at(0) == NotEstimable("3 and 12 pairs; the test needs at least 5 in each arm")
    nobody = compare(protocol, replace(arrays, present=arrays.present & (arrays.arm == 1)), "score")
    assert nobody is not None
    assert isinstance(nobody, Shift)
    assert [len(each) for each in nobody.changes(0)] == [0, 12]
    assert isinstance(nobody.estimate_at(0), NotEstimable)


def test_a_name_that_is_no_arm_is_told(arrays: Arrays) -> None:
    with pytest.raises(KeyError, match="did you mean `placebo`"):
        arrays.only("placbo")
