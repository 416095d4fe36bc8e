"""Defects planted in a small study, one at a time: each is found, with the history that shows it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from trialrun.conduct import permission
from trialrun.conduct.verdict import YES, Condition, plain
from trialrun.protocol.protocol import Protocol
from trialrun.simulate.rehearse.finding import Finding
from trialrun.simulate.rehearse.history import rows
from trialrun.simulate.rehearse.rehearsal import Rehearsal, rehearse

Study = Callable[..., Protocol]
ENOUGH = 5000  # participants: nothing new is left before, in a study of this size

SLEEP = """
  sleep:
    title: Sleep
    by: nurse
    domain: QS
    from: outline#3
    items:
      hours: {ask: Hours slept, type: integer, unit: h, limits: 0..24, sdtm: QS.SLEEP}
"""
ASSUMED = "from: assumption, reason: Planted."


def found(protocol: Protocol, code: str, place: str) -> tuple[Rehearsal, Finding]:
    """The one finding of this kind at this place."""
    rehearsal = rehearse(protocol, participants=ENOUGH)
    listed = [(one.code, one.place) for one in rehearsal.findings]
    assert (code, place) in listed, listed
    return rehearsal, rehearsal.findings[listed.index((code, place))]


def before_course(rule: str) -> str:
    """A section with one permission, and the head of the section that follows."""
    return f'before_course:\n  planted: {{require: "{rule}", text: Planted, {ASSUMED}}}\nstops:\n'


def acts(finding: Finding) -> list[str]:
    """A history but for its forms, in short."""
    kept = [step for step in finding.history if step.does not in ("fill", "write")]
    return [f"{step.does} {step.point or step.name}" for step in kept]


def test_the_small_study_is_clean(study: Study) -> None:
    rehearsal = rehearse(study(), participants=ENOUGH)
    assert rehearsal.findings == ()
    assert rehearsal.hopes.unmet == ()


def test_the_small_study_with_a_decision_is_clean(study: Study) -> None:
    rehearsal = rehearse(study(decided=True), participants=ENOUGH)
    assert rehearsal.findings == ()
    assert "`wait`, is never needed" in rehearsal.notes[0]


# ---- unsafe --------------------------------------------------------------------------------------


def test_a_dose_that_goes_on_while_a_sign_is_not_known(study: Study) -> None:
    protocol = study(("study.yaml", "hold: weakness, unknown: hold", "hold: weakness, unknown: continue"))
    rehearsal, finding = found(protocol, "blind", "before_dose.weakness")
    assert acts(finding) == ["include SCR", "dose C1.D1"]
    assert "not known whether «New weakness»" in finding.history[-1].said
    assert not any(step.name == "safety" for step in finding.history)
    last = rows(protocol, finding.history, rehearsal.hopes.answers)[-1]
    assert (last["day"], last["what"]) == (1, "C1.D1: dose")


def test_a_dose_after_an_event_that_tells_of_a_death(study: Study) -> None:
    outcome = "{ask: Outcome, type: choice, codes: {resolved: Resolved, fatal: Fatal}, sdtm: AE.AEOUT}"
    protocol = study(("forms.yaml", "      related: {", f"      outcome: {outcome}\n      related: {{"))
    _, finding = found(protocol, "unsafe", "death")
    assert acts(finding) == ["include SCR", "dose C1.D1", "dose C1.D2"]
    assert [step.answers["outcome"] for step in finding.history if step.does == "write"] == ["fatal"]


def test_conduct_that_forgets_a_stop_is_caught(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(cohort: Any, who: Any, now: Any) -> Condition:
        return plain("stopped", np.ones(len(who), dtype=bool), "", "")

    monkeypatch.setattr(permission, "_not_stopped", forgetful)
    protocol = study(("study.yaml", "delays: {cumulative: 3 days", "delays: {cumulative: 4 days"))
    _, finding = found(protocol, "unsafe", "stops.severe")
    assert acts(finding)[-1].startswith("dose C1.D")
    [event] = [step.answers for step in finding.history if step.does == "write"]
    assert event["related"] and event["grade"] >= 3


def test_conduct_that_takes_the_unknown_for_no_is_caught(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruled = permission._ruled

    def lenient(*given: Any) -> Condition:
        condition = ruled(*given)
        return Condition(condition.id, np.abs(condition.state).astype(np.int8), condition.why)

    monkeypatch.setattr(permission, "_ruled", lenient)
    assert YES == 1
    _, finding = found(study(), "unsafe", "eligibility.adult")
    assert acts(finding) == ["include SCR"]


def test_conduct_that_gives_two_doses_on_one_day_is_caught(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permission, "_once", lambda *given: [])
    _, finding = found(study(), "unsafe", "doubled")
    assert acts(finding)[-1].startswith("dose")


# ---- no way on -----------------------------------------------------------------------------------


def test_a_sign_that_is_looked_for_only_on_the_first_day(study: Study) -> None:
    old, new = "forms: [safety], at: [every dose]", "forms: [safety], at: [C*.D1]"
    _, finding = found(study(("study.yaml", old, new)), "never-reached", "C1.D2")
    assert acts(finding) == ["include SCR", "dose C1.D1", "dose C1.D2"]
    assert "not known (weakness)" in finding.message


def test_a_course_that_waits_for_a_later_visit(study: Study) -> None:
    variable = "  cramps_at_W6: {item: diary.cramps, at: W6}\n"
    rule = before_course("cramps_at_W6 >= '1 {cramps}/wk'")
    protocol = study(("variables.yaml", "", variable), ("study.yaml", "stops:\n", rule))
    _, finding = found(protocol, "never-reached", "C1.D1")
    assert acts(finding)[-1] == "dose C1.D1"
    assert "cramps at W6" in finding.history[-1].said


def test_criteria_that_exclude_each_other(study: Study) -> None:
    young = f"  young: {{exclude: \"age >= '18 a'\", text: Young, {ASSUMED}}}\n  cramps: {{require:"
    rehearsal, _ = found(study(("study.yaml", "  cramps: {require:", young)), "never-reached", "C1.D1")
    assert set(rehearsal.hopes.unmet) & {"eligibility.adult", "eligibility.young"}


def test_an_end_that_only_the_last_visit_asks_for(study: Study) -> None:
    protocol = study(
        ("study.yaml", "forms: [ae, deviation, end]", "forms: [ae, deviation]"),
        (
            "study.yaml",
            "\nobjectives:",
            f"  end: {{title: End, forms: [end], at: [W6], {ASSUMED}}}\n\nobjectives:",
        ),
    )
    _, finding = found(protocol, "dead-end", "recorded_on.end")
    assert finding.history
    assert not any(step.does == "end" for step in finding.history)


def test_two_courses_on_the_same_days(study: Study) -> None:
    third = "doses: 7 daily, substance: magnesium, level: usual, setting: home, from: outline#2}"
    old = f"window: -0/+3 days, {third}"
    third = f"window: -0/+0 days, {third}\n    C3: {{label: W8, after: C1 + 28 days, {third}"
    _, finding = found(study(("study.yaml", old, third)), "windows", "C2.D1, C3.D1")
    assert acts(finding)[-1] != "dose C2.D1"


# ---- decisions -----------------------------------------------------------------------------------


def test_a_decision_that_waits_for_a_later_visit(study: Study) -> None:
    protocol = study(
        ("variables.yaml", "cramps_at_review: {item: diary.cramps, at: review}",
         "cramps_at_review: {item: diary.cramps, at: W6}"),
        decided=True,
    )  # fmt: skip
    _, finding = found(protocol, "never-reached", "review")
    assert acts(finding)[-1] == "decide review"
    assert "not known" in finding.message
    found_too = [(one.code, one.place) for one in rehearse(protocol, participants=ENOUGH).findings]
    assert ("never-reached", "C2.D1") in found_too


def test_an_outcome_that_the_one_before_it_swallows(study: Study) -> None:
    old = "text: At home, from: assumption, reason: An example.}"
    rule = "cramps_at_review < '10 {cramps}/wk'"
    fine = f'      fine: {{effect: continue, when: "{rule}", setting: home, text: Fine, {ASSUMED}}}'
    _, finding = found(
        study(("study.yaml", old, f"{old}\n{fine}"), decided=True), "no-outcome", "decisions.review.fine"
    )
    assert finding.history == ()


def test_a_hold_that_nothing_can_lift(study: Study) -> None:
    edit = ("study.yaml", "cramps_at_review >= '50", "cramps_at_screening >= '50")
    _, finding = found(study(edit, decided=True), "no-way-back", "decisions.review.pause")
    assert "decide review" in acts(finding)
    assert "outcome:pause" in finding.history[-1].codes


# ---- rules that never change their mind --------------------------------------------------------------


def test_a_permission_that_is_always_given(study: Study) -> None:
    variable = "  cramps_now: {item: diary.cramps, at: this visit}\n"
    rule = before_course("cramps_now >= '0 {cramps}/wk'")
    protocol = study(("variables.yaml", "", variable), ("study.yaml", "stops:\n", rule))
    _, finding = found(protocol, "always-the-same", "before_course.planted")
    assert "always true or unknown" in finding.message


def test_a_form_that_a_rule_needs_and_nobody_is_asked_for(study: Study) -> None:
    rule = "hold: \"slept < '3 h'\""
    protocol = study(
        ("forms.yaml", "", SLEEP),
        ("variables.yaml", "", "  slept: {item: sleep.hours, at: latest}\n"),
        ("study.yaml", "stops:\n", f"  tired: {{{rule}, unknown: hold, text: Tired, {ASSUMED}}}\nstops:\n"),
    )  # fmt: skip
    rehearsal, finding = found(protocol, "no-form", "forms.sleep")
    assert "no activity asks for it" in finding.message
    assert {("never-reached", "C1.D1"), ("always-unknown", "before_dose.tired")} <= {
        (one.code, one.place) for one in rehearsal.findings
    }


# ---- follow-up and end points -----------------------------------------------------------------------


def test_a_visit_that_is_over_before_anyone_stops(study: Study) -> None:
    old = "otherwise: C1 + 42 days, window: ±2 days"
    protocol = study(("study.yaml", old, "otherwise: C1 + 0 days"))
    _, finding = found(protocol, "no-follow-up", "W6")
    assert any(step.does == "stop" for step in finding.history)


def test_an_endpoint_that_who_stops_early_cannot_have(study: Study) -> None:
    _, finding = found(study(("study.yaml", "at: W6\n", "at: C2.D1\n")), "no-endpoint", "endpoints.cramps")
    assert "Who stops early" in finding.message
    assert any(step.does == "stop" for step in finding.history)


def test_an_endpoint_that_only_the_excluded_are_asked_for(study: Study) -> None:
    young = "only_if: \"age < '18 a'\", unknown: skip"
    asked = f"  sleep: {{title: Sleep, forms: [sleep], at: [SCR, W6], {young}, {ASSUMED}}}\n"
    protocol = study(
        ("forms.yaml", "", SLEEP),
        ("study.yaml", "\nobjectives:", f"{asked}\nobjectives:"),
        ("study.yaml", "parameter: QS.CRAMPS", "parameter: QS.SLEEP"),
    )
    _, finding = found(protocol, "no-endpoint", "endpoints.cramps")
    assert "Nobody can have" in finding.message
