"""What is right is not complained of: near misses of the findings, on a study in which nothing is wrong."""

from pathlib import Path

import pytest

from trialrun.protocol.compile import load
from trialrun.protocol.lint import lint

S, F, V = "study.yaml", "forms.yaml", "variables.yaml"
HALF = "    half: {dose: 150, from: outline#2}\n"
URINE = "  urine: {title: {en: Urine, fr: Urine}, volume: 5 mL, tube: dry, from: outline#3}\n"
RUN_IN = "  run_in: {title: {en: Run-in, fr: Période préalable}, from: outline#1}\n"
ARCHIVE = "  archive: {lasts: 1 month, from: outline#5}\n"
OF_C2 = "  C2.D10: {epoch: follow_up, label: D10, after: C2 + 9 days, from: outline#3}\n"
TENTH = "  tenth: {title: {en: T, fr: D}, specimens: [serum], at: [C2.D10], from: outline#3}\n"
ZINC = "    zinc: {name: {en: zinc, fr: zinc}, route: oral, unit: mg, unit_name: MG, from: outline#2}\n"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (S, "otherwise: C1 + 42 days, window: ±2 days", "otherwise: C1 + 42 days, window: -2/+24 days"),
        (S, "after: last dose + 28 days, only: stopped", "after: last dose + 14 days, only: stopped"),
        (S, "day: -7, window: -7/+6 days", "day: -1, window: -7/+0 days"),
        (S, "after: C1 + 14 days, window: ±2 days", "after: C1 + 14 days, window: -7/+13 days"),
        (
            S,
            "activities:\n",
            f"{OF_C2}activities:\n{TENTH}",
        ),
        (S, "late: 12 hours, apart: 8 hours", "late: 12 hours, apart: 24 hours"),
        (S, "delays: {cumulative: 7 days", "delays: {cumulative: 14 days"),
        (S, "at_least: {2: 2, 5: 3}", "at_least: {1: 1, 12: 12}"),
        (S, "otherwise: true, for: 7 days", "otherwise: true, for: 10 days"),
        (S, "needs: [review, laboratory]", "needs: [review]"),
        (S, "secondary_at: [W2, W10]\n    missing", "secondary_at: []\n    missing"),
        (S, "stagger: {first: 2, until: tolerance}", "stagger: {first: 9, until: tolerance}"),
        (F, "remark: {", "note: {ask: {en: N, fr: N}, type: text, required: false}\n      remark: {"),
        (F, "limits: 30..45", "limits: 30..39"),
        (V, "at: this visit}\n  creatinine", "at: [this visit, SCR]}\n  creatinine"),
    ],
)
def test_nothing_is_said(clean: Path, file: str, old: str, new: str) -> None:
    text = (clean / file).read_text("utf-8")
    assert text.count(old) == 1
    (clean / file).write_text(text.replace(old, new), "utf-8")
    assert lint(load(clean)) == []


@pytest.mark.parametrize(
    ("before", "extra", "path"),
    [
        ("    usual: {dose", HALF, "treatment/levels/half"),
        ("  serum: {title: {en: Serum,", URINE, "specimens/urine"),
        ("  screening: {title", RUN_IN, "epochs/run_in"),
        ("  analysis: {", ARCHIVE, "timeline/archive"),
        ("    magnesium: {name", ZINC, "treatment/substances/zinc"),
    ],
)
def test_what_nothing_uses_is_named(clean: Path, before: str, extra: str, path: str) -> None:
    text = (clean / S).read_text("utf-8")
    assert text.count(before) == 1
    (clean / S).write_text(text.replace(before, extra + before), "utf-8")
    assert [(one.code, one.path) for one in lint(load(clean))] == [("unused", path)]
