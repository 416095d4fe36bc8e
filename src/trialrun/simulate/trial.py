"""Whole virtual trials: who arrives when, and the trial run to its end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialrun.conduct.cohort import Cohort
from trialrun.conduct.enrolment import may_enrol, roll
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import _span
from trialrun.simulate.chance import Person
from trialrun.simulate.ledger import Columns
from trialrun.simulate.site import DAY, Site

MOST_SCREENED = 4  # times the planned number: nobody screens more


@dataclass(frozen=True)
class Arrivals:
    """Dates on which people come for screening, in order."""

    dates: NDArray[np.datetime64]


def arrivals(protocol: Protocol, seed: int, trial: int = 0) -> Arrivals:
    """A Poisson process that brings the expected number of eligible people in the inclusion period."""
    spec = protocol.model["people"]["accrual"]
    days = _span(spec["in"]).days
    screened_per_day = spec["expected"] / days / protocol.model["people"]["eligible"]["chance"]
    count = protocol.study.enrolment.planned * MOST_SCREENED
    gaps = Person(seed, trial, -1 % 2**32).stream("arrivals").standard_exponential(count) / screened_per_day
    start = np.datetime64(protocol.study.timeline["start"].date, "D")
    return Arrivals(_working_day(start + np.floor(np.cumsum(gaps)).astype("timedelta64[D]")))


def _working_day(dates: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    return np.asarray(np.busday_offset(dates, 0, roll="forward"))


def run(protocol: Protocol, seed: int, trial: int = 0) -> Cohort:
    """One virtual trial on the fast path: screening as people arrive, one after the other where the
    study staggers, until the planned number is included; then everyone to the end."""
    coming = arrivals(protocol, seed, trial).dates
    site = Site(protocol, [Person(seed, trial, k) for k in range(len(coming))], Columns(protocol, len(coming)))
    waiting = list(range(len(coming)))
    date = coming[0]
    while True:
        while waiting and coming[waiting[0]] <= date and may_screen(site, date):
            site.screen(np.array([waiting.pop(0)]), date)
        site.day(date)
        following = site.today()
        if waiting and still_recruiting(site.cohort):
            due = max(coming[waiting[0]], date + DAY)
            following = due if np.isnat(following) else min(following, due)
        if np.isnat(following):
            return site.cohort
        date = following


def still_recruiting(cohort: Cohort) -> bool:
    """Whether the planned number has not been included yet."""
    return int((~np.isnat(cohort.included)).sum()) < cohort.protocol.study.enrolment.planned


def may_screen(site: Site, date: np.datetime64) -> bool:
    """Nobody is screened who could not be included: not beyond the plan, not while others are awaited."""
    cohort = site.cohort
    included = np.nonzero(~np.isnat(cohort.included))[0]
    screening = int((~np.isnat(cohort.consented) & np.isnat(cohort.included) & np.isnat(cohort.ended)).sum())
    screening += int((~np.isnat(site.next) & np.isnat(cohort.consented)).sum())
    planned = cohort.protocol.study.enrolment
    if len(included) + screening >= planned.planned:
        return False
    if planned.stagger and len(included) < planned.stagger.first and screening:
        return False
    if not len(included):
        return True
    now = np.full(len(included), date.astype("datetime64[m]"))
    return bool(may_enrol(cohort.protocol, roll(cohort, included, now)).permitted.all())
