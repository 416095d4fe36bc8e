"""The schedule of activities of a study: its columns, rows, marks and footnotes, ready to be set."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from trialrun import __version__
from trialrun.protocol.calendar import dose_unit
from trialrun.protocol.element import Sourced
from trialrun.protocol.plan import ANY_TIME, EVERY_DOSE
from trialrun.protocol.protocol import Dose, Protocol, Timepoint
from trialrun.protocol.schedule import Activity
from trialrun.protocol.trace import assumptions
from trialrun.report.language import Language
from trialrun.report.schedule.column import Column, columns
from trialrun.report.schedule.footnote import (
    Note,
    Notes,
    of_activity,
    of_blood,
    of_column,
    of_course,
    of_days,
    of_doses,
    of_windows,
    volume,
)

DONE = "X"
GROUPS = (
    "screening", "treatment", "safety", "laboratory", "specimens", "assessments", "decisions", "other",
    "throughout",
)  # fmt: skip
"""The headings over the rows, in their order."""
DOMAINS = {
    "safety": ("AE", "VS", "EG", "PE", "CV", "RE", "RP", "SR", "HO"),
    "laboratory": ("LB", "MB", "UR", "GF", "MI", "MS", "IS", "BS", "BE", "PC", "PP", "CP"),
    "assessments": ("RS", "QS", "FA", "CE", "FT", "TU", "TR", "SC", "MK", "NV", "OE", "SS", "DD"),
}
"""SDTM domains of the forms of an activity, by heading: the study says them, so that nothing is guessed."""
SECTIONS = (
    "treatment", "before_course", "before_dose", "stops", "decisions", "visits", "activities", "specimens",
    "blood_limits",
)  # fmt: skip
"""The sections of the study file that this schedule shows, and whose assumptions it lists."""


@dataclass(frozen=True)
class Head:
    """One column with the letters of its footnotes; those of its course stand over the course."""

    column: Column
    course_notes: tuple[str, ...]
    notes: tuple[str, ...]
    assumed: bool


@dataclass(frozen=True)
class Row:
    """One row: a cell for each column, empty where nothing is done."""

    id: str
    title: str
    detail: str
    notes: tuple[str, ...]
    assumed: bool
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Schedule:
    """Everything a schedule of activities shows, in one language."""

    study: str
    version: str
    title: str
    standing: str | None
    hash: str
    software: str
    words: Language
    heads: tuple[Head, ...]
    day_notes: tuple[str, ...]
    window_notes: tuple[str, ...]
    groups: tuple[Group, ...]
    total: Row | None
    notes: tuple[tuple[str, Note], ...]
    assumed: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]  # group of elements, (element, reason)

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows from top to bottom."""
        return (*(row for group in self.groups for row in group.rows), *((self.total,) if self.total else ()))


def schedule(protocol: Protocol, words: Language) -> Schedule:
    """The schedule of activities of a study. Letters are given to footnotes in the order one reads."""
    notes = Notes()
    drawn = columns(protocol, words)
    heads = _heads(protocol, drawn, notes, words)
    day_notes, window_notes = notes.call(of_days(words)), notes.call(of_windows(protocol, words))
    groups = tuple(_groups(protocol, drawn, notes, words))
    total = _total(protocol, drawn, notes, words)
    return Schedule(
        study=protocol.id,
        version=protocol.study.version,
        title=protocol.study.title(words.code),
        standing=protocol.study.standing(words.code) if protocol.study.standing else None,
        hash=protocol.hash,
        software=f"trialrun {__version__}",
        words=words,
        heads=heads,
        day_notes=day_notes,
        window_notes=window_notes,
        groups=groups,
        total=total,
        notes=tuple((mark, note) for note, mark in notes.letters.items()),
        assumed=tuple(_assumed(protocol, words)),
    )


