"""Which values are worth trying: what the rules themselves compare with, and just beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from trialrun.protocol.form import Item
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule import Constant, Node, Rule, children
from trialrun.protocol.unit import UnitError, convert

BODY: Mapping[str, float] = {"kg": 70.0, "cm": 170.0}
"""Ordinary measures of a body, where the study gives no range."""

WORDS = "as it was"  # an answer to a question in words


@dataclass(frozen=True, order=True)
class Ago:
    """A date so many days before the form is filled."""

    days: int


@dataclass(frozen=True)
class Choices:
    """The values to try for every item, ordinary ones first, and the numbers that rules compare with."""

    protocol: Protocol

    def of(self, form: str, item: str) -> list[Any]:
        """Values of an item: ordinary, at, just below and just above each threshold; every code; dates."""
        asked = self.protocol.forms[form].items[item]
        if asked.type == "boolean":
            return [False, True]
        if asked.type == "choice":
            return list(asked.codes)
        if asked.type == "date":
            return [Ago(days) for days in self.days]
        if asked.type == "text":
            return [WORDS]
        return self._numbers(form, item, asked)

    def _numbers(self, form: str, item: str, asked: Item) -> list[float]:
        places = 0 if asked.type == "integer" else asked.decimals or 0
        step = 10.0**-places
        ordinary = nominal(asked)
        near = []
        for rule in self._readers.get((form, item), ()):
            for constant in constants(rule.tree):
                for limit in _limits(constant, asked, ordinary):
                    near += [limit, limit - step, limit + step]
        allowed = asked.limits
        kept = [round(n, places) for n in near if allowed is None or n in allowed]
        return list(dict.fromkeys([ordinary, *kept]))

    @cached_property
    def _readers(self) -> dict[tuple[str, str], list[Rule]]:
        """Item -> the rules that read it, themselves or through a variable."""
        found: dict[tuple[str, str], list[Rule]] = {}
        for name, rule in self.protocol.rules.items():
            kind, own = name.split(".")[:2]
            form = own if kind == "forms" else ""
            form = self.protocol.variables[own].reads[0] if kind == "variables" else form
            for read in rule.reads:
                if form and read in self.protocol.forms[form].items:
                    found.setdefault((form, read), []).append(rule)
                elif read in self.protocol.variables:
                    found.setdefault(self.protocol.variables[read].reads, []).append(rule)
        return found

    @cached_property
    def days(self) -> list[int]:
        """Lengths of time that rules compare with, just less and just more, in whole days; 0 first."""
        lengths = {
            int(float(constant.value))
            for rule in self.protocol.rules.values()
            for constant in constants(rule.tree)
            if constant.type.kind == "duration" and isinstance(constant.value, float)
        }
        near = sorted({0, *(day + by for day in lengths for by in (-1, 0, 1) if day + by >= 0)})
        return near or [0]

    def numbers(self, rule: Rule) -> list[float]:
        """Whole numbers and lengths that a rule compares with, each with its neighbours."""
        said = [c.value for c in constants(rule.tree) if isinstance(c.value, float)]
        return sorted({max(0.0, number + by) for number in said for by in (-1, 0, 1)})


def nominal(asked: Item) -> float:
    """An ordinary value of a number: the middle of its usual range, else of its limits."""
    found = asked.usual or asked.limits
    middle = (found.low + found.high) / 2 if found else BODY.get(str(asked.unit), 1.0)
    places = 0 if asked.type == "integer" else asked.decimals or 0
    return round(middle, places)


def constants(node: Node) -> Iterator[Constant]:
    """Every constant of a tree."""
    if isinstance(node, Constant):
        yield node
    for child in children(node):
        yield from constants(child)


def _limits(constant: Constant, asked: Item, ordinary: float) -> Iterator[float]:
    """What a constant says of an item: a value in its unit, a factor, or a distance."""
    if not isinstance(constant.value, float):
        return
    unit = None if asked.unit == "none" else asked.unit
    try:
        value = convert(constant.value, constant.type.unit or unit or "1", unit or "1")
    except UnitError:
        return
    yield value
    yield ordinary + value
    if constant.type.unit is None:
        yield ordinary * value


def reads(protocol: Protocol, rule: Rule) -> Iterator[tuple[str, str]]:
    """(form, item) of everything that decides what a rule says, through variables, their rows and proofs."""
    for name in sorted(rule.reads):
        variable = protocol.variables.get(name)
        if variable is None:
            continue
        yield from variable.read_all
        inner = protocol.rules.get(f"variables.{name}")
        form = variable.reads[0]
        if inner is not None:
            yield from ((form, item) for item in sorted(inner.reads) if item in protocol.forms[form].items)
        if variable.complete:
            proof, _, item = variable.complete.partition("@")[0].strip().partition(".")
            yield proof, item
