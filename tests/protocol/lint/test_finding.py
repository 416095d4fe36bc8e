"""Findings as they are told: the bundled study's, what a study accepts, and what it accepts in vain."""

from pathlib import Path

import pytest

from trialrun.protocol.compile import load
from trialrun.protocol.lint import Finding, lint, report
from trialrun.protocol.problem import ProtocolError
from trialrun.protocol.protocol import Protocol

ACCEPTED = "accepted:\n  {name}: {{from: outline#3, reason: Looked at by the sponsor.}}\nenrolment: {{"


def changed(study: Path, file: str, *pairs: tuple[str, str]) -> list[Finding]:
    """The findings of a study with pieces of one file replaced."""
    text = (study / file).read_text("utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (study / file).write_text(text, "utf-8")
    return lint(load(study))


def test_every_finding_of_the_bundled_study_is_resolved(protocol: Protocol) -> None:
    found = lint(protocol)
    assert [one for one in found if not one.resolution] == []
    label = next(one for one in found if one.code == "label-against-offset")
    assert "W1 on day 1, W3 on day 22, W6 on day 43, W9 on day 64" in label.message
    assert "offsets 0, 21, 42, 63 (study days 1, 22, 43, 64)" in str(label.resolution)


def test_the_report_is_what_programs_read(protocol: Protocol) -> None:
    found = report(protocol)
    assert list(found) == ["study", "protocol_hash", "errors", "findings", "assumptions"]
    assert (found["study"], found["protocol_hash"], found["errors"]) == ("VASCU-IL2", protocol.hash, [])
    assert len(protocol.hash) == 64


def test_without_a_reading_the_labels_stay_open(study: Path) -> None:
    text = (study / "study.yaml").read_text("utf-8")
    start, end = text.index("labels:"), text.index("enrolment:")
    (study / "study.yaml").write_text(text[:start] + text[end:], "utf-8")
    assert [one.code for one in lint(load(study)) if not one.resolution] == ["label-against-offset"]


@pytest.mark.parametrize(
    "labels", [("W1", "W4", "W7", "W10"), ("W0", "W3", "W6", "W9"), ("A", "B", "C", "D")]
)
def test_labels_that_agree_are_no_finding(study: Path, labels: tuple[str, ...]) -> None:
    old = ("W1", "W3", "W6", "W9")
    pairs = [(f"{{label: {a},", f"{{label: {b},") for a, b in zip(old, labels, strict=True)]
    assert "label-against-offset" not in {one.code for one in changed(study, "study.yaml", *pairs)}


@pytest.mark.parametrize("name", ["unused", "unused@variables/idle"])
def test_a_finding_may_be_accepted_with_a_reason(clean: Path, name: str) -> None:
    changed(clean, "study.yaml", ("enrolment: {", ACCEPTED.format(name=name)))
    idle = "variables:\n  idle: {item: laboratory.creatinine, at: latest}\n"
    [found] = changed(clean, "variables.yaml", ("variables:\n", idle))
    assert (found.code, found.resolution) == ("unused", "Looked at by the sponsor.")


@pytest.mark.parametrize("name", ["unused", "unused@variables/age", "nonsense", "blood@"])
def test_what_is_accepted_in_vain_is_a_finding(clean: Path, name: str) -> None:
    [found] = changed(clean, "study.yaml", ("enrolment: {", ACCEPTED.format(name=name)))
    assert (found.code, found.path, found.resolution) == ("accepted-nothing", f"accepted/{name}", None)


def test_accepting_needs_a_reason(clean: Path) -> None:
    silent = "accepted:\n  unused: {from: outline#3}\nenrolment: {"
    with pytest.raises(ProtocolError, match="`reason` is missing"):
        changed(clean, "study.yaml", ("enrolment: {", silent))


def test_many_texts_without_words_are_one_finding(clean: Path) -> None:
    [found] = changed(clean, "study.yaml", ("languages: [en, fr]", "languages: [en, fr, de]"))
    assert found.code == "untranslated"
    assert "no words in `de`" in found.message and " more." in found.message


FEVER = ("temperature >= '38.5 Cel'", "temperature >= '40 Cel' AND temperature < '39 Cel'")


def test_what_protects_is_accepted_at_its_place(clean: Path) -> None:
    named = ACCEPTED.format(name="never-true@before_dose/fever")
    [found] = changed(clean, "study.yaml", FEVER, ("enrolment: {", named))
    assert (found.code, found.resolution) == ("never-true", "Looked at by the sponsor.")


def test_what_protects_is_not_accepted_everywhere(clean: Path) -> None:
    found = changed(clean, "study.yaml", FEVER, ("enrolment: {", ACCEPTED.format(name="never-true")))
    assert [(one.code, one.path, one.resolution) for one in found] == [
        ("never-true", "before_dose/fever", None),
        ("accepted-too-wide", "accepted/never-true", None),
    ]
