"""Lengths, labels and windows: whether the days of the study agree with each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from trialrun.protocol.lint.code import Found, finding
from trialrun.protocol.plan import LAST_DOSE
from trialrun.protocol.protocol import Protocol, Timepoint

PARTICIPATION = "participation"  # the milestone that says how long a participant takes part


def dated(protocol: Protocol) -> list[Timepoint]:
    """Visits with a planned day, in the order of the plan: not those that wait for an event or a need."""
    return [point for point in protocol.visits if point.planned]


def arms(point: Timepoint) -> set[str]:
    """The arms that have a timepoint; empty if all have it."""
    return set(point.arms)


def together(one: Timepoint, other: Timepoint) -> bool:
    """Whether one participant may have both: those who stopped, or are in other arms, may not."""
    mine, others = arms(one), arms(other)
    return one.only == other.only and (not mine or not others or bool(mine & others))


@finding(
    "sum",
    means="A length of the timeline is not the sum of the parts it names.",
    matters="Contracts, insurance and the people who plan the trial rely on different lengths of it.",
    mend="Correct the length or one of its parts.",
    was="lasts: 12 months, sum_of:",
    now="lasts: 15 months, sum_of:",
)
def sums(protocol: Protocol) -> Iterator[Found]:
    timeline = protocol.study.timeline
    for name, milestone in timeline.items():
        parts = [timeline[part].lasts for part in milestone.sum_of]
        total = sum(part.days for part in parts if part)
        if milestone.lasts and milestone.sum_of and round(total - milestone.lasts.days, 3):
            said = " + ".join(str(part) for part in parts)
            yield Found(f"timeline/{name}", f"{said} does not make {milestone.lasts}.")


@finding(
    "label-against-offset",
    means="The week labels of the courses do not fit the days on which they are planned.",
    matters="People read the label, the calendar counts the days: a course may be given a week early.",
    mend="Correct the label or the days; if both are right, say how the labels are to be read (`labels`).",
    was="C2: {label: W4,",
    now="C2: {label: W3,",
)
def labels(protocol: Protocol) -> Iterator[Found]:
    """A week label W<n> is week n counted from 1, or n weeks elapsed; all cycles must agree on one."""
    weeks = {}
    for cycle in protocol.cycles:
        match = re.fullmatch(r"W([0-9]+)", protocol.study.treatment.cycles[cycle].label)
        if match:
            weeks[cycle] = (int(match[1]), protocol.timepoints[f"{cycle}.D1"].offset)
    counted = {cycle for cycle, (week, offset) in weeks.items() if offset // 7 + 1 == week}
    elapsed = {cycle for cycle, (week, offset) in weeks.items() if offset == 7 * week}
    if not weeks or counted == set(weeks) or elapsed == set(weeks):
        return
    said = ", ".join(f"W{week} on day {offset + 1}" for week, offset in weeks.values())
    week, offset = next(found for cycle, found in weeks.items() if cycle not in counted)
    message = (
        f"Labels and offsets disagree: {said}. Counted from week 1, W{week} would begin on day "
        f"{7 * (week - 1) + 1}; its offset of {offset} days puts it on day {offset + 1}."
    )
    yield Found("treatment/cycles", message, _read_as(protocol, weeks, elapsed))


def _read_as(protocol: Protocol, weeks: dict[str, tuple[int, int]], elapsed: set[str]) -> str | None:
    """How the study says its labels are to be read, if that fits all of them."""
    labels = protocol.study.labels
    first = {f"W{week}" for cycle, (week, _) in weeks.items() if cycle not in elapsed}
    if labels is None or labels.weeks != "elapsed" or first != {labels.first}:
        return None
    offsets = ", ".join(str(offset) for _, offset in weeks.values())
    days = ", ".join(str(offset + 1) for _, offset in weeks.values())
    rest = ", ".join(f"W{week}" for cycle, (week, _) in weeks.items() if cycle in elapsed)
    reading = f"{labels.first} names the week of the first injection and {rest} count weeks elapsed"
    return f"{reading}: offsets {offsets} (study days {days}). {labels.reason}"


@finding(
    "label-twice",
    means="Two visits, or two courses, have the same label.",
    matters="A form or a tube that says only the label cannot be told to belong to one of them.",
    mend="Give each its own label.",
    was="W10: {epoch: follow_up, label: W10,",
    now="W10: {epoch: follow_up, label: W6,",
)
def labels_twice(protocol: Protocol) -> Iterator[Found]:
    for one, other in combinations(protocol.visits, 2):
        if together(one, other) and one.label() == other.label():
            message = f"The visits {one.id} and {other.id} have the same label, {one.label()}."
            yield Found(f"visits/{other.id}", message)
    starts = {name: protocol.timepoints[f"{name}.D1"] for name in protocol.cycles}
    cycles = protocol.study.treatment.cycles
    for name, second in combinations(starts, 2):
        if together(starts[name], starts[second]) and cycles[name].label == cycles[second].label:
            message = f"The courses {name} and {second} have the same label, {cycles[name].label}."
            yield Found(f"treatment/cycles/{second}", message)


@finding(
    "cycle-length",
    means="A course begins after another number of days than a course is said to last.",
    matters="Events between the end of one course and the next belong to no course, or to two.",
    mend="Correct `cycle_length`, or the days after which the course begins.",
    was="cycle_length: 28 days",
    now="cycle_length: 21 days",
)
def lengths(protocol: Protocol) -> Iterator[Found]:
    treatment = protocol.study.treatment
    for name, cycle in treatment.cycles.items():
        previous = treatment.cycles.get(cycle.after.after) if cycle.after else None
        length = (previous.length if previous else None) or treatment.cycle_length
        if cycle.after and previous and cycle.after.offset != length.days:
            apart = f"{cycle.after.offset:g} days after {cycle.after.after}"
            yield Found(f"treatment/cycles/{name}", f"{name} begins {apart}; a cycle lasts {length}.")


@finding(
    "windows-overlap",
    means="The windows of two visits overlap, so that one date could be either.",
    matters="A site and a monitor may call the same day different visits: a value lands in the wrong one.",
    mend="Narrow one of the windows, or move a visit.",
    was="label: W10, after: C2 + 42 days, otherwise: C1 + 70 days, window: ±3 days",
    now="label: W10, after: C2 + 18 days, otherwise: C1 + 46 days, window: ±3 days",
)
def overlaps(protocol: Protocol) -> Iterator[Found]:
    for one, other in combinations(dated(protocol), 2):
        first, last = sorted((one, other), key=lambda point: point.offset)
        late, early = first.offset + first.window.after, last.offset - last.window.before
        if together(one, other) and early <= late:
            days = f"day {day(early)}" if early == late else f"days {day(early)} to {day(late)}"
            message = f"The windows of {first.id} and {last.id} overlap on study {days}."
            yield Found(f"visits/{last.id}", message)


def day(offset: float) -> int:
    """The SDTM study day of an offset: there is no day 0."""
    return int(offset) + 1 if offset >= 0 else int(offset)


@finding(
    "screening-after-dose",
    means="The window of a visit before the first dose reaches the day of the first dose, or beyond.",
    matters="Criteria could be checked, or a baseline taken, after the treatment has begun.",
    mend="End its window on day -1.",
    was="day: -7, window: -7/+6 days",
    now="day: -7, window: ±7 days",
)
def screening(protocol: Protocol) -> Iterator[Found]:
    for point in dated(protocol):
        if point.offset < 0 and point.offset + point.window.after >= 0:
            last = day(point.offset + point.window.after)
            message = (
                f"{point.id} is planned before the first dose, and may take place until study day {last}."
            )
            yield Found(f"visits/{point.id}", message)


@finding(
    "visit-before-consent",
    means="A visit is planned before the one at which consent is asked.",
    matters="Nothing may be done to a person for a trial before they agree to it.",
    mend="Ask for consent at the first visit.",
    was="activities:\n",
    now="  CALL: {epoch: screening, label: {en: Call, fr: Appel}, day: -20, from: outline#1}\n"
    "activities:\n"
    "  call: {title: {en: Call, fr: Appel}, specimens: [serum], at: [CALL], from: outline#1}\n",
)
def consent(protocol: Protocol) -> Iterator[Found]:
    form = protocol.study.recorded_on.consent.partition(".")[0]
    asked = [protocol.timepoints[point] for point in protocol.where_asked[form]]
    for point in dated(protocol):
        if asked and point.offset < min(one.offset for one in asked):
            yield Found(f"visits/{point.id}", f"{point.id} comes before consent is asked, at {asked[0].id}.")


@finding(
    "participation",
    means="The last visit may fall later than a participant is said to take part (`timeline.participation`).",
    matters="Consent, insurance and the ethics committee's approval cover the stated time and no more.",
    mend="Lengthen the participation, bring the last visit forward, or allow less delay.",
    was="otherwise: C1 + 70 days, window: ±3 days",
    now="otherwise: C1 + 70 days, window: -3/+28 days",
)
def participation(protocol: Protocol) -> Iterator[Found]:
    milestone = protocol.study.timeline.get(PARTICIPATION)
    last = protocol.timepoints[protocol.last_visit]
    latest = last.offset + last.window.after + slip(protocol, last)
    if milestone and milestone.lasts and latest > milestone.lasts.days:
        message = (
            f"The last visit, {last.id}, may fall on study day {day(latest)} with its window and the delays "
            f"that are allowed; participation lasts {milestone.lasts} ({milestone.lasts.days:.0f} days)."
        )
        yield Found(f"timeline/{PARTICIPATION}", message)


def slip(protocol: Protocol, point: Timepoint) -> float:
    """Days by which delays of courses may move a timepoint."""
    after = point.anchor.after if point.anchor else None
    moved = after == LAST_DOSE or (after in protocol.cycles and protocol.timepoints[f"{after}.D1"].anchor)
    return protocol.study.treatment.delays.cumulative.days if moved else 0.0


CODES = (sums, labels, labels_twice, lengths, overlaps, screening, consent, participation)
