"""Where every participant stands with every timepoint: its dates, and whether it is still to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialrun.conduct.cohort import Cohort, Times, day, never
from trialrun.conduct.reading import read
from trialrun.protocol.chain import Days, Mask, chain
from trialrun.protocol.plan import FIRST_DOSE, LAST_DOSE
from trialrun.protocol.protocol import Timepoint

FUTURE, OPEN, DONE, MISSED, VOID = range(5)
ONE_DAY = np.timedelta64(1, "D")
MINUTE = np.timedelta64(1, "m")
NO_DAY = np.datetime64("NaT", "D")
MINUTES_A_DAY = 24 * 60

STATES = ("candidate", "screening", "included", "in treatment", "on hold", "stopped", "in follow-up", "ended")


@dataclass(frozen=True)
class Standing:
    """Dates and status of every timepoint for N participants at one moment.

    planned, earliest, latest: timepoint -> (N,) dates; until: timepoint -> (N,) last minute, which for a
    dose after day 1 of its course is counted from the hour of day 1;
    void: cycle -> (N,) True where the course will not take place; omitted: the same for the courses left
    out because of delay; early: (N,) True where the injections were stopped while some were still to come;
    over: (N,) True where no dose is to come any more.
    """

    planned: dict[str, Days]
    earliest: dict[str, Days]
    latest: dict[str, Days]
    until: dict[str, Times]
    void: dict[str, Mask]
    omitted: dict[str, Mask]
    early: Mask
    over: Mask

    def status(self, cohort: Cohort, point: str, now: Times) -> NDArray[np.int8]:
        """One of FUTURE, OPEN, DONE, MISSED, VOID for each participant."""
        status = np.full(cohort.n, FUTURE, dtype=np.int8)
        if point == screening_point(cohort):
            status[:] = OPEN  # nothing comes before it that could date it
        status[day(now) >= self.earliest[point]] = OPEN
        status[now > self.until[point]] = MISSED
        if cohort.protocol.timepoints[point].as_needed:
            status[may_come(cohort, point, now)] = OPEN
        status[self.waiting(cohort, point)] = FUTURE
        status[self.absent(cohort, point, now)] = VOID
        status[finished(cohort, point)] = DONE
        return status

    def waiting(self, cohort: Cohort, point: str) -> Mask:
        """Who still awaits the course that this timepoint is counted from."""
        planned = cohort.protocol.timepoints[point]
        if planned.anchor is None or begins_course(planned):
            return np.zeros(cohort.n, dtype=bool)
        if planned.anchor.after == FIRST_DOSE:
            return np.asarray(np.isnat(cohort.first_injection) & ~self.undosed(cohort))
        if planned.anchor.after == LAST_DOSE:
            return np.asarray(~self.over)
        if planned.anchor.after not in self.void:
            return np.zeros(cohort.n, dtype=bool)
        return np.asarray(np.isnat(cohort.begun(planned.anchor.after)) & ~self.void[planned.anchor.after])

    def absent(self, cohort: Cohort, point: str, now: Times) -> Mask:
        """Who will not have this timepoint at all."""
        planned = cohort.protocol.timepoints[point]
        stopped = ~np.isnat(cohort.stopped)
        absent = (cohort.ended <= now) | ~cohort.within(planned.arms)
        if planned.as_needed:
            return np.asarray(absent)
        if planned.event:
            return np.asarray(absent | np.isnat(self.planned[point]))
        if point != screening_point(cohort):
            absent = absent | np.isnat(self.planned[point])
        if planned.kind in ("course", "decision") and planned.cycle:
            absent = absent | self.void[planned.cycle]
        if planned.dose:
            absent = absent | (stopped & np.isnat(cohort.injections.at(point)))
        if planned.kind == "decision":
            absent = absent | stopped
        if planned.kind == "visit" and planned.otherwise is None:
            absent = absent | self.unbegun(cohort, point)
        if planned.only == "stopped":
            absent = absent | ~self.early
        if planned.kind == "visit" and planned.offset >= 0:
            absent = absent | self.undosed(cohort)
        return np.asarray(absent)

    def unbegun(self, cohort: Cohort, point: str) -> Mask:
        """Whose timepoint is counted from a course that will not take place."""
        anchor = cohort.protocol.timepoints[point].anchor
        if anchor is None or anchor.after not in self.void:
            return np.zeros(cohort.n, dtype=bool)
        return np.asarray(self.void[anchor.after] & np.isnat(cohort.begun(anchor.after)))

    def undosed(self, cohort: Cohort) -> Mask:
        """Who has no injection and can no longer have one: follow-up is for everyone dosed."""
        firsts = [self.void[str(cohort.protocol.timepoints[p].cycle)] for p in cohort.protocol.first_doses]
        return np.asarray(np.isnat(cohort.first_injection) & np.logical_and.reduce(firsts))


def begins_course(planned: Timepoint) -> bool:
    """Whether the timepoint is day 1 of a course, which waits for nothing but its own day."""
    return planned.dose is not None and planned.course_day == 1


def finished(cohort: Cohort, point: str) -> Mask:
    """Whether what the timepoint is for has been done: its injection, its decision, or its first form."""
    planned = cohort.protocol.timepoints[point]
    if planned.dose:
        return np.asarray(~np.isnat(cohort.injections.at(point)))
    if planned.kind == "decision":
        return np.asarray(~np.isnat(cohort.decided[point]) & ~held(cohort, point))
    return np.asarray(~np.isnat(visited(cohort, point)))


def visited(cohort: Cohort, point: str) -> Times:
    """When the first form of a timepoint was filled (NaT = none yet)."""
    forms = [
        cohort.sheets[f].at(point) for f in cohort.protocol.timepoints[point].forms if f in cohort.sheets
    ]
    return np.asarray(np.fmin.reduce(forms)) if forms else never(cohort.n)


def held(cohort: Cohort, decision: str) -> Mask:
    """Whether the decision's last outcome was a hold (which is to be decided again)."""
    outcomes = list(cohort.protocol.decisions[decision].outcomes.values())
    holds = np.array([outcome.effect == "hold" for outcome in outcomes] + [False])
    return np.asarray(holds[cohort.outcome[decision]])