def plain(made: Schedule) -> dict[str, Any]:
    """The schedule as plain JSON; a column names its timepoints."""
    columns = [
        {
            "timepoints": list(head.column.ids),
            "kind": head.column.kind,
            "epoch": head.column.epoch,
            "course": head.column.course or None,
            "label": head.column.label,
            "day": head.column.day,
            "window": head.column.window,
            "arms": list(head.column.points[0].arms) if head.column.points else [],
            "notes": [*head.course_notes, *head.notes],
            "assumed": head.assumed,
        }
        for head in made.heads
    ]
    rows = [{"group": group.title, **asdict(row)} for group in made.groups for row in group.rows]
    return {
        "study": made.study,
        "version": made.version,
        "protocol_hash": made.hash,
        "language": made.words.code,
        "title": made.title,
        "standing": made.standing,
        "columns": columns,
        "rows": rows,
        "blood": asdict(made.total) if made.total else None,
        "notes": [
            {"letter": mark, "text": note.text, "items": list(note.items)} for mark, note in made.notes
        ],
        "assumptions": [
            {"group": group, "element": about, "reason": reason}
            for group, listed in made.assumed
            for about, reason in listed
        ],
    }


# ---- columns -----------------------------------------------------------------------------------------


def _heads(protocol: Protocol, drawn: Sequence[Column], notes: Notes, words: Language) -> tuple[Head, ...]:
    """The letters over courses come first, as they stand in a row above the others."""
    over = [notes.call(of_course(protocol, column, words)) if column.courses else () for column in drawn]
    return tuple(
        Head(column, above, notes.call(of_column(protocol, column, words)), _is_assumed(protocol, column))
        for column, above in zip(drawn, over, strict=True)
    )


def _is_assumed(protocol: Protocol, column: Column) -> bool:
    return any(element.assumed for point in column.points for element in _element(protocol, point))


def _element(protocol: Protocol, point: Timepoint) -> Iterator[Sourced]:
    """The element of the study file that a timepoint is."""
    study = protocol.study
    if point.kind == "course" and point.cycle in study.treatment.cycles:
        yield study.treatment.cycles[point.cycle]
    if point.kind == "visit" and point.id in study.visits:
        yield study.visits[point.id]
    if point.kind == "decision":
        yield study.decisions[point.id]


# ---- rows --------------------------------------------------------------------------------------------


def _groups(protocol: Protocol, drawn: Sequence[Column], notes: Notes, words: Language) -> Iterator[Group]:
    """The activities in the author's order, under the headings that have any."""
    activities = protocol.study.activities
    grouped: dict[str, list[str]] = {group: [] for group in GROUPS}
    for name, activity in activities.items():
        grouped[_group(protocol, activity, _at(protocol, name, activity))].append(name)
    for group, names in grouped.items():
        rows = tuple(row for name in names for row in _rows(protocol, name, drawn, notes, words))
        if rows:
            yield Group(words(f"soa.group.{group}"), rows)


def _group(protocol: Protocol, activity: Activity, at: Sequence[Timepoint]) -> str:
    """The heading of an activity, from when it is done and from the SDTM domain of its first form."""
    recorded = protocol.study.recorded_on
    if recorded.injection in activity.forms:
        return "treatment"
    if ANY_TIME in activity.at or recorded.end.partition(".")[0] in activity.forms:
        return "throughout"
    if at and all(point.offset < 0 for point in at):
        return "screening"
    if at and all(point.kind == "decision" for point in at):
        return "decisions"
    if activity.specimens:
        return "specimens"
    domain = protocol.forms[activity.forms[0]].domain if activity.forms else ""
    return next((group for group, domains in DOMAINS.items() if domain in domains), "other")


def _at(protocol: Protocol, name: str, activity: Activity) -> list[Timepoint]:
    """Where an activity is done: where it has a task, or where another has its forms already."""

    def named(point: Timepoint) -> bool:
        return any(
            bool(point.dose) if pattern == EVERY_DOSE else fnmatchcase(point.id, pattern)
            for pattern in activity.at
        )

    points = protocol.timepoints.values()
    return [point for point in points if any(task.activity == name for task in point.tasks) or named(point)]


