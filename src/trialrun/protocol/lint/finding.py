"""What is legal but deserves a second look: findings, each with its resolution where the study gives one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from trialrun.protocol.lint.registry import CODES
from trialrun.protocol.problem import Place
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.source import Source, parse
from trialrun.protocol.trace import assumptions

_FILE = {
    "forms": "forms.yaml",
    "variables": "variables.yaml",
    **dict.fromkeys(("sources", "published"), "sources.yaml"),
}
"""Section -> the file it stands in; all others stand in study.yaml."""
NOT_PLACED = Place("study.yaml")
STALE = "accepted-nothing"
WIDE = "accepted-too-wide"
NARROW = frozenset(code.name for code in CODES if code.narrow)


@dataclass(frozen=True)
class Finding:
    """One remark: its code, what it is about and where that is written, and how the study resolves it (None =
    open)."""

    code: str
    path: str
    message: str
    resolution: str | None = None
    place: Place = NOT_PLACED

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "file": self.place.file,
            "line": self.place.line,
            "column": self.place.column,
            "path": self.path,
            "message": self.message,
            "resolution": self.resolution,
        }


def lint(protocol: Protocol) -> list[Finding]:
    """All findings, by code, those that the study has accepted with the reason it gives."""
    found = [
        Finding(code.name, one.path, one.message, one.resolution)
        for code in CODES
        if code.look
        for one in code.look(protocol)
    ]
    listed = [*(_accepted(protocol, one) for one in found), *_stale(protocol, found)]
    return [replace(one, place=_place(protocol, one.path)) for one in listed]


def _place(protocol: Protocol, path: str) -> Place:
    """Where in the files a path is written, a member of a series where its series is."""
    section, _, rest = path.partition("/")
    file = _FILE.get(section, "study.yaml")
    steps = (section, rest) if section == "accepted" else (section, *rest.split("/"))
    return _source(file, protocol.files[file]).key_place(steps)


@lru_cache(maxsize=8)
def _source(file: str, text: str) -> Source:
    return parse(text, file)


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
