"""The table of allocation, line by line: what it leaves open, says twice, never reaches or contradicts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from math import ceil

from trialrun.protocol.allocation import HIGHER, LOWER, SAME, Step, Table
from trialrun.protocol.lint.code import Found, finding
from trialrun.protocol.protocol import Protocol

MOST_LOOKED_AT = 60  # participants of one arm
HERE = "allocation/table"

_WAS = "design: {arms: 1, masking: open, allocation: none,"


def _example(lines: str, start: str = "low") -> str:
    """A study of two doses, allocated by a table of these lines."""
    return f"""arms:
  low: {{title: {{en: Low, fr: Faible}}, from: outline#2}}
  high: {{title: {{en: High, fr: Forte}}, from: outline#2}}
allocation:
  method: table
  start: {start}
  cohort: 3
  enough: 3
  counted: severe_events >= 1
  judged_at: W6
  table: [{lines}]
  from: outline#2
design: {{arms: 2, masking: open, allocation: adaptive,"""


def _table(protocol: Protocol) -> Table | None:
    allocation = protocol.study.allocation
    return allocation if isinstance(allocation, Table) else None


def _most(protocol: Protocol, table: Table) -> int:
    """How many one arm may come to have: what is enough, in whole cohorts, or everyone."""
    enrolment = protocol.study.enrolment
    everyone = enrolment.planned + enrolment.replace
    whole = ceil(table.enough / table.cohort) * table.cohort if table.enough else everyone
    return min(whole, everyone)


def _lines(table: Table, arm: str) -> list[tuple[int, Step]]:
    """The lines about an arm, numbered from 1."""
    return [(i, step) for i, step in enumerate(table.table, 1) if not step.on or arm in step.on]


@finding(
    "allocation-gap",
    narrow=True,
    means="The allocation table has no line for a count that a full cohort may give.",
    matters="Inclusions would stop in the middle of the trial, and nobody could say how to go on.",
    mend="Add a line for it, or say how many participants are `enough` in an arm.",
    was=_WAS,
    now=_example("{of: 3..3, counted: 0..0, next: higher}, {of: 3..3, counted: 2..3, next: stop}"),
)
def gaps(protocol: Protocol) -> Iterator[Found]:
    """Looked at for as many as may come to be in an arm: up to what is enough, or to the last line."""
    table = _table(protocol)
    if table is None:
        return
    most = table.enough or max(int(step.of.high) for step in table.table)
    for arm in protocol.arms:
        lines = _lines(table, arm)
        for of in range(table.cohort, min(most, MOST_LOOKED_AT) + 1, table.cohort):
            bare = [k for k in range(of + 1) if not any(of in s.of and k in s.counted for _, s in lines)]
            if bare:
                counts = ", ".join(map(str, bare))
                yield Found(HERE, f"The table has no line for {counts} of {of} in the arm {arm}.")


@finding(
    "allocation-overlap",
    narrow=True,
    means="Two lines of the allocation table hold for the same count, and say different things.",
    matters="The first one is taken: a dose may be raised where the other line says to lower it.",
    mend="Let the lines begin where the ones before them end.",
    was=_WAS,
    now=_example("{of: 3..3, counted: 0..1, next: higher}, {of: 3..3, counted: 1..3, next: stop}"),
)
def overlaps(protocol: Protocol) -> Iterator[Found]:
    table = _table(protocol)
    if table is None:
        return
    told: set[tuple[int, int]] = set()
    for arm in protocol.arms:
        for (i, one), (k, other) in combinations(_lines(table, arm), 2):
            says = [(step.next, step.exclude, step.or_else) for step in (one, other)]
            shared = _shared(protocol, table, one, other)
            if shared and says[0] != says[1] and (i, k) not in told:
                told.add((i, k))
                message = (
                    f"The lines {i} ({_said(one)}) and {k} ({_said(other)}) both hold for "
                    f"{shared[1]} of {shared[0]} in the arm {arm}."
                )
                yield Found(HERE, message)


def _shared(protocol: Protocol, table: Table, one: Step, other: Step) -> tuple[int, int] | None:
    """The first (of, counted) of full cohorts for which two lines hold."""
    for of in range(table.cohort, min(_most(protocol, table), MOST_LOOKED_AT) + 1, table.cohort):
        for counted in range(of + 1):
            if all(of in step.of and counted in step.counted for step in (one, other)):
                return of, counted
    return None


def _said(step: Step) -> str:
    return f"{step.next}, exclude" if step.exclude else step.next


@finding(
    "allocation-line-unused",
    narrow=True,
    means="A line of the allocation table holds for no count that can ever be.",
    matters="The table looks as if it said what happens there; a number in it is most likely wrong.",
    mend="Correct `of` or `counted`, or remove the line.",
    was=_WAS,
    now=_example(
        "{of: 3..3, counted: 0..1, next: higher}, {of: 3..3, counted: 2..3, next: stop},\n"
        "    {of: 6..6, counted: 0..1, next: higher}"
    ),
)
def unused(protocol: Protocol) -> Iterator[Found]:
    """Doses are moved after full cohorts; an arm is excluded as soon as enough count."""
    table = _table(protocol)
    if table is None:
        return
    most = _most(protocol, table)
    for i, step in enumerate(table.table, 1):
        first, last = max(ceil(step.of.low), 1), min(int(step.of.high), most)
        sizes = [of for of in range(first, last + 1) if step.exclude or of % table.cohort == 0]
        if not sizes:
            message = (
                f"The line {i} is for {step.of}; an arm has at most {most}, in cohorts of {table.cohort}."
            )
            yield Found(HERE, message)
        elif max(ceil(step.counted.low), 0) > min(int(step.counted.high), sizes[-1]):
            yield Found(HERE, f"The line {i} is for {step.counted} who count, of {sizes[-1]} at most.")


@finding(
    "allocation-exclusion",
    narrow=True,
    means="A line of the allocation table excludes an arm, and goes on with it or with one above it.",
    matters="No arm from the excluded one on is used again: inclusions would end, whatever the line says.",
    mend="Write `next: lower` or `next: stop`, or remove `exclude`.",
    was=_WAS,
    now=_example(
        "{of: 3..3, counted: 0..1, next: higher}, {of: 3..3, counted: 2..3, next: higher, exclude: true}"
    ),
)
def excluded(protocol: Protocol) -> Iterator[Found]:
    table, order = _table(protocol), protocol.arms.index
    for i, step in enumerate(table.table if table else (), 1):
        named = step.next in protocol.arms
        above = named and all(order(step.next) >= order(arm) for arm in step.on or protocol.arms)
        if step.exclude and (step.next in (HIGHER, SAME) or above):
            yield Found(HERE, f"The line {i} excludes the arm, and goes on with `{step.next}`.")


@finding(
    "allocation-order",
    narrow=True,
    means="An allocation table does not start with the first arm, or its arms are not in the order of dose.",
    matters="Both `higher` and `lower` follow the order of `arms`: a dose may rise where it must fall.",
    mend="List the arms from the lowest dose to the highest, and start with the first.",
    was=_WAS,
    now=_example(
        "{of: 3..3, counted: 0..1, next: higher}, {of: 3..3, counted: 2..3, next: lower}", start="high"
    ),
)
def order(protocol: Protocol) -> Iterator[Found]:
    table, arms = _table(protocol), protocol.arms
    if table is None or not any(step.exclude or step.next in (HIGHER, LOWER) for step in table.table):
        return
    if table.start != arms[0]:
        message = f"The table starts with {table.start}; the lowest arm, {arms[0]}, comes only by `lower`."
        yield Found("allocation/start", message)
    for below, above in pairwise(arms):
        less, more = protocol.given(below), protocol.given(above)
        changes = [more[key][0] - less[key][0] for key in less.keys() & more.keys()]
        if less.keys() == more.keys() and changes and max(changes) <= 0 > min(changes):
            message = f"The arm {above} stands above {below}, and is given less in all."
            yield Found(f"arms/{above}", message)


CODES = (gaps, overlaps, unused, excluded, order)
