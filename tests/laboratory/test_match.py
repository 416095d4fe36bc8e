"""A file is matched by what names its specimen, or listed; it is never guessed."""

from dataclasses import replace

import pytest

from laboratory_trial import BLOOD, POINT, TAKEN, Lab, made
from trialrun.laboratory.match import File, match
from trialrun.laboratory.specimen import Specimen, specimens

ONE, TWO = "PSL-001.SCR.treg_blood", "PSL-002.SCR.treg_blood"


def file(name: str, label: str = "", said: dict[str, str] | None = None, sha256: str = "") -> File:
    return File(name, sha256 or name, {"$SMNO": label} if label else {}, said)


def test_the_record_knows_its_specimens(lab: Lab) -> None:
    assert sorted(specimens(lab.trial, BLOOD)) == [ONE, TWO]


def test_by_keyword_and_by_manifest(lab: Lab) -> None:
    said = {"participant": "PSL-002", "timepoint": POINT}
    found = match(lab.trial, lab.panel, [file("a", ONE), file("b", said=said)])
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
    ],
)
def test_a_file_that_nothing_places_is_listed_and_not_guessed(lab: Lab, one: File, message: str) -> None:
    found = match(lab.trial, lab.panel, [one])
    assert found.specimens == {}
    assert message in str(found.findings[0])
    assert [finding.kind for finding in found.findings] == ["unmatched"]


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (file("a", ONE, {"participant": "PSL-002", "timepoint": POINT}), f"to be of {TWO} and of {ONE}"),
        (file("a", said={"specimen": ONE, "participant": "PSL-002", "timepoint": POINT}), "and of"),
        (file("a", said={"specimen": ONE, "participant": "PSL-002"}), "says participant PSL-002"),
        (file("a", said={"specimen": ONE, "timepoint": "W11"}), "says timepoint W11"),
    ],
)
def test_a_contradiction_is_listed_and_not_resolved(lab: Lab, one: File, message: str) -> None:
    found = match(lab.trial, lab.panel, [one])
    assert found.specimens == {}
    assert message in str(found.findings[0])
    assert [finding.kind for finding in found.findings] == ["contradiction"]


SAID = {"participant": "PSL-001", "timepoint": POINT}
NAMED = [
    ("PARTICIPANT", "PSL-002", True),
    ("PARTICIPANT", "PSL-009", True),
    ("PARTICIPANT", "psl 001", False),
    ("PATIENT ID", "PSL-002", True),
    ("PATIENT ID", "psl002", True),
    ("PATIENT ID", "PSL-001", False),
    ("PATIENT ID", "8014432", False),
    ("PATIENT ID", "PSL-0011", True),
    ("PATIENT ID", "PSL-009", True),
    ("PATIENT ID", "psl_9 / 8014432", True),
    ("PATIENT ID", "PSL-001, PSL-002", True),
    ("PATIENT ID", "PSL-1", False),
    ("PATIENT ID", "PSL-0001", False),
    ("PATIENT ID", "PSL001 / 8014432", False),
    ("PATIENT ID", "APSL-002", False),
    ("PATIENT ID", "PSL", False),
]


@pytest.mark.parametrize("said", [None, SAID])
@pytest.mark.parametrize(("keyword", "value", "contradicts"), NAMED)
def test_a_keyword_that_names_another_participant_contradicts_and_a_hospitals_number_does_not(
    lab: Lab, said: dict[str, str] | None, keyword: str, value: str, contradicts: bool
) -> None:
    found = match(lab.trial, lab.panel, [File("a", "a", {"$SMNO": ONE, keyword: value}, said)])
    assert len(found.specimens) == (not contradicts)
    assert [one.kind for one in found.findings] == ["contradiction"] * contradicts
    assert not contradicts or f"its keyword {keyword} says {value}" in found.findings[0].message


