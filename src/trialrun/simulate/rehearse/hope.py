"""The best of courses: answers with which everything goes on as the study hopes, found by search.

No model of people is needed: an answer is chosen because the rules that read it are content with it. All
else in a rehearsal is a departure from these answers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any

from trialrun.protocol.protocol import Protocol, Timepoint
from trialrun.protocol.rule import Rule
from trialrun.simulate.rehearse.choice import Ago, Choices, reads
from trialrun.simulate.rehearse.diary import DAY, Diary
from trialrun.simulate.rehearse.logic import says
from trialrun.simulate.rehearse.oracle import reckoned

ROUNDS = 200  # of the search; a study whose rules can be content at all needs few
PATIENCE = 4000  # combinations of values that are tried for one rule
START = 20_000 * DAY  # minutes since 1970; only differences matter

Rows = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Hope:
    """answers: (form, item) -> value, the same at every visit; rows: log -> rows entered at screening;
    unmet: rules that no answers could content."""

    answers: Mapping[tuple[str, str], Any]
    rows: Mapping[str, Rows]
    unmet: tuple[str, ...] = ()

    def form(self, protocol: Protocol, form: str) -> dict[str, Any]:
        """The hopeful answers to one form; what is not asked is not known."""
        items = protocol.forms[form].items
        return asked(protocol, form, {item: self.answers[form, item] for item in items})


def asked(protocol: Protocol, form: str, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Answers without those to questions that the form then does not ask."""
    kept = dict(answers)
    known = {**dict.fromkeys(protocol.forms[form].items), **kept, "happened": None, "lasting": None}
    for item in protocol.forms[form].items:
        rule = protocol.rules.get(f"forms.{form}.{item}")
        if rule is not None and says(rule, known) is not True:
            kept[item] = None
    return kept


