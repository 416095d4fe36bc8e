"""The trial as a whole: whether the next participant may be included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trialrun.conduct.cohort import Cohort, Index, Times
from trialrun.conduct.reading import answers, matching, read
from trialrun.conduct.verdict import Condition, Verdict, plain
from trialrun.protocol.chain import Mask
from trialrun.protocol.protocol import Protocol


@dataclass(frozen=True)
class Roll:
    """What the trial needs to know of each participant: arrays (N,), in order of inclusion.

    settled: the decision that staggers inclusions has been made, or can no longer be;
    flagged: suspension -> who matches its rule; same: suspension -> the codes they match with.
    """

    included: Times
    dosed: Mask
    settled: Mask
    flagged: dict[str, Mask]
    same: dict[str, NDArray[np.object_]]


def roll(cohort: Cohort, who: Index, now: Times) -> Roll:
    """The roll of some participants of a cohort (one trial) at ``now`` (len(who),)."""
    protocol = cohort.protocol
    stagger = protocol.study.enrolment.stagger
    settled = np.ones(len(who), dtype=bool)
    if stagger:
        made = ~np.isnat(cohort.decided[stagger.until][who])
        settled = made | ~np.isnat(cohort.stopped[who]) | ~np.isnat(cohort.ended[who])
    flagged = {name: _flagged(cohort, name, who, now) for name in protocol.study.suspensions}
    same = {name: _same(cohort, name, who, now) for name in protocol.study.suspensions}
    return Roll(cohort.included[who], ~np.isnat(cohort.first_injection[who]), settled, flagged, same)


def join(rolls: Sequence[Roll]) -> Roll:
    """The rolls of several participants as one, in order of inclusion."""
    order = np.argsort(np.concatenate([r.included for r in rolls]), kind="stable")

    def column(name: str) -> NDArray[np.generic]:
        return np.asarray(np.concatenate([getattr(r, name) for r in rolls])[order])

    names = rolls[0].flagged
    flagged = {name: np.concatenate([r.flagged[name] for r in rolls])[order] for name in names}
    same = {name: np.concatenate([r.same[name] for r in rolls])[order] for name in names}
    return Roll(column("included"), column("dosed"), column("settled"), flagged, same)  # type: ignore[arg-type]


def _flagged(cohort: Cohort, suspension: str, who: Index, now: Times) -> Mask:
    rule = cohort.protocol.rules[f"suspensions.{suspension}"]
    frame = read(cohort, rule.reads, who, now, None, "so far")
    return np.asarray(answers(rule, frame) == 1)


def _same(cohort: Cohort, suspension: str, who: Index, now: Times) -> NDArray[np.object_]:
    """The codes by which a suspension groups the events it counts (``same: ae.system``), per participant."""
    grouped = cohort.protocol.study.suspensions[suspension].same
    codes = np.array([frozenset()] * len(who), dtype=object)
    if grouped is None:
        return codes
    form, _, item = grouped.partition(".")
    for name in cohort.protocol.rules[f"suspensions.{suspension}"].reads:
        if cohort.protocol.variables[name].aggregate and cohort.protocol.variables[name].reads[0] == form:
            rows, _unsure = matching(cohort, name, who, now, None, "so far")
            for i, participant in enumerate(who):
                found = rows.columns.filter(pl.Series(rows.participant == participant))[item].drop_nulls()
                codes[i] = codes[i] | frozenset(found.to_list())
    return codes


def may_enrol(protocol: Protocol, present: Roll | None) -> Verdict:
    """Conditions for including one more participant, given those included so far (None = nobody)."""
    enrolment = protocol.study.enrolment
    conditions = []
    count = 0 if present is None else int((~np.isnat(present.included)).sum())
    room = count < enrolment.planned + enrolment.replace
    conditions.append(_one("enrolment.planned", room, f"{count} participants are included already", "the planned number has been reached"))
    if present is None:
        return Verdict(tuple(conditions))
    if enrolment.stagger and count < enrolment.stagger.first:
        waiting = int((~present.settled & ~np.isnat(present.included)).sum())
        title = protocol.decisions[enrolment.stagger.until].title()
        message = f"the first {enrolment.stagger.first} participants start one after the other: one is still before the decision «{title}»"
        conditions.append(_one("enrolment.stagger", waiting == 0, message, "wait for that decision"))
    for name, suspension in protocol.study.suspensions.items():
        reached = boundary_reached(present, name, suspension.at_least)
        conditions.append(_one(f"suspensions.{name}", not reached, f"inclusions are suspended: {suspension.text()}", "the safety board decides how to go on"))
    return Verdict(tuple(conditions))


def boundary_reached(present: Roll, suspension: str, at_least: dict[int, int]) -> bool:
    """Whether enough of the dosed participants match: at least k once n are dosed, for any step (n, k)."""
    dosed = int(present.dosed.sum())
    flagged = present.flagged[suspension] & present.dosed
    codes = [code for group in present.same[suspension][flagged] for code in group]
    grouped = any(len(group) for group in present.same[suspension])
    events = max((codes.count(code) for code in set(codes)), default=0) if grouped else int(flagged.sum())
    needed = [k for n, k in sorted(at_least.items()) if dosed >= n]
    return bool(needed and events >= needed[-1])


def _one(id: str, holds: bool, message: str, cure: str) -> Condition:
    return plain(id, np.array([holds]), message, cure)
