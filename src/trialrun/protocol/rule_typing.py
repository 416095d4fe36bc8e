"""From a rule's syntax to its tree: names become variables, types and units must agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from sqlglot import exp

from trialrun.protocol.rule import (
    DEEPEST,
    EXPANDED,
    LARGEST,
    And,
    Arithmetic,
    Between,
    Case,
    Compare,
    Comparison,
    Constant,
    In,
    IsNull,
    Named,
    Negative,
    Node,
    Not,
    Operation,
    Or,
    Rule,
    RuleError,
    RuleProblem,
    Type,
    Variable,
    children,
    measures,
    text_of,
)
from trialrun.protocol.rule_measure import common, product, with_unit
from trialrun.protocol.rule_parse import DEFINE, Syntax
from trialrun.protocol.rule_value import constant, is_time
from trialrun.protocol.rule_words import Word
from trialrun.protocol.unit import Unit, UnitError, linear

__all__ = ["typed"]

_COMPARISONS: dict[type[exp.Expr], Comparison] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_OPERATIONS: dict[type[exp.Expr], Operation] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_TESTS = (*_COMPARISONS, exp.In, exp.Between, exp.Is, exp.Not, exp.Paren)  # sqlglot puts an IS in parentheses
_QUANTITIES = ("number", "duration")
_SAID = {
    "number": "a number", "boolean": "true or false", "choice": "a code", "date": "a date",
    "duration": "a length of time", "text": "a text",
}  # fmt: skip


def typed(
    found: Syntax,
    names: Mapping[str, Type],
    definitions: Mapping[str, Rule],
    expect: Literal["boolean", "any"],
) -> tuple[Node, tuple[str, ...]]:
    """The tree of a rule and the notes on it. Raises `RuleError` with every clash of types and units."""
    typing = _Typing(found, names, definitions)
    tree = typing.node(found.whole)
    if tree and expect == "boolean":
        typing.condition(found.whole, tree, "a rule")
    if tree and not typing.problems:
        typing.size(tree)
    if tree is None or typing.problems:
        raise RuleError(tuple(sorted(set(typing.problems), key=lambda one: (one.offset, one.message))))
    return tree, tuple(typing.notes)


class _Typing:
    """Walks sqlglot's expression once; a part with a problem becomes None, and what holds it says no more."""

    def __init__(self, found: Syntax, names: Mapping[str, Type], definitions: Mapping[str, Rule]) -> None:
        self.found = found
        self.names = names
        self.definitions = definitions
        self.problems: list[RuleProblem] = []
        self.notes: list[str] = []
        self.level = 0

    def node(self, part: exp.Expr, hint: Type | None = None) -> Node | None:
        """The tree of an expression; ``hint`` is the type that quoted text in it should take."""
        if self.level >= DEEPEST:
            return self.refuse(part, f"the rule is more than {DEEPEST} levels deep", DEFINE)
        if isinstance(part, exp.Column) and part.name[0] != "v":
            return self.node(self.inner(part), hint)
        self.level += 1
        try:
            return self._node(part, hint)
        finally:
            self.level -= 1

    def _node(self, part: exp.Expr, hint: Type | None) -> Node | None:
        kind = type(part)
        if isinstance(part, exp.Column):
            return self._value(self.found.words[int(part.name[1:])], hint)
        if kind in (exp.And, exp.Or):
            return self._connected(part)
        if kind is exp.Not:
            inner = self.node(part.this)
            return Not(inner) if inner and self.condition(part.this, inner, "NOT") else None
        if kind in _COMPARISONS:
            return self._compared(part)
        if kind in (exp.In, exp.Between):
            return self._within(part)
        if kind is exp.Is:
            value = self.node(self.operand(part.this))
            return IsNull(value) if value else None
        if kind is exp.Case:
            return self._case(part, hint)
        if kind in _OPERATIONS:
            return self._arithmetic(part, hint)
        if kind is exp.Neg:
            return self._negative(part, hint)
        return self.refuse(part, "this is not part of the rule language")

    def _value(self, word: Word, hint: Type | None) -> Node | None:
        if word.kind in ("number", "text", "truth"):
            try:
                return constant(word, hint)
            except RuleError as error:
                self.problems.extend(error.problems)
                return None
        if word.text in self.definitions:
            return Named(word.text, self.definitions[word.text].tree)
        variable = Variable(word.text, self.names[word.text])
        try:
            Unit.parse(variable.type.measure or "1")
        except UnitError as error:
            message = f"the unit of {word.text} cannot be read: {error.message}"
            self.problems.append(RuleProblem(word.offset, message, error.hint))
            return None
        return variable

    # Conditions

    def condition(self, part: exp.Expr, node: Node, what: str) -> bool:
        """Whether a node is true or false; a problem is reported if it is not."""
        if node.type.kind == "boolean":
            return True
        hint = (
            f"compare it, as in {text_of(node)} = …"
            if not isinstance(node, Constant)
            else "compare something with it"
        )
        self.refuse(part, f"{what} needs a condition, but {text_of(node)} is {_SAID[node.type.kind]}", hint)
        return False

    def _connected(self, part: exp.Expr) -> Node | None:
        kind = type(part)
        name = "AND" if kind is exp.And else "OR"
        parts = list(_spine(part))
        nodes = [self.node(one) for one in parts]
        right = [
            node is None or self.condition(one, node, name) for one, node in zip(parts, nodes, strict=True)
        ]
        if None in nodes or not all(right):
            return None
        whole = tuple(node for node in nodes if node)
        if kind is exp.And:
            return And(whole)
        mixed = [text_of(node) for one, node in zip(parts, whole, strict=True) if isinstance(one, exp.And)]
        self.notes.extend(
            f"AND binds before OR: this is read as ({text}) OR …; add parentheses" for text in mixed
        )
        return Or(whole)

    def _compared(self, part: exp.Expr) -> Node | None:
        op = _COMPARISONS[type(part)]
        if self._chained(part):
            return None
        parts = (part.this, part.expression)
        left, right = self._together(parts)
        if left is None or right is None or not self._comparable(parts, left, right, op):
            return None
        return Compare(op, left, right)

    def _within(self, part: exp.Expr) -> Node | None:
        if isinstance(part, exp.In):
            parts, op = [self.operand(part.this), *part.expressions], "="
        else:
            parts, op = [self.operand(part.this), part.args["low"], part.args["high"]], "<="
        nodes = self._together(parts)
        value, *others = nodes
        if value is None or not all(others):
            return None
        for one, other in zip(parts[1:], others, strict=True):
            if other and not self._comparable((parts[0], one), value, other, op):
                return None
        options = tuple(other for other in others if other)
        return In(value, options) if isinstance(part, exp.In) else Between(value, options[0], options[1])

    def _chained(self, part: exp.Expr) -> bool:
        for one in (part.this, part.expression):
            if isinstance(one, _TESTS):
                self.refuse(part, "comparisons are chained", "write 1 < x AND x < 3, or add parentheses")
                return True
        return False

    def operand(self, part: exp.Expr) -> exp.Expr:
        """The part itself; reports a comparison that stands without parentheses where a value should."""
        if isinstance(part, _TESTS):
            self.refuse(part, "comparisons are chained", "write 1 < x AND x < 3, or add parentheses")
        return part

    def _together(self, parts: Sequence[exp.Expr]) -> list[Node | None]:
        """The trees of values that meet: those that know their type first, then quoted text by their type."""
        nodes: dict[int, Node | None] = {
            i: self.node(one) for i, one in enumerate(parts) if not self._open(one)
        }
        hint = next((node.type for node in nodes.values() if node), None)
        if nodes and hint is None:
            return [None] * len(parts)
        return [nodes[i] if i in nodes else self.node(one, hint) for i, one in enumerate(parts)]

    def _open(self, part: exp.Expr) -> bool:
        """Whether a part is quoted text, or a CASE that yields only quoted text."""
        if isinstance(part, exp.Column):
            if part.name[0] == "v":
                return self.found.words[int(part.name[1:])].kind == "text"
            return self._open(self.inner(part))
        if isinstance(part, exp.Neg):
            return self._open(part.this)
        return isinstance(part, exp.Case) and all(self._open(one) for one in _results(part))

    def _comparable(self, parts: Sequence[exp.Expr], left: Node, right: Node, op: str) -> bool:
        one, other = left.type, right.type
        if one.kind in _QUANTITIES and other.kind in _QUANTITIES:
            return self._same_measure(parts, left, right)
        texts = {"choice", "text"}
        if not (one.kind == other.kind or {one.kind, other.kind} <= texts):
            self._clash(parts, left, right)
            return False
        if op not in ("=", "<>") and one.kind not in ("date", *_QUANTITIES):
            hint = "list the codes: x IN ('a', 'b')" if one.kind in texts else "write the condition or NOT"
            self.refuse(parts[0], f"{text_of(left)} is {_SAID[one.kind]} and has no order", hint)
            return False
        if one.codes and other.codes and not set(one.codes) & set(other.codes):
            self.refuse(
                parts[0],
                f"{text_of(left)} and {text_of(right)} have no code in common",
                "compare equal codes",
            )
            return False
        return True

    def _clash(self, parts: Sequence[exp.Expr], left: Node, right: Node) -> None:
        kinds = {left.type.kind: left, right.type.kind: right}
        said = " with ".join(f"{text_of(node)} ({_SAID[node.type.kind]})" for node in (left, right))
        hint = None
        if "boolean" in kinds:
            hint = f"write {text_of(kinds['boolean'])} or NOT {text_of(kinds['boolean'])} alone"
        elif "date" in kinds:
            hint = "compare dates with a date, as '2008-03-03', and their difference with a time, as '5 days'"
        elif "choice" in kinds:
            codes = kinds["choice"].type.codes
            hint = "write its code in quotes" + (
                f": {', '.join(repr(code) for code in codes[:6])}" if codes else ""
            )
        self.refuse(parts[0], f"types clash: {said}", hint)

    def _same_measure(self, parts: Sequence[exp.Expr], left: Node, right: Node) -> bool:
        units = [Unit.parse(node.type.measure or "1") for node in (left, right)]
        plain = [node.type.measure is None for node in (left, right)]
        for i, (node, other) in enumerate(((left, right), (right, left))):
            if plain[i] and not plain[1 - i] and not units[1 - i].is_plain:
                self._unitless(parts[i], node, other)
                return False
        try:
            linear(units[1], units[0])
        except UnitError as error:
            said = " and ".join(with_unit(node) for node in (left, right))
            cure = error.hint or self._cure(left, right)
            self.refuse(parts[0], f"units clash: {said}: {error.message}", cure, "rule-unit")
            return False
        return True

    def _cure(self, *nodes: Node) -> str | None:
        """What to write where units clash: the constant in the unit of the variable beside it."""
        known = [node.type.measure for node in nodes if not isinstance(node, Constant)]
        return f"write the value in {known[0]}" if len(known) == 1 and known[0] else "compare like with like"

    def _unitless(self, part: exp.Expr, node: Node, other: Node) -> None:
        """A plain number meets a quantity: say whose unit is missing."""
        unit = "days" if other.type.kind == "duration" else other.type.measure
        if isinstance(node, Constant):
            hint = f"write '{node.text} {unit}'"
            self.refuse(part, f"{node.text} has no unit, {with_unit(other)}", hint, "rule-unit")
        elif isinstance(other, Constant):
            message = f"{text_of(node)} has no unit, {other.text} has"
            self.refuse(part, message, "write the plain number", "rule-unit")
        else:
            message = f"{text_of(node)} has no unit, {with_unit(other)}"
            self.refuse(part, message, "declare its unit in the study", "rule-unit")

    # CASE and arithmetic

    def _case(self, part: exp.Expr, hint: Type | None) -> Node | None:
        branches = part.args["ifs"]
        conditions = [self.node(one.this) for one in branches]
        for one, node in zip(branches, conditions, strict=True):
            if node and not self.condition(one.this, node, "WHEN"):
                return None
        parts = _results(part)
        results = self._together(parts) if hint is None else [self.node(one, hint) for one in parts]
        if None in conditions or None in results:
            return None
        first, *others = (node for node in results if node)
        for one, other in zip(parts[1:], others, strict=True):
            if not self._comparable((parts[0], one), first, other, "="):
                return None
        whens = tuple(node for node in conditions if node)
        return Case(tuple(zip(whens, (first, *others), strict=False)), others[-1], common(first, *others))

    def _arithmetic(self, part: exp.Expr, hint: Type | None) -> Node | None:
        op = _OPERATIONS[type(part)]
        parts = (part.this, part.expression)
        left, right = self._addends(parts) if op in "+-" else [self.node(one) for one in parts]
        if left is None or right is None:
            return None
        for one, node in zip(parts, (left, right), strict=True):
            if node.type.kind not in ("date", *_QUANTITIES):
                said = f"{text_of(node)} is {_SAID[node.type.kind]}"
                return self.refuse(
                    one, f"{op} needs numbers, but {said}", "CASE WHEN … can turn it into a number"
                )
        try:
            result = self._sum(op, parts, left, right) if op in "+-" else product(op, left.type, right.type)
        except UnitError as error:
            return self.refuse(parts[0], error.message, error.hint, "rule-unit")
        return Arithmetic(op, left, right, result) if result else None

    def _addends(self, parts: Sequence[exp.Expr]) -> list[Node | None]:
        nodes: dict[int, Node | None] = {
            i: self.node(one) for i, one in enumerate(parts) if not self._open(one)
        }
        known = next((node.type for node in nodes.values() if node), None)
        hint = known if known and known.kind in _QUANTITIES else None  # by a date stands a date or a time
        return [nodes[i] if i in nodes else self.node(one, hint) for i, one in enumerate(parts)]

    def _sum(self, op: str, parts: Sequence[exp.Expr], left: Node, right: Node) -> Type | None:
        one, other = left.type, right.type
        if one.kind == "date" and other.kind == "date" and op == "-":
            return Type("duration")
        if "date" in (one.kind, other.kind):
            time = other if one.kind == "date" else one
            if time.kind != "date" and is_time(time.measure or "1") and (op == "+" or one.kind == "date"):
                return Type("date")
            said = f"{text_of(left)} {op} {text_of(right)}"
            self.refuse(
                parts[0], f"{said}: a date takes only a length of time", "write for example day1 + '5 days'"
            )
            return None
        for node in (left, right):
            if Unit.parse(node.type.measure or "1").zero:
                raise UnitError(
                    f"{with_unit(node)}: a temperature on a scale cannot be added", "compare it, or use K"
                )
        return common(left, right) if self._same_measure(parts, left, right) else None

    def _negative(self, part: exp.Expr, hint: Type | None) -> Node | None:
        value = self.node(part.this, hint if hint and hint.kind in _QUANTITIES else None)
        if value is None:
            return None
        if value.type.kind not in _QUANTITIES:
            return self.refuse(part, f"- needs a number, but {text_of(value)} is {_SAID[value.type.kind]}")
        if Unit.parse(value.type.measure or "1").zero:
            return self.refuse(part, f"-{text_of(value)}: the sign belongs into the quotes", "write '-5 Cel'")
        return Negative(value, value.type)

    # Limits, places, problems

    def size(self, tree: Node) -> None:
        """Report a tree that is too large or, through its definitions, too deep."""
        nodes, levels = measures(tree)
        own = _own(tree)
        if own > LARGEST or nodes > EXPANDED:
            limit = LARGEST if own > LARGEST else EXPANDED
            where = "" if own > LARGEST else ", through its definitions"
            self.problems.append(RuleProblem(0, f"a rule has at most {limit:,} parts{where}", DEFINE))
        if levels > DEEPEST:
            self.problems.append(RuleProblem(0, f"the rule is more than {DEEPEST} levels deep", DEFINE))

    def inner(self, column: exp.Column) -> exp.Expr:
        """What stands in the parenthesis, CASE or list element a name stands for."""
        at = int(column.name[1:])
        return self.found.groups[-at if column.name[0] == "e" else at]

    def offset(self, part: exp.Expr) -> int:
        """The character where a part starts."""
        while not isinstance(part, exp.Column):
            part = next(part.iter_expressions())
        return self.found.words[int(part.name[1:])].offset

    def refuse(
        self, part: exp.Expr, message: str, hint: str | None = None, code: str = "rule"
    ) -> Node | None:
        """Report a problem of a part, which so has no tree: always None."""
        self.problems.append(RuleProblem(self.offset(part), message, hint, code))
        return None


def _spine(part: exp.Expr) -> Iterator[exp.Expr]:
    """``a AND b AND c`` as its parts, without recursion; a parenthesis stays one part."""
    kind, right = type(part), []
    while type(part) is kind:
        right.append(part.expression)
        part = part.this
    yield part
    yield from reversed(right)


def _results(case: exp.Expr) -> list[exp.Expr]:
    return [*(one.args["true"] for one in case.args["ifs"]), case.args["default"]]


def _own(tree: Node) -> int:
    """Nodes of a tree, a definition counted as one."""
    waiting, count = [tree], 0
    while waiting:
        node = waiting.pop()
        count += 1
        if not isinstance(node, Named):
            waiting.extend(children(node))
    return count
