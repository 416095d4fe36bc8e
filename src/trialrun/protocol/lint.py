"""What is legal but deserves a second look: findings, each with its resolution where the study gives one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from trialrun.protocol.allocation import Blocks
from trialrun.protocol.protocol import Protocol, Timepoint
from trialrun.protocol.text import Text
from trialrun.protocol.trace import assumptions, trace

MONTH = 30  # days, over which blood is summed
SHOWN = 3  # texts that a finding names


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
    checks = (_sums, _labels, _lengths, _blood, _misread, _unused, _uncovered, _untranslated)
    return [finding for check in checks for finding in check(protocol)]


def report(protocol: Protocol) -> dict[str, Any]:
    """What `trialrun check --json` prints for a study that compiles."""
    return {
        "study": protocol.id,
        "protocol_hash": protocol.hash,
        "errors": [],
        "findings": [finding.as_json() for finding in lint(protocol)],
        "assumptions": assumptions(protocol),
    }


def _sums(protocol: Protocol) -> Iterator[Finding]:
    timeline = protocol.study.timeline
    for name, milestone in timeline.items():
        parts = [timeline[part].lasts for part in milestone.sum_of]
        total = sum(part.days for part in parts if part)
        if milestone.lasts and milestone.sum_of and round(total - milestone.lasts.days, 3):
            said = " + ".join(str(part) for part in parts)
            yield Finding("sum", f"timeline/{name}", f"{said} does not make {milestone.lasts}.")


def _labels(protocol: Protocol) -> Iterator[Finding]:
    """A week label W<n> is week n counted from 1, or n weeks elapsed; all cycles must agree on one."""
    weeks = {}
    for cycle in protocol.cycles:
        match = re.fullmatch(r"W([0-9]+)", protocol.study.treatment.cycles[cycle].label)
        if match:
            weeks[cycle] = (int(match[1]), protocol.timepoints[f"{cycle}.D1"].offset)
    counted = {cycle for cycle, (week, offset) in weeks.items() if offset // 7 + 1 == week}
    elapsed = {cycle for cycle, (week, offset) in weeks.items() if offset == 7 * week}
    if not weeks or counted == set(weeks) or elapsed == set(weeks):
        return
    said = ", ".join(f"W{week} on day {offset + 1}" for week, offset in weeks.values())
    week, offset = next(found for cycle, found in weeks.items() if cycle not in counted)
    message = (
        f"Labels and offsets disagree: {said}. Counted from week 1, W{week} would begin on day "
        f"{7 * (week - 1) + 1}; its offset of {offset} days puts it on day {offset + 1}."
    )
    yield Finding("label-against-offset", "treatment/cycles", message, _read_as(protocol, weeks, elapsed))


def _read_as(protocol: Protocol, weeks: dict[str, tuple[int, int]], elapsed: set[str]) -> str | None:
    """How the study says its labels are to be read, if that fits all of them."""
    labels = protocol.study.labels
    first = {f"W{week}" for cycle, (week, _) in weeks.items() if cycle not in elapsed}
    if labels is None or labels.weeks != "elapsed" or first != {labels.first}:
        return None
    offsets = ", ".join(str(offset) for _, offset in weeks.values())
    days = ", ".join(str(offset + 1) for _, offset in weeks.values())
    rest = ", ".join(f"W{week}" for cycle, (week, _) in weeks.items() if cycle in elapsed)
    reading = f"{labels.first} names the week of the first injection and {rest} count weeks elapsed"
    return f"{reading}: offsets {offsets} (study days {days}). {labels.reason}"


def _lengths(protocol: Protocol) -> Iterator[Finding]:
    """A cycle that begins after another number of days than a cycle is said to last."""
    length = protocol.study.treatment.cycle_length
    for name, cycle in protocol.study.treatment.cycles.items():
        if cycle.after and cycle.after.offset != length.days:
            apart = f"{cycle.after.offset:g} days after {cycle.after.after}"
            message = f"{name} begins {apart}; a cycle lasts {length}."
            yield Finding("cycle-length", f"treatment/cycles/{name}", message)


def _blood(protocol: Protocol) -> Iterator[Finding]:
    """Visits, months and a whole participation that take more blood than the study's limits."""
    limits = protocol.study.blood_limits
    if limits is None:
        return
    drawn = [
        (point, _volume(protocol, point)) for point in protocol.timepoints.values() if point.only is None
    ]
    for point, volume in drawn:
        if volume > limits.visit.millilitres:
            yield Finding(
                "blood",
                f"visits/{point.id}",
                f"{volume:g} mL are drawn at {point.id}; the limit is {limits.visit}.",
            )
        month = sum(other for late, other in drawn if 0 <= late.offset - point.offset < MONTH)
        if volume and month > limits.month.millilitres:
            message = (
                f"{month:g} mL are drawn in the {MONTH} days from {point.id} on; the limit is {limits.month}."
            )
            yield Finding("blood", f"visits/{point.id}", message)
    total = sum(volume for _, volume in drawn)
    if total > limits.trial.millilitres:
        yield Finding("blood", "blood_limits", f"{total:g} mL are drawn in all; the limit is {limits.trial}.")


