"""What is gated: markers, scales, populations, the quantities that they give, and what fails a sample."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from trialrun.protocol.assay import Assay
from trialrun.protocol.element import Element, Name, Part, Sourced
from trialrun.protocol.population import Few, MarkerName, Population
from trialrun.protocol.text import Several, Words

__all__ = ["DEFAULT", "LINEAR", "Panel", "PanelFile", "Quality", "Quantity", "Transform"]

DEFAULT = "default"
"""In ``transforms``: of every marker that is not named there."""


# ---- scales ---------------------------------------------------------------------------------------


class Linear(Part):
    top: float | None = Field(default=None, gt=0)
    negative: float = Field(default=0, ge=0)


class Log(Part):
    top: float | None = Field(default=None, gt=0)
    decades: float = Field(default=4.5, gt=0)


class Logicle(Part):
    """T, W, M and A of Gating-ML 2.0; ``top`` is by default the channel's range, ``$PnR``."""

    top: float | None = Field(default=None, gt=0)
    width: float = Field(default=0.5, ge=0)
    decades: float = Field(default=4.5, gt=0)
    negative: float = 0.0

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if 2 * self.width > self.decades or not -self.width <= self.negative <= self.decades - 2 * self.width:
            raise ValueError(
                "there is no such logicle scale; width is at most half of decades, "
                "and negative from -width to decades - 2 × width (Gating-ML 2.0)"
            )
        return self


class Hyperlog(Logicle):
    @model_validator(mode="after")
    def _wide(self) -> Self:
        if self.width <= 0:
            raise ValueError("a hyperlog scale needs a width above 0; write e.g. width: 0.5")
        return self


class Asinh(Part):
    """By a ``cofactor`` (values are divided by it), or by T, M and A of Gating-ML 2.0."""

    cofactor: float | None = Field(default=None, gt=0)
    top: float | None = Field(default=None, gt=0)
    decades: float = Field(default=4.5, gt=0)
    negative: float = Field(default=0.0, ge=0)


class Transform(Part):
    """One scale, with its parameters."""

    linear: Linear | None = None
    log: Log | None = None
    logicle: Logicle | None = None
    asinh: Asinh | None = None
    hyperlog: Hyperlog | None = None

    @model_validator(mode="after")
    def _one_scale(self) -> Self:
        if len(self.scales) != 1:
            known = ", ".join(type(self).model_fields)
            raise ValueError(f"a transform is one scale; write one of {known}")
        return self

    @property
    def scales(self) -> dict[str, Part]:
        said = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: scale for name, scale in said.items() if scale is not None}

    @property
    def kind(self) -> str:
        return next(iter(self.scales))

    @property
    def scale(self) -> Any:
        """The parameters: `Linear`, `Log`, `Logicle`, `Asinh` or `Hyperlog`."""
        return self.scales[self.kind]


def _scale(value: Any) -> Any:
    return {value: {}} if isinstance(value, str) else value


Scale = Annotated[Transform, BeforeValidator(_scale)]
LINEAR = Transform(linear=Linear())


# ---- what is beside the sample --------------------------------------------------------------------


class Matrix(Sourced):
    """A compensation matrix: how much of each fluorochrome's light each detector sees."""

    detectors: tuple[str, ...] = Field(min_length=2)
    spill: dict[str, tuple[float, ...]] = Field(min_length=2)

    @model_validator(mode="after")
    def _square(self) -> Self:
        size = len(self.detectors)
        if len(set(self.detectors)) < size:
            raise ValueError("a detector stands twice in `detectors`; write each once")
        if len(self.spill) != size or any(len(row) != size for row in self.spill.values()):
            raise ValueError(f"the matrix is not square; write {size} rows of {size} values")
        return self


class ByHand(Part):
    """A sample gated by hand: the file of the parent's events, and those of the events that were taken.

    All were exported from one file by one program, so that each event of a member stands, byte for byte, in
    the parent. Files are named as seen from the panel's file.
    """

    parent: str
    members: Several = Field(min_length=1)


class Reference(Sourced):
    """Samples of no participant: marked by a manifest with the reference's name, or gated by hand."""

    role: Literal["bridging", "control", "training"]
    title: Words | None = None
    samples: tuple[ByHand, ...] = ()

    @model_validator(mode="after")
    def _gated_by_hand(self) -> Self:
        if self.role == "training" and not self.samples:
            raise ValueError("say which samples; write e.g. samples: [{parent: a.fcs, members: b.fcs}]")
        if self.role != "training" and self.samples:
            raise ValueError(f"`samples` belongs to role: training; a manifest names those of {self.role}")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """Every file that it names, each once, in their order."""
        return tuple(dict.fromkeys(file for one in self.samples for file in (one.parent, *one.members)))


class Counting(Sourced):
    """How cells become cells per microlitre; the manifest says which way a sample went, and its numbers.

    ``beads``: the population of the counting beads. ``dual``: the population that a blood count counted.
    ``volume``: whether the volume that the cytometer measured ($VOL) may be used.
    """

    beads: str | None = None
    dual: str | None = None
    volume: bool = False


