"""A batch comes in: what is matched and sound lands, the rest is listed with its reason."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from laboratory_trial import VALUES, Lab
from trialrun.laboratory.land import Landed
from trialrun.laboratory.match import File
from trialrun.laboratory.receive import Reception, Result

LABEL = "PSL-001.SCR.treg_blood"


def receive(lab: Lab, found: list[Result]) -> Landed:
    reception = Reception(lab.trial, lab.panel)
    reception.match([File(one.name, one.sha256, one.keywords, one.said or None) for one in found])
    return reception.receive(found, by="lab")


def result(folder: Path, label: str = LABEL, *failed: str, **said: str) -> Result:
    path = folder / f"{label}.fcs"
    path.write_bytes(label.encode())
    source = {"sha256": sha256(label.encode()).hexdigest(), "panel": "1a2b"}
    return Result(path, {"$SMNO": label}, {**VALUES, "naive_percent": 30.0}, source, failed, said)


def test_a_batch_lands_and_what_fits_nowhere_is_listed(lab: Lab, tmp_path: Path) -> None:
    other = "PSL-002.SCR.treg_blood"
    batch = [
        result(tmp_path),
        result(tmp_path, "PSL-003.SCR.treg_blood"),
        result(tmp_path, other, "too few: 900 events in cd4, at least 2000 are asked for"),
    ]
    landed = receive(lab, batch)
    assert landed.done == {LABEL: "entered"}
    assert [(one.kind, one.file) for one in landed.findings] == [
        ("unmatched", "PSL-003.SCR.treg_blood.fcs"),
        ("failed", f"{other}.fcs"),
    ]
    assert "900 events" in landed.findings[1].message
    assert lab.trial.projection("PSL-002").files == {}
    assert "naive_percent" not in lab.answers()
    again = receive(lab, batch)
    assert again.done == {LABEL: "unchanged"}


def test_a_file_that_fails_after_it_landed_says_where_its_numbers_stand(lab: Lab, tmp_path: Path) -> None:
    receive(lab, [result(tmp_path)])
    landed = receive(lab, [result(tmp_path, LABEL, "fresh: it was frozen")])
    (finding,) = landed.findings
    assert "numbers of PSL-001 at SCR still come from it" in finding.message
    assert "correct them to `unknown`" in str(finding.cure)


def test_a_manifest_answers_what_the_panel_does_not_fill(lab: Lab, tmp_path: Path) -> None:
    said = {"participant": "PSL-001", "timepoint": "SCR", "hours_since_injection": "2.5", "nk_count": "9"}
    receive(lab, [result(tmp_path, **said)])
    assert (lab.answers()["hours_since_injection"], lab.answers()["nk_count"]) == (2.5, 140)


def test_what_a_manifest_says_wrongly_is_refused_with_its_reason(lab: Lab, tmp_path: Path) -> None:
    said = {"participant": "PSL-001", "timepoint": "SCR", "hours_since_injection": "soon"}
    landed = receive(lab, [result(tmp_path, **said)])
    assert [one.kind for one in landed.findings] == ["refused"]
    assert "'soon' is not a number" in landed.findings[0].message


def test_a_file_that_changed_since_it_was_gated_is_listed(lab: Lab, tmp_path: Path) -> None:
    one = result(tmp_path)
    one.path.write_bytes(b"another")
    landed = receive(lab, [one])
    assert landed.done == {}
    assert "changed since it was gated" in landed.findings[0].message


def test_a_panel_of_no_specimen_cannot_come_in(lab: Lab) -> None:
    with pytest.raises(ValueError, match="write both"):
        Reception(lab.trial, lab.panel.model_copy(update={"form": None}))


def test_the_reason_for_which_a_file_is_accepted_stands_in_the_record(lab: Lab, tmp_path: Path) -> None:
    said = {"participant": "PSL-001", "timepoint": "SCR"}
    first = result(tmp_path, **said)
    receive(lab, [first])
    lab.take_back()
    before = lab.entries()
    landed = receive(lab, [first])
    assert [one.kind for one in landed.findings] == ["withdrawn"]
    assert (landed.done, lab.entries()) == ({}, before)
    accepted = replace(first, said=said | {"accept": "the tubes were found"})
    assert receive(lab, [accepted]).done == {LABEL: "corrected"}
    assert lab.answers()["nk_count"] == 140
    last = [*lab.trial.store.chain("participant:PSL-001")][-1]
    assert last.payload["source"]["accepted"] == "the tubes were found"
    assert str(last.changes[0].reason) == "computed from the attached file, accepted: the tubes were found"
    assert receive(lab, [first]).done == {LABEL: "unchanged"}


def test_an_answer_that_came_with_a_file_and_was_taken_back_is_not_filled_again(
    lab: Lab, tmp_path: Path
) -> None:
    said = {"participant": "PSL-001", "timepoint": "SCR", "hours_since_injection": "2.5"}
    receive(lab, [result(tmp_path, **said)])
    lab.take_back("hours_since_injection", reason="nobody looked at the clock")
    landed = receive(lab, [result(tmp_path, **said)])
    assert [one.kind for one in landed.findings] == ["conflict"]
    assert "was taken back: nobody looked at the clock (the manifest says 2.5)" in landed.findings[0].message
    del said["hours_since_injection"]
    assert receive(lab, [result(tmp_path, **said)]).done == {LABEL: "unchanged"}
