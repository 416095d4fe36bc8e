"""The populations of a panel in the samples of one participant (or batch), with one gate for all of them.

A gate that is found in the events is found in those of all samples together, in the order of the files'
hashes: it does not know which visit a sample is of, nor who came first.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trialrun.protocol import population as said
from trialrun.protocol.lineage import in_order
from trialrun.protocol.panel import Panel
from trialrun.protocol.population import ALL, Population
from trialrun.protocol.rule import BOOLEAN as YES_NO
from trialrun.protocol.rule import And, Named, Node, Not, Or, Variable, parse

from .columns import Columns, Source
from .engine import Indices, inside
from .fcs.error import FcsError
from .gates import Divider, Ellipsoid, Mask, Polygon, Quadrant, Rectangle, Shape
from .marker import Scales
from .method import Border, Edge, Found, Imported, NotEstimable, Values, find, markers
from .sample import Sample
from .template import Template
from .transform import GatingError
from .transitional import Share

MOST = 100_000
"""Events of one sample that a gate is found in, evenly spaced; an assumption: more do not move it."""


@dataclass(frozen=True, eq=False)
class Populated:
    """The populations of one sample.

    events: by population, indices into the sample's events, ascending (int32). reasons: of each population
    that cannot be known, why; it has no events. gates: by population, what can be drawn. found: what a method
    found, by population. shares: of a population that no valley parts from the rest, its share of the parent
    and how far that may be off.
    """

    panel: Panel
    sample: Sample
    scales: Scales
    events: Mapping[str, Indices]
    reasons: Mapping[str, str]
    gates: Mapping[str, Shape] = field(default_factory=dict)
    found: Mapping[str, Found] = field(default_factory=dict)
    shares: Mapping[str, Share] = field(default_factory=dict)

    def count(self, name: str) -> int | None:
        """Events in a population (`all`: of the file), None where it cannot be known."""
        if name == ALL:
            return self.sample.count
        return None if name in self.reasons else len(self.events[name])

    def error(self, name: str, of: str = ALL) -> float:
        """The standard error of a population's number that comes from where borders lie, its own and those of
        its parents below `of`, relative to that number; 0 where valleys part it from the rest."""
        if name in (ALL, of):
            return 0.0
        one, own = self.panel.populations[name], 0.0
        share = self.shares.get(name)
        if share and share.percent and share.gate is not None:
            own = share.gate / share.percent
        elif isinstance(one, said.Boolean) and (count := self.count(name)):
            named = _named(parse(one.where, dict.fromkeys(self.panel.populations, YES_NO)).tree)
            own = math.hypot(*(self.error(other, of) * (self.count(other) or 0) / count for other in named))
        return math.hypot(own, self.error(one.of, of))

    def reason(self, name: str) -> str:
        """Why a population is not known."""
        return self.reasons[name]

    def values(self, marker: str, name: str) -> NDArray[np.float64]:
        """A marker in a population: compensated, on the channel's own scale. Raises GatingError."""
        rows = None if name == ALL else self.events[name].astype(np.intp)
        columns = Columns(Source(self.sample))
        if rows is not None:
            columns = Columns(columns.source, columns, rows)
        return columns.linear(self.scales.linear(marker)).astype(np.float64, copy=False)


def populate(
    panel: Panel,
    samples: Sequence[Sample],
    controls: Mapping[str, Sequence[Sample]] | None = None,
    templates: Mapping[str, Template | str] | None = None,
    gates: Mapping[str, Imported | str] | None = None,
    aside: Collection[str] = (),
) -> tuple[Populated, ...]:
    """Gate samples that belong together; the result is in their order.

    controls: by the name of a reference, its samples: they are gated like the others, and change no gate but
    those that ask for them. templates: as `training.templates` learns them; gates: as `method.imported` reads
    them. aside: the SHA-256 of samples that no gate is found in. Raises GatingError or FcsError where a
    sample's matrix cannot be read.
    """
    walks = [_Walk(panel, sample) for sample in samples]
    others = {name: [_Walk(panel, one) for one in some] for name, some in (controls or {}).items()}
    pooled = sorted(
        (walk for walk in walks if walk.sample.sha256 not in aside), key=lambda walk: walk.sample.sha256
    )
    for name in in_order(panel):
        one = panel.populations[name]
        asked = pooled
        if isinstance(one, said.Control):
            asked = sorted(others.get(one.control, []), key=lambda walk: walk.sample.sha256)
        found = (gates or {}).get(name) or _found(name, one, asked, (templates or {}).get(name))
        for walk in (*walks, *(walk for some in others.values() for walk in some)):
            walk.step(name, one, found)
    return tuple(walk.populated() for walk in walks)


