"""Courses, decisions and boundaries: what the study allows and can never happen."""

from __future__ import annotations

from collections.abc import Iterator

from trialrun.protocol.allocation import Table
from trialrun.protocol.lint.code import Found, finding
from trialrun.protocol.lint.time import day, together
from trialrun.protocol.plan import LAST_DOSE
from trialrun.protocol.protocol import Protocol, Timepoint


@finding(
    "masking",
    means="The design conceals the arms, and the record does not.",
    matters="Whoever opens the record sees the arm; who assesses the participant must not be able to.",
    mend="Say `masking: open`, or keep the record from those who must not know.",
    was="masking: open",
    now="masking: double",
)
def masking(protocol: Protocol) -> Iterator[Found]:
    said = protocol.study.design.masking
    if said != "open":
        message = f"The design says `masking: {said}`, and concealing the arm is not enforced."
        yield Found("design/masking", message)


@finding(
    "window-beyond-delays",
    means="A course may begin later than the delay that is allowed in all.",
    matters="A site that uses the whole window finds the course left out, although it was in time.",
    mend="Narrow the window, or allow more delay (`delays.cumulative`).",
    was="delays: {cumulative: 7 days",
    now="delays: {cumulative: 5 days",
)
def beyond(protocol: Protocol) -> Iterator[Found]:
    allowed = protocol.study.treatment.delays.cumulative
    for name, cycle in protocol.study.treatment.cycles.items():
        if cycle.after and cycle.window.after > allowed.days:
            late = f"{cycle.window.after:g} days late"
            message = f"{name} may begin {late}; all courses together may be {allowed} late."
            yield Found(f"treatment/cycles/{name}", message)


@finding(
    "course-never-complete",
    means="A course has fewer doses than make a course complete.",
    matters="Whoever has all of it is still counted as not having completed it.",
    mend="Lower `complete_with`, or plan more doses.",
    was="C1: {label: W0, day: 1, doses: 7 daily",
    now="C1: {label: W0, day: 1, doses: 5 daily",
)
def incomplete(protocol: Protocol) -> Iterator[Found]:
    for name, cycle in protocol.study.treatment.cycles.items():
        own = cycle.complete_with
        asked = own or protocol.study.treatment.missed_dose.complete_with
        if cycle.doses.count < asked:
            message = f"{name} has {cycle.doses.count} doses, and {asked} make a course complete."
            yield Found(f"treatment/cycles/{name}", message)


@finding(
    "dose-cap",
    narrow=True,
    means="The most that a dose may be (`at_most`) is no multiple of what it is rounded to (`round`).",
    matters="Whoever is capped would get an amount that the medicine cannot be measured in.",
    mend="Make `at_most` a multiple of `round`.",
    was="round: 50, at_most: 300",
    now="round: 50, at_most: 320",
)
def capped(protocol: Protocol) -> Iterator[Found]:
    for name, level in protocol.study.treatment.levels.items():
        if level.round and level.at_most and round(level.at_most / level.round, 9) % 1:
            message = f"At most {level.at_most:g} is no multiple of {level.round:g}, to which it is rounded."
            yield Found(f"treatment/levels/{name}", message)


@finding(
    "hold-outlasts-course",
    narrow=True,
    means="A hold may last longer than the window of the course that waits for it.",
    matters="The hold is then no pause but the loss of a course, and nobody has said so.",
    mend="Shorten the hold (`for`), decide earlier, or widen the window of the course.",
    was="wait: {effect: hold, otherwise: true, for: 7 days,",
    now="wait: {effect: hold, otherwise: true, for: 21 days,",
)
def held_too_long(protocol: Protocol) -> Iterator[Found]:
    for name, decision in protocol.decisions.items():
        point = protocol.timepoints[name]
        start = _next_course(protocol, point)
        for key, outcome in decision.outcomes.items():
            if outcome.for_ is None or start is None:
                continue
            ends = point.offset + point.window.after + outcome.for_.days
            latest = start.offset + start.window.after
            if ends > latest:
                message = (
                    f"A hold of {outcome.for_} may end on study day {day(ends)}; {start.cycle} may begin "
                    f"until day {day(latest)}."
                )
                yield Found(f"decisions/{name}/outcomes/{key}", message)


def _next_course(protocol: Protocol, decision: Timepoint) -> Timepoint | None:
    """Day 1 of the first course that comes after a decision."""
    starts = [protocol.timepoints[f"{cycle}.D1"] for cycle in protocol.cycles]
    later = [start for start in starts if start.offset >= decision.offset]
    return min(later, key=lambda start: start.offset, default=None)


