"""Conditions within one rule that exclude each other, or of which one always holds.

A rule is written out as alternatives, each a list of plain conditions; an alternative is empty where the
conditions on one value leave it nothing. What is not understood (CASE, a product of two values, IS NULL) is
taken as free, so that silence means `perhaps`, and a finding is certain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from math import inf

from trialrun.protocol.lint.code import Found, finding
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule import (
    And,
    Between,
    Compare,
    Constant,
    In,
    Named,
    Node,
    Not,
    Or,
    children,
    text_of,
)
from trialrun.protocol.unit import linear

MOST = 500  # alternatives; a rule of more is not looked at
MIRRORED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "=": "=", "<>": "<>"}
OPPOSITE = {">": "<=", "<": ">=", ">=": "<", "<=": ">", "=": "<>", "<>": "="}
Value = bool | float | str


@dataclass(frozen=True)
class Condition:
    """One value compared with a constant: what is compared, how, with what, and what it can be at all."""

    about: str
    op: str
    value: Value
    choices: frozenset[Value] = frozenset()


Alternative = tuple[Condition, ...]


@dataclass
class Left:
    """What conditions leave of one value: bounds (and whether they are left out), or some of its choices."""

    low: float = -inf
    high: float = inf
    open_low: bool = False
    open_high: bool = False
    only: frozenset[Value] | None = None
    never: set[Value] = field(default_factory=set)

    def take(self, one: Condition) -> None:
        if one.op == "<>":
            self.never.add(one.value)
        elif one.op == "=":
            self.only = frozenset({one.value}) & (self.only if self.only is not None else {one.value})
        elif one.op in (">", ">="):
            self.low, self.open_low = max((self.low, self.open_low), (float(one.value), one.op == ">"))
        else:
            high, closed = min((self.high, not self.open_high), (float(one.value), one.op == "<="))
            self.high, self.open_high = high, not closed

    @property
    def nothing(self) -> bool:
        if self.only is not None:
            return not any(self._holds(value) for value in self.only)
        point = self.low == self.high and (self.open_low or self.open_high or self.low in self.never)
        return self.low > self.high or point

    def _holds(self, value: Value) -> bool:
        if value in self.never:
            return False
        if isinstance(value, str):
            return True
        above = value > self.low or (value == self.low and not self.open_low)
        return above and (value < self.high or (value == self.high and not self.open_high))


class TooManyError(Exception):
    """A rule has more alternatives than are looked at."""


def never(tree: Node, *, positive: bool = True) -> bool:
    """Whether a rule (``positive=False``: its negation) is true of no values at all.

    That a rule names every code of a choice does not make it empty talk: it asks that one is known.
    """
    try:
        return all(_empty(one, closed=positive) for one in _alternatives(tree, positive))
    except TooManyError:
        return False


def _empty(alternative: Alternative, closed: bool) -> bool:
    """Whether conditions leave one of their values nothing; ``closed``: a choice has no further codes."""
    left: dict[str, Left] = {}
    for one in alternative:
        known = left.setdefault(one.about, Left(only=one.choices or None if closed else None))
        known.take(one)
    return any(one.nothing for one in left.values())


def _alternatives(node: Node, positive: bool) -> list[Alternative]:
    """A rule or its negation as alternatives of plain conditions."""
    match node:
        case Named(_, tree):
            return _alternatives(tree, positive)
        case Not(part):
            return _alternatives(part, not positive)
        case And(parts):
            return _joined(parts, positive, every=positive)
        case Or(parts):
            return _joined(parts, positive, every=not positive)
        case Between():
            return _joined(node.comparisons, positive, every=positive)
        case In():
            return _joined(node.comparisons, positive, every=not positive)
        case Constant(_, bool() as value):
            return [()] if value is positive else []
        case _:
            return [(_condition(node, positive),)]


def _joined(parts: Iterable[Node], positive: bool, *, every: bool) -> list[Alternative]:
    """The alternatives of several parts of which every one is to hold, or any."""
    each = [_alternatives(part, positive) for part in parts]
    if not every:
        return [one for some in each for one in some]
    count = 1
    for some in each:
        count *= max(len(some), 1)
        if count > MOST:
            raise TooManyError
    return [tuple(one for some in combined for one in some) for combined in product(*each)]


def _condition(node: Node, positive: bool) -> Condition:
    if isinstance(node, Compare):
        found = _compared(node, str(node.op) if positive else OPPOSITE[node.op])
        if found:
            return found
    return Condition(text_of(node), "=", positive, frozenset({True, False}))


def _compared(node: Compare, op: str) -> Condition | None:
    """A comparison with a constant, in the unit of the value compared; of two values, as their difference."""
    left, right = node.left, node.right
    if isinstance(left, Constant):
        left, right, op = right, left, MIRRORED[op]
    if isinstance(left, Constant):
        return None
    if not isinstance(right, Constant):
        first, second = text_of(left), text_of(right)
        if left.type.kind not in ("number", "duration", "date"):
            return None
        if first > second:
            first, second, op = second, first, MIRRORED[op]
        return Condition(f"{first} - {second}", op, 0.0)
    value = _number(left, right)
    choices: frozenset[Value] = frozenset(left.type.codes)
    if isinstance(right.value, bool):
        choices = frozenset({True, False})
    ordered = not isinstance(value, str) or op in ("=", "<>")
    return Condition(text_of(left), op, value, choices) if ordered else None


def _number(left: Node, right: Constant) -> Value:
    """The value of a constant: a number in the unit of ``left``, a date as its day, a code as it is."""
    value = right.value
    if isinstance(value, date):
        return float(value.toordinal())
    if isinstance(value, bool | str):
        return value
    if right.type.kind == "duration" or left.type.kind == "duration":
        return float(value)
    scale, shift = linear(right.type.unit or "1", left.type.unit or "1")
    return round(float(value * float(scale) + float(shift)), 9)


def groups(node: Node, settled: bool) -> Iterator[str]:
    """The texts of the smallest groups of conditions that are never true (``settled``: never false)."""
    inner = [text for part in children(node) for text in groups(part, settled)]
    yield from inner
    grouped = isinstance(node, And | Or | Between)
    if not inner and grouped and never(node, positive=not settled):
        yield text_of(node)


@finding(
    "never-true",
    narrow=True,
    means="Conditions of one rule exclude each other: together they are true of nobody.",
    matters="The rule stands in the protocol and does nothing: what it protects from goes unseen.",
    mend="Correct a threshold, turn `<` and `>`, or write OR where one of them is to be enough.",
    was="hold: \"temperature >= '38.5 Cel'\"",
    now="hold: \"temperature >= '40 Cel' AND temperature < '39 Cel'\"",
)
def impossible(protocol: Protocol) -> Iterator[Found]:
    for name, rule in protocol.rules.items():
        for said in groups(rule.tree, False):
            yield Found(name.replace(".", "/"), f"`{said}` is never true: its conditions exclude each other.")


@finding(
    "always-true",
    narrow=True,
    means="Conditions of one rule leave nothing out: one of them is true whatever the value.",
    matters="The rule acts on everyone, or asks for nothing, although it seems to choose.",
    mend="Correct a threshold, or write AND where all of them are to hold.",
    was="hold: \"temperature >= '38.5 Cel'\"",
    now="hold: \"temperature >= '38.5 Cel' OR temperature < '39 Cel'\"",
)
def certain(protocol: Protocol) -> Iterator[Found]:
    for name, rule in protocol.rules.items():
        for said in groups(rule.tree, True):
            yield Found(name.replace(".", "/"), f"`{said}` is true of every value that is known.")


CODES = (impossible, certain)
