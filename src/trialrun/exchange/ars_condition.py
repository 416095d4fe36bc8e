"""Rules as conditions of the CDISC Analysis Results Standard: comparisons with values, AND, OR, NOT.

What that standard cannot say (IS NULL, arithmetic, a comparison of two variables) gives no condition; the
rule's own text stands in the description.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp, parse_one

Clause = dict[str, Any]

_COMPARATORS: dict[type[exp.Expr], str] = {
    exp.EQ: "EQ", exp.NEQ: "NE", exp.GT: "GT", exp.GTE: "GE", exp.LT: "LT", exp.LTE: "LE",
}  # fmt: skip
_TURNED = {"EQ": "EQ", "NE": "NE", "GT": "LT", "GE": "LE", "LT": "GT", "LE": "GE"}


class _Unsayable(Exception):
    """Part of a rule for which the standard has no words."""


def condition(text: str, dataset: str) -> Clause:
    """``condition`` or ``compoundExpression`` of an accepted rule over a dataset; empty where it has none."""
    try:
        return _clause(parse_one(text), dataset, 1)
    except _Unsayable:
        return {}


def _clause(node: exp.Expr, dataset: str, level: int) -> Clause:
    if isinstance(node, exp.Paren):
        return _clause(node.this, dataset, level)
    if isinstance(node, exp.And | exp.Or):
        word = "AND" if isinstance(node, exp.And) else "OR"
        return _compound(word, list(node.flatten()), dataset, level)
    if isinstance(node, exp.Not):
        if isinstance(node.this, exp.In):
            return _in(node.this, dataset, "NOTIN")
        return _compound("NOT", [node.this], dataset, level)
    if isinstance(node, exp.In):
        return _in(node, dataset, "IN")
    if isinstance(node, exp.Between):
        parts = [
            exp.GTE(this=node.this, expression=node.args["low"]),
            exp.LTE(this=node.this, expression=node.args["high"]),
        ]
        return _compound("AND", parts, dataset, level)
    if isinstance(node, exp.Column):
        return _condition(dataset, node, "EQ", ["true"])
    return _compared(node, dataset)


def _compound(word: str, parts: Sequence[exp.Expr], dataset: str, level: int) -> Clause:
    clauses = [
        {"level": level + 1, "order": order, **_clause(part, dataset, level + 1)}
        for order, part in enumerate(parts, 1)
    ]
    return {"compoundExpression": {"logicalOperator": word, "whereClauses": clauses}}


def _compared(node: exp.Expr, dataset: str) -> Clause:
    comparator = _COMPARATORS.get(type(node))
    if comparator is None:
        raise _Unsayable
    left, right = node.this, node.expression
    if isinstance(right, exp.Column):
        left, right, comparator = right, left, _TURNED[comparator]
    return _condition(dataset, left, comparator, [_value(right)])


def _in(node: exp.In, dataset: str, comparator: str) -> Clause:
    return _condition(dataset, node.this, comparator, [_value(one) for one in node.expressions])


def _condition(dataset: str, variable: exp.Expr, comparator: str, values: list[str]) -> Clause:
    if not isinstance(variable, exp.Column):
        raise _Unsayable
    said = {"dataset": dataset, "variable": variable.name, "comparator": comparator, "value": values}
    return {"condition": said}


def _value(node: exp.Expr) -> str:
    if isinstance(node, exp.Literal):
        return str(node.this)
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
        return f"-{node.this.this}"
    if isinstance(node, exp.Boolean):
        return "true" if node.this else "false"
    raise _Unsayable
