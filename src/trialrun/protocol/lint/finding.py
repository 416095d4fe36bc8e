"""What is legal but deserves a second look: findings, each with its resolution where the study gives one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from trialrun.protocol.lint.registry import CODES
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.trace import assumptions

STALE = "accepted-nothing"
WIDE = "accepted-too-wide"
NARROW = frozenset(code.name for code in CODES if code.narrow)


@dataclass(frozen=True)
class Finding:
    """One remark: its code, what it is about, and how the study resolves it (None = open)."""

    code: str
    path: str
    message: str
    resolution: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "path": self.path, "message": self.message, "resolution": self.resolution}


def lint(protocol: Protocol) -> list[Finding]:
    """All findings, by code, those that the study has accepted with the reason it gives."""
    found = [
        Finding(code.name, one.path, one.message, one.resolution)
        for code in CODES
        if code.look
        for one in code.look(protocol)
    ]
    return [*(_accepted(protocol, one) for one in found), *_stale(protocol, found)]


def report(protocol: Protocol) -> dict[str, Any]:
    """What `trialrun check --json` prints for a study that compiles."""
    return {
        "study": protocol.id,
        "protocol_hash": protocol.hash,
        "errors": [],
        "findings": [finding.as_json() for finding in lint(protocol)],
        "assumptions": assumptions(protocol),
    }


def _names(finding: Finding) -> tuple[str, ...]:
    """How a study may call a finding: at its place, or wherever it is unless it is about protection."""
    here = f"{finding.code}@{finding.path}"
    return (here,) if finding.code in NARROW else (here, finding.code)


def _accepted(protocol: Protocol, finding: Finding) -> Finding:
    accepted = protocol.study.accepted
    reason = next((accepted[name].reason for name in _names(finding) if name in accepted), None)
    return replace(finding, resolution=reason) if reason and not finding.resolution else finding


def _stale(protocol: Protocol, found: list[Finding]) -> Iterator[Finding]:
    """What is accepted and is not there (any more), or may not be accepted everywhere."""
    named = {name for one in found for name in _names(one)}
    for key in protocol.study.accepted:
        if key in NARROW:
            message = f"`{key}` is about rules that protect: it is accepted at one place (`{key}@...`)."
            yield Finding(WIDE, f"accepted/{key}", message)
        elif key not in named:
            yield Finding(STALE, f"accepted/{key}", f"`{key}` is accepted, and there is no such finding.")
