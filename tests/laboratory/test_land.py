"""Numbers become answers, once, each with its file; what a person wrote stays."""

from dataclasses import replace

import pytest

from laboratory_trial import FORM, POINT, TAKEN, VALUES, Lab
from trialrun.tables.build import build


def test_numbers_become_answers_with_their_source(lab: Lab) -> None:
    numbers = lab.numbers()
    landed = lab.land(numbers)
    assert landed.done == {lab.id("PSL-001"): "entered"}
    assert landed.findings == ()
    said = lab.answers()
    assert (said["treg_percent"], said["cd25_intensity"], said["events_cd4"]) == (2.61, 3600, 61000)
    assert lab.trial.file(numbers.source["sha256"]) == b"FCS a"
    entry = next(e for e in lab.trial.store.chain("participant:PSL-001") if e.payload.get("form") == FORM)
    assert entry.payload["source"] == numbers.source
    assert (entry.role, entry.happened) == ("laboratory", "2008-03-03T09:00[Europe/Paris]")
    rows = build(lab.trial.protocol, lab.trial.facts())["CP"]
    assert set(rows["CPXFN"]) == {f"files/{numbers.source['sha256']}"}


def test_the_same_again_changes_nothing(lab: Lab) -> None:
    lab.land(lab.numbers())
    before = lab.entries()
    assert list(lab.land(lab.numbers()).done.values()) == ["unchanged"]
    assert lab.entries() == before


def test_what_is_not_estimable_is_unknown_until_it_is(lab: Lab) -> None:
    lab.land(lab.numbers(nk_count=None))
    assert lab.answers()["nk_count"] == {"missing": "unknown"}
    assert list(lab.land(lab.numbers(nk_count=None)).done.values()) == ["unchanged"]
    assert list(lab.land(lab.numbers(nk_count=141.0)).done.values()) == ["corrected"]
    assert lab.answers()["nk_count"] == 141


def test_a_number_is_not_lost_because_its_manifest_was_left_out(lab: Lab) -> None:
    lab.land(lab.numbers())
    landed = lab.land(lab.numbers(nk_count=None))
    assert [one.kind for one in landed.findings] == ["conflict"]
    assert "manifest left out" in landed.findings[0].message
    assert lab.answers()["nk_count"] == 140


def test_why_numbers_are_lost_is_asked_once(lab: Lab) -> None:
    lab.land(lab.numbers())
    (finding,) = lab.land(lab.numbers(nk_count=None, cd4_count=None)).findings
    assert finding.message.count("manifest left out") == finding.message.count("this very file") == 1
    assert "stands as 705" in finding.message and "stands as 140" in finding.message


def test_another_file_of_the_same_numbers_brings_no_answer_back(lab: Lab) -> None:
    lab.land(replace(lab.numbers(), others={"hours_since_injection": 3.0}))
    lab.take_back("hours_since_injection", reason="nobody looked")
    again = replace(lab.numbers(b"FCS b"), others={"hours_since_injection": 3.0})
    (finding,) = lab.land(again).findings
    assert finding.kind == "conflict" and "was taken back: nobody looked" in finding.message


def test_wells_count_where_both_files_tell_them_and_else_the_bytes(lab: Lab) -> None:
    """An entry that was made before there were wells knows the bytes of its file alone."""
    old = lab.numbers()
    new = replace(old, source={**old.source, "wells": "w"})
    other = replace(lab.numbers(b"FCS b"), source={**lab.numbers(b"FCS b").source, "wells": "w"})
    lab.land(old)
    lab.take_back("nk_count")
    filled = lab.trial.projection("PSL-001").filled[FORM, POINT]
    assert set(filled.taken_back(new.source)) == {"nk_count"} and not filled.taken_back(other.source)
    lab.land(new)
    assert not filled.taken_back(old.source)
    lab.take_back("nk_count")
    assert set(filled.taken_back(other.source)) == {"nk_count"}


def test_another_file_of_the_same_numbers_changes_nothing(lab: Lab) -> None:
    lab.land(lab.numbers())
    before = lab.entries()
    assert list(lab.land(lab.numbers(b"FCS b")).done.values()) == ["unchanged"]
    assert lab.entries() == before


