"""Events through a hierarchy of gates.

The fast way looks only at a parent's events, makes a compensated column once, and never transforms to compare
with a bound: the least channel value that reaches the bound is found once (`transform.threshold`), and values
are compared as they stand. Only what falls in the box around a polygon or an ellipsoid is transformed. The
exact way transforms every event for every gate, and asks each gate about all. Both give the same populations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .columns import Columns, Positions, Source
from .fcs.error import FcsError
from .gates import Boolean, Dimension, Mask, Polygon, Quadrant, Ratio, Rectangle, Shape
from .hierarchy import Hierarchy, Population
from .mesh import INSIDE, MIXED, mesh
from .sample import Events, Sample
from .transform import GatingError, threshold

Indices = NDArray[np.int32]

# A polygon's mesh is worth laying for more events than this (it is kept, but must be made once).
MESHED = 5_000


@dataclass(frozen=True, eq=False)
class Gated:
    """The events of each population.

    events: by population, indices into the sample's events, ascending. total: all events of the sample.
    undefined: by population, how many of its parent's events have no value in a dimension (a ratio over 0,
    the logarithm of a negative number). They are in neither the gate nor its complement.
    """

    hierarchy: Hierarchy
    total: int
    events: Mapping[str, Indices]
    undefined: Mapping[str, int]

    def count(self, name: str | None) -> int:
        """Events in a population; of the file for None. Raises KeyError."""
        return self.total if name is None else len(self.events[name])

    @property
    def counts(self) -> dict[str, int]:
        return {
            population.name: len(self.events[population.name]) for population in self.hierarchy.populations
        }


def gate(sample: Sample, hierarchy: Hierarchy, exact: bool = False) -> Gated:
    """Which events of the sample belong to each population.

    Raises GatingError where the sample lacks a channel that a gate asks for, or its matrix cannot be read.
    """
    return (_Exact if exact else _Fast)(sample, hierarchy).run()


class _Way:
    """What both ways share: the order, and what comes out."""

    def __init__(self, sample: Sample, hierarchy: Hierarchy) -> None:
        self.sample = sample
        self.hierarchy = hierarchy
        self.root = Columns(Source(sample))
        self.undefined: dict[str, int] = {}

    def run(self) -> Gated:
        events = {}
        for population in self.hierarchy.order:
            try:
                events[population.name] = self.members(population).astype(np.int32)
            except (GatingError, FcsError) as error:
                raise GatingError(f"population `{population.name}`: {error}") from None
        return Gated(self.hierarchy, self.sample.count, events, self.undefined)

    def members(self, population: Population) -> Positions:
        raise NotImplementedError

    def looked_at(self, population: Population) -> Mask | bool:
        """The parent's events among those that the gate is asked about."""
        raise NotImplementedError

    def chosen(self, population: Population, held: Mask, columns: Columns) -> Mask:
        """Those in the gate, or for a complement those not in it; never events that have no value."""
        defined = _defined(columns, population.gate.dimensions)
        if defined is not None:
            self.undefined[population.name] = int(np.count_nonzero(~defined & self.looked_at(population)))
            held = held & defined
        if not population.complement:
            return held
        return ~held if defined is None else ~held & defined


class _Exact(_Way):
    def __init__(self, sample: Sample, hierarchy: Hierarchy) -> None:
        super().__init__(sample, hierarchy)
        self.masks: dict[str | None, Mask] = {None: np.ones(sample.count, dtype=bool)}

    def members(self, population: Population) -> Positions:
        gate = population.gate
        if isinstance(gate, Boolean):
            held = _combined(gate, self.masks)
        else:
            held = gate.contains([self.root.scaled(dimension) for dimension in gate.dimensions])
        mask = self.chosen(population, held, self.root) & self.masks[population.parent]
        self.masks[population.name] = mask
        return np.flatnonzero(mask)

    def looked_at(self, population: Population) -> Mask | bool:
        return self.masks[population.parent]


