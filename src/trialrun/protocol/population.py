"""Populations of cells: how the events of one are chosen from those of its parent.

Coordinates of gates are values as they stand on an axis: of the file, compensated. Edges of polygons and the
covariance of ellipsoids are straight on the scale of the marker's transform, as a plot shows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from trialrun.protocol.element import Name, Sourced
from trialrun.protocol.problem import shown
from trialrun.protocol.rule import RESERVED
from trialrun.protocol.text import Several, Words

__all__ = [
    "ALL", "Boolean", "Control", "Cut", "Density", "Ellipsoid", "GatingML", "MarkerName", "Mixture",
    "Polygon", "Population", "Quadrant", "Rectangle", "Singlets", "Tail", "Transitional", "reads",
]  # fmt: skip

ALL = "all"
"""The parent of the first populations: every event of the file."""


def _marker(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", value):
        raise ValueError(
            f"`{shown(value)}` cannot name a marker; use letters, digits, _, . and -, e.g. CD25 or HLA-DR"
        )
    return value


MarkerName = Annotated[str, AfterValidator(_marker)]
Side = Literal["high", "low"]
Bounds = tuple[float | None, float | None]
Corner = tuple[float, float]


def _markers(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


One = MarkerName
Few = Annotated[tuple[MarkerName, ...], BeforeValidator(_markers)]


class Chosen(Sourced):
    """What every population has: its parent, and its words."""

    of: str
    title: Words | None = None

    @property
    def markers(self) -> tuple[str, ...]:
        """The markers that it reads."""
        return tuple(dict.fromkeys(name for where, name in self.named() if where != ("against",)))

    def named(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Each marker that it names, with the path of the name below the population."""
        for key in ("by", "against", "high", "low", "also"):
            said = getattr(self, key, None) or ()
            for i, name in enumerate((said,) if isinstance(said, str) else said):
                yield ((key,) if isinstance(said, str) else (key, i)), name
        for key in ("within", "at", "keep"):
            said = getattr(self, key, None)
            if isinstance(said, dict):
                yield from (((key, name), name) for name in said)


class Singlets(Chosen):
    """Single cells: near the line of one size of the pulse against another."""

    method: Literal["singlets"]
    by: tuple[One, One]
    level: float = Field(default=0.99, gt=0.5, lt=1)


class Cut(Chosen):
    """One marker cut in two. ``against``: that which reports draw it against; no number depends on it."""

    method: str
    by: One
    keep: Side
    against: One | None = None

    @model_validator(mode="after")
    def _against_another(self) -> Self:
        if self.against == self.by:
            raise ValueError(f"`{self.by}` cannot be drawn against itself; name another marker, or none")
        return self


class Density(Cut):
    """Cut at the lowest density between two peaks."""

    method: Literal["density"]
    between: Bounds = (None, None)


class Tail(Cut):
    """Cut where the tail of the largest peak has flattened."""

    method: Literal["tail"]
    tolerance: float = Field(default=0.01, gt=0, lt=1)
    between: Bounds = (None, None)


class Mixture(Chosen):
    """A component of a mixture: the largest, or the one that lies high and low in these markers."""

    method: Literal["mixture"]
    by: Few = Field(min_length=1, max_length=3)
    components: int = Field(default=2, ge=1, le=12)
    high: Few = ()
    low: Few = ()
    probability: float = Field(default=0.5, gt=0, lt=1)

    @model_validator(mode="after")
    def _of_its_markers(self) -> Self:
        for name in (*self.high, *self.low):
            if name not in self.by:
                raise ValueError(f"`{name}` is not among the markers of the mixture; add it to `by`")
        return self


