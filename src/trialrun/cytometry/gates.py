"""Gates as data: where an event must lie, on which scales. All as in Gating-ML 2.0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .compensation import Compensation
from .transform import GatingError, Transform, Values

Mask = NDArray[np.bool_]
Bounds = tuple[float | None, float | None]  # at least, below; None: no bound


@dataclass(frozen=True)
class Ratio:
    """a × (numerator − b) / (denominator − c): Gating-ML's fratio, of channels that are not compensated."""

    numerator: str
    denominator: str
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0


@dataclass(frozen=True)
class Dimension:
    """What a gate looks at: a channel, compensated or not, on a scale.

    channel: `$PnN`, else `$PnS`, or with a matrix one of its fluorochromes; or a ratio of two channels.
    compensation: a matrix; "file": the one in the file, or as it is where that has none; None: as it is.
    transform: None for channel values.
    """

    channel: str | Ratio
    compensation: Compensation | Literal["file"] | None = None
    transform: Transform | None = None


@dataclass(frozen=True)
class Rectangle:
    """At least the lower bound and below the upper, in each dimension; one dimension makes it a range."""

    dimensions: tuple[Dimension, ...]
    bounds: tuple[Bounds, ...]

    def __post_init__(self) -> None:
        _demand(len(self.dimensions) == len(self.bounds) > 0, "a rectangle needs bounds for each dimension")
        for low, high in self.bounds:
            _demand(low is not None or high is not None, "a rectangle needs a bound in each dimension")
            _finite([bound for bound in (low, high) if bound is not None])

    @property
    def box(self) -> tuple[Bounds, ...]:
        return self.bounds

    def contains(self, columns: Sequence[Values]) -> Mask:
        """Which events lie inside. columns: one per dimension, compensated and on its scale."""
        inside = np.ones(len(columns[0]), dtype=bool)
        for column, (low, high) in zip(columns, self.bounds, strict=True):
            inside &= ~np.isnan(column)
            if low is not None:
                inside &= column >= low
            if high is not None:
                inside &= column < high
        return inside


@dataclass(frozen=True)
class Polygon:
    """Two dimensions and the corners in turn. Where it crosses itself, inside and outside alternate.

    Of the points on the border, those on the lower and left edges are inside.
    """

    dimensions: tuple[Dimension, Dimension]
    vertices: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        _demand(len(self.dimensions) == 2, "a polygon has two dimensions")
        _demand(len(self.vertices) >= 3, "a polygon has three corners or more")
        _finite([number for vertex in self.vertices for number in vertex])

    @property
    def box(self) -> tuple[Bounds, ...]:
        return tuple(
            (min(side), math.nextafter(max(side), math.inf)) for side in zip(*self.vertices, strict=True)
        )

    def contains(self, columns: Sequence[Values]) -> Mask:
        """Which events lie inside. columns: two, compensated and on their scales."""
        return points_within(np.array(self.vertices), np.stack(columns, axis=1))


