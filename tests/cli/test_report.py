"""The commands of kept results: what they refuse, what they print, and their exit codes."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from small_trial import small_trial, walking
from trialrun.cli import main
from trialrun.protocol.compile import load
from trialrun.record.trial import Trial

SOME = ["--outputs", "14.1.1,14.1.4", "--outputs", "16.2.7.1", "--formats", "txt"]


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "trial"
    small_trial(folder)
    return folder


@pytest.fixture
def trial(walked: Path, tmp_path: Path) -> Path:
    shutil.copytree(walked, tmp_path / "trial")
    return tmp_path / "trial"


@pytest.fixture
def real(tmp_path: Path) -> Path:
    folder = tmp_path / "real"
    Trial.create(folder, load("vascu_il2"), virtual=False, people=walking().PEOPLE).close()
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


def test_results_are_kept_listed_and_computed_again(trial: Path) -> None:
    said = run("report", trial, *SOME)
    assert said.exit_code == 0, said.output
    assert "VASCU-IL2 1.0, as known on 2008-03-21: 1 virtual participant" in said.output
    assert "Sam Tistik (statistician) looked, entry 2" in " ".join(said.output.split())
    folder = trial / "reports" / "2008-03-21-report"
    assert "Sam Tistik" in run("looks", trial).output
    again = run("verify-results", folder, "--trial", trial)
    assert (again.exit_code, again.stderr) == (0, "")
    assert "computed again from the trial's record, all the same" in again.output
    second = run("report", trial, *SOME)
    assert second.exit_code == 1
    assert "is there already and not empty" in second.stderr


def test_for_programs_everything_is_json(trial: Path) -> None:
    made = json.loads(run("report", trial, *SOME, "--as-of", "2008-03-18", "--json").output)
    assert (made["as_of"], made["by"], made["look"]) == ("2008-03-18", "stat", 2)
    assert made["outputs"] == ["14.1.1", "14.1.4", "16.2.7.1"]
    [look] = json.loads(run("looks", trial, "--json").output)
    assert (look["entry"], look["by"], look["results"]) == (2, "stat", made["results"])
    path = Path(made["folder"]) / "cells.csv"
    path.write_text(path.read_text("utf-8").replace(",mean,58,", ",mean,57,"), "utf-8", newline="")
    found = run("verify-results", made["folder"], "--json")
    assert found.exit_code == 1
    told = json.loads(found.output)
    assert told["same"] is False
    [one] = told["differences"]
    assert (one["output"], one["statistic"], one["then"], one["now"]) == ("14.1.4", "mean", "57", "58")
    assert [one["file"] for one in told["faults"]] == ["cells.csv"]


def test_of_a_real_trial_somebody_must_be_named(real: Path) -> None:
    said = run("report", real, *SOME)
    assert said.exit_code == 2
    assert "this trial is real: say who looks at its results" in said.stderr
    assert run("looks", real).output == "Nobody has looked at results of this trial yet.\n"
    assert run("report", real, *SOME, "--by", "anna").exit_code == 0
    [look] = json.loads(run("looks", real, "--json").output)
    assert look["by"] == "anna"


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--by", "nobody"], 1, "nobody is registered as `nobody`"),
        (["--by", "nils"], 1, "Nils Roy (nurse) has no right to `look:report`"),
        (["--as-of", "2008-02-01"], 1, "the record begins on 2008-03-01"),
        (["--as-of", "2999-01-01"], 1, "the record of this virtual trial ends on 2008-03-21"),
        (["--as-of", "yesterday"], 2, "yesterday"),
        (["--outputs", "14.9"], 1, "there is no output `14.9`"),
        (["--formats", "xls"], 2, "`xls` is not written"),
        (["--languages", "de"], 2, "the study is not written in 'de'"),
        (["--pack", "bord"], 1, "plans no pack `bord`"),
    ],
)
def test_what_cannot_be_is_said_and_leaves_nothing(
    trial: Path, more: list[str], code: int, said: str
) -> None:
    result = run("report", trial, *SOME, *more)
    assert result.exit_code == code
    assert said in result.stderr
    assert not (trial / "reports").exists()
    assert "Nobody has looked" in run("looks", trial).output


@pytest.mark.parametrize("command", ["report", "looks", "verify-results"])
def test_a_folder_that_is_something_else_is_said(tmp_path: Path, command: str) -> None:
    result = run(command, tmp_path)
    assert result.exit_code == 1
    assert "record.sqlite3" in result.stderr or "manifest.json" in result.stderr
