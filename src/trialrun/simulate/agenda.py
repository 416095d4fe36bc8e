"""Which day each virtual person comes for what: planned days, moved as people and sites move them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from trialrun.conduct.cohort import Cohort, Index, Times, day, never
from trialrun.conduct.standing import DONE, VOID, Standing, held, hold_ends, standing
from trialrun.protocol.chain import Days
from trialrun.protocol.protocol import Protocol, Timepoint
from trialrun.simulate.chance import Person, normals, uniforms
from trialrun.simulate.model import Flags
from trialrun.simulate.people import Behaviour

DAY = np.timedelta64(1, "D")
MINUTE = np.timedelta64(1, "m")
NOWHEN = np.datetime64("NaT", "D")
Delays = NDArray[np.timedelta64]
NIGHT = 23 * 60 * MINUTE  # when the site looks ahead


class Agenda:
    """The days of N people. due: timepoint -> (N,) the day it is planned for; next: (N,) the first day
    with anything to do (NaT = nothing any more)."""

    def __init__(self, protocol: Protocol, people: Sequence[Person], behaviour: Behaviour) -> None:
        n, self.order = len(people), list(protocol.timepoints)
        self.protocol = protocol
        self.people = behaviour
        self.position = {point: k for k, point in enumerate(self.order)}
        self.due: dict[str, Days] = {point: np.full(n, NOWHEN) for point in self.order}
        self.next: Days = np.full(n, NOWHEN)
        self._again: dict[str, Days] = {point: np.full(n, NOWHEN) for point in self.order}
        self._settled = np.zeros((len(self.order), n), dtype=bool)
        strays = np.round(normals(people, "visit days", len(self.order)) * behaviour.late_visit.spread)
        self._strays = strays.astype("timedelta64[D]")
        hour = behaviour.hour.about + behaviour.hour.spread * normals(people, "hours", len(self.order))
        self._minute = np.rint(np.clip(hour, behaviour.hour.limits.low, behaviour.hour.limits.high) * 60)
        self._missed = uniforms(people, "missed visits", len(self.order))
        self._late = uniforms(people, "late courses", len(protocol.cycles))
        self._busy = never(n)

    # ---- coming ------------------------------------------------------------------------------

    def expect(self, point: str, who: Index, date: np.datetime64) -> None:
        """People come for a timepoint that nothing before it could date."""
        self.due[point][who] = date
        self.next[who] = date

    def arrive(self, point: str, who: Index, date: np.datetime64) -> Times:
        """The minute at which they come; what falls on one day is done one after the other."""
        minutes = self._minute[who, self.position[point]].astype("timedelta64[m]")
        return np.asarray(np.fmax(date.astype("datetime64[m]") + minutes, self._busy[who]))

    def leave(self, who: Index, when: Times) -> None:
        """They have time again from this minute on."""
        self._busy[who] = when

    def misses(self, point: Timepoint, who: Index) -> Flags:
        """Who does not come, ever: to any follow-up visit but the last, and to an injection after day 1."""
        u = self._missed[who, self.position[point.id]]
        if point.kind == "visit" and point.offset > 0 and point.id != self.protocol.last_visit:
            return np.asarray(u < self.people.missed_visit.chance)
        if point.dose and point.course_day != 1:
            return np.asarray(u < self.people.missed_dose.chance)
        return np.zeros(len(who), dtype=bool)

    def skip(self, point: str, who: Index) -> None:
        """This timepoint is not tried again."""
        self._settled[self.position[point], who] = True

    def again(self, point: str, who: Index, dates: Days) -> None:
        """This timepoint is tried again on these days."""
        self._again[point][who] = dates

    def first_try(self, point: str, who: Index) -> Flags:
        """For whom this timepoint has not been tried before."""
        return np.isnat(self._again[point][who])

    def today(self) -> np.datetime64:
        """The next day on which anything happens (NaT = nothing any more)."""
        left = self.next[~np.isnat(self.next)]
        return left.min() if len(left) else NOWHEN

    def last_start(self, cohort: Cohort, who: Index) -> Days:
        """The last day on which the first injection can be given."""
        return standing(cohort, never(cohort.n)).latest[self.protocol.first_dose][who]

    # ---- planning ----------------------------------------------------------------------------

    def plan(self, cohort: Cohort, who: Index, date: np.datetime64, others: Iterable[Days]) -> None:
        """Plan all that is still to come for ``who``, on the night of ``date``; others: further days
        (len(who),) on which something happens. Only what conduct says of dates and states is used."""
        self.next[who] = NOWHEN
        who, others = _still(cohort, who, others)
        if not len(who):
            return
        now = never(cohort.n)
        now[who] = date.astype("datetime64[m]") + NIGHT
        here = standing(cohort, now)
        days = [*others, *self._deadlines(cohort, here, who)]
        for position, point in enumerate(self.order):
            left = ~self._settled[position, who]
            if left.any():
                self.due[point][who] = NOWHEN
                self.due[point][who[left]] = self._due(cohort, here, point, who[left], now, date)
                days.append(self.due[point][who])
        self.next[who] = np.fmin.reduce([np.where(some > date, some, NOWHEN) for some in days])

    def _due(
        self, cohort: Cohort, here: Standing, point: str, who: Index, now: Times, date: np.datetime64
    ) -> Days:
        """The day of one timepoint; what is over for good is settled."""
        position, planned = self.position[point], self.protocol.timepoints[point]
        status = here.status(cohort, point, now)[who]
        over = (status == DONE) | (~np.isnat(cohort.included) & ~cohort.within(planned.arms))[who]
        if planned.dose:
            over |= (status == VOID) & ~np.isnat(cohort.stopped[who])
        self._settled[position, who[over]] = True
        gone = over | (status == VOID) | here.waiting(cohort, point)[who]
        if planned.id in self.protocol.first_doses:
            gone |= np.isnat(cohort.included[who])
        return np.where(gone, NOWHEN, self._day(here, planned, who, date))

    def _day(self, here: Standing, point: Timepoint, who: Index, date: np.datetime64) -> Days:
        """A little early or late, on a day of the week that suits, within the window, never in the past."""
        first, last = here.earliest[point.id][who], here.latest[point.id][who]
        if point.kind == "decision":
            last = np.full(len(who), NOWHEN)  # one that is late is still to be made
        wanted, loose = here.planned[point.id][who], self._loose(point)
        if loose:
            last = last - DAY  # a dose is due by the hour of day 1, so its last day may end too early
        if not point.dose or loose:
            wanted = wanted + self._strays[who, self.position[point.id]]
        elif point.course_day == 1:
            wanted = wanted + self._delay(point, who)
        wanted = np.where(np.isnat(self._again[point.id][who]), wanted, self._again[point.id][who])
        wanted = np.maximum(np.fmin(np.maximum(wanted, first), last), date + DAY)
        if not point.dose or loose or point.course_day == 1:
            calendar = self.people.calendar
            begins = point.dose and not loose
            wanted = on_weekday(
                wanted, calendar.courses if begins else calendar.visits, np.fmax(first, date + DAY), last
            )
        return np.where(wanted > last, NOWHEN, wanted)

    def _loose(self, point: Timepoint) -> bool:
        """Whether a dose after day 1 has a window of days of its own, within which people move it."""
        if not point.dose or point.course_day == 1:
            return False
        each = self.protocol.study.treatment.cycles[str(point.cycle)].each
        return each is not None and each.after > 1

    def _delay(self, point: Timepoint, who: Index) -> Delays:
        """A course in so many begins late; the first one when it suits."""
        late = self._late[who, self.protocol.cycles.index(str(point.cycle))] < self.people.late_course.chance
        days = np.timedelta64(int(self.people.late_course.by.days), "D")
        return np.where(late & (point.id not in self.protocol.first_doses), days, 0 * DAY)

    def _deadlines(self, cohort: Cohort, here: Standing, who: Index) -> Iterable[Days]:
        """The days after which a course cannot begin any more, and after which a hold has run out."""
        for cycle in self.protocol.cycles:
            yield here.latest[f"{cycle}.D1"][who] + DAY
        for decision in self.protocol.decisions:
            holding = held(cohort, decision)[who] & np.isnat(cohort.stopped[who])
            yield np.where(holding, day(hold_ends(cohort, decision)[who]) + DAY, NOWHEN)


def _still(cohort: Cohort, who: Index, others: Iterable[Days]) -> tuple[Index, list[Days]]:
    """Those whose participation goes on."""
    on = np.isnat(cohort.ended[who])
    return who[on], [days[on] for days in others]


def on_weekday(dates: Days, names: str, first: Days, last: Days) -> Days:
    """The next of these days of the week, or the one before where a window (``first`` to ``last``,
    NaT = open) leaves no later one; a window without any keeps the date."""
    known = ~np.isnat(dates)
    later, sooner = dates.copy(), dates.copy()
    later[known] = np.busday_offset(dates[known], 0, roll="forward", weekmask=names)
    sooner[known] = np.busday_offset(dates[known], 0, roll="backward", weekmask=names)
    return np.where(~(later > last), later, np.where(~(sooner < first), sooner, dates))
