"""Populations within populations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from .gates import Boolean, Gate
from .transform import GatingError


@dataclass(frozen=True)
class Population:
    """Events of the parent (None: of the file) that the gate holds, or as a complement those it does not."""

    name: str
    gate: Gate
    parent: str | None = None
    complement: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The populations to know before this one."""
        parent = () if self.parent is None else (self.parent,)
        combined = self.gate.operands if isinstance(self.gate, Boolean) else ()
        return (*parent, *(operand.population for operand in combined))


@dataclass(frozen=True)
class Hierarchy:
    """Populations by unique names, in any order.

    Raises GatingError where a name is taken twice, where a population is asked for that is not there, or
    where populations wait for each other in a circle.
    """

    populations: tuple[Population, ...]

    def __init__(self, populations: Iterable[Population]) -> None:
        object.__setattr__(self, "populations", tuple(populations))
        names = [population.name for population in self.populations]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise GatingError(f"population `{twice[0]}` is there twice; give each its own name")
        for population in self.populations:
            for needed in population.needs:
                if needed not in names:
                    raise GatingError(
                        f"population `{population.name}`: there is no population `{needed}`; "
                        f"there are {', '.join(names)}"
                    )
        _ = self.order

    @cached_property
    def by_name(self) -> dict[str, Population]:
        return {population.name: population for population in self.populations}

    @cached_property
    def order(self) -> tuple[Population, ...]:
        """Each after those it needs."""
        sorter = TopologicalSorter({one.name: one.needs for one in self.populations})
        try:
            return tuple(self.by_name[name] for name in sorter.static_order())
        except CycleError as error:
            raise GatingError(
                f"populations wait for each other in a circle: {' → '.join(error.args[1])}"
            ) from None

    def children(self, name: str | None) -> tuple[Population, ...]:
        """Those gated on `name`, or on the whole file for None."""
        return tuple(one for one in self.populations if one.parent == name)

    def path(self, name: str) -> tuple[str, ...]:
        """From the outermost population to `name`. Raises KeyError."""
        names = [name]
        while (parent := self.by_name[names[-1]].parent) is not None:
            names.append(parent)
        return tuple(reversed(names))
