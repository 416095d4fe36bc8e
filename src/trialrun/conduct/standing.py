"""Where every participant stands with every timepoint: its dates, and whether it is still to come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialrun.conduct.cohort import Cohort, Times, day, never
from trialrun.protocol.chain import Days, Mask, chain
from trialrun.protocol.protocol import Timepoint

FUTURE, OPEN, DONE, MISSED, VOID = range(5)
STATUS = ("future", "open", "done", "missed", "void")
ONE_DAY = np.timedelta64(1, "D")

STATES = ("candidate", "screening", "included", "in treatment", "on hold", "stopped", "in follow-up", "ended")


@dataclass(frozen=True)
class Standing:
    """Dates and status of every timepoint for N participants at one moment.

    planned, earliest, latest: timepoint -> (N,) dates; void: cycle -> (N,) True where the course will
    not take place; omitted: the same for the courses left out because of delay.
    """

    planned: dict[str, Days]
    earliest: dict[str, Days]
    latest: dict[str, Days]
    void: dict[str, Mask]
    omitted: dict[str, Mask]

    def status(self, cohort: Cohort, point: str, now: Times) -> NDArray[np.int8]:
        """One of FUTURE, OPEN, DONE, MISSED, VOID for each participant."""
        today = day(now)
        done = finished(cohort, point)
        void = self.absent(cohort, point)
        status = np.full(cohort.n, FUTURE, dtype=np.int8)
        status[today >= self.earliest[point]] = OPEN
        status[today > self.latest[point]] = MISSED
        status[self.waiting(cohort, point)] = FUTURE
        status[void] = VOID
        status[done] = DONE
        return status

    def waiting(self, cohort: Cohort, point: str) -> Mask:
        """Who still awaits the course that this timepoint is counted from."""
        anchor = cohort.protocol.timepoints[point].anchor
        if anchor is None or anchor.after not in self.void or planned_first(cohort, point):
            return np.zeros(cohort.n, dtype=bool)
        return np.asarray(np.isnat(cohort.begun(anchor.after)) & ~self.void[anchor.after])

    def absent(self, cohort: Cohort, point: str) -> Mask:
        """Who will not have this timepoint at all."""
        planned = cohort.protocol.timepoints[point]
        absent = np.isnat(self.planned[point])
        if planned.kind in ("course", "decision") and planned.cycle:
            absent = absent | self.void[planned.cycle]
        if planned.dose:
            absent = absent | _after_stop(cohort, self, planned)
        if planned.only == "stopped":
            absent = absent | np.isnat(cohort.stopped) | np.isnat(cohort.last_injection)
        if planned.kind == "decision":
            absent = absent | (~np.isnat(cohort.stopped) & np.isnat(cohort.decided[point]))
        if planned.epoch != next(iter(cohort.protocol.study.epochs)):
            absent = absent | ~np.isnat(cohort.ended) | _never_dosed(cohort, planned)
        return np.asarray(absent)


def planned_first(cohort: Cohort, point: str) -> bool:
    """Whether the timepoint is day 1 of a course, which waits for nothing but its own day."""
    planned = cohort.protocol.timepoints[point]
    return planned.dose is not None and planned.course_day == 1


def _after_stop(cohort: Cohort, standing: Standing, point: Timepoint) -> Mask:
    """An injection that was still to come when the injections were stopped."""
    return np.asarray(~np.isnat(cohort.stopped) & np.isnat(cohort.injections.at(point.id)))


def _never_dosed(cohort: Cohort, point: Timepoint) -> Mask:
    """Follow-up is for everyone dosed; who was stopped before the first dose has none."""
    return np.asarray(np.isnat(cohort.first_injection) & ~np.isnat(cohort.stopped) & (point.kind == "visit"))


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
    forms = [cohort.sheets[f].at(point) for f in cohort.protocol.timepoints[point].forms if f in cohort.sheets]
    return np.fmin.reduce(forms) if forms else never(cohort.n)


def held(cohort: Cohort, decision: str) -> Mask:
    """Whether the decision's last outcome was a hold (which is to be decided again)."""
    outcomes = list(cohort.protocol.decisions[decision].outcomes.values())
    holds = np.array([outcome.effect == "hold" for outcome in outcomes] + [False])
    return np.asarray(holds[cohort.outcome[decision]])


def hold_ends(cohort: Cohort, decision: str) -> Times:
    """When a hold runs out (NaT = no hold)."""
    outcomes = list(cohort.protocol.decisions[decision].outcomes.values())
    days = [np.timedelta64(int(o.for_.days), "D") if o.for_ else np.timedelta64("NaT", "D") for o in outcomes]
    length = np.array([*days, np.timedelta64("NaT", "D")])[cohort.outcome[decision]]
    return np.asarray(cohort.decided[decision] + length.astype("timedelta64[m]"))


