"""The compiled trial: one immutable `Protocol`, ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from trialrun.protocol.form import Form, Item
from trialrun.protocol.outputs import Outputs
from trialrun.protocol.panels import Panels
from trialrun.protocol.rule import Rule, Type
from trialrun.protocol.schedule import Activity, Decision
from trialrun.protocol.study import SourcesFile, StudyFile
from trialrun.protocol.text import Anchor, Span, Text, Window
from trialrun.protocol.variable import Variable


@dataclass(frozen=True)
class Dose:
    """One planned dose: an amount in the substance's unit, or so much ``per`` kg or m² ``of`` a variable."""

    amount: float
    unit: str
    substance: str
    level: str
    per: str | None = None
    of: str | None = None
    round: float | None = None
    at_most: float | None = None


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
    runs on time; ``day`` the SDTM study day, which has no day 0. What waits for an event, or is done as
    needed, is not ``planned``: its offset only keeps its place in lists, after everything else.
    ``arms`` are those that have it (none: everyone); ``doses`` the doses of the arms that differ.
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
    arms: tuple[str, ...] = ()
    as_needed: bool = False
    event: str | None = None
    cycle: str | None = None
    course_day: int | None = None
    dose: Dose | None = None
    doses: Mapping[str, Dose] = field(default_factory=dict)
    setting: str | None = None
    place: str | None = None
    tasks: tuple[Task, ...] = ()

    @property
    def day(self) -> int:
        return self.offset + 1 if self.offset >= 0 else self.offset

    @property
    def planned(self) -> bool:
        """Whether its day is known once the first dose is."""
        return not self.as_needed and self.event is None

    def of(self, arm: str | None) -> bool:
        """Whether an arm has it (None: whether everyone has)."""
        return not self.arms or arm in self.arms

    def dose_of(self, arm: str | None) -> Dose | None:
        """The dose of one arm; of an arm that is not known yet, the first one's."""
        return self.doses.get(arm or "", self.dose)

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
    outputs: Outputs | None = None
    panels: Panels | None = None

    @property
    def id(self) -> str:
        return self.study.id

    @cached_property
    def reported(self) -> Outputs:
        """The outputs that the study plans, or else the usual ones."""
        from trialrun.protocol.usual_outputs import usual_outputs  # here, as few commands ask

        form = self.forms.get(self.study.recorded_on.adverse_event)
        return self.outputs or usual_outputs(self.study, form)

    @cached_property
    def doses(self) -> tuple[Timepoint, ...]:
        return tuple(t for t in self.timepoints.values() if t.dose)

    def given(self, arm: str | None) -> dict[tuple[str, str | None], tuple[float, int]]:
        """What one participant of an arm (None: of the only one) is given in all, if everything is:
        (substance, None or what it is per) -> (amount, doses)."""
        sums: dict[tuple[str, str | None], tuple[float, int]] = {}
        for dose in (point.dose_of(arm) for point in self.doses if point.of(arm)):
            if dose is not None:
                amount, count = sums.get((dose.substance, dose.per), (0.0, 0))
                sums[dose.substance, dose.per] = (round(amount + dose.amount, 9), count + 1)
        return sums

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
    def arms(self) -> tuple[str, ...]:
        """The arms, in the order of the study file; of a study without any, none."""
        return tuple(self.study.arms)

    @cached_property
    def first_doses(self) -> tuple[str, ...]:
        """The doses that study day 1 is counted from: one for each arm, or one for several."""
        cycles = self.study.treatment.cycles.items()
        return tuple(f"{name}.D1" for name, cycle in cycles if cycle.day is not None)

    @cached_property
    def first_dose(self) -> str:
        """The dose that study day 1 is counted from, in the first arm."""
        return self.first_doses[0]

    def first_of(self, arm: str | None) -> str:
        """The dose that study day 1 of an arm is counted from (None: of the first arm)."""
        return next(name for name in self.first_doses if arm is None or self.timepoints[name].of(arm))

    @cached_property
    def spans(self) -> Mapping[str, int]:
        """Cycle -> how many days after its day 1 its last dose is due."""
        doses = self.study.treatment.cycles
        return {name: (cycle.doses.count - 1) * cycle.doses.every for name, cycle in doses.items()}

    def length(self, cycle: str) -> float:
        """Days of a course on which its events count: its own, or those of every cycle."""
        treatment = self.study.treatment
        return (treatment.cycles[cycle].length or treatment.cycle_length).days

    def complete_with(self, cycle: str) -> int:
        """How many doses make a course complete."""
        treatment = self.study.treatment
        return treatment.cycles[cycle].complete_with or treatment.missed_dose.complete_with

    @cached_property
    def last_visit(self) -> str:
        """The visit that ends participation: the last planned one that everyone has."""
        return max((t for t in self.visits if t.only is None and t.planned and not t.arms), key=_late).id

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


def _late(point: Timepoint) -> int:
    return point.offset