def dated(answers: Mapping[str, Any], when: int) -> dict[str, Any]:
    """Answers with their dates counted back from the day of filling (minutes since 1970)."""
    return {
        item: _date(when // DAY - one.days) if isinstance(one, Ago) else one for item, one in answers.items()
    }


def _date(day: int) -> str:
    import numpy as np

    return str(np.datetime64(day, "D"))


# ---- the search ----------------------------------------------------------------------------------


def hope(protocol: Protocol, choices: Choices, seed: int) -> Hope:
    """Answers that content as many rules as can be: eligible, permitted, not held, not stopped, the
    decisions as expected."""
    search = _Search(protocol, choices, random.Random(seed))
    search.run()
    return Hope(search.answers, search.rows, tuple(sorted(search.unmet())))


@dataclass
class _Search:
    protocol: Protocol
    choices: Choices
    chance: random.Random
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    rows: dict[str, Rows] = field(default_factory=dict)

    def run(self) -> None:
        for form, spec in self.protocol.forms.items():
            for item in spec.items:
                self.answers[form, item] = self.choices.of(form, item)[0]
        self.rows = dict.fromkeys(self.protocol.logs, ())
        left = self.unmet()
        tried: set[str] = set()
        for _ in range(ROUNDS):
            open_ = sorted(left - tried)
            if not open_:
                break
            rule = self.chance.choice(open_)
            better = self._better(rule, left)
            tried = tried | {rule} if better is None else set()
            left = better if better is not None else left

    def _better(self, rule: str, left: set[str], deep: int = 0) -> set[str] | None:
        """Change one or two of the answers a rule reads so that fewer rules are unmet (None: cannot be).

        A change that contents the rule but not another that was content may be mended by a change for that.
        """
        levers = list(self._levers(rule))
        for size in (1, 2, 3) if not deep else (1,):
            combos = [combo for some in combinations(levers, size) for combo in product(*some)]
            if size > 1:
                self.chance.shuffle(combos)
            for combo in combos[: PATIENCE // (10 * size)]:
                before = dict(self.answers), dict(self.rows)
                for name, one in combo:
                    if isinstance(name, tuple):
                        self.answers[name] = one
                    else:
                        self.rows[name] = one
                found: set[str] | None = self.unmet()
                if found is not None and len(found) >= len(left):
                    new = sorted(found - left)
                    mend = size == 1 and rule not in found and len(new) == 1 and deep < 2
                    found = self._better(new[0], left, deep + 1) if mend else None
                if found is not None:
                    return found
                self.answers, self.rows = before
        return None

    def _levers(self, name: str) -> Iterator[list[tuple[Any, Any]]]:
        """What a rule reads, each with every value it may take: answers, and rows of logs."""
        rule = self.protocol.rules[name]
        for form, item in dict.fromkeys(reads(self.protocol, rule)):
            if form in self.protocol.logs:
                continue
            yield [((form, item), one) for one in self.choices.of(form, item) if item != "happened"]
        for read in sorted(rule.reads):
            form = self.protocol.variables[read].reads[0]
            if form in self.protocol.logs and self.protocol.where_asked[form]:
                yield [(form, rows) for rows in self._row_sets(read)]

    def _row_sets(self, variable: str) -> Iterator[Rows]:
        form = self.protocol.variables[variable].reads[0]
        yield ()
        row = matching_row(self.protocol, self.choices, variable, True)
        if row is None:
            return
        yield (row,)
        dates = [name for name, item in self.protocol.forms[form].items.items() if item.type == "date"]
        for days in combinations(self.choices.days, 2):
            yield tuple({**row, **{name: Ago(day) for name in dates}} for day in days)

    # ---- how content the rules are -----------------------------------------------------------

    def unmet(self) -> set[str]:
        """The rules that do not say what the best of courses needs, in whichever arm."""
        return set().union(*(self._unmet(arm) for arm in self.protocol.arms or (None,)))

    def _unmet(self, arm: str | None) -> set[str]:
        protocol, diary = self.protocol, Diary(self.protocol, arm=arm)
        screening = next((p.id for p in protocol.visits if p.offset < 0), None)
        here = Hope(self.answers, self.rows)
        for point in protocol.timepoints.values():
            if point.offset < 0:
                fill(diary, here, point.id, START + point.offset * DAY)
        wrong = {
            f"eligibility.{name}"
            for name, one in protocol.study.eligibility.items()
            if diary.says(protocol.rules[f"eligibility.{name}"], START - DAY, screening, proven=True)
            is not (one.require is not None)
        }
        wrong |= self._asked(diary, START - DAY)
        horizon = self._horizon(arm)
        for point in course(protocol, arm):
            if point.offset < 0 or point.offset > horizon:
                continue
            now = START + point.offset * DAY
            fill(diary, here, point.id, now)
            if point.dose:
                wrong |= self._dose(diary, point.id, now, begins=point.course_day == 1)
                give(diary, point, now)
            if point.kind == "decision":
                wrong |= self._decision(diary, point.id, now)
        end = START + (horizon + 1) * DAY
        return wrong | {
            f"stops.{name}"
            for name in protocol.study.stops
            if diary.says(protocol.rules[f"stops.{name}"], end, None, proven=False)
        }

    def _horizon(self, arm: str | None) -> int:
        """The last day that is looked at: the second dose, the last decision."""
        here = course(self.protocol, arm)
        doses = [point.offset for point in here if point.dose][:2]
        return max([*doses, *(point.offset for point in here if point.kind == "decision")])

    def _asked(self, diary: Diary, now: int) -> set[str]:
        """Activities that are not done, substudies not joined: best is to have everything asked."""
        rules = self.protocol.rules
        found = (name for name in rules if name.startswith(("activities.", "substudies.")))
        return {name for name in found if diary.says(rules[name], now, None, proven=True) is not True}

    def _dose(self, diary: Diary, point: str, now: int, *, begins: bool) -> set[str]:
        rules, study = self.protocol.rules, self.protocol.study
        wrong = {
            f"before_dose.{name}"
            for name in study.before_dose
            if diary.says(rules[f"before_dose.{name}"], now, point, proven=False) is not False
        }
        return wrong | {
            f"before_course.{name}"
            for name in (study.before_course if begins else ())
            if diary.says(rules[f"before_course.{name}"], now, point, proven=True) is not True
        }

    def _decision(self, diary: Diary, decision: str, now: int) -> set[str]:
        spec, wrong = self.protocol.decisions[decision], set()
        for name, outcome in spec.outcomes.items():
            if outcome.otherwise:
                break
            id = f"decisions.{decision}.{name}"
            said = diary.says(self.protocol.rules[id], now, decision, proven=outcome.effect == "continue")
            if said is not (name == spec.expected):
                wrong.add(id)
            if name == spec.expected:
                break
        return wrong


def course(protocol: Protocol, arm: str | None) -> list[Timepoint]:
    """What an arm has that is planned, in the order of the plan."""
    return [point for point in protocol.timepoints.values() if point.planned and point.of(arm)]


def give(diary: Diary, point: Timepoint, now: int) -> None:
    """The dose of a timepoint, as planned; not where its amount is not known."""
    amount = reckoned(diary, point, now)
    if amount is not None:
        form = diary.protocol.study.recorded_on.injection
        diary.fill(form, point.id, now, {"given": True, "dose": amount})


def fill(diary: Diary, hopes: Hope, point: str, now: int) -> None:
    """Every form of a timepoint, as hoped, but for those of the acts themselves."""
    protocol = diary.protocol
    on = protocol.study.recorded_on
    for form in protocol.timepoints[point].forms:
        if form in (on.injection, on.end.partition(".")[0]):
            continue
        if form in protocol.logs:
            for i, row in enumerate(hopes.rows[form]):
                diary.write(form, f"{form}-{i + 1}", now, dated(row, now))
        else:
            diary.fill(form, point, now, dated(hopes.form(protocol, form), now))


# ---- rows ----------------------------------------------------------------------------------------


def matching_row(
    protocol: Protocol, choices: Choices, variable: str, wanted: bool | None
) -> dict[str, Any] | None:
    """A row of the form of an aggregate of which its condition says ``wanted``; None if none is found."""
    form = protocol.variables[variable].reads[0]
    row = {item: choices.of(form, item)[0] for item in protocol.forms[form].items}
    rule = protocol.rules.get(f"variables.{variable}")
    if rule is None:
        return row if wanted else None
    return next(rows_of(protocol, choices, form, rule, wanted), None)


def rows_of(
    protocol: Protocol, choices: Choices, form: str, rule: Rule, wanted: bool | None
) -> Iterator[dict[str, Any]]:
    """Rows of a form of which a rule says ``wanted``, those with the fewest unusual items first."""
    items = protocol.forms[form].items
    usual = {item: choices.of(form, item)[0] for item in items}
    read = [item for item in items if item in rule.reads or (item == "ended" and "lasting" in rule.reads)]
    beside = {name: _ordinary(protocol, choices, name) for name in rule.reads if name not in items}
    for size in range(len(read) + 1):
        for some in combinations(read, size):
            values = [[*choices.of(form, item), None] for item in some]
            for n, combo in enumerate(product(*values)):
                if n > PATIENCE:
                    break
                row = {**usual, **dict(zip(some, combo, strict=True))}
                known = {**beside, **_flat(row)}
                known |= {"happened": 0, "lasting": _lasting(row)}
                if says(rule, known) is wanted:
                    yield row


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Dates as days before now."""
    return {item: -one.days if isinstance(one, Ago) else one for item, one in row.items()}


def _lasting(row: Mapping[str, Any]) -> float | None:
    onset, ended = row.get("onset"), row.get("ended")
    if not isinstance(onset, Ago):
        return None
    days = onset.days - (ended.days if isinstance(ended, Ago) else 0)
    return float(days) if days >= 0 else None


def _ordinary(protocol: Protocol, choices: Choices, name: str) -> Any:
    variable = protocol.variables.get(name)
    if variable is None:
        return None
    form, item = variable.reads
    if variable.aggregate:
        return variable.none
    return choices.of(form, item)[0] if item in protocol.forms[form].items else None
