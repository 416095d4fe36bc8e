"""Where everyone stands once nothing is left to do: what was had together, and what could be analysed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trialrun.conduct.cohort import Times
from trialrun.conduct.standing import DONE, FUTURE, MISSED, OPEN, VOID, standing
from trialrun.protocol.endpoint import PairedChange, WithoutEvent
from trialrun.protocol.plan import ANY_TIME
from trialrun.simulate.rehearse.diary import Diary
from trialrun.simulate.rehearse.play import Play
from trialrun.simulate.rehearse.twist import Twist

STATUS = {FUTURE: "waiting", OPEN: "open", DONE: "done", MISSED: "missed", VOID: "void"}
Twisted = Mapping[str, list[Twist]]
"""The twists of one participant, by timepoint."""


def close(play: Play, twists: Sequence[Twisted], now: Times) -> None:
    """Note where everyone stands long after the last thing there was to do (``now``)."""
    protocol, who = play.protocol, np.arange(play.cohort.n)
    end = protocol.study.recorded_on.end.partition(".")[0]
    later = now + np.timedelta64(1000, "D")
    ended, can = ~np.isnat(play.cohort.ended), ANY_TIME in play.cohort.sheets[end].column
    here = standing(play.cohort, later)
    included = ~np.isnat(play.cohort.included)
    for point in protocol.timepoints:
        status = here.status(play.cohort, point, np.where(ended, now, later))
        for state, word in STATUS.items():
            play.note(("point", point, word), who[status == state])
            for named in protocol.arms:
                theirs = who[(status == state) & (play.arms == named) & included]
                play.note(("point in arm", point, word, named), theirs)
    early = here.early & ~np.isnat(play.cohort.first_injection)
    play.note(("end", "ended"), who[ended])
    play.note(("end", "open"), who[~ended])
    for arm in protocol.arms or (None,):
        play.note(("over", str(arm)), who[ended & (play.arms == arm)])
    play.note(("stopped early",), who[early])
    _together(play)
    _follow_up(play, twists)
    for name in protocol.study.endpoints:
        has = np.array([measured(diary, name) for diary in play.diaries])
        for arm in protocol.arms or (None,):
            play.note(("endpoint", name, str(arm)), who[has & (play.arms == arm)])
        after = np.array([_after_stop(diary, name) for diary in play.diaries])
        play.note(("endpoint stopped", name), who[has & early & after])
    if not can:
        begun = np.array([bool(steps) for steps in play.steps])
        play.note(("dead end",), who[~ended & begun])


def _follow_up(play: Play, twists: Sequence[Twisted]) -> None:
    """Which visits those had who stopped before the course that the visit is counted from. A day of a course
    (``C2.D15``) belongs to that course alone."""
    stopped = ~np.isnat(play.cohort.stopped) & ~np.isnat(play.cohort.first_injection)
    for point in play.protocol.visits:
        if point.anchor and point.anchor.after in play.protocol.cycles and not point.cycle:
            bereft = (
                stopped & np.isnat(play.cohort.begun(point.anchor.after)) & play.cohort.within(point.arms)
            )
            moved = [any(t.kind == "come" for t in mine.get(point.id, ())) for mine in twists]
            had = np.array([attended(diary, point.id) for diary in play.diaries]) & ~np.array(moved)
            play.note(("bereft", point.id), np.flatnonzero(bereft))
            play.note(("bereft came", point.id), np.flatnonzero(bereft & had))


def _together(play: Play) -> None:
    """Which timepoints one person had, and which two."""
    diaries, order = play.diaries, list(play.protocol.timepoints)
    had = np.array([[attended(diary, point) for diary in diaries] for point in order])
    for k, point in enumerate(order):
        play.note(("came to", point), np.flatnonzero(had[k]))
        for j in range(k + 1, len(order)):
            if ("both", point, order[j]) not in play.reached:
                play.note(("both", point, order[j]), np.flatnonzero(had[k] & had[j]))


def attended(diary: Diary, point: str) -> bool:
    """Whether a timepoint was come to: its dose given, its decision made, one of its forms filled."""
    planned = diary.protocol.timepoints[point]
    if planned.dose:
        return diary.given(point) is not None
    if planned.kind == "decision":
        return point in diary.decided
    return any(point in diary.forms.get(form, {}) for form in planned.forms)


def measured(diary: Diary, endpoint: str) -> bool:
    """Whether a participant has the data that an end point reads: baseline and visit, or follow-up."""
    spec = diary.protocol.study.endpoints[endpoint]
    if not diary.doses():
        return False
    if isinstance(spec, WithoutEvent):
        return attended(diary, spec.complete_at)
    names = [spec.parameter] if isinstance(spec, PairedChange) else list(spec.organs)
    return all(
        any(_value(diary, name, at) for at in spec.baseline) and _value(diary, name, spec.at)
        for name in names
    )


def _after_stop(diary: Diary, endpoint: str) -> bool:
    """Whether the visit of an end point came after the injections were stopped."""
    spec = diary.protocol.study.endpoints[endpoint]
    at = spec.complete_at if isinstance(spec, WithoutEvent) else spec.at
    if diary.protocol.timepoints[at].kind != "visit":
        return False  # the days of a course and the decisions are no more
    filled = [one[at].happened for one in diary.forms.values() if at in one]
    return diary.stopped is not None and bool(filled) and min(filled) > diary.stopped


def _value(diary: Diary, sdtm: str, point: str) -> bool:
    """Whether an item of this SDTM name is known at a timepoint."""
    return any(
        diary.forms[form][point].values.get(key) is not None
        for form, spec in diary.protocol.forms.items()
        if point in diary.forms.get(form, {})
        for key, item in spec.items.items()
        if item.sdtm == sdtm
    )
