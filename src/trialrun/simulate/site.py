"""A virtual site: it does, day by day, what a site does with its participants.

It asks `conduct` what may be done, lets the virtual bodies live until then, and writes what it sees
into a ledger. The same site runs on columns (many people at once) and on a record (one at a time).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from trialrun.conduct.cohort import Cohort, Index, Times, day
from trialrun.conduct.permission import may_include
from trialrun.conduct.roll import kinds
from trialrun.conduct.standing import screening_point
from trialrun.conduct.stop import forms_read
from trialrun.protocol.chain import Days
from trialrun.protocol.protocol import Protocol
from trialrun.simulate.agenda import DAY, MINUTE, NOWHEN, Agenda
from trialrun.simulate.body import Bodies
from trialrun.simulate.chance import Person
from trialrun.simulate.event import Events
from trialrun.simulate.flare import Flares
from trialrun.simulate.ledger import Ledger, Row, in_turn
from trialrun.simulate.people import Flare
from trialrun.simulate.population import population
from trialrun.simulate.visit import Visits

# A site's routine, in minutes of the day.
TICK, LEAVE, INCLUSION, EVENING = (hour * 60 for hour in (6, 8, 14, 22))


class Site:
    """N virtual people and the ledger they are written into. ``screen`` opens a person's file."""

    def __init__(self, protocol: Protocol, people: Sequence[Person], ledger: Ledger) -> None:
        file = population(protocol)
        self.protocol = protocol
        self.persons = people
        self.people = file.people
        self.ledger = ledger
        self.agenda = Agenda(protocol, people, file.people)
        self.bodies = Bodies(protocol, people)
        self.events = Events(protocol, file, people, self.bodies)
        self.flares = Flares(file.events.flare, people, self.bodies)
        self.visits = Visits(
            protocol, file, people, ledger, self.agenda, self.bodies, self.events, self.flares
        )
        self.trial_is_open: Callable[[np.datetime64, str | None], bool] = lambda when, kind: True
        stops = (name for name in protocol.study.stops if file.events.form in forms_read(protocol, name))
        self._stops_by_events = {f"stops.{name}" for name in stops}
        self._include_on: Days = np.full(len(people), NOWHEN)
        self._today: Index = np.zeros(0, dtype=np.int64)

    @property
    def cohort(self) -> Cohort:
        return self.ledger.cohort

    def screen(self, who: Index, date: np.datetime64) -> None:
        """Expect these people for screening."""
        self.agenda.expect(str(screening_point(self.cohort)), who, date)

    def today(self) -> np.datetime64:
        """The next day on which anything happens (NaT = nothing any more)."""
        return self.agenda.today()

    # ---- a day -------------------------------------------------------------------------------
    # In three parts, since whether one person may be included depends on what the morning brought others.

    def day(self, date: np.datetime64) -> None:
        """Everything that happens on one day, to the people who have something that day."""
        self.morning(date)
        self.noon(date)
        self.evening(date)

    def morning(self, date: np.datetime64) -> None:
        """What time has brought, who leaves, and the visits."""
        self._today = who = np.flatnonzero(self.agenda.next == date)
        if not len(who):
            return
        self.ledger.tick(who, _at(who, date, TICK))
        self._leave(self._present(who), date)
        for point in self.agenda.order:
            coming = who[self.agenda.due[point][who] == date]
            if len(coming) and len(coming := self._present(coming)):
                self.visits.visit(self.protocol.timepoints[point], coming, date)
                if point == screening_point(self.cohort):
                    after = np.timedelta64(int(self.people.inclusion.after.days), "D")
                    self._include_on[coming] = date + after

    def noon(self, date: np.datetime64) -> None:
        """Inclusions, one after the other: each may close the trial to the next."""
        waiting = self._today[self._include_on[self._today] == date]
        if len(waiting) and len(waiting := self._present(waiting)):
            eligible = may_include(self.cohort, waiting, _at(waiting, date, INCLUSION)).permitted
            for one, fits in zip(waiting, eligible, strict=True):
                self._include(np.array([one]), date, bool(fits))

    def evening(self, date: np.datetime64) -> None:
        """What people report in the evening; then the days to come are planned."""
        who = self._today
        if not len(who):
            return
        self._report(self._present(who), date)
        self._give_up(self._present(who), date)
        self.agenda.plan(self.cohort, who, date, self._days_to_come(who, date))

    def _present(self, who: Index) -> Index:
        """Those whose participation goes on."""
        return who[np.isnat(self.cohort.ended[who])]

    def _days_to_come(self, who: Index, date: np.datetime64) -> list[Days]:
        tomorrow = date + DAY
        begins = np.where(self.flares.known[who], NOWHEN, _told(self.flares.begins[who]))
        flares = np.maximum(begins, tomorrow)
        leaves = np.maximum(day(self.events.leaves[who]), tomorrow)
        return [self._include_on[who], leaves, flares, self._event_days(who, tomorrow)]

    # ---- inclusion ---------------------------------------------------------------------------

    def _include(self, one: Index, date: np.datetime64, eligible: bool) -> None:
        """Include who is eligible; wait while the trial takes nobody, as long as a course could begin."""
        when = _at(one, date, INCLUSION)
        if not eligible:
            self.visits.end(one, when, self.people.ends.not_included)
        elif self.trial_is_open(when[0], kinds(self.cohort, one, when)[0]):
            draw = self.persons[int(one[0])].stream("allocation")
            self.ledger.include(one, when, lambda below: int(draw.integers(below)))
            self.events.depart(int(one[0]), when[0])
            self.events.fall_ill(int(one[0]), when[0])
        else:
            later = date + np.timedelta64(int(self.people.again.inclusion.days), "D")
            if later <= self.agenda.last_start(self.cohort, one)[0]:
                self._include_on[one] = later
            else:
                self.visits.end(one, when, self.people.ends.not_included)

    # ---- leaving -----------------------------------------------------------------------------

    def _leave(self, who: Index, date: np.datetime64) -> None:
        """Withdrawals and deaths."""
        for one in who[day(self.events.leaves[who]) <= date]:
            when, how = _at([one], date, LEAVE), str(self.events.how[one])
            if not how:
                how = self.people.ends.died
                row = Row(int(one), "death", when[0], when[0], self.events.fatal(when[0]))
                self.ledger.write(self.events.spec.form, [row])
            self.visits.end(np.array([one]), when, how)

    def _give_up(self, who: Index, date: np.datetime64) -> None:
        """Who was included and can no longer be given the first injection leaves the trial."""
        cohort = self.cohort
        who = who[~np.isnat(cohort.included[who]) & np.isnat(cohort.first_injection[who])]
        if not len(who):
            return
        gone = who[~np.isnat(cohort.stopped[who]) | (date >= self.agenda.last_start(cohort, who))]
        if len(gone):
            self.visits.end(gone, _at(gone, date, EVENING), self.people.ends.never_dosed)

    # ---- events ------------------------------------------------------------------------------

    def _report(self, who: Index, date: np.datetime64) -> None:
        """Events that ended or began by this evening, and flares; what was done about the injections.

        An end is told on the day itself: an event that seems to go on may stop the injections at midnight.
        """
        evening = _at(who, date, EVENING)
        told = []
        for one in who:
            for event in self.events.going[one]:
                if event.written and not event.closed and event.end <= evening[0]:
                    event.closed = True
                    ended = {**event.values, "ended": _date(event.end), "outcome": "resolved"}
                    told.append(Row(int(one), event.row, event.onset, evening[0], ended))
            for event in self.events.going[one]:
                if not event.written and event.onset <= evening[0]:
                    event.written = True
                    told.append(Row(int(one), event.row, event.onset, evening[0], event.values))
        self._write(self.events.spec.form, told)
        if self.flares.spec and len(came := self.flares.came(who, evening)):
            self._flares(self.flares.spec, came, evening[0])
        for one in who[day(self.cohort.stopped[who]) == date]:
            rule = str(self.cohort.stop_rule[one])
            if rule in self._stops_by_events:
                self.events.acted(int(one), evening[0], "stopped")

    def _flares(self, spec: Flare, who: Index, evening: np.datetime64) -> None:
        """A flare is written down as it began; a major one is treated at once if the study has a rescue."""
        flares, items = self.flares, self.protocol.forms[spec.form].items
        rows = []
        for one in who:
            begins = flares.begins[one]
            said = {"organ": flares.code(one)} if "organ" in items else {}
            values = {**said, "major": bool(flares.major[one]), "onset": _date(begins)}
            rows.append(Row(int(one), "flare-1", begins, evening, values))
        self._write(spec.form, rows)
        if spec.rescue is None:
            return
        rescue = {"medicine": spec.rescue.medicine, "started": _date(evening)}
        treated = who[flares.major[who]]
        self._write(
            spec.rescue.form, [Row(int(one), "rescue-1", evening, evening, rescue) for one in treated]
        )

    def _write(self, form: str, rows: list[Row]) -> None:
        for turn in in_turn(rows):
            self.ledger.write(form, turn)

    def _event_days(self, who: Index, tomorrow: np.datetime64) -> Days:
        """The next day on which an event begins or ends for each person; or tomorrow, while one goes on
        that may stop the injections by lasting too long."""
        days, watched = np.full(len(who), NOWHEN), np.isnat(self.cohort.stopped[who])
        for i, one in enumerate(who):
            left = [event for event in self.events.going[one] if not event.closed]
            if watched[i] and any(event.written for event in left):
                days[i] = tomorrow
            elif left:
                moment = min(event.end if event.written else event.onset for event in left)
                days[i] = np.maximum(_told(moment), tomorrow)
        return days


def _at(who: Sequence[int] | Index, date: np.datetime64, minute: int) -> Times:
    return np.full(len(who), date.astype("datetime64[m]") + minute * MINUTE)


def _told(moment: Any) -> Any:
    """The first day in whose evening a moment (or each of many) has passed."""
    return (moment - (EVENING + 1) * MINUTE).astype("datetime64[D]") + DAY


def _date(moment: np.datetime64) -> str:
    return str(moment.astype("datetime64[D]"))
