"""`trialrun gate`: files to numbers, for people and for programs."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from trialrun.cli import main
from trialrun.cytometry.fcs.read import read
from trialrun.cytometry.fcs.write import write
from trialrun.cytometry.sample import Channel, Sample
from trialrun.cytometry.training import rows_in

PANEL = """\
panels:
  tube:
    title: A tube
    from: assumption
    reason: For the tests.
    markers: {A: A-A, B: B-A}
    compensation: none
    populations:
      high: {of: all, method: density, by: A, keep: high}
      both: {of: high, method: rectangle, within: {B: [500, null]}}
    quantities:
      high_percent: {percent: high, of: all}
      both_count: {count: both}
"""


def sample(seed: int = 1, high: int = 300, low: int = 700) -> Sample:
    """Two clouds in A; those high in A have B around 600."""
    stream = np.random.default_rng(seed)
    a = np.concatenate([stream.normal(1000, 50, high), stream.normal(200, 50, low)])
    b = np.concatenate([stream.normal(600, 60, high), stream.normal(100, 30, low)])
    events = np.rint(np.stack([a, b, np.arange(high + low) * 1.0])).astype(np.float32)
    channels = tuple(Channel(name, "", 4096.0) for name in ("A-A", "B-A", "Time"))
    return Sample("", "", channels, events, {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "panel.yaml").write_text(PANEL, "utf-8")
    for number in (1, 2):
        write(tmp_path / f"{number}.fcs", sample(number))
    return tmp_path


def gate(folder: Path, *arguments: str, files: str = "12") -> Result:
    paths = [str(folder / f"{number}.fcs") for number in files]
    options = ["--panel", str(folder / "panel.yaml"), "--cores", "1", *arguments]
    return CliRunner().invoke(main, ["gate", *paths, *options])


def test_people_get_a_table(folder: Path) -> None:
    result = gate(folder)
    assert result.exit_code == 0, result.output
    [line] = [line.split() for line in result.output.splitlines() if "1.fcs" in line]
    assert line[:2] == ["1.fcs", "30"]


def test_programs_get_json(folder: Path) -> None:
    told = json.loads(gate(folder, "--json").output)
    assert [one["file"] for one in told["files"]] == ["1.fcs", "2.fcs"]
    assert told["files"][0]["populations"]["high"]["events"] == 300
    assert told["files"][0]["quantities"]["high_percent"]["value"] == 30.0
    assert told["files"][0]["sha256"] == read(folder / "1.fcs").sha256
    assert "not divided" not in told["raw"] and "$PnG" in told["raw"]


def test_a_folder_gets_numbers_their_history_and_every_event(folder: Path) -> None:
    out = folder / "out"
    assert gate(folder, "--out", str(out), "--membership").exit_code == 0
    rows = list(csv.DictReader((out / "quantities.csv").read_text("utf-8").splitlines()))
    assert [(row["file"], row["quantity"]) for row in rows][:2] == [
        ("1.fcs", "high_percent"),
        ("1.fcs", "both_count"),
    ]
    assert float(rows[0]["low"]) < 30 < float(rows[0]["high"])
    assert json.loads((out / "provenance.json").read_text("utf-8"))["panel"] == "tube"
    members = pl.read_parquet(out / "membership" / "1.fcs.parquet")
    assert members["high"].to_list() == [True] * 300 + [False] * 700
    assert members["both"].sum() == int(float(rows[1]["value"]))


def test_files_of_one_name_each_keep_their_events(folder: Path) -> None:
    for place in ("x", "y"):
        (folder / place).mkdir()
        write(folder / place / "a.fcs", sample(ord(place)))
    write(folder / "x_a.fcs", sample(7))
    out, paths = folder / "out", [str(folder / name) for name in ("x/a.fcs", "y/a.fcs", "x_a.fcs")]
    options = ["--panel", str(folder / "panel.yaml"), "--cores", "1", "--out", str(out), "--membership"]
    assert CliRunner().invoke(main, ["gate", *paths, *options]).exit_code == 0
    assert len(list((out / "membership").glob("*.parquet"))) == 3


def test_who_ran_the_instrument_is_not_passed_on(folder: Path) -> None:
    write(
        folder / "3.fcs", replace(sample(3), keywords={"$OP": "Jean Valjean", "$SRC": "Fantine", "$CYT": "X"})
    )
    assert gate(folder, "--out", str(folder / "out"), files="3").exit_code == 0
    found = "".join(path.read_text("utf-8") for path in (folder / "out").iterdir() if path.is_file())
    assert "Valjean" not in found and "Fantine" not in found


def test_a_folder_without_files_is_told(folder: Path) -> None:
    (folder / "empty").mkdir()
    result = CliRunner().invoke(main, ["gate", str(folder / "empty"), "--panel", str(folder / "panel.yaml")])
    assert result.exit_code == 2
    assert "there is no file .fcs or .lmd in" in result.output.replace("\n", " ")


def test_a_bad_file_is_listed_and_the_others_are_gated(folder: Path) -> None:
    (folder / "3.fcs").write_bytes((folder / "1.fcs").read_bytes()[:900])
    result = gate(folder, files="123")
    assert result.exit_code == 1
    assert "Not gated" in result.output and "3.fcs:" in result.output
    assert any(line.split()[:2] == ["2.fcs", "30"] for line in result.output.splitlines())


def test_a_persons_gate_stands_beside_the_automatic_one(folder: Path) -> None:
    path = folder / "adjustments.yaml"
    path.write_text(
        "adjustments:\n  - sample: 1.fcs\n    population: high\n"
        "    gate: {method: rectangle, within: {A: [1000, null]}}\n"
        "    by: Anna Berg\n    reason: The valley is too low.\n",
        "utf-8",
    )
    out = folder / "out"
    result = gate(folder, "--adjustments", str(path), "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "adjusted" in result.output
    first, _, other, _ = csv.DictReader((out / "quantities.csv").read_text("utf-8").splitlines())
    assert first["value"] == "30.0"
    assert 10 < float(first["adjusted"]) < 20
    assert first["adjusted_by"] == "Anna Berg"
    assert first["adjusted_reason"] == "high: The valley is too low."
    assert other["adjusted"] == ""


@pytest.mark.parametrize(
    ("panel", "said"),
    [
        ("vascu_il2:regulatry", "has no panel 'regulatry': regulatory"),
        ("nowhere", "is neither a folder nor a bundled study"),
        ("transreg_like", "has no panel.yaml"),
    ],
)
def test_a_panel_that_is_not_there_is_told(folder: Path, panel: str, said: str) -> None:
    result = CliRunner().invoke(main, ["gate", str(folder / "1.fcs"), "--panel", panel])
    assert result.exit_code in (1, 2)
    assert said in " ".join(result.output.split())


WELLS = """\
panels:
  wells:
    title: Wells of a plate
    from: assumption
    reason: For the tests.
    markers: {CD25: VL1-H, CD127: BL1-H, CD45RA: BL3-H}
    compensation: file
    transforms: {default: {asinh: {cofactor: 1000}}}
    references:
      ours:
        role: training
        samples:
