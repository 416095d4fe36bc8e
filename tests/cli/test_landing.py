"""What became of numbers in a trial: what is not in its record, and what is to be looked at."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from laboratory_trial import POINT, TAKEN, Noon, laboratory_trial
from trialrun.cli import main
from trialrun.protocol.compile import load
from trialrun.record.trial import Trial

HEAD = "plate,well,participant,visit,stimulus,spots,cells,viability\n"
SPOTS = {"DMSO": 4, "core": 8, "NS3": 31, "NS4": 30, "NS5": 20, "PHA": 200}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual trial whose study has the assay at screening as well, and cells of PSL-001 for it."""
    folder = tmp_path_factory.mktemp("landing")
    study = folder / "study"
    study.mkdir()
    for name, text in load("vascu_il2").files.items():
        text = text.replace("forms: [elispot], at: [C1.D1,", "forms: [elispot], at: [SCR, C1.D1,")
        (study / name).write_text(text, "utf-8")
    laboratory_trial(folder, study)
    trial = Trial.open(folder / "trial", clock=Noon())
    trial.collect("PSL-001", "pbmc", POINT, TAKEN, by="nils", key="pbmc")
    trial.close()
    return folder


def run(folder: Path, *participants: str, **spots: int | None) -> Result:
    lines = [
        f"P{one},{'ABCDEFGH'[row]}{k},{one},SCR,{name},{count + k % 2},200000,90"
        for one in participants
        for row, (name, count) in enumerate((SPOTS | spots).items())
        if count is not None
        for k in range(1, 7 if name == "DMSO" else 4)
    ]
    path = folder / "plate.csv"
    path.write_text(HEAD + "\n".join(lines), "utf-8")
    return CliRunner().invoke(main, ["elispot", str(path), "--trial", str(folder / "trial")])


def test_what_landed_and_is_to_be_looked_at_has_a_heading_of_its_own(folder: Path) -> None:
    result = run(folder, "PSL-001", flu=9)
    assert result.exit_code == 0, result.output
    _, _, told = result.output.partition("Into the record of")
    assert "1 entered" in " ".join(told.split()) and "Not in the record" not in told
    head, _, found = told.partition("To be looked at\n")
    assert "flu: no antigen of the assay" in " ".join(found.split()) and "flu" not in head
    result = run(folder, "PSL-001", "PSL-009")
    assert result.exit_code == 1
    _, _, told = result.output.partition("Not in the record\n")
    assert "nobody here is called `PSL-009`" in " ".join(told.split()) and "To be looked at" not in told


def test_a_number_that_there_is_not_fails(folder: Path) -> None:
    trial = Trial.open(folder / "trial", clock=Noon())
    trial.collect("PSL-002", "pbmc", POINT, TAKEN, by="nils", key="pbmc")
    trial.close()
    result = run(folder, "PSL-002", NS5=None, flu=9)
    assert result.exit_code == 1
    head, _, found = result.output.partition("To be looked at\n")
    assert "1 entered" in " ".join(head.split()) and "Not in the record" not in head
    assert "no well with ns5" in found and found.index("ns5") < found.index("flu")
