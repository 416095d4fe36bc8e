"""The plan: every timepoint of the study in the order it comes when all runs on time."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from trialrun.protocol.problem import MANY, Problem, suggestion
from trialrun.protocol.protocol import Dose, Task, Timepoint
from trialrun.protocol.source import Source
from trialrun.protocol.study import StudyFile
from trialrun.protocol.text import Anchor, Text, Window
from trialrun.protocol.treatment import Cycle

ANY_TIME = "any time"
EVERY_DOSE = "every dose"
FIRST_DOSE = "first dose"
LAST_DOSE = "last dose"

Path = tuple[str | int, ...]


class Plan:
    """Builds the timepoints, collecting what is wrong as it goes.

    events: the variables that are dates, from which visits may be counted (None: not known, so any name is);
    undated: all other variables.
    """

    def __init__(
        self,
        study: StudyFile,
        source: Source,
        events: Collection[str] | None = None,
        undated: Collection[str] = (),
    ) -> None:
        self.study = study
        self.source = source
        self.events = events
        self.undated = undated
        self.problems: list[Problem] = []
        self.points: dict[str, Timepoint] = {}

    def build(self) -> dict[str, Timepoint]:
        starts = self._cycle_starts()
        for name in self.study.treatment.cycles:
            self._course(name, starts[name])
        self._overlaps(starts)
        for name in self.study.visits:
            self._visit(name, starts)
        for name, decision in self.study.decisions.items():
            self._decision(name, decision.when, starts)
        self._settings(starts)
        self._attach_tasks()
        self._last_for_everyone()
        return dict(sorted(self.points.items(), key=lambda item: _order(item[1])))

    def _problem(self, path: Path, message: str, hint: str | None = None, code: str = "plan") -> None:
        self.problems.append(Problem(self.source.place(path), message, hint, code))

    def _unknown(self, path: Path, kind: str, name: str, known: Iterable[str]) -> None:
        if len(self.problems) < MANY:
            self._problem(path, f"there is no {kind} `{name}`", suggestion(name, known), "name")

    # Cycles

    def _cycle_starts(self) -> dict[str, int]:
        """Planned offset of every cycle's day 1; a cycle counted from itself is refused."""
        cycles = self.study.treatment.cycles
        starts: dict[str, int] = {}
        for name in cycles:
            self._start(name, (name,), starts)
        self._firsts()
        return starts

    def _firsts(self) -> None:
        """Everyone has one first dose: on `day: 1` of one cycle, whatever the arm."""
        cycles = self.study.treatment.cycles
        first = {name: cycle for name, cycle in cycles.items() if cycle.day is not None}
        hint = "Write `day: 1` for the first cycle, and `after: C1 + 21 days` for one that follows."
        for arm in self.study.arms or ("",):
            mine = [name for name, cycle in first.items() if not cycle.arms or arm in cycle.arms]
            if len(mine) != 1:
                of = f" of the arm {arm}" if arm else ""
                message = f"exactly one cycle{of} begins on `day: 1`; the others say `after`"
                self._problem(("treatment", "cycles"), message, hint)

    def _start(self, name: str, seen: tuple[str, ...], starts: dict[str, int]) -> int:
        cycles = self.study.treatment.cycles
        anchor = cycles[name].after
        path = ("treatment", "cycles", name, "after")
        if name in starts:
            return starts[name]
        starts[name] = 0
        if anchor is None:
            return 0
        if anchor.after in seen:
            path = ("treatment", "cycles", anchor.after, "after")
            circle = " → ".join([*seen[seen.index(anchor.after) :], anchor.after])
            self._problem(
                path, f"cycles are counted in a circle: {circle}", "Count each cycle from one before it."
            )
        elif anchor.after not in cycles:
            self._unknown(path, "cycle", anchor.after, cycles)
        else:
            starts[name] = self._start(anchor.after, (*seen, anchor.after), starts) + int(anchor.offset)
        return starts[name]

    def _course(self, name: str, start: int) -> None:
        cycle = self.study.treatment.cycles[name]
        self._named(name, cycle)
        late = self.study.treatment.missed_dose.late.days
        doses = {arm: self._dose(cycle, arm) for arm in cycle.arms or self.study.arms}
        alike = len(set(doses.values())) < 2
        for i in range(cycle.doses.count):
            shift = i * cycle.doses.every
            self.points[f"{name}.D{i + 1}"] = Timepoint(
                id=f"{name}.D{i + 1}",
                kind="course",
                label=_in_french(Text((("en", f"{cycle.label} D{shift + 1}"),))),
                epoch=self._treatment_epoch(),
                offset=start + shift,
                window=cycle.window if i == 0 else cycle.each or Window(0, late),
                anchor=cycle.after if i == 0 else Anchor(name, shift, shift),
                arms=cycle.arms,
                cycle=name,
                course_day=shift + 1,
                dose=next(iter(doses.values()), None) or self._dose(cycle, None),
                doses={} if alike else doses,
                setting=cycle.setting,
                place=cycle.places.get(f"D{i + 1}"),
            )

    def _named(self, name: str, cycle: Cycle) -> None:
        """Names of a cycle that are not known."""
        treatment = self.study.treatment
        path = ("treatment", "cycles", name)
        for i, arm in enumerate(cycle.arms):
            if arm not in self.study.arms:
                self._unknown((*path, "arms", i), "arm", arm, self.study.arms)
        for key, known in (("level", treatment.levels), ("substance", treatment.substances)):
            said: str | dict[str, str] = getattr(cycle, key)
            for arm, one in ({"": said} if isinstance(said, str) else said).items():
                where = (*path, key, arm) if arm else (*path, key)
                if arm and arm not in self.study.arms:
                    self._unknown(where, "arm", arm, self.study.arms)
                if one not in known:
                    self._unknown(where, key, one, known)
            if isinstance(said, dict) and (
                lacks := [a for a in cycle.arms or self.study.arms if a not in said]
            ):
                hint = "Every arm that has the cycle needs one."
                self._problem((*path, key), f"there is no {key} for the arm {', '.join(lacks)}", hint)
        if cycle.setting_decision is not None and cycle.setting_decision not in self.study.decisions:
            self._unknown((*path, "setting"), "decision", cycle.setting_decision, self.study.decisions)
        days = [f"D{i + 1}" for i in range(cycle.doses.count)]
        for day in cycle.places:
            if day not in days:
                self._unknown((*path, "places", day), "dose day", day, days)

    def _dose(self, cycle: Cycle, arm: str | None) -> Dose:
        """The dose of an arm; names that are not known are problems, and stand for 0."""
        treatment = self.study.treatment
        substance, level = cycle.named(arm)
        planned, what = treatment.levels.get(level), treatment.substances.get(substance)
        unit = what.unit if what else "1"
        if planned is None:
            return Dose(0.0, unit, substance, level)
        return Dose(
            planned.dose, unit, substance, level, planned.per, planned.of, planned.round, planned.at_most
        )

    def _overlaps(self, starts: dict[str, int]) -> None:
        """A course that begins before the one it is counted from has ended."""
        cycles = self.study.treatment.cycles
        for name, cycle in cycles.items():
            if cycle.after and cycle.after.after in cycles and not self.problems:
                previous = cycles[cycle.after.after].doses
                last = starts[cycle.after.after] + (previous.count - 1) * previous.every
                if starts[name] - cycle.window.before <= last:
                    message = (
                        f"{name} may begin before the last dose of {cycle.after.after} (study day {last + 1})"
                    )
                    self._problem(
                        ("treatment", "cycles", name, "after"),
                        message,
                        "Count more days, or narrow its window.",
                        "courses-overlap",
                    )

    def _treatment_epoch(self) -> str:
        return "treatment" if "treatment" in self.study.epochs else next(iter(self.study.epochs))

    def _last_for_everyone(self) -> None:
        """Participation ends with a visit, which everyone has."""
        if any(problem.code == "name" for problem in self.problems):
            return  # a visit whose day is not known may be the one
        visits = [point for point in self.points.values() if point.kind == "visit" and point.planned]
        if not any(point.offset > 0 and not point.only and not point.arms for point in visits):
            message = "no visit after the first dose is for everyone: participation ends with the last one"
            self._problem(("visits",), message, "Plan one counted from `first dose`, for all arms.")

    # Visits and decisions

    def _offset(self, anchor: Anchor, starts: dict[str, int], path: Path) -> int:
        if anchor.after == LAST_DOSE:
            return self._last_dose() + int(anchor.offset)
        if anchor.after == FIRST_DOSE:
            return int(anchor.offset)
        if anchor.after not in starts:
            if self.events is None or anchor.after in self.events:
                return self._last_dose() + int(anchor.offset)
            known = [*starts, FIRST_DOSE, LAST_DOSE, *self.events]
            if anchor.after in self.undated:
                message = f"`{anchor.after}` is a variable, but not a date: no day can be counted from it"
                self._problem(path, message, suggestion("", known), "name")
            else:
                self._unknown(path, "cycle", anchor.after, known)
            return 0
        return starts[anchor.after] + int(anchor.offset)

    def _last_dose(self) -> int:
        return max((point.offset for point in self.points.values() if point.dose), default=0)

    def _event(self, anchor: Anchor | None, starts: Collection[str]) -> str | None:
        """The variable that an anchor counts from, if it is one."""
        known = anchor is None or anchor.after in starts or anchor.after in (FIRST_DOSE, LAST_DOSE)
        return None if known or anchor is None else anchor.after

    def _visit(self, name: str, starts: dict[str, int]) -> None:
        visit = self.study.visits[name]
        path = ("visits", name)
        cycle, _, within = name.partition(".")
        if within and cycle not in starts:
            self._unknown(path, "cycle", cycle, starts)
        if visit.epoch not in self.study.epochs:
            self._unknown((*path, "epoch"), "epoch", visit.epoch, self.study.epochs)
        for i, arm in enumerate(visit.arms):
            if arm not in self.study.arms:
                self._unknown((*path, "arms", i), "arm", arm, self.study.arms)
        if visit.otherwise is not None:
            self._offset(visit.otherwise, starts, (*path, "otherwise"))
        day = visit.day or 1
        offset = day - 1 if day > 0 else day
        if visit.after is not None:
            offset = self._offset(visit.after, starts, (*path, "after"))
        self._add(
            path,
            Timepoint(
                id=name,
                kind="visit",
                label=_in_french(visit.label),
                epoch=visit.epoch,
                offset=offset,
                window=visit.window,
                anchor=visit.after,
                otherwise=visit.otherwise,
                only=visit.only,
                arms=visit.arms or self._arms_of(visit.after, visit.otherwise),
                as_needed=visit.as_needed is not None,
                event=self._event(visit.after, starts),
                cycle=cycle if within and cycle in starts else None,
            ),
        )

    def _decision(self, name: str, when: Anchor, starts: dict[str, int]) -> None:
        path = ("decisions", name)
        point = Timepoint(
            id=name,
            kind="decision",
            label=self.study.decisions[name].title,
            epoch=self._treatment_epoch(),
            offset=self._offset(when, starts, (*path, "when")),
            window=Window(0, when.until - when.offset),
            anchor=Anchor(when.after, when.offset, when.offset),
            arms=self._arms_of(when, None),
            event=self._event(when, starts),
            cycle=when.after if when.after in starts else None,
        )
        self._add(path, point)

    def _arms_of(self, anchor: Anchor | None, otherwise: Anchor | None) -> tuple[str, ...]:
        """What is counted from the course of some arms is theirs, unless there is another way to count it."""
        cycle = self.study.treatment.cycles.get(anchor.after) if anchor and not otherwise else None
        return cycle.arms if cycle else ()

    def _add(self, path: Path, point: Timepoint) -> None:
        if point.id in self.points:
            taken = "a dose day of its cycle" if self.points[point.id].dose else "a visit"
            self._problem(path, f"`{point.id}` is already {taken}", "Give it another name.")
        else:
            self.points[point.id] = point

    def _settings(self, starts: dict[str, int]) -> None:
        """A decision comes before the courses whose setting it decides."""
        for name, cycle in self.study.treatment.cycles.items():
            decision = self.points.get(cycle.setting_decision or "")
            if decision is None or decision.kind != "decision" or self.problems:
                continue
            last = decision.offset + int(decision.window.after)
            if last > starts[name]:
                path = ("treatment", "cycles", name, "setting")
                late = f"which may come only on study day {last + 1}"
                message = (
                    f"the setting of {name} (study day {starts[name] + 1}) waits for {decision.id}, {late}"
                )
                self._problem(
                    path, message, "Decide earlier, or write the setting itself.", "decision-too-late"
                )

    # Tasks

    def _attach_tasks(self) -> None:
        tasks: dict[str, list[Task]] = {name: [] for name in self.points}
        for name, activity in self.study.activities.items():
            for i, pattern in enumerate(activity.at):
                matched = self._matching(pattern)
                if not matched and pattern != ANY_TIME:
                    self._unknown(
                        ("activities", name, "at", i),
                        "visit or dose day",
                        pattern,
                        [*self.points, ANY_TIME, EVERY_DOSE],
                    )
                for point in matched:
                    asked = tasks[point]
                    asked += [
                        Task(name, specimen=s)
                        for s in activity.specimens
                        if s not in {t.specimen for t in asked}
                    ]
                    asked += [Task(name, form=f) for f in activity.forms if f not in {t.form for t in asked}]
        self.points = {name: replace(point, tasks=tuple(tasks[name])) for name, point in self.points.items()}

    def _matching(self, pattern: str) -> list[str]:
        if pattern == ANY_TIME:
            return []
        if pattern == EVERY_DOSE:
            return [name for name, point in self.points.items() if point.dose]
        return [name for name in self.points if fnmatchcase(name, pattern)]


def _in_french(label: Text) -> Text:
    """A label such as ``W3 D1``, the same in all languages as written, with its French form ``S3 J1``."""
    (code, words), *others = label.by_language
    match = re.fullmatch(r"W([0-9]+)( D([0-9]+))?|(.+) D([0-9]+)", words)
    if code != "en" or others or not match:
        return label
    week, _, day, other, its_day = match.groups()
    said = (f"S{week}" + (f" J{day}" if day else "")) if week else f"{other} J{its_day}"
    return Text((("en", words), ("fr", said)))


def _order(point: Timepoint) -> tuple[bool, int, bool]:
    """In the order of the plan; what has no planned day comes last."""
    return not point.planned, point.offset, point.kind != "visit"
