"""Which entries a decision rested on, and the values it read in a shape that can be stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from trialrun.protocol.protocol import Protocol
from trialrun.protocol.variable import Variable
from trialrun.record.projection import Filled, Projection


def storable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON: a date as its ISO text, an unknown as None."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def entries_read(known: Projection, decision: str) -> list[int]:
    """Numbers of the entries that set what a decision's rules read, and of the forms it needs, in order."""
    protocol = known.protocol
    rules = [rule for name, rule in protocol.rules.items() if name.startswith(f"decisions.{decision}.")]
    names = _followed(protocol, {name for rule in rules for name in rule.reads})
    found = {number for name in names for number in _entries(known, protocol.variables[name], decision)}
    found |= {
        known.filled[form, decision].sequence
        for form in protocol.decisions[decision].needs
        if (form, decision) in known.filled
    }
    return sorted(found)


def _followed(protocol: Protocol, names: Iterable[str]) -> set[str]:
    """The variables, and those that the conditions of their rows read in turn."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in protocol.variables and name not in found:
            found.add(name)
            rule = protocol.rules.get(f"variables.{name}")
            waiting += rule.reads if rule else ()
    return found


def _entries(known: Projection, variable: Variable, point: str) -> set[int]:
    """An item: the entry that set the value. An aggregate: those of its rows, and of their proof."""
    form, item = variable.reads
    places = {place: filled for (name, place), filled in known.filled.items() if name == form}
    if variable.aggregate is None:
        for moment in variable.at:
            filled = _at(places, item, moment, point)
            if filled:
                return {filled.cells[item].sequence}
        return set()
    found = {cell.sequence for filled in places.values() for cell in filled.cells.values()}
    if variable.complete:
        where, _, at = variable.complete.partition("@")
        proof, _, stated = where.strip().partition(".")
        filled = known.filled.get((proof, point if at.strip() == "this visit" else at.strip()))
        if filled and stated in filled.cells:
            found.add(filled.cells[stated].sequence)
    return found


def _at(places: Mapping[str, Filled], item: str, moment: str, point: str) -> Filled | None:
    """The form that holds the item at a moment, if it was answered there."""
    answered = {
        place: filled
        for place, filled in places.items()
        if item in filled.cells and filled.cells[item].content is not None
    }
    if moment == "latest":
        return max(answered.values(), key=lambda filled: filled.happened, default=None)
    named = {"this visit": point, "course day 1": f"{point.split('.')[0]}.D1"}
    return answered.get(named.get(moment, moment))