def hold_ends(cohort: Cohort, decision: str) -> Days:
    """The last day of a hold, counted from the first hold of the decision (NaT = no hold)."""
    outcomes = cohort.protocol.decisions[decision].outcomes.values()
    days = [np.timedelta64(int(o.for_.days) if o.for_ else "NaT", "D") for o in outcomes]
    length = np.array([*days, np.timedelta64("NaT", "D")])[cohort.outcome[decision]]
    return np.asarray(day(cohort.held_since[decision]) + length)


# ---- dates -------------------------------------------------------------------------------------


def standing(cohort: Cohort, now: Times) -> Standing:
    """Chain every date to what happened, course by course, and see which courses can no longer begin.

    now: each participant's moment (N,); NaT = nothing has become late yet.
    """
    protocol = cohort.protocol
    begun = {cycle: cohort.begun(cycle) for cycle in protocol.cycles}
    actual = {f"{cycle}.D1": day(when) for cycle, when in begun.items()}
    start = planned_start(cohort)
    planned = chain(protocol, start, actual)
    earliest, latest = _course_dates(cohort, planned, start)
    void, omitted = _courses(cohort, latest, begun, now)
    events = _events(cohort, now)
    over, last = np.zeros(cohort.n, dtype=bool), day(cohort.last_injection)
    planned = chain(protocol, start, actual, void, last, events)
    until: dict[str, Times] = {}
    for point in protocol.doses:
        until[point.id] = _dose_until(cohort, point, planned, latest, begun)
    over = _over_by(cohort, until, void, now)
    if not over.all() and any(p.anchor and p.anchor.after == LAST_DOSE for p in protocol.visits):
        planned = chain(protocol, start, actual, void, np.where(over, last, NO_DAY), events)
    for name, point in protocol.timepoints.items():
        if name not in earliest:
            earliest[name] = planned[name] - _whole(point.window.before)
            latest[name] = planned[name] + _whole(point.window.after)
        if point.dose:
            latest[name] = day(until[name])
        else:
            until[name] = _evening(latest[name])
    early = _early(cohort, until, omitted)
    return Standing(planned, earliest, latest, until, void, omitted, early, over)


