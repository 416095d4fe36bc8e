"""From a value to what is printed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.spread import STATISTICS, line
from trialrun.analysis.outputs.statement import plain, words
from trialrun.analysis.outputs.wording import number, written
from trialrun.protocol.cell import Statistic


@pytest.mark.parametrize(
    ("value", "decimals", "flags", "shown"),
    [
        (2.675, 2, "", "2.68"),
        (2.675, 2, "~", "2.67"),  # the nearest double lies below
        (0.5, 0, "", "1"),
        (0.4, 0, "<", "<1"),
        (0.0, 0, "<", "0"),
        (0.00004, 4, "<", "<0.0001"),
        (0.9996, 3, ">", ">0.999"),
        (1.0, 3, ">", "1.000"),
        (99.97, 1, ">", ">99.9"),
        (-0.04, 1, "", "0.0"),
    ],
)
def test_a_number_is_rounded_as_its_pattern_says(value, decimals, flags, shown):
    assert number(value, decimals, flags) == shown


def test_a_pattern_is_filled_in_each_language():
    pattern = words("{n:3} ({percent:5.1}%)", "{n:3} ({percent:5.1} %)")
    values = {"n": 7.0, "percent": 9.52381}
    assert written(pattern, values, None) == "  7 (  9.5%)"
    assert written(pattern, values, None, "fr") == "  7 (  9,5 %)"


def test_what_cannot_be_estimated_stands_for_the_whole_cell():
    values = {"mean": 1.0, "sd": NotEstimable("one observation")}
    assert written(words("{mean:.1} ({sd:.2})"), values, None) == "NE"
    assert written(words("{mean:.1} ({sd:.2})"), values, words("–")) == "–"
    assert written(words("{mean:.1}"), values, None) == "1.0"


@given(st.floats(-1e9, 1e9))
def test_a_value_keeps_twelve_digits(value):
    assert plain(value) == pytest.approx(value, rel=1e-11, abs=1e-300)
    assert plain(plain(value)) == plain(value)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30), st.randoms())
def test_statistics_do_not_depend_on_the_order_of_values(values, chance):
    mixed = chance.sample(values, len(values))
    for name, statistic in STATISTICS.items():
        assert statistic(values) == statistic(mixed), name


def test_values_with_more_decimals_are_summarised_with_more():
    assert line("mean_sd", Statistic(), 1).format == words("{mean:.2} ({sd:.3})")
    assert line("min_max", Statistic(), 0).format == words("{min:.0}–{max:.0}")


def test_a_logarithm_needs_positive_numbers():
    assert STATISTICS["geometric_mean"]([1.0, 100.0]) == pytest.approx(10)
    assert isinstance(STATISTICS["geometric_mean"]([1.0, 0.0]), NotEstimable)
