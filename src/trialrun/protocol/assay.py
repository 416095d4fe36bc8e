"""What a laboratory's plate is judged by: its antigens, when it is valid, and the answers that it gives."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trialrun.protocol.element import Element, Name, Part
from trialrun.protocol.problem import shown
from trialrun.protocol.text import Several, Words

__all__ = ["BACKGROUND", "UNITS", "Answer", "Assay", "Elispot", "Suppressed", "Suppression", "Validity"]

BACKGROUND = "background"
"""In ``spots``: the wells without antigen."""
UNITS = {
    "spots": "{SFC}/10*6",
    "net": "{SFC}/10*6",
    "total": "{SFC}/10*6",
    "percent": "%",
    "suppression": "%",
}
"""Kind of answer -> the unit that it is in."""


class Answer(Part):
    """A number of each visit. One of ``spots``, ``net``, ``total`` or ``percent`` says which."""

    spots: Name | None = None
    net: Name | None = None
    total: Literal["signed", "above"] | None = None
    percent: Literal["viable"] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError(f"an answer is one of {', '.join(type(self).model_fields)}; write one of them")
        return self

    @property
    def kind(self) -> str:
        return next(iter(self.model_dump(exclude_none=True)))

    @property
    def antigen(self) -> str | None:
        return self.spots or self.net


class Validity(Part):
    """When an assay is valid: ``viability`` in percent at least, every positive control with at least ``net``
    spots per million and ``fold`` times the background, and so many ``wells`` counted of a stimulus.

    ``controls``: the positive controls that have to respond, as plates call them; by default all.
    """

    viability: float = Field(default=80, ge=0, le=100)
    net: float = Field(default=55, ge=0)
    fold: float = Field(default=3, ge=0)
    wells: int = Field(default=2, ge=1)
    controls: Several = ()

    @model_validator(mode="after")
    def _percent(self) -> Self:
        if 0 < self.viability <= 1:
            percent = f"{100 * self.viability:g}"
            raise ValueError(
                f"a viability of {self.viability:g} is one of {self.viability:g} %; write {percent}"
            )
        return self


class Suppressed(Part):
    """The suppression at one ratio of regulatory cells to responders, in percent."""

    suppression: str

    @model_validator(mode="after")
    def _of_cells(self) -> Self:
        if not re.fullmatch(r"[1-9]\d{0,5}:[1-9]\d{0,5}", self.suppression):
            what = f"`{shown(self.suppression)}` is no ratio of cells"
            raise ValueError(f'{what}; write e.g. "1:2" for one regulatory cell to two responders')
        return self

    @property
    def ratio(self) -> float:
        cells, responders = self.suppression.split(":")
        return int(cells) / int(responders)

    @property
    def kind(self) -> str:
        return "suppression"


class Measured(Element):
    """What every assay has: the specimen whose cells stand in the wells, and the form that its numbers
    answer."""

    title: Words
    specimen: str
    form: str


class Elispot(Measured):
    """``antigens``: by name, what plates call them; ``fills``: by item of the form, the number that answers
    it."""

    method: Literal["elispot"]
    antigens: dict[Name, Several] = Field(min_length=1)
    valid: Validity = Validity()
    fills: dict[Name, Answer] = Field(min_length=1)

    @model_validator(mode="after")
    def _not_the_background(self) -> Self:
        if BACKGROUND in self.antigens:
            raise ValueError(f"`{BACKGROUND}` are the wells without antigen; give the antigen another name")
        return self


class Suppression(Measured):
    """``fills``: by item of the form, the ratio whose suppression answers it."""

    method: Literal["suppression"]
    fills: dict[Name, Suppressed] = Field(min_length=1)


Assay = Annotated[Elispot | Suppression, Field(discriminator="method")]
