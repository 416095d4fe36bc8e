"""FlowJo 10 workspaces, read through FlowKit (`trialrun[flowjo]`) into hierarchies that the engine here runs.

What FlowJo counted stands beside them. It can differ: FlowJo gates polygons and ellipses by the bins of a
display of 256 × 256, so that events near such a border can fall on its other side; rectangles it compares
exactly. An ellipse is a polygon of 128 corners here, since its scales may bend it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .compensation import Compensation
from .gates import Boolean, Bounds, Dimension, Gate, Operand, Polygon, Rectangle
from .hierarchy import Hierarchy, Population
from .transform import Asinh, GatingError, Linear, Logicle, Transform, Values
from .xml import Element, parse

_COMBINED = ("AndNode", "OrNode", "NotNode")


@dataclass(frozen=True)
class Workspace:
    """What a workspace holds of one sample: its populations, and what FlowJo counted (None: nothing)."""

    sample: str
    hierarchy: Hierarchy
    total: int | None
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Table:
    """Linear interpolation between points, flat beyond the ends: FlowJo's biexponential is such a scale."""

    values: tuple[float, ...]
    scaled: tuple[float, ...]
    least: float = field(default=-math.inf, init=False)

    def apply(self, values: Values) -> Values:
        return np.interp(values, self.values, self.scaled)

    def inverse(self, scaled: Values) -> Values:
        return np.interp(scaled, self.scaled, self.values)


@dataclass(frozen=True)
class OffsetLog:
    """FlowJo's logarithm: (log10 x − log10 offset) / decades, and 0 below the offset."""

    offset: float
    decades: float
    least: float = field(default=-math.inf, init=False)

    def apply(self, values: Values) -> Values:
        above = np.maximum(values, self.offset)
        return np.asarray((np.log10(above) - math.log10(self.offset)) / self.decades)

    def inverse(self, scaled: Values) -> Values:
        return np.asarray(10.0 ** (scaled * self.decades) * self.offset)


def read(path: Path) -> tuple[Workspace, ...]:
    """The samples of a workspace, in its order; their FCS files are not needed.

    A population has its FlowJo name, with as many of its ancestors' names before it as tell it from others.
    Raises GatingError, also where FlowKit is not installed or cannot read the workspace; OSError.
    """
    root = parse(path.read_bytes(), path.name)
    try:
        import flowkit  # type: ignore[import-untyped]
    except ImportError:
        raise GatingError(
            f"{path.name}: FlowJo workspaces are read by FlowKit, which is not installed; "
            "run: pip install 'trialrun[flowjo]'"
        ) from None
    try:
        workspace = flowkit.Workspace(str(path), load_missing_file_data=True)
        strategies = {
            sample: workspace.get_gating_strategy(sample)
            for sample in workspace.get_sample_ids(loaded_only=False)
        }
    except Exception as error:  # FlowKit raises what lxml, numpy and its own reading happen to raise
        raise GatingError(f"{path.name}: FlowKit cannot read the workspace: {error!r}") from error
    counted = {node.get("", "name"): node for node in root.walk() if node.name[1] == "SampleNode"}
    return tuple(
        _workspace(sample, strategy, counted.get(sample, root), path.name)
        for sample, strategy in strategies.items()
    )


def _workspace(sample: str, strategy: Any, node: Element, file: str) -> Workspace:
    paths = [(*path[1:], name) for name, path in strategy.get_gate_ids()]
    names = _short_names(paths)
    counts = {names[path]: count for path, count in _counts(node) if path in names}
    try:
        hierarchy = Hierarchy(_Reader(strategy, names).population(path) for path in paths)
    except GatingError as error:
        raise GatingError(f"{file}, sample `{sample}`: {error}") from None
    except KeyError as error:
        raise GatingError(f"{file}, sample `{sample}`: refers to {error}, which is not there") from None
    return Workspace(sample, hierarchy, _count(node), counts)


def _count(element: Element) -> int | None:
    """FlowJo's count; it writes −1 where it has not counted."""
    text = element.get("", "count") or ""
    return int(text) if text.isascii() and text.isdecimal() else None


