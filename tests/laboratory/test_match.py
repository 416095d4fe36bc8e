"""A file is matched by what names its specimen, or listed; it is never guessed."""

import pytest

from laboratory_trial import BLOOD, FORM, POINT, TAKEN, Lab, made
from trialrun.laboratory.match import File, match
from trialrun.laboratory.specimen import Specimen, specimens

ONE, TWO = "PSL-001.SCR.treg_blood", "PSL-002.SCR.treg_blood"


def file(name: str, label: str = "", said: dict[str, str] | None = None, sha256: str = "") -> File:
    return File(name, sha256 or name, {"$SMNO": label} if label else {}, said)


def test_the_record_knows_its_specimens(lab: Lab) -> None:
    assert sorted(specimens(lab.trial, BLOOD)) == [ONE, TWO]


def test_by_keyword_and_by_manifest(lab: Lab) -> None:
    said = {"participant": "PSL-002", "timepoint": POINT}
    found = match(lab.trial, BLOOD, [file("a", ONE), file("b", said=said)])
    assert {sha256: one.id for sha256, one in found.specimens.items()} == {"a": ONE, "b": TWO}
    assert found.findings == ()


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (file("a"), "has no $SMNO"),
        (file("a", said={}), "is not in the manifest"),
        (file("a", said={"participant": "PSL-001"}), "does not say of whom and when"),
        (
            file("a", "PSL-001.C9.D1.treg_blood"),
            "was taken → of PSL-001 it was taken at SCR",
        ),
        (file("a", "XYZ"), "no participant of this trial"),
        (file("a", ONE, {"participant": "PSL-002", "timepoint": POINT}), f"to be of {TWO} and of {ONE}"),
        (file("a", said={"specimen": ONE, "participant": "PSL-002", "timepoint": POINT}), "and of"),
        (file("a", said={"specimen": ONE, "participant": "PSL-002"}), "says participant PSL-002"),
        (file("a", said={"specimen": ONE, "timepoint": "W11"}), "says timepoint W11"),
    ],
)
def test_a_mismatch_is_listed_and_not_guessed(lab: Lab, one: File, message: str) -> None:
    found = match(lab.trial, BLOOD, [one])
    assert found.specimens == {}
    assert message in str(found.findings[0])
    assert [finding.kind for finding in found.findings] == ["unmatched"]


def test_a_file_that_says_to_be_of_somebody_else_is_listed(lab: Lab) -> None:
    found = match(lab.trial, BLOOD, [File("a", "a", {"$SMNO": ONE, "PARTICIPANT": "PSL-002"})])
    assert found.specimens == {}
    assert "says of itself that it is of PSL-002" in found.findings[0].message


def test_two_files_of_one_specimen_and_one_file_twice_are_listed(lab: Lab) -> None:
    found = match(lab.trial, BLOOD, [file("a", ONE), file("b", ONE), file("c", TWO)])
    assert list(found.specimens) == ["c"]
    assert [(finding.kind, finding.file) for finding in found.findings] == [
        ("duplicate", "a"),
        ("duplicate", "b"),
    ]
    found = match(lab.trial, BLOOD, [file("a", ONE, sha256="x"), file("b", TWO, sha256="x")])
    assert found.specimens == {}
    assert "has the same bytes as b" in str(found.findings[0])


def test_a_file_that_answers_for_another_participant_is_listed_until_its_numbers_are_taken_back(
    lab: Lab,
) -> None:
    numbers = lab.numbers()
    lab.land(numbers)
    again = file("a", TWO, sha256=numbers.source["sha256"])
    found = match(lab.trial, BLOOD, [again])
    assert "answers of PSL-001 at SCR come from it" in str(found.findings[0])
    missing = dict.fromkeys(numbers.values, "unknown")
    lab.trial.correct(
        "PSL-001", FORM, POINT, {}, missing=missing, reason="the tubes were mixed up", by="lab", key="x"
    )
    assert match(lab.trial, BLOOD, [again]).specimens[numbers.source["sha256"]].id == TWO
    assert lab.land(numbers, "PSL-002").done == {TWO: "entered"}


def test_a_file_that_was_simulated_for_another_trial_is_listed() -> None:
    lab = made(seed=1)
    simulated = {"VIRTUAL": "simulated", "$SMNO": ONE, "VIRTUAL SEED": "2"}
    found = match(lab.trial, BLOOD, [File("a", "a", simulated)])
    assert found.specimens == {}
    assert "for a trial of seed 2, and this is one of seed 1" in str(found.findings[0])


def test_a_real_trial_takes_no_simulated_file() -> None:
    lab = made(virtual=False)
    virtual = File("a", "a", {"VIRTUAL": "simulated", "$SMNO": ONE})
    found = match(lab.trial, BLOOD, [virtual, file("b", ONE)])
    assert [finding.kind for finding in found.findings] == ["virtual"]
    assert list(found.specimens) == ["b"]


def test_a_file_that_answers_for_another_visit_is_listed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = lab.numbers()
    lab.land(numbers)
    later = Specimen("PSL-001", BLOOD, "W11", TAKEN)
    monkeypatch.setattr(
        "trialrun.laboratory.match.specimens", lambda *_: {**specimens(lab.trial, BLOOD), later.id: later}
    )
    one = file("a", later.id, sha256=numbers.source["sha256"])
    assert "answers of PSL-001 at SCR come from it" in str(match(lab.trial, BLOOD, [one]).findings[0])
    missing = dict.fromkeys(numbers.values, "unknown")
    lab.trial.correct("PSL-001", FORM, POINT, {}, missing=missing, reason="wrong visit", by="lab", key="x")
    assert match(lab.trial, BLOOD, [one]).specimens == {one.sha256: later}