def _dose_until(
    cohort: Cohort,
    point: Timepoint,
    planned: Mapping[str, Days],
    latest: Mapping[str, Days],
    begun: Mapping[str, Times],
) -> Times:
    """The last minute of a dose."""
    if begins_course(point):
        return _evening(latest[point.id])
    otherwise = _evening(planned[point.id] + _whole(point.window.after))
    return _until(point, begun[str(point.cycle)], otherwise)


def _over_by(cohort: Cohort, until: Mapping[str, Times], void: Mapping[str, Mask], now: Times) -> Mask:
    """Who has no dose to come: given, not given, missed, void or stopped. Nobody whose first is to come."""
    left = np.zeros(cohort.n, dtype=bool)
    for point in cohort.protocol.doses:
        gone = ~np.isnat(cohort.injections.at(point.id)) | void[str(point.cycle)]
        left |= ~gone & ~(now > until[point.id])
    return np.asarray(~left | ~np.isnat(cohort.stopped))


def _events(cohort: Cohort, now: Times) -> dict[str, Days]:
    """The date of every event that something is counted from, as known at ``now``."""
    anchors = [p.event for p in cohort.protocol.timepoints.values() if p.event]
    if not anchors:
        return {}
    everyone = np.arange(cohort.n)
    known = read(cohort, anchors, everyone, now, None, "so far")
    return {name: known[name].to_numpy().astype("datetime64[D]") for name in anchors}


def may_come(cohort: Cohort, point: str, now: Times) -> Mask:
    """Who may have a visit as needed: after consent, each one after the one before it in its series."""
    allowed = cohort.consented <= now
    if before := before_it(cohort, point):
        allowed &= visited(cohort, before) <= now
    return np.asarray(allowed)


def before_it(cohort: Cohort, point: str) -> str | None:
    """The visit as needed that comes before this one in its series."""
    stem, _, number = point.rpartition("_")
    before = f"{stem}_{int(number) - 1}" if number.isdigit() and int(number) > 1 else ""
    return before if before in cohort.protocol.timepoints else None


def _whole(days: float) -> np.timedelta64:
    return np.timedelta64(int(days), "D")


def _evening(date: Days) -> Times:
    """The last minute of a day."""
    return np.asarray((date + ONE_DAY).astype("datetime64[m]") - MINUTE)


def _until(point: Timepoint, begun: Times, otherwise: Times) -> Times:
    """A dose is planned for the hour of day 1 of its course, and may be so many hours late."""
    days = (point.anchor.offset if point.anchor else 0.0) + point.window.after
    due = begun + np.timedelta64(round(days * MINUTES_A_DAY), "m")
    return np.where(np.isnat(due), otherwise, due)


def _course_dates(
    cohort: Cohort, planned: dict[str, Days], start: Days
) -> tuple[dict[str, Days], dict[str, Days]]:
    """First and last date of day 1 of every course."""
    protocol = cohort.protocol
    first, last = start_limits(cohort, start)
    on_time = day(cohort.first_injection)
    allowed = _whole(protocol.study.treatment.delays.cumulative.days)
    earliest, latest = {}, {}
    for point in protocol.doses:
        if not begins_course(point):
            continue
        if point.anchor is None:
            earliest[point.id], latest[point.id] = first, last
            continue
        earliest[point.id] = planned[point.id] - _whole(point.window.before)
        # The window, and never beyond the delay allowed in all (fmin: unknown before the first dose).
        latest[point.id] = np.fmin(
            planned[point.id] + _whole(point.window.after), on_time + point.offset + allowed
        )
    return earliest, latest


