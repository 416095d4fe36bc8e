"""Numbers with their intervals, against closed forms and against each other."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.cytometry.quantity import (
    Estimate,
    by_beads,
    by_blood_count,
    by_volume,
    median,
    percent,
    poisson,
    widened,
)


def test_a_percentage_has_clopper_and_pearsons_interval() -> None:
    # 0 of n: 1 - 0.025^(1/n); n of n is its mirror image
    assert percent(0, 20).high == pytest.approx(100 * (1 - 0.025 ** (1 / 20)), rel=1e-7)
    assert percent(20, 20).low == pytest.approx(100 * 0.025 ** (1 / 20), rel=1e-7)
    # 10 of 100: 4.900469 to 17.622260, R's binom.test(10, 100)
    assert percent(10, 100).low == pytest.approx(4.900469, abs=1e-6)
    assert percent(10, 100).high == pytest.approx(17.622260, abs=1e-6)


def test_nothing_is_a_percentage_of_nothing() -> None:
    found = percent(0, 0, "cd4")
    assert (found.value, found.low, found.reason) == (None, None, "`cd4` has no events")


def test_no_part_is_more_than_the_whole() -> None:
    assert percent(10, 5, "rare").value is None
    assert percent(10, 5, "rare").reason == "more events than `rare` has"


def test_a_count_has_garwoods_interval() -> None:
    assert poisson(0) == pytest.approx((0, -math.log(0.025)))
    assert poisson(10) == pytest.approx((4.795389, 18.390356), abs=1e-6)  # R's poisson.test(10)


@given(st.integers(0, 5000), st.integers(1, 5000))
def test_every_interval_holds_its_value(count: int, beads: int) -> None:
    found = by_beads(count, beads, 50_000, 100)
    assert found.value == pytest.approx(500 * count / beads, rel=1e-7)
    for one in (found, by_volume(count, 30.0, 5), by_blood_count(count, count + beads, 1500.0)):
        assert one.value is not None and one.low is not None and one.high is not None
        assert 0 <= one.low <= one.value <= one.high


def test_many_beads_leave_the_error_of_the_cells_alone() -> None:
    low, high = poisson(100)
    found = by_beads(100, 100_000_000, 1e8, 1.0)
    assert found.low == pytest.approx(low, rel=1e-3)
    assert found.high == pytest.approx(high, rel=1e-3)


def test_without_beads_there_is_no_number() -> None:
    assert by_beads(100, 0, 50_000, 100).reason == "no counting bead was found"
    assert by_blood_count(1, 0, 1500.0).value is None


def test_a_volume_gives_cells_of_the_blood_before_it_was_diluted() -> None:
    assert by_volume(300, 30.0, 5).value == 50.0


def test_a_part_of_the_reference_never_has_more_than_all_of_it() -> None:
    assert by_blood_count(99, 100, 1500.0).high == pytest.approx(1500 * percent(99, 100).high / 100, rel=1e-7)  # type: ignore[operator]
    assert by_blood_count(200, 100, 1500.0).value == 3000.0


def test_a_median_has_the_interval_of_its_order_statistics() -> None:
    # of 1 to 100 the ranks 40 and 61 hold the median with 96.5 %
    found = median(np.arange(1.0, 101.0))
    assert (found.value, found.low, found.high) == (50.5, 40.0, 61.0)
    assert median(np.array([3.0, 1.0, 2.0])) == Estimate(2.0, None, None, None, 3, None)


def test_intervals_of_a_median_hold_it_as_often_as_they_say() -> None:
    stream = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        found = median(stream.exponential(1.0, 51))
        assert found.low is not None and found.high is not None
        held += found.low <= math.log(2) <= found.high
    assert held / 400 > 0.93


def test_a_borders_error_widens_the_interval_and_never_leaves_the_scale() -> None:
    narrow, wide = percent(990, 1000), widened(percent(990, 1000), 0.1, 100.0)
    assert wide.value == narrow.value and wide.border == 9.9
    assert wide.low is not None and narrow.low is not None and wide.low < narrow.low
    assert wide.high == 100.0