def _counts(node: Element) -> list[tuple[tuple[str, ...], int]]:
    """FlowJo's counts by path, where it has counted."""
    found = []
    waiting: list[tuple[Element, tuple[str, ...]]] = [(node, ())]
    while waiting:
        element, path = waiting.pop()
        for part in element.content:
            if part.name[1] == "Subpopulations":
                waiting.append((part, path))
            elif part.name[1] in ("Population", *_COMBINED):
                mine = (*path, part.get("", "name") or "")
                if (count := _count(part)) is not None:
                    found.append((mine, count))
                waiting.append((part, mine))
    return found


def _short_names(paths: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """For each path its end, as long as it takes for no other to end so."""
    names = {}
    for path in paths:
        length = 1
        while length < len(path) and sum(other[-length:] == path[-length:] for other in paths) > 1:
            length += 1
        names[path] = "/".join(path[-length:])
    return names


class _Reader:
    """FlowKit's objects to ours, for one sample."""

    def __init__(self, strategy: Any, names: dict[tuple[str, ...], str]) -> None:
        self.strategy = strategy
        self.names = names
        self.matrices: dict[str, Compensation] = {}
        self.transforms: dict[str, Transform] = {}

    def population(self, path: tuple[str, ...]) -> Population:
        theirs = self.strategy.get_gate(path[-1], ("root", *path[:-1]))
        parent = self.names[path[:-1]] if len(path) > 1 else None
        try:
            return Population(
                self.names[path], self.gate(theirs), parent, bool(getattr(theirs, "use_complement", False))
            )
        except GatingError as error:
            raise GatingError(f"population `{self.names[path]}`: {error}") from None

    def gate(self, theirs: Any) -> Gate:
        kind = theirs.gate_type
        if kind == "BooleanGate":
            operands = tuple(
                Operand(self.names[(*one["path"][1:], one["ref"])], one["complement"])
                for one in theirs.gate_refs
            )
            # FlowJo combines one population with itself; Gating-ML takes two for `and` and `or`.
            return Boolean(
                theirs.type, operands if len(operands) != 1 or theirs.type == "not" else operands * 2
            )
        dimensions = tuple(self.dimension(one) for one in theirs.dimensions)
        if kind == "RectangleGate":
            return Rectangle(dimensions, tuple(_bounds(one) for one in theirs.dimensions))
        if kind == "PolygonGate" and len(dimensions) == 2:
            vertices = tuple((float(x), float(y)) for x, y in theirs.vertices)
            return Polygon((dimensions[0], dimensions[1]), vertices)
        raise GatingError(f"a {kind} of a FlowJo workspace is not supported")

    def dimension(self, theirs: Any) -> Dimension:
        compensation, transform = theirs.compensation_ref, theirs.transformation_ref
        return Dimension(
            theirs.id,
            None if compensation in (None, "uncompensated") else self.matrix(compensation),
            None if transform is None else self.transform(transform),
        )

    def matrix(self, name: str) -> Compensation:
        if name not in self.matrices:
            theirs = self.strategy.get_comp_matrix(name)
            dyes = getattr(theirs, "true_detectors", theirs.detectors)
            rows = tuple(tuple(float(share) for share in row) for row in theirs.matrix)
            self.matrices[name] = Compensation(tuple(theirs.detectors), tuple(dyes), rows, name)
        return self.matrices[name]

    def transform(self, name: str) -> Transform:
        if name not in self.transforms:
            self.transforms[name] = _transform(self.strategy.get_transform(name))
        return self.transforms[name]


def _transform(theirs: Any) -> Transform:
    kind = type(theirs).__name__
    if kind == "LinearTransform":
        return Linear(theirs.param_t, theirs.param_a)
    if kind == "AsinhTransform":
        return Asinh(theirs.param_t, theirs.param_m, theirs.param_a)
    if kind == "LogicleTransform":
        return Logicle(theirs.param_t, theirs.param_w, theirs.param_m, theirs.param_a)
    if kind == "WSPLogTransform":
        return OffsetLog(theirs.offset, theirs.decades)
    if kind == "WSPBiexTransform":
        from flowkit._models.transforms import _wsp_transforms as made  # type: ignore[import-untyped]

        values, scaled = made.generate_biex_lut(
            neg=theirs.negative, width_basis=theirs.width, pos=theirs.positive, max_value=theirs.max_value
        )
        return Table(tuple(map(float, values)), tuple(map(float, scaled)))
    raise GatingError(f"the scale {kind} of a FlowJo workspace is not supported")


def _bounds(theirs: Any) -> Bounds:
    low, high = theirs.min, theirs.max
    return (None if low is None else float(low), None if high is None else float(high))
