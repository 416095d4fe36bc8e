"""Slips that only studies with arms, strata, series or long courses can have."""

import shutil
from pathlib import Path

import pytest

from trialrun.protocol.compile import bundled, load
from trialrun.protocol.lint import lint

TWO_ARMS, STRATA = "parallel_blank", "transreg_like"


@pytest.mark.parametrize(
    ("study", "old", "new", "code", "path", "says"),
    [
        (TWO_ARMS, "  W8: {epoch: follow_up,", "  W8: {epoch: follow_up, arms: active,",
         "endpoint-not-fed", "endpoints/", "The arm placebo does not have W8"),
        (STRATA, "lupus: 12, ", "", "strata-short", "enrolment/strata", "no limit for lupus"),
        (STRATA, "planned: 81", "planned: 200", "strata-short", "enrolment/strata", "At most 132 of all"),
        (STRATA, "each: ±3 days", "each: ±7 days", "dose-windows-overlap", "treatment/cycles/M", "±7 days"),
    ],
)  # fmt: skip
def test_a_slip_is_found(
    tmp_path: Path, study: str, old: str, new: str, code: str, path: str, says: str
) -> None:
    folder = tmp_path / "study"
    shutil.copytree(bundled()[study], folder)
    text = (folder / "study.yaml").read_text("utf-8")
    assert old in text
    text = text.replace(old, new, 1)
    (folder / "study.yaml").write_text(text, "utf-8")
    found = [one for one in lint(load(folder)) if one.code == code]
    assert any(one.path.startswith(path) and says in one.message for one in found), found


@pytest.mark.parametrize(("until", "open_"), [(14, False), (15, True)])
def test_a_decision_that_stops_comes_before_the_next_course(tmp_path: Path, until: int, open_: bool) -> None:
    """The second course may begin on day 15, an offset of 14 days."""
    folder = tmp_path / "study"
    shutil.copytree(bundled()[STRATA], folder)
    text = (folder / "study.yaml").read_text("utf-8")
    text = text.replace("setting: by tolerance", "setting: ambulatory")
    text = text.replace("when: C1 + 10..13 days", f"when: C1 + 10..{until} days")
    (folder / "study.yaml").write_text(text, "utf-8")
    found = {one.code: one.path for one in lint(load(folder))}
    assert (found.get("decision-after-course") == "decisions/tolerance") is open_
