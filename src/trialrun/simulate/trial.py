"""Whole virtual trials: who arrives when, and the trial run to its end, day by day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trialrun.conduct.cohort import Cohort, Index
from trialrun.conduct.enrolment import Roll, join, may_enrol, roll
from trialrun.protocol.protocol import Protocol as StudyProtocol
from trialrun.protocol.text import span
from trialrun.simulate.chance import Person
from trialrun.simulate.ledger import Columns
from trialrun.simulate.site import DAY, Site

Dates = NDArray[np.datetime64]
MOST_SCREENED = 4  # times the planned number: nobody screens more
CROWD = 2**32 - 1  # the number of the stream that belongs to the trial, not to a person


def arrivals(protocol: StudyProtocol, seed: int, trial: int = 0) -> Dates:
    """Working days on which people come for screening: a Poisson process that brings the expected
    number of eligible people in the inclusion period."""
    people = protocol.model["people"]
    screened_per_day = people["accrual"]["expected"] / span(people["accrual"]["in"]).days / people["eligible"]["chance"]
    count = protocol.study.enrolment.planned * MOST_SCREENED
    gaps = Person(seed, trial, CROWD).stream("arrivals").standard_exponential(count) / screened_per_day
    start = np.datetime64(protocol.study.timeline["start"].date, "D")
    dates = start + np.floor(np.cumsum(gaps)).astype("timedelta64[D]")
    return np.asarray(np.busday_offset(dates, 0, roll="forward"))


class Crowd(Protocol):
    """The people of one trial, wherever they are written down."""

    def screen(self, number: int, date: np.datetime64) -> None:
        """Open the file of person ``number``."""

    def day(self, date: np.datetime64) -> None:
        """Everything that happens on a day."""

    def today(self) -> np.datetime64:
        """The next day with anything to do (NaT = none)."""

    def present(self) -> list[tuple[Cohort, Index]]:
        """Everyone whose file is open."""


class Columned:
    """All people of a trial in the columns of one cohort: the fast path."""

    def __init__(self, protocol: StudyProtocol, seed: int, trial: int, count: int) -> None:
        people = [Person(seed, trial, number) for number in range(count)]
        self.site = Site(protocol, people, Columns(protocol, count))
        self.site.trial_is_open = lambda when: is_open(protocol, self.present(), when)
        self._opened: list[int] = []

    def screen(self, number: int, date: np.datetime64) -> None:
        self._opened.append(number)
        self.site.screen(np.array([number]), date)

    def day(self, date: np.datetime64) -> None:
        self.site.day(date)

    def today(self) -> np.datetime64:
        return self.site.today()

    def present(self) -> list[tuple[Cohort, Index]]:
        return [(self.site.cohort, np.array(self._opened, dtype=np.int64))]


def run(protocol: StudyProtocol, seed: int, trial: int = 0) -> Cohort:
    """One virtual trial on the fast path; everyone screened is a row of the cohort."""
    coming = arrivals(protocol, seed, trial)
    crowd = Columned(protocol, seed, trial, len(coming))
    conduct(protocol, coming, crowd)
    return crowd.site.cohort


def conduct(protocol: StudyProtocol, coming: Dates, crowd: Crowd, tell: Callable[[np.datetime64], None] = lambda date: None) -> None:
    """Run a trial to its end: people are screened as they come, one after the other where the study
    staggers, until the planned number is included; everyone is followed to the last visit."""
    waiting = list(range(len(coming)))
    date = coming[0]
    while not np.isnat(date):
        while waiting and coming[waiting[0]] <= date and may_screen(protocol, crowd.present(), date):
            crowd.screen(waiting.pop(0), date)
        crowd.day(date)
        tell(date)
        following = crowd.today()
        if waiting and _count(crowd.present())[0] < protocol.study.enrolment.planned:
            due = max(coming[waiting[0]], date + DAY)
            following = due if np.isnat(following) else min(following, due)
        date = following


def may_screen(protocol: StudyProtocol, present: list[tuple[Cohort, Index]], date: np.datetime64) -> bool:
    """Nobody is screened who could not be included: not beyond the plan, not while others are awaited."""
    included, screening = _count(present)
    plan = protocol.study.enrolment
    if included + screening >= plan.planned:
        return False
    if plan.stagger and included < plan.stagger.first and screening:
        return False
    return is_open(protocol, present, date.astype("datetime64[m]"))


def is_open(protocol: StudyProtocol, present: list[tuple[Cohort, Index]], when: np.datetime64) -> bool:
    """Whether the trial takes one more participant."""
    rolls: list[Roll] = []
    for cohort, who in present:
        included = who[~np.isnat(cohort.included[who])]
        if len(included):
            rolls.append(roll(cohort, included, np.full(len(included), when)))
    return bool(may_enrol(protocol, join(rolls) if rolls else None).permitted.all())


def _count(present: list[tuple[Cohort, Index]]) -> tuple[int, int]:
    """(included, still in screening)."""
    included = sum(int((~np.isnat(cohort.included[who])).sum()) for cohort, who in present)
    gone = sum(int((~np.isnat(cohort.ended[who]) & np.isnat(cohort.included[who])).sum()) for cohort, who in present)
    return included, sum(len(who) for _, who in present) - included - gone
