"""`trialrun crosscheck` on kept results: with R, without R, and with a number that was changed."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from trialrun.cli import main
from trialrun.exchange import crosscheck


@pytest.fixture
def r() -> None:
    if crosscheck.rscript() is None:
        where = "CI" if os.environ.get("CI") else "this machine"
        pytest.skip(f"R is not installed: on {where} the second engine was not run, only its script was made")


def test_without_r_the_script_is_written_and_said_how_to_run(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crosscheck, "rscript", lambda: None)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["crosscheck", str(results)])
    assert done.exit_code == 0, done.output
    assert "R is not installed" in done.output
    assert "Rscript crosscheck.R" in done.output
    assert "redo_summary <- function" in (tmp_path / "crosscheck.R").read_text("utf-8")


def test_a_number_changed_in_the_folder_is_found(results: Path, r: None) -> None:
    cells = results / "cells.csv"
    lines = cells.read_text("utf-8").splitlines(keepends=True)
    [at] = [i for i, line in enumerate(lines) if '""age"",""mean_sd""' in line and ",mean," in line]
    lines[at] = lines[at].replace(",mean,", ",mean,1", 1)
    cells.write_text("".join(lines), "utf-8")
    done = CliRunner().invoke(main, ["crosscheck", str(results), "--json"])
    assert done.exit_code == 1
    told = json.loads(done.stdout)["statistics"]
    [wrong] = [one for one in told if one["verdict"] not in ("agrees", "no counterpart")]
    assert (wrong["place"], wrong["statistic"]) == ("14.1.4 age / mean_sd [all]", "mean")


def test_a_folder_without_results_says_how_to_make_them(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["crosscheck", str(tmp_path)])
    assert done.exit_code == 1
    assert "trialrun report TRIAL" in done.stderr
