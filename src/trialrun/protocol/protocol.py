"""The compiled trial: one immutable `Protocol`, ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from trialrun.protocol.form import Form, Item
from trialrun.protocol.rule import Rule, Type
from trialrun.protocol.schedule import Activity, Decision
from trialrun.protocol.study import SourcesFile, StudyFile
from trialrun.protocol.text import Anchor, Span, Text, Window
from trialrun.protocol.variable import Variable


@dataclass(frozen=True)
class Dose:
    """One planned injection: amount in the substance's unit."""

    amount: float
    unit: str
    substance: str
    level: str


@dataclass(frozen=True)
class Task:
    """One form or specimen to be done at a timepoint, and the activity that asks for it."""

    activity: str
    form: str | None = None
    specimen: str | None = None


@dataclass(frozen=True)
class Timepoint:
    """A planned moment: a visit, a day of a course, or a decision.

    ``offset`` is the planned number of days after the first dose (negative before it) if everything
    runs on time; ``day`` the SDTM study day, which has no day 0.
    """

    id: str
    kind: str  # visit | course | decision
    label: Text
    epoch: str
    offset: int
    window: Window
    anchor: Anchor | None = None
    otherwise: Anchor | None = None
    only: str | None = None
    cycle: str | None = None
    course_day: int | None = None
    dose: Dose | None = None
    setting: str | None = None
    place: str | None = None
    tasks: tuple[Task, ...] = ()

    @property
    def day(self) -> int:
        return self.offset + 1 if self.offset >= 0 else self.offset

    @property
    def forms(self) -> tuple[str, ...]:
        return tuple(task.form for task in self.tasks if task.form)

    @property
    def specimens(self) -> tuple[str, ...]:
        return tuple(task.specimen for task in self.tasks if task.specimen)


@dataclass(frozen=True, eq=False)
class Protocol:
    """Everything the study files say, checked and linked.

    ``rules`` are named by where they stand (``eligibility.adult``, ``before_dose.weight_gain``,
    ``decisions.tolerance_C1.stop``, ``variables.flares_C1``); ``hash`` is the SHA-256 of the content
    of all files, whatever their comments and layout.
    """

    study: StudyFile
    forms: Mapping[str, Form]
    variables: Mapping[str, Variable]
    sources: SourcesFile
    timepoints: Mapping[str, Timepoint]
    rules: Mapping[str, Rule]
    types: Mapping[str, Type]
    hash: str
    files: Mapping[str, str]
    model: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.study.id

    @cached_property
    def doses(self) -> tuple[Timepoint, ...]:
        return tuple(t for t in self.timepoints.values() if t.dose)

    @cached_property
    def visits(self) -> tuple[Timepoint, ...]:
        return tuple(t for t in self.timepoints.values() if t.kind == "visit")

    @cached_property
    def decisions(self) -> Mapping[str, Decision]:
        return self.study.decisions

    @cached_property
    def cycles(self) -> tuple[str, ...]:
        return tuple(self.study.treatment.cycles)

    @cached_property
    def first_dose(self) -> str:
        """The dose that study day 1 is counted from."""
        return next(
            f"{name}.D1" for name, cycle in self.study.treatment.cycles.items() if cycle.day is not None
        )

    @cached_property
    def last_visit(self) -> str:
        """The visit that ends participation: the last planned one that everyone has."""
        return max((t for t in self.visits if t.only is None), key=lambda t: t.offset).id

    @cached_property
    def logs(self) -> tuple[str, ...]:
        """Forms that are filled whenever something happens, a row per occurrence."""
        return tuple(name for name, form in self.forms.items() if form.repeats)

    def item(self, form: str, item: str) -> Item:
        return self.forms[form].items[item]

    @cached_property
    def where_asked(self) -> Mapping[str, tuple[str, ...]]:
        """Form -> the timepoints where it is planned, in order of the plan."""
        asked: dict[str, list[str]] = {form: [] for form in self.forms}
        for point in self.timepoints.values():
            for form in point.forms:
                asked.setdefault(form, []).append(point.id)
        return {form: tuple(points) for form, points in asked.items()}

    def activity(self, name: str) -> Activity:
        return self.study.activities[name]

    @cached_property
    def late(self) -> Span:
        """How late a single dose may be."""
        return self.study.treatment.missed_dose.late
