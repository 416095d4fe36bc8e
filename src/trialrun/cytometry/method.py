"""Gates that are found in the events: for each word of a panel the function that finds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trialrun.protocol import population as said
from trialrun.protocol.population import Population

from .gates import Mask

Values = NDArray[np.float64]
Range = tuple[float, float]


class NotEstimable(Exception):
    """What cannot be found in these events, with the reason in words."""


class Found(Protocol):
    """A gate as a method found it."""

    def holds(self, values: Values) -> Mask:
        """Which events it holds. values: markers × events on their scales, in the order of `markers`."""


@dataclass(frozen=True)
class Edge:
    """A value on a marker's scale; it belongs to the high side. apart: how clean the cut is, 0 to 1."""

    at: float
    keep: str
    apart: float | None = None

    def holds(self, values: Values) -> Mask:
        (row,) = values
        held: Mask = row >= self.at if self.keep == "high" else row < self.at
        return held


@dataclass(frozen=True)
class Component:
    """The events that are at least so probably of one component of a mixture."""

    mixture: object
    number: int
    probability: float

    def holds(self, values: Values) -> Mask:
        from .mixture import Mixture

        assert isinstance(self.mixture, Mixture)
        held: Mask = self.mixture.posterior(values)[self.number] >= self.probability
        return held


@dataclass(frozen=True)
class Single:
    """The events whose area is what their height foretells."""

    line: object

    def holds(self, values: Values) -> Mask:
        from .singlets import Singlets

        assert isinstance(self.line, Singlets)
        return self.line.members(*values)


def markers(population: Population) -> tuple[str, ...]:
    """The markers that a method looks at, in the order of its values."""
    by = getattr(population, "by", ())
    named = (by,) if isinstance(by, str) else tuple(by)
    return named or (*getattr(population, "high", ()), *getattr(population, "low", ()))


def find(population: Population, values: Values, between: Range) -> Found:
    """The gate of a population in the events of its parent, pooled over samples.

    values: markers × events on their scales, finite; between: where a cut may lie, on the scale. Raises
    NotEstimable.
    """
    match population:
        case said.Density():
            return _valley(population, values[0], between)
        case said.Tail():
            return _tail(population, values[0], between)
        case said.Control():
            return _percentile(population, values[0])
        case said.Singlets():
            return _single(population, values)
        case said.Mixture():
            return _component(population, values)
    raise NotEstimable(f"the method `{population.method}` cannot be used here")


def _valley(population: said.Density, row: Values, between: Range) -> Edge:
    from .density import valley

    cut = valley(row, within=between)
    if cut.threshold is None:
        raise NotEstimable("; ".join(cut.reasons))
    return Edge(cut.threshold, population.keep, cut.separation)


def _tail(population: said.Tail, row: Values, between: Range) -> Edge:
    """The tail on the side of the cells that are looked for; the rest are the peak."""
    from .density import tail

    side = "right" if population.keep == "high" else "left"
    cut = tail(row, side, population.tolerance)  # type: ignore[arg-type]
    if cut.threshold is None:
        raise NotEstimable("; ".join(cut.reasons))
    return Edge(min(max(cut.threshold, between[0]), between[1]), population.keep, cut.separation)


def _percentile(population: said.Control, row: Values) -> Edge:
    from .density import FEWEST, significant

    if len(row) < FEWEST:
        raise NotEstimable(f"the control has {len(row)} events of the parent, at least {FEWEST} are needed")
    return Edge(significant(float(np.percentile(row, population.percentile))), population.keep)


def _single(population: said.Singlets, values: Values) -> Single:
    from .singlets import fit

    lit = values[:, values[1] > 0]  # what has no height is no cell
    line = fit(lit[0], lit[1], population.level)
    if not line.estimable:
        raise NotEstimable("; ".join(line.reasons))
    return Single(line)


def _component(population: said.Mixture, values: Values) -> Component:
    """The component that lies highest and lowest where the panel says so, else the largest."""
    from .mixture import fit

    found = fit(values, population.components)
    if not found.estimable:
        raise NotEstimable("; ".join(found.reasons))
    if not population.high and not population.low:
        return Component(found, int(np.argmax(found.weights)), population.probability)
    signs = [(name in population.high) * 1.0 - (name in population.low) * 1.0 for name in population.by]
    spread = values.std(axis=1)
    score = (found.means / spread * np.array(signs)).sum(axis=1)
    return Component(found, int(np.argmax(score)), population.probability)