# ---- quantities -----------------------------------------------------------------------------------


class Quantity(Sourced):
    """A number of each sample. One of ``percent``, ``count``, ``absolute`` or ``median`` says which."""

    percent: str | None = None
    count: str | None = None
    absolute: str | None = None
    median: MarkerName | None = None
    of: str | None = None
    fills: str | None = None
    title: Words | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        said = [key for key in ("percent", "count", "absolute", "median") if getattr(self, key) is not None]
        if len(said) != 1:
            raise ValueError("a quantity is one of percent, count, absolute or median; write one of them")
        if said[0] in ("percent", "median") and self.of is None:
            example = "percent: t_cells, of: live" if said[0] == "percent" else "median: CD25, of: t_cells"
            raise ValueError(f"a {said[0]} is of a population; write e.g. {example}")
        if said[0] in ("count", "absolute") and self.of is not None:
            raise ValueError(f"`of` belongs to percent and median; write only {said[0]}: {self.population}")
        return self

    @property
    def kind(self) -> Literal["percent", "count", "absolute", "median"]:
        kinds: tuple[Literal["percent", "count", "absolute", "median"], ...] = (
            "percent", "count", "absolute", "median",
        )  # fmt: skip
        return next(key for key in kinds if getattr(self, key) is not None)

    @property
    def population(self) -> str:
        """The population that is counted, or whose intensity it is."""
        return str(self.of if self.kind == "median" else getattr(self, self.kind))


# ---- quality --------------------------------------------------------------------------------------


class Rule(Sourced):
    """What every rule has, and what comes ``then`` of a sample that breaks it: it fails, has no number that
    rests on the populations that the rule is about (``withhold``), or is only reported (``warn``)."""

    then: Literal["fail", "withhold", "warn"] = "fail"


class Events(Rule):
    """A population has too few events."""

    kind: Literal["events"]
    of: str
    at_least: int = Field(ge=1)


class FlowRate(Rule):
    """Events that passed while the flow was faster or slower than its median by ``deviations`` robust SD."""

    kind: Literal["flow_rate"]
    at_most: float = Field(ge=0, le=100)
    deviations: float = Field(default=5, gt=0)


class Stability(Rule):
    """Events of times at which a marker's median differs by ``deviations`` standard deviations of chance."""

    kind: Literal["stability"]
    at_most: float = Field(ge=0, le=100)
    markers: Few = ()
    deviations: float = Field(default=6, gt=0)


class Margin(Rule):
    """Events at the lowest or highest value that a channel can hold."""

    kind: Literal["margin"]
    at_most: float = Field(ge=0, le=100)
    markers: Few = ()


class Drift(Rule):
    """The median of a marker differs from that of the other samples by ``deviations`` robust SD."""

    kind: Literal["drift"]
    of: str
    markers: Few = ()
    deviations: float = Field(default=3, gt=0)
    at_least: int = Field(default=4, ge=3)


class Bridging(Rule):
    """A quantity of the bridging control differs from its mean by more than ``deviations`` SD."""

    kind: Literal["bridging"]
    reference: str
    quantity: str
    deviations: float = Field(default=2, gt=0)
    at_least: int = Field(default=5, ge=3)


class Storage(Rule):
    """A sample was kept in another way than all have to be."""

    kind: Literal["storage"]
    only: Literal["fresh", "frozen"]


class SharedCut(Rule):
    """A cut that samples share does not serve this one.

    ``of``: populations cut by density or tail; by default every one that a quantity hangs on.
    """

    kind: Literal["cut"]
    of: Several = ()


Quality = Annotated[
    Events | FlowRate | Stability | Margin | Drift | Bridging | Storage | SharedCut,
    Field(discriminator="kind"),
]


# ---- the file -------------------------------------------------------------------------------------


class Panel(Element):
    """One tube or well: what is stained in it, and what it tells."""

    title: Words
    specimen: str | None = None
    form: str | None = None
    markers: dict[MarkerName, Several] = Field(min_length=1)
    signal: Literal["area", "height", "width"] = "area"
    compensation: str
    matrices: dict[Name, Matrix] = Field(default_factory=dict)
    transforms: dict[str, Scale] = Field(default_factory=dict)
    pooled: Literal["participant", "batch", "sample"] = "participant"
    references: dict[Name, Reference] = Field(default_factory=dict)
    populations: dict[Name, Population] = Field(min_length=1)
    counting: Counting | None = None
    quantities: dict[Name, Quantity] = Field(min_length=1)
    quality: dict[Name, Quality] = Field(default_factory=dict)

    def transform(self, marker: str) -> Transform:
        """The scale of a marker."""
        return self.transforms.get(marker) or self.transforms.get(DEFAULT) or LINEAR


class PanelFile(Part):
    """``panel.yaml``."""

    panels: dict[Name, Panel] = Field(default_factory=dict)
    assays: dict[Name, Assay] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.panels and not self.assays:
            raise ValueError("nothing is measured here; write `panels`, `assays` or both")
        return self