def adjusted(automatic: Populated, gates: Mapping[str, Population]) -> Populated:
    """The same sample with some populations gated by hand; all other gates stay as they were found."""
    walk = _Walk(automatic.panel, automatic.sample)
    for name in in_order(automatic.panel):
        one = gates.get(name, automatic.panel.populations[name])
        found: Found | str | None = None
        if isinstance(one, AUTOMATIC):
            found = automatic.found.get(name) or automatic.reasons.get(name, "")
        walk.step(name, one, found)
    return walk.populated()


AUTOMATIC = (said.Singlets, said.Density, said.Tail, said.Mixture, said.Transitional, said.Control)


def _found(
    name: str, one: Population, walks: Sequence[_Walk], template: Template | str | None = None
) -> Found | str | None:
    """A population's gate in the events of all these samples, or why there is none; None if it is said."""
    if isinstance(one, said.Transitional) and one.learnt and template is None:
        raise ValueError("a population whose border is learnt needs its template")
    if isinstance(template, str):
        return template
    if not isinstance(one, AUTOMATIC):
        return None
    if not walks:
        return f"no sample of the control `{one.control}` is there" if isinstance(one, said.Control) else ""
    parts: list[Values] = []
    able: list[_Walk] = []
    reason = ""
    for walk in [walk for walk in walks if one.of not in walk.doubtful] or walks:
        if one.of in walk.reasons:
            reason = reason or f"its parent `{one.of}` is not known: {walk.reasons[one.of]}"
            continue
        try:
            values = walk.values(one)
        except (GatingError, FcsError) as error:  # it says so of itself; the others do not wait for it
            reason = reason or str(error)
            continue
        parts.append(_thinned(values))
        able.append(walk)
    if not parts:
        return reason
    try:
        found = find(one, parts, able[0].between(one), template)
    except (NotEstimable, GatingError) as error:
        return str(error)
    if isinstance(found, Edge | Border):
        for number, (walk, part) in enumerate(zip(able, parts, strict=True)):
            walk.own[name] = _judged(found, part, number)
            if isinstance(found, Edge) and number in found.aside:
                walk.doubtful.add(name)
    return found


def _judged(found: Edge | Border, values: Values, number: int | None = None) -> Edge | Border | str:
    """A gate that samples share as it holds for one of them, or why it does not."""
    try:
        return found.judged(values, number)
    except NotEstimable as error:
        return str(error)


