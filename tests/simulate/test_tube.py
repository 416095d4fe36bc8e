"""A virtual participant's tube: the file says what it is, and holds the cells that are truly there."""

import json
from pathlib import Path

import numpy as np
import pytest

from trialrun.cytometry.compensation import spillover
from trialrun.cytometry.fcs.read import read
from trialrun.cytometry.fcs.write import write
from trialrun.cytometry.sample import Sample
from trialrun.protocol.compile import bundled, load
from trialrun.protocol.problem import ProtocolError
from trialrun.simulate.chance import Person
from trialrun.simulate.population import population
from trialrun.simulate.tube import Tube, sample, tube

CELLS = {"treg": 40.0, "tconv": 660.0, "nk": 150.0, "cd25": 1.5}
ANSWERS = {"activated_cd8": 5.0, "mz_b_percent": 8.0}
SPECIMEN = "PSL-001.C4.D5.treg_blood"


def filled() -> Tube:
    protocol = load("vascu_il2")
    assert protocol.panels is not None
    panel = protocol.panels.panels["regulatory"]
    return tube(panel, population(protocol).cells["regulatory"], CELLS, ANSWERS)


def written(path: Path, seed: int = 1) -> Sample:
    one = filled()
    drawn = one.draw(Person(seed, 0, 3), "cells regulatory C4.D5")
    write(
        path, sample(one, drawn, file=path.name, participant="V-1", specimen=SPECIMEN, seed=seed, version="0")
    )
    return read(path)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return written(tmp_path_factory.mktemp("cells") / "a.fcs")


def test_the_same_person_and_seed_give_the_same_file(file: Sample, tmp_path: Path) -> None:
    assert written(tmp_path / "a.fcs").sha256 == file.sha256
    assert written(tmp_path / "a.fcs", seed=2).sha256 != file.sha256


def test_the_file_says_that_it_is_virtual_and_what_is_in_it(file: Sample) -> None:
    said = file.keywords
    assert said["VIRTUAL"].startswith("simulated")
    assert (said["$CYT"], said["$SMNO"], said["VIRTUAL SEED"]) == ("VIRTUAL", SPECIMEN, "1")
    assert json.loads(said["VIRTUAL TRUTH"])["treg_count"] == 40
    assert file.findings == ()
    stains = {channel.name: channel.stain for channel in file.channels}
    assert (stains["CD25-A"], stains["FSC-A"]) == ("CD25", "")


def test_the_truth_is_that_of_the_cells() -> None:
    truth = filled().truth()
    assert truth["cd4_count"] == pytest.approx(40 * 1.05 + 660)
    assert truth["treg_percent"] == pytest.approx(100 * 40 / 702)
    assert truth["treg_no_cd25"] == pytest.approx(100 * 42 / 702)
    assert (truth["activated_cd8"], truth["mz_b_percent"]) == pytest.approx((5, 8))
    assert (truth["nk_count"], truth["cd25_intensity"]) == (150, pytest.approx(1.5 * 3600))
    assert "events_cd4" not in truth


def test_cells_are_found_again_where_they_were_put(file: Sample) -> None:
    """With plain cuts half-way between the levels: about three standard errors of what chance alone does."""
    matrix = spillover(file)
    assert matrix is not None
    signal = matrix.apply(np.stack([file.column(name) for name in matrix.detectors]))
    on = {name.removesuffix("-A"): row for name, row in zip(matrix.fluorochromes, signal, strict=True)}
    cells = (on["Beads"] < 5000) & (file.column("FSC-A") > 30_000) & (on["Viability"] < 2000)
    t = cells & (on["CD3"] > 2500)
    cd4, cd8 = t & (on["CD4"] > 6000), t & (on["CD8"] > 3000)
    assert cd4.sum() / cd8.sum() == pytest.approx(702 / 400, rel=0.08)
    treg = cd4 & (on["FoxP3"] > 1000) & (on["CD127"] < 1000)
    assert 100 * treg.sum() / cd4.sum() == pytest.approx(100 * 42 / 702, abs=1.2)
    beads = on["Beads"] > 5000
    assert 150 * cd4.sum() / beads.sum() == pytest.approx(702, rel=0.1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("within: [nk]", "within: [nkt]", "there is no population `nkt`"),
        ("shows: {CD56: high,", "shows: {CD57: high,", "there is no marker `CD57`"),
        ("shows: {CD56: high,", "shows: {CD56: bright,", "there is no level `bright`"),
        ("number: {quantity: nk}", "number: {quantity: nkt}", "there is no quantity `nkt`"),
        ("share: activated_cd8", "share: activated", "there is no item `activated`"),
        ("  regulatory:\n    events", "  regulator:\n    events", "there is no panel `regulator`"),
        ("      CD38: {none: 220, high", "      CD38: {low: 220, high", "how bright cells without CD38 are"),
    ],
)
def test_names_that_are_not_there_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    for file in bundled()["vascu_il2"].glob("*.yaml"):
        text = file.read_text("utf-8")
        if file.name == "model.yaml":
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (tmp_path / file.name).write_text(text, "utf-8")
    with pytest.raises(ProtocolError, match=message):
        population(load(tmp_path))
