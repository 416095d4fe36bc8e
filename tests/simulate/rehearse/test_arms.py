"""A study with arms, doses by weight, visits as needed and by an event, and a substudy: clean, and with
defects planted one at a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from small_study import FOLDER, write
from trialrun.conduct import dose, permission
from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol
from trialrun.simulate.rehearse.diary import Diary
from trialrun.simulate.rehearse.finding import Finding
from trialrun.simulate.rehearse.history import rows
from trialrun.simulate.rehearse.oracle import reckoned
from trialrun.simulate.rehearse.rehearsal import Rehearsal, coverage, rehearse

ENOUGH = 5000  # participants: nothing new is left before, in a study of this size

SCALES = (
    "  scales: {title: Scales, by: nurse, domain: VS, from: outline#1, "
    "items: {weight: {ask: Weight, type: number, unit: kg, sdtm: VS.WEIGHT}}}\n"
)
PERMISSION = "before_course: {planted: {require: pulse_then IS NOT NULL, text: Planted, from: outline#1}}\n"

Edit = tuple[str, str, str]
"""(file, what is there once, what stands there instead)."""
Planted = Callable[..., Protocol]


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    """Compiles the study with some edits."""

    def made(*edits: Edit) -> Protocol:
        folder = write(tmp_path / "study")
        for file, old, new in edits:
            text = (folder / file).read_text(encoding="utf-8")
            assert text.count(old) == 1, f"`{old}` is not once in {file}"
            (folder / file).write_text(text.replace(old, new), encoding="utf-8")
        return load(folder)

    return made


def found(protocol: Protocol, code: str, place: str) -> Finding:
    """The one finding of this kind at this place."""
    findings = rehearse(protocol, participants=ENOUGH).findings
    listed = [(one.code, one.place) for one in findings]
    assert (code, place) in listed, listed
    return findings[listed.index((code, place))]


def arm_of(finding: Finding) -> str | None:
    """The arm that the history names."""
    return next((step.answers["arm"] for step in finding.history if step.does == "include"), None)


@pytest.fixture(scope="module")
def rehearsal() -> Rehearsal:
    return rehearse(load(FOLDER))


def test_the_study_is_clean(rehearsal: Rehearsal) -> None:
    assert [(one.code, one.place, one.message) for one in rehearsal.findings] == []
    assert rehearsal.exhausted
    assert rehearsal.hopes.unmet == ()


def test_both_arms_are_walked_to_the_end(rehearsal: Rehearsal) -> None:
    reached = coverage(rehearsal.protocol, rehearsal.reached)
    assert all("done" in one for one in reached["timepoints"].values())
    assert {"yes", "no"} <= set(reached["rules"]["substudies.biobank"])
    for point in ("LATE", "SEEN", "EXTRA_2", "W20"):
        assert {("came in arm", point, arm) for arm in "AB"} <= set(rehearsal.reached.found)


# ---- visits --------------------------------------------------------------------------------------


def test_an_event_whose_date_can_never_be_known(planted: Planted) -> None:
    never = 'first_event: {min: event.onset, where: "severe AND NOT severe", during: since first dose}'
    old = "first_event: {min: event.onset, during: since first dose}"
    finding = found(planted(("variables.yaml", old, never)), "never-reached", "SEEN")
    assert "void for everyone" in finding.message
    assert arm_of(finding) == "A"


def test_a_visit_as_needed_after_one_that_nothing_is_written_down_of(planted: Planted) -> None:
    finding = found(planted(("study.yaml", ", EXTRA_*, W20]", ", W20]")), "never-reached", "EXTRA_2")
    assert finding.history


def test_a_substudy_that_nobody_can_join(planted: Planted) -> None:
    edit = ("study.yaml", "require: keeps_blood", 'require: "keeps_blood AND NOT keeps_blood"')
    listed = {(one.code, one.place): one for one in rehearse(planted(edit), participants=ENOUGH).findings}
    rule = listed["always-the-same", "substudies.biobank"]
    assert "never true" in rule.message
    assert arm_of(rule) in ("A", "B")
    assert listed["no-form", "forms.kept"].history == ()


# ---- doses ---------------------------------------------------------------------------------------


def test_an_arm_whose_first_course_can_never_begin(planted: Planted) -> None:
    protocol = planted(
        ("study.yaml", "before_dose: {", f"{PERMISSION}before_dose: {{"),
        ("variables.yaml", "  well: {", "  pulse_then: {item: check.pulse, at: LOAD.D1}\n  well: {"),
    )
    finding = found(protocol, "never-reached", "S1.D1")
    assert finding.message.startswith("Nobody of the arm «Series» can have the dose S1.D1")
    assert arm_of(finding) == "B"
    assert [row["what"] for row in rows(protocol, finding.history, {})][-1] == "S1.D1: dose"
    assert any("in the arm «Series»" in row["what"] for row in rows(protocol, finding.history, {}))


def test_a_dose_by_a_weight_that_is_never_asked(planted: Planted) -> None:
    protocol = planted(
        ("forms.yaml", "  check: {title", f"{SCALES}  check: {{title"),
        ("variables.yaml", "item: person.weight, at: SCR", "item: scales.weight, at: latest"),
    )
    finding = found(protocol, "never-reached", "LOAD.D1")
    assert "cannot be reckoned: not known (weight)" in finding.message
    assert arm_of(finding) == "A"


def test_a_dose_before_which_nobody_is_asked_how_they_feel(planted: Planted) -> None:
    old = "at: [every dose, S*.D8,"
    protocol = planted(("study.yaml", old, "at: [LOAD.*, KEEP.D1, KEEP.D2, KEEP.D3, S*.*,"))
    finding = found(protocol, "never-reached", "KEEP.D4")
    assert "not known (well)" in finding.message
    assert arm_of(finding) == "A"


def test_an_endpoint_that_one_arm_has_no_baseline_for(planted: Planted) -> None:
    edit = ("study.yaml", "baseline: [LOAD.D1, S1.D1]", "baseline: LOAD.D1")
    finding = found(planted(edit), "no-endpoint", "endpoints.pulse")
    assert finding.message.startswith("Nobody of the arm «Series»")
    assert arm_of(finding) == "B"


# ---- what conduct might forget -------------------------------------------------------------------


def test_conduct_that_gives_the_dose_of_another_arm_is_caught(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permission, "_arm", lambda *given: [])
    protocol = planted(("study.yaml", "hold: NOT well, unknown: hold", "hold: NOT well, unknown: continue"))
    finding = found(protocol, "unsafe", "arm")
    assert (arm_of(finding), finding.history[-1].point) in (("A", "S1.D1"), ("B", "LOAD.D1"))


def test_conduct_that_gives_a_dose_of_unknown_amount_is_caught(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permission, "_amount", lambda *given: [])
    finding = found(planted(), "unsafe", "dose_known")
    assert finding.history[-1].does == "dose"
    assert "cannot be reckoned" in finding.message


def test_conduct_that_forgets_the_cap_is_caught(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    def uncapped(planned: Any, measure: Any) -> Any:
        return planned.amount * measure if planned.per else np.full(len(measure), planned.amount)

    monkeypatch.setattr(dose, "amount", uncapped)
    edit = ("study.yaml", "round: 5, at_most: 50", "round: 5, at_most: 20")
    assert "20 is the study's" in found(planted(edit), "unsafe", "dose").message


@pytest.mark.parametrize(("arm", "point", "amount"), [("A", "LOAD.D1", 40.0), ("B", "S1.D1", 40.0)])
def test_amounts_by_a_reading_of_its_own(arm: str, point: str, amount: float) -> None:
    """0.5 mg/kg of 80 kg, to the nearest 5 mg; 20 mg per m² of 170 cm and 80 kg by Mosteller
    (38.87 mg)."""
    protocol = load(FOLDER)
    diary = Diary(protocol, arm=arm)
    planned = protocol.timepoints[point]
    assert reckoned(diary, planned, 20_000 * 1440) is None
    diary.fill("person", "SCR", 19_990 * 1440, {"height": 170, "weight": 80})
    assert reckoned(diary, planned, 20_000 * 1440) == pytest.approx(amount)
