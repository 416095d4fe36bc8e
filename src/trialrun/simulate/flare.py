"""Flares of the disease: when each virtual person's first one begins, in which organ, how long it lasts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trialrun.conduct.cohort import Index, Times, never
from trialrun.simulate.body import MINUTES_A_DAY, Bodies
from trialrun.simulate.chance import Person, exponentials, uniforms
from trialrun.simulate.model import Flags
from trialrun.simulate.people import Flare

LONGEST = 100 * 365 * MINUTES_A_DAY  # minutes; a flare further away than that never comes


class Flares:
    """The first flare of each of N people; nobody has a second one, nor any where the study has no flares.

    begins (N,): when it is to be expected, NaT before the first look. It is reckoned anew at every look
    from the risk used up so far and the present hazard, which is taken to hold until the next look.
    """

    def __init__(self, spec: Flare | None, people: Sequence[Person], bodies: Bodies) -> None:
        n = len(people)
        self.spec = spec
        self.bodies = bodies
        self.begins: Times = never(n)
        self.known = np.zeros(n, dtype=bool)
        self.major: Flags = np.zeros(n, dtype=bool)
        self.organ: Index = np.zeros(n, dtype=np.int64)
        if spec is None:
            return
        kind, fresh, which = uniforms(people, "flare kinds", 3).T
        self.major = kind < spec.major
        self.organ = np.array(
            [_organ(*one) for one in zip(bodies.involved, fresh < spec.new, which, strict=True)]
        )
        self._risk = exponentials(people, "flares")  # what is left of each one's share
        self._rate = np.zeros(n)
        self._looked = never(n)

    def look(self, who: Index, when: Times) -> None:
        """Use up the risk since the last look, and say when the flare is to be expected now.

        One that has begun, though nobody told of it yet, stays as it is.
        """
        if self.spec is None:
            return
        awaited = ~self.known[who] & ~(self.begins[who] <= when)
        who, when = who[awaited], when[awaited]
        if not len(who):
            return
        passed = (when - self._looked[who]) / np.timedelta64(1, "D")
        self._risk[who] -= self._rate[who] * np.where(np.isnan(passed), 0.0, passed)
        self._looked[who] = when
        self._rate[who] = self.bodies.hazard("flare", who)
        with np.errstate(divide="ignore"):
            minutes = np.maximum(self._risk[who], 0.0) / self._rate[who] * MINUTES_A_DAY
        self.begins[who] = when + np.minimum(minutes, LONGEST).astype("timedelta64[m]")

    def came(self, who: Index, when: Times) -> Index:
        """Those of ``who`` whose flare has begun by ``when`` and was not known; it is known from now on."""
        fresh = who[~self.known[who] & (self.begins[who] <= when)]
        self.known[fresh] = True
        return fresh

    def going(self, who: Index, when: Times) -> Flags:
        """Who has a known flare at this moment."""
        if self.spec is None:
            return np.zeros(len(who), dtype=bool)
        ends = self.begins[who] + np.timedelta64(int(self.spec.lasts.days), "D")
        return np.asarray(self.known[who] & (self.begins[who] <= when) & (when < ends))

    def code(self, one: int) -> str:
        """The flare's organ as its form calls it."""
        name = self.bodies.organs[self.organ[one]]
        return str(self.spec.organs.get(name, name)) if self.spec else name


def _organ(involved: Flags, fresh: bool, u: float) -> int:
    """One of the organs that are affected, or where ``fresh`` of those that are not."""
    choice = np.flatnonzero(~involved if fresh else involved)
    if not len(choice):
        choice = np.arange(len(involved))
    return int(choice[int(u * len(choice))])
