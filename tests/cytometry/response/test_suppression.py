"""Division by the dilution of a dye, and suppression over ratios."""

import math

import numpy as np
import pytest

from trialrun.cytometry.response.suppression import curve, division, generations


def test_half_of_the_cells_dividing_thrice_have_the_published_indices() -> None:
    """FlowJo's own example: a peak eight times the undivided one, proliferation 3 and division index 1.5."""
    found = division([1000, 0, 0, 8000])
    assert (found.divided, found.division_index, found.proliferation_index) == (50, 1.5, 3)


def test_a_dye_that_is_halved_counts_divisions() -> None:
    dye = np.concatenate([np.full(100, 8000.0), np.full(40, 4100.0), np.full(20, 1900.0), [-5.0, 0.0]])
    assert generations(dye, 8000, most=4) == (100, 40, 20, 0, 2)
    assert generations(np.array([]), 8000, most=2) == (0, 0, 0)
    with pytest.raises(ValueError, match="cannot be halved"):
        generations(dye, 0)
    with pytest.raises(ValueError, match="NaN"):
        generations(np.array([math.nan]), 8000)


def test_cells_that_did_not_divide_or_are_few() -> None:
    still = division([500, 0, 0])
    assert (still.division_index, still.proliferation_index, still.reason) == (0, None, "no cell divided")
    assert "50 responder cells" in str(division([20, 30]).reason)
    assert division([], fewest=0).division_index is None
    for bad in (-1, 1.5, math.nan):
        with pytest.raises(ValueError, match="not a number of cells"):
            division([bad, 200])  # type: ignore[list-item]


WELLS = {1.0: [0.2, 0.22, 0.18], 0.5: [0.4, 0.44, 0.36], 0.25: [0.6, 0.63, 0.57], 0.125: [0.8, 0.78, 0.82]}
ALONE = [1.0, 1.04, 0.96]


def test_a_curve_over_four_ratios() -> None:
    found = curve(WELLS, ALONE)
    assert found.points is not None
    assert [round(point.suppression, 6) for point in found.points] == [20, 40, 60, 80]
    assert found.area == pytest.approx((20 / 2 + 40 + 60 + 80 / 2) / 3)
    assert found.half == pytest.approx(2**-1.5)
    assert found.area_interval is not None and found.area_interval[0] < 50 < found.area_interval[1]
    assert all(one.interval and one.interval[0] < one.suppression < one.interval[1] for one in found.points)
    tenfold = curve({ratio: [10 * x for x in values] for ratio, values in WELLS.items()}, [10.0, 10.4, 9.6])
    assert (tenfold.area, tenfold.half) == pytest.approx((found.area, found.half))


def test_more_division_than_alone_keeps_its_sign() -> None:
    found = curve({0.5: [1.2, 1.3]}, ALONE)
    assert found.points is not None and found.points[0].suppression == pytest.approx(-25)
    assert found.area is None


@pytest.mark.parametrize(
    ("wells", "reason"),
    [
        ({1.0: [0.9], 0.5: [0.95]}, "below 50 % at every ratio up to 1"),
        ({1.0: [0.1], 0.5: [0.2]}, "at least 50 % at every ratio down to 0.5"),
        ({1.0: [0.9], 0.5: [0.2], 0.25: [0.9]}, "does not rise"),
        ({1.0: [0.9], 0.5: [0.2]}, "does not rise"),
    ],
)
def test_a_half_that_is_not_reached_says_on_which_side_it_lies(
    wells: dict[float, list[float]], reason: str
) -> None:
    found = curve(wells, ALONE)
    assert found.half is None and reason in str(found.half_reason)
    assert found.area_interval is None  # no replicates


@pytest.mark.parametrize(
    ("wells", "alone", "reason"),
    [
        (WELLS, [], "no well of responders alone"),
        ({}, ALONE, "no well with regulatory cells"),
        ({1.0: []}, ALONE, "no well with regulatory cells"),
        (WELLS, [0.02, 0.03], "divide too little"),
        (WELLS, [0.0], "divide too little"),
    ],
)
def test_too_little_is_not_estimable(
    wells: dict[float, list[float]], alone: list[float], reason: str
) -> None:
    found = curve(wells, alone)
    assert found.points is None and found.area is None and reason in str(found.reason)


def test_replicates_that_agree_exactly_have_no_interval() -> None:
    found = curve({1.0: [0.5, 0.5], 0.5: [0.7, 0.7]}, [1.0, 1.0])
    assert found.area == pytest.approx(40) and found.area_interval is None


@pytest.mark.parametrize("bad", [math.nan, -1.0])
def test_what_is_not_a_measure_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="not a measure"):
        curve({1.0: [bad]}, ALONE)
    with pytest.raises(ValueError, match="not a ratio"):
        curve({bad: [0.5]}, ALONE)
