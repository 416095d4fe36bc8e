"""What rules read: a named value of an item, or an aggregate over the rows of a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import model_validator

from trialrun.protocol.element import Name, Part, Sourced
from trialrun.protocol.text import Length, Several

AGGREGATES = ("count", "max", "min", "sum", "first", "last", "span", "since")
TAKES: Mapping[str, tuple[str, ...]] = {
    "max": ("number", "date"),
    "min": ("number", "date"),
    "sum": ("number",),
    "span": ("date",),
    "since": ("date",),
}
"""The kinds of item an aggregate takes, where it does not take all."""

Aggregate = Literal["count", "max", "min", "sum", "first", "last", "span", "since"]


class Variable(Sourced):
    """``{item: form.item, at: …}``, ``{max: form.item, where: …, during: …, none: …, complete: …}``, or the
    body surface in m² ``{surface: [form.height, form.weight], formula: Mosteller, at: …}``."""

    item: str | None = None
    surface: tuple[str, str] | None = None
    formula: Literal["Mosteller", "Du Bois"] | None = None
    at: Several = ()
    within: Length | None = None
    count: str | None = None
    max: str | None = None
    min: str | None = None
    sum: str | None = None
    first: str | None = None
    last: str | None = None
    span: str | None = None
    since: str | None = None
    where: str | None = None
    during: str | None = None
    none: float | bool | str | None = None
    complete: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        said = [name for name in ("item", "surface", *AGGREGATES) if getattr(self, name) is not None]
        if len(said) != 1:
            found = " and ".join(said) or "nothing"
            raise ValueError(f"this variable is {found}; write one of item, surface, {', '.join(AGGREGATES)}")
        if (self.surface is None) != (self.formula is None):
            raise ValueError("`surface` and `formula` go together; write formula: Mosteller, or Du Bois")
        single = self.item or self.surface
        if single and not self.at:
            raise ValueError(
                "say which value: `at: SCR`, `at: this visit`, `at: course day 1` or `at: latest`"
            )
        if single and (self.where or self.during or self.complete):
            raise ValueError("`where`, `during` and `complete` belong to an aggregate, not to an item")
        if not single and self.at:
            raise ValueError("`at` belongs to an item; an aggregate says `during`")
        return self

    @property
    def aggregate(self) -> Aggregate | None:
        for name in AGGREGATES:
            if getattr(self, name) is not None:
                return name  # type: ignore[return-value]
        return None

    @property
    def reads(self) -> tuple[str, str]:
        """(form, item) it reads; of a body surface, the weight's."""
        return self.read_all[-1]

    @property
    def read_all(self) -> tuple[tuple[str, str], ...]:
        """Every (form, item) it reads: of a body surface the height's and the weight's."""
        named = self.surface or (str(self.item or getattr(self, str(self.aggregate))),)
        pairs = (name.partition(".") for name in named)
        return tuple((form, item) for form, _, item in pairs)


def body_surface(formula: str | None, height: Any, weight: Any) -> Any:
    """The body surface in m², of one height in cm and weight in kg or of arrays of them: by Mosteller (1987,
    N Engl J Med 317:1098) or Du Bois and Du Bois (1916, Arch Intern Med 17:863)."""
    if formula == "Mosteller":
        return (height * weight / 3600) ** 0.5
    return 0.007184 * height**0.725 * weight**0.425


class VariablesFile(Part):
    variables: dict[Name, Variable]
