"""Slips of the hand in YAML: where they are, in words that a physician knows."""

import pytest

from trialrun.protocol.problem import ProtocolError
from trialrun.protocol.source import parse


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("a: 1\nnote\nb: 2\n", 2, "`note` has no colon", "Write `key: value`; a comment begins with #."),
        ("a: 1\nb:2\nc: 3\n", 2, "a space is missing after `b:`", "Write `b: 2`."),
        ("a: 1\nb = 2\nc: 3\n", 2, "`b = 2` has no colon", "Write `b: 2`."),
        ("a: 1\n// b\nc: 3\n", 2, "a comment begins with #", "Write `# b`."),
        ("a: 1\n<<<<<<< HEAD\nc: 3\n", 2, "this line is left over", "Keep one version"),
        ("a: 1\nb: [x\nc: 3\n", 2, "[ is opened here and not closed", "Close it with ]."),
        ("a: 1\nb: {x: 1\nc: 3\n", 2, "{ is opened here and not closed", "Close it with }."),
        ("a: 1\nb: {x: 1 y: 2}\n", 2, "something inside { } is not complete", "Put commas"),
        ("a: {b: 1,\n  c: 2 d: 3}\n", 2, "something inside { } is not complete", "Put commas"),
        ("a: 1\nb: x: y\n", 2, "a second `: ` stands in one line", "between quotes"),
        ("a: 1\n b: 2\n", 2, "this line is indented too far", "Check its indentation."),
        ("a:\n\tb: 1\n", 2, "a tab stands where spaces should", "Indent with spaces"),
        ("a: 1\nb: @x\n", 2, "a text cannot begin with this sign", "between quotes"),
        ("a: 1\nb: , x\n", 2, "a value is missing here", "between quotes"),
        ('a: 1\nb: "C:\\data"\n', 2, "a \\ between double quotes begins a special sign", "Write it twice"),
        ('a: 1\nb: "x\nc: 2\n', 2, "a quote is opened here and not closed", "on its own line"),
        ("a: |x\n  y\n", 1, "after | or > the text begins on the next line", "Begin a new line"),
        ("a: [x]]\n", 1, "this line does not fit", "brackets are closed"),
    ],
)
def test_a_slip_is_told_with_its_place_and_its_cure(text: str, line: int, message: str, hint: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse(text, "study.yaml")
    [problem] = caught.value.problems
    assert problem.place.line == line
    assert message in problem.message
    assert hint in (problem.hint or "")
