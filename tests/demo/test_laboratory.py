"""The virtual laboratory: a file for each specimen, whose gated numbers are what the record gets."""

import datetime
import json

import numpy as np
import pytest

from laboratory_trial import BLOOD, FORM, POINT, Lab, made
from trialrun.cytometry.fcs.read import read
from trialrun.demo.crowd import Recorded
from trialrun.demo.laboratory import RESULTS_AFTER, Laboratory, stained
from trialrun.demo.ledger import STAFF, VirtualClock
from trialrun.protocol.compile import load
from trialrun.record.trial import Trial
from trialrun.simulate.chance import Person
from trialrun.simulate.trial import arrivals, conduct

TRUTH = {"treg": 42.0, "tconv": 660.0, "nk": 150.0, "cd25": 1.4}
ANSWERS = {"activated_cd8": 5.0, "mz_b_percent": 8.0, "treg_percent": 3.3, "hours_since_injection": 71.5}
TODAY = np.datetime64("2008-03-03")


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lab, Laboratory]:
    lab = made(people=STAFF)
    with Laboratory(lab.trial, processes=0) as laboratory:
        for number, subject in enumerate(lab.trial.subjects()):
            assert laboratory.takes(FORM)
            laboratory.take(subject, Person(1, 0, number), FORM, POINT, TRUTH, ANSWERS)
            laboratory.take(subject, Person(1, 0, number), FORM, POINT, {}, {})  # a repeated visit
            laboratory.send(subject, TODAY)
        assert list(laboratory.results()) == [TODAY + RESULTS_AFTER] * 2
        assert list(laboratory.results()) == []
    return lab, laboratory


def test_numbers_of_the_file_are_what_the_record_gets(landed: tuple[Lab, Laboratory]) -> None:
    lab, laboratory = landed
    assert laboratory.findings == []
    said = lab.answers()
    assert said["treg_percent"] != ANSWERS["treg_percent"]
    assert said["hours_since_injection"] == 71.5
    assert said["cd4_count"] == pytest.approx(42 * 1.05 + 660, rel=0.12)
    assert lab.answers("PSL-002")["cd4_count"] != said["cd4_count"]


def test_every_number_leads_to_a_file_that_says_it_is_virtual(
    landed: tuple[Lab, Laboratory], tmp_path_factory: pytest.TempPathFactory
) -> None:
    lab, _ = landed
    source = lab.trial.projection("PSL-001").filled[FORM, POINT].cells["treg_percent"].source
    assert source is not None
    assert source["panel"] == lab.trial.protocol.panels.hash("regulatory")
    assert {"engine", "version"} <= source.keys()
    path = tmp_path_factory.mktemp("kept") / "kept.fcs"
    path.write_bytes(lab.trial.file(source["sha256"]))
    kept = read(path)
    assert kept.sha256 == source["sha256"]
    assert kept.keywords["$SMNO"] == f"PSL-001.{POINT}.{BLOOD}"
    assert "VIRTUAL" in kept.keywords
    assert json.loads(kept.keywords["VIRTUAL TRUTH"])["nk_count"] == 150


def test_truth_is_compared_with_the_estimate(landed: tuple[Lab, Laboratory]) -> None:
    _, laboratory = landed
    compared = laboratory.compared
    assert {"treg_percent", "treg_count", "cd4_count", "cd25_intensity"} <= compared.keys()
    for true, found in compared["treg_percent"].pairs:
        assert true == pytest.approx(100 * 42 / 704.1)
        assert found == pytest.approx(true, rel=0.25)
    found = compared["treg_percent"].summary()
    assert (found["specimens"], found["unit"]) == (2, "%")
    assert 0 < found["median_error"] <= found["worst_error"] < 1.5


def test_files_below_what_the_panel_asks_of_a_laboratory_are_counted(landed: tuple[Lab, Laboratory]) -> None:
    _, laboratory = landed
    assert laboratory.warnings["enough"] == 2


def test_with_files_a_trial_differs_only_in_what_is_gated() -> None:
    """The study's first participant, with a laboratory and without."""
    with_files, without = conducted(True), conducted(False)
    (subject,) = with_files.subjects()
    one, other = (trial.projection(subject) for trial in (with_files, without))
    assert [(act.act, act.name, act.point) for act in one.acts] == [
        (act.act, act.name, act.point) for act in other.acts
    ]
    assert one.filled.keys() == other.filled.keys()
    points = {point for form, point in one.filled if form == FORM}
    assert len(points) == len(one.files) > 5
    fills = {"treg_percent", "treg_count", "treg_no_cd25", "cd25_intensity", "cd4_count", "nk_count"}
    fills |= {"activated_cd8", "mz_b_percent", "events_cd4"}
    for key, filled in one.filled.items():
        different = {
            name
            for name, cell in filled.cells.items()
            if cell.content != other.filled[key].cells[name].content
        }
        assert different <= (fills if key[0] == FORM else set()), key
        assert key[0] != FORM or "cd25_intensity" in different


def conducted(files: bool) -> Trial:
    protocol = load("vascu_il2")
    coming = arrivals(protocol, 1)[:1]
    clock = VirtualClock(datetime.datetime(2008, 1, 1, tzinfo=datetime.UTC))
    trial = Trial.in_memory(protocol, virtual=True, clock=clock, seed=1, people=STAFF)
    with Laboratory(trial, processes=0) as laboratory:
        crowd = Recorded(trial, clock, 1, laboratory=laboratory if files else None)
        conduct(protocol, coming, crowd)
        crowd.finish()
    assert laboratory.findings == []
    return trial


def test_a_form_that_the_conduct_reads_is_left_to_the_model() -> None:
    assert list(stained(load("vascu_il2"))) == [FORM]
    assert stained(load("transreg_like")) == {}
