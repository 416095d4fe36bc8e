"""Rules over columns: decided for a batch of any size, a participant of one included, and explained.

Columns are named as the variables and typed by kind: number Float64 in the variable's declared unit,
boolean Boolean, choice and text String, date Date, duration Float64 in days. A column that is all null
may have the type Null. NaN and infinity are unknown, as is a division by zero.

Logic is SQL's (Kleene's): AND is false if a part is false, else unknown if a part is unknown; a
comparison with an unknown is unknown; CASE skips a condition that is unknown; IS NULL is never unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Literal

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
    children,
    text_of,
    variables,
)
from trialrun.protocol.rule_expression import column, expression

__all__ = ["Clause", "ColumnError", "Reading", "evaluate", "explain", "expression", "missing", "sentence"]

_NUMERIC = frozenset[Any]({
    pl.Float64, pl.Float32, pl.Int64, pl.Int32, pl.Int16, pl.Int8,
    pl.UInt64, pl.UInt32, pl.UInt16, pl.UInt8, pl.Null,
})  # fmt: skip
_TAKEN: dict[Kind, frozenset[Any]] = {
    "number": _NUMERIC,
    "duration": _NUMERIC,
    "boolean": frozenset({pl.Boolean, pl.Null}),
    "choice": frozenset({pl.String, pl.Categorical, pl.Enum, pl.Null}),
    "text": frozenset({pl.String, pl.Categorical, pl.Enum, pl.Null}),
    "date": frozenset({pl.Date, pl.Null}),
}


class ColumnError(ValueError):
    """A frame that lacks a column a rule reads, or holds it in another type."""


def evaluate(rules: Mapping[str, Rule], frame: pl.DataFrame) -> pl.DataFrame:
    """One column for each rule, by its name, with a row for each row of the frame.

    Raises `ColumnError` if the frame lacks a column, or has it in a type no variable of its kind has.
    """
    names, expressions, reads = _plan(tuple(rules.items()))
    _require(reads, frame)
    if not reads:  # what reads no column is of no height
        return frame.with_columns(expressions).select(names)
    return frame.select(expressions)


@lru_cache(maxsize=1024)
def _plan(rules: tuple[tuple[str, Rule], ...]) -> tuple[list[str], list[pl.Expr], tuple[Variable, ...]]:
    read = {variable.name: variable for _, rule in rules for variable in variables(rule.tree)}
    return (
        [name for name, _ in rules],
        [expression(rule).alias(name) for name, rule in rules],
        tuple(read.values()),
    )


def _require(read: Sequence[Variable], frame: pl.DataFrame) -> None:
    """Raise `ColumnError` unless the frame has the columns of these variables, in their types."""
    schema: dict[str, Any] = dict(zip(frame.columns, frame.dtypes, strict=True))
    lacking = sorted(variable.name for variable in read if variable.name not in schema)
    if lacking:
        raise ColumnError(f"the frame lacks the columns {', '.join(lacking)}; give unknown values as null")
    for variable in read:
        held = schema[variable.name]
        if held.base_type() not in _TAKEN[variable.type.kind]:
            raise ColumnError(
                f"column {variable.name} holds {held}, but the variable is a {variable.type.kind}"
            )


@dataclass(frozen=True)
class Reading:
    """A variable's value when a rule was decided: None is unknown; a date is a date, a duration in days."""

    value: bool | float | str | date | None
    unit: str | None = None

    def __str__(self) -> str:
        if self.value is None:
            return "(unknown)"
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        said = f"{self.value:.12g}" if isinstance(self.value, float) else str(self.value)
        return f"{said} {self.unit}" if self.unit else said


@dataclass(frozen=True)
class Clause:
    """One clause of a decision: what it says, whether it held (None: unknown), what it read, its parts.

    ``phrase`` is the fact in plain words, for a leaf: pieces of text and, at odd places, variables.
    """

    text: str
    value: bool | None
    reads: tuple[tuple[str, object], ...]
    parts: tuple[Clause, ...] = ()
    kind: Literal["and", "or", "not", "named", "leaf"] = "leaf"
    phrase: tuple[str, ...] = ()


def explain(rule: Rule, frame: pl.DataFrame, row: int = 0) -> Clause:
    """The decision of one row under a Boolean rule, clause by clause. Raises as `evaluate`, or IndexError."""
    at = _Row(rule, frame, row)
    return at.clause(at.tree)


def missing(rule: Rule, frame: pl.DataFrame, row: int = 0) -> tuple[str, ...]:
    """The variables that are unknown and whose knowing could still change the outcome, in the rule's order.

    Every unknown variable is taken to be able to become anything, each on its own; so ``x OR NOT x``
    names x, although no value of it matters.
    """
    at = _Row(rule, frame, row)
    return tuple(dict.fromkeys(at.possible(at.tree)[1]))


