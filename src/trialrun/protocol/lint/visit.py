"""Visits around the courses: whether each comes when it is meant to, and for whom."""

from __future__ import annotations

from collections.abc import Iterator

from trialrun.protocol.knowable import asked_at_any_time
from trialrun.protocol.lint.code import Found, finding
from trialrun.protocol.lint.time import dated, day, together
from trialrun.protocol.plan import LAST_DOSE
from trialrun.protocol.protocol import Protocol, Timepoint
from trialrun.protocol.text import Anchor


def last_shift(protocol: Protocol, cycle: str) -> int:
    """Days from day 1 of a cycle to its last dose."""
    doses = protocol.study.treatment.cycles[cycle].doses
    return (doses.count - 1) * doses.every


def last_dose(protocol: Protocol, visit: Timepoint, without: str | None = None) -> Timepoint | None:
    """The last planned dose of those who have a visit, the doses of one cycle left out."""
    doses = [point for point in protocol.doses if point.cycle != without and together(visit, point)]
    return max(doses, key=lambda point: point.offset, default=None)


@finding(
    "visit-within-course",
    means="A visit planned after a course may, by its window, take place while the course is still given.",
    matters="What is measured then is not after the course but during it.",
    mend="Narrow its window, or count more days.",
    was="after: C1 + 14 days, window: ±2 days",
    now="after: C1 + 14 days, window: ±8 days",
)
def within(protocol: Protocol) -> Iterator[Found]:
    for point in dated(protocol):
        cycle = point.anchor.after if point.anchor else None
        if cycle not in protocol.cycles or point.anchor is None:
            continue
        last = last_shift(protocol, cycle)
        early = point.anchor.offset - point.window.before
        if early <= last < point.anchor.offset:
            message = (
                f"{point.id} is planned {point.anchor.offset:g} days after {cycle} began, and may take place "
                f"after {early:g}; the last dose of {cycle} is planned {last} days after it began."
            )
            yield Found(f"visits/{point.id}", message)


@finding(
    "visit-across-course",
    means="A visit planned before a course may, by its window, take place on or after its first dose.",
    matters="Nobody can tell from the date whether it shows the last course or the next one.",
    mend="End its window before the day on which the course may begin.",
    was="after: C1 + 14 days, window: ±2 days",
    now="after: C1 + 14 days, window: -2/+14 days",
)
def across(protocol: Protocol) -> Iterator[Found]:
    starts = [protocol.timepoints[f"{cycle}.D1"] for cycle in protocol.cycles]
    for point in dated(protocol):
        for start in starts:
            early = start.offset - start.window.before
            if not together(point, start) or not 0 <= point.offset < start.offset:
                continue
            if point.offset + point.window.after >= early:
                message = (
                    f"{point.id}, planned before {start.cycle}, may take place until study day "
                    f"{day(point.offset + point.window.after)}; {start.cycle} may begin on day {day(early)}."
                )
                yield Found(f"visits/{point.id}", message)


@finding(
    "follow-up-before-last-dose",
    means="A follow-up visit counted from an early course may come before the last dose of a late one.",
    matters="It would then describe a participant under treatment as one after treatment.",
    mend="Count it from the last course or from the last dose.",
    was="label: W6, after: C2 + 14 days, otherwise: C1 + 42 days,",
    now="label: W6, after: C1 + 42 days,",
)
def early(protocol: Protocol) -> Iterator[Found]:
    for point in dated(protocol):
        planned = last_dose(protocol, point)
        if planned is None or point.only or point.offset <= planned.offset:
            continue
        cycle = point.anchor.after if point.anchor else None
        ways = [(point.anchor, None), *([(point.otherwise, cycle)] if point.otherwise else [])]
        for anchor, left_out in ways:
            last = last_dose(protocol, point, left_out)
            if last and _may_precede(protocol, point, anchor, last):
                latest = last.offset + protocol.study.treatment.delays.cumulative.days
                start = anchor.after if anchor else "the first dose"
                where = f" where {left_out} is not given" if left_out else ""
                message = (
                    f"{point.id}, counted from {start}{where}, may come before the last dose, {last.id}, "
                    f"which may be as late as study day {day(latest)}."
                )
                yield Found(f"visits/{point.id}", message)


def _may_precede(protocol: Protocol, point: Timepoint, anchor: Anchor | None, last: Timepoint) -> bool:
    """Whether a visit counted from an anchor may come on or before a dose of a later cycle that is late."""
    after = anchor.after if anchor else None
    if after in (LAST_DOSE, last.cycle):
        return False
    offset = (
        protocol.timepoints[f"{after}.D1"].offset + anchor.offset
        if anchor and after in protocol.cycles
        else None
    )
    earliest = (point.offset if offset is None else offset) - point.window.before
    return earliest <= last.offset + protocol.study.treatment.delays.cumulative.days


@finding(
    "visit-without-otherwise",
    means="A follow-up visit is counted from a course, and nothing says when it is for those without it.",
    matters="Those who stop early, the people one learns most from about safety, would have no such visit.",
    mend="Say when it is for them (`otherwise: C1 + 70 days`).",
    was="label: W10, after: C2 + 42 days, otherwise: C1 + 70 days,",
    now="label: W10, after: C2 + 42 days,",
)
def lost(protocol: Protocol) -> Iterator[Found]:
    """A visit named for a day of its course (``C2.D15``) belongs to that course alone."""
    for point in dated(protocol):
        last, cycle = last_dose(protocol, point), point.anchor.after if point.anchor else None
        if last is None or point.only or point.otherwise or point.cycle or point.offset <= last.offset:
            continue
        if cycle in protocol.cycles and protocol.timepoints[f"{cycle}.D1"].anchor:
            message = f"{point.id} is counted from {cycle}: whoever does not have {cycle} has no {point.id}."
            yield Found(f"visits/{point.id}", message)