class _Fast(_Way):
    def __init__(self, sample: Sample, hierarchy: Hierarchy) -> None:
        super().__init__(sample, hierarchy)
        self.columns: dict[str | None, Columns] = {None: self.root}

    def members(self, population: Population) -> Positions:
        columns = self.columns[population.parent]
        gate = population.gate
        held = self.combined(gate, columns) if isinstance(gate, Boolean) else inside(gate, columns)
        within = np.flatnonzero(self.chosen(population, held, columns))
        mine = self.columns[population.name] = Columns(columns.source, columns, within)
        assert mine.rows is not None
        return mine.rows

    def looked_at(self, population: Population) -> Mask | bool:
        return True

    def combined(self, gate: Boolean, columns: Columns) -> Mask:
        masks: dict[str | None, Mask] = {}
        for operand in gate.operands:
            mask = masks[operand.population] = np.zeros(self.sample.count, dtype=bool)
            mask[self.columns[operand.population].rows] = True
        inside = _combined(gate, masks)
        return inside if columns.rows is None else inside[columns.rows]


def inside(gate: Shape, columns: Columns) -> Mask:
    """Which of these events a gate holds, the fast way; events without a value in a dimension are in none."""
    held = np.ones(columns.count, dtype=bool)
    for dimension, (low, high) in zip(gate.dimensions, gate.box, strict=True):
        _narrow(held, columns.linear(dimension), dimension, low, high)
    defined = _defined(columns, gate.dimensions)
    if defined is not None:
        held &= defined
    if isinstance(gate, Rectangle | Quadrant):
        return held
    at = np.flatnonzero(held)
    if isinstance(gate, Polygon) and len(at) > MESHED:
        at = _settle(gate, columns, held, at)
    held[at] = gate.contains([columns.scaled(dimension, at) for dimension in gate.dimensions])
    return held


def _settle(gate: Polygon, columns: Columns, held: Mask, at: Positions) -> Positions:
    """Decide by the mesh about the events `at` these positions, and say which of them it leaves open."""
    x, y = gate.dimensions
    laid = mesh(x.transform, y.transform, gate.vertices)
    if laid is None:
        return at
    states = laid.look_up(columns.linear(x)[at], columns.linear(y)[at])
    held[at] = states == INSIDE
    left: Positions = at[states == MIXED]
    return left


def _narrow(
    inside: Mask, column: Events, dimension: Dimension, low: float | None, high: float | None
) -> None:
    """Leave those whose value, on the dimension's scale, is at least `low` and below `high`."""
    if low is not None:
        inside &= column >= _bound(column, dimension, low)
    if high is not None:
        inside &= column < _bound(column, dimension, high)


def _bound(column: Events, dimension: Dimension, bound: float) -> np.floating:
    """The least number of the column's type that the dimension's scale takes to `bound` or above."""
    exact = bound if dimension.transform is None else threshold(dimension.transform, bound)
    with np.errstate(over="ignore"):
        rounded = column.dtype.type(exact)
        return np.nextafter(rounded, column.dtype.type(math.inf)) if float(rounded) < exact else rounded


def _defined(columns: Columns, dimensions: tuple[Dimension, ...]) -> Mask | None:
    """Which events have a value in each dimension; None for all, where no dimension can lack one."""
    defined: Mask | None = None
    for dimension in dimensions:
        least = -math.inf if dimension.transform is None else dimension.transform.least
        if isinstance(dimension.channel, Ratio) or least > -math.inf:
            linear = columns.linear(dimension)
            here = ~np.isnan(linear) & (linear >= least)
            defined = here if defined is None else defined & here
    return defined


def _combined(gate: Boolean, masks: Mapping[str | None, Mask]) -> Mask:
    parts = [~masks[one.population] if one.complement else masks[one.population] for one in gate.operands]
    if gate.operation == "not":
        return ~parts[0]
    return np.asarray(
        np.logical_and.reduce(parts) if gate.operation == "and" else np.logical_or.reduce(parts)
    )
