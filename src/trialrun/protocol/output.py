"""What is reported: analysis sets, derived columns, and the planned tables, listings and figures.

The words are read here; how they are computed is for the analysis. Rules are those of the study language,
over the columns of a table. A column is named alone (``AGE``: of the participants) or with its table
(``AE.AEDECOD``: of its rows).
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from trialrun.protocol.analysis import (
    Ancova,
    Categories,
    Count,
    EndpointResult,
    Hierarchy,
    Listed,
    Monitored,
    Narrative,
    Organs,
    Projection,
    Proportion,
    Summarised,
    Survival,
    Told,
)
from trialrun.protocol.cell import Pattern, Space, Statistics, Written, one_verb, tag_of
from trialrun.protocol.derived import Derived, View
from trialrun.protocol.element import Name, Part, Sourced
from trialrun.protocol.figure import Figure
from trialrun.protocol.grouping import By, Comparison
from trialrun.protocol.problem import shown
from trialrun.protocol.text import Several, Words
from trialrun.protocol.trajectory import (
    Correlated,
    Imputed,
    Modelled,
    Multiplicity,
    Paired,
    Positive,
    RepeatedTests,
    Trajectory,
)


def _output_id(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]+([.-][A-Za-z0-9]+)*", value):
        raise ValueError(f"`{shown(value)}` cannot number an output; write e.g. 14.1.1, F14.2.3 or 16.2.1")
    return value


OutputId = Annotated[str, AfterValidator(_output_id)]


class Heading(Part):
    """A line of words between analyses."""

    heading: Words
    indent: int = Field(default=0, ge=0, le=6)
    space: Space | None = None


_VERBS = {
    "count": "Count", "summary": "Summarised", "categories": "Categories", "hierarchy": "Hierarchy",
    "listing": "Listed", "endpoint": "EndpointResult", "figure": "Drawn", "heading": "Heading",
    "proportion": "Proportion", "survival": "Survival", "boundary": "Monitored", "organs": "Organs",
    "ancova": "Ancova",
    "narrative": "Narrative", "facts": "Told", "projection": "Projection",
    "paired_change": "Paired", "positive": "Positive", "mixed_model": "Modelled", "repeated": "RepeatedTests",
    "imputation": "Imputed", "correlation": "Correlated", "multiplicity": "Multiplicity",
}  # fmt: skip


Analysis = Annotated[
    Annotated[Count, Tag("[Count]")]
    | Annotated[Summarised, Tag("[Summarised]")]
    | Annotated[Categories, Tag("[Categories]")]
    | Annotated[Hierarchy, Tag("[Hierarchy]")]
    | Annotated[Ancova, Tag("[Ancova]")]
    | Annotated[Listed, Tag("[Listed]")]
    | Annotated[Narrative, Tag("[Narrative]")]
    | Annotated[Told, Tag("[Told]")]
    | Annotated[Projection, Tag("[Projection]")]
    | Annotated[EndpointResult, Tag("[EndpointResult]")]
    | Annotated[Proportion, Tag("[Proportion]")]
    | Annotated[Survival, Tag("[Survival]")]
    | Annotated[Monitored, Tag("[Monitored]")]
    | Annotated[Organs, Tag("[Organs]")]
    | Annotated[Figure, Tag("[Drawn]")]
    | Annotated[Heading, Tag("[Heading]")]
    | Annotated[Paired, Tag("[Paired]")]
    | Annotated[Positive, Tag("[Positive]")]
    | Annotated[Modelled, Tag("[Modelled]")]
    | Annotated[RepeatedTests, Tag("[RepeatedTests]")]
    | Annotated[Imputed, Tag("[Imputed]")]
    | Annotated[Correlated, Tag("[Correlated]")]
    | Annotated[Multiplicity, Tag("[Multiplicity]")],
    Discriminator(lambda value: tag_of(value, _VERBS)),
    BeforeValidator(lambda value: one_verb(value, _VERBS, "e.g. {summary: AGE}")),
]


class AnalysisSet(Sourced):
    """Whom an output is about: a rule over participants, in words why."""

    title: Words
    where: str | None = None
    text: Words | None = None


EVERY_ROW = "rows"
"""What ``group_before`` says of a group that stands before every row of an output."""

GROUP = "group"
"""What ``space`` says of groups that are lines."""


class Output(Sourced):
    """One planned table, listing or figure."""

    kind: Literal["table", "listing", "figure"]
    title: Words
    subtitle: Words | None = None
    section: str | None = None
    set: Name | None = None
    by: By | None = None
    stub: tuple[Pattern, ...] = ()
    space: bool | Several = False
    across: Literal["statistics", "both"] | None = None
    group_before: Name | None = None
    group: tuple[Pattern, ...] = ()
    repeat: bool = False
    page: Literal["participant"] | None = None
    empty: Words | None = None
    statistics: Statistics = Field(default_factory=dict)
    formats: dict[Name, Written] = Field(default_factory=dict)
    cells: dict[Name, Written] = Field(default_factory=dict)
    compare: dict[Name, Comparison] = Field(default_factory=dict)
    rows: dict[Name, Analysis] = Field(min_length=1)
    footnotes: tuple[Words, ...] = ()
    estimands: Several = ()

    @model_validator(mode="after")
    def _turned(self) -> Self:
        if self.across == "both" and self.cells:
            raise ValueError("with `across: both` statistics stand under each column; leave out `cells`")
        if self.across != "statistics" and (self.group_before or self.group):
            raise ValueError("only where groups are lines have they a place; write across: statistics")
        return self


class Conventions(Part):
    """What every number of the file obeys; there is one way of each, said so that a reader need not guess."""

    quantiles: Literal["SAS definition 5"] | None = None
    rounding: Literal["half away from zero"] | None = None
    visits: Literal["as recorded"] | None = None


class Pack(Sourced):
    """A document for certain readers: outputs told in words (``said``), then those shown whole."""

    title: Words
    said: Several = ()
    outputs: Several = ()


class OutputsFile(Part):
    """``outputs.yaml``."""

    participants: Name = "DM"
    by: By | None = None
    conventions: Conventions = Field(default_factory=Conventions)
    derive: dict[Name, Derived] = Field(default_factory=dict)
    tables: dict[Name, View] = Field(default_factory=dict)
    trajectories: dict[Name, Trajectory] = Field(default_factory=dict)
    sets: dict[Name, AnalysisSet] = Field(default_factory=dict)
    statistics: Statistics = Field(default_factory=dict)
    formats: dict[Name, Written] = Field(default_factory=dict)
    outputs: dict[OutputId, Output] = Field(min_length=1)
    packs: dict[Name, Pack] = Field(default_factory=dict)
