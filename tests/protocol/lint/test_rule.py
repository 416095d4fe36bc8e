"""Comparisons that no value can change."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.protocol.lint.rule import _always, _settled
from trialrun.protocol.rule import Type, parse
from trialrun.protocol.text import Limits

SAID = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "=": operator.eq,
    "<>": operator.ne,
}
SMALL = st.integers(-5, 5)


@given(low=SMALL, width=st.integers(0, 5), threshold=SMALL, op=st.sampled_from(sorted(SAID)))
def test_always_and_never_are_what_trying_every_value_shows(
    low: int, width: int, threshold: int, op: str
) -> None:
    """Halves stand for what lies between whole numbers."""
    tried = {SAID[op](low + i / 2, threshold) for i in range(2 * width + 1)}
    expected = tried.pop() if len(tried) == 1 else None
    assert _always(op, Limits(low, low + width), threshold) is expected


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("t >= '385 Cel'", ["t >= '385 Cel'"]),
        ("t >= '38.5 Cel'", []),
        ("'385 Cel' <= t", ["'385 Cel' <= t"]),
        ("t >= '300 K'", ["t >= '300 K'"]),  # 26.85 °C, below all that may be entered
        ("t >= '310 K'", []),
        ("t BETWEEN '30 Cel' AND '50 Cel'", ["t >= '30 Cel'", "t <= '50 Cel'"]),
        ("n >= 0 OR t > '45 Cel'", ["n >= 0", "t > '45 Cel'"]),
        ("NOT (n > 2)", []),
        ("u >= '0 Cel'", []),  # nothing is known of its range
    ],
)
def test_thresholds_in_their_units(rule: str, said: list[str]) -> None:
    names = {"t": Type("number", "Cel"), "n": Type("number"), "u": Type("number", "Cel")}
    ranges = {"t": Limits(30, 45), "n": Limits(0, float("inf"))}
    assert [text for text, _, _ in _settled(parse(rule, names).tree, ranges)] == said
