"""Recorded participants under another version of the protocol they were treated by."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trialrun.demo.demonstration import run
from trialrun.protocol.compile import bundled, load
from trialrun.protocol.protocol import Protocol
from trialrun.record.rejudge import Differing, Rejudged, rejudge
from trialrun.record.trial import Trial

S, F, V = "study.yaml", "forms.yaml", "variables.yaml"
Edit = tuple[str, str, str]
Edited = Callable[..., Protocol]
FEW: Edit = (S, "planned: 10", "planned: 2")


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Edited:
    """The study of the trial with some texts replaced, compiled."""

    def made(*edits: Edit) -> Protocol:
        folder = tmp_path_factory.mktemp("edited") / "study"
        shutil.copytree(bundled()["vascu_il2"], folder)
        for file, old, new in (FEW, *edits):
            text = (folder / file).read_text("utf-8")
            assert old in text, old
            (folder / file).write_text(text.replace(old, new), "utf-8")
        return load(folder)

    return made


@pytest.fixture(scope="module")
def trial(edited: Edited, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """Two virtual participants from screening to the end, in a trial folder."""
    folder: Path = tmp_path_factory.mktemp("trial") / "trial"
    return run(edited(), folder, seed=1)


def differing(found: Rejudged, asked: str) -> list[Differing]:
    return [one for one in found.differing if one.asked == asked]


def test_the_same_rules_judge_the_same(trial: Trial, edited: Edited) -> None:
    """What the record accepted is what the replay gives: nothing differs where no rule does."""
    found = rejudge(trial, edited((S, 'version: "1.0"', 'version: "1.1"')))
    assert found.differing == []
    assert not found.misfits
    assert found.participants == len(trial.subjects()) == sum(found.stages.values())
    assert found.judged["dose"] >= 30 and found.judged["decision"] == 2 and found.judged["eligibility"] >= 2


def test_who_would_not_be_eligible_is_told_with_the_clause(trial: Trial, edited: Edited) -> None:
    found = rejudge(trial, edited((S, "BETWEEN '18 a' AND '75 a'", "BETWEEN '18 a' AND '20 a'")))
    told = differing(found, "eligibility")
    assert [one.old("en") for one in told] == ["eligible"] * len(told)
    assert len(told) >= 2
    assert "is not between 18 a and 20 a" in told[0].because[0]
    first = [one for one in differing(found, "dose") if one.name == "C1.D1"]
    assert len(first) == 2  # criteria hold at the first dose too


def test_a_dose_of_another_amount_would_be_forbidden(trial: Trial, edited: Edited) -> None:
    found = rejudge(trial, edited((S, "full: {dose: 3,", "full: {dose: 2.5,")))
    told = differing(found, "dose")
    assert {one.name.split(".")[0] for one in told} == {"C2", "C3", "C4"}
    assert {one.because for one in told} == {("the planned dose is 2.5 million IU, not 3 million IU",)}
    assert (told[0].old("fr"), told[0].new("fr")) == ("permise", "interdite")


def test_a_decision_comes_out_otherwise_and_says_why(trial: Trial, edited: Edited) -> None:
    never = 'ambulatory: {effect: continue, when: "worst_related_grade_C1 <= -1 AND'
    rule = 'ambulatory: {effect: continue, when: "worst_related_grade_C1 <= 1 AND'
    told = differing(rejudge(trial, edited((S, rule, never))), "decision")
    assert told
    assert told[0].name == "tolerance_C1"
    assert told[0].new("en") != told[0].old("en") == "«Later courses ambulatory»"
    assert told[0].because[0].startswith("not «Later courses ambulatory»: worst related grade C1")


def test_a_decision_that_needs_what_was_not_filled_waits(trial: Trial, edited: Edited) -> None:
    needs = "laboratory, hcv_rna, tolerance]\n    expected"
    asked = "forms: [tolerance], at: [tolerance_C1]"
    new = edited((S, needs, needs.replace("tolerance]", "tolerance, thyroid]")),
                 (S, asked, "forms: [tolerance, thyroid], at: [tolerance_C1]"))  # fmt: skip
    told = differing(rejudge(trial, new), "decision")
    assert len(told) == 2
    assert {one.new("en") for one in told} == {"waits"}
    assert told[0].because == ("«Thyroid» is not filled",)


def test_a_stop_that_would_come_is_told_once(trial: Trial, edited: Edited) -> None:
    limiting = "related AND (grade = 5 OR"
    found = rejudge(trial, edited((V, limiting, "grade >= 1 OR related AND (grade = 5 OR")))
    told = differing(found, "stop")
    assert told and len({one.subject for one in told}) == len(told)
    assert (told[0].name, told[0].new("en")) == ("stops.dose_limiting_toxicity", "treatment is stopped")


def test_what_has_no_place_any_more_is_listed(trial: Trial, edited: Edited) -> None:
    new = edited((S, "at: [SCR, C3.D1, W11, W37], b", "at: [SCR, W11, W37], b"))
    found = rejudge(trial, new)
    assert dict(found.misfits) == {("thyroid@C3.D1", "place"): 2}
    assert found.differing == []


def test_a_number_in_another_unit_is_converted(trial: Trial, edited: Edited) -> None:
    was = "unit: g/L, decimals: 0, limits: 20..250, usual: 90..180, sdtm: LB.HGB"
    now = "unit: g/dL, decimals: 1, limits: 2..25, usual: 9..18, sdtm: LB.HGB"
    found = rejudge(trial, edited((F, was, now)))
    assert found.differing == [] and not found.misfits


def test_renamed_elements_are_followed(trial: Trial, edited: Edited) -> None:
    new = edited(
        (F, "      social_cover:  {ask", "      insured:  {ask"),
        (V, "demography.social_cover", "demography.insured"),
        (S, "  W25: {", "  V25: {"), (S, "W19, W25, ", "W19, V25, "), (S, "W*, SAFETY", "W*, V25, SAFETY"),
    )  # fmt: skip
    found = rejudge(trial, new)
    assert found.differing == [] and not found.misfits
