"""How much blood is drawn: at a visit, in a month, and in the whole trial."""

from __future__ import annotations

from collections.abc import Iterator

from trialrun.protocol.lint.code import Found, finding
from trialrun.protocol.lint.time import arms
from trialrun.protocol.protocol import Protocol, Timepoint
from trialrun.protocol.schedule import BloodLimits

MONTH = 30  # days, over which blood is summed


@finding(
    "blood",
    means="A visit, 30 days, or a whole participation draws more blood than the study's own limits.",
    matters="The limits protect people who are ill; an ethics committee checks this sum by hand.",
    mend="Draw less, spread it over more visits, or justify higher `blood_limits`.",
    was="at: [SCR, C*.D1, tolerance, W6, SAFETY], blood: 5 mL",
    now="at: [SCR, C*.D1, tolerance, W6, SAFETY], blood: 25 mL",
)
def blood(protocol: Protocol) -> Iterator[Found]:
    """Of what everyone has whose courses run on time, in each arm."""
    limits = protocol.study.blood_limits
    if limits is None:
        return
    points = [point for point in protocol.timepoints.values() if point.only is None]
    groups = sorted({arm for point in points for arm in arms(point)}) or [""]
    mine = ([point for point in points if arm in (arms(point) or {arm})] for arm in groups)
    yield from dict.fromkeys(found for group in mine for found in _over(protocol, group, limits))


def _over(protocol: Protocol, points: list[Timepoint], limits: BloodLimits) -> Iterator[Found]:
    """Where the blood drawn at these timepoints, all of one participant, is more than the limits."""
    drawn = [(point, volume(protocol, point)) for point in points]
    for point, here in drawn:
        if here > limits.visit.millilitres:
            message = f"{here:g} mL are drawn at {point.id}; the limit is {limits.visit}."
            yield Found(f"visits/{point.id}", message)
        month = sum(other for late, other in drawn if 0 <= late.offset - point.offset < MONTH)
        if here and month > limits.month.millilitres:
            message = (
                f"{month:g} mL are drawn in the {MONTH} days from {point.id} on; the limit is {limits.month}."
            )
            yield Found(f"visits/{point.id}", message)
    total = sum(here for _, here in drawn)
    if total > limits.trial.millilitres:
        yield Found("blood_limits", f"{total:g} mL are drawn in all; the limit is {limits.trial}.")


def volume(protocol: Protocol, point: Timepoint) -> float:
    """Millilitres drawn at a timepoint: the blood of its activities and its specimens."""
    activities = [protocol.activity(name) for name in dict.fromkeys(task.activity for task in point.tasks)]
    specimens = [protocol.study.specimens[name].volume for name in point.specimens]
    return sum(one.blood.millilitres for one in activities if one.blood) + sum(
        one.millilitres for one in specimens
    )


CODES = (blood,)
