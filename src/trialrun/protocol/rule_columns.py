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
from trialrun.protocol.rule_expression import column, comparisons, expression

__all__ = ["Clause", "ColumnError", "Reading", "evaluate", "explain", "expression", "missing", "sentence"]

_NUMERIC = frozenset[Any]({
    pl.Float64, pl.Float32, pl.Int64, pl.Int32, pl.Int16, pl.Int8, pl.UInt64, pl.UInt32, pl.UInt16, pl.UInt8, pl.Null,
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
    return frame.with_columns(expressions).select(names)


@lru_cache(maxsize=256)
def _plan(rules: tuple[tuple[str, Rule], ...]) -> tuple[list[str], list[pl.Expr], tuple[Variable, ...]]:
    read = {variable.name: variable for _, rule in rules for variable in variables(rule.tree)}
    return [name for name, _ in rules], [expression(rule).alias(name) for name, rule in rules], tuple(read.values())


def _require(read: Sequence[Variable], frame: pl.DataFrame) -> None:
    """Raise `ColumnError` unless the frame has the columns of these variables, in their types."""
    schema: dict[str, Any] = dict(zip(frame.columns, frame.dtypes, strict=True))
    lacking = sorted(variable.name for variable in read if variable.name not in schema)
    if lacking:
        raise ColumnError(f"the frame lacks the columns {', '.join(lacking)}; give unknown values as null")
    for variable in read:
        held = schema[variable.name]
        if held.base_type() not in _TAKEN[variable.type.kind]:
            raise ColumnError(f"column {variable.name} holds {held}, but the variable is a {variable.type.kind}")


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
    """The decision of one row, clause by clause. The rule must be Boolean. Raises as `evaluate`, or IndexError."""
    return _Row(rule, frame, row).clause(rule.tree)


def missing(rule: Rule, frame: pl.DataFrame, row: int = 0) -> tuple[str, ...]:
    """The variables that are unknown and whose knowing could still change the outcome, in the rule's order.

    Every unknown variable is taken to be able to become anything, each on its own; so ``x OR NOT x``
    names x, although no value of it matters.
    """
    at = _Row(rule, frame, row)
    return tuple(dict.fromkeys(at.possible(rule.tree)[1]))


def sentence(clause: Clause, names: Mapping[str, str] | None = None) -> str:
    """The facts that decided a clause, in plain words; ``names`` gives variables and definitions other names.

    Each fact is true as said, also under a NOT; an unknown clause names what is unknown.
    """
    names = names or {}
    readings = dict(clause.reads)
    if clause.kind == "leaf":
        said = [f"{names.get(one, one)} {readings[one]}" if i % 2 else one for i, one in enumerate(clause.phrase)]
        return "".join(said)
    if clause.kind == "named":
        value = {True: "true", False: "false", None: "unknown"}[clause.value]
        reasons = "; ".join(sentence(part, names) for part in clause.parts)
        return f"{names.get(clause.text, clause.text)} is {value} ({reasons})"
    decisive = [part for part in clause.parts if clause.kind == "not" or part.value == clause.value]
    return " and ".join(dict.fromkeys(sentence(part, names) for part in decisive))


@dataclass(frozen=True)
class _Explanation:
    """What explaining a rule needs of a row: its variables and its atoms, the conditions that are not made of others."""

    variables: tuple[Variable, ...]
    atoms: tuple[Node, ...]
    expressions: tuple[pl.Expr, ...]


@lru_cache(maxsize=1024)
def _explanation(rule: Rule) -> _Explanation:
    read = tuple(variables(rule.tree))
    atoms = tuple({id(atom): atom for atom in _atoms(rule.tree)}.values())
    held = [pl.col(one.name) if one.type.kind == "date" else column(one) for one in read]
    named = [expr.alias(str(place)) for place, expr in enumerate([*held, *map(column, atoms)])]
    return _Explanation(read, atoms, tuple(named))
