"""The roll: what the trial as a whole needs to know of everyone included."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trialrun.conduct.cohort import Cohort, Index, Times, day
from trialrun.conduct.reading import Answers, answers, matching, read
from trialrun.conduct.standing import MISSED, finished, held, standing
from trialrun.conduct.verdict import NO, YES
from trialrun.protocol.allocation import SITE, Blocks, Table
from trialrun.protocol.chain import Days, Mask


@dataclass(frozen=True)
class Roll:
    """What the trial needs to know of each participant: arrays (N,), in order of inclusion once joined.

    settled: the decision that staggers inclusions has been made, or can no longer be; lost: gone before a
    first injection, and so to be replaced; flagged: suspension -> who matches its rule; since: the date from
    which they do (NaT = not known); same: suspension -> the codes they match with, None among them where one
    is not known; kind: the code by which the study limits its strata, stratum: that of blocked allocation;
    arm: the name of the arm ('' = none), block: the size of the block it was drawn from; judged: whether the
    allocation table may count them, counts: what its rule says (YES, NO or UNKNOWN).
    """

    included: Times
    dosed_on: Days
    settled: Mask
    lost: Mask
    flagged: dict[str, Mask]
    since: dict[str, Days]
    same: dict[str, NDArray[np.object_]]
    kind: NDArray[np.object_]
    stratum: NDArray[np.object_]
    arm: NDArray[np.object_]
    block: NDArray[np.int16]
    judged: Mask
    counts: Answers

    @property
    def dosed(self) -> Mask:
        return np.asarray(~np.isnat(self.dosed_on))


def roll(cohort: Cohort, who: Index, now: Times) -> Roll:
    """The roll of some participants of a cohort (one trial) at ``now`` (len(who),)."""
    study = cohort.protocol.study
    moments = np.full(cohort.n, np.datetime64("NaT", "m"))
    moments[who] = now
    too_late = np.isnat(cohort.first_injection[who])
    if too_late.any():
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
        since[name], same[name] = _matched(cohort, name, who, now, flagged[name])
    done, counts = _judged(cohort, who, now)
    return Roll(
        included=cohort.included[who],
        dosed_on=dosed_on,
        settled=settled | gone,
        lost=gone & np.isnat(dosed_on),
        flagged=flagged,
        since=since,
        same=same,
        kind=np.array(kinds(cohort, who, now), dtype=object),
        stratum=np.array(strata(cohort, who, now), dtype=object),
        arm=np.array([cohort.arm_of(one) or "" for one in who.tolist()], dtype=object),
        block=cohort.block[who],
        judged=done,
        counts=counts,
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
        *(joined(getattr(r, name) for r in rolls) for name in _EACH),
    )


_EACH = ("kind", "stratum", "arm", "block", "judged", "counts")


def kinds(cohort: Cohort, who: Index, now: Times) -> list[str | None]:
    """The code by which the study limits how many of each kind it takes (None = not known, or no limit)."""
    limited = cohort.protocol.study.enrolment.strata
    if limited is None:
        return [None] * len(who)
    return read(cohort, [limited.by], who, now, None, "complete")[limited.by].to_list()


def strata(cohort: Cohort, who: Index, now: Times) -> list[str]:
    """The stratum of blocked allocation of each of ``who``; what is not known is a kind of its own."""
    allocation = cohort.protocol.study.allocation
    names = allocation.strata if isinstance(allocation, Blocks) else ()
    if not names:
        return [""] * len(who)
    found = read(cohort, [name for name in names if name != SITE], who, now, None, "complete")
    columns = [cohort.site[who].tolist() if name == SITE else found[name].to_list() for name in names]
    return [
        " / ".join("?" if part is None else str(part) for part in row) for row in zip(*columns, strict=True)
    ]


def _judged(cohort: Cohort, who: Index, now: Times) -> tuple[Mask, Answers]:
    """(whom the allocation table may count, what its rule says of each).

    Who can no longer come to be judged, having left, never been dosed or missed the visit, is judged by what
    is known.
    """
    allocation = cohort.protocol.study.allocation
    if not isinstance(allocation, Table):
        return np.ones(len(who), dtype=bool), np.full(len(who), NO, dtype=np.int8)
    rule = cohort.protocol.rules["allocation.counted"]
    said = answers(rule, read(cohort, rule.reads, who, now, None, "so far"))
    done = np.asarray(finished(cohort, allocation.judged_at)[who] | (said == YES))
    return done if done.all() else done | _never_judged(cohort, allocation.judged_at, who, now), said


def _never_judged(cohort: Cohort, point: str, who: Index, now: Times) -> Mask:
    """Who will not come to what judges them: gone, or late for a visit. A decision that is late may come."""
    moments = np.full(cohort.n, np.datetime64("NaT", "m"))
    moments[who] = now
    here = standing(cohort, moments)
    late = here.status(cohort, point, moments) == MISSED
    visit = cohort.protocol.timepoints[point].kind == "visit"
    return np.asarray((here.absent(cohort, point, moments) | (late & visit))[who])


def _flagged(cohort: Cohort, suspension: str, who: Index, now: Times) -> Mask:
    rule = cohort.protocol.rules[f"suspensions.{suspension}"]
    return np.asarray(answers(rule, read(cohort, rule.reads, who, now, None, "so far")) == YES)


def _matched(
    cohort: Cohort, suspension: str, who: Index, now: Times, flagged: Mask
) -> tuple[Days, NDArray[np.object_]]:
    """For each flagged participant the date of the first occurrence that a suspension counts, and the codes
    by which it groups them (``same: ae.system``)."""
    form, _, item = (cohort.protocol.study.suspensions[suspension].same or "").partition(".")
    since = np.full(len(who), np.datetime64("NaT", "D"))
    codes = np.array([frozenset()] * len(who), dtype=object)
    if not flagged.any():  # nearly always: nothing that suspends a trial has happened
        return since, codes
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
