"""A rule's tree as one polars expression over columns, with SQL's three-valued logic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache, reduce
from operator import add, and_, eq, ge, gt, le, lt, mul, ne, or_, sub, truediv
from typing import Any

import polars as pl

from trialrun.protocol.rule import (
    And,
    Arithmetic,
    Between,
    Case,
    Compare,
    Constant,
    In,
    IsNull,
    Kind,
    Named,
    Negative,
    Node,
    Not,
    Or,
    Rule,
    Variable,
    variables,
)
from trialrun.protocol.unit import convert, linear

__all__ = ["column", "expression"]

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": eq, "<>": ne, "<": lt, "<=": le, ">": gt, ">=": ge, "+": add, "-": sub, "*": mul, "/": truediv,
}  # fmt: skip
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_EPOCH = date(1970, 1, 1).toordinal()


@lru_cache(maxsize=4096)
def expression(rule: Rule) -> pl.Expr:
    """The rule as one polars expression. A Boolean rule yields true, false or null for each row;
    a number or a duration Float64 in the unit of ``rule.type``, a date Float64 days since 1970-01-01.
    In a ``select`` a rule that reads no variable yields one row; in ``with_columns`` or `evaluate`, all.
    """
    return column(rule.tree)


def column(node: Node) -> pl.Expr:
    """A node's expression; numbers in the unit of the node's own type, dates in days since 1970-01-01."""
    match node:
        case Variable(name):
            return _variable(pl.col(name), node.type.kind)
        case Constant():
            return pl.lit(_constant(node, node.type.measure))
        case Named(_, tree):
            return column(tree)
        case Not(part):
            return ~column(part)
        case And(parts):
            return reduce(and_, map(column, parts))
        case Or(parts):
            return reduce(or_, map(column, parts))
        case Compare(op, left, right):
            return _compared(op, left, right)
        case In():
            return reduce(or_, map(column, node.comparisons))
        case Between():
            return reduce(and_, map(column, node.comparisons))
        case IsNull(value):
            return column(value).is_null()
        case Case(branches, otherwise):
            return _case(branches, otherwise, node.type.measure)
        case Arithmetic():
            return _arithmetic(node)
        case Negative(value):
            return -column(value)


DECIMALS = 9  # of what a rule computes: finer than any unit a study measures in, coarser than binary noise


def _variable(held: pl.Expr, kind: Kind) -> pl.Expr:
    if kind in ("number", "duration"):
        return _finite(held.cast(pl.Float64))
    if kind == "date":
        return held.cast(pl.Date).cast(pl.Int32).cast(pl.Float64)
    return held.cast(pl.Boolean if kind == "boolean" else pl.String)


def _finite(number: pl.Expr) -> pl.Expr:
    """Null for NaN and infinity. Names the number twice: not for an expression that may be deep."""
    return pl.when(number.is_finite()).then(number)


def _computed(number: pl.Expr) -> pl.Expr:
    """As `_finite`, but names the number once, so that nested arithmetic does not double at each level.

    Rounded, because binary arithmetic misses limits that people's decimal numbers meet: 64.1 − 62.1 is
    1.9999999999999929, and would slip under "2 kg gained".
    """
    held = pl.struct(number.round(DECIMALS).alias("number"))
    return held.struct.with_fields(_finite(pl.field("number")).alias("number")).struct.field("number")


def _constant(node: Constant, measure: str | None) -> bool | float | str:
    """A constant's value in a unit, converted here and once."""
    if isinstance(node.value, date):
        return float(node.value.toordinal() - _EPOCH)
    if isinstance(node.value, float):
        return convert(node.value, node.type.measure or "1", measure or "1")
    return node.value


def _in_unit(node: Node, measure: str | None) -> pl.Expr:
    """A node's expression in a unit; what has no unit (a code, a date, a plain number) stays as it is."""
    if isinstance(node, Constant):
        return pl.lit(_constant(node, measure))
    scale, shift = linear(node.type.measure or "1", measure or "1")
    found = column(node)
    found = found if scale == 1 else found * float(scale)
    return found + float(shift) if shift else found


def _compared(op: str, left: Node, right: Node) -> pl.Expr:
    """A comparison in the unit of the side that is not constant, so that only constants are converted.

    A side without variables goes to the right: polars 2.1.0 cannot compare a scalar on the left with a
    when/then that took one branch for all rows ("length 1 doesn't match the DataFrame height").
    """
    if not any(variables(left)):
        left, right, op = right, left, _MIRRORED.get(op, op)
    return _OPERATORS[op](_in_unit(left, left.type.measure), _in_unit(right, left.type.measure))  # type: ignore[no-any-return]


def _case(branches: Sequence[tuple[Node, Node]], otherwise: Node, measure: str | None) -> pl.Expr:
    found = _in_unit(otherwise, measure)
    for when, then in reversed(branches):
        found = pl.when(column(when)).then(_in_unit(then, measure)).otherwise(found)
    return found


def _arithmetic(node: Arithmetic) -> pl.Expr:
    left, right = node.left, node.right
    if "date" in (left.type.kind, right.type.kind):  # days as numbers, too few to overflow
        return _OPERATORS[node.op](_in_unit(left, _beside_date(left)), _in_unit(right, _beside_date(right)))  # type: ignore[no-any-return]
    same = node.type.measure if node.op in "+-" else None
    one, other = (_in_unit(side, same or side.type.measure) for side in (left, right))
    return _computed(_OPERATORS[node.op](one, other))


def _beside_date(side: Node) -> str | None:
    return None if side.type.kind == "date" else "d"
