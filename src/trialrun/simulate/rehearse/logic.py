"""What a rule says of plain Python values: a second reading, shared with nothing that permits.

`conduct` reads rules over columns; a rehearsal that asked the same code whether it was right would find
nothing. So the tree of a rule is read here again, by SQL's three-valued logic: None is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
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
    Variable,
)
from trialrun.protocol.unit import linear

EPOCH = date(1970, 1, 1).toordinal()
DECIMALS = 9  # decimals of a computed number that are not the noise of binary arithmetic

Values = Mapping[str, Any]
"""Numbers in the unit of their variable, dates as days since 1970, lengths in days, None = unknown."""


def value(node: Node, values: Values) -> Any:
    """What a node yields: True, False, a number in the node's own unit, a code, or None for unknown."""
    match node:
        case Variable(name):
            return values[name]
        case Constant(_, constant):
            return constant.toordinal() - EPOCH if isinstance(constant, date) else constant
        case Named(_, tree):
            return value(tree, values)
        case Not(part):
            said = value(part, values)
            return None if said is None else not said
        case And(parts):
            return _all([value(part, values) for part in parts])
        case Or(parts):
            said = _all([_opposite(value(part, values)) for part in parts])
            return _opposite(said)
        case IsNull(inner):
            return value(inner, values) is None
        case Case(branches, otherwise):
            for when, then in branches:
                if value(when, values) is True:
                    return _in_unit(then, values, node.type.measure)
            return _in_unit(otherwise, values, node.type.measure)
        case Negative(inner):
            number = value(inner, values)
            return None if number is None else -number
        case Arithmetic():
            return _computed(node, values)
        case _:
            return _predicate(node, values)


def _predicate(node: Node, values: Values) -> bool | None:
    match node:
        case Compare(op, left, right):
            return _compared(op, left, right, values)
        case In(one, options):
            return _opposite(_all([_opposite(_compared("=", one, option, values)) for option in options]))
        case Between(one, low, high):
            return _all([_compared(">=", one, low, values), _compared("<=", one, high, values)])
    raise TypeError(f"{type(node).__name__} is not a predicate")


def _all(said: list[bool | None]) -> bool | None:
    if any(one is False for one in said):
        return False
    return None if any(one is None for one in said) else True


def _opposite(said: bool | None) -> bool | None:
    return None if said is None else not said


def _compared(op: str, left: Node, right: Node, values: Values) -> bool | None:
    measure = left.type.measure or right.type.measure
    one, other = _in_unit(left, values, measure), _in_unit(right, values, measure)
    if one is None or other is None:
        return None
    if op in ("=", "<>"):
        return bool((one == other) == (op == "="))
    return bool({"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[op])


def _in_unit(node: Node, values: Values, measure: str | None) -> Any:
    found = value(node, values)
    if not isinstance(found, float | int) or isinstance(found, bool) or node.type.measure == measure:
        return found
    scale, shift = linear(node.type.measure or "1", measure or "1")
    return float(found) * float(scale) + float(shift)


def _computed(node: Arithmetic, values: Values) -> float | None:
    dates = "date" in (node.left.type.kind, node.right.type.kind)
    same = node.type.measure if node.op in "+-" else None
    sides = []
    for side in (node.left, node.right):
        measure = ("d" if side.type.kind != "date" else None) if dates else same or side.type.measure
        sides.append(_in_unit(side, values, measure))
    one, other = sides
    if one is None or other is None or (node.op == "/" and other == 0):
        return None
    number = {
        "+": lambda: one + other,
        "-": lambda: one - other,
        "*": lambda: one * other,
        "/": lambda: one / other,
    }[node.op]()
    return round(number, DECIMALS) if isfinite(number) else None