def sentence(clause: Clause, names: Mapping[str, str] | None = None) -> str:
    """The facts that decided a clause, in plain words; ``names`` gives variables and definitions other names.

    Each fact is true as said, also under a NOT; an unknown clause names what is unknown.
    """
    names = names or {}
    readings = dict(clause.reads)
    if clause.kind == "leaf" and len(clause.phrase) == 3 and clause.phrase[::2] == ("", ""):
        name = clause.phrase[1]
        return f"{names.get(name, name)} is {str(readings[name]).strip('()')}"
    if clause.kind == "leaf":
        said = [
            f"{names.get(one, one)} {readings[one]}" if i % 2 else one for i, one in enumerate(clause.phrase)
        ]
        return "".join(said)
    if clause.kind == "named":
        value = {True: "true", False: "false", None: "unknown"}[clause.value]
        reasons = "; ".join(sentence(part, names) for part in clause.parts)
        return f"{names.get(clause.text, clause.text)} is {value} ({reasons})"
    decisive = [part for part in clause.parts if clause.kind == "not" or part.value == clause.value]
    return " and ".join(dict.fromkeys(sentence(part, names) for part in decisive))


@dataclass(frozen=True)
class _Explanation:
    """What explaining a rule needs of a row: its variables, and its atoms: conditions not made of others."""

    tree: Node  # of the rule that was met first: atoms are known by identity, and equal rules share this
    variables: tuple[Variable, ...]
    atoms: tuple[Node, ...]
    expressions: tuple[pl.Expr, ...]


@lru_cache(maxsize=1024)
def _explanation(rule: Rule) -> _Explanation:
    read = tuple(variables(rule.tree))
    atoms = tuple({id(atom): atom for atom in _atoms(rule.tree, set())}.values())
    held = [pl.col(one.name) if one.type.kind == "date" else column(one) for one in read]
    named = [expr.alias(str(place)) for place, expr in enumerate([*held, *map(column, atoms)])]
    return _Explanation(rule.tree, read, atoms, tuple(named))


def _atoms(node: Node, entered: set[int]) -> Iterator[Node]:
    """The conditions of a tree that polars decides; the connectives over them are folded here."""
    if isinstance(node, Named):
        if id(node.tree) in entered:
            return
        entered.add(id(node.tree))
    under: Iterable[Node] = node.comparisons if isinstance(node, In | Between) else children(node)
    if isinstance(node, Compare | IsNull) or (
        isinstance(node, Variable | Constant) and node.type.kind == "boolean"
    ):
        yield node
    for one in under:
        yield from _atoms(one, entered)


_Possible = tuple[frozenset[bool | None], tuple[str, ...]]
_EITHER: frozenset[bool | None] = frozenset({True, False})


