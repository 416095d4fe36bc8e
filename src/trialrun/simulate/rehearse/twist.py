"""Twists: what one participant does otherwise than the best of courses. A script is a few of them.

Directed twists come from the rules: for every variable that a rule reads, every value at which the rule may
change its mind, the missing one included. The others come from the plan: every visit early, late or never,
every form left blank, every end, everything told late or taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, islice, product
from typing import Any, Literal

from trialrun.protocol.allocation import Table
from trialrun.protocol.protocol import Protocol, Timepoint
from trialrun.protocol.rule import Rule
from trialrun.simulate.rehearse.choice import Ago, Choices, reads
from trialrun.simulate.rehearse.diary import DAY, Diary
from trialrun.simulate.rehearse.hope import START, Hope, course, fill, give, matching_row, rows_of
from trialrun.simulate.rehearse.logic import says

Kind = Literal["answer", "blank", "come", "row", "leave", "withdraw", "withhold", "correct"]
COMBINATIONS = 3000  # of values of variables that are tried for one rule
WAYS = 60  # in which one value is brought about
MOST = 3  # variables changed together
WEEK = 7  # days


@dataclass(frozen=True)
class Twist:
    """answer, correct: ``values`` of a form at a timepoint, at once or after it; blank: the form is not
    filled; come: so many ``days`` after the first day of its window (``never`` for not at all); row: a row of
    a log, ``days`` before it is told; leave: participation ends with a code; withdraw: consent is taken back;
    withhold: a dose is not given. after: once the timepoint is over; lasting: at later attempts as well;
    undo: what a row is corrected to before the next attempt."""

    kind: Kind
    point: str
    form: str = ""
    values: tuple[tuple[str, Any], ...] = ()
    days: int = 0
    after: bool = False
    lasting: bool = False
    never: bool = False
    undo: tuple[tuple[str, Any], ...] = ()

    @property
    def answers(self) -> dict[str, Any]:
        return dict(self.values)


Script = tuple[Twist, ...]


def _values(given: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(given.items(), key=lambda one: one[0]))


@dataclass(frozen=True)
class Walk:
    """One participant: the arm that inclusion gives (None in a study without any), and the script."""

    arm: str | None
    script: Script


class Twists:
    """Every twist of one arm of a study (None: of a study without arms), given its best of courses."""

    def __init__(self, protocol: Protocol, choices: Choices, hopes: Hope, arm: str | None) -> None:
        self.protocol, self.choices, self.hopes, self.arm = protocol, choices, hopes, arm
        self._best: dict[str, tuple[Diary, int]] = {}
        self.points = {name: point for name, point in protocol.timepoints.items() if point.of(arm)}
        self.doses = [point for point in self.points.values() if point.dose]
        self.first_dose = protocol.first_of(arm)
        self.screening = next((p.id for p in protocol.visits if p.offset < 0), self.first_dose)

    def directed(self) -> Iterator[Script]:
        """Scripts that make each rule true, false and unknown, by each of the variables it reads."""
        for name, rule in self.protocol.rules.items():
            for point, proven in self._places(name):
                yield from self._solved(rule, point, proven)
        yield from self._amounts()

    def planned(self) -> Iterator[Script]:
        """Scripts that depart from the plan, one departure each."""
        on = self.protocol.study.recorded_on
        read = {form for rule in self.protocol.rules.values() for form, _ in reads(self.protocol, rule)}
        for point in self.points.values():
            yield from self._needed(point) if point.as_needed else self._times(point)
            for form in dict.fromkeys(point.forms):
                if form in read | {on.consent.partition(".")[0]} and form not in self.protocol.logs:
                    yield (Twist("blank", point.id, form, lasting=True),)
                    yield (Twist("blank", point.id, form),)
        yield from self._ends()
        yield from self._rows()
        yield from self._corrections()
        yield from self._withheld()
        yield from self._events()

    # ---- the plan ----------------------------------------------------------------------------

    def _times(self, point: Timepoint) -> Iterator[Script]:
        span = int(point.window.before + point.window.after)
        for days in {-1, 0, span // 2, span, span + 1, 2 * span + 2}:
            yield (Twist("come", point.id, days=days),)
        yield (Twist("come", point.id, never=True),)

    def _needed(self, point: Timepoint) -> Iterator[Script]:
        """A visit as needed, with those of its series before it: soon, amid the doses, after them."""
        series = [name for name in self.points if name.rpartition("_")[0] == point.id.rpartition("_")[0]]
        before = series[: series.index(point.id) + 1] if point.id in series else [point.id]
        for days in dict.fromkeys((0, self.doses[len(self.doses) // 2].offset, self.doses[-1].offset + 1)):
            yield tuple(Twist("come", name, days=days + k) for k, name in enumerate(before))

    def _events(self) -> Iterator[Script]:
        """What brings the visits that wait for an event, told between two doses and after the last."""
        for point in self.points.values():
            for place in dict.fromkeys(p.id for p in (*self.doses[1:2], self.doses[-1]) if point.event):
                yield from islice(self._ways(str(point.event), Ago(0), place), WAYS)

    def _amounts(self) -> Iterator[Script]:
        """What a dose is reckoned from: not known, and every value worth trying."""
        for point in self.doses:
            dose = point.dose_of(self.arm)
            if dose and dose.of and point.course_day == 1:
                for form, item in self.protocol.variables[dose.of].read_all:
                    for moment in self.protocol.variables[dose.of].at:
                        place = self._place(moment, point.id, form)
                        for one in [*self.choices.of(form, item), None] if place else ():
                            yield (Twist("answer", str(place), form, ((item, one),), lasting=True),)

    def _ends(self) -> Iterator[Script]:
        form, _, item = self.protocol.study.recorded_on.end.partition(".")
        codes = self.choices.of(form, item)
        points = [p for p in self.points.values() if p.kind != "course" or p.course_day == 1]
        for k, point in enumerate([*points, *self.doses[1:2]]):
            yield (Twist("leave", point.id, form, ((item, codes[k % len(codes)]),)),)
            yield (Twist("leave", point.id, form, ((item, codes[(k + 1) % len(codes)]),), after=True),)
            yield (Twist("withdraw", point.id, after=True),)

    def _rows(self) -> Iterator[Script]:
        """A row of every log with every answer it can have, told between two doses."""
        for log in self.protocol.logs:
            usual = {item: self.choices.of(log, item)[0] for item in self.protocol.forms[log].items}
            for point in self.doses[1:2] or self.doses[:1]:
                for item, ordinary in usual.items():
                    found = self.choices.of(log, item)
                    few = found if len(found) < 16 else [*found[:4], found[-1]]
                    for one in [*few, None]:
                        if one != ordinary:
                            yield (Twist("row", point.id, log, _values({**usual, item: one}), days=1),)

    def _later_courses(self) -> list[Timepoint]:
        return [p for p in self.doses if p.course_day == 1 and p.id != self.first_dose]

    def _corrections(self) -> Iterator[Script]:
        """What was answered well is corrected once it has opened the door."""
        for name, rule in self.protocol.rules.items():
            kind = name.partition(".")[0]
            if kind not in ("eligibility", "before_course", "before_dose", "decisions"):
                continue
            for point, _ in self._places(name):
                for form, item in dict.fromkeys(reads(self.protocol, rule)):
                    if form in self.protocol.timepoints[point].forms and form not in self.protocol.logs:
                        if item == "happened":
                            continue
                        for one in {self._worst(form, item), None}:
                            yield (Twist("correct", point, form, ((item, one),), after=True),)

    def _worst(self, form: str, item: str) -> Any:
        """A value that is far from the hoped one; none, where there is no other."""
        hoped = self.hopes.answers[form, item]
        others = [one for one in self.choices.of(form, item) if one != hoped]
        if not others:
            return None
        return max(others, key=lambda one: abs(one - hoped)) if isinstance(hoped, float) else others[-1]

    def _withheld(self) -> Iterator[Script]:
        form = self.protocol.study.recorded_on.injection
        reasons = [item for item, asked in self.protocol.forms[form].items.items() if asked.type == "choice"]
        sets: list[dict[str, Any]] = [{}]
        sets += [{item: code} for item in reasons for code in self.choices.of(form, item)]
        for n, point in enumerate(self.doses):
            for k, said in enumerate(sets):
                if n < 2 or k == n % len(sets):
                    yield (Twist("withhold", point.id, form, _values(said)),)

    # ---- the rules ---------------------------------------------------------------------------

    def _places(self, name: str) -> list[tuple[str, bool]]:
        """Where a rule is read, and whether only proven values count there."""
        kind, own = name.split(".")[:2]
        first, later = self.first_dose, [p.id for p in self._later_courses()]
        second = [p.id for p in self.doses[1:2]]
        if kind in ("eligibility", "activities", "substudies"):
            return [(self.screening, True)]
        if kind == "before_course":
            return [(point, True) for point in [first, *later[:1]]]
        if kind == "before_dose":
            return [(point, False) for point in [first, *second, *later[:1]]]
        if kind in ("stops", "suspensions"):
            doses = [p for p in self.doses if p.cycle == self.protocol.timepoints[first].cycle]
            middle = doses[len(doses) // 2]
            amid = [middle.id] if middle.offset > WEEK else []  # of a long course
            places = [*second, *amid, doses[-1].id, *later[:1], self.protocol.last_visit]
            return [(point, False) for point in dict.fromkeys(places)]
        if kind == "allocation" and isinstance(self.protocol.study.allocation, Table):
            return [(self.protocol.study.allocation.judged_at, False)]
        if kind == "decisions" and own in self.points:
            outcome = self.protocol.decisions[own].outcomes[name.split(".")[2]]
            return [(own, outcome.effect == "continue")]
        return []

    def _solved(self, rule: Rule, point: str, proven: bool) -> Iterator[Script]:
        """Changes of one variable, each value; of several, until every answer was seen."""
        known = self._known(rule, point, proven)
        options = {name: self._options(name, rule, known[name]) for name in sorted(rule.reads)}
        seen = {says(rule, known)}
        for name, values in options.items():
            for one in values:
                seen.add(says(rule, {**known, name: one}))
                yield from self._realised({name: one}, point)
        for size in range(2, MOST + 1):
            new: set[bool | None] = set()
            for some in combinations(options, size):
                here: set[bool | None] = set()
                for combo in islice(product(*(options[name] for name in some)), COMBINATIONS):
                    change = dict(zip(some, combo, strict=True))
                    said = says(rule, {**known, **change})
                    if said not in seen | here:
                        here.add(said)
                        yield from self._realised(change, point)
                new |= here
            seen |= new

    def _known(self, rule: Rule, point: str, proven: bool) -> dict[str, Any]:
        """The values of the best of courses where a rule is read."""
        if point not in self._best:
            self._best[point] = self._until(point)
        diary, now = self._best[point]
        return diary.read(rule.reads, now, point, proven=proven)[0]

    def _until(self, point: str) -> tuple[Diary, int]:
        """The diary of the best of courses up to a timepoint, and when that is."""
        diary, now = Diary(self.protocol, arm=self.arm), START
        for one in course(self.protocol, self.arm):
            now = START + one.offset * DAY
            fill(diary, self.hopes, one.id, now)
            if one.id == point:
                break
            if one.dose:
                give(diary, one, now)
        return diary, now

    def _options(self, name: str, rule: Rule, usual: Any) -> list[Any]:
        """Values of a variable that are not the usual one, unknown among them."""
        variable = self.protocol.variables[name]
        form, item = variable.reads
        found: list[Any]
        if variable.surface:
            return [None]
        if variable.aggregate is None or variable.aggregate in ("max", "min", "first", "last"):
            found = self.choices.of(form, item) if item in self.protocol.forms[form].items else []
        else:
            found = self.choices.numbers(rule)
        return [one for one in [*dict.fromkeys(found), None] if one != usual]

    def _realised(self, change: Mapping[str, Any], point: str) -> Iterator[Script]:
        """The twists that give variables these values at a timepoint; alternatives one after the other."""
        parts = [list(self._ways(name, one, point)) for name, one in change.items()]
        for combo in islice(product(*parts), WAYS if len(change) == 1 else 4):
            yield tuple(twist for way in combo for twist in way)

    def _ways(self, name: str, wanted: Any, point: str) -> Iterator[Script]:
        variable = self.protocol.variables[name]
        form, item = variable.reads
        if variable.aggregate is None:
            if form in self.protocol.logs:
                return
            for moment in variable.at[:1]:
                place = self._place(moment, point, form)
                if place:
                    lasting = wanted is None
                    yield (Twist("answer", place, form, ((item, wanted),), lasting=lasting),)
            return
        if wanted is None:
            yield from self._unknown(name, point)
            return
        yield from self._occurring(name, wanted, point)

    def _place(self, moment: str, point: str, form: str) -> str | None:
        """The timepoint at which an answer counts for a moment."""
        if moment == "course day 1":
            moment = f"{point.partition('.')[0]}.D1"
        elif moment in ("this visit", "latest"):
            asked = self.protocol.where_asked[form]
            order = list(self.points)
            before = [p for p in asked if p in order and order.index(p) <= order.index(point)]
            moment = point if moment == "this visit" else (before or [""])[-1]
        return moment if moment in self.points and moment in self.protocol.where_asked[form] else None

    def _unknown(self, name: str, point: str) -> Iterator[Script]:
        """An aggregate is not known: its proof is refused or missing, or a row cannot be judged."""
        variable = self.protocol.variables[name]
        if variable.complete:
            where, _, moment = variable.complete.partition("@")
            form, _, item = where.strip().partition(".")
            place = self._place(moment.strip(), point, form)
            if place:
                yield (Twist("answer", place, form, ((item, False),)),)
                yield (Twist("answer", place, form, ((item, None),), lasting=True),)
        if variable.where and variable.reads[0] in self.protocol.logs:
            row = matching_row(self.protocol, self.choices, name, None)
            if row:
                yield (Twist("row", point, variable.reads[0], _values(row), days=1),)

    def _occurring(self, name: str, wanted: Any, point: str) -> Iterator[Script]:
        """An aggregate has a value: so many rows, or a row with the value, told before the timepoint."""
        variable = self.protocol.variables[name]
        form, item = variable.reads
        rule = self.protocol.rules.get(f"variables.{name}")
        usual = {one: self.choices.of(form, one)[0] for one in self.protocol.forms[form].items}
        found = [usual] if rule is None else rows_of(self.protocol, self.choices, form, rule, True)
        undo = next(rows_of(self.protocol, self.choices, form, rule, False), {}) if rule else {}
        for row in islice(found, 3):
            if variable.aggregate in ("max", "min", "first", "last", "sum"):
                row = {**row, item: wanted}
            count = int(wanted) if variable.aggregate == "count" else 1
            if form in self.protocol.logs:
                yield from self._told(form, row, undo, point, min(count, 6))
                continue
            steps = tuple(self._sheets(form, rule, row, point, count))
            yield from dict.fromkeys(some for some in (steps, steps[-2:], steps[-3:]) if some)

    def _told(
        self, form: str, row: Mapping[str, Any], undo: Mapping[str, Any], point: str, count: int
    ) -> Iterator[Script]:
        """So many rows of a log, told before a timepoint; those of screening give way to them."""
        back = _values({item: one for item, one in undo.items() if one != row[item]})
        if form in self.protocol.timepoints[point].forms:
            yield (Twist("blank", point, form), *(Twist("row", point, form, _values(row)),) * count)
        if count:
            yield (Twist("row", point, form, _values(row), days=1, undo=back),) * count
        if count and point in self.protocol.decisions:
            for item, asked in self.protocol.forms[form].items.items():
                for one in self.choices.of(form, item) if asked.type in ("choice", "boolean") else ():
                    if one != row[item]:
                        changed = _values({**row, item: one})
                        yield (Twist("row", point, form, changed, days=1, undo=back),) * count

    def _sheets(
        self, form: str, rule: Rule | None, row: Mapping[str, Any], point: str, count: int
    ) -> Iterator[Twist]:
        """Occurrences on a form of the plan: the last ``count`` doses before a timepoint, or every time the
        form is asked before it, but for where the row's own condition looks for what it compares with."""
        beside = {
            at
            for name in (rule.reads if rule else ())
            if name in self.protocol.variables and self.protocol.variables[name].reads[0] == form
            for at in self.protocol.variables[name].at
        }
        order = [name for name, planned in self.points.items() if planned.planned]
        asked = [p for p in self.protocol.where_asked[form] if p in order]
        asked = [p for p in asked if p in order[: order.index(point) + 1]]
        dose = form == self.protocol.study.recorded_on.injection
        kind: Kind = "withhold" if dose else "answer"
        asked = [p for p in asked if p not in beside]
        asked = [p for p in asked if not (dose and self.protocol.timepoints[p].course_day == 1)]
        for place in asked[-max(count, 1) :] if dose else asked:
            said = {item: one for item, one in row.items() if rule and item in rule.reads}
            yield Twist(kind, place, form, _values(said), lasting=True)
