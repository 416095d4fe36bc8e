"""Gates that a person drew where the automatic one was found wanting: each with a name and a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from trialrun.protocol.element import Part
from trialrun.protocol.panel import Panel
from trialrun.protocol.population import ALL, Ellipsoid, Polygon, Population, Quadrant, Rectangle
from trialrun.protocol.problem import Problem, ProtocolError, coded, suggestion
from trialrun.protocol.shape import shape
from trialrun.protocol.source import Source, read

__all__ = ["Adjustment", "read_adjustments"]


def _of_any(value: Any) -> Any:
    """The parent stays that of the panel, and is not said again."""
    return {"of": ALL, **value} if isinstance(value, dict) else value


Gate = Annotated[
    Annotated[Rectangle | Polygon | Ellipsoid | Quadrant, Field(discriminator="method")],
    BeforeValidator(_of_any),
]


class Adjustment(Part):
    """One population of one sample, gated by hand."""

    sample: str
    population: str
    gate: Gate
    by: str = Field(min_length=1)
    reason: str = Field(min_length=1)

    def drawn(self, panel: Panel) -> Population:
        """The gate, of the parent that the panel gives the population."""
        return self.gate.model_copy(update={"of": panel.populations[self.population].of})


class AdjustmentFile(Part):
    """``adjustments.yaml``."""

    adjustments: tuple[Adjustment, ...] = Field(min_length=1)


def read_adjustments(path: Path, panel: Panel, samples: list[str]) -> Mapping[str, tuple[Adjustment, ...]]:
    """By sample its adjustments. Raises ProtocolError with everything that is wrong, each with its place."""
    try:
        source = read(path)
        file: AdjustmentFile = shape(source, AdjustmentFile)
    except ProtocolError as error:
        raise ProtocolError(coded(error.problems, "adjustment")) from None
    if problems := list(_wrong(source, file, panel, samples)):
        raise ProtocolError(problems)
    named = dict.fromkeys(one.sample for one in file.adjustments)
    return {name: tuple(one for one in file.adjustments if one.sample == name) for name in named}


def _wrong(source: Source, file: AdjustmentFile, panel: Panel, samples: list[str]) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for i, one in enumerate(file.adjustments):

        def problem(key: str, message: str, hint: str, i: int = i) -> Problem:
            return Problem(source.place(("adjustments", i, key)), message, hint, "adjustment")

        if one.sample not in samples:
            hint = suggestion(one.sample, samples) or "Name a file that is gated."
            yield problem("sample", f"there is no sample `{one.sample}`", hint)
        if one.population not in panel.populations:
            hint = suggestion(one.population, panel.populations) or "Name a population of the panel."
            yield problem("population", f"there is no population `{one.population}`", hint)
        for name in one.gate.markers:
            if name not in panel.markers:
                hint = suggestion(name, panel.markers) or "Name a marker of the panel."
                yield problem("gate", f"there is no marker `{name}`", hint)
        if (one.sample, one.population) in seen:
            what = f"`{one.population}` of {one.sample} is adjusted twice"
            yield problem("population", what, "Keep the gate that counts.")
        seen.add((one.sample, one.population))
