"""The people of a demonstration: each a virtual site of one, written into the record."""

from __future__ import annotations

import numpy as np

from trialrun.conduct.cohort import Cohort, Index
from trialrun.demo.ledger import RecordLedger, VirtualClock
from trialrun.record.trial import Trial
from trialrun.simulate.chance import Person
from trialrun.simulate.site import Site
from trialrun.simulate.trial import arm_is_open, is_open

ALONE = np.array([0])


class Recorded:
    """One virtual site per person, all in one trial's record."""

    def __init__(self, trial: Trial, clock: VirtualClock, seed: int, number: int = 0) -> None:
        self.trial = trial
        self.clock = clock
        self.seed = seed
        self.number = number
        self.sites: list[Site] = []

    def screen(self, number: int, date: np.datetime64) -> None:
        names = list(self.trial.protocol.study.sites)
        ledger = RecordLedger(self.trial, self.clock, names[number % len(names)], number, date)
        site = Site(self.trial.protocol, [Person(self.seed, self.number, number)], ledger)
        site.visits.arm_is_open = lambda arm, when: arm_is_open(
            self.trial.protocol, self.present(), arm, when
        )
        site.trial_is_open = lambda when, kind: is_open(self.trial.protocol, self.present(), when, kind)
        site.screen(ALONE, date)
        self.sites.append(site)

    def day(self, date: np.datetime64) -> None:
        busy = [site for site in self.sites if site.today() == date]
        for part in (Site.morning, Site.noon, Site.evening):
            for site in busy:
                part(site, date)

    def today(self) -> np.datetime64:
        days = [day for site in self.sites if not np.isnat(day := site.today())]
        return min(days) if days else np.datetime64("NaT", "D")

    def present(self) -> list[tuple[Cohort, Index]]:
        return [(site.cohort, ALONE) for site in self.sites]
