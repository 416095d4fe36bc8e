"""`trialrun elispot`: a table for people, JSON for programs, and errors with their place."""

import json
from pathlib import Path

from click.testing import CliRunner

from trialrun.cli import main

HEAD = "plate,well,participant,visit,stimulus,spots,cells,viability\n"
WELLS = [("core", 40), ("core", 44), ("core", 38), *(("DMSO", k) for k in range(1, 7)), ("PHA", "TNTC")]


def plate(folder: Path, viability: int = 90) -> Path:
    path = folder / "plate.csv"
    lines = [f"P1,A{k},01,W11,{what},{n},200000,{viability}" for k, (what, n) in enumerate(WELLS, 1)]
    path.write_text(HEAD + "\n".join(lines), encoding="utf-8")
    return path


def test_people_get_a_table(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["elispot", str(plate(tmp_path))])
    assert result.exit_code == 0
    [core] = [line.split() for line in result.output.splitlines() if "core" in line]
    assert core == ["core", "203", "186", ".012", "<.001", "positive"]


def test_why_nothing_is_decided_is_said_once(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["elispot", str(plate(tmp_path, 70))])
    assert result.output.count("viability 70 %, below 80 %") == 1
    assert "not valid" in result.output and "unknown" in result.output


def test_programs_get_json(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["elispot", str(plate(tmp_path)), "--json", "--net", "500"])
    told = json.loads(result.output)
    assert told["rule"]["minimum_net"] == 500
    [assay] = told["assays"]
    assert (assay["participant"], assay["visit"], assay["valid"]) == ("01", "W11", True)
    assert assay["responses"]["core"]["positive"] is False


def test_a_defect_is_an_error_with_its_place(tmp_path: Path) -> None:
    path = plate(tmp_path)
    path.write_text(path.read_text("utf-8").replace(",44,", ",-44,"), encoding="utf-8")
    result = CliRunner().invoke(main, ["elispot", str(path)])
    assert result.exit_code == 1
    assert "plate.csv, line 3, column spots: -44 is not a count" in result.output