@finding(
    "stopped-visit-unused",
    means="A visit is only for those who stopped early, and nothing in the study stops anyone.",
    matters="Either a stopping rule has been forgotten, or the visit never takes place.",
    mend="State what stops (`stops`, or an outcome with `effect: stop`), or remove the visit.",
    was="""stops:
  severe: {when: severe_events >= 1, unknown: continue,
    text: {en: Severe related event, fr: Événement sévère lié}, from: outline#2}
decisions:
  tolerance:
    outcomes:
      stop: {effect: stop, when: severe_events >= 1, unknown: wait,
        text: {en: Stop, fr: Arrêter}, from: outline#2}
      home: {effect: continue, when: worst_grade_C1 <= 2,
        text: {en: Go on at home, fr: Continuer à domicile}, from: outline#2}
      wait: {effect: hold, otherwise: true, for: 7 days, then: stop,
        text: {en: Wait, fr: Attendre}, from: outline#2}
""",
    now="""decisions:
  tolerance:
    outcomes:
      home: {effect: continue, when: worst_grade_C1 <= 2,
        text: {en: Go on at home, fr: Continuer à domicile}, from: outline#2}
      hospital: {effect: continue, otherwise: true,
        text: {en: Go on in hospital, fr: Continuer à l'hôpital}, from: outline#2}
""",
)
def unstopped(protocol: Protocol) -> Iterator[Found]:
    effects = {one.effect for decision in protocol.decisions.values() for one in decision.outcomes.values()}
    if protocol.study.stops or effects & {"stop", "hold"}:
        return
    for point in protocol.visits:
        if point.only == "stopped":
            yield Found(
                f"visits/{point.id}", f"{point.id} is for those who stopped, and nothing stops anyone."
            )


@finding(
    "otherwise-same-course",
    means="A visit is counted from a course, and its `otherwise` from the same one.",
    matters="Whoever does not have that course has no such visit, although the study says when it is.",
    mend="Count `otherwise` from an earlier course, or from the first dose.",
    was="after: C2 + 14 days, otherwise: C1 + 42 days",
    now="after: C2 + 14 days, otherwise: C2 + 42 days",
)
def no_other_way(protocol: Protocol) -> Iterator[Found]:
    for point in protocol.visits:
        if point.anchor and point.otherwise and point.anchor.after == point.otherwise.after:
            message = f"{point.id} and its `otherwise` are both counted from {point.anchor.after}."
            yield Found(f"visits/{point.id}", message)


@finding(
    "visit-empty",
    means="Nothing is done at a visit: no activity is planned there.",
    matters="People come for nothing, or what was to be done has been forgotten.",
    mend="Name the visit in an activity (`at`), or remove it.",
    was="activities:\n",
    now="  CALL: {epoch: treatment, label: {en: Call, fr: Appel}, after: C1 + 18 days, from: outline#1}\n"
    "activities:\n",
)
def empty(protocol: Protocol) -> Iterator[Found]:
    for point in protocol.visits:
        if not point.tasks:
            yield Found(f"visits/{point.id}", f"No activity is planned at {point.id}.")


@finding(
    "visit-moves",
    means="A visit is counted from a date that moves with every further event.",
    matters="A visit that was due, or has taken place, is no longer where it was planned.",
    mend="Count from the first event (`first`), or plan the visit `as_needed`.",
    file="variables.yaml",
    was="first_event: {first: ae.onset,",
    now="first_event: {last: ae.onset,",
)
def moves(protocol: Protocol) -> Iterator[Found]:
    for point in protocol.visits:
        variable = protocol.variables.get(point.event or "")
        if variable and variable.aggregate in ("last", "max"):
            message = f"{point.id} is counted from {point.event}, which every further event moves."
            yield Found(f"visits/{point.id}", message)


@finding(
    "visit-named-as-course",
    means="A visit has the name of a course.",
    matters="A reader cannot tell whether C2 is the course or the visit.",
    mend="Give the visit another name.",
    was="activities:\n",
    now="  C2: {epoch: treatment, label: {en: Call, fr: Appel}, after: C1 + 18 days, from: outline#1}\n"
    "activities:\n"
    "  call: {title: {en: Call, fr: Appel}, specimens: [serum], at: [C2], from: outline#1}\n",
)
def named_alike(protocol: Protocol) -> Iterator[Found]:
    for point in protocol.visits:
        if point.id in protocol.cycles:
            yield Found(f"visits/{point.id}", f"{point.id} is a course and a visit.")


@finding(
    "end-not-asked",
    means="The form that ends participation is asked at some visits, and not at the last one.",
    matters="Whoever is followed to the end is never recorded as such.",
    mend="Ask it at the last visit, or at any time.",
    was="forms: [ae, rescue, deviation, end], at: [any time], from: outline#2}",
    now="forms: [ae, rescue, deviation], at: [any time], from: outline#2}\n"
    "  ending: {title: {en: End, fr: Fin}, forms: [end], at: [W6], from: outline#3}",
)
def endless(protocol: Protocol) -> Iterator[Found]:
    form = protocol.study.recorded_on.end.partition(".")[0]
    asked = protocol.where_asked[form]
    if asked and protocol.last_visit not in asked and form not in asked_at_any_time(protocol):
        message = f"The form {form} is not asked at the last visit, {protocol.last_visit}."
        yield Found(f"forms/{form}", message)


CODES = (within, across, early, lost, unstopped, no_other_way, empty, moves, named_alike, endless)
