"""The people of a demonstration: each a virtual site of one, written into the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trialrun.conduct.cohort import Cohort, Index
from trialrun.demo.laboratory import Laboratory, evening
from trialrun.demo.ledger import Keep, RecordLedger, VirtualClock
from trialrun.record.trial import Trial
from trialrun.simulate.chance import Person
from trialrun.simulate.site import Site
from trialrun.simulate.trial import arm_is_open, is_open

ALONE = np.array([0])


class Recorded:
    """One virtual site per person, all in one trial's record."""

    def __init__(
        self,
        trial: Trial,
        clock: VirtualClock,
        seed: int,
        number: int = 0,
        laboratory: Laboratory | None = None,
    ) -> None:
        """laboratory: where the specimens go; without one, the model answers its forms."""
        self.laboratory = laboratory
        self.trial = trial
        self.clock = clock
        self.seed = seed
        self.number = number
        self.sites: list[Site] = []

    def screen(self, number: int, date: np.datetime64) -> None:
        names = list(self.trial.protocol.study.sites)
        ledger = RecordLedger(self.trial, self.clock, names[number % len(names)], number, date)
        person = Person(self.seed, self.number, number)
        site = Site(self.trial.protocol, [person], ledger)
        if self.laboratory:
            ledger.keep = self._keeper(self.laboratory, ledger.subject, person, site)
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
        if self.laboratory:
            for site in busy:
                if np.isnat(site.today()):
                    self.laboratory.send(self._subject(site), date)

    def finish(self) -> None:
        """Everybody has left: write what the laboratory found."""
        if self.laboratory:
            now = self.clock.now()
            for site in self.sites:
                self.laboratory.send(self._subject(site), np.datetime64(now.date()))
            for day in self.laboratory.results():
                self.clock.set(evening(day))
            self.clock.set(max(now, self.clock.now()))

    def today(self) -> np.datetime64:
        days = [day for site in self.sites if not np.isnat(day := site.today())]
        return min(days) if days else np.datetime64("NaT", "D")

    def present(self) -> list[tuple[Cohort, Index]]:
        return [(site.cohort, ALONE) for site in self.sites]

    def _subject(self, site: Site) -> str:
        assert isinstance(site.ledger, RecordLedger)
        return site.ledger.subject

    def _keeper(self, laboratory: Laboratory, subject: str, person: Person, site: Site) -> Keep:
        def keep(form: str, point: str, answers: Mapping[str, Any]) -> bool:
            if not laboratory.takes(form):
                return False
            truth = {name: float(true[0]) for name, true in site.bodies.truth(ALONE).items()}
            laboratory.take(subject, person, form, point, truth, answers)
            return True

        return keep
