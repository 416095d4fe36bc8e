"""`trialrun rehearse`: for people and for programs."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from trialrun.cli import main


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")


def test_for_programs() -> None:
    done = CliRunner().invoke(main, ["rehearse", "vascu_il2", "--participants", "40", "--json"])
    said = json.loads(done.stdout)
    assert done.exit_code == 0
    assert said["findings"] == []
    assert said["not_reached_yet"]
    assert (said["study"], said["participants"], said["exhausted"]) == ("VASCU-IL2", 40, False)
    assert said["coverage"]["timepoints"]["C1.D1"]["done"]
    assert [one for one in said["findings"] if one["code"] == "unsafe"] == []


def test_what_is_not_reached_yet_is_no_finding() -> None:
    done = CliRunner().invoke(main, ["rehearse", "vascu_il2", "--participants", "40"])
    assert done.exit_code == 0
    assert "No findings." in done.stdout
    assert "Not reached yet, or seen one way only: " in " ".join(done.stdout.split())
    assert "Nobody" not in done.stdout


def test_a_study_that_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["rehearse", str(tmp_path)])
    assert done.exit_code == 1
    assert "no study.yaml" in done.output
