"""What was known on a day, as a folder; and the ledger of who looked at it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from record_walk import PEOPLE, VITAL_SIGNS, SetClock, Walk, later

from trialrun.analysis import ard_file
from trialrun.analysis.ard import analyse_outputs
from trialrun.journal.clock import SystemClock
from trialrun.protocol.compile import load
from trialrun.protocol.problem import ProtocolError
from trialrun.protocol.protocol import Protocol
from trialrun.record.known import known, stand, today
from trialrun.record.look import Look
from trialrun.record.person import Person
from trialrun.record.refusal import Refused
from trialrun.record.trial import Trial
from trialrun.record.verify import verify
from trialrun.report.pack import NoPack
from trialrun.results.folder import SUMS, listed, names, planned
from trialrun.results.report import Asked
from trialrun.results.wanted import by_arm
from trialrun.tables import files
from trialrun.tables.build import build

ENDS = date(2008, 3, 21)


@pytest.fixture
def walk(protocol: Protocol) -> Walk:
    clock = SetClock()
    return Walk(Trial.in_memory(protocol, virtual=True, clock=clock, people=PEOPLE), clock)


# ---- any day ---------------------------------------------------------------------------------------


def test_a_day_is_known_later_as_it_was_known_then(walk: Walk) -> None:
    walk.begin()
    then = walk.trial.facts()
    walk.clock.set(later(1))
    walk.enter("vital_signs", "C1.D2", later(1), {**VITAL_SIGNS, "temperature": 37.9})
    walk.correct("demography", "SCR", {"age": 61})
    again = known(walk.trial, later(0).date()).facts
    for name in ("subjects", "values", "acts"):
        assert getattr(again, name).equals(getattr(then, name), null_equal=True), name
    now = known(walk.trial).facts
    assert now.values.equals(walk.trial.facts().values, null_equal=True)
    assert not now.values.equals(then.values, null_equal=True)


def test_what_is_written_down_late_is_known_late(walk: Walk) -> None:
    walk.begin()
    walk.clock.set(later(5))
    walk.enter("vital_signs", "C1.D2", later(1), {**VITAL_SIGNS, "temperature": 37.9})
    points = [set(known(walk.trial, later(d).date()).facts.values["point"]) for d in (1, 4, 5)]
    assert ["C1.D2" in one for one in points] == [False, False, True]


def test_a_day_ends_at_midnight_at_the_site(walk: Walk) -> None:
    """23:30 in Paris is 22:30 UTC; 22:30 UTC in summer is half past midnight there, the next day."""
    walk.begin()
    walk.clock.time = datetime.fromisoformat("2008-04-10T22:30:00+00:00")
    walk.enter("vital_signs", "C1.D2", later(1), VITAL_SIGNS)
    assert today(walk.trial) == date(2008, 4, 11)
    for day, there in ((date(2008, 4, 10), False), (date(2008, 4, 11), True)):
        assert ("C1.D2" in set(known(walk.trial, day).facts.values["point"])) is there


def test_a_day_without_a_record_is_refused(walk: Walk) -> None:
    walk.begin()
    with pytest.raises(Refused, match="the record begins on 2008-03-01: nothing was known on 2008-02-29"):
        known(walk.trial, date(2008, 2, 29))
    with pytest.raises(Refused, match="ends on 2008-03-17: what will be known on 2008-03-18 is not known"):
        known(walk.trial, date(2008, 3, 18))


def test_the_clock_of_a_virtual_trial_stands_at_its_last_entry(walk: Walk, protocol: Protocol) -> None:
    walk.begin()
    walk.trial.clock = SystemClock()
    stand(walk.trial)
    assert today(walk.trial) == date(2008, 3, 17)
    real = Trial.in_memory(protocol, virtual=False, people=PEOPLE)
    stand(real)
    assert isinstance(real.clock, SystemClock)
    with pytest.raises(Refused, match="today is"):
        known(real, today(real) + timedelta(days=1))


# ---- the folder ------------------------------------------------------------------------------------


def test_the_folder_holds_what_its_manifest_says(kept: Path, protocol: Protocol) -> None:
    results = kept / "reports" / "2008-03-21-report"
    manifest = json.loads((results / "manifest.json").read_text("utf-8"))
    assert manifest["outputs"] == ["14.1.1", "14.1.4", "16.2.7.1"]
    assert (manifest["as_of"], manifest["pack"], manifest["study"]) == ("2008-03-21", "report", "VASCU-IL2")
    assert (manifest["participants"], manifest["seed"], manifest["protocol"]) == ("virtual", 7, protocol.hash)
    ard = ard_file.load(results, protocol.outputs.planned)
    assert ard.hash == manifest["results"]
    assert set(listed(results)) == set(names(results))
    there = {path.name for path in results.iterdir()}
    assert there == {
        "manifest.json", "cells.csv", "rows.csv", "columns.json", "ars.json", "report.txt", "report.html",
        "tables", "study", SUMS,
    }  # fmt: skip
    assert load(results / "study").hash == protocol.hash
    assert files.read(results / "tables")["DM"].height == 1
    with_rows = ard.sources(ard.of("16.2.7.1")["cell"].drop_nulls()[-1])
    assert with_rows["SRC"].str.starts_with("participant:PSL-001#").all()


def test_the_same_day_gives_the_same_bytes_whatever_came_after(
    folder: Path, looking: Callable[..., Any], tmp_path: Path
) -> None:
    day, again = date(2008, 3, 18), tmp_path / "again"
    first = looking(day)
    trial = Trial.open(folder, clock := SetClock())
    walk = Walk(trial, clock, "PSL-001")
    clock.set(later(9))
    walk.trial.enter("PSL-001", "vital_signs", "C1.D8", later(7), VITAL_SIGNS, by="nils", key="more")
    trial.close()
    looking(day, key="again", folder=again)
    assert names(first.folder) == names(again)
    for name in [*names(again), SUMS]:
        assert (first.folder / name).read_bytes() == (again / name).read_bytes(), name


def test_the_numbers_are_those_of_the_day(walked: Path, protocol: Protocol) -> None:
    trial = Trial.open(walked)
    stand(trial)
    counts = []
    for day in (date(2008, 3, 2), date(2008, 3, 16), ENDS):
        tables = build(protocol, known(trial, day).facts)
        cells = analyse_outputs(tables, protocol.reported, protocol, ["14.1.1"]).cells
        found = dict(cells.filter(pl.col("statistic") == "n").select("analysis", "value").iter_rows())
        counts.append((found["screened"], found["dosed"]))
    trial.close()
    assert counts == [(0, 0), (1, 0), (1, 1)]


def test_it_is_whole_or_not_at_all(
    folder: Path, looking: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trialrun.results import folder as module

    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(module, "documents", broken)
    with pytest.raises(OSError, match="disk full"):
        looking()
    assert list((folder / "reports").iterdir()) == []
    assert looks(folder) == []


def test_a_folder_that_is_not_empty_is_refused(folder: Path, looking: Callable[..., Any]) -> None:
    with pytest.raises(ProtocolError, match="is there already and not empty"):
        looking(folder=folder / "study")
    assert looks(folder) == []


def test_a_study_that_plans_nothing_has_the_usual_outputs(protocol: Protocol) -> None:
    usual = replace(protocol, outputs=None)
    assert planned(usual, "report") == tuple(usual.reported.planned)
    assert set(planned(usual, "board")) < set(planned(usual, "report"))


def test_a_pack_that_is_not_planned_is_said(protocol: Protocol) -> None:
    with pytest.raises(NoPack, match="bord"):
        planned(replace(protocol, outputs=None), "bord")


def test_an_output_that_is_not_planned_is_said(looking: Callable[..., Any]) -> None:
    with pytest.raises(ProtocolError, match=r"there is no output `14\.99`"):
        looking(asked=Asked("report", ("en",), ("txt",), ("14.99",)))


# ---- the ledger ------------------------------------------------------------------------------------


def looks(folder: Path) -> list[Any]:
    trial = Trial.open(folder)
    try:
        return list(trial.looks())
    finally:
        trial.close()


def test_every_look_is_an_entry_that_names_the_folder_by_its_hash(
    folder: Path, looking: Callable[..., Any]
) -> None:
    from hashlib import sha256

    made = looking()
    looking(date(2008, 3, 4), key="other", by="anna")
    one, other = looks(folder)
    assert (one.user, one.name, one.role) == ("stat", "Sam Tistik", "statistician")
    assert one.time == "2008-03-21T11:00:00.000Z"
    assert (one.look.as_of, other.look.as_of, other.user) == ("2008-03-21", "2008-03-04", "anna")
    assert one.look.outputs == ("14.1.1", "14.1.4", "16.2.7.1")
    assert one.look.results == made.made.ard.hash
    assert one.look.sums == sha256((made.folder / SUMS).read_bytes()).hexdigest()
    assert verify(folder).findings == ()


def test_a_look_sent_twice_is_one_look(protocol: Protocol) -> None:
    trial = Trial.in_memory(protocol, people=PEOPLE)
    look = Look("report", "2008-03-21", ("14.1.1",), ("html",), ("en",), "0" * 64, "1" * 64)
    assert trial.look(look, by="anna", key="k") == trial.look(look, by="anna", key="k")
    assert len(trial.looks()) == 1
    with pytest.raises(Refused, match="already stands for"):
        trial.look(replace(look, as_of="2008-03-22"), by="anna", key="k")


@pytest.mark.parametrize(
    ("role", "packs"),
    [
        ("investigator", {"report", "board", "sponsor"}),
        ("statistician", {"report", "board", "sponsor"}),
        ("board", {"board"}),
        ("monitor", {"sponsor"}),
        ("data manager", {"sponsor"}),
        ("nurse", set()),
        ("laboratory", set()),
    ],
)
def test_who_may_look_at_what(protocol: Protocol, role: str, packs: set[str]) -> None:
    trial = Trial.in_memory(protocol, people=[Person("x", "X Y", role)])
    allowed = set()
    for pack in ("report", "board", "sponsor"):
        try:
            trial.may_look(pack, False, "x")
            allowed.add(pack)
        except Refused as refused:
            assert "this is for: " in refused.render()
    assert allowed == packs


def test_nobody_without_the_right_leaves_a_trace(folder: Path, looking: Callable[..., Any]) -> None:
    with pytest.raises(Refused, match="has no right to `look:report`"):
        looking(by="nils")
    assert not (folder / "reports").exists()
    assert looks(folder) == []


def test_results_by_arm_of_a_masked_real_trial_are_for_statistician_and_board(protocol: Protocol) -> None:
    people = [Person("inv", "I N", "investigator"), Person("stat", "S T", "statistician")]
    trial = Trial.in_memory(protocol, virtual=False, people=people)
    with pytest.raises(Refused, match=r"results by arm would unblind inv .*this is for: board, statistician"):
        trial.may_look("report", True, "inv")
    assert trial.may_look("report", True, "stat") == "statistician"
    assert trial.may_look("report", False, "inv") == "investigator"
    virtual = Trial.in_memory(protocol, virtual=True, people=people)
    assert virtual.may_look("report", True, "inv") == "investigator"


@pytest.mark.parametrize(
    ("masking", "keys", "unblinded"),
    [
        ("open", ["a", "b", "total"], False),
        ("double", ["all"], False),
        ("double", ["total"], False),
        ("double", ["a", "b", "total"], True),
        ("single", ["a", "b"], True),
    ],
)
def test_when_results_unblind(protocol: Protocol, masking: str, keys: list[str], unblinded: bool) -> None:
    from trialrun.analysis.outputs.grouping import EVERYONE, Column

    design = protocol.study.design.model_copy(update={"masking": masking})
    masked = replace(protocol, study=protocol.study.model_copy(update={"design": design}))
    assert by_arm(masked, {"1": [Column(key, EVERYONE, 3) for key in keys]}) is unblinded
