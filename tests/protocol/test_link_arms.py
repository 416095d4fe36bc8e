"""Comparisons between arms that cannot be: told with the line, the cause and the cure."""

import shutil
from pathlib import Path

import pytest

from trialrun.protocol.compile import bundled, load
from trialrun.protocol.problem import ProtocolError

COMPARE = "compare: {arms: [active, placebo]}"


@pytest.mark.parametrize(
    ("new", "complaint"),
    [
        ("compare: {arms: [active, placbo]}", "there is no arm `placbo`"),
        ("compare: {arms: [active, active]}", "the arm `active` is compared with itself"),
        ("compare: {arms: [active]}", "`arms` names two arms"),
        ("compare: {}", "`arms` is missing in `compare`"),
        ("compare: {arms: [active, placebo], by: site}", "the key `by` is not known here"),
    ],
)
def test_a_comparison_names_two_arms_of_the_study(tmp_path: Path, new: str, complaint: str) -> None:
    folder = tmp_path / "study"
    shutil.copytree(bundled()["parallel_blank"], folder)
    text = (folder / "study.yaml").read_text("utf-8")
    (folder / "study.yaml").write_text(text.replace(COMPARE, new, 1), "utf-8")
    with pytest.raises(ProtocolError) as told:
        load(folder)
    assert complaint in str(told.value)


def test_a_study_without_arms_compares_none(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(bundled()["vascu_il2"], folder)
    text = (folder / "study.yaml").read_text("utf-8")
    (folder / "study.yaml").write_text(
        text.replace("    at_least: 7\n", f"    at_least: 7\n    {COMPARE}\n", 1), "utf-8"
    )
    with pytest.raises(ProtocolError, match="there are no arms to compare"):
        load(folder)