class _Row:
    """One row under a rule: the values of its variables and the truth of its atoms."""

    def __init__(self, rule: Rule, frame: pl.DataFrame, row: int) -> None:
        if rule.type.kind != "boolean":
            raise ValueError(f"{rule.text} is not true or false: nothing to explain")
        plan = _explanation(rule)
        self.tree = plan.tree
        _require(plan.variables, frame)
        if not 0 <= row < frame.height:
            raise IndexError(f"row {row} of a frame with {frame.height} rows")
        values = frame.slice(row, 1).select(plan.expressions).row(0) if plan.expressions else ()
        self.readings = {
            one.name: Reading(value, "days" if one.type.kind == "duration" else one.type.unit)
            for one, value in zip(plan.variables, values, strict=False)
        }
        self.truth: dict[int, bool | None] = {
            id(atom): value for atom, value in zip(plan.atoms, values[len(plan.variables) :], strict=True)
        }

    def value(self, node: Node) -> bool | None:
        """Whether a condition holds, by Kleene's logic over the atoms."""
        match node:
            case Not(part):
                return _negation(self.value(part))
            case And(parts):
                return _all([self.value(part) for part in parts])
            case Or(parts):
                return _any([self.value(part) for part in parts])
            case In():
                return _any([self.value(part) for part in node.comparisons])
            case Between():
                return _all([self.value(part) for part in node.comparisons])
            case Named(_, tree):
                return self.value(tree)
            case Case(branches, otherwise):
                return self.value(next((then for when, then in branches if self.value(when)), otherwise))
        return self.truth[id(node)]

    def clause(self, node: Node) -> Clause:
        reads = tuple((one.name, self.readings[one.name]) for one in variables(node))
        match node:
            case And(parts):
                clauses = tuple(self.clause(part) for part in parts)
                return Clause(text_of(node), _all([one.value for one in clauses]), reads, clauses, "and")
            case Or(parts):
                clauses = tuple(self.clause(part) for part in parts)
                return Clause(text_of(node), _any([one.value for one in clauses]), reads, clauses, "or")
            case Not(part):
                inner = self.clause(part)
                return Clause(text_of(node), _negation(inner.value), reads, (inner,), "not")
            case Named(name, tree):
                inner = self.clause(tree)
                return Clause(name, inner.value, reads, (inner,), "named")
        value = self.value(node)
        return Clause(text_of(node), value, reads, (), "leaf", tuple(_phrase(node, value).split("\0")))

    def possible(self, node: Node) -> _Possible:
        """The outcomes a condition can still have, and the unknown variables that decide between them."""
        match node:
            case Not(part):
                outcomes, names = self.possible(part)
                return frozenset(map(_negation, outcomes)), names
            case And(parts):
                return _joint([self.possible(part) for part in parts], decisive=False)
            case Or(parts):
                return _joint([self.possible(part) for part in parts], decisive=True)
            case In():
                return _joint([self.possible(part) for part in node.comparisons], decisive=True)
            case Between():
                return _joint([self.possible(part) for part in node.comparisons], decisive=False)
            case Named(_, tree):
                return self.possible(tree)
            case Case(branches, otherwise):
                names, reached = self._reached(branches, otherwise)
                results = [self.possible(one) for one in reached]
                outcomes = frozenset[bool | None]().union(*(one for one, _ in results))
                names += tuple(name for _, more in results for name in more)
                return (outcomes, names) if len(outcomes) > 1 else (outcomes, ())
        names = self.unknown(node)
        return (_EITHER, names) if names else (frozenset({self.truth[id(node)]}), ())

    def unknown(self, node: Node) -> tuple[str, ...]:
        """The unknown variables that could change the value of a node that is not made of conditions."""
        match node:
            case Variable(name):
                return (name,) if self.readings[name].value is None else ()
            case Case(branches, otherwise) if node.type.kind != "boolean":
                names, reached = self._reached(branches, otherwise)
                return names + tuple(name for one in reached for name in self.unknown(one))
            case Compare() | IsNull() | Arithmetic() | Negative():
                return tuple(name for one in children(node) for name in self.unknown(one))
            case Named(_, tree):
                return self.unknown(tree)
            case Constant():
                return ()
        return self.possible(node)[1]

    def _reached(
        self, branches: Sequence[tuple[Node, Node]], otherwise: Node
    ) -> tuple[tuple[str, ...], list[Node]]:
        """What the conditions of a CASE hang on, and the results it can still come to."""
        names: tuple[str, ...] = ()
        results: list[Node] = []
        for when, then in branches:
            outcomes, more = self.possible(when)
            names += more
            if True in outcomes:
                results.append(then)
            if outcomes == {True}:
                return names, results
        return names, [*results, otherwise]


def _negation(value: bool | None) -> bool | None:
    return None if value is None else not value


def _all(values: Sequence[bool | None]) -> bool | None:
    return False if False in values else None if None in values else True


def _any(values: Sequence[bool | None]) -> bool | None:
    return True if True in values else None if None in values else False


def _joint(parts: Sequence[_Possible], decisive: bool) -> _Possible:
    """The possible outcomes of an AND (decided by a False) or an OR (decided by a True)."""
    if any(outcomes == {decisive} for outcomes, _ in parts):
        return frozenset({decisive}), ()
    neither = not decisive
    outcomes: set[bool | None] = {decisive} if any(decisive in one for one, _ in parts) else set()
    if all(neither in one for one, _ in parts):
        outcomes.add(neither)
    if any(None in one for one, _ in parts) and all(one & {neither, None} for one, _ in parts):
        outcomes.add(None)
    names = tuple(name for _, more in parts for name in more)
    return (frozenset(outcomes), names) if len(outcomes) > 1 else (frozenset(outcomes), ())


def _phrase(node: Node, value: bool | None) -> str:
    """A leaf as a fact in words, each variable between two NUL characters."""
    match node:
        case Compare(op, left, right):
            return _fact(_words(left), f"{op} {_words(right)}", value)
        case In(one, options):
            return _fact(_words(one), f"one of {', '.join(map(_words, options))}", value)
        case Between(one, low, high):
            return _fact(_words(one), f"between {_words(low)} and {_words(high)}", value)
        case IsNull(one):
            return _fact(_words(one), "known", _negation(value))
        case Variable(name):
            return f"\0{name}\0"
    return _fact(_words(node), "true", value)


def _fact(subject: str, rest: str, value: bool | None) -> str:
    if value is None:
        return f"whether {subject} is {rest} is unknown"
    return f"{subject} is {rest}" if value else f"{subject} is not {rest}"


def _words(node: Node) -> str:
    match node:
        case Variable(name):
            return f"\0{name}\0"
        case Constant(text):
            return text[1:-1].replace("''", "'") if text.startswith("'") else text
    read = ", ".join(f"\0{one.name}\0" for one in variables(node))
    return f"{text_of(node)} [{read}]" if read else text_of(node)
