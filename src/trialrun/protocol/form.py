"""What is asked: forms and their items."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, StrictBool, model_validator

from trialrun.protocol.element import Element, Name, Part, Sourced
from trialrun.protocol.problem import Refusal
from trialrun.protocol.rule import Type
from trialrun.protocol.text import Range, Words


class Item(Sourced):
    """One question: its words, its type and unit, what it may hold, and its SDTM name."""

    ask: Words
    type: Literal["number", "integer", "boolean", "choice", "date", "text"]
    unit: str | None = None
    decimals: int | None = Field(default=None, ge=0, le=9)
    limits: Range | None = None
    usual: Range | None = None
    codes: dict[str, Words] = Field(default_factory=dict)
    required: StrictBool = True
    only_if: str | None = None
    sdtm: str | None = None
    test: str | None = None

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        if self.type == "choice" and not self.codes:
            raise ValueError("a choice lists its `codes`; write e.g. codes: {M: Man, F: Woman}")
        if self.type != "choice" and self.codes:
            raise ValueError(f"`codes` belong to a choice, not to a {self.type}")
        if self.type in ("number", "integer") and self.unit is None:
            raise ValueError("a number has a `unit` (UCUM, e.g. g/L), or says `unit: none`")
        if self.type not in ("number", "integer") and (self.unit or self.limits or self.usual):
            raise ValueError(f"a {self.type} has no unit and no limits")
        if (
            self.usual
            and self.limits
            and not (self.usual.low in self.limits and self.usual.high in self.limits)
        ):
            raise Refusal(
                f"the usual range {self.usual} lies outside the limits {self.limits}", "usual-outside-limits"
            )
        if self.sdtm is not None and not re.fullmatch(r"[A-Z]{2}\.[A-Z0-9]{1,8}", self.sdtm):
            raise ValueError(
                f"`{self.sdtm}` is not an SDTM name; write DOMAIN.TESTCD, e.g. LB.ALT (8 characters at most)"
            )
        return self

    @property
    def kind(self) -> Type:
        """The item's type as the rules see it."""
        if self.type == "number" or self.type == "integer":
            return Type("number", None if self.unit == "none" else self.unit)
        if self.type == "choice":
            return Type("choice", codes=tuple(self.codes))
        return Type(self.type)


class Form(Element):
    title: Words
    by: Literal["nurse", "investigator", "pharmacist", "laboratory", "adjudicator", "participant"]
    domain: str = Field(pattern=r"^[A-Z]{2}$")
    repeats: StrictBool = False
    occurs: str | None = None
    items: dict[Name, Item] = Field(min_length=1)

    @model_validator(mode="after")
    def _occurs_once_a_row(self) -> Self:
        if self.occurs and not self.repeats:
            raise ValueError("`occurs` belongs to a form with a row per occurrence; add `repeats: true`")
        return self


class FormsFile(Part):
    forms: dict[Name, Form]
