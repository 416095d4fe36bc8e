"""A virtual site: it does, day by day, what a site does with its participants.

It asks `conduct` what may be done, lets the virtual bodies live until then, and writes what it sees
into a ledger. The same site runs on columns (many people at once) and on a record (one at a time).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from trialrun.conduct.cohort import Cohort, Index, Times, day
from trialrun.conduct.decision import judge
from trialrun.conduct.permission import may_include, may_inject
from trialrun.conduct.reading import answers, read
from trialrun.conduct.standing import DONE, VOID, screening_point, standing, visited
from trialrun.protocol.plan import ANY_TIME
from trialrun.protocol.protocol import Protocol, Timepoint
from trialrun.simulate.answer import Voices
from trialrun.simulate.body import Bodies
from trialrun.simulate.chance import Person, normals, uniforms
from trialrun.simulate.event import DAY, Events
from trialrun.simulate.ledger import Ledger

NEVER_DAY = np.datetime64("NaT", "D")
MINUTE = np.timedelta64(1, "m")
FAR = np.datetime64("9999-01-01", "D")


class Site:
    """N virtual people and the ledger they are written into. ``screen`` opens a person's file."""

    def __init__(self, protocol: Protocol, people: Sequence[Person], ledger: Ledger) -> None:
        self.protocol = protocol
        self.ledger = ledger
        self.n = len(people)
        self.bodies = Bodies(protocol, people)
        self.voices = Voices(protocol, people, self.bodies)
        self.events = Events(protocol, people, self.bodies)
        self.next = np.full(self.n, NEVER_DAY)
        self.trial_is_open: Callable[[np.datetime64], bool] = lambda when: True
        self._people = protocol.model["people"]
        self._order = list(protocol.timepoints)
        points = len(self._order)
        self._jitter = np.round(normals(people, "visit days", points) * self._people["late_visit"]["spread"])
        self._minute = np.clip(np.round(normals(people, "hours", points) * 30), -60, 120)
        self._missed = uniforms(people, "missed visits", points)
        self._late = uniforms(people, "late courses", len(protocol.cycles), 2)
        self._forgotten = uniforms(people, "forgotten", points)
        self._eligible = uniforms(people, "eligibility")
        self._due = {point: np.full(self.n, NEVER_DAY) for point in self._order}
        self._again = {point: np.full(self.n, NEVER_DAY) for point in self._order}
        self._include_on = np.full(self.n, NEVER_DAY)
        self._leave_on = np.full(self.n, NEVER_DAY)
        self._leave_how = np.full(self.n, "", dtype=object)
        self._skipped = {point: np.zeros(self.n, dtype=bool) for point in self._order}

    @property
    def cohort(self) -> Cohort:
        return self.ledger.cohort

    # ---- days --------------------------------------------------------------------------------

    def screen(self, who: Index, date: np.datetime64) -> None:
        """Plan the screening visit of these people."""
        point = str(screening_point(self.cohort))
        self._due[point][who] = date
        self.next[who] = date

    def today(self) -> np.datetime64:
        """The next day on which anything happens (NaT = nothing any more)."""
        left = self.next[~np.isnat(self.next)]
        return left.min() if len(left) else NEVER_DAY

    def run(self) -> None:
        """Go through all days until nothing is left to do."""
        while not np.isnat(date := self.today()):
            self.day(date)

    def day(self, date: np.datetime64) -> None:
        """Everything that happens on one day, to the people who have something that day."""
        who = np.nonzero(self.next == date)[0]
        if not len(who):
            return
        self.ledger.tick(who, self._clock(who, date, 6 * 60))
        self._close_events(who, date)
        self._leave(who, date)
        present = who[np.isnat(self.cohort.ended[who])]
        for point in self._order:
            coming = present[self._due[point][present] == date]
            if len(coming):
                self._visit(self.protocol.timepoints[point], coming, date)
        self._include(present[self._include_on[present] == date], date)
        self._open_events(present, date)
        self._plan(who, date)

    def _clock(self, who: Index, date: np.datetime64, minute: int) -> Times:
        return np.full(len(who), date.astype("datetime64[m]") + minute * MINUTE)

    # ---- plan --------------------------------------------------------------------------------

    def _plan(self, who: Index, date: np.datetime64) -> None:
        """When each timepoint of these people will be, and which day is their next."""
        self.next[who] = NEVER_DAY
        left = who[np.isnat(self.cohort.ended[who])]
        if not len(left):
            return
        now = np.full(self.n, np.datetime64("NaT", "m"))
        now[left] = date.astype("datetime64[m]") + 23 * 60 * MINUTE
        here = standing(self.cohort, now)
        following = np.full(len(left), FAR)
        for position, point in enumerate(self._order):
            status = here.status(self.cohort, point, now)[left]
            planned = self._when(here, point, position, left, date)
            gone = (status == DONE) | (status == VOID) | self._skipped[point][left] | np.isnat(planned)
            gone |= here.waiting(self.cohort, point)[left]
            planned = np.where(gone, NEVER_DAY, planned)
            self._due[point][left] = planned
            following = np.fmin(following, np.where(planned > date, planned, FAR))
        given_up = [here.latest[f"{cycle}.D1"][left] + DAY for cycle in self.protocol.cycles]
        for dates in (self._include_on[left], self._leave_on[left], self._event_days(left, date), self._hold_days(left), *given_up):
            following = np.fmin(following, np.where(dates > date, dates, FAR))
        self.next[left] = np.where(following == FAR, NEVER_DAY, following)

    def _when(self, here: Any, point: str, position: int, who: Index, date: np.datetime64) -> Any:
        """The day a person will come: planned, a little early or late, within the window, never in the past."""
        planned = self.protocol.timepoints[point]
        first, last = here.earliest[point][who], here.latest[point][who]
        shift = self._jitter[who, position].astype("timedelta64[D]")
        if planned.dose:
            shift = self._course_delay(planned, who)
        if planned.dose and planned.cycle == self.protocol.cycles[0] and planned.course_day == 1:
            shift = self._jitter[who, position].astype("timedelta64[D]")
            shift = np.where(np.isnat(self.cohort.included[who]), np.timedelta64("NaT", "D"), shift)
        if planned.dose and planned.offset == 0:
            shift = _weekday(here.planned[point][who] + shift, self._people["first_course"]["on"]) - here.planned[point][who]
        day_ = np.minimum(np.maximum(here.planned[point][who] + shift, first), last)
        again = self._again[point][who]
        day_ = np.where(np.isnat(again), day_, again)
        day_ = np.where(day_ <= date, date + DAY, day_)  # what is overdue is tried tomorrow
        overdue = (day_ > last) & (planned.kind != "decision")
        return np.where(overdue, NEVER_DAY, day_)

    def _course_delay(self, planned: Timepoint, who: Index) -> Any:
        days = np.zeros(len(who), dtype=int)
        if planned.course_day == 1:
            spec = self._people["late_course"]
            u = self._late[who, self.protocol.cycles.index(str(planned.cycle))]
            days = np.where(u[:, 0] < spec["chance"], 1 + (u[:, 1] * spec["days"]).astype(int), 0)
        return days.astype("timedelta64[D]")

    def _hold_days(self, who: Index) -> Any:
        from trialrun.conduct.standing import held, hold_ends

        ends = np.full(len(who), NEVER_DAY)
        for decision in self.protocol.decisions:
            over = np.where(held(self.cohort, decision)[who] & np.isnat(self.cohort.stopped[who]), day(hold_ends(self.cohort, decision)[who]) + DAY, NEVER_DAY)
            ends = np.fmin(ends, over)
        return ends

    # ---- visits ------------------------------------------------------------------------------

    def _visit(self, point: Timepoint, who: Index, date: np.datetime64) -> None:
        missed = self._misses(point, who)
        self._skipped[point.id][who[missed]] = True
        who = who[~missed]
        status = self._still_open(point, who, date)
        who = who[status]
        if not len(who):
            return
        minute = (self._people["hour"]["visit"] * 60 + self._minute[who, self._order.index(point.id)]).astype(int)
        when = date.astype("datetime64[m]") + minute * MINUTE
        if np.isnat(self.bodies.origin[who]).any():
            self.bodies.wake(who, when)
        self.bodies.live(who, when)
        self._flares(who, when)
        self._forms(point, who, when)
        for specimen in point.specimens:
            self.ledger.collect(specimen, point.id, who, when + 20 * MINUTE)
        if point.dose:
            self._inject(point, who, when + 60 * MINUTE)
        if point.kind == "decision":
            self._decide(point.id, who, when + 90 * MINUTE)
        if point.id == str(screening_point(self.cohort)):
            self._include_on[who] = date + np.timedelta64(int(self._days(self._people["inclusion"]["after"])), "D")
        if point.id == self.protocol.last_visit:
            self._end(who, when + 120 * MINUTE, "completed")

    def _days(self, text: str) -> float:
        return float(str(text).split()[0])

    def _misses(self, point: Timepoint, who: Index) -> Any:
        """Visits that people do not come to: any follow-up visit but the last."""
        may = point.kind == "visit" and point.offset > 0 and point.id != self.protocol.last_visit
        return (self._missed[who, self._order.index(point.id)] < self._people["missed_visit"]["chance"]) & may

    def _still_open(self, point: Timepoint, who: Index, date: np.datetime64) -> Any:
        """What was void this morning may have been made so by an earlier act of the day."""
        now = np.full(self.n, np.datetime64("NaT", "m"))
        now[who] = date.astype("datetime64[m]") + 12 * 60 * MINUTE
        if point.id == str(screening_point(self.cohort)):
            return np.ones(len(who), dtype=bool)
        status = standing(self.cohort, now).status(self.cohort, point.id, now)[who]
        return (status != VOID) & (status != DONE)

    def _forms(self, point: Timepoint, who: Index, when: Times) -> None:
        carried = {self.protocol.study.recorded_on.injection, self.protocol.study.recorded_on.end.partition(".")[0]}
        self.voices.shows = self.events.signs(who, when)
        for i, task in enumerate(t for t in point.tasks if t.form and t.form not in carried):
            form = str(task.form)
            asked = who[self._applies(task.activity, who, when)]
            asked = asked[~self._forgets(point, form, asked)]
            if not len(asked):
                continue
            times = when[np.isin(who, asked)] + (i // 4) * MINUTE
            if form in self.protocol.logs:
                self._log(form, point.id, asked, times)
            else:
                self.ledger.enter(form, point.id, asked, times, self.voices.answer(form, point.id, asked, times, self.cohort, self._set(form, asked)))

    def _set(self, form: str, who: Index) -> dict[str, Any]:
        """The answer that decides whether a person is eligible at all."""
        spec = self._people["eligible"]
        return {spec["item"]: [bool(u >= spec["chance"]) for u in self._eligible[who]]} if form == spec["form"] else {}

    def _applies(self, activity: str, who: Index, when: Times) -> Any:
        rule = self.protocol.rules.get(f"activities.{activity}")
        if rule is None:
            return np.ones(len(who), dtype=bool)
        said = answers(rule, read(self.cohort, rule.reads, who, when, None, "complete"))
        return (said == 1) | ((said == -1) & (self.protocol.activity(activity).unknown == "do"))

    def _forgets(self, point: Timepoint, form: str, who: Index) -> Any:
        """A form forgotten at the first attempt is filled when its lack is noticed."""
        spec = self._people["forgotten_review"]
        if form != spec["form"] or point.kind != "decision":
            return np.zeros(len(who), dtype=bool)
        first = np.isnat(visited(self.cohort, point.id)[who])
        return first & (self._forgotten[who, self._order.index(point.id)] < spec["chance"])

    def _log(self, form: str, point: str, who: Index, when: Times) -> None:
        for k, row in enumerate(self.voices.rows(form, point, who, when, self.cohort)):
            for i, one in enumerate(who):
                self.ledger.write(form, int(one), f"{form}-{k + 1}", when[i], when[i], {item: values[i] for item, values in row.items()})

    # ---- inclusion, injections, decisions ----------------------------------------------------

    def _include(self, who: Index, date: np.datetime64) -> None:
        if not len(who):
            return
        when = self._clock(who, date, 14 * 60)
        if not self.trial_is_open(when[0]):
            self._include_on[who] = date + 7 * DAY  # inclusions are suspended: ask again in a week
            return
        verdict = may_include(self.cohort, who, when)
        allowed = verdict.permitted
        if allowed.any():
            self.ledger.include(who[allowed], when[allowed])
            for one in who[allowed]:
                self._starts(int(one), date)
        if (~allowed).any():
            self._end(who[~allowed], when[~allowed], "not_eligible")

    def _starts(self, one: int, date: np.datetime64) -> None:
        leave, how = self.events.leaving(one, date.astype("datetime64[m]"))
        self._leave_on[one], self._leave_how[one] = leave.astype("datetime64[D]"), how
        self.events.fall_ill(one, date.astype("datetime64[m]"), date.astype("datetime64[m]") + 300 * DAY)

    def _inject(self, point: Timepoint, who: Index, when: Times) -> None:
        form = self.protocol.study.recorded_on.injection
        dose = point.dose
        assert dose is not None
        verdict = may_inject(self.cohort, point.id, who, when)
        missed = (self._missed[who, self._order.index(point.id)] < self._people["missed_dose"]["chance"]) & (point.course_day != 1)
        allowed = verdict.permitted & ~missed
        given, times = who[allowed], when[allowed]
        if len(given):
            answers = self.voices.answer(form, point.id, given, times, self.cohort, {"given": True, "dose": dose.amount})
            self.ledger.inject(point.id, given, times, answers)
            self.bodies.live(given, times)
            self.bodies.inject(given, dose.amount)
            for one, moment in zip(given, times, strict=True):
                self.events.react(int(one), point.id, moment, dose.amount)
        if point.course_day == 1:
            self._again[point.id][who[~allowed]] = day(when)[~allowed] + 2 * DAY
            return
        self._not_given(point, who, when, allowed, missed, np.isnat(self.cohort.stopped[who]))

    def _not_given(self, point: Timepoint, who: Index, when: Times, allowed: Any, missed: Any, going: Any) -> None:
        form = self.protocol.study.recorded_on.injection
        for i in np.nonzero(~allowed & going)[0]:
            one = who[i : i + 1]
            toxic = self.events.toxicity(int(one[0]), when[i])
            why = self._people["missed_dose"]["reason_code"] if missed[i] else "toxicity" if toxic else "hold"
            values = {"given": False, "dose": 0.0, "reason_not_given": why}
            answers = self.voices.answer(form, point.id, one, when[i : i + 1], self.cohort, values)
            self.ledger.inject(point.id, one, when[i : i + 1], answers)

    def _decide(self, decision: str, who: Index, when: Times) -> None:
        judgement = judge(self.cohort, decision, who, when)
        ready = judgement.ready
        if ready.any():
            self.ledger.decide(decision, who[ready], when[ready])
        self._again[decision][who] = day(when) + DAY  # tomorrow again, unless it is made

    def _end(self, who: Index, when: Times, how: str) -> None:
        spec = self._people["ends"]
        form, _, item = self.protocol.study.recorded_on.end.partition(".")
        planned = self.protocol.last_visit if how == "completed" else ANY_TIME
        values: dict[str, Any] = {item: spec[how]}
        for name, asked in self.protocol.forms[form].items.items():
            if asked.type == "date":
                values[name] = [str(date) for date in day(when)]
            elif asked.type == "text":
                values[name] = spec["cause"]
        self.ledger.enter(form, planned, who, when, self.voices.answer(form, planned, who, when, self.cohort, values))

    # ---- events ------------------------------------------------------------------------------

    def _flares(self, who: Index, when: Times) -> None:
        dosed = ~np.isnat(self.cohort.first_injection[who])
        spec = self.events.spec["flare"]
        for one, moment in zip(who[dosed], when[dosed], strict=True):
            found = self.events.flare(int(one), moment)
            if found is None:
                continue
            onset, major, organ = found
            values = {"organ": organ, "major": major, "onset": str(onset.astype("datetime64[D]"))}
            self.ledger.write(spec["form"], int(one), "flare-1", onset, moment, values)
            if major:
                rescue = {"medicine": spec["rescue"]["medicine"], "started": str(moment.astype("datetime64[D]"))}
                self.ledger.write(spec["rescue"]["form"], int(one), "rescue-1", moment, moment, rescue)

    def _event_days(self, who: Index, date: np.datetime64) -> Any:
        days = np.full(len(who), NEVER_DAY)
        for i, one in enumerate(who):
            for event in self.events.going[one]:
                for wanted, moment in ((not event.written, event.onset), (not event.closed, event.end)):
                    if wanted:
                        days[i] = np.fmin(days[i], np.fmax(moment.astype("datetime64[D]"), date + DAY))
        return days

    def _open_events(self, who: Index, date: np.datetime64) -> None:
        evening = date.astype("datetime64[m]") + 22 * 60 * MINUTE
        for one in who[np.isnat(self.cohort.ended[who])]:
            for event in self.events.going[one]:
                if not event.written and event.onset <= evening:
                    event.written = True
                    self.ledger.write(self.events.spec["form"], int(one), event.row, event.onset, evening, event.values)

    def _close_events(self, who: Index, date: np.datetime64) -> None:
        morning = date.astype("datetime64[m]") + 7 * 60 * MINUTE
        for one in who[np.isnat(self.cohort.ended[who])]:
            for event in self.events.going[one]:
                if event.written and not event.closed and event.end.astype("datetime64[D]") <= date:
                    event.closed = True
                    ended = {**event.values, "ended": str(event.end.astype("datetime64[D]")), "outcome": "resolved"}
                    self.ledger.write(self.events.spec["form"], int(one), event.row, morning, morning, ended)

    def _leave(self, who: Index, date: np.datetime64) -> None:
        for one in who[(self._leave_on[who] == date) & np.isnat(self.cohort.ended[who])]:
            if not np.isnat(self.cohort.first_injection[one]):
                lane = np.array([one])
                self._end(lane, self._clock(lane, date, 8 * 60), str(self._leave_how[one]))


def _weekday(dates: Any, name: str) -> Any:
    """The next such weekday (Mon, Tue …) on or after each date."""
    moved = dates.copy()
    known = ~np.isnat(dates)
    moved[known] = np.busday_offset(dates[known], 0, roll="forward", weekmask=name)
    return moved
