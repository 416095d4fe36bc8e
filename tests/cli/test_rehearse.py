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
    assert done.exit_code == (1 if said["findings"] else 0)
    assert (said["study"], said["participants"], said["exhausted"]) == ("VASCU-IL2", 40, False)
    assert said["coverage"]["timepoints"]["C1.D1"]["done"]
    assert [one for one in said["findings"] if one["code"] == "unsafe"] == []


def test_a_study_that_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["rehearse", str(tmp_path)])
    assert done.exit_code == 1
    assert "no study.yaml" in done.output
