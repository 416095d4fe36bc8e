"""Measurements of participants over visits, and the analyses of their change."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from trialrun.protocol.analysis import AnalysisPart
from trialrun.protocol.cell import Column, Number, Statistics
from trialrun.protocol.element import Name, Part
from trialrun.protocol.text import Several, Words


class Trajectory(Part):
    """A measurement of each participant over visits: one value for each, of several the last.

    ``baseline``: the visits whose mean on the ``scale``, or the first of which that was measured
    (``baseline_is``), it starts from. ``positive``: a rule over its rows that makes it yes or no.
    ``day``: the column of study days."""

    title: Words
    value: Column
    where: str | None = None
    visit: Name = "TIMEPT"
    visits: Several = ()
    day: Name | None = None
    baseline: Several = ()
    baseline_is: Literal["mean", "first"] = "mean"
    scale: Literal["linear", "log"] = "linear"
    positive: str | None = None
    decimals: int = Field(default=1, ge=0, le=8)

    @model_validator(mode="after")
    def _of_a_table(self) -> Self:
        if "." not in self.value:
            raise ValueError(f"`{self.value}` has no table; write e.g. LB.LBSTRESN")
        return self


ADJUSTMENTS = Literal["holm", "hochberg", "hommel", "bh", "by"]


class _OverTime(AnalysisPart):
    """Of trajectories; ``at``: the visits, by default all; ``baseline`` is one of them."""

    at: Several = ()
    statistics: Statistics = Field(default_factory=dict)
    level: float = Field(default=0.95, gt=0, lt=1)

    @property
    def trajectories(self) -> tuple[str, ...]:
        """The names of those it is about."""
        return ()


class Paired(_OverTime):
    """Values and their changes from baseline at each visit, tested exactly; ``adjust`` takes all its p."""

    paired_change: Several
    at_least: int = Field(default=1, ge=1)
    adjust: ADJUSTMENTS | None = None

    @property
    def trajectories(self) -> tuple[str, ...]:
        return self.paired_change


class Positive(_OverTime):
    """How many are positive at each visit, and who changed since baseline (McNemar)."""

    positive: Name

    @property
    def trajectories(self) -> tuple[str, ...]:
        return (self.positive,)


class Modelled(_OverTime):
    """A mixed model for repeated measures; the first of the ``covariance`` structures that can be fitted."""

    mixed_model: Name
    covariance: Several = ("unstructured",)
    baseline: Literal["response", "covariate"] = "response"
    df: Literal["kenward-roger", "kenward-roger-linear", "satterthwaite"] = "kenward-roger"

    @property
    def trajectories(self) -> tuple[str, ...]:
        return (self.mixed_model,)


class RepeatedTests(_OverTime):
    """Tests over several visits at once, of those seen at all of them."""

    repeated: Name
    tests: Several = ()

    @property
    def trajectories(self) -> tuple[str, ...]:
        return (self.repeated,)


class Imputed(_OverTime):
    """The mean change at one visit with missing values imputed, and shifted by each of ``shifts``: added, or
    on the log scale multiplied by."""

    imputation: Name
    imputations: int = Field(default=100, ge=2, le=10_000)
    seed: int = Field(default=1, ge=0)
    shifts: tuple[Number, ...] = ()

    @property
    def trajectories(self) -> tuple[str, ...]:
        return (self.imputation,)


class Correlated(AnalysisPart):
    """Two numbers of each participant."""

    correlation: tuple[Column, Column]
    statistics: Statistics = Field(default_factory=dict)


class Multiplicity(AnalysisPart):
    """P-values of endpoints of the study, as they are and adjusted; ``study``: as it says itself."""

    multiplicity: Literal["study"] | ADJUSTMENTS
    endpoints: Several = ()
    statistics: Statistics = Field(default_factory=dict)
