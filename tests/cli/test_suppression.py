"""`trialrun suppression`: curves for people and programs, and what keeps one from being known."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from laboratory_trial import laboratory_trial
from trialrun.cli import main

HEAD = "participant,visit,ratio,divided"
MEANS = {"0": 80, "1:1": 24, "1:2": 36, "1:4": 60}
LINES = [f"01,W11,{ratio},{mean + off}" for ratio, mean in MEANS.items() for off in (-2, 0, 2)]


def run(folder: Path, *words: str, lines: list[str] = LINES, head: str = HEAD) -> Result:
    path = folder / "wells.csv"
    path.write_text("\n".join([head, *lines]), encoding="utf-8")
    return CliRunner().invoke(main, ["suppression", str(path), *words])


def test_people_get_a_curve(tmp_path: Path) -> None:
    said = [line.split() for line in run(tmp_path).output.splitlines()]
    assert said[0] == ["01,", "W11"]
    table = {line[0]: line[1:4] for line in said[2:]}
    assert table["1:1"] == ["3", "24.0", "70"]
    assert table["1:2"] == ["3", "36.0", "55"]
    assert table["1:4"] == ["3", "60.0", "25"]
    assert table["alone"] == ["3", "80.0"]
    assert table["area"][0] == "51"  # (70 / 2 + 55 + 25 / 2) / 2
    assert table["half-way"] == ["1:2.2", "50"]


def test_programs_get_json(tmp_path: Path) -> None:
    told = json.loads(run(tmp_path, "--json").output)
    assert (told["measure"], told["least_dividing"]) == ("divided", 10)
    [one] = told["curves"]
    assert (one["participant"], one["visit"], one["plate"]) == ("01", "W11", None)
    assert [round(point["suppression"]) for point in one["points"]] == [25, 55, 70]
    assert one["at_one"]["suppression"] == pytest.approx(70) and one["at_one_reason"] is None
    assert one["area"] == pytest.approx(51.25) and one["half"] == pytest.approx(0.5 * 2 ** (-1 / 6), rel=1e-6)
    assert one["wells"][-1] == {"ratio": 0.0, "values": [78, 80, 82]}


def test_suppression_at_one_is_never_interpolated(tmp_path: Path) -> None:
    lines = [line.replace("1:1", "2:1") for line in LINES]
    said = run(tmp_path, lines=lines).output
    assert "  Note: no well at 1:1" in said.splitlines()
    assert "2:1 is read as more regulatory cells than responders; if not, write 1:2." in said
    [one] = json.loads(run(tmp_path, "--json", lines=lines).output)["curves"]
    assert (one["at_one"], one["at_one_reason"]) == (None, "no well at 1:1")


def test_a_lost_well_is_told(tmp_path: Path) -> None:
    said = run(tmp_path, lines=[line.replace("1:2,36", "1:2,lost") for line in LINES]).output
    assert "  Note: 1:2: 1 of 3 wells lost" in said.splitlines()
    gone = run(tmp_path, lines=[line if ",0," not in line else "01,W11,0,lost" for line in LINES]).output
    assert "Note: no well of responders alone" in gone and "alone: 3 of 3 wells lost" in gone


@pytest.mark.parametrize(
    ("words", "reason"), [((), "divide too little: 8, at least 10 is needed"), (("--dividing", "5"), None)]
)
def test_responders_that_hardly_divide_have_no_curve(
    tmp_path: Path, words: tuple[str, ...], reason: str | None
) -> None:
    lines = [f"01,W11,{ratio},{mean / 10}" for ratio, mean in MEANS.items()]
    [one] = json.loads(run(tmp_path, "--json", *words, lines=lines).output)["curves"]
    assert (one["reason"] is None) == (reason is None) == (one["at_one"] is not None)
    assert reason is None or reason in one["reason"]


def test_a_division_index_has_its_own_least(tmp_path: Path) -> None:
    lines = [f"01,W11,{ratio},{mean / 100}" for ratio, mean in MEANS.items()]
    result = run(tmp_path, lines=lines, head=HEAD.replace("divided", "division_index"))
    assert "Div. index" in result.output and "0.80" in result.output and "51" in result.output
    assert run(tmp_path, "--dividing", "nan").exit_code == 2


def test_a_defect_is_an_error_with_its_place(tmp_path: Path) -> None:
    result = run(tmp_path, lines=[line.replace("1:2", "1.2.3") for line in LINES])
    assert result.exit_code == 1
    assert "wells.csv, lines 8-10, column ratio: '1.2.3' is no ratio of cells" in result.output


@pytest.mark.parametrize("width", ["60", "100"])
def test_nothing_is_cut(tmp_path: Path, width: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    head = HEAD.replace("divided", "division_index")
    lines = [f"SITE-01-SUBJECT-0003-RESCREENED,{line.partition(',')[2]}" for line in LINES]
    lines = [f"{line.rpartition(',')[0]},{float(line.rpartition(',')[2]) / 50}" for line in lines]
    said = run(tmp_path, lines=lines, head=head).output
    assert max(map(len, said.splitlines())) <= int(width)
    for words in ("SITE-01-SUBJECT-0003-RESCREENED", "half-way 1:2.2", "Div. index", "Suppression %"):
        assert words in said


def test_what_fits_nowhere_in_a_trial_is_listed(tmp_path: Path) -> None:
    laboratory_trial(tmp_path)
    result = run(tmp_path, "--trial", str(tmp_path / "trial"))
    assert result.exit_code == 1
    assert "nobody here is called `01`" in " ".join(result.output.split())
    result = run(tmp_path, "--trial", str(tmp_path / "trial"), "--dividing", "1")
    assert result.exit_code == 2 and "--dividing does not go with --trial" in result.output
