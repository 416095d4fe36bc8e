"""A border that was learnt once from samples gated by hand, as numbers that a study can hold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from trialrun.protocol.element import Name, Part
from trialrun.protocol.panel import Scale
from trialrun.protocol.population import Few, MarkerName, Population
from trialrun.protocol.source import canonical, ordered
from trialrun.protocol.text import Several

__all__ = ["EDITION", "Border", "BorderFile", "Fit", "LearntWith", "seal"]

EDITION = 1
"""Of the method that learns and applies borders. It is raised when the same numbers would take other events,
or a default value of a scale or a method changes; borders of another edition are learnt again."""

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Numbers = tuple[float, ...]


class LearntWith(Part, defer_build=True):
    """What a panel said that the border hangs on: of its markers and parents, no more.

    ``matrix``: SHA-256 of the compensation matrix, where the panel holds it. ``populations``: those that the
    parent is made from, and the parent.
    """

    markers: dict[MarkerName, Several]
    signal: Literal["area", "height", "width"]
    compensation: str
    matrix: Hash | None = None
    transforms: dict[MarkerName, Scale]
    populations: dict[Name, Population] = Field(default_factory=dict)


class Fit(Part, defer_build=True):
    """A border in numbers, on the scales of the panel: splines between ``knots``, and their weights.

    ``plane``: a row for each spline of the first marker, a column for each of the second. ``further``: of
    each further marker, all splines but the first. ``bulk``, ``spread``: median and robust standard deviation
    of the first two markers in events that are no members. ``ceiling``: the second's 95th percentile in
    members. ``share``: of members, among the events that it was learnt from.
    """

    references: int = Field(ge=1)
    share: float = Field(gt=0, lt=1)
    bulk: tuple[float, float]
    spread: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]
    ceiling: float
    knots: dict[MarkerName, Numbers] = Field(min_length=2)
    plane: tuple[Numbers, ...]
    further: dict[MarkerName, Numbers] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for name, knots in self.knots.items():
            if len(knots) < 2 or any(low >= high for low, high in pairwise(knots)):
                raise ValueError(f"the knots of `{name}` do not ascend; learn the border again")
        first, second, *others = (len(knots) for knots in self.knots.values())
        if [len(row) for row in self.plane] != [second + 1] * (first + 1):
            raise ValueError(
                f"the plane needs {first + 1} rows of {second + 1} numbers; learn the border again"
            )
        needed = dict(zip(list(self.knots)[2:], others, strict=True))
        if {name: len(weights) for name, weights in self.further.items()} != needed:
            told = ", ".join(f"{count} for {name}" for name, count in needed.items()) or "none"
            raise ValueError(f"`further` needs as many numbers as knots, {told}; learn the border again")
        return self


class Border(Part, defer_build=True):
    """A border as `trialrun learn` writes it; ``sha256`` is of all else that is said of it."""

    method: Literal["transitional"]
    edition: int
    program: str
    of: str
    high: Few = Field(min_length=1)
    low: Few = Field(min_length=1)
    also: Few = ()
    learnt_from: dict[str, Hash] = Field(min_length=1)
    learnt_with: LearntWith
    agreement: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    fit: Fit
    without: tuple[Fit, ...] = ()
    sha256: Hash

    @model_validator(mode="after")
    def _of_its_markers(self) -> Self:
        named = [*self.high[:1], *self.low[:1], *self.high[1:], *self.low[1:], *self.also]
        for fit in (self.fit, *self.without):
            if list(fit.knots) != named:
                raise ValueError(
                    f"the knots are of {', '.join(fit.knots)}, and the border of {', '.join(named)}; "
                    "learn the border again"
                )
        return self


class BorderFile(Part, defer_build=True):
    """``borders.yaml``."""

    borders: dict[Name, Border] = Field(min_length=1)


def seal(said: Mapping[str, Any]) -> str:
    """SHA-256 of what a file says of a border, but for the hash itself."""
    rest = {key: value for key, value in said.items() if key != "sha256"}
    return hashlib.sha256(canonical(ordered(rest))).hexdigest()