def standing(cohort: Cohort, now: Times) -> Standing:
    """Chain every date to what happened, course by course, and see which courses can no longer begin."""
    protocol = cohort.protocol
    begun = {f"{cycle}.D1": day(cohort.begun(cycle)) for cycle in protocol.cycles}
    start = planned_start(cohort)
    void: dict[str, Mask] = {}
    omitted: dict[str, Mask] = {}
    planned = chain(protocol, start, begun)
    first, last = start_limits(cohort)
    earliest, latest = {}, {}
    for cycle in protocol.cycles:
        point = f"{cycle}.D1"
        if protocol.timepoints[point].anchor is None:
            earliest[point], latest[point] = first, last
        else:
            earliest[point] = planned[point] - _whole(protocol.timepoints[point].window.before)
            latest[point] = _latest_start(cohort, cycle, planned[point])
        waiting = np.isnat(begun[point])
        omitted[cycle] = np.asarray(waiting & (day(now) > latest[point]) & np.isnat(cohort.stopped))
        void[cycle] = np.asarray(omitted[cycle] | (waiting & ~np.isnat(cohort.stopped)))
    planned = chain(protocol, start, begun, void, day(cohort.last_injection))
    for name, timepoint in protocol.timepoints.items():
        if name not in earliest:
            earliest[name] = planned[name] - _whole(timepoint.window.before)
            latest[name] = planned[name] + _whole(timepoint.window.after)
    return Standing(planned, earliest, latest, void, omitted)


def _whole(days: float) -> np.timedelta64:
    return np.timedelta64(int(days), "D")


def _latest_start(cohort: Cohort, cycle: str, planned: Days) -> Days:
    """The window, and never beyond the delay allowed in all."""
    protocol = cohort.protocol
    point = protocol.timepoints[f"{cycle}.D1"]
    on_time = day(cohort.first_injection) + point.offset
    limit = on_time + _whole(protocol.study.treatment.delays.cumulative.days)
    window = planned + _whole(point.window.after)
    return np.where(np.isnat(limit), window, np.fmin(window, limit))


def screening_point(cohort: Cohort) -> str | None:
    """The first visit planned before the first dose."""
    before = [p for p in cohort.protocol.visits if p.offset < 0]
    return before[0].id if before else None


def planned_start(cohort: Cohort) -> Days:
    """Planned (or actual) date of the first dose, counted from screening."""
    point = screening_point(cohort)
    begun = day(cohort.first_injection)
    if point is None:
        return np.where(np.isnat(begun), day(cohort.included), begun)
    screened = screening_date(cohort)
    return np.where(np.isnat(begun), screened - cohort.protocol.timepoints[point].offset, begun)


def start_limits(cohort: Cohort) -> tuple[Days, Days]:
    """First and last date of the first dose for which screening stays within its window."""
    point = screening_point(cohort)
    planned = planned_start(cohort)
    if point is None:
        return planned, planned + _whole(cohort.protocol.timepoints[cohort.protocol.first_dose].window.after)
    visit = cohort.protocol.timepoints[point]
    screened = screening_date(cohort) - visit.offset
    return screened - _whole(visit.window.after), screened + _whole(visit.window.before)


def screening_date(cohort: Cohort) -> Days:
    return day(visited(cohort, str(screening_point(cohort))))


def states(cohort: Cohort, now: Times) -> NDArray[np.object_]:
    """Each participant's state in a word (one of STATES)."""
    here = standing(cohort, now)
    state = np.full(cohort.n, "candidate", dtype=object)
    state[~np.isnat(cohort.consented)] = "screening"
    state[~np.isnat(cohort.included)] = "included"
    dosed = ~np.isnat(cohort.first_injection)
    state[dosed] = "in treatment"
    for name in cohort.protocol.decisions:
        state[dosed & held(cohort, name)] = "on hold"
    settled = np.logical_and.reduce([_course_over(cohort, here, cycle, now) for cycle in cohort.protocol.cycles])
    state[dosed & settled] = "in follow-up"
    state[~np.isnat(cohort.stopped)] = "stopped"
    state[~np.isnat(cohort.ended)] = "ended"
    return state


def _course_over(cohort: Cohort, here: Standing, cycle: str, now: Times) -> Mask:
    """No injection of the course is still to come."""
    points = [p.id for p in cohort.protocol.doses if p.cycle == cycle]
    statuses = np.array([here.status(cohort, point, now) for point in points])
    return np.asarray(((statuses == DONE) | (statuses == MISSED) | (statuses == VOID)).all(axis=0))
