"""The plan: every timepoint of the study in the order it comes when all runs on time."""

from __future__ import annotations

from fnmatch import fnmatchcase

from trialrun.protocol.problem import Problem, nearest
from trialrun.protocol.protocol import Dose, Task, Timepoint
from trialrun.protocol.source import Source
from trialrun.protocol.study import StudyFile
from trialrun.protocol.text import Anchor, Text, Window

ANY_TIME = "any time"
EVERY_DOSE = "every dose"
LAST_DOSE = "last dose"


class Plan:
    """Builds the timepoints, collecting what is wrong as it goes."""

    def __init__(self, study: StudyFile, source: Source) -> None:
        self.study = study
        self.source = source
        self.problems: list[Problem] = []
        self.points: dict[str, Timepoint] = {}

    def build(self) -> dict[str, Timepoint]:
        starts = self._cycle_starts()
        for name in self.study.treatment.cycles:
            self._course(name, starts[name])
        for name in self.study.visits:
            self._visit(name, starts)
        for name, decision in self.study.decisions.items():
            self._decision(name, decision.when, starts)
        self._attach_tasks()
        return dict(sorted(self.points.items(), key=lambda item: (item[1].offset, item[1].kind != "visit")))

    def _problem(self, path: tuple[str | int, ...], message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(self.source.place(path), message, hint))

    def _unknown(self, path: tuple[str | int, ...], kind: str, name: str, known: object) -> None:
        close = nearest(name, known)  # type: ignore[arg-type]
        self._problem(path, f"there is no {kind} `{name}`", f"Did you mean `{close}`?" if close else None)

    def _cycle_starts(self) -> dict[str, int]:
        """Planned offset of every cycle's day 1; a cycle counted from itself is refused."""
        cycles = self.study.treatment.cycles
        starts: dict[str, int] = {}

        def start(name: str, seen: tuple[str, ...]) -> int:
            if name in starts:
                return starts[name]
            anchor = cycles[name].after
            path = ("treatment", "cycles", name, "after")
            if anchor is None:
                value = 0
            elif anchor.after in seen:
                self._problem(path, f"cycles are counted in a circle: {' → '.join([*seen, anchor.after])}")
                value = 0
            elif anchor.after not in cycles:
                self._unknown(path, "cycle", anchor.after, cycles)
                value = 0
            else:
                value = start(anchor.after, (*seen, anchor.after)) + int(anchor.offset)
            starts[name] = value
            return value

        for name in cycles:
            start(name, (name,))
        first = [name for name, cycle in cycles.items() if cycle.day is not None]
        if len(first) != 1:
            self._problem(("treatment", "cycles"), "exactly one cycle begins on `day: 1`; the others say `after`")
        return starts

    def _course(self, name: str, start: int) -> None:
        cycle = self.study.treatment.cycles[name]
        level = self.study.treatment.levels.get(cycle.level)
        substance = self.study.treatment.substances.get(cycle.substance)
        path = ("treatment", "cycles", name)
        if level is None:
            self._unknown((*path, "level"), "level", cycle.level, self.study.treatment.levels)
        if substance is None:
            self._unknown((*path, "substance"), "substance", cycle.substance, self.study.treatment.substances)
        if cycle.setting_decision and cycle.setting_decision not in self.study.decisions:
            self._unknown((*path, "setting"), "decision", cycle.setting_decision, self.study.decisions)
        known_days = {f"D{i + 1}" for i in range(cycle.doses.count)}
        for day in cycle.places:
            if day not in known_days:
                self._unknown((*path, "places", day), "dose day", day, known_days)
        if level is None or substance is None:
            return
        late = self.study.treatment.missed_dose.late.days
        for i in range(cycle.doses.count):
            shift = i * cycle.doses.every
            self.points[f"{name}.D{i + 1}"] = Timepoint(
                id=f"{name}.D{i + 1}",
                kind="course",
                label=Text((("en", f"{cycle.label} D{shift + 1}"), ("fr", f"{cycle.label.replace('W', 'S', 1)} J{shift + 1}"))),
                epoch=self._treatment_epoch(),
                offset=start + shift,
                window=cycle.window if i == 0 else Window(0, late),
                anchor=cycle.after if i == 0 else Anchor(name, shift, shift),
                cycle=name,
                course_day=shift + 1,
                dose=Dose(level.dose, substance.unit, cycle.substance, cycle.level),
                setting=cycle.setting,
                place=cycle.places.get(f"D{i + 1}"),
            )

    def _treatment_epoch(self) -> str:
        return "treatment" if "treatment" in self.study.epochs else next(iter(self.study.epochs))

    def _offset(self, anchor: Anchor, starts: dict[str, int], path: tuple[str | int, ...]) -> int:
        if anchor.after == LAST_DOSE:
            doses = [p.offset for p in self.points.values() if p.dose]
            return max(doses, default=0) + int(anchor.offset)
        if anchor.after not in starts:
            self._unknown(path, "cycle", anchor.after, starts)
            return 0
        return starts[anchor.after] + int(anchor.offset)

    def _visit(self, name: str, starts: dict[str, int]) -> None:
        visit = self.study.visits[name]
        path = ("visits", name)
        if visit.epoch not in self.study.epochs:
            self._unknown((*path, "epoch"), "epoch", visit.epoch, self.study.epochs)
        if visit.otherwise is not None:
            self._offset(visit.otherwise, starts, (*path, "otherwise"))
        if visit.after is not None:
            offset = self._offset(visit.after, starts, (*path, "after"))
        else:
            day = visit.day or 1
            offset = day - 1 if day > 0 else day
        if name in self.points:
            self._problem(path, f"`{name}` is already a dose day of its cycle")
        cycle = name.split(".")[0] if "." in name else None
        self.points[name] = Timepoint(
            id=name,
            kind="visit",
            label=visit.label,
            epoch=visit.epoch,
            offset=offset,
            window=visit.window,
            anchor=visit.after,
            otherwise=visit.otherwise,
            only=visit.only,
            cycle=cycle if cycle in self.study.treatment.cycles else None,
            course_day=None,
        )

    def _decision(self, name: str, when: Anchor, starts: dict[str, int]) -> None:
        decision = self.study.decisions[name]
        offset = self._offset(when, starts, ("decisions", name, "when"))
        self.points[name] = Timepoint(
            id=name,
            kind="decision",
            label=decision.title,
            epoch=self._treatment_epoch(),
            offset=offset,
            window=Window(0, when.until - when.offset),
            anchor=Anchor(when.after, when.offset, when.offset),
            cycle=when.after if when.after in starts else None,
        )

    def _attach_tasks(self) -> None:
        tasks: dict[str, list[Task]] = {name: [] for name in self.points}
        for name, activity in self.study.activities.items():
            for i, pattern in enumerate(activity.at):
                matched = self._matching(pattern)
                if not matched and pattern != ANY_TIME:
                    self._unknown(("activities", name, "at", i), "timepoint", pattern, self.points)
                for point in matched:
                    tasks[point] += [Task(name, specimen=s) for s in activity.specimens if s not in {t.specimen for t in tasks[point]}]
                    tasks[point] += [Task(name, form=f) for f in activity.forms if f not in {t.form for t in tasks[point]}]
        for name, found in tasks.items():
            point = self.points[name]
            self.points[name] = Timepoint(**{**point.__dict__, "tasks": tuple(found)})

    def _matching(self, pattern: str) -> list[str]:
        if pattern == ANY_TIME:
            return []
        if pattern == EVERY_DOSE:
            return [name for name, point in self.points.items() if point.dose]
        return [name for name in self.points if fnmatchcase(name, pattern)]