"""
FOUND = """\
    populations:
      rare: {of: all, method: transitional, high: CD25, low: CD127, also: CD45RA, trained_on: ours}
    quantities:
      share: {percent: rare, of: all}
"""


def test_a_real_well_is_gated_as_a_person_gated_the_others(shared: Path, tmp_path: Path) -> None:
    """Well A01 by the gates of C01 and C03: F1 above .95 of the events, and the share within 5 %."""
    plate = shared / "data/cytometry/treg_meyer"
    (tmp_path / "gated").symlink_to(plate, target_is_directory=True)
    samples = ""
    for well in ("C01", "C03"):
        (parent,) = plate.glob(f"Well_{well}_CD3+CD4+*.fcs")
        members = ", ".join(f"gated/{path.name}" for path in sorted(plate.glob(f"Well_{well}_T_reg_*.fcs")))
        samples += f"          - {{parent: gated/{parent.name}, members: [{members}]}}\n"
    (tmp_path / "wells.yaml").write_text(WELLS + samples + FOUND, "utf-8")
    parent, out = plate / "Well_A01_CD3+CD4+.fcs", tmp_path / "out"
    options = ["--panel", str(tmp_path / "wells.yaml"), "--out", str(out), "--membership", "--cores", "1"]
    result = CliRunner().invoke(main, ["gate", str(parent), *options, "--json"])
    assert result.exit_code == 0, result.output
    held = pl.read_parquet(out / "membership" / f"{parent.name}.parquet")["rare"].to_numpy()
    truth = np.zeros(len(held), dtype=bool)
    for path in plate.glob("Well_A01_T_reg_*.fcs"):
        truth |= rows_in(read(parent), read(path))
    assert truth.sum() == 604
    assert 2 * (held & truth).sum() / (held.sum() + truth.sum()) > 0.95
    share = json.loads(result.output)["files"][0]["quantities"]["share"]
    by_hand = 100 * truth.mean()
    assert abs(share["value"] / by_hand - 1) < 0.05
    assert share["low"] < by_hand < share["high"]
    assert share["border"] > 0


def test_what_many_files_are_told_alike_is_said_once_with_its_range() -> None:
    from trialrun.cli.gate import _alike

    few = [
        (f"{n}.fcs", f"enough: {n},000 events of `cd4`, at least 50,000 are asked for") for n in range(2, 6)
    ]
    assert _alike(few) == [f"{file}: {line}" for file, line in few]
    many = [
        *few,
        ("a.fcs", "drift: CD3 is -0.5 SD off"),
        ("6.fcs", few[0][1]),
        ("7.fcs", "enough: 900 events of `cd4`, at least 50,000 are asked for"),
    ]
    assert _alike(many) == [
        "enough: 900 to 5,000 events of `cd4`, at least 50,000 are asked for (6 files)",
        "a.fcs: drift: CD3 is -0.5 SD off",
    ]
