"""Every reason for which something cannot be estimated has its words in French."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from trialrun.report.reason import reason

ANALYSIS = Path(__file__).resolve().parents[2] / "src" / "trialrun" / "analysis"


def given() -> Iterator[str]:
    """What `NotEstimable` is called with as plain words; where something differs, 7 stands for it."""
    for file in sorted(ANALYSIS.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "NotEstimable" and node.args:
                yield from words(node.args[0])


def words(said: ast.expr) -> Iterator[str]:
    if isinstance(said, ast.Constant):
        yield said.value
    elif isinstance(said, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "7" for part in said.values]
        yield "".join(map(str, parts))


@pytest.mark.parametrize("said", sorted(set(given())))
def test_a_reason_is_told_in_french(said: str) -> None:
    assert reason(said, "fr") != said


def test_what_differs_is_carried_over() -> None:
    said = "5 pairs; the test needs at least 7"
    assert reason(said, "fr") == "5 paires ; le test en demande au moins 7"
    assert reason(said, "en") == said


def test_unknown_words_stay() -> None:
    assert reason("something new", "fr") == "something new"
