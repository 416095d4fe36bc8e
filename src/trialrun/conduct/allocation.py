"""Which arm the next participant gets: drawn from permuted blocks, or looked up in a table.

Nothing is drawn ahead: the next place is drawn among those left in the block, so that there is no list
that could become known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


def allocate(protocol: Protocol, present: Roll | None, stratum: str | None, chance: Chance) -> Place | Reason:
    """The arm of the next participant, or why none can be given now.

    present: everyone included so far, in order of inclusion; stratum: that of the next participant (None: it
    is not known).
    """
    allocation = protocol.study.allocation
    if isinstance(allocation, Blocks):
        if stratum is None:
            names = ", ".join(name.replace("_", " ") for name in allocation.strata)
            message = f"the stratum is not known ({names})"
            return Reason("allocation", message, "fill in what it is made of first", unknown=True)
        return _drawn(allocation, present, stratum, chance)
    if isinstance(allocation, Table):
        return _looked_up(protocol, allocation, present)
    return Place()


def awaited(protocol: Protocol, present: Roll | None) -> Reason | None:
    """What the table of arms still waits for, or that it ends inclusions; None if it has an arm to give."""
    allocation = protocol.study.allocation
    found = _looked_up(protocol, allocation, present) if isinstance(allocation, Table) else None
    return found if isinstance(found, Reason) else None


def closed(protocol: Protocol, present: Roll | None, arm: str | None) -> bool:
    """Whether the table now excludes an arm: nobody begins there any more."""
    allocation = protocol.study.allocation
    if not isinstance(allocation, Table) or present is None or arm is None:
        return False
    return protocol.arms.index(arm) >= _excluded(protocol, allocation, present)


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
    """Fill the present cohort; where it is full, the table says where the next one goes.

    What was decided for earlier cohorts stands, whatever became known of them later; but an arm that would
    now be excluded is not used again. Who will never be judged makes room for another.
    """
    present = present.of(~present.void) if present is not None else None
    if present is None or not len(present.arm):
        return Place(allocation.start)
    arm = str(present.arm[-1])
    excluded = _excluded(protocol, allocation, present)
    if protocol.arms.index(arm) >= excluded:
        return _below(protocol, allocation, present, arm, excluded)
    if _run(present) % allocation.cohort:
        return Place(arm)
    return _moved(protocol, allocation, present, arm, excluded)


def _below(protocol: Protocol, allocation: Table, present: Roll, arm: str, excluded: int) -> Place | Reason:
    """Where the next one goes when the present arm turns out to be excluded: to the one below, unless the
    table ends inclusions or that arm has enough."""
    steps = _steps(allocation, protocol.arms[excluded], *_counted(present, protocol.arms[excluded]))
    if not excluded or any(step.exclude and step.next == STOP for step in steps):
        return _ends(protocol, present, arm)
    there = protocol.arms[excluded - 1]
    return _ends(protocol, present, arm) if _full(allocation, present, there) else Place(there)


def _full(allocation: Table, present: Roll, arm: str) -> bool:
    """Whether an arm has all the participants that its table gives it."""
    return allocation.enough is not None and _counted(present, arm)[0] >= allocation.enough


def _run(present: Roll) -> int:
    """How many were included last, one after the other, in the same arm."""
    others = [i for i, arm in enumerate(present.arm) if arm != present.arm[-1]]
    return len(present.arm) - (others[-1] + 1 if others else 0)


def _counted(present: Roll, arm: str) -> tuple[int, int]:
    """(how many were included in an arm, how many of them count)."""
    mine = present.arm == arm
    return int(mine.sum()), int((mine & (present.counts == YES)).sum())


def _excluded(protocol: Protocol, allocation: Table, present: Roll) -> int:
    """The position of the lowest arm that the table excludes, or how many arms there are: by who counts so
    far among those included there, judged or not, since more judging can only add to them."""
    for i, arm in enumerate(protocol.arms):
        if any(step.exclude for step in _steps(allocation, arm, *_counted(present, arm))):
            return i
    return len(protocol.arms)


def _moved(protocol: Protocol, allocation: Table, present: Roll, arm: str, excluded: int) -> Place | Reason:
    """Where the next cohort goes after a full one, or what is waited for."""
    mine = present.arm == arm
    if open_ := int((mine & ~present.judged).sum()):
        message = f"{open_} of the participants in the arm «{_title(protocol, arm)}» are not judged yet"
        judging = protocol.timepoints[allocation.judged_at].label()
        return Reason("allocation", message, f"wait for «{judging}»")
    if (mine & (present.counts == UNKNOWN)).any():
        message = "of a participant it is not known whether it counts for the allocation"
        return Reason("allocation", message, "complete what the rule reads", unknown=True)
    of, counted = _counted(present, arm)
    step = next(_steps(allocation, arm, of, counted), None)
    if step is None:
        message = f"the table has no line for {counted} of {of} in the arm «{_title(protocol, arm)}»"
        return Reason("allocation", message, "the study must say how to go on")
    after = _after(protocol, step, arm, excluded)
    if after is None or _full(allocation, present, after):
        return _ends(protocol, present, arm)
    return Place(after)


def _ends(protocol: Protocol, present: Roll, arm: str) -> Reason:
    of, counted = _counted(present, arm)
    message = f"inclusions end: {counted} of {of} in the arm «{_title(protocol, arm)}»"
    return Reason("allocation", message, "the trial takes no more participants")


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
