"""The trial as a whole: whether the next participant may be included."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trialrun.conduct.cohort import Cohort, Index, Times, day
from trialrun.conduct.reading import answers, matching, read
from trialrun.conduct.standing import held, standing
from trialrun.conduct.verdict import YES, Condition, Verdict, plain
from trialrun.protocol.chain import Days, Mask
from trialrun.protocol.protocol import Protocol


@dataclass(frozen=True)
class Roll:
    """What the trial needs to know of each participant: arrays (N,), in order of inclusion once joined.

    settled: the decision that staggers inclusions has been made, or can no longer be; lost: gone before a
    first injection, and so to be replaced; flagged: suspension -> who matches its rule; since: the date from
    which they do (NaT = not known); same: suspension -> the codes they match with, None among them where one
    is not known.
    """

    included: Times
    dosed_on: Days
    settled: Mask
    lost: Mask
    flagged: dict[str, Mask]
    since: dict[str, Days]
    same: dict[str, NDArray[np.object_]]

    @property
    def dosed(self) -> Mask:
        return np.asarray(~np.isnat(self.dosed_on))


def roll(cohort: Cohort, who: Index, now: Times) -> Roll:
    """The roll of some participants of a cohort (one trial) at ``now`` (len(who),)."""
    study = cohort.protocol.study
    moments = np.full(cohort.n, np.datetime64("NaT", "m"))
    moments[who] = now
    too_late = standing(cohort, moments).undosed(cohort)[who]
    gone = ~np.isnat(cohort.stopped[who]) | (cohort.ended[who] <= now) | too_late
    settled = np.ones(len(who), dtype=bool)
    if study.enrolment.stagger:
        decision = study.enrolment.stagger.until
        settled = ~np.isnat(cohort.decided[decision][who]) & ~held(cohort, decision)[who]
    dosed_on = day(cohort.first_injection[who])
    flagged, since, same = {}, {}, {}
    for name in study.suspensions:
        flagged[name] = _flagged(cohort, name, who, now)
        since[name], same[name] = _matched(cohort, name, who, now)
    return Roll(
        cohort.included[who], dosed_on, settled | gone, gone & np.isnat(dosed_on), flagged, since, same
    )


def join(rolls: Sequence[Roll]) -> Roll:
    """The rolls of several participants as one, in order of inclusion. Raises ValueError for none."""
    order = np.argsort(np.concatenate([r.included for r in rolls]), kind="stable")

    def joined(parts: Iterable[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(list(parts))[order]

    names = list(rolls[0].flagged)
    return Roll(
        joined(r.included for r in rolls),
        joined(r.dosed_on for r in rolls),
        joined(r.settled for r in rolls),
        joined(r.lost for r in rolls),
        {name: joined(r.flagged[name] for r in rolls) for name in names},
        {name: joined(r.since[name] for r in rolls) for name in names},
        {name: joined(r.same[name] for r in rolls) for name in names},
    )


def _flagged(cohort: Cohort, suspension: str, who: Index, now: Times) -> Mask:
    rule = cohort.protocol.rules[f"suspensions.{suspension}"]
    return np.asarray(answers(rule, read(cohort, rule.reads, who, now, None, "so far")) == YES)


def _matched(cohort: Cohort, suspension: str, who: Index, now: Times) -> tuple[Days, NDArray[np.object_]]:
    """For each participant the date of the first occurrence that a suspension counts, and the codes by which
    it groups them (``same: ae.system``)."""
    form, _, item = (cohort.protocol.study.suspensions[suspension].same or "").partition(".")
    since = np.full(len(who), np.datetime64("NaT", "D"))
    codes = np.array([frozenset()] * len(who), dtype=object)
    place = {int(one): i for i, one in enumerate(who)}
    for name in sorted(cohort.protocol.rules[f"suspensions.{suspension}"].reads):
        variable = cohort.protocol.variables[name]
        if not variable.aggregate:
            continue
        grouped = variable.reads[0] == form
        rows, _unsure = matching(cohort, name, who, now, None, "so far", item if grouped else None)
        kinds = rows.columns[item].to_list() if grouped else []
        for k, one in enumerate(rows.participant.tolist()):  # few: events that suspend a trial
            since[place[one]] = np.fmin(since[place[one]], rows.date[k])
            codes[place[one]] |= {kinds[k]} if grouped else frozenset()
    return since, codes


# ---- one more ------------------------------------------------------------------------------------


def may_enrol(protocol: Protocol, present: Roll | None) -> Verdict:
    """Conditions for including one more participant, given those included so far (None = nobody)."""
    if present is None:
        return Verdict((_room(protocol, 0, 0),))
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
    return Verdict(tuple(conditions))


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
