"""What a rule says of plain Python values: a second reading, shared with nothing that permits.

`conduct` reads rules over columns; a rehearsal that asked the same code whether it was right would find
nothing. So the tree of a rule is read here again, by SQL's three-valued logic: None is unknown. A tree is
made into a function once, since a rehearsal asks it a hundred thousand times.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from math import isfinite
from typing import Any

from trialrun.protocol.rule import (
    And,
    Arithmetic,
    Between,
    Case,
    Compare,
    Constant,
    In,
    IsNull,
    Named,
    Negative,
    Node,
    Not,
    Or,
    Rule,
    Variable,
)
from trialrun.protocol.unit import linear

EPOCH = date(1970, 1, 1).toordinal()
DECIMALS = 9  # decimals of a computed number that are not the noise of binary arithmetic

Values = Mapping[str, Any]
"""Numbers in the unit of their variable, dates as days since 1970, lengths in days, None = unknown."""

Function = Callable[[Values], Any]
COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
COMPUTED: Mapping[str, Callable[[Any, Any], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def says(rule: Rule, values: Values) -> bool | None:
    """What a rule says of the values of what it reads: True, False, or None for unknown."""
    said = _read(rule)(values)
    return said if said is None else bool(said)


@lru_cache(maxsize=4096)
def _read(rule: Rule) -> Function:
    return function(rule.tree)


def function(node: Node) -> Function:
    """A node as a function of values: True, False, a number in the node's own unit, a code, or None."""
    match node:
        case Variable(name):
            return lambda values: values[name]
        case Constant(_, constant):
            fixed = constant.toordinal() - EPOCH if isinstance(constant, date) else constant
            return lambda values: fixed
        case Named(_, tree):
            return function(tree)
        case Not(part):
            return _opposite(function(part))
        case And(parts):
            return _all([function(part) for part in parts])
        case Or(parts):
            return _any([function(part) for part in parts])
        case IsNull(inner):
            held = function(inner)
            return lambda values: held(values) is None
        case Negative(inner):
            number = function(inner)
            return lambda values: None if (found := number(values)) is None else -found
        case Case():
            return _case(node)
        case Arithmetic():
            return _arithmetic(node)
        case Compare(op, left, right):
            return _compared(op, left, right)
        case In(one, options):
            return _any([_compared("=", one, option) for option in options])
        case Between(one, low, high):
            return _all([_compared(">=", one, low), _compared("<=", one, high)])


def _all(parts: list[Function]) -> Function:
    def said(values: Values) -> bool | None:
        found = [part(values) for part in parts]
        if False in found:
            return False
        return None if None in found else True

    return said


def _any(parts: list[Function]) -> Function:
    return _opposite(_all([_opposite(part) for part in parts]))


def _opposite(part: Function) -> Function:
    return lambda values: None if (said := part(values)) is None else not said


def _compared(op: str, left: Node, right: Node) -> Function:
    measure = left.type.measure or right.type.measure
    one, other, compare = _in_unit(left, measure), _in_unit(right, measure), COMPARED[op]

    def said(values: Values) -> bool | None:
        a, b = one(values), other(values)
        return None if a is None or b is None else compare(a, b)

    return said


def _in_unit(node: Node, measure: str | None) -> Function:
    """A node's value in a unit; what has no unit stays as it is."""
    held = function(node)
    if node.type.measure == measure or node.type.kind not in ("number", "duration"):
        return held
    scale, shift = (float(part) for part in linear(node.type.measure or "1", measure or "1"))
    return lambda values: None if (found := held(values)) is None else found * scale + shift


def _case(node: Case) -> Function:
    measure = node.type.measure
    branches = [(function(when), _in_unit(then, measure)) for when, then in node.branches]
    otherwise = _in_unit(node.otherwise, measure)

    def found(values: Values) -> Any:
        for when, then in branches:
            if when(values) is True:
                return then(values)
        return otherwise(values)

    return found


def _arithmetic(node: Arithmetic) -> Function:
    dates = "date" in (node.left.type.kind, node.right.type.kind)
    same = node.type.measure if node.op in "+-" else None

    def side(one: Node) -> Function:
        if dates:
            return _in_unit(one, "d") if one.type.kind != "date" else function(one)
        return _in_unit(one, same or one.type.measure)

    left, right, compute = side(node.left), side(node.right), COMPUTED[node.op]

    def found(values: Values) -> float | None:
        a, b = left(values), right(values)
        if a is None or b is None or (node.op == "/" and b == 0):
            return None
        number = compute(a, b)
        return round(number, DECIMALS) if isfinite(number) else None

    return found
