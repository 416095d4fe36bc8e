"""`trialrun gate --trial`: files of a laboratory into the record of a virtual trial."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from laboratory_trial import FORM, POINT, laboratory_trial
from trialrun.cli import main
from trialrun.cytometry.fcs.read import read
from trialrun.cytometry.fcs.write import write
from trialrun.record.known import stand
from trialrun.record.trial import Trial

ONE, TWO = "PSL-001.SCR.treg_blood", "PSL-002.SCR.treg_blood"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("laboratory")
    laboratory_trial(folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "here")
    return tmp_path / "here"


def gate(folder: Path, *arguments: str) -> Result:
    options = ["--trial", str(folder / "trial"), "--cores", "1", *arguments]
    return CliRunner().invoke(main, ["gate", str(folder / "fcs"), *options])


def test_files_become_answers_once_and_what_fits_nowhere_is_listed(folder: Path) -> None:
    manifest = ("--manifest", str(folder / "fcs" / "manifest.csv"))
    result = gate(folder, *manifest)
    assert result.exit_code == 1
    output = " ".join(result.output.split())
    assert "2 entered, 0 corrected, 0 unchanged" in output
    assert "no such treg_blood was taken" in output
    trial = Trial.open(folder / "trial")
    filled = trial.projection("PSL-001").filled[FORM, POINT]
    trial.close()
    assert 1 < filled.contents()["treg_percent"] < 5
    assert filled.cells["treg_percent"].source.keys() == {"sha256", "panel", "engine", "version"}
    again = json.loads(gate(folder, *manifest, "--json").stdout)
    assert again["record"] == {ONE: "unchanged", TWO: "unchanged"}
    assert [(one["kind"], one["file"]) for one in again["findings"]] == [("unmatched", "other.fcs")]


def test_a_file_that_fits_nowhere_moves_no_number(folder: Path) -> None:
    manifest = ("--manifest", str(folder / "fcs" / "manifest.csv"), "--json")
    shutil.copytree(folder / "trial", folder / "alone")
    found = json.loads(gate(folder, *manifest).stdout)
    (folder / "fcs" / "other.fcs").rename(folder / "other.fcs")
    shutil.rmtree(folder / "trial")
    (folder / "alone").rename(folder / "trial")
    alone = json.loads(gate(folder, *manifest).stdout)
    numbers = [{one["file"]: one["quantities"] for one in run["files"]} for run in (found, alone)]
    assert numbers[0] == numbers[1]
    assert set(numbers[0]) == {"one.fcs", "two.fcs"}


def test_a_label_of_the_sites_own_lands_by_its_row_and_is_told_in_both_languages(folder: Path) -> None:
    (folder / "fcs" / "other.fcs").unlink()
    (folder / "fcs" / "two.fcs").unlink()
    sample = read(folder / "fcs" / "one.fcs")
    write(folder / "fcs" / "one.fcs", replace(sample, keywords={**sample.keywords, "$SMNO": "Tube 1"}))
    out = folder / "out"
    manifest = ("--manifest", str(folder / "fcs" / "manifest.csv"))
    found = json.loads(gate(folder, *manifest, "--json", "--out", str(out)).stdout)
    assert (found["record"], found["findings"]) == ({ONE: "entered"}, [])
    assert f"it is matched to {ONE}, and its keyword $SMNO says `Tube 1`" in found["files"][0]["findings"]
    french = (out / "report.fr.html").read_text("utf-8")
    assert f"il est associé à {ONE}, et son mot-clé $SMNO dit" in french


def test_a_file_and_its_copy_are_both_listed_and_neither_lands(folder: Path) -> None:
    (folder / "fcs" / "other.fcs").unlink()
    shutil.copyfile(folder / "fcs" / "one.fcs", folder / "fcs" / "two.fcs")
    result = gate(folder, "--json", "--manifest", str(folder / "fcs" / "manifest.csv"))
    found = json.loads(result.stdout)
    assert found["record"] == {}
    assert [(one["kind"], one["file"]) for one in found["findings"]] == [
        ("duplicate", "one.fcs"),
        ("duplicate", "two.fcs"),
    ]


def test_a_file_that_was_withdrawn_stays_out_and_one_that_names_another_participant_does_not_come_in(
    folder: Path,
) -> None:
    manifest = folder / "fcs" / "manifest.csv"
    (folder / "fcs" / "other.fcs").unlink()
    sample = read(folder / "fcs" / "two.fcs")
    keywords = {**sample.keywords, "PATIENT ID": "PSL-001"}
    write(folder / "fcs" / "two.fcs", replace(sample, keywords=keywords))
    found = json.loads(gate(folder, "--json", "--manifest", str(manifest)).stdout)
    assert found["record"] == {ONE: "entered"}
    assert [(one["kind"], one["file"]) for one in found["findings"]] == [("contradiction", "two.fcs")]
    trial = Trial.open(folder / "trial")
    stand(trial)
    items = [
        name for name, cell in trial.projection("PSL-001").filled[FORM, POINT].cells.items() if cell.source
    ]
    missing = dict.fromkeys(items, "unknown")
    trial.correct("PSL-001", FORM, POINT, {}, missing=missing, reason="bad tube", by="anna", key="x")
    trial.close()
    accepted = manifest.read_text("utf-8").replace(
        "hours_since_injection\n", "hours_since_injection,accept\n"
    )
    found = json.loads(gate(folder, "--json", "--manifest", str(manifest)).stdout)
    assert (found["record"], found["files"]) == ({}, [])
    assert [(one["kind"], one["file"]) for one in found["findings"]] == [
        ("withdrawn", "one.fcs"),
        ("contradiction", "two.fcs"),
    ]
    assert "by Anna Berg because: bad tube" in found["findings"][0]["message"]
    manifest.write_text(accepted.replace("7500,50,\n", "7500,50,,stained again and looked at\n"), "utf-8")
    found = json.loads(gate(folder, "--json", "--manifest", str(manifest)).stdout)
    assert (found["record"], found["findings"]) == ({ONE: "corrected", TWO: "entered"}, [])


def test_gates_by_hand_do_not_come_into_a_record(folder: Path) -> None:
    (folder / "gates.yaml").write_text("{}", "utf-8")
    result = gate(folder, "--adjustments", str(folder / "gates.yaml"))
    assert result.exit_code == 2
    assert "Correct an answer there by hand" in result.output
