"""What befalls virtual people: reactions to injections, other illness, flares, leaving, death."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trialrun.protocol.protocol import Protocol
from trialrun.simulate.body import Bodies
from trialrun.simulate.chance import Person, exponentials, normals, uniforms

DAY = np.timedelta64(1, "D")
MOST_BACKGROUND = 12  # more unrelated events than anyone has in nine months at the rates of a study file


@dataclass
class Happening:
    """One adverse event of one person: when it began, when it ends, and its row."""

    row: str
    onset: np.datetime64
    end: np.datetime64
    values: dict[str, Any]
    shows: str | None = None
    written: bool = False
    closed: bool = False


class Events:
    """Draws events for a batch of people, each from streams of their own."""

    def __init__(self, protocol: Protocol, people: Sequence[Person], bodies: Bodies) -> None:
        self.protocol = protocol
        self.bodies = bodies
        self.spec: Mapping[str, Any] = protocol.model["events"]
        n = len(people)
        self.doses = {point.id: i for i, point in enumerate(protocol.doses)}
        self.going: list[list[Happening]] = [[] for _ in range(n)]
        self._reaction = uniforms(people, "reactions", len(self.doses), 4)
        self._worst = uniforms(people, "worst grades", len(protocol.cycles))
        self._gap = exponentials(people, "background", MOST_BACKGROUND)
        self._background = uniforms(people, "background kinds", MOST_BACKGROUND, 4)
        self._length = normals(people, "lengths", len(self.doses) + MOST_BACKGROUND)
        self._threshold = exponentials(people, "flares")
        self._flare = uniforms(people, "flare kinds", 2)
        self._leave = exponentials(people, "leaving", 2)
        self._risk = np.zeros(n)
        self._risk_at = np.full(n, np.datetime64("NaT", "m"))
        self.flared = np.zeros(n, dtype=bool)
        self._background_drawn = np.zeros(n, dtype=bool)

    # ---- reactions ---------------------------------------------------------------------------

    def react(self, one: int, point: str, when: np.datetime64, amount: float) -> None:
        """One injection may bring a reaction that evening; the first of a course has its worst grade."""
        k = self.doses[point]
        happens, kind, _, serious = self._reaction[one, k]
        hazard = float(self.bodies.model.reaction_hazard(np.array([amount]))[0])
        if happens >= -np.expm1(-hazard):
            return
        planned = self.protocol.timepoints[point]
        clinic = self.bodies.model.clinic
        first = not any(event.row.startswith(f"{planned.cycle}-") for event in self.going[one])
        course = self.protocol.cycles.index(str(planned.cycle))
        grade = int(clinic.worst_grade(self._worst[one : one + 1, course])[0]) if first else 1
        name = str(clinic.reaction(np.array([kind]))[0])
        onset = when + np.timedelta64(8, "h")
        self._begin(one, f"{planned.cycle}-{k + 1}", onset, grade, True, self.spec["reactions"][name], k, serious)

    def _begin(self, one: int, row: str, onset: np.datetime64, grade: int, related: bool, kind: Mapping[str, Any], k: int, serious_u: float) -> None:
        length = max(1, round(float(kind["lasts"] * np.exp(0.4 * self._length[one, k]) * (2 if grade >= 3 else 1))))
        serious = grade >= self.spec["serious_from_grade"] or (not related and serious_u < self.spec["background"]["serious"])
        values = {
            "term": kind["term"],
            "category": kind["category"],
            "system": kind["system"],
            "grade": grade,
            "related": related,
            "serious": bool(serious),
            "seriousness": self.spec["seriousness"] if serious else None,
            "onset": str(onset.astype("datetime64[D]")),
            "outcome": "ongoing",
            "action": "none",
        }
        self.going[one].append(Happening(row, onset, onset + length * DAY, values, kind.get("shows")))

    # ---- other illness -----------------------------------------------------------------------

    def fall_ill(self, one: int, start: np.datetime64, until: np.datetime64) -> None:
        """Unrelated events of the whole participation, drawn once when injections begin."""
        if self._background_drawn[one]:
            return
        self._background_drawn[one] = True
        background = self.spec["background"]
        days = np.cumsum(self._gap[one]) * 365.25 / background["per_year"]
        kinds = list(background["kinds"])
        shares = np.cumsum([background["kinds"][kind]["share"] for kind in kinds])[:-1]
        grades = list(background["grades"])
        odds = np.cumsum(list(background["grades"].values()))[:-1]
        for k, day in enumerate(days):
            onset = start + np.timedelta64(int(day * 1440), "m")
            if onset > until:
                break
            kind, grade, _, serious = self._background[one, k]
            chosen = background["kinds"][kinds[int(np.searchsorted(shares, kind, side="right"))]]
            severity = int(grades[int(np.searchsorted(odds, grade, side="right"))])
            self._begin(one, f"B-{k + 1}", onset, severity, False, chosen, len(self.doses) + k, serious)

    def signs(self, who: np.ndarray[Any, Any], when: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
        """Which signs (fever, leak …) each person shows at this moment."""
        shown: dict[str, np.ndarray[Any, Any]] = {}
        for i, one in enumerate(who):
            for event in self.going[one]:
                if event.shows and event.onset <= when[i] < event.end and event.values["grade"] >= 2:
                    shown.setdefault(event.shows, np.zeros(len(self.going), dtype=bool))[one] = True
        return shown

    def toxicity(self, one: int, when: np.datetime64) -> bool:
        """Whether a related event is going on."""
        return any(event.values["related"] and event.onset <= when < event.end for event in self.going[one])

    # ---- the disease -------------------------------------------------------------------------

    def flare(self, one: int, now: np.datetime64) -> tuple[np.datetime64, bool, str] | None:
        """The first flare since the last look, if its risk has been used up: (onset, major, organ).

        The hazard is taken as constant between two looks, at its value now.
        """
        before = self._risk_at[one]
        self._risk_at[one] = now
        if np.isnat(before) or self.flared[one]:
            return None
        rate = float(self.bodies.hazard("flare", np.array([one]))[0])
        days = float((now - before) / DAY)
        used = self._risk[one] + rate * days
        if used < self._threshold[one]:
            self._risk[one] = used
            return None
        self.flared[one] = True
        share = (self._threshold[one] - self._risk[one]) / (used - self._risk[one])
        onset = before + np.timedelta64(int(share * days * 1440), "m")
        organs = self.spec["flare"].get("organs", {})
        involved = np.nonzero(self.bodies.involved[one])[0]
        organ = self.bodies.model.clinic.organs[involved[int(self._flare[one, 1] * len(involved))]]
        return onset, bool(self._flare[one, 0] < self.spec["flare"]["major"]), str(organs.get(organ, organ))

    def leaving(self, one: int, first_dose: np.datetime64) -> tuple[np.datetime64, str]:
        """When and how this person would leave before the end: ``withdrawn`` or ``died``."""
        people = self.protocol.model["people"]
        death = float(self.bodies.hazard("death", np.array([one]))[0])
        rates = {"withdrawn": people["dropout"]["per_year"] / 365.25, "died": death}
        days = {name: self._leave[one, i] / rate if rate else np.inf for i, (name, rate) in enumerate(rates.items())}
        how = min(days, key=lambda name: days[name])
        return first_dose + np.timedelta64(int(min(days[how], 4000.0) * 1440), "m"), how
