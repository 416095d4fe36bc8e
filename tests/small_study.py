"""The study in the folder beside this file: as small as can be, and with what the reference study has
not: arms, doses by weight, a series of courses, visits that an event brings or that are made as needed, a
substudy, follow-up from the last dose.
"""

import shutil
from pathlib import Path

from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol

FOLDER = Path(__file__).with_suffix("")


def write(folder: Path, *changes: tuple[str, str], file: str = "study.yaml") -> Path:
    """A copy of the study, in which words of one file are replaced, each of which stands there once."""
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    text = (folder / file).read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, f"`{old}` is not once in {file} of the small study"
        text = text.replace(old, new)
    (folder / file).write_text(text, encoding="utf-8")
    return folder


TABLE = """allocation:
  method: table
  start: A
  cohort: 3
  counted: severe_events >= 1
  judged_at: LATE
  table:
    - {of: 3..3, counted: 0..0, next: higher, or_else: same}
    - {of: 3..3, counted: 1..1, next: same}
    - {of: 3..6, counted: 2..6, next: lower, exclude: true}
    - {of: 6..6, counted: 0..1, next: higher, or_else: stop}
  from: outline#1
"""
BLOCKS = (
    "allocation: {method: blocks, ratio: {A: 1, B: 1}, blocks: [2, 4], strata: [site, sex], "
    "from: outline#1}\n"
)


def small(folder: Path, *changes: tuple[str, str]) -> Protocol:
    """The study compiled, after words of study.yaml were replaced."""
    return load(write(folder, *changes))
