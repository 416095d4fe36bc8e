"""Numbers that a rule withholds do not come into the record; the others of the same tube do."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from laboratory_trial import BLOOD, POINT, Lab, made
from trialrun.cytometry.batch import Batch, gate
from trialrun.cytometry.fcs.write import write
from trialrun.cytometry.manifest import Manifest, Row
from trialrun.cytometry.outcome import Outcome
from trialrun.cytometry.report.language import language
from trialrun.cytometry.report.page import page
from trialrun.laboratory.land import Landed
from trialrun.laboratory.receive import Reception
from trialrun.laboratory.specimen import marked
from trialrun.simulate.chance import Person
from trialrun.simulate.population import population
from trialrun.simulate.tube import sample, tube

TRUTH = {"treg": 42.0, "tconv": 660.0, "nk": 150.0, "cd25": 1.4}
FEW = {"treg": 10.0, "tconv": 160.0, "nk": 150.0, "cd25": 1.4}
ANSWERS = {"activated_cd8": 5.0, "mz_b_percent": 8.0}
BRIGHT, CD4_BRIGHT, LOW = "PSL-004", "PSL-005", "PSL-006"
OFF = {BRIGHT: ("CD3-A", "CD4-A"), CD4_BRIGHT: ("CD4-A",)}
ON_CD4 = {"treg_percent", "treg_count", "treg_no_cd25", "cd25_intensity", "cd4_count", "events_cd4"}
BELOW_CD4 = ON_CD4 - {"cd4_count", "events_cd4"}
NUMBERS = ON_CD4 | {"nk_count", "activated_cd8", "mz_b_percent"}


@dataclass
class Came:
    lab: Lab
    batch: Batch
    landed: Landed

    def unknown(self, subject: str) -> set[str]:
        said = self.lab.answers(subject)
        return {name for name in NUMBERS if said[name] == {"missing": "unknown"}}

    def outcome(self, subject: str) -> Outcome:
        return next(one for one in self.batch.outcomes if one.file.name == f"{subject}.fcs")


@pytest.fixture(scope="module")
def came(tmp_path_factory: pytest.TempPathFactory) -> Came:
    """Six participants who share their gates, as visits would: of one CD3 and CD4 are six times as bright, of
    one CD4 alone, and one has few CD4 cells."""
    folder = tmp_path_factory.mktemp("came")
    study = folder / "study"
    shutil.copytree(str(files("trialrun.studies") / "vascu_il2"), study)
    panel = (study / "panel.yaml").read_text("utf-8")
    (study / "panel.yaml").write_text(panel.replace("pooled: participant", "pooled: batch"), "utf-8")
    lab = made(study=study, participants=6)
    rows = {}
    for number, subject in enumerate(lab.trial.subjects()):
        path = folder / f"{subject}.fcs"
        of = FEW if subject == LOW else TRUTH
        rows[path.name] = Row(drawn(lab, path, subject, number, of))
    panels = lab.trial.protocol.panels
    assert panels is not None
    manifest = Manifest(rows)
    reception = Reception(lab.trial, lab.panel, manifest)
    batch = gate(
        [folder / name for name in rows], panels, "regulatory", manifest=manifest, admit=reception.admit
    )
    return Came(lab, batch, reception.land(batch, by="lab"))


def drawn(lab: Lab, path: Path, subject: str, number: int, truth: Mapping[str, float]) -> dict[str, str]:
    """Write a participant's tube. Its row of the manifest."""
    filled = tube(lab.panel, population(lab.trial.protocol).cells["regulatory"], truth, ANSWERS)
    events = filled.draw(Person(1, 0, number), "cells")
    label = marked(subject, POINT, BLOOD)
    one = sample(filled, events, file=path.name, participant=subject, specimen=label, seed=1, version="0")
    values = np.array(one.events)
    for i, channel in enumerate(one.channels):
        if channel.name in OFF.get(subject, ()):
            values[i] = np.minimum(values[i] * 6, 262143)
    write(path, replace(one, events=values))
    said = {"participant": subject, "timepoint": POINT, "storage": "fresh", "counting": "beads", "batch": "1"}
    return {**said, "beads": f"{filled.beads * 50:.6g}", "blood_ul": "50"}


def test_a_tube_that_a_shared_cut_does_not_serve_lands_no_number_that_rests_on_it(came: Came) -> None:
    assert came.unknown(CD4_BRIGHT) == ON_CD4
    assert came.landed.findings == () and set(came.landed.done.values()) == {"entered"}
    said = came.lab.answers(CD4_BRIGHT)
    assert said["nk_count"] == pytest.approx(150, rel=0.12)
    assert said["activated_cd8"] == pytest.approx(5, rel=0.2)
    reason = came.outcome(CD4_BRIGHT).estimates["treg_percent"].reason
    assert reason is not None and reason.startswith("cuts: the shared cut of `cd4` does not serve it: ")
    assert came.unknown(BRIGHT) == NUMBERS, "all of them lie beyond the cuts of live and T cells"


def test_those_beside_it_keep_all_their_numbers(came: Came) -> None:
    for subject in ("PSL-001", "PSL-002", "PSL-003"):
        assert came.unknown(subject) == set()
        said = came.lab.answers(subject)
        assert said["cd4_count"] == pytest.approx(704, rel=0.12)
        assert said["treg_percent"] == pytest.approx(100 * 42 / 704, rel=0.25)


def test_few_cells_of_a_kind_cost_only_what_is_divided_by_them(came: Came) -> None:
    outcome = came.outcome(LOW)
    assert outcome.failed == () and 1000 < (outcome.counts["cd4"] or 0) < 2000
    assert came.unknown(LOW) == BELOW_CD4
    said = came.lab.answers(LOW)
    assert said["cd4_count"] == pytest.approx(170.5, rel=0.12)
    assert said["nk_count"] == pytest.approx(150, rel=0.12)
    reason = outcome.estimates["treg_percent"].reason
    assert reason == f"too_few: {outcome.counts['cd4']:,} events of `cd4`, at least 2,000 are asked for"


@pytest.mark.parametrize(("code", "verdict", "reason"), [
    ("en", "in part", "not estimable: <code>too_few</code> <span>{} events of `cd4`, at least 2,000 are"),
    ("fr", "en partie", "<code>too_few</code> <span>{} événements de «\N{NO-BREAK SPACE}cd4"),
])  # fmt: skip
def test_the_report_says_it_in_both_languages(came: Came, code: str, verdict: str, reason: str) -> None:
    html = page(came.batch, {}, code)
    assert html.count(f'class="verdict withhold">{verdict}<') > 3
    few = language(code).count(came.outcome(LOW).counts["cd4"])
    assert html.count(reason.format(few)) >= len(BELOW_CD4)
