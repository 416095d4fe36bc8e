"""`trialrun elispot`: a table for people, JSON for programs, and errors with their place."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from laboratory_trial import laboratory_trial
from trialrun.cli import main

HEAD = "plate,well,participant,visit,stimulus,spots,cells,viability\n"
WELLS = [("core", 40), ("core", 44), ("core", 38), *(("DMSO", k) for k in range(1, 7)), ("PHA", "TNTC")]


def plate(folder: Path, viability: int = 90, plates: str = "1", who: str = "01", core: str = "core") -> Path:
    path = folder / "plate.csv"
    lines = [
        f"P{one},A{k},{who},W11,{what.replace('core', core)},{n},200000,{viability}"
        for one in plates
        for k, (what, n) in enumerate(WELLS, 1)
    ]
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
    assert "plate.csv, line 3, column spots: '-44' is not a count of spots" in result.output


def test_two_plates_of_one_visit_are_told_apart(tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["elispot", str(plate(tmp_path, 70, plates="12"))]).output.splitlines()
    assert [line for line in said if "plate" in line] == [
        "01, W11, plate P1: not valid",
        "01, W11, plate P2: not valid",
    ]


@pytest.mark.parametrize("width", ["60", "80", "200"])
def test_nothing_is_cut(tmp_path: Path, width: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    path = plate(tmp_path, 90, "12", "SITE-01-SUBJECT-0003-RESCREENED", "core 1b pool 1 of 3 (15mers)")
    path.write_text(path.read_text("utf-8").replace(",40,", ",TNTC,"), encoding="utf-8")
    said = CliRunner().invoke(main, ["elispot", str(path)]).output
    assert "…" not in said and "SITE-01-SUBJECT-0003-RESCREENED" in said
    for words in ("background", "SFC/10⁶", "p (eq)", "p (2x)", "positive", "(15mers)", "Response"):
        assert words in said
    assert max(map(len, said.splitlines())) <= int(width)


def test_a_lost_well_is_told_under_its_assay(tmp_path: Path) -> None:
    path = plate(tmp_path, plates="12")
    path.write_text(path.read_text("utf-8").replace("core,44,", "core,lost,", 1), encoding="utf-8")
    said = CliRunner().invoke(main, ["elispot", str(path)]).output.splitlines()
    assert [line for line in said if "lost" in line or "plate" in line] == [
        "01, W11, plate P1: valid",
        "  Note: core: 1 of 3 wells lost",
        "01, W11, plate P2: valid",
    ]


def test_a_column_that_is_not_read_is_told(tmp_path: Path) -> None:
    path = plate(tmp_path)
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([lines[0] + ",Operator", *(line + ",AB" for line in lines[1:])]), "utf-8")
    assert "Columns that are not read: Operator." in CliRunner().invoke(main, ["elispot", str(path)]).output
    told = json.loads(CliRunner().invoke(main, ["elispot", str(path), "--json"]).output)
    assert told["columns_not_read"] == ["Operator"]


def test_names_that_are_taken_for_one_are_told(tmp_path: Path) -> None:
    path = plate(tmp_path, plates="12")
    path.write_text(path.read_text("utf-8").replace("P2,A1,01,W11,core", "P2,A1,01,W11,CORE"), "utf-8")
    said = CliRunner().invoke(main, ["elispot", str(path)]).output
    assert said.endswith("Names that are taken for one:\n  stimulus core, CORE\n")
    told = json.loads(CliRunner().invoke(main, ["elispot", str(path), "--json"]).output)
    assert told["names_taken_for_one"] == ["stimulus core, CORE"]


@pytest.mark.parametrize("option", ["--alpha", "--net", "--fold", "--viability"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_threshold_is_a_number(tmp_path: Path, option: str, value: str) -> None:
    """Nothing is above NaN: every response would be negative without a word."""
    assert CliRunner().invoke(main, ["elispot", str(plate(tmp_path)), option, value]).exit_code == 2


def test_a_net_response_just_below_the_background_is_no_negative_nought(tmp_path: Path) -> None:
    path = plate(tmp_path)
    said = path.read_text("utf-8").replace("core,40", "core,3").replace("core,44", "core,3")
    path.write_text(said.replace("core,38", "core,4").replace("200000", "400000"), encoding="utf-8")
    said = CliRunner().invoke(main, ["elispot", str(path)]).output
    [core] = [line.split() for line in said.splitlines() if "core" in line]
    assert core[1:3] == ["8", "0"]


def test_a_control_with_a_name_of_its_own_is_hinted_at(tmp_path: Path) -> None:
    path = plate(tmp_path)
    path.write_text(path.read_text("utf-8").replace("DMSO", "diluent"), encoding="utf-8")
    said = " ".join(CliRunner().invoke(main, ["elispot", str(path)]).output.split())
    assert "no control well (if there is one, write background in a column role)" in said


def test_the_largest_counts_stay_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    path = plate(tmp_path)
    said = path.read_text("utf-8").replace("core,40", "core,>2000").replace("core,44", "core,>2000")
    path.write_text(said.replace("core,38", "core,>2000").replace("200000", "10000"), encoding="utf-8")
    output = CliRunner().invoke(main, ["elispot", str(path)]).output
    assert "≥ 200000" in output and "≥ 199650" in output


def visits(folder: Path) -> Path:
    """Participant 01 at two visits on one plate and at a third on another; 02 without the first."""
    later = [("core", 80), ("core", 84), ("core", 78), *WELLS[3:]]
    lines = [
        f"{where},{row}{k},{who},{visit},{what},{n},200000,90"
        for who, visit, where, row, wells in (
            ("01", "Day 1", "P1", "A", WELLS),
            ("01", "W11", "P1", "B", later),
            ("01", "W37", "P2", "A", later),
            ("02", "W11", "P3", "A", later),
        )
        for k, (what, n) in enumerate(wells, 1)
    ]
    path = folder / "plate.csv"
    path.write_text(HEAD + "\n".join(lines), encoding="utf-8")
    return path


def test_the_changes_from_a_baseline_are_told_or_why_not(tmp_path: Path) -> None:
    path = visits(tmp_path)
    said = CliRunner().invoke(main, ["elispot", str(path), "--baseline", "day  1"]).output
    assert said[said.index("01, change") :].splitlines() == [
        "01, change of the net total since Day 1",
        "  Visit        SFC/10⁶         95 % CI  p (exact)",
        "  W11              200      [109, 291]       .056",
        "  W37              200      [109, 291]          –",
        "  Note: W37: the visits stand on two plates, P1 and P2",
        "",
        "02, change of the net total since Day 1",
        "  Note: W11, W37: no assay of Day 1",
    ]


def test_programs_get_the_changes(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["elispot", str(visits(tmp_path)), "--json", "--baseline", "Day 1"])
    told = json.loads(result.output)
    assert told["baseline"] == "Day 1"
    places = [(one["participant"], one["visit"]) for one in told["changes"]]
    assert places == [("01", "W11"), ("01", "W37"), ("02", "W11"), ("02", "W37")]
    first, second, third, _ = told["changes"]
    assert first["change"]["value"] == second["change"]["value"] == 200
    assert first["p"] is not None and second["p"] is None and "two plates" in second["p_reason"]
    assert (third["change"], third["reason"]) == (None, "no assay of Day 1")
    assert "changes" not in json.loads(
        CliRunner().invoke(main, ["elispot", str(plate(tmp_path)), "--json"]).output
    )


@pytest.mark.parametrize(("said", "hint"), [("Day 2", "Did you mean `Day 1`?"), ("", "Day 1, W11, W37")])
def test_a_baseline_that_is_no_visit_is_wrong_usage(tmp_path: Path, said: str, hint: str) -> None:
    result = CliRunner().invoke(main, ["elispot", str(visits(tmp_path)), "--baseline", said])
    assert result.exit_code == 2
    assert f"the file has no visit '{said}'" in result.output and hint in result.output


def test_a_file_of_one_visit_has_no_change(tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["elispot", str(plate(tmp_path)), "--baseline", "W11"]).output
    assert said.endswith("01, change of the net total since W11\n  Note: the file has no other visit\n")


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    """A virtual trial of which nobody has given cells for the assay yet."""
    laboratory_trial(tmp_path)
    return tmp_path / "trial"


def test_a_plate_comes_into_a_trial_and_what_fits_nowhere_fails(tmp_path: Path, trial: Path) -> None:
    said = ["elispot", str(plate(tmp_path, who="PSL-001")), "--trial", str(trial)]
    result = CliRunner().invoke(main, said)
    assert result.exit_code == 1
    flat = " ".join(result.output.split())
    assert "0 entered, 0 corrected, 0 unchanged" in flat
    assert "no pbmc of PSL-001 was taken at `W11`" in flat
    told = json.loads(CliRunner().invoke(main, [*said, "--json"]).output)
    assert [one["kind"] for one in told["findings"]] == ["unmatched"]
    assert told["rule"]["viability"] == 80 and list(told["assays"][0]["responses"]) == ["core"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--net", "10"], "--net does not go with --trial"),
        (["--assay", "cells"], "the study has no such assay 'cells'"),
        (["--baseline", "W12"], "W11"),
    ],
)
def test_what_does_not_go_with_a_trial_is_said_before_anything_is_entered(
    tmp_path: Path, trial: Path, options: list[str], message: str
) -> None:
    said = ["elispot", str(plate(tmp_path, who="PSL-001")), "--trial", str(trial), *options]
    result = CliRunner().invoke(main, said)
    assert result.exit_code in (1, 2) and message in result.output and "Into the record" not in result.output


def test_what_goes_with_a_trial_alone_says_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["elispot", str(plate(tmp_path)), "--by", "lab"])
    assert result.exit_code == 2 and "--by goes with --trial" in result.output
