"""Stops: which participants a protective rule takes off the injections now."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from trialrun.conduct.cohort import Cohort, Index, Times
from trialrun.conduct.reading import answers, read
from trialrun.conduct.standing import held, hold_ends
from trialrun.protocol.protocol import Protocol


def triggered(cohort: Cohort, who: Index, now: Times, forms: Iterable[str] | None = None) -> list[tuple[str, Index]]:
    """(rule, participants) for every stop that has just become true, first rule first.

    forms: only rules that read one of these forms are looked at (None = all). A participant who is
    stopped already is left alone: a stop is never lifted nor replaced by later data.
    """
    found: list[tuple[str, Index]] = []
    left = np.isnat(cohort.stopped[who])
    wanted = None if forms is None else set(forms)
    for name in cohort.protocol.study.stops:
        if not left.any():
            break
        rule = cohort.protocol.rules[f"stops.{name}"]
        if wanted is not None and not wanted & forms_read(cohort.protocol, name):
            continue
        frame = read(cohort, rule.reads, who, now, None, "so far")
        holds = answers(rule, frame) == 1
        if (holds & left).any():
            found.append((f"stops.{name}", who[holds & left]))
            left &= ~holds
    return found


def expired(cohort: Cohort, who: Index, now: Times) -> list[tuple[str, Index]]:
    """(rule, participants) for holds that ran out without a new decision."""
    found: list[tuple[str, Index]] = []
    for decision in cohort.protocol.decisions:
        over = held(cohort, decision)[who] & (now > hold_ends(cohort, decision)[who]) & np.isnat(cohort.stopped[who])
        if over.any():
            found.append((f"decisions.{decision}.hold", who[over]))
    return found


def overdue(cohort: Cohort, who: Index, now: Times) -> list[tuple[str, Index]]:
    """(rule, participants) for stops that time alone has brought about: holds that ran out, and events
    that have lasted too long. To be looked at once a day."""
    here = who[np.isnat(cohort.ended[who]) & np.isnat(cohort.stopped[who])]
    if not len(here):
        return []
    moments = now[np.isin(who, here)]
    found = expired(cohort, here, moments)
    running = {form for form in lasting_forms(cohort.protocol) if cohort.logs[form].running()}
    if running:
        held_over = np.concatenate([one for _, one in found]) if found else here[:0]
        rest = ~np.isin(here, held_over)
        found += triggered(cohort, here[rest], moments[rest], running)
    return found


def lasting_forms(protocol: Protocol) -> frozenset[str]:
    """The logs of which a variable reads how long an event has lasted."""
    found = set()
    for name, variable in protocol.variables.items():
        where = protocol.rules.get(f"variables.{name}")
        if where and "lasting" in where.reads and variable.reads[0] in protocol.logs:
            found.add(variable.reads[0])
    return frozenset(found)


_FORMS: dict[tuple[str, str], frozenset[str]] = {}


def forms_read(protocol: Protocol, stop: str) -> frozenset[str]:
    """The forms whose entries can change what a stop rule says."""
    key = (protocol.hash, stop)
    if key not in _FORMS:
        names = set(protocol.rules[f"stops.{stop}"].reads)
        for name in list(names):
            where = protocol.rules.get(f"variables.{name}")
            names |= {other for other in (where.reads if where else ()) if other in protocol.variables}
        _FORMS[key] = frozenset(protocol.variables[name].reads[0] for name in names)
    return _FORMS[key]
