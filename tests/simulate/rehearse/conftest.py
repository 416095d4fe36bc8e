"""A small study, that of the documentation, to which tests add one defect at a time."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol

PAGE = Path(__file__).resolve().parents[3] / "docs" / "write-a-protocol.md"
PART = re.compile(
    r"^<!-- (?:file|add): cramps/(?P<file>\S+) -->\n+```\w+\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)

DECISION = """
decisions:
  review:
    title: Review of the first course
    when: C1 + 20..24 days
    by: investigator
    within: 72 hours
    needs: [diary]
    expected: home
    outcomes:
      pause:
        {effect: hold, when: "cramps_at_review >= '50 {cramps}/wk'", unknown: wait, for: 7 days, then: stop,
         text: Too many cramps, from: assumption, reason: An example.}
      home:
        {effect: continue, when: "cramps_at_review < '50 {cramps}/wk'",
         text: At home, from: assumption, reason: An example.}
      wait:
        {effect: hold, otherwise: true, for: 7 days, then: stop,
         text: Wait, from: assumption, reason: An example.}
    from: assumption
    reason: A small study with a decision.
"""

Edit = tuple[str, str, str]
"""(file, what is there once, what stands there instead); nothing there: add at the end."""


def _files() -> dict[str, str]:
    files: dict[str, str] = {}
    for part in PART.finditer(PAGE.read_text(encoding="utf-8")):
        files[part["file"]] = files.get(part["file"], "") + part["body"]
    files["study.yaml"] = files["study.yaml"].replace("at: W7", "at: W6")
    return files


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Protocol]:
    """Compiles the small study with some edits; ``decided``: with a decision before its second course."""

    def made(*edits: Edit, decided: bool = False) -> Protocol:
        files = _files()
        if decided:
            files["study.yaml"] = _with_decision(files["study.yaml"])
            files["variables.yaml"] += "  cramps_at_review: {item: diary.cramps, at: review}\n"
        for file, old, new in edits:
            assert not old or files[file].count(old) == 1, f"`{old}` is not once in {file}"
            files[file] = files[file].replace(old, new) if old else files[file] + new
        folder = tmp_path / "study"
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return load(folder)

    return made


def _with_decision(text: str) -> str:
    text = text.replace("at: [SCR, C*.D1, W6]", "at: [SCR, C*.D1, review, W6]")
    before, c2, after = text.partition("  C2: {")
    assert c2
    after = after.replace("setting: home", "setting: by review", 1)
    return before + c2 + after + DECISION
