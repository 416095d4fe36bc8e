"""Defects planted in sound studies: each is found, at its place, with words that say what is wrong."""

from pathlib import Path
from typing import NamedTuple

import pytest

from trialrun.protocol.compile import load
from trialrun.protocol.lint import lint
from trialrun.protocol.problem import ProtocolError


class Planted(NamedTuple):
    """An edit of one file, and the code, place and words of what must be found."""

    file: str
    old: str
    new: str
    code: str
    path: str
    says: str


S, F, V = "study.yaml", "forms.yaml", "variables.yaml"

BUNDLED = [
    Planted(S, "lasts: 7 months", "lasts: 1 week", "sum", "timeline/overall", "does not make 34 months"),
    Planted(
        S,
        "after: C3 + 21 days",
        "after: C3 + 28 days",
        "cycle-length",
        "treatment/cycles/C4",
        "C4 begins 28 days after C3; a cycle lasts 21 days",
    ),
    Planted(S, "{visit: 80 mL", "{visit: 58 mL", "blood", "visits/SCR", "the limit is 58 mL"),
    Planted(S, "month: 200 mL", "month: 60 mL", "blood", "visits/C1.D1", "in the 30 days from C1.D1 on"),
    Planted(S, "trial: 600 mL", "trial: 300 mL", "blood", "blood_limits", "the limit is 300 mL"),
    Planted(
        S,
        "triad OR biopsy_proven",
        "triad OR biopsy_proven AND organ_worsening",
        "misread",
        "eligibility/vasculitis",
        "AND binds before OR",
    ),
    Planted(
        V,
        "creatinine_baseline:  {item: laboratory.creatinine, at: SCR}",
        "creatinine_baseline:  {item: laboratory.creatinine, at: C2.D1}",
        "read-too-early",
        "before_course/kidney_liver",
        "at C1.D1: C2.D1 comes only later",
    ),
    Planted(
        S,
        "forms: [pregnancy], at: [SCR, C*.D1]",
        "forms: [pregnancy], at: [SCR]",
        "never-entered",
        "before_course/not_pregnant",
        "the form `pregnancy` is not asked at that visit",
    ),
    Planted(
        S,
        "neutrophils < '1.5 10*9/L'",
        "neutrophils < '1500 10*9/L'",
        "threshold-outside-limits",
        "eligibility/blood",
        "`neutrophils < '1500 10*9/L'` is always true",
    ),
    Planted(
        S,
        "weight - weight_day_1 >= '2 kg'",
        "weight >= '2 kg'",
        "threshold-outside-limits",
        "before_dose/weight_gain",
        "always",
    ),
    Planted(S, "planned: 10\n", "planned: 5\n", "never-significant", "endpoints/regulatory_cells", "0.0625"),
    Planted(
        S,
        "after: C4 + 14 days, otherwise: C1 + 77 days, window: ±3 days",
        "after: C1 + 77 days, window: ±3 days",
        "follow-up-before-last-dose",
        "visits/W11",
        "may come before the last dose, C4.D5",
    ),
    Planted(
        S,
        "otherwise: C1 + 77 days",
        "otherwise: C1 + 56 days",
        "follow-up-before-last-dose",
        "visits/W11",
        "where C4 is not given",
    ),
    Planted(
        S,
        "day: -14, window: -14/+13 days",
        "day: -14, window: ±14 days",
        "screening-after-dose",
        "visits/SCR",
        "day 1",
    ),
    Planted(
        S,
        "for: 7 days, then: stop, text: {en: Wait",
        "for: 14 days, then: stop, text: {en: Wait",
        "hold-outlasts-course",
        "decisions/tolerance_C1/outcomes/hold",
        "until day 29",
    ),
    Planted(
        S,
        "at_least: {2: 2, 5: 3}",
        "at_least: {2: 2, 5: 3, 20: 4}",
        "boundary-never-reached",
        "suspensions/flares",
        "12 at most",
    ),
    Planted(
        S,
        "at_least: {1: 1}",
        "at_least: {1: 2}",
        "boundary-never-reached",
        "suspensions/severe_related",
        "begins with {2: 2}",
    ),
    Planted(
        S,
        "secondary_at: [C3.D1, W37]",
        "secondary_at: [C3.D1, W25, W37]",
        "endpoint-not-fed",
        "endpoints/specific_cells",
        "W25",
    ),
    Planted(
        S,
        "until: W37\n    complete_at: W31",
        "until: W31\n    complete_at: W37",
        "endpoint-not-fed",
        "endpoints/tolerance",
        "after the period ends",
    ),
    Planted(S, "rescue, deviation, ", "rescue, ", "form-not-asked", "forms/deviation", "No activity"),
    Planted(
        S,
        "delays:\n    cumulative: 14 days",
        "delays:\n    cumulative: 5 days",
        "window-beyond-delays",
        "treatment/cycles/C2",
        "5 days late",
    ),
    Planted(
        F,
        "home_unsafe:   {ask:",
        "pets: {ask: {en: Pets, fr: Animaux}, type: boolean}\n      home_unsafe:   {ask:",
        "feeds-nothing",
        "forms/tolerance/items/pets",
        "Pets",
    ),
    Planted(
        V,
        "complete: flare_assessment.assessed@tolerance_C1\n",
        "\n",
        "unproven-list",
        "decisions/tolerance_C1/outcomes/ambulatory",
        "`flares_C1`",
    ),
    Planted(
        S,
        "needs: [ae_review, flare_assessment, laboratory, hcv_rna, tolerance]",
        "needs: [ae_review, laboratory, hcv_rna, tolerance]",
        "decision-needs-more",
        "decisions/tolerance_C1",
        "flare_assessment",
    ),
    Planted(
        S,
        "after: C4 + 14 days, otherwise: C1 + 77 days",
        "after: C4 + 14 days, otherwise: C4 + 77 days",
        "otherwise-same-course",
        "visits/W11",
        "both counted from C4",
    ),
    Planted(
        S,
        "baseline: [C1.D1, SCR]",
        "baseline: [C2.D1, SCR]",
        "endpoint-order",
        "endpoints/efficacy",
        "C2.D1, is on study day 22",
    ),
    Planted(
        S,
        "missed_dose: {late: 24 hours, apart: 12 hours",
        "missed_dose: {late: 48 hours, apart: 12 hours",
        "dose-windows-overlap",
        "treatment/cycles/C1",
        "1 day apart, and each may be 2 days late",
    ),
    Planted(
        "sources.yaml",
        ", context: true",
        "",
        "uncovered-statement",
        "sources/registry",
        "No element executes R5",
    ),
]