LABELS = [
    ("Tube 1", False),
    ("01", False),
    ("SCR", False),
    ("psl 001 scr TREG-BLOOD", False),
    (TWO, True),
    ("psl002/scr/treg_blood", True),
    ("PSL-001.W11.treg_blood", True),
    ("PSL-001.SCR.pbmc", True),
    ("PSL-002.C9.D1.treg_blood", True),
    ("Tube 1 (PSL 002)", True),
    ("PSL-0021", False),
]


@pytest.mark.parametrize(("label", "contradicts"), LABELS)
def test_a_label_that_names_another_specimen_contradicts_its_row_and_one_of_the_sites_own_does_not(
    lab: Lab, label: str, contradicts: bool
) -> None:
    for said in (SAID, {"specimen": ONE}):
        found = match(lab.trial, lab.panel, [file("a", label, said)])
        assert len(found.specimens) == (not contradicts)
        assert [one.kind for one in found.findings] == ["contradiction"] * contradicts
        assert not contradicts or f"and of {label}" in found.findings[0].message


def test_a_label_of_the_sites_own_names_no_specimen_without_a_manifest(lab: Lab) -> None:
    (finding,) = match(lab.trial, lab.panel, [file("a", "Tube 1")]).findings
    assert finding.kind == "unmatched"


def test_a_row_is_accepted_with_a_reason_against_the_files_own_keywords(lab: Lab) -> None:
    keywords = {"$SMNO": TWO, "PATIENT ID": "PSL-002"}
    accept = {"accept": "the name of the tube before was left in the software"}
    assert match(lab.trial, lab.panel, [File("a", "a", keywords, SAID)]).specimens == {}
    assert match(lab.trial, lab.panel, [File("a", "a", keywords, SAID | accept)]).specimens["a"].id == ONE
    odd = SAID | accept | {"specimen": TWO}
    assert match(lab.trial, lab.panel, [File("a", "a", keywords, odd)]).specimens == {}


def test_a_file_that_was_withdrawn_is_listed_until_it_is_accepted_for_a_reason(lab: Lab) -> None:
    numbers = lab.numbers()
    lab.land(numbers)
    sha256 = numbers.source["sha256"]
    lab.take_back(reason="a bad tube", by="anna")
    (finding,) = match(lab.trial, lab.panel, [File("a", sha256, {}, SAID)]).findings
    assert (finding.kind, finding.file) == ("withdrawn", "a")
    assert f"it was withdrawn from {ONE} by Anna Berg because: a bad tube" in finding.message
    assert "`accept`" in finding.cure
    other = File("b", "b", {}, SAID)  # the tube that was stained again
    assert list(match(lab.trial, lab.panel, [File("a", sha256, {}, SAID), other]).specimens) == ["b"]
    accepted = File("a", sha256, {}, SAID | {"accept": "looked at again"})
    assert list(match(lab.trial, lab.panel, [accepted]).specimens) == [sha256]


def test_what_was_accepted_once_is_not_accepted_again_after_it_was_withdrawn(lab: Lab) -> None:
    numbers = lab.numbers()
    again = "looked at again"
    lab.land(replace(numbers, source={**numbers.source, "accepted": again}))
    lab.take_back()
    one = File("a", numbers.source["sha256"], {}, SAID | {"accept": again})
    (finding,) = match(lab.trial, lab.panel, [one]).findings
    assert finding.kind == "withdrawn" and "for another reason" in finding.cure
    other = replace(one, said=SAID | {"accept": "the tubes were found"})
    assert len(match(lab.trial, lab.panel, [other]).specimens) == 1


@pytest.mark.parametrize(
    ("again", "other"),
    [
        ("photo kept", False),
        ("Photo  kept.", False),
        ("photo-kept!", False),
        ("photokept", False),
        ("photo kept twice", True),
    ],
)
def test_a_reason_in_other_signs_is_no_other_reason(lab: Lab, again: str, other: bool) -> None:
    numbers = lab.numbers()
    lab.land(replace(numbers, source={**numbers.source, "accepted": "photo kept"}))
    lab.take_back()
    one = File("a", numbers.source["sha256"], {}, SAID | {"accept": again})
    assert [found.kind for found in match(lab.trial, lab.panel, [one]).findings] == ["withdrawn"] * (
        not other
    )