def _volume(protocol: Protocol, point: Timepoint) -> float:
    """Millilitres drawn at a timepoint: the blood of its activities and its specimens."""
    activities = [protocol.activity(name) for name in dict.fromkeys(task.activity for task in point.tasks)]
    specimens = [protocol.study.specimens[name].volume for name in point.specimens]
    return sum(one.blood.millilitres for one in activities if one.blood) + sum(
        one.millilitres for one in specimens
    )


def _misread(protocol: Protocol) -> Iterator[Finding]:
    for name, rule in protocol.rules.items():
        for note in rule.notes:
            yield Finding("rule", name.replace(".", "/"), f"{note[0].upper()}{note[1:]}.")


def _unused(protocol: Protocol) -> Iterator[Finding]:
    read = {name for rule in protocol.rules.values() for name in rule.reads} | set(_named(protocol))
    for name in protocol.variables:
        if name not in read:
            yield Finding("unused-variable", f"variables/{name}", f"No rule reads the variable {name}.")


def _named(protocol: Protocol) -> Iterator[str]:
    """Variables that are read by name, outside any rule: strata, measures of doses, dates of events."""
    study = protocol.study
    if study.enrolment.strata:
        yield study.enrolment.strata.by
    yield from study.allocation.strata if isinstance(study.allocation, Blocks) else ()
    yield from (level.of for level in study.treatment.levels.values() if level.of)
    yield from (point.event for point in protocol.timepoints.values() if point.event)


def _uncovered(protocol: Protocol) -> Iterator[Finding]:
    listed = trace(protocol)
    for statement in [*listed["statements"], *listed["further"]]:
        if not statement["elements"] and not statement["context"]:
            message = f"No element executes {statement['id']}: {statement['says']}"
            yield Finding("uncovered-statement", f"sources/{statement['source']}", message)


def _untranslated(protocol: Protocol) -> Iterator[Finding]:
    """Texts without words in one of several languages; `W11` or `1` is the same in all of them."""
    languages = protocol.study.languages
    files = {**dict(protocol.study), "forms": protocol.forms, "variables": protocol.variables}
    texts = [*_texts(files, ""), *_texts(protocol.sources, "")] if len(languages) > 1 else []
    for language in languages:
        missing = [
            path
            for path, text in texts
            if language not in text.languages and re.search(r"[^\W\d_A-Z]{2}", text(text.languages[0]))
        ]
        if missing:
            more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
            texts_have = "texts have" if len(missing) > 1 else "text has"
            message = (
                f"{len(missing)} {texts_have} no words in `{language}`, a language of the study: "
                f"{', '.join(missing[:SHOWN])}{more}."
            )
            yield Finding("untranslated", missing[0], message)


def _texts(value: Any, path: str) -> Iterator[tuple[str, Text]]:
    """Every text of the study files, with its path."""
    if isinstance(value, Text):
        yield path, value
        return
    inside: Any = ()
    if isinstance(value, BaseModel):
        inside = value
    elif isinstance(value, Mapping):
        inside = value.items()
    elif isinstance(value, list | tuple):
        inside = enumerate(value)
    for name, one in inside:
        yield from _texts(one, f"{path}/{name}".lstrip("/"))
