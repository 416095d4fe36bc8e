"""Which arm the next participant gets: drawn from permuted blocks, or looked up in a table.

Nothing is drawn ahead: the next place is drawn among those left in the block, so that there is no list
that could become known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from trialrun.conduct.roll import Roll
from trialrun.conduct.verdict import UNKNOWN, YES, Reason
from trialrun.protocol.allocation import HIGHER, LOWER, MOVES, SAME, STOP, Blocks, Step, Table
from trialrun.protocol.protocol import Protocol

Chance = Callable[[int], int]
"""A whole number below the one given, each equally likely."""


@dataclass(frozen=True)
class Place:
    """An arm for one participant, and the size of the block it was drawn from (0: not from a block)."""

    arm: str | None = None
    block: int = 0


def allocate(protocol: Protocol, present: Roll | None, stratum: str, chance: Chance) -> Place | Reason:
    """The arm of the next participant, or why none can be given now.

    present: everyone included so far, in order of inclusion; stratum: that of the next participant.
    """
    allocation = protocol.study.allocation
    if isinstance(allocation, Blocks):
        return _drawn(allocation, present, stratum, chance)
    if isinstance(allocation, Table):
        return _looked_up(protocol, allocation, present)
    return Place()


# ---- blocks --------------------------------------------------------------------------------------


def _drawn(allocation: Blocks, present: Roll | None, stratum: str, chance: Chance) -> Place:
    """A place drawn among those that the stratum's present block has left; a new block where it is full."""
    size, given = _open_block(present, stratum)
    if not size:
        size = allocation.blocks[chance(len(allocation.blocks))]
    times = size // sum(allocation.ratio.values())
    left = [arm for arm, part in allocation.ratio.items() for _ in range(part * times - given.count(arm))]
    return Place(left[chance(len(left))], size)


def _open_block(present: Roll | None, stratum: str) -> tuple[int, list[str]]:
    """The size of the stratum's unfilled block and the arms already given from it; 0 if all are full."""
    size, given = 0, list[str]()
    for i in range(len(present.included) if present else 0):
        if present is None or present.stratum[i] != stratum or not present.arm[i]:
            continue
        size = size or int(present.block[i])
        given.append(str(present.arm[i]))
        if len(given) >= size:
            size, given = 0, []
    return size, given


# ---- table ---------------------------------------------------------------------------------------


def _looked_up(protocol: Protocol, allocation: Table, present: Roll | None) -> Place | Reason:
    """Follow the table cohort by cohort through everyone included so far."""
    arm, excluded = allocation.start, len(protocol.arms)
    waiting = list(range(len(present.included))) if present else []
    while present and waiting:
        cohort, waiting = waiting[: allocation.cohort], waiting[allocation.cohort :]
        if len(cohort) < allocation.cohort:
            break
        moved = _moved(protocol, allocation, present, cohort, arm, excluded)
        if isinstance(moved, Reason):
            return moved
        arm, excluded = moved
    return Place(arm)


def _moved(
    protocol: Protocol, allocation: Table, present: Roll, cohort: Sequence[int], arm: str, excluded: int
) -> tuple[str, int] | Reason:
    """(the next arm, the first arm that is excluded) after a full cohort; or why there is none."""
    until = cohort[-1] + 1
    on_arm = [i for i in range(until) if present.arm[i] == arm]
    if open_ := [i for i in on_arm if not present.judged[i]]:
        message = f"{len(open_)} of the participants in the arm «{_title(protocol, arm)}» are not judged yet"
        return Reason("allocation", message, f"wait for «{_judging(protocol, allocation)}»")
    of, counted = len(on_arm), sum(present.counts[i] == YES for i in on_arm)
    if any(present.counts[i] == UNKNOWN for i in on_arm):
        message = "of a participant it is not known whether it counts for the allocation"
        return Reason("allocation", message, "complete what the rule reads", unknown=True)
    step = next(_steps(allocation, arm, of, counted), None)
    if step is None:
        message = f"the table has no line for {counted} of {of} in the arm «{_title(protocol, arm)}»"
        return Reason("allocation", message, "the study must say how to go on")
    if step.exclude:
        excluded = min(excluded, protocol.arms.index(arm))
    after = _after(protocol, step, arm, excluded)
    if after is None:
        message = f"inclusions end: {counted} of {of} in the arm «{_title(protocol, arm)}»"
        return Reason("allocation", message, "the trial takes no more participants")
    return after, excluded


def _steps(allocation: Table, arm: str, of: int, counted: int) -> Iterator[Step]:
    for step in allocation.table:
        if (not step.on or arm in step.on) and of in step.of and counted in step.counted:
            yield step


def _after(protocol: Protocol, step: Step, arm: str, excluded: int) -> str | None:
    """The arm that a line leads to; None where inclusions end."""
    here, arms = protocol.arms.index(arm), protocol.arms
    moves = {HIGHER: here + 1, LOWER: here - 1, SAME: here}
    if step.next == STOP:
        return None
    there = moves[step.next] if step.next in MOVES else arms.index(step.next)
    if 0 <= there < excluded and there < len(arms):
        return arms[there]
    return arm if step.or_else == SAME and here < excluded else None


def _title(protocol: Protocol, arm: str) -> str:
    return protocol.study.arms[arm].title()


def _judging(protocol: Protocol, allocation: Table) -> str:
    return protocol.timepoints[allocation.judged_at].label()
