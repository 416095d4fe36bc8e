"""The columns of the schedule: timepoints in the order of the plan, alike ones together in one.

Dose days of a course that follow each other at one distance and have all in common share a column
(``D2–D4``); courses that follow each other and have the same columns share those (``W3, W6, W9, each``).
A shared column tells its study days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from trialrun.protocol.plan import ANY_TIME, LAST_DOSE
from trialrun.protocol.protocol import Protocol, Timepoint
from trialrun.protocol.rule_prose import course_label
from trialrun.protocol.text import Text
from trialrun.report.language import MINUS, Language

WRITTEN = 4  # courses in a shared column that are written out; of more, the first, the second and the last
NO_WORDS = Text((("en", ""),))


@dataclass(frozen=True)
class Column:
    """One column: the timepoints that share it (none: at any time), and the words of its head.

    ``courses`` are the ids of the courses it belongs to, several if they are alike; ``day`` its planned
    study days; ``window`` how many days before and after, hours with their unit.
    """

    points: tuple[Timepoint, ...]
    kind: str  # visit | course | decision | any time
    epoch: str
    courses: tuple[str, ...] = ()
    course: str = ""
    label: str = ""
    day: str = ""
    window: str = ""

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(point.id for point in self.points)


def columns(protocol: Protocol, words: Language) -> list[Column]:
    """Every timepoint once, and at the end a column for what is done at any time, if anything is."""
    found: list[Column] = []
    for cycle, points in _blocks(protocol):
        drawn = [_column(protocol, run, cycle, words) for run in _runs(points)]
        before = _of_last_course(found) if cycle else []
        if _alike(before, drawn):
            found[-len(drawn) :] = [
                _shared(protocol, old.points + new.points, (*old.courses, *new.courses), words)
                for old, new in zip(before, drawn, strict=True)
            ]
        else:
            found += drawn
    if any(ANY_TIME in activity.at for activity in protocol.study.activities.values()):
        found.append(Column((), ANY_TIME, words("soa.any")))
    return found


def has_day(point: Timepoint) -> bool:
    """Whether its study day is known once the first dose is, if everything runs on time."""
    return point.planned and (point.anchor is None or point.anchor.after != LAST_DOSE)


# ---- which timepoints stand together ---------------------------------------------------------------


def _blocks(protocol: Protocol) -> Iterator[tuple[str | None, list[Timepoint]]]:
    """Courses, each with its visits and decisions, and visits that stand alone, by epoch and day.

    What only some have, or what has no day of its own until something happens, ends its epoch.
    """
    points = list(protocol.timepoints.values())
    epochs = list(dict.fromkeys(point.epoch for point in points))
    starts: dict[str, int] = {}
    for point in points:
        if point.cycle:
            starts.setdefault(point.cycle, point.offset)

    def place(point: Timepoint) -> tuple[int, bool, int, int]:
        apart = point.only is not None or not has_day(point)
        start = starts[point.cycle] if point.cycle else point.offset
        return epochs.index(point.epoch), apart, start, list(starts).index(point.cycle) if point.cycle else -1

    def block(point: Timepoint) -> tuple[str, str]:
        return point.epoch, point.cycle or ("as needed" if point.as_needed else point.id)

    for _, group in groupby(sorted(points, key=place), key=block):
        listed = list(group)
        yield listed[0].cycle, listed


def _runs(points: Sequence[Timepoint]) -> Iterator[tuple[Timepoint, ...]]:
    """Dose days in a row with all in common, at one distance; visits as needed; anything else alone."""
    run: list[Timepoint] = []
    for point in points:
        if run and not _continues(run, point):
            yield tuple(run)
            run = []
        run.append(point)
    yield tuple(run)


def _continues(run: Sequence[Timepoint], point: Timepoint) -> bool:
    if _content(run[0]) != _content(point):
        return False
    return point.as_needed or (point.dose is not None and _distance([*run, point]) is not None)


def _content(point: Timepoint, of_any_course: bool = False) -> Timepoint:
    """A timepoint without its name and day, so that what is done and given there can be compared."""
    bare = replace(point, id="", label=NO_WORDS, offset=0, anchor=None, course_day=None)
    return replace(bare, cycle=None) if of_any_course else bare


def _of_last_course(found: Sequence[Column]) -> list[Column]:
    """The last columns, as far as they belong to the same courses."""
    last = found[-1] if found else None
    if last is None or not last.courses:
        return []
    return [column for column in found if (column.epoch, column.courses) == (last.epoch, last.courses)]


def _alike(before: Sequence[Column], drawn: Sequence[Column]) -> bool:
    """Whether a course has the columns of the one before it: same days, labels, tasks and doses."""
    if not before or len(before) != len(drawn) or before[0].epoch != drawn[0].epoch:
        return False
    return all(
        old.label == new.label
        and "decision" not in (old.kind, new.kind)
        and _same(before[0], old, drawn[0], new)
        for old, new in zip(before, drawn, strict=True)
    )


def _same(first: Column, old: Column, start: Column, new: Column) -> bool:
    mine = [
        (point.offset - first.points[0].offset, _content(point, True))
        for point in old.points
        if point.cycle == first.points[0].cycle
    ]
    return mine == [(point.offset - start.points[0].offset, _content(point, True)) for point in new.points]


# ---- the words of a head -----------------------------------------------------------------------------


def _column(protocol: Protocol, run: tuple[Timepoint, ...], cycle: str | None, words: Language) -> Column:
    return _shared(protocol, run, (cycle,) if cycle else (), words)


def _shared(
    protocol: Protocol, points: tuple[Timepoint, ...], courses: tuple[str, ...], words: Language
) -> Column:
    """The column of timepoints that are alike, course by course."""
    point = points[0]
    runs = [tuple(group) for _, group in groupby(points, key=lambda point: point.cycle)]
    every = _distance([run[0] for run in runs])
    return Column(
        points=points,
        kind=point.kind,
        epoch=protocol.study.epochs[point.epoch].title(words.code),
        courses=courses,
        course=_courses(protocol, courses, every, words) + _of_arms(protocol, point, words),
        label=_label(protocol, runs[0], words),
        day=_listed([_days(protocol, run, words) for run in runs], every),
        window=window(point, words),
    )


def _distance(points: Sequence[Timepoint]) -> int | None:
    """Days from one to the next, where that is always as many."""
    apart = {late.offset - early.offset for early, late in pairwise(points)}
    return apart.pop() if len(apart) == 1 else None


def _courses(protocol: Protocol, courses: Sequence[str], every: int | None, words: Language) -> str:
    """``Course W3``, or ``Courses W3, W6, W9, each``; of many, how many and how far apart."""
    labels = [course_label(protocol.timepoints[f"{course}.D1"], words.code) for course in courses]
    if len(labels) < 2:
        return words("soa.course", label=labels[0]) if labels else ""
    said = words("soa.courses", labels=_listed(labels, every))
    many = every and len(labels) > WRITTEN
    return f"{said} ({words('soa.many', count=len(labels), days=every)})" if many else said


def _of_arms(protocol: Protocol, point: Timepoint, words: Language) -> str:
    """``, Active``: the arms that have the course, where not all have."""
    if not point.cycle or not point.arms:
        return ""
    return f", {words.listed([protocol.study.arms[arm].title(words.code) for arm in point.arms])}"


def _listed(parts: Sequence[str], every: int | None) -> str:
    """All of them; of many at one distance, enough to tell the others."""
    parts = list(dict.fromkeys(parts))
    return ", ".join([*parts[:2], "…", parts[-1]] if every and len(parts) > WRITTEN else parts)


def _label(protocol: Protocol, run: Sequence[Timepoint], words: Language) -> str:
    """What people call it, without the course, which stands above: ``D1``, ``D2–D4``."""
    said = [point.label(words.code) for point in run]
    if run[0].cycle:
        course = course_label(protocol.timepoints[f"{run[0].cycle}.D1"], words.code)
        said = [label.removeprefix(f"{course} ") for label in said]
    if run[0].as_needed and len(said) > 1:
        return f"{said[0]}–{said[-1].rsplit(' ', 1)[-1]}"
    if len(said) < 3:
        return ", ".join(said)
    every = _distance(run) or 1
    return f"{said[0]}–{said[-1]}" + (f", {words('soa.every', days=every)}" if every > 1 else "")


def _days(protocol: Protocol, run: Sequence[Timepoint], words: Language) -> str:
    """The study days of one course's dose days, of a visit, or of the first to last day of a decision."""
    first, last = run[0], run[-1]
    if first.as_needed:
        return words("soa.as_needed")
    if first.anchor is not None and not has_day(first):
        return words(
            "soa.counted",
            what=words("soa.from.event" if first.event else "soa.from.last"),
            days=f"{first.anchor.offset:g}",
        )
    days = [first.day] if first is last else [first.day, last.day]
    if first.kind == "decision" and first.window.after:
        days = [first.day, first.day + int(first.window.after)]
    return (", " if len(run) == 2 else "–").join(str(day).replace("-", MINUS) for day in days)


def window(point: Timepoint, words: Language) -> str:
    """``±3``, ``−2/+7``, ``+1``, hours with their unit; days are the unit of the row.

    Nothing for a decision, whose days say it already, and for a visit as needed.
    """
    if point.kind == "decision" or point.as_needed:
        return ""
    if not point.window.before and not point.window.after:
        return "0"
    text, _, unit = point.window.words(words.code).partition(" ")
    text = text.replace("-0/", "").replace("-", MINUS)
    return text if unit in ("days", "jours") else f"{text} h"
