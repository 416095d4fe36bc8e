"""A plate comes in: each visit to its specimen, judged by the study; what does not fit is listed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from laboratory_trial import POINT, STAFF, TAKEN, Noon
from trialrun.cytometry.response import coculture
from trialrun.cytometry.response.elispot import Assay, Rule, Wells
from trialrun.cytometry.response.plate import read
from trialrun.laboratory.land import Landed
from trialrun.laboratory.plate import bring, digest
from trialrun.protocol.assay import Validity
from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol
from trialrun.record.trial import Trial
from trialrun.tables.build import build

SPOTS = {"core": 8, "NS3 pool": 31, "NS4": 3, "NS5": 20, "DMSO": 4, "PHA": 200}
NAMES = ("core", "ns3", "ns4", "ns5", "background", "total_net", "viability")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    """The reference study with the assay at screening as well."""
    reference = load("vascu_il2")
    folder = tmp_path_factory.mktemp("study")
    for name, text in reference.files.items():
        if name == "study.yaml":
            planned = "forms: [elispot], at: [C1.D1,"
            assert text.count(planned) == 1
            text = text.replace(planned, "forms: [elispot], at: [SCR, C1.D1,")
        (folder / name).write_text(text, "utf-8")
    return load(folder)


@pytest.fixture
def trial(study: Protocol) -> Trial:
    trial = Trial.in_memory(study, virtual=True, clock=Noon(), people=STAFF)
    consent = {"signed": True, "version": "1.0", "biobank": True, "genetic": False}
    for number in (1, 2):
        subject = trial.enrol("PSL", by="anna", key=f"enrol {number}")
        trial.enter(subject, "consent", POINT, TAKEN, consent, by="anna", key="consent")
        trial.collect(subject, "pbmc", POINT, TAKEN, by="nils", key="pbmc")
    return trial


def wells(
    participant: str, visit: str = "SCR", plate: str = "P1", viability: str = "90", **spots: Any
) -> str:
    """Lines of six wells without antigen and three of each stimulus; names with _ for a blank."""
    said = SPOTS | {name.replace("_", " "): count for name, count in spots.items()}
    counts = {name: count for name, count in said.items() if count is not None}
    lines, number = [], -1
    for name, count in counts.items():
        for k in range(6 if name == "DMSO" else 3):
            number += 1
            row, column = "ABCDEFGH"[2 * (int(participant[-1]) % 3) + number // 12], number % 12 + 1
            shown = count if isinstance(count, str) else count + k % 2
            lines.append(f"{plate},{row}{column},{participant},{visit},{name},{shown},200000,{viability}")
    return "\n".join(lines) + "\n"


def brought(trial: Trial, folder: Path, *parts: str) -> Landed:
    path = folder / "plate.csv"
    head = "plate,well,participant,visit,stimulus,spots,cells,viability\n"
    path.write_text(head + "".join(parts), "utf-8")
    return bring(trial, "specific_cells", path, read(path).found, by="lab")


def answers(trial: Trial, subject: str = "PSL-001") -> dict[str, Any]:
    return dict(trial.projection(subject).filled["elispot", POINT].contents())


def test_a_valid_assay_answers_the_form_of_its_visit(trial: Trial, tmp_path: Path) -> None:
    landed = brought(trial, tmp_path, wells("PSL-001"))
    assert landed.done == {"PSL-001.SCR.pbmc": "entered"} and landed.findings == ()
    # 8, 9, 8 spots in 200,000 cells are 41.67 per million; the background, 4.5, is 22.5; NS4 is below it
    assert answers(trial) == {
        "core": 42, "ns3": 157, "ns4": 17, "ns5": 102, "background": 22, "viability": 90,
        "total_net": 232,  # 19.17 + 134.17 + 79.17, and nothing for NS4
    }  # fmt: skip
    rows = build(trial.protocol, trial.facts())["IS"]
    assert set(rows["ISTESTCD"]) >= {"SFCCORE", "SFCBACK", "HCVSPOT"}
    entry = list(trial.store.chain("participant:PSL-001"))[-1]
    assert entry.role == "laboratory"
    source = entry.payload["source"]
    assert isinstance(source, dict) and set(source) == {"sha256", "wells", "panel", "engine", "version"}
    assert trial.file(str(source["sha256"])).startswith(b"plate,well")


def test_the_same_plate_again_changes_nothing(trial: Trial, tmp_path: Path) -> None:
    parts = wells("PSL-001"), wells("PSL-002")
    assert set(brought(trial, tmp_path, *parts).done.values()) == {"entered"}
    before = [trial.projection(one).sequence for one in trial.subjects()]
    assert set(brought(trial, tmp_path, *parts).done.values()) == {"unchanged"}
    assert [trial.projection(one).sequence for one in trial.subjects()] == before


@pytest.mark.parametrize(
    ("participant", "visit", "message", "cure"),
    [
        ("PSL-009", "SCR", "nobody here is called `PSL-009`", "correct the plate's file"),
        ("PSL-001", "W11", "no pbmc of PSL-001 was taken at `W11`", "it was taken at SCR"),
    ],
)
def test_who_cannot_be_matched_is_listed(
    trial: Trial, tmp_path: Path, participant: str, visit: str, message: str, cure: str
) -> None:
    landed = brought(trial, tmp_path, wells(participant, visit), wells("PSL-002"))
    assert landed.done == {"PSL-002.SCR.pbmc": "entered"}
    (one,) = landed.findings
    assert (one.kind, one.message) == ("unmatched", message) and cure in one.cure
    assert participant in one.file and "plate P1" in one.file


def test_names_that_case_or_doubled_blanks_part_are_one(trial: Trial, tmp_path: Path) -> None:
    landed = brought(trial, tmp_path, wells("psl-001", "scr", NS3_pool=None, **{"ns3  POOL": 31}))
    assert landed.done == {"PSL-001.SCR.pbmc": "entered"}
    assert answers(trial)["ns3"] == 157


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"viability": "70"}, "viability 70 %, below 80 %"),
        ({"viability": ""}, "viability is not known"),
        ({"PHA": None}, "no well with the positive control PHA"),
        ({"PHA": 5}, "positive control PHA does not respond"),
        ({"DMSO": None}, "no control well"),
    ],
)
def test_what_is_not_valid_does_not_land(
    trial: Trial, tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    landed = brought(trial, tmp_path, wells("PSL-001", **changed))
    assert landed.done == {}
    (one,) = landed.findings
    assert one.kind == "failed" and message in one.message
    assert ("elispot", POINT) not in trial.projection("PSL-001").filled


@pytest.mark.parametrize(
    ("changed", "lost", "message"),
    [
        ({"NS5": None}, ("ns5", "total_net"), "no well with ns5; without a number: ns5, total_net"),
        ({"NS5": "TNTC"}, ("ns5", "total_net"), "ns5: every well is too numerous"),
        (
            {"core": "lost"},
            ("core", "total_net"),
            "core: 3 of 3 wells lost; without a number: core, total_net",
        ),
    ],
)
def test_a_number_that_there_is_not_is_unknown_and_told(
    trial: Trial, tmp_path: Path, changed: dict[str, Any], lost: tuple[str, ...], message: str
) -> None:
    landed = brought(trial, tmp_path, wells("PSL-001", **changed))
    assert list(landed.done.values()) == ["entered"]
    assert [one.kind for one in landed.findings] == ["unknown"]
    assert landed.findings[0].message.startswith(message)
    said = answers(trial)
    assert {name for name in NAMES if said[name] == {"missing": "unknown"}} == set(lost)


def test_an_antigen_that_the_study_has_not_moves_no_number(trial: Trial, tmp_path: Path) -> None:
    landed = brought(trial, tmp_path, wells("PSL-001", flu=90), wells("PSL-002"))
    assert landed.findings == ()
    assert [(one.kind, one.message) for one in landed.notes] == [("unread", "flu: no antigen of the assay")]
    assert answers(trial) == answers(trial, "PSL-002")


def test_a_control_that_need_not_respond_makes_nothing_invalid(trial: Trial, tmp_path: Path) -> None:
    """CEF is on the plate, and few of the people have cells against it; the study asks for PHA alone."""
    landed = brought(trial, tmp_path, wells("PSL-001", CEF=4))
    assert landed.done == {"PSL-001.SCR.pbmc": "entered"} and landed.findings == ()


@pytest.mark.parametrize(
    ("fewer", "message"),
    [
        ("NS4", "2 wells with ns4, at least 3 are asked for; without a number: ns4, total_net"),
        ("DMSO", "2 wells with background, at least 3 are asked for"),
    ],
)
def test_too_few_wells_give_no_number(trial: Trial, tmp_path: Path, fewer: str, message: str) -> None:
    """Two are enough for a test, and the study asks for triplicates."""
    lines = wells("PSL-001").splitlines()
    there = [line for line in lines if f",{fewer}," in line]
    kept = [line for line in lines if line not in there[2:]]
    landed = brought(trial, tmp_path, "\n".join(kept) + "\n")
    assert [one.message for one in landed.findings] == [message]


def test_two_names_of_one_antigen_on_a_plate_wait_for_a_person(trial: Trial, tmp_path: Path) -> None:
    landed = brought(trial, tmp_path, wells("PSL-001", core_pool=90))
    assert landed.done == {}
    assert "`core` and `core pool` are both the antigen core" in landed.findings[0].message


def test_a_visit_on_two_plates_waits_for_a_person(trial: Trial, tmp_path: Path) -> None:
    landed = brought(trial, tmp_path, wells("PSL-001"), wells("PSL-001", plate="P2"), wells("PSL-002"))
    assert landed.done == {"PSL-002.SCR.pbmc": "entered"}
    assert [one.kind for one in landed.findings] == ["duplicate", "duplicate"]


def test_what_a_person_wrote_stays_and_what_one_took_back_stays_out(trial: Trial, tmp_path: Path) -> None:
    brought(trial, tmp_path, wells("PSL-001"))
    missing = dict.fromkeys(NAMES, "unknown")
    trial.correct(
        "PSL-001", "elispot", POINT, {}, missing=missing, reason="plate mixed up", by="anna", key="back"
    )
    landed = brought(trial, tmp_path, wells("PSL-001"))
    assert landed.done == {} and landed.findings[0].kind == "withdrawn"
    assert "by Anna Berg because: plate mixed up" in landed.findings[0].message
    landed = brought(trial, tmp_path, wells("PSL-001", core=9))  # another file
    assert list(landed.done.values()) == ["corrected"] and answers(trial)["core"] == 47
    trial.correct("PSL-001", "elispot", POINT, {"core": 50}, reason="read again", by="anna", key="hand")
    landed = brought(trial, tmp_path, wells("PSL-001", core=9))
    assert landed.done == {} and landed.findings[0].kind in ("conflict", "withdrawn")
    assert answers(trial)["core"] == 50


def test_times_are_those_of_the_blood(trial: Trial, tmp_path: Path) -> None:
    brought(trial, tmp_path, wells("PSL-001"))
    entry = list(trial.store.chain("participant:PSL-001"))[-1]
    assert datetime.fromisoformat(str(entry.happened).partition("[")[0]) == TAKEN


def curves(trial: Trial, folder: Path, *lines: str) -> Landed:
    path = folder / "curves.csv"
    path.write_text("participant,visit,ratio,divided\n" + "\n".join(lines), "utf-8")
    return bring(trial, "suppression", path, coculture.read(path).found, by="lab")


def test_a_curve_answers_with_the_suppression_at_its_ratio(trial: Trial, tmp_path: Path) -> None:
    """60 % divide alone and 15 % at 1:1: three quarters are suppressed."""
    first = [f"PSL-001,SCR,{ratio},{value}" for ratio, value in (("alone", 60), ("1:1", 15), ("1:4", 45))]
    second = [f"PSL-002,SCR,{ratio},{value}" for ratio, value in (("alone", 60), ("1:2", 30))]
    landed = curves(trial, tmp_path, *first, *second, "PSL-001,W11,alone,60", "PSL-001,W11,1:1,30")
    assert set(landed.done) == {"PSL-001.SCR.pbmc", "PSL-002.SCR.pbmc"}
    filled = {one: trial.projection(one).filled["suppression", POINT].contents() for one in trial.subjects()}
    assert filled["PSL-001"]["percent"] == 75
    assert filled["PSL-002"]["percent"] == {"missing": "unknown"}  # it is not read off between 1:2 and none
    assert sorted((one.kind, one.message) for one in landed.findings) == [
        ("unknown", "no well at 1:1; without a number: percent"),
        ("unmatched", "no pbmc of PSL-001 was taken at `W11`"),
    ]


def test_responders_that_do_not_divide_tell_nothing(trial: Trial, tmp_path: Path) -> None:
    landed = curves(trial, tmp_path, "PSL-001,SCR,alone,4", "PSL-001,SCR,1:1,1")
    assert landed.done == {}
    assert landed.findings[0].kind == "failed" and "divide too little" in landed.findings[0].message


def take_back(trial: Trial, *items: str, reason: str = "plate mixed up") -> None:
    missing = dict.fromkeys(items or NAMES, "unknown")
    trial.correct("PSL-001", "elispot", POINT, {}, missing=missing, reason=reason, by="anna", key=reason)


AGAIN = {
    "a newline more": lambda text: text + "\n",
    "another visit below": lambda text: text + wells("PSL-002"),
    "its lines in another order": lambda text: "".join(reversed(text.splitlines(keepends=True))),
    "names in capitals": lambda text: text.upper(),
}


@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN)
def test_a_file_that_is_written_again_has_the_same_wells(
    trial: Trial, tmp_path: Path, again: Callable[[str], str]
) -> None:
    text = wells("PSL-001")
    brought(trial, tmp_path, text)
    before = trial.projection("PSL-001").sequence
    landed = brought(trial, tmp_path, again(text))
    assert landed.done["PSL-001.SCR.pbmc"] == "unchanged" and landed.findings == ()
    assert trial.projection("PSL-001").sequence == before
    take_back(trial, "core")
    landed = brought(trial, tmp_path, again(text))
    assert "PSL-001.SCR.pbmc" not in landed.done
    assert [one.kind for one in landed.findings] == ["withdrawn"]
    assert "withdrawn in part" in landed.findings[0].message
    assert answers(trial)["core"] == {"missing": "unknown"}


ONE = Assay(
    "PSL-001", "SCR", "P1", {"core": Wells((8, 9), (300, None), 1)}, Wells((4, 5)), {"PHA": Wells((200,))}, 90
)
CURVE = coculture.Coculture("PSL-001", "SCR", "", "divided", {1.0: (15.5, None), 0.0: (60.0, 61.0)})
OTHERS = [
    replace(ONE, participant="PSL-002"),
    replace(ONE, visit="W11"),
    replace(ONE, plate="P2"),
    replace(ONE, viability=91),
    replace(ONE, viability=None),
    replace(ONE, controls=Wells((4, 6))),
    replace(ONE, positive_controls={}),
    replace(ONE, positive_controls={"CEF": Wells((200,))}),
    *(
        replace(ONE, antigens={name: its})
        for name, its in (
            ("ns3", ONE.antigens["core"]),
            ("core", Wells((8, 10), (300, None), 1)),
            ("core", Wells((8, 9), (301, None), 1)),
            ("core", Wells((8, 9), (300,), 1)),
            ("core", Wells((8, 9), (300, None), 2)),
            ("core", Wells((8, 9), (300, None), 1, 100_000)),
        )
    ),
    CURVE,
    replace(CURVE, measure="division_index"),
    replace(CURVE, wells={1.0: (15.5,), 0.0: (60.0, 61.0)}),
    replace(CURVE, wells={0.5: (15.5, None), 0.0: (60.0, 61.0)}),
]


def test_whatever_differs_in_its_wells_makes_another_visit() -> None:
    assert len({digest(one) for one in (ONE, *OTHERS)}) == 1 + len(OTHERS)
    again = {"core": Wells((9, 8), (None, 300), 1, 200_000.0)}
    assert digest(replace(ONE, participant="psl-001", viability=90.0, antigens=again)) == digest(ONE)
    assert digest(replace(CURVE, wells={0.0: (61.0, 60.0), 1.0: (None, 15.5)})) == digest(CURVE)


def test_the_hash_of_wells_stays_as_it_is() -> None:
    """Whoever changes it brings back what people have taken back."""
    assert digest(ONE) == "c086a750f16841114c4b2b565502ee2c0b1dec70dbb1f4fb07a953c57c90df3a"
    assert digest(CURVE) == "05333d6ae81dac7bea83b264e9904409c5ddd5dbfda5d3b3ace6865d4c3c02e6"


def test_other_wells_are_a_conflict_that_shows_both_numbers(trial: Trial, tmp_path: Path) -> None:
    brought(trial, tmp_path, wells("PSL-001"))
    (finding,) = brought(trial, tmp_path, wells("PSL-001", core=9)).findings
    assert finding.kind == "conflict"
    assert "stands as 42 from another file, the file gives 47;" in finding.message
    assert "; the other file is " in finding.message
    assert "NS3" not in finding.message  # of which both say the same
    assert answers(trial)["core"] == 42


def test_other_wells_of_the_same_numbers_change_nothing(trial: Trial, tmp_path: Path) -> None:
    brought(trial, tmp_path, wells("PSL-001"))
    landed = brought(trial, tmp_path, wells("PSL-001", plate="P7"))
    assert list(landed.done.values()) == ["unchanged"] and landed.findings == ()


def test_a_mended_file_fills_what_its_first_did_not_give(trial: Trial, tmp_path: Path) -> None:
    brought(trial, tmp_path, wells("PSL-001", NS5=None))
    landed = brought(trial, tmp_path, wells("PSL-001"))
    assert list(landed.done.values()) == ["corrected"] and landed.findings == ()
    assert (answers(trial)["ns5"], answers(trial)["total_net"]) == (102, 232)
    cells = trial.projection("PSL-001").filled["elispot", POINT].cells
    sources = [cells[name].source for name in ("core", "ns5")]
    assert None not in sources and sources[0] != sources[1]


def test_what_was_taken_back_does_not_come_back_with_other_wells_of_the_same_numbers(
    trial: Trial, tmp_path: Path
) -> None:
    brought(trial, tmp_path, wells("PSL-001"))
    take_back(trial, "core")
    landed = brought(trial, tmp_path, wells("PSL-001", plate="P7"))
    assert landed.done == {}
    (finding,) = landed.findings
    assert (
        finding.kind == "conflict" and "was taken back: plate mixed up (the file gives 42)" in finding.message
    )


def test_what_a_first_file_did_not_know_is_no_obstacle_once_its_numbers_are_taken_back(
    trial: Trial, tmp_path: Path
) -> None:
    brought(trial, tmp_path, wells("PSL-001", NS5=None))
    take_back(trial, *(name for name in NAMES if name not in ("ns5", "total_net")))
    landed = brought(trial, tmp_path, wells("PSL-001", core=9))
    assert list(landed.done.values()) == ["corrected"] and answers(trial)["core"] == 47


def test_what_does_not_land_tells_nothing_of_unknown_numbers(trial: Trial, tmp_path: Path) -> None:
    brought(trial, tmp_path, wells("PSL-001"))
    landed = brought(trial, tmp_path, wells("PSL-001", core=9, NS5=None, flu=9))
    assert landed.done == {} and landed.notes == ()
    assert [one.kind for one in landed.findings] == ["conflict"]


def test_a_study_that_says_nothing_of_validity_has_the_rule_of_the_command() -> None:
    valid, rule = Validity(), Rule()
    assert (valid.viability, valid.net, valid.fold) == (rule.viability, rule.minimum_net, rule.fold)
