"""The trial as a whole: whether the next participant may be included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trialrun.conduct.allocation import awaited
from trialrun.conduct.roll import Roll
from trialrun.conduct.verdict import Condition, Verdict, plain
from trialrun.protocol.chain import Mask
from trialrun.protocol.protocol import Protocol

ANY = "any"
"""A kind that is not looked at: of someone whose screening has not begun."""


def may_enrol(protocol: Protocol, present: Roll | None, kind: str | None = ANY) -> Verdict:
    """Conditions for including one more participant, given those included so far (None = nobody).

    kind: of the next participant, where the study limits how many of each it takes (None: it is not known).
    """
    if present is None:
        return Verdict((_room(protocol, 0, 0), *_kind(protocol, None, kind)))
    included = ~np.isnat(present.included)
    count = int(included.sum())
    conditions = [_room(protocol, count, int((present.lost & included).sum()))]
    stagger = protocol.study.enrolment.stagger
    if stagger and count < stagger.first:
        waiting = int((~present.settled & included).sum())
        title = protocol.decisions[stagger.until].title()
        start = f"the first {stagger.first} participants start one after the other"
        message = f"{start}: one is still before the decision «{title}»"
        conditions.append(_one("enrolment.stagger", waiting == 0, message, "wait for that decision"))
    for name, suspension in protocol.study.suspensions.items():
        reached = boundary_reached(present, name, suspension.at_least)
        message, cure = (
            f"inclusions are suspended: {suspension.text()}",
            "the safety board decides how to go on",
        )
        conditions.append(_one(f"suspensions.{name}", not reached, message, cure))
    conditions += [*_kind(protocol, present, kind), *_awaited(protocol, present)]
    return Verdict(tuple(conditions))


def _kind(protocol: Protocol, present: Roll | None, kind: str | None) -> list[Condition]:
    """The limit of the stratum of the next participant; a kind that the study does not name has none."""
    strata = protocol.study.enrolment.strata
    if strata is None or kind == ANY:
        return []
    if kind is None:
        message = f"it is not known of which kind the participant is ({strata.by.replace('_', ' ')})"
        return [_one("enrolment.strata", False, message, "fill it in first")]
    most = strata.at_most.get(kind)
    if most is None:
        return []
    count = int((present.kind == kind).sum()) if present else 0
    message = f"{count} participants of the kind «{kind}» are included, and at most {most} are planned"
    return [_one("enrolment.strata", count < most, message, "the trial takes no more of this kind")]


def _awaited(protocol: Protocol, present: Roll) -> list[Condition]:
    """What the table of arms still waits for, or that it ends inclusions."""
    found = awaited(protocol, present)
    return [_one("allocation", False, found.message, found.cure)] if found else []


def _room(protocol: Protocol, count: int, lost: int) -> Condition:
    """Who left before a first injection is replaced, up to the number the study allows."""
    enrolment = protocol.study.enrolment
    allowed = enrolment.planned + min(lost, enrolment.replace)
    message = f"{count} participants are included, and {allowed} are planned"
    return _one("enrolment.planned", count < allowed, message, "the trial takes no more participants")


def boundary_reached(present: Roll, suspension: str, at_least: dict[int, int]) -> bool:
    """Whether enough of the dosed participants matched at any time: at least k once n were dosed, for the
    last step (n, k) that had come by then. A boundary once reached stays so, however many are dosed after it.
    """
    flagged = present.flagged[suspension] & present.dosed
    known = np.where(np.isnat(present.since[suspension]), present.dosed_on, present.since[suspension])
    groups = _groups(present.same[suspension], flagged)
    steps = sorted(at_least.items())
    for date in np.unique(np.concatenate([present.dosed_on[present.dosed], known[flagged]])):
        dosed = int((present.dosed_on <= date).sum())
        events = max(int((group & (known <= date)).sum()) for group in groups)
        needed = [k for n, k in steps if dosed >= n]
        if needed and events >= needed[-1]:
            return True
    return False


def _groups(same: NDArray[np.object_], flagged: Mask) -> list[Mask]:
    """Who matches with the same code, for every code; a code that is not known may be any."""
    codes = {code for group in same[flagged] for code in group} - {None}
    loose = np.array([not group or None in group for group in same], dtype=bool) & flagged
    alike = [flagged & np.array([code in group for group in same], dtype=bool) for code in sorted(codes)]
    return [loose, *(group | loose for group in alike)]


def _one(id: str, holds: bool, message: str, cure: str) -> Condition:
    return plain(id, np.array([holds]), message, cure)
