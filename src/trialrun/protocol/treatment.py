"""What is given: substances, dose levels, cycles, delays, missed doses, and what allows or ends them."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from trialrun.protocol.element import Element, Name, Part
from trialrun.protocol.text import Counted, DoseCount, Length, Several, Tolerance, Window, Words


class Substance(Element):
    name: Words
    product: Words | None = None
    route: str
    unit: str
    unit_name: Words


class Level(Element):
    dose: float = Field(gt=0)


def _setting(value: object) -> object:
    return re.sub(r"\s+", " ", value.strip()) if isinstance(value, str) else value


class Cycle(Element):
    """One course: when its day 1 is, how many doses, at which level, in which setting."""

    label: str
    day: int | None = None
    after: Counted | None = None
    window: Tolerance = Window()
    doses: DoseCount
    substance: str
    level: str
    setting: Annotated[str, BeforeValidator(_setting)]
    places: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_anchor(self) -> Self:
        if (self.day is None) == (self.after is None):
            raise ValueError("a cycle has either `day` (of the first one) or `after` (another cycle)")
        if self.day is not None and self.day != 1:
            raise ValueError("the first cycle begins on study day 1; later cycles use `after`")
        return self

    @property
    def setting_decision(self) -> str | None:
        """The decision that sets the setting (``by tolerance_C1``), if one does."""
        return self.setting[3:] if self.setting.startswith("by ") else None


class Delays(Element):
    cumulative: Length
    beyond: Literal["omit the cycle"]


class MissedDose(Element):
    late: Length
    apart: Length | None = None
    make_up: Literal["never"]
    complete_with: int


class Places(Element):
    """Where a dose may be given: for each setting or place of a dose day, codes of an item of its form."""

    item: str | None = None
    allowed: dict[str, Several] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.item is None) == bool(self.allowed):
            raise ValueError(
                "`item` and `allowed` go together: the item of the injection form, and its codes"
            )
        return self


class Treatment(Part):
    substances: dict[Name, Substance] = Field(min_length=1)
    levels: dict[Name, Level] = Field(min_length=1)
    cycle_length: Length
    cycles: dict[Name, Cycle] = Field(min_length=1)
    delays: Delays
    missed_dose: MissedDose
    places: Places | None = None


class Permission(Element):
    """Opens only when its rule is known to be true."""

    require: str
    text: Words


class Protection(Element):
    """Holds an injection on what is known so far, and says what unknown means."""

    hold: str
    unknown: Literal["hold", "continue"]
    text: Words


class Stop(Element):
    """Ends the injections for one participant; follow-up goes on."""

    when: str
    unknown: Literal["continue"]
    text: Words