@finding(
    "decision-without-effect",
    means="A decision changes nothing: no course has its setting from it, and no outcome holds or stops.",
    matters="People would meet, weigh and sign, and the treatment would go on whatever they said.",
    mend="Let a course have its `setting: by` this decision, give an outcome an effect, or remove it.",
    was="suspensions:\n",
    now="""  place:
    title: {en: Where to go on, fr: Où continuer}
    when: C1 + 21..25 days
    by: investigator
    within: 72 hours
    needs: []
    expected: home
    outcomes:
      home: {effect: continue, otherwise: true, text: {en: At home, fr: À domicile}, from: outline#2}
    from: outline#2
suspensions:
""",
)
def idle(protocol: Protocol) -> Iterator[Found]:
    stagger = protocol.study.enrolment.stagger
    used = {cycle.setting_decision for cycle in protocol.study.treatment.cycles.values()}
    used |= {stagger.until} if stagger else set()
    for name, decision in protocol.decisions.items():
        if name not in used and all(one.effect == "continue" for one in decision.outcomes.values()):
            message = f"No course, hold or stop depends on what {name} says."
            yield Found(f"decisions/{name}", message)


@finding(
    "decision-after-course",
    narrow=True,
    means="A decision that may stop the treatment may come after the next course, which waits for none.",
    matters="Whoever should have been stopped is given the next course first.",
    mend="Let that course have its `setting: by` the decision, or decide before it begins.",
    was="suspensions:\n",
    now="""  look:
    title: {en: A second look, fr: Second regard}
    when: C1 + 21..30 days
    by: investigator
    within: 72 hours
    needs: []
    expected: home
    outcomes:
      stop: {effect: stop, when: severe_events >= 1, unknown: wait,
        text: {en: Stop, fr: Arrêter}, from: outline#2}
      home: {effect: continue, otherwise: true, text: {en: Go on, fr: Continuer}, from: outline#2}
    from: outline#2
suspensions:
""",
)
def too_late(protocol: Protocol) -> Iterator[Found]:
    awaited = {cycle.setting_decision for cycle in protocol.study.treatment.cycles.values()}
    allocation = protocol.study.allocation
    judging = allocation.judged_at if isinstance(allocation, Table) else None
    for name, decision in protocol.decisions.items():
        stops = any(one.effect == "stop" for one in decision.outcomes.values())
        point = protocol.timepoints[name]
        start = _following(protocol, point)
        if name in awaited or not (stops or name == judging) or start is None or not point.planned:
            continue
        last, early = point.offset + point.window.after, start.offset - start.window.before
        if last > early:
            message = (
                f"{name} may come as late as study day {day(last)}; {start.cycle} may begin on day "
                f"{day(early)}, and does not wait for it."
            )
            yield Found(f"decisions/{name}", message)


def _following(protocol: Protocol, decision: Timepoint) -> Timepoint | None:
    """Day 1 of the course that follows the one from which a decision is counted (or the first dose)."""
    starts = [protocol.timepoints[f"{cycle}.D1"] for cycle in protocol.cycles]
    after = decision.anchor.after if decision.anchor else None
    if after == LAST_DOSE:
        return None
    begun = protocol.timepoints[f"{after}.D1"].offset if after in protocol.cycles else 0
    later = [one for one in starts if one.offset > begun and together(decision, one)]
    return min(later, key=lambda start: start.offset, default=None)


@finding(
    "dose-windows-overlap",
    means="The window of one dose reaches that of the next one of its course.",
    matters="A dose that is given could be the one or the other, and two could fall on one day.",
    mend="Narrow the window (`each`), or let a dose be less late (`missed_dose.late`).",
    was="late: 12 hours, apart: 8 hours",
    now="late: 36 hours, apart: 8 hours",
)
def doses_overlap(protocol: Protocol) -> Iterator[Found]:
    late = protocol.study.treatment.missed_dose.late
    for name, cycle in protocol.study.treatment.cycles.items():
        every, each = cycle.doses.every, cycle.each
        apart = f"{every} day{'s' if every != 1 else ''} apart"
        if cycle.doses.count > 1 and each and each.before + each.after >= every:
            message = f"The doses of {name} are {apart}, and each may be given {each} from its day."
            yield Found(f"treatment/cycles/{name}", message)
        elif cycle.doses.count > 1 and not each and late.days > every:
            message = f"The doses of {name} are {apart}, and each may be {late} late."
            yield Found(f"treatment/cycles/{name}", message)