class Transitional(Chosen):
    """Cells that lie high in some markers and low in others where no valley parts them from the rest.

    ``trained_on``: references gated by hand, from which the border is learnt; ``border``: one that was learnt
    before, of the file ``borders.yaml``; ``also``: markers whose part in it is learnt as well. Without either
    the border is where the shoulder of the rest begins.
    """

    method: Literal["transitional"]
    high: Few = ()
    low: Few = ()
    also: Few = ()
    trained_on: Several = ()
    border: Name | None = None

    @property
    def learnt(self) -> bool:
        """Whether its border is that of samples gated by hand."""
        return bool(self.trained_on or self.border)

    @model_validator(mode="after")
    def _of_two_sides(self) -> Self:
        if not self.high and not self.low:
            raise ValueError("say what the cells are high or low in; write e.g. high: CD25, low: CD127")
        if self.trained_on and self.border:
            raise ValueError("the border is learnt before or now, not both; keep `border` or `trained_on`")
        if self.learnt and not (self.high and self.low):
            raise ValueError(
                "a border is learnt in a marker that the cells are high in and one that they are low in; "
                "write both, e.g. high: CD25, low: CD127"
            )
        if self.also and not self.learnt:
            raise ValueError(
                "`also` says what is learnt from references; add `trained_on: NAME` or `border: NAME`"
            )
        named = (*self.high, *self.low, *self.also)
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"`{twice[0]}` is named twice; keep it in one of high, low and also")
        return self


class Control(Cut):
    """Cut at a percentile of the same parent in a control, e.g. one stained with all but this marker."""

    method: Literal["control"]
    control: str
    percentile: float = Field(default=99.5, gt=50, lt=100)


class Rectangle(Chosen):
    """Between two values of each marker; the lower is included, the upper is not."""

    method: Literal["rectangle"]
    within: dict[MarkerName, Bounds] = Field(min_length=1, max_length=8)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name, (low, high) in self.within.items():
            if low is None and high is None:
                raise ValueError(f"`{name}` has neither a lower nor an upper bound; write e.g. [1000, null]")
            if low is not None and high is not None and high <= low:
                raise ValueError(f"the bounds of `{name}` end before they begin; write the smaller first")
        return self


class Polygon(Chosen):
    method: Literal["polygon"]
    by: tuple[One, One]
    corners: tuple[Corner, ...] = Field(min_length=3, max_length=500)


class Ellipsoid(Chosen):
    """``covariance`` and ``distance`` (the square of Mahalanobis's) are on the scale of the transforms."""

    method: Literal["ellipsoid"]
    by: Few = Field(min_length=2, max_length=3)
    center: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    distance: float = Field(gt=0)

    @model_validator(mode="after")
    def _square(self) -> Self:
        size = len(self.by)
        if len(self.center) != size:
            raise ValueError(f"the center has {len(self.center)} values for {size} markers; write {size}")
        square = len(self.covariance) == size and all(len(row) == size for row in self.covariance)
        if not square or any(
            self.covariance[i][j] != self.covariance[j][i] for i in range(size) for j in range(i)
        ):
            raise ValueError(f"the covariance is not symmetric; write {size} rows of {size} values")
        return self


class Quadrant(Chosen):
    """One of the parts into which a value of each marker divides the events; the value itself is high."""

    method: Literal["quadrant"]
    at: dict[MarkerName, float] = Field(min_length=1, max_length=4)
    keep: dict[MarkerName, Side] = Field(min_length=1, max_length=4)

    @model_validator(mode="after")
    def _same_markers(self) -> Self:
        for name in self.keep.keys() - self.at.keys():
            raise ValueError(f"`{name}` is kept, and divided nowhere; add it to `at`")
        return self


class Boolean(Chosen):
    """Events of the parent for which a rule over other populations holds: ``naive OR memory``."""

    method: Literal["boolean"]
    where: str


class GatingML(Chosen):
    """A gate of a Gating-ML 2.0 file beside the panel, which is named with its hash."""

    method: Literal["gating_ml"]
    file: str
    gate: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


Population = Annotated[
    Singlets
    | Density
    | Tail
    | Mixture
    | Transitional
    | Control
    | Rectangle
    | Polygon
    | Ellipsoid
    | Quadrant
    | Boolean
    | GatingML,
    Field(discriminator="method"),
]


def reads(population: Population) -> tuple[str, ...]:
    """The populations that one is made from: its parent, and those of its rule."""
    if not isinstance(population, Boolean):
        return (population.of,)
    said = re.findall(r"[A-Za-z_]\w*", population.where)
    return (population.of, *dict.fromkeys(word for word in said if word.upper() not in RESERVED))
