"""The same virtual people through the record's commands and straight into columns: nothing may differ.

About 200 people, most of them under stress: a variant of the study in which everything rare is frequent.
"""

import copy
import datetime
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from trialrun.conduct.cohort import Cohort
from trialrun.conduct.setting import setting
from trialrun.conduct.standing import standing, states
from trialrun.demo.crowd import Recorded
from trialrun.demo.ledger import STAFF, VirtualClock
from trialrun.protocol.compile import bundled, load
from trialrun.protocol.protocol import Protocol
from trialrun.record.trial import Trial
from trialrun.simulate.models.il2_treg import Il2Treg
from trialrun.simulate.models.il2_treg_clinic import Clinic
from trialrun.simulate.population import load_model
from trialrun.simulate.trial import arrivals, conduct, is_open, run

STUDY = bundled()["vascu_il2"]


# ---- a study under stress ------------------------------------------------------------------------


def stressed_model() -> Il2Treg:
    """The reference model with grave reactions, leaks, flares and deaths at every turn."""
    model = Il2Treg.load()
    data: dict[str, Any] = copy.deepcopy(dict(model.data))
    data["hazards"]["flare"]["per_day"] *= 12
    data["hazards"]["death"]["per_day"] *= 12
    data["adverse_events"]["worst_grade"]["chances"] = {1: 0.45, 2: 0.4, 3: 0.1, 4: 0.05}
    data["adverse_events"]["kind"]["chances"] = {
        "injection_site_reaction": 0.45,
        "flu_like": 0.2,
        "fever": 0.32,
        "capillary_leak": 0.03,
    }
    return Il2Treg(model.parameters, Clinic(data), data)


def stressed_study(folder: Path, planned: int, *, suspended: bool) -> Protocol:
    """A copy of the study in which people miss, forget, delay and leave; without ``suspended`` no boundary
    is ever reached, so that many are included."""
    shutil.copytree(STUDY, folder)
    study = (folder / "study.yaml").read_text("utf-8")
    study = study.replace("planned: 10", f"planned: {planned}")
    if not suspended:
        for boundary in ("{1: 1}", "{2: 2, 5: 3}", "{2: 2}"):
            study = study.replace(f"at_least: {boundary}", "at_least: {1: 1000}")
    (folder / "study.yaml").write_text(study, "utf-8")
    file = yaml.safe_load((folder / "model.yaml").read_text("utf-8"))
    people, events = file["people"], file["events"]
    people["accrual"]["screened"] = 12.5 * planned / 4
    people["late_course"]["chance"] = 0.35
    people["missed_visit"]["chance"] = people["missed_dose"]["chance"] = 0.1
    people["forgotten"]["chance"] = 0.5
    people["leaving"]["per_year"] = {"withdrawn": 0.6, "lost": 0.4}
    events["background"] |= {"per_year": 6.0, "grades": {"1": 0.2, "2": 0.6, "3": 0.2}}
    events["flare"]["major"] = 0.6
    file["answers"]["tolerance"]["items"]["home_unsafe"]["chance"] = 0.4
    file["answers"]["exclusions"]["items"]["excluding_disease"]["chance"] = 0.4
    (folder / "model.yaml").write_text(yaml.safe_dump(file, sort_keys=False, allow_unicode=True), "utf-8")
    return load(folder)


