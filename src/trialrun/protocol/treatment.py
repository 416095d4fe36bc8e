"""What is given: substances, dose levels, cycles, delays, missed doses, and what allows or ends them."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from trialrun.protocol.element import Element, Name, Part
from trialrun.protocol.series import MOST, unrolled
from trialrun.protocol.text import Counted, DoseCount, Length, Several, Tolerance, Window, Words


class Substance(Element):
    name: Words
    product: Words | None = None
    route: str
    unit: str
    unit_name: Words


class Level(Element):
    """A dose: a fixed amount, or so much ``per`` kg or m² ``of`` a variable, rounded to a step and capped.

    A placebo is a substance of its own, dosed in the unit of what it stands for (a tablet, a millilitre).
    """

    dose: float = Field(gt=0)
    per: Literal["kg", "m2"] | None = None
    of: str | None = None
    round: float | None = Field(default=None, gt=0)
    at_most: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _per_what(self) -> Self:
        if (self.per is None) != (self.of is None):
            raise ValueError(
                "`per` and `of` go together; write e.g. per: m2, of: body_surface (a variable in that unit)"
            )
        if self.per is not None and self.round is None:
            raise ValueError(
                f"a dose per {self.per} comes out as an amount that nobody can measure off; "
                "write the step that can be given, e.g. round: 5"
            )
        if self.per is None and (self.round or self.at_most):
            raise ValueError("a fixed dose is neither rounded nor capped; write the amount itself")
        return self


def _setting(value: object) -> object:
    return re.sub(r"\s+", " ", value.strip()) if isinstance(value, str) else value


ByArm = str | dict[str, str]
"""One name for everyone, or one for each arm: ``{active: full, control: none}``."""


class Cycle(Element):
    """One course: when its day 1 is, how many doses, at which level, in which setting.

    ``arms`` are those that have it (none named: all). ``length`` is how long its events count where that is
    not the study's ``cycle_length``; ``each`` the window of the doses after day 1; ``repeat`` makes it a
    series of at most so many, one ``every`` so many days, named C1, C2 … if it is C.
    """

    label: str
    arms: Several = ()
    day: int | None = None
    after: Counted | None = None
    window: Tolerance = Window()
    doses: DoseCount
    each: Tolerance | None = None
    length: Length | None = None
    complete_with: int | None = Field(default=None, ge=1)
    substance: ByArm
    level: ByArm
    setting: Annotated[str, BeforeValidator(_setting)]
    places: dict[str, str] = Field(default_factory=dict)
    repeat: int | None = Field(default=None, ge=2, le=MOST)
    every: Length | None = None

    @model_validator(mode="after")
    def _one_anchor(self) -> Self:
        if (self.day is None) == (self.after is None):
            raise ValueError("a cycle has either `day` (of the first one) or `after` (another cycle)")
        if self.day is not None and self.day != 1:
            raise ValueError("the first cycle begins on study day 1; later cycles use `after`")
        if (self.repeat is None) != (self.every is None):
            raise ValueError("`repeat` and `every` go together; write e.g. repeat: 12, every: 21 days")
        return self

    def named(self, arm: str | None) -> tuple[str, str]:
        """(substance, level) of one arm, or of everyone (the first arm's, where arms differ)."""
        found = [
            said if isinstance(said, str) else said.get(arm or next(iter(said), ""), "")
            for said in (self.substance, self.level)
        ]
        return found[0], found[1]

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
    """Everything about what is given."""

    substances: dict[Name, Substance] = Field(min_length=1)
    levels: dict[Name, Level] = Field(min_length=1)
    cycle_length: Length
    cycles: Annotated[dict[Name, Cycle], BeforeValidator(unrolled)] = Field(min_length=1)
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
