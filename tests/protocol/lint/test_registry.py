"""Every code is explained, and its example triggers it and nothing else."""

import re
from pathlib import Path

import pytest

from trialrun.protocol.compile import load
from trialrun.protocol.lint import lint
from trialrun.protocol.lint.code import Code
from trialrun.protocol.lint.registry import CODES, explained, meant
from trialrun.protocol.problem import ProtocolError

ROOT = Path(__file__).resolve().parents[3]


def said(folder: Path) -> set[str | None]:
    """The codes of everything that is wrong or open in a study."""
    try:
        return {finding.code for finding in lint(load(folder)) if finding.resolution is None}
    except ProtocolError as error:
        return {problem.code for problem in error.problems}


def test_the_clean_study_has_nothing(clean: Path) -> None:
    assert lint(load(clean)) == []


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
def test_the_example_triggers_its_code_and_no_other(clean: Path, code: Code) -> None:
    file, example = clean / code.example.file, code.example
    text = file.read_text("utf-8") if file.exists() else ""
    assert not example.was or text.count(example.was) == 1, (
        f"`{example.was}` is {text.count(example.was)} times"
    )
    file.write_text(text.replace(example.was, example.now, 1) if example.was else example.now, "utf-8")
    assert said(clean) == {code.name}


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
def test_a_code_is_explained_in_sentences(code: Code) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code.name)
    for sentence in (code.means, code.matters, code.mend):
        assert sentence.endswith(".") and sentence[0].isupper(), sentence


def test_names_are_unique_and_found() -> None:
    assert len({code.name for code in CODES}) == len(CODES)
    assert all(explained(code.name) is code for code in CODES)
    assert (explained("blod"), meant("blod")) == (None, "blood")
