"""What is asked of the data: objectives, endpoints and their estimands."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trialrun.protocol.element import Element, Name, Part
from trialrun.protocol.problem import shown
from trialrun.protocol.text import Several, Words

Rank = Literal["primary", "secondary", "exploratory"]


class Objective(Element):
    level: Rank
    text: Words
    endpoints: Several


STRATEGIES = ("treatment policy", "hypothetical", "composite", "while", "principal stratum")
"""How the strategies of ICH E9(R1) for intercurrent events begin; `while` on treatment, while alive."""


class Estimand(Part):
    """The five attributes of ICH E9(R1)."""

    population: Words
    treatment: Words
    variable: Words
    intercurrent: dict[Name, Words]
    summary: Words

    @model_validator(mode="after")
    def _known(self) -> Self:
        for event, how in self.intercurrent.items():
            if not how("en").startswith(STRATEGIES):
                raise ValueError(
                    f"`{shown(how('en'))}` is no strategy for `{event}`; begin with treatment policy, "
                    "hypothetical, composite, while on treatment or principal stratum"
                )
        return self

    def strategy(self, event: str) -> str:
        """The strategy for an event, in English; nothing for an event it does not name."""
        return self.intercurrent[event]("en") if event in self.intercurrent else ""


class Compare(Part):
    """Two arms that are compared: the treatment first, then the one it is compared with."""

    arms: tuple[Name, ...]

    @model_validator(mode="after")
    def _two(self) -> Self:
        if len(self.arms) != 2:
            raise ValueError(
                "`arms` names two arms; write the treatment first, then what it is compared with"
            )
        return self


class _Endpoint(Element):
    title: Words
    level: Rank
    set: Literal["dosed"]
    confidence: float = Field(gt=0.5, lt=1)
    compare: Compare | None = None
    estimand: Estimand


class WithoutEvent(_Endpoint):
    """The share of participants who go through the trial without an event."""

    kind: Literal["proportion_without_event"]
    events: Several
    until: str
    complete_at: str
    missing: Literal["counts as an event"]


class PairedChange(_Endpoint):
    """The change of a measurement from baseline to a visit, within participants."""

    kind: Literal["paired_change"]
    parameter: str
    scale: Literal["log", "linear"]
    baseline: Several
    at: str
    secondary_at: Several = ()
    missing: Literal["left out of the exact test"]
    at_least: int = Field(ge=1)


class OrganResponse(_Endpoint):
    """The share of participants whose organs involved at baseline respond."""

    kind: Literal["organ_response"]
    organs: dict[str, tuple[str, ...]]
    involved: Several
    worse: Several
    baseline: Several
    at: str
    secondary_at: Several = ()
    partial: float = Field(gt=0, le=1)
    unless: Several = ()
    missing: Literal["counts as no response"]


Endpoint = Annotated[WithoutEvent | PairedChange | OrganResponse, Field(discriminator="kind")]


class Multiplicity(Element):
    method: Literal["holm"]
    over: Several
    alpha: float = Field(gt=0, lt=1)
