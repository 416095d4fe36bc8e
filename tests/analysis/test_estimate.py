import numpy as np
import pytest

from trialrun.analysis.estimate import Interval, Intervals, NotEstimable, error_rate


def test_not_estimable_reads_as_a_phrase() -> None:
    assert str(NotEstimable("no participants")) == "not estimable (no participants)"


@pytest.mark.parametrize("bounds", [(0.6, 0.5), (float("nan"), 0.5), (0.5, float("nan"))])
def test_an_interval_is_ordered_and_never_nan(bounds: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"Wilson interval: .* is not at or below"):
        Interval(*bounds, 0.95, "Wilson")


def test_an_interval_holds_its_ends() -> None:
    interval = Interval(0.2, 0.4, 0.95, "Wilson")
    assert 0.2 in interval and 0.4 in interval and 0.41 not in interval


def test_intervals_answer_one_by_one() -> None:
    both = Intervals(
        np.array([0.1, 0.0]), np.array([0.3, 1.0]), np.array([True, False]), 0.9, "M", "no participants"
    )
    assert both.at(0) == Interval(0.1, 0.3, 0.9, "M")
    assert both.at(1) == NotEstimable("no participants")


def test_error_rate_is_exact_in_decimal() -> None:
    assert error_rate(0.95) == 0.05 != 1 - 0.95


@pytest.mark.parametrize("level", [0.0, 1.0, 95, -0.1, float("nan")])
def test_a_level_is_a_probability(level: float) -> None:
    with pytest.raises(ValueError, match=r"write 0\.95 for 95 %"):
        error_rate(level)
