"""What a rule can come to know: whether each variable it reads can have a value when the rule is read.

A permission that can never know what it reads is safe, for it stays shut: a finding. A protection that
cannot is blind, and lets pass what it should have held: an error.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from trialrun.protocol.allocation import Table
from trialrun.protocol.link import STUDY, Path
from trialrun.protocol.plan import ANY_TIME
from trialrun.protocol.problem import Problem
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rulebook import row_types
from trialrun.protocol.source import Source
from trialrun.protocol.variable import Variable

ALWAYS = math.inf


@dataclass(frozen=True)
class Moment:
    """When a rule is read: at which timepoint (None = at none), on which planned day after the first dose."""

    point: str | None
    offset: float

    def __str__(self) -> str:
        return self.point or "no visit in particular"


@dataclass(frozen=True)
class Reading:
    """A rule of the study, where it stands, when it is read, and whether it needs every list to be whole."""

    rule: str
    path: Path
    moments: tuple[Moment, ...]
    whole: bool
    blind: bool = False  # what it does not know, it lets pass


@dataclass(frozen=True)
class Lack:
    """Why a variable can have no value at a moment: the code of the finding, and the reason in words."""

    code: str
    why: str


def readings(protocol: Protocol) -> Iterator[Reading]:
    """Every rule about participants, with the moments at which it is read."""
    study, points = protocol.study, protocol.timepoints
    screening = [point for point in protocol.visits if point.planned and point.offset < 0]
    chosen = Moment(screening[0].id if screening else None, screening[-1].offset if screening else 0)
    for name, one in study.eligibility.items():
        word = "require" if one.require else "exclude"
        yield Reading(f"eligibility.{name}", ("eligibility", name, word), (chosen,), True)
    doses = [Moment(point.id, point.offset) for point in protocol.doses]
    starts = tuple(one for one in doses if one.point and one.point.endswith(".D1"))
    for name in study.before_course:
        yield Reading(f"before_course.{name}", ("before_course", name, "require"), starts, True)
    for name, protection in study.before_dose.items():
        lets_pass = protection.unknown == "continue"
        yield Reading(f"before_dose.{name}", ("before_dose", name, "hold"), tuple(doses), False, lets_pass)
    for name, decision in study.decisions.items():
        here = (Moment(name, points[name].offset),)
        for key, outcome in decision.outcomes.items():
            if outcome.when:
                path = ("decisions", name, "outcomes", key, "when")
                yield Reading(f"decisions.{name}.{key}", path, here, outcome.effect == "continue")
    anytime = (Moment(None, ALWAYS),)
    for name in study.stops:
        yield Reading(f"stops.{name}", ("stops", name, "when"), anytime, False, True)
    for name in study.suspensions:
        yield Reading(f"suspensions.{name}", ("suspensions", name, "participants"), anytime, False, True)
    if isinstance(study.allocation, Table):
        judged = points.get(study.allocation.judged_at)
        when = Moment(None, judged.offset if judged else ALWAYS)
        yield Reading("allocation.counted", ("allocation", "counted"), (when,), False, True)
    for name in study.substudies:
        theirs = {key for key, activity in study.activities.items() if activity.substudy == name}
        joined = [one for one in points.values() if theirs & {task.activity for task in one.tasks}]
        moments = tuple(Moment(None, one.offset) for one in joined) or anytime
        yield Reading(f"substudies.{name}", ("substudies", name, "require"), moments, True)
    for name, activity in study.activities.items():
        if activity.only_if:
            asked = [one for one in points.values() if name in {task.activity for task in one.tasks}]
            moments = tuple(Moment(None, one.offset) for one in asked) or anytime
            yield Reading(f"activities.{name}", ("activities", name, "only_if"), moments, True)


def lacks(protocol: Protocol, reading: Reading) -> Iterator[tuple[str, Lack, tuple[Moment, ...]]]:
    """What a rule cannot know: the variable, why, and at which of its moments."""
    rule = protocol.rules.get(reading.rule)
    for name in sorted(rule.reads) if rule else ():
        found: dict[Lack, list[Moment]] = {}
        for moment in reading.moments:
            if lack := lacking(protocol, name, moment, whole=reading.whole):
                found.setdefault(lack, []).append(moment)
        for lack, moments in found.items():
            yield name, lack, tuple(moments)


def lacking(protocol: Protocol, name: str, moment: Moment, *, whole: bool) -> Lack | None:
    """Why a variable has no value at a moment, whatever is entered; None if it can have one.

    whole: a list counts only where it is proven to be whole, as in what permits.
    """
    variable = protocol.variables[name]
    if variable.at:
        found = [
            _at(protocol, variable.reads[0], at, moment) or _old(protocol, variable, at, moment)
            for at in variable.at
        ]
        return None if None in found else found[0]
    return _rows(protocol, variable, moment, whole) or _beside(protocol, name, moment, whole)


def _rows(protocol: Protocol, variable: Variable, moment: Moment, whole: bool) -> Lack | None:
    """Why the rows of a form cannot be counted at a moment."""
    form = variable.reads[0]
    planned = protocol.where_asked[form]
    if not planned and form not in asked_at_any_time(protocol):
        return Lack("never-entered", f"the form `{form}` is asked nowhere")
    if form not in asked_at_any_time(protocol) and all(_later(protocol, one, moment) for one in planned):
        return Lack("read-too-early", f"the form `{form}` is asked only later, first at {planned[0]}")
    if variable.during == "this course" and (moment.point or "").split(".")[0] not in protocol.cycles:
        return Lack("outside-course", f"`this course` means nothing at {moment}, which is in no course")
    if not whole or variable.none is None:
        return None
    if variable.complete is None:
        return Lack("unproven-list", "nothing says that its list is whole (`complete`)")
    proof, _, at = variable.complete.partition("@")
    return _at(protocol, proof.strip().partition(".")[0], at.strip(), moment)


def _beside(protocol: Protocol, name: str, moment: Moment, whole: bool) -> Lack | None:
    """Why another variable that the condition of its rows reads has no value."""
    rule = protocol.rules.get(f"variables.{name}")
    own = row_types(protocol.forms[protocol.variables[name].reads[0]])
    for read in sorted(rule.reads) if rule else ():
        if read not in own and (lack := lacking(protocol, read, moment, whole=whole)):
            return Lack(lack.code, f"its rows are chosen by `{read}`, and {lack.why}")
    return None


def _at(protocol: Protocol, form: str, at: str, moment: Moment) -> Lack | None:
    """Why an item of a form has no value ``at`` a moment of a variable, read at ``moment``."""
    planned, free = protocol.where_asked[form], form in asked_at_any_time(protocol)
    if not planned and not free:
        return Lack("never-entered", f"the form `{form}` is asked nowhere")
    if at == "latest":
        if free or not all(_later(protocol, one, moment) for one in planned):
            return None
        return Lack("read-too-early", f"the form `{form}` is asked only later, first at {planned[0]}")
    if at in ("this visit", "course day 1"):
        if moment.point is None:
            return Lack("never-entered", f"it is read at no visit, so `{at}` means nothing")
        at = moment.point if at == "this visit" else f"{moment.point.split('.')[0]}.D1"
        return (
            None if at in planned else Lack("never-entered", f"the form `{form}` is not asked at that visit")
        )
    return Lack("read-too-early", f"{at} comes only later") if _later(protocol, at, moment) else None


def _old(protocol: Protocol, variable: Variable, at: str, moment: Moment) -> Lack | None:
    """Why a value that may be only so old is always older, whenever in its window it was measured."""
    point = protocol.timepoints.get(at)
    if point is None or variable.within is None or math.isinf(moment.offset):
        return None
    youngest = moment.offset - point.offset - point.window.after
    if youngest <= variable.within.days:
        return None
    return Lack("too-old", f"that of {at} is {youngest:g} days old at least, and may be {variable.within}")


def _later(protocol: Protocol, at: str, moment: Moment) -> bool:
    return protocol.timepoints[at].offset > moment.offset


@lru_cache(maxsize=16)
def asked_at_any_time(protocol: Protocol) -> frozenset[str]:
    """The forms that may be filled whenever something happens."""
    rows = (activity for activity in protocol.study.activities.values() if ANY_TIME in activity.at)
    return frozenset(form for activity in rows for form in activity.forms)


def blind(protocol: Protocol, sources: Mapping[str, Source]) -> list[Problem]:
    """Protections that can never know what they read, and rules about a course read outside one."""
    found = []
    for reading in readings(protocol):
        place = sources[STUDY].place(reading.path)
        for name, lack, moments in lacks(protocol, reading):
            if lack.code == "outside-course":
                hint = "Name a course, or write `latest course`, `courses` or `since first dose`."
                found.append(Problem(place, f"it reads `{name}`: {lack.why}", hint, lack.code))
            elif reading.blind and moments == reading.moments:
                message = f"it can never know `{name}`, so it would protect nobody: {lack.why}"
                hint = "Read it at a visit where it is asked, or `at: latest`."
                found.append(Problem(place, message, hint, "blind-protection"))
    return found
