"""Stops: which participants a protective rule takes off the injections now."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from trialrun.conduct.cohort import Cohort, Index, Times, day
from trialrun.conduct.reading import answers, read
from trialrun.conduct.standing import held, hold_ends
from trialrun.conduct.verdict import YES
from trialrun.protocol.chain import Mask
from trialrun.protocol.protocol import Protocol

ANY_COURSE = ("this course", "latest course", "courses", "since first dose")


def triggered(
    cohort: Cohort, who: Index, now: Times, forms: Iterable[str] | None = None
) -> list[tuple[str, Index]]:
    """(rule, participants) for every stop that has just become true, first rule first.

    forms: only rules that read one of these forms are looked at (None = all). Only who is included, has not
    ended and is not stopped is looked at: a stop is never lifted nor replaced by later data.
    """
    found: list[tuple[str, Index]] = []
    left = _treated(cohort, who, now)
    wanted = None if forms is None else set(forms)
    for name in cohort.protocol.study.stops:
        if not left.any():
            break
        if wanted is not None and not wanted & forms_read(cohort.protocol, name):
            continue
        logs = _silent(cohort.protocol, name)
        if logs and not any(cohort.logs[form].rows for form in logs):
            continue
        rule = cohort.protocol.rules[f"stops.{name}"]
        mine = np.nonzero(left)[0]
        frame = read(cohort, rule.reads, who[mine], now[mine], None, "so far")
        holds = mine[answers(rule, frame) == YES]
        if len(holds):
            found.append((f"stops.{name}", who[holds]))
            left[holds] = False
    return found


def _treated(cohort: Cohort, who: Index, now: Times) -> Mask:
    """Who could be stopped: stops end injections, and do not choose who is included."""
    included, stopped = ~np.isnat(cohort.included[who]), ~np.isnat(cohort.stopped[who])
    return np.asarray(included & ~stopped & ~(cohort.ended[who] <= now))


def expired(cohort: Cohort, who: Index, now: Times) -> list[tuple[str, Index]]:
    """(rule, participants) for holds that ran out without a new decision."""
    found: list[tuple[str, Index]] = []
    left = _treated(cohort, who, now)
    for decision in cohort.protocol.decisions:
        over = held(cohort, decision)[who] & (day(now) > hold_ends(cohort, decision)[who]) & left
        if over.any():
            found.append((f"decisions.{decision}.hold", who[over]))
            left &= ~over
    return found


def overdue(cohort: Cohort, who: Index, now: Times) -> list[tuple[str, Index]]:
    """(rule, participants) for stops that time alone has brought about: holds that ran out, and events
    that have lasted too long. To be looked at once a day."""
    found = expired(cohort, who, now)
    forms = timed_forms(cohort)
    if forms:
        rest = (
            ~np.isin(who, np.concatenate([one for _, one in found]))
            if found
            else np.ones(len(who), dtype=bool)
        )
        found += triggered(cohort, who[rest], now[rest], forms)
    return found


def timed_forms(cohort: Cohort) -> set[str]:
    """The forms by which a variable may change with time alone: an event goes on, a date grows old."""
    logs, dates = _timed(cohort.protocol)
    return {form for form in logs if cohort.logs[form].running()} | dates


@lru_cache(maxsize=64)
def _timed(protocol: Protocol) -> tuple[frozenset[str], frozenset[str]]:
    """(logs of which a variable reads how long an event has lasted, forms with a date whose age is read)."""
    logs, dates = set(), set()
    for name, variable in protocol.variables.items():
        where = protocol.rules.get(f"variables.{name}")
        if where and "lasting" in where.reads and variable.reads[0] in protocol.logs:
            logs.add(variable.reads[0])
        if variable.aggregate == "since":
            dates.add(variable.reads[0])
    return frozenset(logs), frozenset(dates)


@lru_cache(maxsize=1024)
def _silent(protocol: Protocol, stop: str) -> tuple[str, ...]:
    """Logs in which something must be written for a stop to hold (none: it must always be looked at)."""
    rule = protocol.rules[f"stops.{stop}"]
    logs = {protocol.variables[name].reads[0] for name in rule.reads}
    nobody, now = Cohort(protocol, 1), np.zeros(1, dtype="datetime64[m]")
    said = answers(rule, read(nobody, rule.reads, np.zeros(1, dtype=np.int64), now, None, "so far"))
    return tuple(logs) if logs <= set(protocol.logs) and said[0] != YES else ()


@lru_cache(maxsize=1024)
def forms_read(protocol: Protocol, stop: str) -> frozenset[str]:
    """The forms whose entries can change what a stop rule says: those of its variables, and of the injections
    where a variable counts within courses."""
    names, waiting = set(), list(protocol.rules[f"stops.{stop}"].reads)
    while waiting:
        name = waiting.pop()
        if name in protocol.variables and name not in names:
            names.add(name)
            where = protocol.rules.get(f"variables.{name}")
            waiting += where.reads if where else ()
    found = {protocol.variables[name].reads[0] for name in names}
    periods = {protocol.variables[name].during for name in names}
    if periods & {*ANY_COURSE, *protocol.cycles}:
        found.add(protocol.study.recorded_on.injection)
    return frozenset(found)