def _rows(
    protocol: Protocol, name: str, drawn: Sequence[Column], notes: Notes, words: Language
) -> Iterator[Row]:
    """The row of an activity; where doses are given, a row for each substance instead, with the amounts."""
    activity = protocol.activity(name)
    title = activity.title(words.code)
    done = {point.id for point in _at(protocol, name, activity)}
    if protocol.study.recorded_on.injection not in activity.forms:
        called = notes.call(of_activity(protocol, name, activity, words))
        cells = tuple(_cell(column, done, activity) for column in drawn)
        detail = volume(activity.blood, words) if activity.blood else ""
        yield Row(name, title, detail, called, activity.assumed, cells)
        return
    called = notes.call(_both(of_activity(protocol, name, activity, words), of_doses(protocol, words)))
    for kind in dict.fromkeys(
        (dose.substance, dose.per) for point in protocol.doses for dose in _doses(point)
    ):
        dose = next(
            one for point in protocol.doses for one in _doses(point) if (one.substance, one.per) == kind
        )
        about = protocol.study.treatment.substances[dose.substance].name(words.code)
        detail = words("soa.amounts", substance=about, unit=dose_unit(protocol, dose, words.code))
        cells = tuple(_amounts(column, kind, words) for column in drawn)
        yield Row(name, title, detail, called, activity.assumed, cells)


def _doses(point: Timepoint) -> list[Dose]:
    """The doses of a dose day: one, or one for each arm."""
    return list(point.doses.values()) or ([point.dose] if point.dose else [])


def _both(*several: Iterator[Note]) -> Iterator[Note]:
    for notes in several:
        yield from notes


def _cell(column: Column, done: set[str], activity: Activity) -> str:
    here = ANY_TIME in activity.at if column.kind == ANY_TIME else column.ids[0] in done
    return DONE if here else ""


def _amounts(column: Column, kind: tuple[str, str | None], words: Language) -> str:
    """The amount of one dose of a substance; of arms that differ, each."""
    doses = [dose for point in column.points for dose in _doses(point) if (dose.substance, dose.per) == kind]
    return " / ".join(dict.fromkeys(words.number(dose.amount) for dose in doses))


def _total(protocol: Protocol, drawn: Sequence[Column], notes: Notes, words: Language) -> Row | None:
    """The blood drawn at each visit; None where none is drawn."""
    drawn_at = {name: blood(protocol, point) for name, point in protocol.timepoints.items()}
    if not any(drawn_at.values()):
        return None
    planned = max(
        sum(drawn_at[point.id] for point in protocol.timepoints.values() if _expected(point, arm))
        for arm in protocol.arms or (None,)
    )
    amounts = [drawn_at[column.ids[0]] if column.points else 0 for column in drawn]
    cells = tuple(words.number(amount) if amount else "" for amount in amounts)
    limits = protocol.study.blood_limits
    called = notes.call(of_blood(protocol, planned, words))
    return Row("blood", words("soa.blood"), "", called, limits is not None and limits.assumed, cells)


def _expected(point: Timepoint, arm: str | None) -> bool:
    return point.only is None and point.planned and point.of(arm)


def blood(protocol: Protocol, point: Timepoint) -> float:
    """Millilitres drawn at a timepoint: for its activities, and as specimens."""
    activities = (protocol.activity(name) for name in dict.fromkeys(task.activity for task in point.tasks))
    specimens = (protocol.study.specimens[name].volume.millilitres for name in point.specimens)
    return sum(activity.blood.millilitres for activity in activities if activity.blood) + sum(specimens)


# ---- what is assumed -----------------------------------------------------------------------------------


def _assumed(protocol: Protocol, words: Language) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """The assumptions of what the schedule shows, by section of the study file."""
    listed: dict[str, list[tuple[str, str]]] = {section: [] for section in SECTIONS}
    for each in assumptions(protocol, words.code):
        section, _, rest = each["element"].partition("/")
        if section in listed:
            about = each["about"].partition(": ")[2] or rest.replace("/", " › ") or each["about"]
            listed[section].append((about, each["reason"]))
    for section, found in listed.items():
        if found:
            yield words(f"group.{section}"), tuple(_once(found))


def _once(found: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """A reason that the members of a series share is told once, of the first to the last."""
    told: dict[str, list[str]] = {}
    for about, reason in found:
        told.setdefault(reason, []).append(about)
    for reason, names in told.items():
        stem = {re.sub(r"[0-9]+", "", name) for name in names}
        if len(names) > 1 and len(stem) == 1:
            yield f"{names[0]} … {names[-1]}", reason
        else:
            yield from ((name, reason) for name in names)
