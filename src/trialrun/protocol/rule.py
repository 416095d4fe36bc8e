"""Rules: SQL boolean expressions, read into a small immutable tree.

A rule is true, false or unknown by SQL's three-valued logic. Its grammar is a closed part of SQL:
AND, OR, NOT, ``= <> != < <= > >=``, IN, BETWEEN, IS [NOT] NULL, CASE WHEN … THEN … ELSE … END,
``+ - * /``, parentheses, numbers, TRUE, FALSE, and quoted text, which is a quantity (``'38.5 Cel'``,
``'5 days'``), a date (``'2008-03-03'``) or a code, as what it meets demands. Everything else is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal

__all__ = [
    "NOT_DECLARED",
    "RESERVED",
    "And",
    "Arithmetic",
    "Between",
    "Case",
    "Compare",
    "Constant",
    "In",
    "IsNull",
    "Named",
    "Negative",
    "Node",
    "Not",
    "Or",
    "Rule",
    "RuleError",
    "RuleProblem",
    "Type",
    "Variable",
    "children",
    "parse",
    "text_of",
    "variables",
]  # fmt: skip

Kind = Literal["number", "boolean", "choice", "date", "duration", "text"]
Comparison = Literal["=", "<>", "<", "<=", ">", ">="]
Operation = Literal["+", "-", "*", "/"]

LONGEST = 20_000  # characters of one rule
LARGEST = 2_000  # nodes of one rule
DEEPEST = 60  # levels, through definitions
EXPANDED = 20_000  # nodes through definitions

NOT_DECLARED = "declare it in variables.yaml"
"""The cure of a name that nothing is like, in the files of a study."""

RESERVED = frozenset(
    [
        "AND",
        "OR",
        "NOT",
        "IN",
        "BETWEEN",
        "IS",
        "NULL",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "TRUE",
        "FALSE",
    ]
)
"""Words, in any case, that cannot name a variable."""


@dataclass(frozen=True)
class Type:
    """What a variable or an expression yields.

    ``unit`` is a UCUM code and belongs to numbers; a duration is always in days.
    ``codes`` are the answers of a choice; empty means that any code is taken.
    """

    kind: Kind
    unit: str | None = None
    codes: tuple[str, ...] = ()

    @property
    def measure(self) -> str | None:
        """The UCUM code a column of this type is in, None for a plain number or no quantity."""
        return "d" if self.kind == "duration" else self.unit


BOOLEAN = Type("boolean")


@dataclass(frozen=True)
class Variable:
    name: str
    type: Type


@dataclass(frozen=True)
class Constant:
    """A value as written (``text``) and as meant; a number is in its own type's unit, a duration in days."""

    text: str
    value: bool | float | str | date
    type: Type


@dataclass(frozen=True)
class Named:
    """A definition used by its name; `tree` is what it stands for."""

    name: str
    tree: Node

    @property
    def type(self) -> Type:
        return self.tree.type

    @cached_property
    def measures(self) -> tuple[int, int]:
        """(nodes, levels), definitions expanded; each definition is measured once."""
        return measures(self.tree)


@dataclass(frozen=True)
class Not:
    part: Node
    type: Type = BOOLEAN


@dataclass(frozen=True)
class And:
    parts: tuple[Node, ...]
    type: Type = BOOLEAN


@dataclass(frozen=True)
class Or:
    parts: tuple[Node, ...]
    type: Type = BOOLEAN


@dataclass(frozen=True)
class Compare:
    op: Comparison
    left: Node
    right: Node
    type: Type = BOOLEAN


@dataclass(frozen=True)
class In:
    value: Node
    options: tuple[Node, ...]
    type: Type = BOOLEAN

    @cached_property
    def comparisons(self) -> tuple[Compare, ...]:
        """IN is true if any of these is."""
        return tuple(Compare("=", self.value, option) for option in self.options)


@dataclass(frozen=True)
class Between:
    value: Node
    low: Node
    high: Node
    type: Type = BOOLEAN

    @cached_property
    def comparisons(self) -> tuple[Compare, ...]:
        """BETWEEN is true if all of these are."""
        return Compare(">=", self.value, self.low), Compare("<=", self.value, self.high)


@dataclass(frozen=True)
class IsNull:
    value: Node
    type: Type = BOOLEAN


@dataclass(frozen=True)
class Case:
    """The first branch whose condition is true, else `otherwise`; an unknown condition is not taken."""

    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node
    type: Type


@dataclass(frozen=True)
class Arithmetic:
    op: Operation
    left: Node
    right: Node
    type: Type


@dataclass(frozen=True)
class Negative:
    value: Node
    type: Type


Node = (
    Variable
    | Constant
    | Named
    | Not
    | And
    | Or
    | Compare
    | In
    | Between
    | IsNull
    | Case
    | Arithmetic
    | Negative
)


@dataclass(frozen=True)
class RuleProblem:
    """One thing wrong: the character where it starts (from 0), what it is, and what to write instead."""

    offset: int
    message: str
    hint: str | None = None
    code: str = "rule"

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}; {self.hint}"


