"""The columns of an output, what compares them, and what an analysis is repeated for."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from trialrun.protocol.cell import Pattern, Written, listed
from trialrun.protocol.element import Name, Part
from trialrun.protocol.text import Several, Words


class Group(Part):
    """A column of those who satisfy a rule; ``under`` are the words above it and its neighbours."""

    title: Words
    where: str
    under: Words | None = None


def _by(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


class Grouping(Part):
    """The columns of a table: the values of a participants' column, or groups by rules; and their total."""

    column: Name | None = None
    order: Several = ()
    titles: dict[str, Words] = Field(default_factory=dict)
    groups: dict[Name, Group] = Field(default_factory=dict)
    total: Words | None = None
    header: Pattern | None = None


By = Annotated[Grouping, BeforeValidator(_by)]


class Mark(Part):
    below: float = Field(gt=0, lt=1)
    with_: str = Field(alias="with")
    otherwise: str = ""


class Comparison(Written):
    """A further column: a p-value of the columns, or of two of them, by the kind of analysis."""

    title: Pattern
    under: Pattern | None = None
    between: Several = ()
    summary: Literal["anova", "kruskal-wallis"] | None = None
    categories: Literal["chi-square", "fisher", "cmh-general", "cmh-means", "cmh-correlation"] | None = None
    counts: Literal["chi-square", "fisher"] | None = None
    cells: Literal["chi-square", "fisher"] | None = None
    strata: Several = ()
    least_strata: int = Field(default=1, ge=1)
    mark: Mark | None = None

    @model_validator(mode="after")
    def _tests(self) -> Self:
        if not (self.summary or self.categories or self.counts or self.cells):
            raise ValueError(
                "this says no test; write e.g. counts: fisher, categories: fisher or summary: anova"
            )
        return self

    @model_validator(mode="after")
    def _stratified(self) -> Self:
        if self.strata and not (self.categories or "").startswith("cmh"):
            raise ValueError("only a Cochran-Mantel-Haenszel test has strata; write categories: cmh-general")
        return self


class Each(Part):
    """How the values of a column that an analysis is repeated for are ordered and titled."""

    titles: dict[str, Words] = Field(default_factory=dict)
    by: Name | None = None


Repeated = Annotated[dict[Name, Each], BeforeValidator(listed)]
