from pathlib import Path

import pytest

from trialrun.protocol.compile import load
from trialrun.protocol.lint import Finding, lint, report
from trialrun.protocol.protocol import Protocol


def changed(study: Path, file: str, *pairs: tuple[str, str]) -> list[Finding]:
    """The findings of the bundled study with pieces of one file replaced, but for that of its labels."""
    text = (study / file).read_text("utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (study / file).write_text(text, "utf-8")
    return [finding for finding in lint(load(study)) if finding.code != "label-against-offset"]


def test_the_bundled_study_has_one_finding_and_it_is_resolved(protocol: Protocol) -> None:
    [finding] = lint(protocol)
    assert finding.code == "label-against-offset"
    assert "W1 on day 1, W3 on day 22, W6 on day 43, W9 on day 64" in finding.message
    assert finding.resolution
    assert "offsets 0, 21, 42, 63 (study days 1, 22, 43, 64)" in finding.resolution


def test_the_report_is_what_programs_read(protocol: Protocol) -> None:
    found = report(protocol)
    assert list(found) == ["study", "protocol_hash", "errors", "findings", "assumptions"]
    assert (found["study"], found["protocol_hash"], found["errors"]) == ("VASCU-IL2", protocol.hash, [])
    assert len(protocol.hash) == 64


def test_without_a_reading_the_labels_stay_open(study: Path) -> None:
    text = (study / "study.yaml").read_text("utf-8")
    start, end = text.index("labels:"), text.index("enrolment:")
    (study / "study.yaml").write_text(text[:start] + text[end:], "utf-8")
    [finding] = lint(load(study))
    assert (finding.code, finding.resolution) == ("label-against-offset", None)


@pytest.mark.parametrize(
    "labels", [("W1", "W4", "W7", "W10"), ("W0", "W3", "W6", "W9"), ("A", "B", "C", "D")]
)
def test_labels_that_agree_are_no_finding(study: Path, labels: tuple[str, ...]) -> None:
    old = ("W1", "W3", "W6", "W9")
    pairs = [(f"{{label: {a},", f"{{label: {b},") for a, b in zip(old, labels, strict=True)]
    changed(study, "study.yaml", *pairs)
    assert lint(load(study)) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "code", "path", "says"),
    [
        (
            "study.yaml",
            "lasts: 34 months",
            "lasts: 33 months",
            "sum",
            "timeline/overall",
            "18 months + 9 months + 7 months does not make 33 months",
        ),
        (
            "study.yaml",
            "lasts: 7 months",
            "lasts: 1 week",
            "sum",
            "timeline/overall",
            "does not make 34 months",
        ),
        (
            "study.yaml",
            "after: C3 + 21 days",
            "after: C3 + 28 days",
            "cycle-length",
            "treatment/cycles/C4",
            "C4 begins 28 days after C3; a cycle lasts 21 days",
        ),
        ("study.yaml", "{visit: 80 mL", "{visit: 58 mL", "blood", "visits/SCR", "the limit is 58 mL"),
        ("study.yaml", "trial: 600 mL", "trial: 300 mL", "blood", "blood_limits", "the limit is 300 mL"),
        (
            "variables.yaml",
            "variables:\n",
            "variables:\n  idle: {item: vital_signs.pulse, at: latest}\n",
            "unused-variable",
            "variables/idle",
            "No rule reads the variable idle",
        ),
        (
            "sources.yaml",
            ", context: true",
            "",
            "uncovered-statement",
            "sources/registry",
            "No element executes R5",
        ),
        (
            "study.yaml",
            "triad OR biopsy_proven",
            "triad OR biopsy_proven AND organ_worsening",
            "rule",
            "eligibility/vasculitis",
            "AND binds before OR",
        ),
    ],
)
def test_a_second_look(study: Path, file: str, old: str, new: str, code: str, path: str, says: str) -> None:
    found = changed(study, file, (old, new))
    assert (code, path) in {(finding.code, finding.path) for finding in found}
    assert any(says in finding.message for finding in found), found


def test_blood_of_a_month_is_summed(study: Path) -> None:
    found = changed(study, "study.yaml", ("month: 200 mL", "month: 60 mL"))
    assert any("in the 30 days from C1.D1 on; the limit is 60 mL" in finding.message for finding in found)


def test_a_text_without_words_in_a_language_of_the_study(study: Path) -> None:
    [found] = changed(study, "study.yaml", ("{en: Screening, fr: Sélection}, from", "{en: Screening}, from"))
    assert (found.code, found.path) == ("untranslated", "epochs/screening/title")
    assert "1 text has no words in `fr`" in found.message


def test_many_texts_without_words_are_one_finding(study: Path) -> None:
    [found] = changed(study, "study.yaml", ("languages: [en, fr]", "languages: [en, fr, de]"))
    assert found.code == "untranslated"
    assert "no words in `de`" in found.message and " more." in found.message


@pytest.mark.parametrize("masking", ["single", "double"])
def test_a_blinding_that_is_not_kept_is_a_finding(study: Path, masking: str) -> None:
    [finding] = changed(study, "study.yaml", ("masking: open", f"masking: {masking}"))
    assert (finding.code, finding.resolution) == ("masking", None)
    assert "concealing the arm is not enforced" in finding.message
