"""`trialrun learn`: a border as a file of a study, and what is gated with it."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from laboratory_trial import FORM, POINT, laboratory_trial
from trialrun.cli import main
from trialrun.cli.learn import _show
from trialrun.cytometry.fcs.read import read
from trialrun.cytometry.fcs.write import write
from trialrun.cytometry.populate import populate
from trialrun.protocol.compile import load
from trialrun.record.trial import Trial
from trialrun.simulate.chance import Person
from trialrun.simulate.population import population
from trialrun.simulate.tube import sample, tube

WELLS = """\
panels:
  wells:
    title: Wells of a plate
    from: assumption
    reason: For the tests.
    markers: {CD25: VL1-H, CD127: BL1-H, CD45RA: BL3-H}
    compensation: file
    transforms: {default: {asinh: {cofactor: 1000}}}
    references: {ours: {role: training, samples: [SAMPLES]}}
    populations:
      rare: {of: all, method: transitional, high: CD25, low: CD127, also: CD45RA, trained_on: ours}
    quantities:
      share: {percent: rare, of: all}
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.mark.parametrize("width", [60, 80])
def test_nothing_is_cut(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    knots = dict.fromkeys(("CD25", "CD127", "CD45RA"))
    border = SimpleNamespace(
        fit=SimpleNamespace(references=2, knots=knots), of="cd4", agreement={"a": 0.9, "b": 0.8}
    )
    one = SimpleNamespace(border=border, events=29_507, members=911, said={})
    _show({"rare": one}, {}, Path("borders.yaml"))  # type: ignore[dict-item]
    said = capsys.readouterr().out
    for words in ("Border", "Markers", "Samples", "Members", "CD45RA", "29,507", ".800 to .900"):
        assert words in said
    assert max(map(len, said.splitlines())) <= width


def test_real_wells_are_gated_by_the_file_as_by_the_samples(shared: Path, tmp_path: Path) -> None:
    plate = shared / "data/cytometry/treg_meyer"
    (tmp_path / "gated").symlink_to(plate, target_is_directory=True)
    samples = []
    for well in ("C01", "C03"):
        (parent,) = plate.glob(f"Well_{well}_CD3+CD4+*.fcs")
        members = ", ".join(f"gated/{path.name}" for path in sorted(plate.glob(f"Well_{well}_T_reg_*.fcs")))
        samples.append(f"{{parent: gated/{parent.name}, members: [{members}]}}")
    panel = tmp_path / "wells.yaml"
    panel.write_text(WELLS.replace("SAMPLES", ", ".join(samples)), "utf-8")
    done = run("learn", panel, "--out", tmp_path / "borders.yaml", "--json")
    assert done.exit_code == 0, done.output
    learnt = json.loads(done.output)["borders"]["rare"]
    assert learnt["members"] == 911 and len(learnt["learnt_from"]) == 6
    assert min(learnt["agreement"].values()) > 0.96
    (tmp_path / "without.yaml").write_text(
        WELLS.replace("trained_on: ours", "border: rare").replace(
            "{role: training, samples: [SAMPLES]}", "{role: control}"
        ),
        "utf-8",
    )
    held, told = [], []
    for name in ("wells", "without"):
        options = ["--panel", tmp_path / f"{name}.yaml", "--out", tmp_path / name, "--membership", "--json"]
        done = run("gate", plate / "Well_A01_CD3+CD4+.fcs", *options, "--cores", "1")
        assert done.exit_code == 0, done.output
        told.append(json.loads(done.output))
        held.append(pl.read_parquet(next((tmp_path / name / "membership").iterdir())))
    assert held[0].equals(held[1]) and held[0]["rare"].sum() == 614
    assert told[0]["files"][0]["quantities"] == told[1]["files"][0]["quantities"]
    assert {f"rare: {name}": digest for name, digest in told[0]["training"].items()} == told[1]["training"]


# ---- a study --------------------------------------------------------------------------------------


def by_hand(folder: Path) -> str:
    """Two parents with the cells that are truly regulatory: what a panel says of them."""
    protocol = load("vascu_il2")
    assert protocol.panels is not None
    panel, cells = protocol.panels.panels["regulatory"], population(protocol).cells["regulatory"]
    said = []
    for seed in (1, 2):
        truth = {"treg": 40.0, "tconv": 680.0, "nk": 150.0, "cd25": 1.0}
        filled = tube(panel, cells, truth, {"activated_cd8": 4.0, "mz_b_percent": 9.0})
        drawn = filled.draw(Person(7, 0, seed), "cells")
        made = sample(filled, drawn, file="", participant="", specimen="", seed=7, version="0")
        cd4 = populate(panel, [made])[0].events["cd4"]
        kinds = [
            number
            for number, kind in enumerate(filled.kinds)
            if "regulatory" in cells.kinds[kind.name].within
        ]
        rare = cd4[np.isin(drawn.kind[cd4], kinds)]
        for name, rows in (("parent", cd4), ("taken", rare)):
            write(folder / f"{seed}-{name}.fcs", replace(made, events=made.events[:, rows]))
        said.append(f"{{parent: {seed}-parent.fcs, members: {seed}-taken.fcs}}")
    return ", ".join(said)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study with a border (`study`), and the panel beside its samples (`ours.yaml`)."""
    folder = tmp_path_factory.mktemp("border")
    (folder / "study").mkdir()
    for name, text in load("vascu_il2").files.items():
        (folder / "study" / name).write_text(text, "utf-8")
    panel = folder / "study" / "panel.yaml"
    text = panel.read_text("utf-8")
    assert text.count("        low: CD127\n        title: {en: Regulatory") == 1
    named = "        low: CD127\n        {}\n        title: {{en: Regulatory"
    old = "        low: CD127\n        title: {en: Regulatory"
    panel.write_text(text.replace(old, named.format("border: regulatory")), "utf-8")
    ours = text.replace(old, named.format("trained_on: ours")).replace(
        "    references:\n",
        f"    references:\n      ours: {{role: training, samples: [{by_hand(folder)}]}}\n",
    )
    (folder / "ours.yaml").write_text(ours, "utf-8")
    done = run("learn", folder / "ours.yaml", "--out", folder / "study" / "borders.yaml")
    assert done.exit_code == 0, done.output
    return folder


def test_a_study_with_a_border_gates_into_its_trial(made: Path, tmp_path: Path) -> None:
    assert run("check", made / "study").exit_code == 0
    laboratory_trial(tmp_path, made / "study")
    options = ["--trial", tmp_path / "trial", "--manifest", tmp_path / "fcs" / "manifest.csv", "--cores", "1"]
    done = run("gate", tmp_path / "fcs", *options, "--json")
    told = json.loads(done.stdout)
    gate = told["files"][0]["populations"]["regulatory"]["gate"]
    assert gate["references"] == 2
    assert set(told["training"]) == {
        f"regulatory: {seed}-{name}.fcs" for seed in (1, 2) for name in ("parent", "taken")
    }
    assert set(told["record"].values()) == {"entered"}
    trial = Trial.open(tmp_path / "trial")
    answers = trial.projection("PSL-001").filled[FORM, POINT].contents()
    trial.close()
    assert answers["treg_percent"] == pytest.approx(100 * 18 / 698, rel=0.2)
    assert (tmp_path / "trial" / "study" / "borders.yaml").read_bytes() == (
        made / "study" / "borders.yaml"
    ).read_bytes()


def test_diff_says_that_a_border_changed(made: Path, tmp_path: Path) -> None:
    for path in (made / "study").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    again = (
        (made / "ours.yaml").read_text("utf-8").replace(", {parent: 2-parent.fcs, members: 2-taken.fcs}", "")
    )
    (made / "less.yaml").write_text(again, "utf-8")
    assert run("learn", made / "less.yaml", "--out", tmp_path / "borders.yaml").exit_code == 0
    done = run("diff", made / "study", tmp_path)
    assert done.exit_code == 0
    assert "1 change: 1 data" in done.output
    assert "Learnt border: regulatory" in done.output


def test_other_borders_of_the_file_stay(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "borders.yaml"
    out.write_text("borders:\n  other: {edition: 0, words: kept}\n", "utf-8")
    done = run("learn", made / "ours.yaml", "--out", out)
    assert "1 border written; 1 other kept" in " ".join(done.output.split())
    assert "other: {edition: 0, words: kept}" in out.read_text("utf-8")
    before = out.read_bytes()
    again = run("learn", made / "ours.yaml", "--out", out)
    assert "1 border as before; 1 other kept" in " ".join(again.output.split())
    assert out.read_bytes() == before


def test_what_cannot_be_learnt_is_told_and_nothing_is_written(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "borders.yaml"
    bad = (made / "ours.yaml").read_text("utf-8").replace("members: 2-taken.fcs", "members: 1-taken.fcs")
    (made / "bad.yaml").write_text(bad, "utf-8")
    done = run("learn", made / "bad.yaml", "--out", out)
    assert done.exit_code == 1
    assert "regulatory: nothing can be learnt from its samples" in done.output
    assert "are not in" in done.output and not out.exists()
    done = run("learn", "vascu_il2", "--out", out)
    assert done.exit_code == 2 and "`trained_on` samples" in " ".join(done.output.split())
    done = run("learn", made / "ours.yaml", "--out", made / "ours.yaml")
    assert done.exit_code == 2 and "no file of borders" in " ".join(done.output.split())
    out.write_text(": :", "utf-8")
    assert run("learn", made / "ours.yaml", "--out", out).exit_code == 1
    assert out.read_text("utf-8") == ": :"


def test_a_study_cannot_name_samples_and_is_told_how_else(made: Path, tmp_path: Path) -> None:
    for path in (made / "study").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "panel.yaml").write_bytes((made / "ours.yaml").read_bytes())
    done = run("check", tmp_path)
    assert done.exit_code == 1
    assert "trialrun learn" in done.output and "border: NAME" in done.output


def test_an_old_border_is_refused_by_check_and_gates_nothing(made: Path, tmp_path: Path) -> None:
    study = tmp_path / "study"
    study.mkdir()
    for path in (made / "study").iterdir():
        (study / path.name).write_bytes(path.read_bytes())
    (study / "borders.yaml").write_text("borders:\n  regulatory: {edition: 0}\n", "utf-8")
    done = run("check", study)
    assert done.exit_code == 1
    assert "borders.yaml:2:25" in done.output and "Learn it again" in done.output
    laboratory_trial(tmp_path, study)
    one = tmp_path / "fcs" / "one.fcs"
    done = run("gate", one, "--trial", tmp_path / "trial", "--cores", "1", "--json")
    told = json.loads(done.stdout)["files"][0]["populations"]
    assert "learnt by edition 0" in told["regulatory"]["reason"]
    assert "reason" not in told["cd4"]
    assert read(one).count