def _courses(
    cohort: Cohort, latest: dict[str, Days], begun: dict[str, Times], now: Times
) -> tuple[dict[str, Mask], dict[str, Mask]]:
    """(void, omitted). A course whose day 1 is past is left out, unless the injections had stopped by then;
    without a first injection in its window there is no course at all."""
    protocol = cohort.protocol
    stopped = ~np.isnat(cohort.stopped)
    today = day(np.where(stopped, np.fmin(cohort.stopped, now), now))
    never_dosed = np.isnat(cohort.first_injection) & (today > latest[protocol.first_dose])
    void, omitted = {}, {}
    for cycle, when in begun.items():
        theirs = cohort.within(protocol.timepoints[f"{cycle}.D1"].arms)
        past = np.isnat(when) & (today > latest[f"{cycle}.D1"])
        first = protocol.timepoints[f"{cycle}.D1"].anchor is None
        omitted[cycle] = np.zeros(cohort.n, dtype=bool) if first else past & ~never_dosed & theirs
        void[cycle] = past | never_dosed | (np.isnat(when) & stopped) | ~theirs
    return void, omitted


def _early(cohort: Cohort, until: dict[str, Times], omitted: dict[str, Mask]) -> Mask:
    """Whose injections were stopped while some were still to come: not those stopped after the last one."""
    early = np.zeros(cohort.n, dtype=bool)
    if np.isnat(cohort.stopped).all():
        return early
    for point in cohort.protocol.doses:
        open_ = np.isnat(cohort.injections.at(point.id)) & ~(until[point.id] < cohort.stopped)
        early |= open_ & ~omitted[str(point.cycle)] & cohort.within(point.arms)
    return np.asarray(early & ~np.isnat(cohort.stopped))


def screening_point(cohort: Cohort) -> str | None:
    """The first visit planned before the first dose."""
    before = [p for p in cohort.protocol.visits if p.planned and p.offset < 0]
    return before[0].id if before else None


def planned_start(cohort: Cohort) -> Days:
    """Planned (or actual) date of the first dose, counted from screening."""
    point = screening_point(cohort)
    begun = day(cohort.first_injection)
    if point is None:
        return np.where(np.isnat(begun), day(cohort.included), begun)
    return np.where(np.isnat(begun), screening_date(cohort) - cohort.protocol.timepoints[point].offset, begun)


def start_limits(cohort: Cohort, start: Days) -> tuple[Days, Days]:
    """First and last date of the first dose for which screening stays within its window."""
    point = screening_point(cohort)
    if point is None:
        return start, start + _whole(cohort.protocol.timepoints[cohort.protocol.first_dose].window.after)
    visit = cohort.protocol.timepoints[point]
    screened = screening_date(cohort) - visit.offset
    return screened - _whole(visit.window.after), screened + _whole(visit.window.before)


def screening_date(cohort: Cohort) -> Days:
    return day(visited(cohort, str(screening_point(cohort))))


# ---- states ------------------------------------------------------------------------------------


def states(cohort: Cohort, now: Times) -> NDArray[np.object_]:
    """Each participant's state in a word (one of STATES).

    What comes later in a participation goes before what came earlier; ``stopped`` means that injections
    still to come were given up: who is stopped after the last one stays ``in follow-up``.
    """
    here = standing(cohort, now)
    dosed = ~np.isnat(cohort.first_injection)
    stopped = ~np.isnat(cohort.stopped)
    settled = np.logical_and.reduce([_over(cohort, here, point, now) for point in cohort.protocol.doses])
    on_hold = np.logical_or.reduce(
        [np.zeros(cohort.n, bool), *(held(cohort, d) for d in cohort.protocol.decisions)]
    )
    state = np.full(cohort.n, "candidate", dtype=object)
    for holds, word in (
        (~np.isnat(cohort.consented), "screening"),
        (~np.isnat(cohort.included), "included"),
        (dosed, "in treatment"),
        (dosed & on_hold & ~stopped, "on hold"),
        (dosed & settled, "in follow-up"),
        (here.early | (stopped & ~dosed), "stopped"),
        (cohort.ended <= now, "ended"),
    ):
        state[holds] = word
    return state


def _over(cohort: Cohort, here: Standing, point: Timepoint, now: Times) -> Mask:
    """Whether this injection is not to come any more: given, not given, missed, or void."""
    status = here.status(cohort, point.id, now)
    return np.asarray((status == DONE) | (status == MISSED) | (status == VOID))
