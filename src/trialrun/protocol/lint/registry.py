"""Every code that `check` can print, and its explanation."""

from __future__ import annotations

from trialrun.protocol.lint import (
    allocation,
    blood,
    contradiction,
    endpoint,
    error,
    evidence,
    rule,
    time,
    treatment,
    visit,
    words,
)
from trialrun.protocol.lint.code import Code, Example
from trialrun.protocol.problem import nearest

_ACCEPTED = Code(
    "accepted-nothing",
    means="The study accepts a finding that is not there.",
    matters="What was accepted has changed, and its reason may no longer hold.",
    mend="Remove it from `accepted`, or correct its code and path.",
    example=Example(
        "study.yaml",
        was="enrolment: {",
        now="accepted:\n  blood@visits/W6: {from: outline#3, reason: Both samples are needed.}\nenrolment: {",
    ),
    look=lambda protocol: iter(()),
)

_TOO_WIDE = Code(
    "accepted-too-wide",
    means="The study accepts a finding about rules that protect wherever it is, not at one place.",
    matters="A rule that is broken later would be accepted before anyone has seen it.",
    mend="Accept it with its path (`never-true@before_dose/fever`), once for each place.",
    example=Example(
        "study.yaml",
        was="enrolment: {",
        now="accepted:\n  never-true: {from: outline#3, reason: Looked at by the sponsor.}\nenrolment: {",
    ),
    look=lambda protocol: iter(()),
)

CODES: tuple[Code, ...] = (
    *time.CODES,
    *visit.CODES,
    *treatment.CODES,
    *allocation.CODES,
    *blood.CODES,
    *rule.CODES,
    *contradiction.CODES,
    *evidence.CODES,
    *endpoint.CODES,
    *words.CODES,
    _ACCEPTED,
    _TOO_WIDE,
    *error.CODES,
)
"""Findings first, then what the compiler refuses; a name is stable once it has been published."""


def explained(name: str) -> Code | None:
    """The code of that name."""
    return next((code for code in CODES if code.name == name), None)


def meant(name: str) -> str | None:
    """The code that was probably meant."""
    return nearest(name, [code.name for code in CODES])