@dataclass(frozen=True)
class Ellipsoid:
    """Where (x − mean)ᵀ covariance⁻¹ (x − mean) ≤ distance_square, with its border."""

    dimensions: tuple[Dimension, ...]
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    distance_square: float

    def __post_init__(self) -> None:
        size = len(self.dimensions)
        _demand(size >= 2, "an ellipsoid has two dimensions or more")
        _demand(
            len(self.mean) == len(self.covariance) == size
            and all(len(row) == size for row in self.covariance),
            f"an ellipsoid of {size} dimensions needs {size} means and {size} × {size} covariances",
        )
        _finite([*self.mean, self.distance_square, *(number for row in self.covariance for number in row)])
        _demand(self.distance_square > 0, "the squared distance of an ellipsoid must be above 0")
        with np.errstate(over="ignore"):
            volume = abs(np.linalg.det(np.array(self.covariance)))
        _demand(volume > 0, "the covariance of an ellipsoid is singular")

    @cached_property
    def precision(self) -> Values:
        return np.linalg.inv(np.array(self.covariance))

    @property
    def box(self) -> tuple[Bounds, ...]:
        """Around the ellipsoid, a little wide; without bounds where the covariance is none, as it may be."""
        covariance = np.array(self.covariance)
        if not np.array_equal(covariance, covariance.T) or np.linalg.eigvalsh(covariance)[0] <= 0:
            return ((None, None),) * len(self.dimensions)
        half = np.sqrt(np.diag(covariance)) * np.sqrt(self.distance_square) * (1 + 1e-9)
        slack = 1e-12 * np.abs(self.mean)
        return tuple(
            (float(middle - side), float(middle + side))
            for middle, side in zip(self.mean, half + slack, strict=True)
        )

    def contains(self, columns: Sequence[Values]) -> Mask:
        """Which events lie inside. columns: one per dimension, compensated and on its scale."""
        offsets = [column - middle for column, middle in zip(columns, self.mean, strict=True)]
        distance = np.zeros(len(columns[0]))
        with np.errstate(over="ignore", invalid="ignore"):  # so far away that it is outside
            for column, weights in zip(offsets, self.precision.T, strict=True):
                turned = sum(
                    (row * weight for row, weight in zip(offsets, weights, strict=True)), np.zeros(1)
                )
                distance += turned * column
        return np.asarray(distance <= self.distance_square)


@dataclass(frozen=True)
class Divider:
    """Values that cut a dimension in pieces, each from one value (inside) to the next (outside)."""

    name: str
    dimension: Dimension
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        _demand(len(self.values) > 0, f"the divider `{self.name}` has no value")
        _finite(self.values)

    def around(self, location: float) -> Bounds:
        """The piece that `location` lies in."""
        below = [value for value in self.values if value <= location]
        above = [value for value in self.values if value > location]
        return (max(below, default=None), min(above, default=None))


@dataclass(frozen=True)
class Quadrant:
    """One of the parts that dividers make, told by a location in each; `family` names the whole cross."""

    family: str
    parts: tuple[tuple[Divider, float], ...]

    def __post_init__(self) -> None:
        _demand(len(self.parts) > 0, f"a quadrant of `{self.family}` has no position")
        _finite([location for _, location in self.parts])

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        return tuple(divider.dimension for divider, _ in self.parts)

    @property
    def box(self) -> tuple[Bounds, ...]:
        return tuple(divider.around(location) for divider, location in self.parts)

    def contains(self, columns: Sequence[Values]) -> Mask:
        """Which events lie inside. columns: one per divider, compensated and on its scale."""
        return Rectangle(self.dimensions, self.box).contains(columns)


@dataclass(frozen=True)
class Operand:
    """A population in a combination, or all events outside it."""

    population: str
    complement: bool = False


@dataclass(frozen=True)
class Boolean:
    """Populations combined: all of them, any of them, or not the one."""

    operation: Literal["and", "or", "not"]
    operands: tuple[Operand, ...]
    dimensions: tuple[Dimension, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        if self.operation == "not":
            _demand(len(self.operands) == 1, "`not` takes one population")
        else:
            _demand(len(self.operands) >= 2, f"`{self.operation}` takes two populations or more")


def points_within(corners: Values, points: Values) -> Mask:
    """Which points (n × 2) a polygon holds: FlowUtils' odd number of windings."""
    from flowutils.gating import points_in_polygon  # type: ignore[import-untyped]

    inside: Mask = points_in_polygon(corners, points)
    return inside


Shape = Rectangle | Polygon | Ellipsoid | Quadrant
Gate = Shape | Boolean


def _demand(holds: bool, rule: str) -> None:
    if not holds:
        raise GatingError(rule)


def _finite(numbers: Sequence[float]) -> None:
    _demand(all(math.isfinite(number) for number in numbers), "every number of a gate must be finite")
