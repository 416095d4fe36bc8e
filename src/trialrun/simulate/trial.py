"""Whole virtual trials: who arrives when, and the trial run to its end, day by day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trialrun.conduct.allocation import closed
from trialrun.conduct.cohort import Cohort, Index
from trialrun.conduct.enrolment import ANY, may_enrol
from trialrun.conduct.roll import Roll, join, roll
from trialrun.protocol.allocation import Table
from trialrun.protocol.protocol import Protocol as StudyProtocol
from trialrun.simulate.agenda import DAY
from trialrun.simulate.chance import CROWD, Person
from trialrun.simulate.ledger import Columns
from trialrun.simulate.population import population
from trialrun.simulate.site import Site

Dates = NDArray[np.datetime64]
Present = list[tuple[Cohort, Index]]
"""Everyone whose file is open: cohorts, and who of them."""
MOST_SCREENED = 4  # times the planned number: nobody screens more


def arrivals(protocol: StudyProtocol, seed: int, trial: int = 0) -> Dates:
    """Working days on which people come for screening: a Poisson process at the study's rate."""
    people = population(protocol).people
    rate = people.accrual.screened / people.accrual.in_.days
    count = protocol.study.enrolment.planned * MOST_SCREENED
    gaps = Person(seed, trial, CROWD).stream("arrivals").standard_exponential(count) / rate
    start = np.datetime64(protocol.study.timeline["start"].date, "D")
    dates = start + np.floor(np.cumsum(gaps)).astype("timedelta64[D]")
    return np.asarray(np.busday_offset(dates, 0, roll="forward", weekmask=people.calendar.visits))


class Crowd(Protocol):
    """The people of one trial, wherever they are written down."""

    def screen(self, number: int, date: np.datetime64) -> None:
        """Open the file of person ``number``."""

    def day(self, date: np.datetime64) -> None:
        """Everything that happens on a day."""

    def today(self) -> np.datetime64:
        """The next day with anything to do (NaT = none)."""

    def present(self) -> Present:
        """Everyone whose file is open."""


class Columned:
    """All people of a trial in the columns of one cohort: the fast path."""

    def __init__(self, protocol: StudyProtocol, seed: int, trial: int, count: int) -> None:
        people = [Person(seed, trial, number) for number in range(count)]
        self.site = Site(protocol, people, Columns(protocol, count))
        self.site.trial_is_open = lambda when, kind: is_open(protocol, self.present(), when, kind)
        self.site.visits.arm_is_open = lambda arm, when: arm_is_open(protocol, self.present(), arm, when)
        names = list(protocol.study.sites)
        self.site.cohort.site[:] = [names[number % len(names)] for number in range(count)]
        self._opened: list[int] = []

    def screen(self, number: int, date: np.datetime64) -> None:
        self._opened.append(number)
        self.site.screen(np.array([number]), date)

    def day(self, date: np.datetime64) -> None:
        self.site.day(date)

    def today(self) -> np.datetime64:
        return self.site.today()

    def present(self) -> Present:
        return [(self.site.cohort, np.array(self._opened, dtype=np.int64))]


def run(protocol: StudyProtocol, seed: int, trial: int = 0) -> Cohort:
    """One virtual trial on the fast path; everyone screened is a row of the cohort."""
    coming = arrivals(protocol, seed, trial)
    crowd = Columned(protocol, seed, trial, len(coming))
    conduct(protocol, coming, crowd)
    return crowd.site.cohort


def conduct(
    protocol: StudyProtocol,
    coming: Dates,
    crowd: Crowd,
    tell: Callable[[np.datetime64], None] = lambda date: None,
) -> None:
    """Run a trial to its end: people are screened as they come, one after the other where the study
    staggers, until the planned number is included; everyone is followed to the last visit.

    coming: the days on which people come, in order. Who cannot be screened then waits.
    """
    open_on = population(protocol).people.calendar.visits
    waiting = list(range(len(coming)))
    date = coming[0]
    while not np.isnat(date):
        busy = date == crowd.today()
        while (
            waiting and coming[waiting[0]] <= date and _may_screen(protocol, crowd.present(), date, open_on)
        ):
            crowd.screen(waiting.pop(0), date)
            busy = True
        crowd.day(date)
        tell(date)
        days = [crowd.today()]
        if waiting and room(protocol, crowd.present()):
            # Who waits is let in by what happens to others: a day without anything changes nothing.
            due = coming[waiting[0]] if coming[waiting[0]] > date else date + DAY
            if due == coming[waiting[0]] or busy or not np.is_busday(date, weekmask=open_on):
                days.append(np.busday_offset(due, 0, roll="forward", weekmask=open_on))
        date = np.fmin.reduce(days)


def _may_screen(protocol: StudyProtocol, present: Present, date: np.datetime64, open_on: str) -> bool:
    """Nobody is screened who could not be included: not beyond the plan, not while others are awaited."""
    if not np.is_busday(date, weekmask=open_on) or not room(protocol, present):
        return False
    stagger = protocol.study.enrolment.stagger
    included, screening, _ = _count(present)
    if stagger and included < stagger.first and screening:
        return False
    allocation = protocol.study.allocation
    if isinstance(allocation, Table) and screening >= allocation.cohort - included % allocation.cohort:
        return False  # the next cohort waits until this one has been judged
    return is_open(protocol, present, date.astype("datetime64[m]"))


def room(protocol: StudyProtocol, present: Present) -> bool:
    """Whether the plan has room for one more, those in screening counted; who was included and never
    dosed is replaced, as often as the study replaces."""
    enrolment = protocol.study.enrolment
    included, screening, undosed = _count(present)
    return included + screening < enrolment.planned + min(undosed, enrolment.replace)


def is_open(protocol: StudyProtocol, present: Present, when: np.datetime64, kind: str | None = ANY) -> bool:
    """Whether the trial takes one more participant, of a kind where it limits how many of each it takes."""
    return bool(may_enrol(protocol, _roll(present, when), kind).permitted.all())


def arm_is_open(protocol: StudyProtocol, present: Present, arm: str | None, when: np.datetime64) -> bool:
    """Whether anyone may begin in an arm: the allocation table may have closed it after their inclusion."""
    if not isinstance(protocol.study.allocation, Table):
        return True
    return not closed(protocol, _roll(present, when), arm)


def _roll(present: Present, when: np.datetime64) -> Roll | None:
    """Everyone included, as the trial knows them."""
    rolls: list[Roll] = []
    for cohort, who in present:
        included = who[~np.isnat(cohort.included[who])]
        if len(included):
            rolls.append(roll(cohort, included, np.full(len(included), when)))
    return join(rolls) if rolls else None


def _count(present: Present) -> tuple[int, int, int]:
    """(included, still in screening, included and gone without a dose)."""
    included = screening = undosed = 0
    for cohort, who in present:
        inside, gone = ~np.isnat(cohort.included[who]), ~np.isnat(cohort.ended[who])
        included += int(inside.sum())
        screening += int((~inside & ~gone).sum())
        undosed += int((inside & gone & np.isnat(cohort.first_injection[who])).sum())
    return included, screening, undosed
