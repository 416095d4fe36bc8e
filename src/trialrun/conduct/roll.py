"""The roll: what the trial as a whole needs to know of everyone included."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trialrun.conduct.cohort import Cohort, Index, Times, day
from trialrun.conduct.reading import Answers, View, answers, judged, matching, read
from trialrun.conduct.standing import MISSED, finished, held, standing
from trialrun.conduct.verdict import NO, YES
from trialrun.protocol.allocation import SITE, Blocks, Table
from trialrun.protocol.chain import Days, Mask


@dataclass(frozen=True)
class Roll:
    """What the trial needs to know of each participant: arrays (N,), in the order of inclusion, which is that
    of the acts, whatever the clocks of the sites said.

    settled: the decision that staggers inclusions has been made, or can no longer be; lost: gone before a
    first injection, and so to be replaced; flagged: suspension -> who matches its rule; since: the date from
    which they do (NaT = not known); same: suspension -> the codes they match with, None among them where one
    is not known; kind: the code by which the study limits its strata, stratum: that of blocked allocation;
    arm: the name of the arm ('' = none), block: the size of the block it was drawn from. For the allocation
    table, judged: whether they may be counted, void: whether they never will be, having left, been never
    dosed or not been seen when they were to be judged; counts: what its rule says (YES, NO or UNKNOWN).
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
    void: Mask
    counts: Answers
    order: NDArray[np.int64]

    @property
    def dosed(self) -> Mask:
        return np.asarray(~np.isnat(self.dosed_on))

    def of(self, mask: Mask) -> Roll:
        """Those where ``mask`` (N,) is true."""
        kept: dict[str, Any] = {}
        for one in fields(self):
            part = getattr(self, one.name)
            split = isinstance(part, dict)
            kept[one.name] = {key: each[mask] for key, each in part.items()} if split else part[mask]
        return Roll(**kept)


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
    done, void, counts = _judged(cohort, who, now)
    return Roll(
        included=cohort.included[who],
        dosed_on=dosed_on,
        settled=settled | gone,
        lost=gone & np.isnat(dosed_on),
        flagged=flagged,
        since=since,
        same=same,
        kind=cohort.kind[who],
        stratum=cohort.stratum[who],
        arm=np.array([cohort.arm_of(one) or "" for one in who.tolist()], dtype=object),
        block=cohort.block[who],
        judged=done,
        void=void,
        counts=counts,
        order=cohort.order[who],
    )


def join(rolls: Sequence[Roll]) -> Roll:
    """The rolls of several participants as one, in the order of inclusion. Raises ValueError for none."""
    order = np.argsort(np.concatenate([r.order for r in rolls]), kind="stable")

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


_EACH = ("kind", "stratum", "arm", "block", "judged", "void", "counts", "order")


def kinds(cohort: Cohort, who: Index, now: Times) -> list[str | None]:
    """The code by which the study limits how many of each kind it takes (None = not known, or no limit)."""
    limited = cohort.protocol.study.enrolment.strata
    if limited is None:
        return [None] * len(who)
    return read(cohort, [limited.by], who, now, None, "complete")[limited.by].to_list()


def strata(cohort: Cohort, who: Index, now: Times) -> list[str | None]:
    """The stratum of blocked allocation of each of ``who`` ('' where there is but one); None = not known."""
    allocation = cohort.protocol.study.allocation
    names = allocation.strata if isinstance(allocation, Blocks) else ()
    if not names:
        return [""] * len(who)
    found = read(cohort, [name for name in names if name != SITE], who, now, None, "complete")
    columns = [cohort.site[who].tolist() if name == SITE else found[name].to_list() for name in names]
    rows = zip(*columns, strict=True)
    return [None if None in row else " / ".join(map(str, row)) for row in rows]


def _judged(cohort: Cohort, who: Index, now: Times) -> tuple[Mask, Mask, Answers]:
    """(whom the allocation table may count, who will never be counted, what its rule says of each).

    Who counts does so at once; of whom it is not known, nobody decides. Everyone else counts once judged.
    """
    allocation = cohort.protocol.study.allocation
    nobody = np.zeros(len(who), dtype=bool)
    if not isinstance(allocation, Table):
        return ~nobody, nobody, np.full(len(who), NO, dtype=np.int8)
    view = View(cohort, who, now, None, "so far")
    said = judged(view, cohort.protocol.rules["allocation.counted"])[1]
    done = (said == YES) | (_seen(cohort, allocation.judged_at, who) & ~np.isnat(cohort.first_injection[who]))
    if done.all():
        return done, nobody, said
    return done, ~done & _never_judged(cohort, allocation.judged_at, who, now), said


def _seen(cohort: Cohort, point: str, who: Index) -> Mask:
    """At whom a timepoint has taken place whole: its decision, its dose, or every form asked of everyone."""
    planned = cohort.protocol.timepoints[point]
    done = finished(cohort, point)[who]
    for task in planned.tasks if planned.kind == "visit" else ():
        activity = cohort.protocol.activity(task.activity)
        if task.form in cohort.sheets and not activity.only_if and not activity.substudy:
            done = done & ~np.isnat(cohort.sheets[task.form].at(point)[who])
    return np.asarray(done)


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