class RuleError(Exception):
    """A text that is no rule, with everything found wrong, in order of place."""

    def __init__(self, problems: tuple[RuleProblem, ...]) -> None:
        super().__init__("\n".join(f"at {problem.offset}: {problem}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Rule:
    """A rule that was read: its text, its tree, the variables it reads (also through definitions), its type.

    ``notes`` say what is right but easily misread.
    """

    text: str
    tree: Node
    reads: frozenset[str]
    type: Type
    notes: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return hash(self.text)


def parse(
    text: str,
    names: Mapping[str, Type],
    definitions: Mapping[str, Rule] | None = None,
    expect: Literal["boolean", "any"] = "boolean",
) -> Rule:
    """Read a rule over the variables ``names``; a name in ``definitions`` stands for that rule.

    Raises `RuleError` with all problems. ``expect="any"`` also takes an expression that is not true or false.
    """
    from trialrun.protocol.rule_parse import syntax  # here, as sqlglot takes a tenth of a second to import
    from trialrun.protocol.rule_typing import typed

    definitions = definitions or {}
    tree, notes = typed(syntax(text, {*names, *definitions}), names, definitions, expect)
    return Rule(text, tree, frozenset(one.name for one in variables(tree)), tree.type, notes)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly under a node, in the order of its text; a definition's tree is under its name."""
    match node:
        case And(parts) | Or(parts):
            return parts
        case Not(part):
            return (part,)
        case Compare(_, left, right) | Arithmetic(_, left, right):
            return (left, right)
        case In(value, options):
            return (value, *options)
        case Between(value, low, high):
            return (value, low, high)
        case IsNull(value) | Negative(value):
            return (value,)
        case Case(branches, otherwise):
            return (*(node for branch in branches for node in branch), otherwise)
        case Named(_, tree):
            return (tree,)
        case _:
            return ()


def variables(node: Node) -> Iterator[Variable]:
    """The variables a tree reads, also through definitions, in the order of its text, each once."""
    seen: set[str] = set()
    entered: set[int] = set()
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Variable) and node.name not in seen:
            seen.add(node.name)
            yield node
        if isinstance(node, Named):
            if id(node.tree) in entered:
                continue
            entered.add(id(node.tree))
        waiting.extend(reversed(children(node)))


def measures(node: Node) -> tuple[int, int]:
    """(nodes, levels) of a tree, definitions expanded."""
    under = [one.measures if isinstance(one, Named) else measures(one) for one in children(node)]
    return 1 + sum(nodes for nodes, _ in under), 1 + max((levels for _, levels in under), default=0)


# How tightly each kind of node binds; a part that binds no tighter than its surroundings is parenthesised.
_OR, _AND, _NOT, _PREDICATE, _SUM, _PRODUCT, _SIGN, _ATOM = range(8)


def text_of(tree: Node) -> str:
    """The canonical text of a tree: reading it again, under the same names, gives the same tree."""
    return _text(tree)[0]


def _text(node: Node) -> tuple[str, int]:
    match node:
        case Variable(name) | Named(name):
            return name, _ATOM
        case Constant(text):
            return text, _ATOM
        case Or(parts):
            return " OR ".join(_within(part, _AND) for part in parts), _OR
        case And(parts):
            return " AND ".join(_within(part, _AND) for part in parts), _AND
        case Not(part):
            return _negated(part)
        case Case(branches, otherwise):
            whens = " ".join(f"WHEN {text_of(when)} THEN {text_of(then)}" for when, then in branches)
            return f"CASE {whens} ELSE {text_of(otherwise)} END", _ATOM
        case Arithmetic(op, left, right):
            level = _SUM if op in "+-" else _PRODUCT
            return f"{_within(left, level - 1)} {op} {_within(right, level)}", level
        case Negative(value):
            return f"-{_within(value, _SIGN)}", _SIGN
        case _:
            return _predicate(node, ""), _PREDICATE


def _within(node: Node, level: int) -> str:
    text, own = _text(node)
    return text if own > level else f"({text})"


def _negated(part: Node) -> tuple[str, int]:
    if isinstance(part, In | Between | IsNull):
        return _predicate(part, "NOT "), _NOT
    return f"NOT {_within(part, _AND)}", _NOT


def _predicate(node: Node, no: str) -> str:
    match node:
        case Compare(op, left, right):
            return f"{_within(left, _PREDICATE)} {op} {_within(right, _PREDICATE)}"
        case In(value, options):
            listed = ", ".join(_within(option, _PREDICATE) for option in options)
            return f"{_within(value, _PREDICATE)} {no}IN ({listed})"
        case Between(value, low, high):
            bounds = f"{_within(low, _PREDICATE)} AND {_within(high, _PREDICATE)}"
            return f"{_within(value, _PREDICATE)} {no}BETWEEN {bounds}"
        case IsNull(value):
            return f"{_within(value, _PREDICATE)} IS {no}NULL"
    raise TypeError(f"{type(node).__name__} is not a predicate")