def test_another_panel_corrects_and_says_why(lab: Lab) -> None:
    lab.land(lab.numbers())
    lab.source["panel"] = "9f8e"
    landed = lab.land(lab.numbers(treg_percent=2.8))
    assert list(landed.done.values()) == ["corrected"]
    last = [*lab.trial.store.chain("participant:PSL-001")][-1]
    assert [(c.item, c.old, c.new) for c in last.changes] == [("treg_percent", 2.61, 2.8)]
    assert "panel 1a2b → 9f8e" in str(last.changes[0].reason)
    assert last.payload["source"]["panel"] == "9f8e"
    lab.source["panel"] = "1a2b"  # and back: not the first entry's command again
    assert list(lab.land(lab.numbers()).done.values()) == ["corrected"]
    assert lab.answers()["treg_percent"] == 2.61


def by_hand(lab: Lab, **values: float) -> None:
    missing = dict.fromkeys([name for name in VALUES if name not in values], "unknown")
    lab.trial.enter("PSL-001", FORM, POINT, TAKEN, values, missing=missing, by="lab", key="hand")


def test_a_value_by_hand_is_a_conflict_and_nothing_of_the_file_lands(lab: Lab) -> None:
    by_hand(lab, treg_percent=3.1)
    before = lab.entries()
    landed = lab.land(lab.numbers())
    assert landed.done == {}
    (finding,) = landed.findings
    assert finding.kind == "conflict"
    assert "stands as 3.1 by hand (the file gives 2.61)" in finding.message
    assert lab.entries() == before
    assert lab.trial.projection("PSL-001").files == {}


def test_what_a_person_left_unknown_is_filled_and_what_the_panel_does_not_tell_stays(lab: Lab) -> None:
    by_hand(lab, treg_percent=3.1, hours_since_injection=2.5)
    numbers = lab.numbers()
    less = type(numbers)(numbers.name, numbers.content, {"nk_count": 140.0}, numbers.source)
    assert list(lab.land(less).done.values()) == ["corrected"]
    said = lab.answers()
    assert (said["nk_count"], said["treg_percent"], said["hours_since_injection"]) == (140, 3.1, 2.5)


def test_another_file_of_the_same_specimen_is_a_conflict(lab: Lab) -> None:
    lab.land(lab.numbers())
    landed = lab.land(lab.numbers(b"FCS b", treg_percent=9.0))
    assert [finding.kind for finding in landed.findings] == ["conflict"]
    assert "stands as 2.61 from another file, the file gives 9;" in landed.findings[0].message
    assert lab.answers()["treg_percent"] == 2.61


def test_what_the_record_refuses_is_listed_with_its_reason(lab: Lab) -> None:
    landed = lab.land(lab.numbers(treg_percent=140.0))
    assert landed.done == {}
    assert [finding.kind for finding in landed.findings] == ["refused"]
    assert "140 lies outside 0..100" in landed.findings[0].message


@pytest.mark.parametrize("others", [{"hours_since_injection": 3.5}])
def test_answers_that_come_with_the_file_stand_beside_its_numbers(lab: Lab, others: dict[str, float]) -> None:
    numbers = lab.numbers()
    lab.land(type(numbers)(numbers.name, numbers.content, numbers.values, numbers.source, others))
    assert lab.answers()["hours_since_injection"] == 3.5


def test_what_the_manifest_says_later_fills_what_was_open_and_never_replaces(lab: Lab) -> None:
    numbers = lab.numbers()
    lab.land(numbers)
    later = replace(numbers, others={"hours_since_injection": 3.0})
    assert list(lab.land(later).done.values()) == ["corrected"]
    assert lab.answers()["hours_since_injection"] == 3
    assert list(lab.land(later).done.values()) == ["unchanged"]
    other = replace(numbers, others={"hours_since_injection": 5.0})
    assert ["manifest says 5" in one.message for one in lab.land(other).findings] == [True]
    assert lab.answers()["hours_since_injection"] == 3
