"""Tables of allocation: three by three is clean, and each slip in it is found."""

from pathlib import Path

import pytest

from trialrun.protocol.compile import load
from trialrun.protocol.lint import lint
from trialrun.protocol.problem import ProtocolError

DESIGN = "design: {arms: 1, masking: open, allocation: none,"
THREE_BY_THREE = """arms:
  one: {title: {en: One, fr: Un}, from: outline#2}
  two: {title: {en: Two, fr: Deux}, from: outline#2}
  three: {title: {en: Three, fr: Trois}, from: outline#2}
allocation:
  method: table
  start: one
  cohort: 3
  enough: 6
  counted: severe_events >= 1
  judged_at: W6
  table:
    - {of: 3..3, counted: 0..0, next: higher}
    - {of: 3..3, counted: 1..1, next: same}
    - {of: 3..6, counted: 2..6, next: lower, exclude: true}
    - {of: 6..6, counted: 0..1, next: higher}
  from: outline#2
design: {arms: 3, masking: open, allocation: adaptive,"""
LEVELS = (
    "    usual: {dose: 300, from: outline#2}\n"
    "    least: {dose: 100, from: outline#2}\n"
    "    most: {dose: 500, from: outline#2}\n"
)
RISING = "{one: least, two: usual, three: most}"


def spoilt(clean: Path, *edits: tuple[str, str], level: str = RISING) -> Path:
    """The clean study with three doses, allocated three by three, and edits of that."""
    path = clean / "study.yaml"
    text = path.read_text("utf-8").replace(DESIGN, THREE_BY_THREE)
    text = text.replace("    usual: {dose: 300, from: outline#2}\n", LEVELS).replace(
        "level: usual", f"level: {level}"
    )
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    return clean


def test_three_by_three_has_nothing(clean: Path) -> None:
    assert lint(load(spoilt(clean))) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ("counted: 1..1, next: same", "counted: 0..1, next: same", "allocation-overlap", "0 of 3"),
        ("enough: 6", "enough: 3", "allocation-line-unused", "at most 3"),
        ("of: 6..6", "of: 7..8", "allocation-line-unused", "at most 6, in cohorts of 3"),
        ("counted: 0..0", "counted: 4..9", "allocation-line-unused", "of 3 at most"),
        ("planned: 12", "planned: 4", "allocation-line-unused", "at most 4"),
        ("next: lower, exclude", "next: higher, exclude", "allocation-exclusion", "`higher`"),
        ("next: lower, exclude", "on: two, next: three, exclude", "allocation-exclusion", "`three`"),
        ("start: one", "start: two", "allocation-order", "starts with two"),
        ("    - {of: 3..3, counted: 1..1, next: same}\n", "", "allocation-gap", "1 of 3"),
    ],
)
def test_a_slip_in_the_table_is_found(clean: Path, old: str, new: str, code: str, says: str) -> None:
    found = [one for one in lint(load(spoilt(clean, (old, new)))) if one.code == code]
    assert found and all(says in one.message for one in found[:1]), found


def test_doses_that_fall_along_the_arms_are_found(clean: Path) -> None:
    falling = "{one: most, two: usual, three: least}"
    found = [(one.code, one.path) for one in lint(load(spoilt(clean, level=falling)))]
    assert found == [("allocation-order", "arms/two"), ("allocation-order", "arms/three")]


@pytest.mark.parametrize(
    ("judged", "counted", "says"),
    [
        ("SCR", "severe_events >= 1", "comes before the first dose"),
        (
            "W2",
            "worst_grade_C1 >= 3",
            "may come on study day 13, and `worst_grade_C1` counts the events of C1",
        ),
    ],
)
def test_nobody_is_judged_too_early(clean: Path, judged: str, counted: str, says: str) -> None:
    edits = (
        ("judged_at: W6", f"judged_at: {judged}"),
        ("counted: severe_events >= 1", f"counted: {counted}"),
    )
    with pytest.raises(ProtocolError) as told:
        load(spoilt(clean, *edits))
    [problem] = told.value.problems
    assert (problem.code, says in problem.message) == ("arms", True), problem
