"""What befalls virtual people beside their disease: reactions, other illness, leaving, death."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trialrun.conduct.cohort import Index, Times, never
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Span
from trialrun.simulate.body import MINUTES_A_DAY, Bodies
from trialrun.simulate.chance import Person, exponentials, normals, uniforms
from trialrun.simulate.model import Flags
from trialrun.simulate.people import Kind, ModelFile

MOST_BACKGROUND = 12  # more unrelated events than anyone has in a trial at the rates of a study file
DAYS_A_YEAR = 365.25
LONGEST = 40 * DAYS_A_YEAR  # days; who would leave later than that never leaves
FATAL = 5  # the grade of death in every edition of CTCAE

Signs = Mapping[str, Flags]


@dataclass
class Happening:
    """One adverse event of one person: when it began, when it ends, and its row."""

    row: str
    onset: np.datetime64
    end: np.datetime64
    values: dict[str, Any]
    sign: str | None = None
    written: bool = False
    closed: bool = False


class Events:
    """Draws events for a batch of people, each from streams of their own."""

    def __init__(self, protocol: Protocol, file: ModelFile, people: Sequence[Person], bodies: Bodies) -> None:
        self.protocol = protocol
        self.bodies = bodies
        self.spec = file.events
        self.rates = file.people.leaving.per_year
        n = len(people)
        self.doses = {point.id: i for i, point in enumerate(protocol.doses)}
        self.going: list[list[Happening]] = [[] for _ in range(n)]
        self.leaves: Times = never(n)
        self.how = np.full(n, "", dtype=object)
        self._reaction = uniforms(people, "reactions", len(self.doses), 2)
        self._worst = uniforms(people, "worst grades", len(protocol.cycles))
        self._gap = exponentials(people, "background", MOST_BACKGROUND)
        self._background = uniforms(people, "background kinds", MOST_BACKGROUND, 3)
        self._length = normals(people, "lengths", len(self.doses) + MOST_BACKGROUND)
        self._longest = 2 * protocol.timepoints[protocol.last_visit].offset  # days; nobody is followed longer
        self._leave = exponentials(people, "leaving", len(self.rates) + 1)

    # ---- reactions ---------------------------------------------------------------------------

    def react(self, one: int, point: str, when: np.datetime64, amount: float, arm: str = "") -> None:
        """One dose in an arm may bring a reaction; the first of a course has the course's worst grade."""
        k, model = self.doses[point], self.bodies.model
        happens, kind = self._reaction[one, k]
        if happens >= -np.expm1(-float(model.reaction_hazard(np.array([amount]), arm)[0])):
            return
        cycle = str(self.protocol.timepoints[point].cycle)
        first = not any(event.row.startswith(f"{cycle}-") for event in self.going[one])
        course = self.protocol.cycles.index(cycle)
        worst = int(model.clinic.worst_grade(self._worst[one : one + 1, course])[0])
        name = str(model.clinic.reaction(np.array([kind]))[0])
        spec = self.spec.reactions
        grade = _graded(spec.kinds[name], worst if first else 1)
        serious = self.spec.serious.related if grade >= self.spec.serious.related_from else None
        self._begin(
            one, f"{cycle}-{k + 1}", when + _minutes(spec.onset), k, spec.kinds[name], grade, True, serious
        )

    def _begin(
        self,
        one: int,
        row: str,
        onset: np.datetime64,
        k: int,
        kind: Kind,
        grade: int,
        related: bool,
        serious: str | None,
    ) -> None:
        """An event of whole days, at least one; a lognormal length around the kind's median."""
        lengths = self.spec.lengths
        days = kind.lasts.days * np.exp(lengths.spread * self._length[one, k])
        days *= lengths.times if grade >= lengths.severe_from else 1.0
        values = {
            "term": kind.term,
            "category": kind.category,
            "system": kind.system,
            "grade": grade,
            "related": related,
            "serious": serious is not None,
            "seriousness": serious,
            "onset": str(onset.astype("datetime64[D]")),
            "outcome": "ongoing",
            "action": "none",
        }
        end = onset + np.timedelta64(max(1, round(float(days))), "D")
        shows = kind.shows.sign if kind.shows and grade >= kind.shows.from_grade else None
        self.going[one].append(Happening(row, onset, end, values, shows))

    # ---- other illness -----------------------------------------------------------------------

    def fall_ill(self, one: int, start: np.datetime64) -> None:
        """Unrelated events of the whole participation, from inclusion on."""
        background = self.spec.background
        kinds, grades = background.kinds, background.grades
        if not background.per_year:
            return
        days = np.cumsum(self._gap[one]) * DAYS_A_YEAR / background.per_year
        for k, after in enumerate(days):
            kind_u, grade_u, serious_u = self._background[one, k]
            kind = kinds[_pick({name: one.share or 0.0 for name, one in kinds.items()}, kind_u)]
            grade = _graded(kind, _pick(grades, grade_u))
            serious = (
                self.spec.serious.other if serious_u < self.spec.serious.unrelated.get(grade, 0.0) else None
            )
            if after > self._longest:
                break
            onset = start + np.timedelta64(int(after * MINUTES_A_DAY), "m")
            self._begin(one, f"B-{k + 1}", onset, len(self.doses) + k, kind, grade, False, serious)

    # ---- what is seen of them ------------------------------------------------------------------

    def signs(self, who: Index, when: Times) -> dict[str, Flags]:
        """Which signs (fever, leak …) each of these people shows at this moment (len(who),)."""
        shown: dict[str, Flags] = {}
        for i, one in enumerate(who):
            for event in self.going[one]:
                if event.sign and event.onset <= when[i] < event.end:
                    shown.setdefault(event.sign, np.zeros(len(who), dtype=bool))[i] = True
        return shown

    def acted(self, one: int, when: np.datetime64, action: str) -> None:
        """What was done about the injections because of the related events that go on."""
        for event in self.going[one]:
            if event.values["related"] and event.written and event.onset <= when < event.end:
                event.values["action"] = action

    # ---- leaving -----------------------------------------------------------------------------

    def depart(self, one: int, start: np.datetime64) -> None:
        """When and how this person would leave before the end: as the study names it, or ``died``.

        All rates are constant; that of death is the model's at ``start``.
        """
        rates = {how: rate / DAYS_A_YEAR for how, rate in self.rates.items()}
        rates[""] = float(self.bodies.hazard("death", np.array([one]))[0])
        days = {
            how: self._leave[one, i] / rate if rate else np.inf for i, (how, rate) in enumerate(rates.items())
        }
        how = min(days, key=lambda name: days[name])
        self.how[one] = how
        self.leaves[one] = start + np.timedelta64(int(min(days[how], LONGEST) * MINUTES_A_DAY), "m")

    def fatal(self, when: np.datetime64) -> dict[str, Any]:
        """The row of a death of no known cause."""
        death, today = self.spec.death, str(when.astype("datetime64[D]"))
        return {
            "term": death.term,
            "category": death.category,
            "system": death.system,
            "grade": FATAL,
            "related": False,
            "serious": True,
            "seriousness": death.seriousness,
            "onset": today,
            "ended": today,
            "outcome": "fatal",
            "action": "none",
        }


def _minutes(span: Span) -> np.timedelta64:
    return np.timedelta64(round(span.days * MINUTES_A_DAY), "m")


def _graded(kind: Kind, grade: int) -> int:
    """A grade that this kind of event can have."""
    return grade if kind.grades is None else int(min(max(grade, kind.grades.low), kind.grades.high))


def _pick(shares: Mapping[Any, float], u: float) -> Any:
    """The alternative that a uniform falls on; rounding never leaves the last one."""
    bounds = np.cumsum(list(shares.values()))[:-1]
    return list(shares)[int(np.searchsorted(bounds, u, side="right"))]