@finding(
    "strata-short",
    means="The limits of the kinds of participants add up to fewer than are planned, or leave a kind out.",
    matters="Inclusions would end before the trial is full; a kind without a limit may fill it alone.",
    mend="Give every kind a limit, together at least as many as are planned.",
    was="enrolment: {planned: 12,",
    now="enrolment: {strata: {by: sex, at_most: {M: 5, F: 5}}, planned: 12,",
)
def short(protocol: Protocol) -> Iterator[Found]:
    """That only few kinds have a limit is meant; that only few have none is most likely forgotten."""
    strata, planned = protocol.study.enrolment.strata, protocol.study.enrolment.planned
    if strata is None:
        return
    codes = protocol.types[strata.by].codes
    bare = [code for code in codes if code not in strata.at_most]
    total = sum(strata.at_most.values())
    if bare and 2 * len(bare) < len(codes):
        yield Found("enrolment/strata", f"There is no limit for {', '.join(bare)}.")
    elif not bare and total < planned:
        yield Found("enrolment/strata", f"At most {total} of all kinds may take part; {planned} are planned.")


@finding(
    "stagger-too-slow",
    means="The participants who start one by one take longer than all inclusions may last.",
    matters="Inclusions would close before the first few have been seen through.",
    mend="Stagger fewer, wait for an earlier decision, or plan more time for inclusions.",
    was="stagger: {first: 2, until: tolerance}",
    now="stagger: {first: 12, until: tolerance}",
)
def staggered(protocol: Protocol) -> Iterator[Found]:
    stagger = protocol.study.enrolment.stagger
    inclusion = protocol.study.timeline.get("inclusion")
    if stagger is None or inclusion is None or inclusion.lasts is None:
        return
    apart = protocol.timepoints[stagger.until].offset
    takes = (stagger.first - 1) * apart
    if takes > inclusion.lasts.days:
        message = (
            f"{stagger.first} start one by one, each {apart} days after the last: {takes} days at least; "
            f"inclusions last {inclusion.lasts} ({inclusion.lasts.days:.0f} days)."
        )
        yield Found("enrolment", message)


@finding(
    "boundary-never-reached",
    narrow=True,
    means="A boundary that suspends inclusions asks for more people than the trial, or its step, has.",
    matters="The rule stands in the protocol, and would protect nobody.",
    mend="Ask for fewer, or begin the step with as many as it asks for.",
    was="at_least: {2: 2, 5: 3}",
    now="at_least: {2: 2, 5: 3, 15: 4}",
)
def boundaries(protocol: Protocol) -> Iterator[Found]:
    most = protocol.study.enrolment.planned + protocol.study.enrolment.replace
    for name, suspension in protocol.study.suspensions.items():
        for dosed, matching in sorted(suspension.at_least.items()):
            if max(dosed, matching) > most:
                message = f"{matching} of {dosed} participants can never be: the trial has {most} at most."
                yield Found(f"suspensions/{name}", message)
            elif matching > dosed:
                message = (
                    f"{matching} of the first {dosed} participants can never match; "
                    f"the step begins with {{{matching}: {matching}}}."
                )
                yield Found(f"suspensions/{name}", message)


@finding(
    "dose-without-limits",
    means="A dose per kg or m² depends on an item that has no limits.",
    matters="A slip in it is a wrong dose: a height in metres instead of centimetres gives a tenth.",
    mend="Give the item `limits`, so that what no body can be is not accepted.",
    file="forms.yaml",
    was="unit: kg, limits: 30..250,",
    now="unit: kg,",
)
def unlimited(protocol: Protocol) -> Iterator[Found]:
    plans = [dose for point in protocol.doses for dose in (point.dose, *point.doses.values()) if dose]
    measures = dict.fromkeys(dose.of for dose in plans if dose.of)
    for form, name in dict.fromkeys(
        read for measure in measures for read in protocol.variables[measure].read_all
    ):
        if protocol.item(form, name).limits is None:
            message = f"A dose is reckoned from {form}.{name}, which takes any number."
            yield Found(f"forms/{form}/items/{name}", message)


CODES = (
    masking,
    unlimited,
    beyond,
    incomplete,
    capped,
    held_too_long,
    idle,
    too_late,
    doses_overlap,
    short,
    staggered,
    boundaries,
)