@pytest.fixture
def grave(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    model = stressed_model()
    monkeypatch.setattr(Il2Treg, "load", classmethod(lambda cls: model))
    load_model.cache_clear()
    yield
    load_model.cache_clear()


# ---- both ways -----------------------------------------------------------------------------------


def recorded(protocol: Protocol, seed: int, number: int) -> Recorded:
    """One trial through the record's commands."""
    clock = VirtualClock(datetime.datetime(2008, 1, 1, tzinfo=datetime.UTC))
    trial = Trial.in_memory(protocol, virtual=True, clock=clock, seed=seed, people=STAFF)
    crowd = Recorded(trial, clock, seed, number)
    conduct(protocol, arrivals(protocol, seed, number), crowd)
    return crowd


def both(protocol: Protocol, seed: int, number: int = 0) -> tuple[Cohort, list[Cohort]]:
    """The people of one trial as the fast path and as the record know them, compared in everything."""
    fast = run(protocol, seed, number)
    slow = [site.cohort for site in recorded(protocol, seed, number).sites]
    assert len(slow) == int((~np.isnat(fast.consented)).sum())
    for i, one in enumerate(slow):
        assert one.n == 1
        same_facts(one, fast, i)
        same_conduct(one, fast, i)
    return fast, slow


def same_facts(one: Cohort, fast: Cohort, i: int) -> None:
    """Every form, row, sample, inclusion, decision and stop, with its time."""
    for name, sheet in one.sheets.items():
        other = fast.sheets[name]
        np.testing.assert_array_equal(sheet.happened[0], other.happened[i], f"{i} {name}")
        for item, values in sheet.values.items():
            np.testing.assert_array_equal(values[0], other.values[item][i], f"{i} {name}.{item}")
    for name, log in one.logs.items():
        assert rows(log.rows, 0) == rows(fast.logs[name].rows, i), (i, name)
    for sample, times in one.collected.items():
        np.testing.assert_array_equal(times[0], fast.collected[sample][i], f"{i} {sample}")
    for decision, outcome in one.outcome.items():
        assert outcome[0] == fast.outcome[decision][i], (i, decision)
        np.testing.assert_array_equal(one.decided[decision][0], fast.decided[decision][i])
    for name in ("included", "stopped", "first_injection", "last_injection", "ended"):
        np.testing.assert_array_equal(getattr(one, name)[0], getattr(fast, name)[i], f"{i} {name}")
    assert one.stop_rule[0] == fast.stop_rule[i]
    assert one.end_status[0] == fast.end_status[i]


def rows(found: list[dict[str, Any]], who: int) -> list[dict[str, Any]]:
    """A person's rows of a log, in the order in which they were written."""
    skipped = ("participant", "recorded")
    return [{k: v for k, v in row.items() if k not in skipped} for row in found if row["participant"] == who]


def same_conduct(one: Cohort, fast: Cohort, i: int) -> None:
    """What follows from the facts: settings, and states and dates on several days."""
    for point in one.protocol.doses:
        assert setting(one, point.id, np.array([0]))[0] == setting(fast, point.id, np.array([i]))[0]
    start = one.consented[0]
    for after in (10, 70, 200):
        now = start + np.timedelta64(after, "D")
        mine, theirs = np.array([now]), np.full(fast.n, now)
        assert states(one, mine)[0] == states(fast, theirs)[i], (i, after)
        here, there = standing(one, mine), standing(fast, theirs)
        for point in one.protocol.timepoints:
            np.testing.assert_array_equal(here.latest[point][0], there.latest[point][i], f"{i} {point}")


# ---- the people ----------------------------------------------------------------------------------


def test_people_of_the_study_are_the_same_both_ways() -> None:
    fast, slow = both(load("vascu_il2"), seed=2, number=4)
    assert len(slow) >= 10
    assert (fast.end_status == "completed").sum() >= 6


@pytest.mark.slow
@pytest.mark.usefixtures("grave")
@pytest.mark.parametrize("seed", [11, 12, 17, 23])
def test_people_under_stress_are_the_same_both_ways(seed: int, tmp_path: Path) -> None:
    protocol = stressed_study(tmp_path / "study", planned=24, suspended=False)
    fast, slow = both(protocol, seed)
    assert len(slow) >= 36
    happened = occurrences(fast)
    assert all(happened.values()), happened


@pytest.mark.usefixtures("grave")
def test_a_suspended_trial_is_the_same_both_ways(tmp_path: Path) -> None:
    protocol = stressed_study(tmp_path / "study", planned=15, suspended=True)
    for number in (0, 2):  # one closes after eight inclusions, one at its second
        fast, slow = both(protocol, 5, number)
        everyone = np.arange(len(slow))
        over = np.datetime64("2012-01-01T00:00", "m")
        assert not is_open(protocol, [(fast, everyone)], over)
        assert int((~np.isnat(fast.included)).sum()) < 15


def troubled(name: str, folder: Path, planned: int) -> Protocol:
    """A small copy of a bundled study in which people miss, forget, delay, leave and fall ill often."""
    shutil.copytree(bundled()[name], folder)
    study = (folder / "study.yaml").read_text("utf-8")
    study, times = re.subn(r"^  planned: \d+$", f"  planned: {planned}", study, flags=re.MULTILINE)
    assert times == 1
    (folder / "study.yaml").write_text(study, "utf-8")
    file = yaml.safe_load((folder / "model.yaml").read_text("utf-8"))
    people = file["people"]
    people["missed_visit"]["chance"] = people["missed_dose"]["chance"] = 0.15
    people["leaving"]["per_year"] = {"withdrawn": 0.6, "lost": 0.4}
    file["events"]["background"] |= {"per_year": 9.0, "grades": {"1": 0.2, "2": 0.6, "3": 0.2}}
    (folder / "model.yaml").write_text(yaml.safe_dump(file, sort_keys=False, allow_unicode=True), "utf-8")
    return load(folder)


@pytest.mark.parametrize(
    ("name", "seed"), [("transreg_like", 4), pytest.param("dilfrequency_like", 5, marks=pytest.mark.slow)]
)
def test_people_of_other_studies_are_the_same_both_ways(name: str, seed: int, tmp_path: Path) -> None:
    protocol = troubled(name, tmp_path / "study", planned=10)
    fast, slow = both(protocol, seed)
    assert len(slow) >= 10
    for i, one in enumerate(slow):
        assert one.arm_of(0) == fast.arm_of(i)
        assert one.site[0] == fast.site[i]
    given = fast.injections.values["given"]
    assert (given == 0).any()
    assert (fast.end_status == "completed").any()
    if protocol.arms:
        assert len({fast.arm_of(i) for i in np.flatnonzero(~np.isnat(fast.included)).tolist()}) >= 4
        assert (~np.isnat(fast.sheets["self_check"].at("EVENT"))).any()


def occurrences(fast: Cohort) -> dict[str, int]:
    """How often what is rare has happened."""
    dosed = ~np.isnat(fast.first_injection)
    end = fast.end_status
    nights = np.full(fast.n, np.datetime64("2015-01-01T00:00", "m"))
    omitted = standing(fast, nights).omitted
    given = fast.injections.values["given"]
    return {
        "stopped by a rule": sum(str(rule).startswith("stops.") for rule in fast.stop_rule),
        "stopped by a flare": int((fast.stop_rule == "stops.flare").sum()),
        "held": int((~np.isnat(fast.held_since["tolerance_C1"])).sum()),
        "hospital": int((fast.outcome["tolerance_C1"] == 4).sum()),
        "ambulatory": int(np.isin(fast.outcome["tolerance_C1"], [2, 3]).sum()),
        "doses withheld": int((given == 0).sum()),
        "courses omitted": int(sum(mask[dosed].sum() for mask in omitted.values())),
        "died": int((end == "died").sum()),
        "fatal rows": sum(row["outcome"] == "fatal" for row in fast.logs["ae"].rows),
        "withdrawn": int((end == "withdrawn").sum()),
        "lost": int((end == "lost").sum()),
        "not eligible": int((end == "screen_failure").sum()),
        "flares": len(fast.logs["flare"].rows),
        "rescues": len(fast.logs["rescue"].rows),
        "leaks": sum(row["category"] == "capillary_leak" for row in fast.logs["ae"].rows),
        "completed": int((end == "completed").sum()),
    }