def _thinned(values: Values) -> Values:
    """As many events as a gate is found in, those that are finite."""
    few = values[:, :: -(-values.shape[1] // MOST) or 1]
    return few[:, np.isfinite(few).all(axis=0)]


class _Walk:
    """One sample on its way from parent to child."""

    def __init__(self, panel: Panel, sample: Sample) -> None:
        self.panel = panel
        self.sample = sample
        self.scales = Scales(panel, sample)
        self.columns: dict[str, Columns] = {ALL: Columns(Source(sample))}
        self.reasons: dict[str, str] = {}
        self.gates: dict[str, Shape] = {}
        self.found: dict[str, Found] = {}
        self.shares: dict[str, Share] = {}
        self.own: dict[str, Edge | Border | str] = {}  # gates of all, as they hold for this sample
        # Populations whose cut was found without this sample, what lies below and what is made from them.
        self.doubtful: set[str] = set()

    def populated(self) -> Populated:
        events = {
            name: np.asarray(columns.rows, dtype=np.int32)
            for name, columns in self.columns.items()
            if name != ALL
        }
        return Populated(
            self.panel, self.sample, self.scales, events, self.reasons, self.gates, self.found, self.shares
        )

    def step(self, name: str, one: Population, found: Found | str | None) -> None:
        """Take in one population. found: what its method found, or why it found nothing."""
        if not self.doubtful.isdisjoint((one.of, *self._parts(one))):
            self.doubtful.add(name)
        try:
            if one.of in self.reasons:
                raise NotEstimable(f"its parent `{one.of}` is not known: {self.reasons[one.of]}")
            if isinstance(found, str):
                raise NotEstimable(found)
            held = self._held(name, one, found)
        except (NotEstimable, GatingError, FcsError) as error:
            self.reasons[name] = str(error)
            return
        parent = self.columns[one.of]
        self.columns[name] = Columns(parent.source, parent, np.flatnonzero(held))

    def _held(self, name: str, one: Population, found: Found | None) -> Mask:
        columns = self.columns[one.of]
        if isinstance(one, said.Boolean):
            mask = self._combined(self._rule(one))
            return mask if columns.rows is None else mask[columns.rows]
        if found is not None:
            if isinstance(found, Edge | Border):
                own = self.own.get(name) or _judged(found, _thinned(self.values(one)))
                if isinstance(own, str):
                    raise NotEstimable(own)
                found = own
            self.found[name] = found
            if isinstance(found, Imported):
                self.gates[name] = found.shape
                return inside(found.shape, columns)
            if isinstance(found, Edge):
                bounds = (found.at, None) if found.keep == "high" else (None, found.at)
                gate: Shape = Rectangle((self.scales.dimension(markers(one)[0]),), (bounds,))
                self.gates[name] = gate
                return inside(gate, columns)
            values = self.values(one)
            known = np.isfinite(values).all(axis=0)
            held = np.zeros(values.shape[1], dtype=bool)
            if isinstance(found, Border):
                held[known], self.shares[name] = found.taken(values[:, known])
            else:
                held[known] = found.holds(values[:, known])
            return held
        gate = self._said(one)
        self.gates[name] = gate
        return inside(gate, columns)

    def _rule(self, one: said.Boolean) -> Node:
        return parse(one.where, dict.fromkeys(self.panel.populations, YES_NO)).tree

    def _parts(self, one: Population) -> set[str]:
        """The populations that it is made from by a rule."""
        return _named(self._rule(one)) if isinstance(one, said.Boolean) else set()

    def values(self, one: Population) -> Values:
        """Markers × events of the parent, on their scales."""
        columns = self.columns[one.of]
        return np.stack([columns.scaled(self.scales.dimension(marker)) for marker in markers(one)])

    def between(self, one: Population) -> tuple[float, float]:
        """Where a cut may lie, on the scale."""
        low, high = getattr(one, "between", (None, None))
        marker = markers(one)[0]
        return (
            -math.inf if low is None else self._scaled(marker, low),
            math.inf if high is None else self._scaled(marker, high),
        )

    def _scaled(self, marker: str, value: float) -> float:
        transform = self.scales.dimension(marker).transform
        assert transform is not None
        found = float(transform.apply(np.array([value], dtype=np.float64))[0])
        if not math.isfinite(found):
            raise GatingError(
                f"{value:g} is no value of the scale of {marker}; choose another scale or value"
            )
        return found

    def _said(self, one: Population) -> Shape:
        """A gate whose place the panel says."""
        match one:
            case said.Rectangle():
                bounds = tuple((low, high) for low, high in one.within.values())
                return Rectangle(tuple(self.scales.linear(marker) for marker in one.within), bounds)
            case said.Polygon():
                x, y = (self.scales.dimension(marker) for marker in one.by)
                corners = tuple(
                    (self._scaled(one.by[0], a), self._scaled(one.by[1], b)) for a, b in one.corners
                )
                return Polygon((x, y), corners)
            case said.Ellipsoid():
                center = tuple(self._scaled(*pair) for pair in zip(one.by, one.center, strict=True))
                dimensions = tuple(self.scales.dimension(marker) for marker in one.by)
                return Ellipsoid(dimensions, center, one.covariance, one.distance)
            case said.Quadrant():
                return self._quadrant(one)
        raise NotEstimable(f"the method `{one.method}` cannot be used here")

    def _quadrant(self, one: said.Quadrant) -> Quadrant:
        parts = []
        for marker, side in one.keep.items():
            at = one.at[marker]
            divider = Divider(marker, self.scales.linear(marker), (at,))
            parts.append((divider, at if side == "high" else math.nextafter(at, -math.inf)))
        return Quadrant("quadrant", tuple(parts))

    def _combined(self, node: Node) -> Mask:
        """Which events of the sample a rule over populations holds for."""
        match node:
            case Variable(name=name):
                if name in self.reasons:
                    raise NotEstimable(f"`{name}` is not known: {self.reasons[name]}")
                mask = np.zeros(self.sample.count, dtype=bool)
                mask[self.columns[name].rows] = True
                return mask
            case Named(tree=tree):
                return self._combined(tree)
            case Not():
                return ~self._combined(node.part)
            case And() | Or():
                parts = [self._combined(part) for part in node.parts]
                joined = np.logical_and.reduce if isinstance(node, And) else np.logical_or.reduce
                return np.asarray(joined(parts), dtype=bool)
        raise NotEstimable("a rule over populations has only names, AND, OR, NOT and parentheses")


def _named(node: Node) -> set[str]:
    """The populations that a rule names."""
    match node:
        case Variable(name=name):
            return {name}
        case Named(tree=tree):
            return _named(tree)
        case Not():
            return _named(node.part)
        case And() | Or():
            return set().union(*map(_named, node.parts))
    return set()
