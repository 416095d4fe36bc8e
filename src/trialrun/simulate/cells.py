"""What the cells of virtual people look like to a cytometer: the words of ``cells`` in ``model.yaml``.

For each panel of the study: how many of each kind of cell there are, from the model's quantities and what
people answer, and how bright each kind is in each marker. The names are the panel's and the model's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator

from trialrun.protocol.element import Element, Name, Part
from trialrun.protocol.panel import Panel
from trialrun.protocol.text import Several

Positive = Annotated[float, Field(gt=0)]
Level = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
NONE = "none"
"""The level of every marker that a kind does not show."""


class Number(Part):
    """Cells per µL of blood: a ``number``, or a ``quantity`` of the model, ``times`` what is said; of it the
    percentage that people answer to an item of the panel's form (``share``), or what that leaves (``rest``).
    """

    number: float | None = Field(default=None, ge=0)
    quantity: str | None = None
    times: Positive = 1.0
    share: str | None = None
    rest: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.number is None) == (self.quantity is None):
            raise ValueError("cells come from a `number` or a `quantity`; write one of them")
        if self.share is not None and self.rest is not None:
            raise ValueError("cells are the `share` of an item or the `rest`; write one of them")
        return self


class CellKind(Part):
    """Cells (or beads, or debris) that look alike. within: the populations of the panel that they are truly
    in, each with all above it; shows: the level of each marker, ``none`` where nothing is said; follows: the
    quantity of the model with which the brightness of a marker rises and falls."""

    number: Number
    within: Several = ()
    shows: dict[str, Level] = Field(default_factory=dict)
    follows: dict[str, str] = Field(default_factory=dict)
    spread: dict[str, Positive] = Field(default_factory=dict)
    single: bool = False


class Pulse(Part):
    """A marker that is scattered light and no stain. of: the size of whose pulse it is the height."""

    of: str | None = None


class Cells(Element):
    """One panel's cells. events: how many a file has; levels: the median of a marker's linear scale, by the
    name of the level; spread: standard deviation of the natural logarithm, ``usual`` where no marker is
    named; spill: how much of a dye's light its neighbours in the list of markers see."""

    events: Annotated[int, Field(ge=1000, le=2_000_000)]
    levels: dict[str, dict[Level, float]]
    pulses: dict[str, Pulse] = Field(default_factory=dict)
    usual: Positive = 0.3
    spread: dict[str, Positive] = Field(default_factory=dict)
    spill: Annotated[float, Field(ge=0, lt=0.3)] = 0.03
    doublets: Annotated[float, Field(ge=0, lt=0.5)] = 0.03
    beads: Name | None = None
    kinds: dict[Name, CellKind] = Field(min_length=1)


def strangers(panel: Panel, cells: Cells) -> Iterator[tuple[tuple[str, ...], str, str, Iterable[str]]]:
    """Every name of a panel that its cells use: its path, what it is, the name, and those that are known."""
    for part in ("levels", "pulses", "spread"):
        for name in getattr(cells, part):
            yield (part, name), "marker", name, panel.markers
    for name, kind in cells.kinds.items():
        path = ("kinds", name)
        for population in kind.within:
            yield (*path, "within"), "population", population, panel.populations
        for part in ("shows", "follows", "spread"):
            for marker in getattr(kind, part):
                yield (*path, part, marker), "marker", marker, panel.markers
        for marker, level in kind.shows.items():
            yield (*path, "shows", marker), "level", level, cells.levels.get(marker, {})
