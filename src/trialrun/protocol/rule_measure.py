"""The type and the unit of what several values make together."""

from __future__ import annotations

from trialrun.protocol.rule import Constant, Node, Type, text_of
from trialrun.protocol.unit import Unit, UnitError

__all__ = ["common", "product", "with_unit"]


def with_unit(node: Node) -> str:
    """A node and its unit, as a message says it."""
    measure = "days" if node.type.kind == "duration" else node.type.measure
    if isinstance(node, Constant):
        return node.text
    return f"{text_of(node)} is in {measure}" if measure else f"{text_of(node)} has no unit"


def common(first: Node, *others: Node) -> Type:
    """The type of several values of which any may result; numbers are converted to the unit of the first."""
    kinds = {node.type.kind for node in (first, *others)}
    if kinds <= {"choice", "text"}:
        if "text" in kinds or not all(node.type.codes for node in (first, *others)):
            return Type("text")
        return Type(
            "choice",
            codes=tuple(dict.fromkeys(code for node in (first, *others) for code in node.type.codes)),
        )
    return first.type


def product(op: str, left: Type, right: Type) -> Type:
    """The type of a product or quotient. Raises `UnitError` for a date and for a temperature on a scale."""
    if "date" in (left.kind, right.kind):
        raise UnitError(f"a date cannot stand beside {op}", "subtract another date first")
    plain = right.measure is None
    if left.kind == "duration" and plain:
        return left
    if right.kind == "duration" and left.measure is None and op == "*":
        return right
    if plain:
        return left if not Unit.parse(left.unit or "1").zero else _product_unit(op, left, right)
    return _product_unit(op, left, right)


def _product_unit(op: str, left: Type, right: Type) -> Type:
    one, other = Unit.parse(left.measure or "1"), Unit.parse(right.measure or "1")
    unit = one * other if op == "*" else one / other
    if unit.is_plain and not unit.annotations:
        return Type("number")
    return Type("number", Unit.parse(unit.text).text)