def test_signs_alone_are_no_reason() -> None:
    assert File("a", "a", {}, {"accept": " -- "}).accepted is None
    assert File("a", "a", {}, {"accept": " déjà vu "}).accepted == "déjà vu"


def test_no_reason_serves_twice_whichever_number_it_was_for(lab: Lab) -> None:
    numbers = lab.numbers()
    lab.land(numbers)
    for item, accept in (("nk_count", "clumps were counted"), ("treg_percent", "the gate was looked at")):
        lab.take_back(item)
        lab.land(replace(numbers, source={**numbers.source, "accepted": accept}))
    lab.take_back("cd4_count")
    for accept, kinds in (("clumps were counted", ["withdrawn"]), ("a third reason", [])):
        one = File("a", numbers.source["sha256"], {}, SAID | {"accept": accept})
        assert [finding.kind for finding in match(lab.trial, lab.panel, [one]).findings] == kinds


def test_one_number_taken_back_withdraws_the_file_and_an_answer_that_came_beside_it_does_not(
    lab: Lab,
) -> None:
    numbers = replace(lab.numbers(), others={"hours_since_injection": 3.0})
    lab.land(numbers)
    one = File("a", numbers.source["sha256"], {}, SAID)
    lab.take_back("hours_since_injection")
    assert match(lab.trial, lab.panel, [one]).findings == ()
    lab.take_back("nk_count", reason="clumps")
    (finding,) = match(lab.trial, lab.panel, [one]).findings
    assert "withdrawn in part" in finding.message and "because: clumps" in finding.message


def test_two_files_of_one_specimen_and_one_file_twice_are_listed(lab: Lab) -> None:
    found = match(lab.trial, lab.panel, [file("a", ONE), file("b", ONE), file("c", TWO)])
    assert list(found.specimens) == ["c"]
    assert [(finding.kind, finding.file) for finding in found.findings] == [
        ("duplicate", "a"),
        ("duplicate", "b"),
    ]
    found = match(lab.trial, lab.panel, [file("a", ONE, sha256="x"), file("b", TWO, sha256="x")])
    assert found.specimens == {}
    assert "has the same bytes as b" in str(found.findings[0])


def test_a_file_that_answers_for_another_participant_is_listed_until_its_numbers_are_taken_back(
    lab: Lab,
) -> None:
    numbers = lab.numbers()
    lab.land(numbers)
    again = file("a", TWO, sha256=numbers.source["sha256"])
    found = match(lab.trial, lab.panel, [again])
    assert "answers of PSL-001 at SCR come from it" in str(found.findings[0])
    lab.take_back()
    assert match(lab.trial, lab.panel, [again]).specimens[numbers.source["sha256"]].id == TWO
    assert lab.land(numbers, "PSL-002").done == {TWO: "entered"}


def test_a_file_that_was_simulated_for_another_trial_is_listed() -> None:
    lab = made(seed=1)
    simulated = {"VIRTUAL": "simulated", "$SMNO": ONE, "VIRTUAL SEED": "2"}
    found = match(lab.trial, lab.panel, [File("a", "a", simulated)])
    assert found.specimens == {}
    assert "for a trial of seed 2, and this is one of seed 1" in str(found.findings[0])


def test_a_real_trial_takes_no_simulated_file() -> None:
    lab = made(virtual=False)
    virtual = File("a", "a", {"VIRTUAL": "simulated", "$SMNO": ONE})
    found = match(lab.trial, lab.panel, [virtual, file("b", ONE)])
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
    assert "answers of PSL-001 at SCR come from it" in str(match(lab.trial, lab.panel, [one]).findings[0])
    lab.take_back()
    assert match(lab.trial, lab.panel, [one]).specimens == {one.sha256: later}