REFUSED = [
    Planted(
        S,
        "flare, rescue, deviation",
        "flare, deviation",
        "blind-protection",
        "stops.rescue.when",
        "asked nowhere",
    ),
    Planted(
        S,
        "hold: new_sign, unknown: hold",
        "hold: new_sign",
        "unknown-unsaid",
        "before_dose.new_sign.unknown",
        "missing",
    ),
    Planted(
        V,
        "alt_latest:           {item: laboratory.alt, at: latest}",
        "alt_latest:           {item: laboratory.alt, at: this visit}",
        "blind-protection",
        "stops.hcv_rise.when",
        "`alt_latest`",
    ),
    Planted(
        V,
        "during: latest course",
        "during: this course",
        "outside-course",
        "stops.doses_missed.when",
        "in no course",
    ),
    Planted(
        S,
        "temperature >= '38.5 Cel'",
        "temperature >= 38.5",
        "rule-unit",
        "before_dose.vital_signs.hold",
        "has no unit",
    ),
    Planted(
        S, "apart: 12 hours", "apart: 48 hours", "doses-too-near", "treatment.cycles.C1.doses", "1 day apart"
    ),
    Planted(
        F, 'unit: "10*6.[iU]"', 'unit: "[iU]"', "dose-unit", "forms.injection.items.dose.unit", "10*6.[iU]"
    ),
    Planted(
        S,
        "after: C1 + 21 days, window: -0/+7",
        "after: C1 + 21 days, window: -18/+7",
        "courses-overlap",
        "treatment.cycles.C2.after",
        "last dose of C1",
    ),
    Planted(
        S,
        "when: C1 + 18..21 days",
        "when: C1 + 18..25 days",
        "decision-too-late",
        "treatment.cycles.C2.setting",
        "tolerance_C1",
    ),
    Planted(
        S,
        "baseline: [C1.D1, SCR]\n    at: W19",
        "baseline: [C1.D1, SCR]\n    at: C1.D8",
        "endpoint-not-measured",
        "endpoints.efficacy.at",
        "not examined at C1.D8",
    ),
]


def spoilt(study: Path, planted: Planted) -> Path:
    text = (study / planted.file).read_text("utf-8")
    assert text.count(planted.old) >= 1, planted.old
    (study / planted.file).write_text(text.replace(planted.old, planted.new), "utf-8")
    return study


@pytest.mark.parametrize("planted", BUNDLED, ids=lambda one: f"{one.code}:{one.path}")
def test_a_planted_defect_is_found(study: Path, planted: Planted) -> None:
    found = [one for one in lint(load(spoilt(study, planted))) if one.resolution is None]
    here = [one for one in found if (one.code, one.path) == (planted.code, planted.path)]
    assert any(planted.says in one.message for one in here), found


@pytest.mark.parametrize("planted", REFUSED, ids=lambda one: f"{one.code}:{one.path}")
def test_a_planted_defect_that_is_unsafe_is_refused(study: Path, planted: Planted) -> None:
    with pytest.raises(ProtocolError) as refused:
        load(spoilt(study, planted))
    wrong = [(one.code, ".".join(map(str, one.place.path)), one.message) for one in refused.value.problems]
    assert any(one[:2] == (planted.code, planted.path) and planted.says in one[2] for one in wrong), wrong
    assert all(one.place.line for one in refused.value.problems)
