"""What a protocol says, value by value, in a form in which equal content is equal whatever its wording.

A rule becomes what it means: the order of what AND, OR and IN join, the unit a quantity is written in and
the side on which it stands do not matter. The order of a list matters only where a reader goes by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

from trialrun.protocol import source
from trialrun.protocol.border import seal
from trialrun.protocol.borders import FILE as BORDERS
from trialrun.protocol.compile import OPTIONAL
from trialrun.protocol.element import Part
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rename import Renames
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
)  # fmt: skip
from trialrun.protocol.rulebook import stated
from trialrun.protocol.unit import Unit, UnitError

Path = tuple[str, ...]

IN_ORDER = {("variables", "at"), ("study", "languages")}
"""Lists (section, key) of which the order says something: the first moment with a value counts."""

_MIRRORED = {">": "<", ">=": "<="}


@dataclass(frozen=True)
class Content:
    """values: path -> a value as read (a Rule for a rule); elements: path -> a named member of a collection;
    meanings: path -> what makes two values the same."""

    values: dict[Path, Any] = field(default_factory=dict)
    elements: dict[Path, Part] = field(default_factory=dict)
    meanings: dict[Path, Hashable] = field(default_factory=dict)

    def under(self, path: Path) -> dict[Path, Hashable]:
        """The meanings below a path, named from there."""
        return {at[len(path) :]: self.meanings[at] for at in self.below.get(path, ())}

    @cached_property
    def below(self) -> Mapping[Path, list[Path]]:
        """Every path and the paths of the values below it; asked for once all values are there."""
        found: dict[Path, list[Path]] = defaultdict(list)
        for at in self.values:
            for depth in range(len(at) + 1):
                found[at[:depth]].append(at)
        return dict(found)


def content(protocol: Protocol, renames: Renames | None = None) -> Content:
    """Everything the files of a protocol say, the names in it changed by ``renames``."""
    renames = renames or Renames()
    found = Content()
    rules = {
        tuple(map(str, one.path)): protocol.rules[one.name]
        for one in stated(protocol.study, protocol.forms, protocol.variables, protocol.types)
    }
    for path, value, element in _walked(protocol):
        name = renames.path(path)
        if element:
            found.elements[name] = value
            continue
        found.values[name] = rules.get(path, value)
        if path in rules:
            form = protocol.variables[path[1]].reads[0] if path[0] == "variables" else path[1]
            row = path[0] in ("variables", "forms")
            found.meanings[name] = meaning(rules[path].tree, renames.variables(form if row else None))
        else:
            found.meanings[name] = _plain(path, renames.value(path, value))
    return found


def _walked(protocol: Protocol) -> Iterator[tuple[Path, Any, bool]]:
    """(path, value or element, whether it is an element)."""
    yield from _part(protocol.study, ())
    yield from _dict(protocol.forms, ("forms",))
    yield from _dict(protocol.variables, ("variables",))
    yield from _part(protocol.sources, ())
    for file in OPTIONAL:
        if file in protocol.files:
            said = source.parse(protocol.files[file], file).content
            yield from _raw(_hashes(said) if file == BORDERS else said, (file,))


def _hashes(said: Mapping[str, Any]) -> dict[str, Any]:
    """A learnt border by the beginning of its hash alone: its numbers tell nobody what changed."""
    return {"borders": {name: f"SHA-256 {seal(border)[:16]}…" for name, border in said["borders"].items()}}


def _part(part: Part, path: Path) -> Iterator[tuple[Path, Any, bool]]:
    for name, about in type(part).model_fields.items():
        value = getattr(part, name)
        here = (*path, about.alias or name)
        if isinstance(value, Part):
            yield from _part(value, here)
        elif isinstance(value, Mapping):
            yield from _dict(value, here)
        elif isinstance(value, tuple) and value and isinstance(value[0], Part):
            yield from _dict({str(getattr(one, "id", i)): one for i, one in enumerate(value)}, here)
        elif value is not None and value != ():
            yield here, value, False


def _dict(members: Mapping[Any, Any], path: Path) -> Iterator[tuple[Path, Any, bool]]:
    for name, member in members.items():
        here = (*path, str(name))
        if isinstance(member, Part):
            yield here, member, True
            yield from _part(member, here)
        else:
            yield here, member, False


def _raw(value: Any, path: Path) -> Iterator[tuple[Path, Any, bool]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _raw(inner, (*path, str(name)))
    else:
        yield path, value, False


def _plain(path: Path, value: Any) -> Hashable:
    """A value that is not a rule: a list as a set, where its order says nothing."""
    if path[0] in OPTIONAL:
        return repr(value)
    section = path[0] if len(path) > 1 else "study"
    if isinstance(value, tuple) and (section, path[-1]) not in IN_ORDER:
        return frozenset(value)
    return value  # type: ignore[no-any-return]


# ---- rules ---------------------------------------------------------------------------------------


def meaning(node: Node, names: Mapping[str, str] | None = None) -> Hashable:
    """What a rule means: the same for rules that differ in wording only. ``names``: new names."""
    names = names or {}
    match node:
        case Variable(name):
            return names.get(name, name)
        case Constant():
            return _constant(node)
        case And() | Or():
            return (type(node).__name__, frozenset(meaning(part, names) for part in parts(node)))
        case Not(part):
            return ("not", meaning(part, names))
        case Compare(op, left, right):
            return _comparison(op, meaning(left, names), meaning(right, names))
        case In(value, options):
            return ("in", meaning(value, names), frozenset(meaning(one, names) for one in options))
        case Between():
            return ("And", frozenset(meaning(part, names) for part in node.comparisons))
        case IsNull(value):
            return ("null", meaning(value, names))
        case Case(branches, otherwise):
            listed = tuple((meaning(when, names), meaning(then, names)) for when, then in branches)
            return ("case", listed, meaning(otherwise, names))
        case Arithmetic(op, left, right):
            both = (meaning(left, names), meaning(right, names))
            return (op, frozenset(both) if op in "+*" and both[0] != both[1] else both)
        case Negative(value):
            return ("minus", meaning(value, names))
        case Named(_, tree):
            return meaning(tree, names)
    raise TypeError(f"{type(node).__name__} is not a node of a rule")


def parts(node: Node) -> tuple[Node, ...]:
    """What AND or OR joins, also through its like inside; a BETWEEN inside an AND as its two ends."""
    if not isinstance(node, And | Or):
        return (node,)
    found: list[Node] = []
    for part in node.parts:
        found += parts(part) if type(part) is type(node) else [part]
        if isinstance(part, Between) and isinstance(node, And):
            found[-1:] = part.comparisons
    return tuple(found)


def _comparison(op: str, left: Hashable, right: Hashable) -> Hashable:
    if op in _MIRRORED:
        return (_MIRRORED[op], right, left)
    return (op, frozenset((left, right))) if op in ("=", "<>") else (op, left, right)


def _constant(node: Constant) -> Hashable:
    """A quantity in base units, exactly."""
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        return ("value", node.value)
    try:
        unit = Unit.parse(node.type.measure or "1")
    except UnitError:
        return ("value", node.value, node.type.measure)
    size = Fraction(repr(node.value)) * unit.scale + unit.zero
    return ("value", size, unit.dimensions, unit.annotations)


def rule_of(value: Any) -> Node | None:
    """The tree of a value that is a rule."""
    return value.tree if isinstance(value, Rule) else None
