"""What is legal but deserves a second look: findings, each with its resolution where the study gives one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trialrun.protocol.protocol import Protocol
from trialrun.protocol.trace import assumptions, trace


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
    """All findings, in the order of the study file."""
    return [*_labels(protocol), *_sums(protocol), *_uncovered(protocol)]


def report(protocol: Protocol) -> dict[str, Any]:
    """What `trialrun check --json` prints for a study that compiles."""
    return {
        "study": protocol.id,
        "protocol_hash": protocol.hash,
        "errors": [],
        "findings": [finding.as_json() for finding in lint(protocol)],
        "assumptions": assumptions(protocol),
    }


def _labels(protocol: Protocol) -> Iterator[Finding]:
    """A week label W<n> is week n counted from 1, or n weeks elapsed; the labels of the cycles must agree on one."""
    weeks = {}
    for cycle in protocol.cycles:
        match = re.fullmatch(r"W([0-9]+)", protocol.study.treatment.cycles[cycle].label)
        if match:
            weeks[cycle] = (int(match[1]), protocol.timepoints[f"{cycle}.D1"].offset)
    counted = {cycle for cycle, (week, offset) in weeks.items() if offset // 7 + 1 == week}
    elapsed = {cycle for cycle, (week, offset) in weeks.items() if offset == 7 * week}
    if not weeks or counted == set(weeks) or elapsed == set(weeks):
        return
    labels = protocol.study.labels
    said = ", ".join(f"W{week} on day {offset + 1}" for week, offset in weeks.values())
    clash = next((week, offset) for cycle, (week, offset) in weeks.items() if cycle not in counted)
    message = (
        f"Labels and offsets disagree: {said}. Counted from week 1, W{clash[0]} would begin on day "
        f"{7 * (clash[0] - 1) + 1}; its offset of {clash[1]} days puts it on day {clash[1] + 1}."
    )
    yield Finding("label-against-offset", "treatment/cycles", message, _label_resolution(protocol, weeks, elapsed) if labels else None)


def _label_resolution(protocol: Protocol, weeks: dict[str, tuple[int, int]], elapsed: set[str]) -> str | None:
    labels = protocol.study.labels
    first = {f"W{week}" for cycle, (week, _) in weeks.items() if cycle not in elapsed}
    if labels is None or labels.weeks != "elapsed" or first != {labels.first}:
        return None
    offsets = ", ".join(str(offset) for _, offset in weeks.values())
    days = ", ".join(str(offset + 1) for _, offset in weeks.values())
    rest = ", ".join(f"W{week}" for cycle, (week, _) in weeks.items() if cycle in elapsed)
    return f"{labels.first} names the week of the first injection and {rest} count weeks elapsed: offsets {offsets} (study days {days}). {labels.reason}"


def _sums(protocol: Protocol) -> Iterator[Finding]:
    timeline = protocol.study.timeline
    for name, milestone in timeline.items():
        parts = [timeline[part].lasts for part in milestone.sum_of]
        total = sum(part.months for part in parts if part)
        if milestone.lasts and milestone.sum_of and total != milestone.lasts.months:
            said = " + ".join(str(part) for part in parts)
            yield Finding("sum", f"timeline/{name}", f"{said} is {total} months, not {milestone.lasts}.")


def _uncovered(protocol: Protocol) -> Iterator[Finding]:
    for statement in trace(protocol)["statements"]:
        if not statement["elements"] and not statement["context"]:
            message = f"No element executes {statement['id']}: {statement['says']}"
            yield Finding("uncovered-statement", f"sources/{statement['source']}", message)
