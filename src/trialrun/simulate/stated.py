"""What a study without a mechanism states of its virtual people: quantities, their course by arm, reactions.

Spreads are standard deviations, on a log scale of the natural logarithm; times are counted from each
participant's own first dose. What is said by arm is said once where a study has no arms.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from trialrun.protocol.element import Element, Name, Part
from trialrun.protocol.text import Length, Range

EVERYONE = ""
"""The arm of a study that has none."""


class Course(Part):
    """How a quantity changes: towards ``most``, half after ``half``; or so much ``per_week``, ``until`` then.

    On a log scale both are factors. ``spread`` is how much people differ in ``most`` or ``per_week``.
    A dose acts for ``lasts`` (for good where that is not said); from then on what was gained ``wanes`` with
    this half-life.
    """

    most: float | None = None
    half: Length | None = None
    per_week: float | None = None
    until: Length | None = None
    spread: float = Field(default=0.0, ge=0)
    lasts: Length | None = None
    wanes: Length | None = None

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if (self.most is None) == (self.per_week is None):
            raise ValueError("a course has either `most` and `half`, or `per_week`")
        if (self.most is None) != (self.half is None):
            raise ValueError("`most` and `half` go together; write e.g. most: -12, half: 3 weeks")
        if self.until is not None and self.per_week is None:
            raise ValueError("`until` ends a change `per_week`; a course towards `most` needs none")
        if (self.lasts is None) != (self.wanes is None):
            raise ValueError("`lasts` and `wanes` go together: how long a dose acts, and how it is lost")
        return self


def _by_arm(keys: frozenset[str]) -> BeforeValidator:
    """What is not said by arm is said of everyone."""

    def by_arm(value: Any) -> Any:
        whole = not isinstance(value, Mapping) or bool(keys & set(value))
        return {EVERYONE: value} if whole else value

    return BeforeValidator(by_arm)


class Quantity(Element):
    """Something that is measured: ``about`` before treatment, its ``spread`` between people, ``within`` a
    person from one measurement to the next, and its ``change`` by arm; an arm that is not named has none."""

    unit: str
    scale: Literal["linear", "log"] = "linear"
    about: float
    spread: float = Field(ge=0)
    within: float = Field(ge=0)
    limits: Range | None = None
    change: Annotated[dict[str, Course], _by_arm(frozenset(Course.model_fields))] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _has_logarithm(self) -> Self:
        factors = [f for course in self.change.values() for f in (course.most, course.per_week)]
        numbers = [self.about, *(factor for factor in factors if factor is not None)]
        if self.scale == "log" and min(numbers) <= 0:
            raise ValueError("on a log scale `about`, `most` and `per_week` are above 0: changes are factors")
        return self

    def on_scale(self, value: float) -> float:
        return log(value) if self.scale == "log" else value


Chance = Annotated[float, Field(ge=0, lt=1)]


class Reactions(Element):
    """The chance, by arm, that one dose brings a reaction; shares of its kinds, and of the worst grade."""

    chance: Annotated[dict[str, Chance], _by_arm(frozenset())]
    kinds: dict[Name, float] = Field(min_length=1)
    worst_grade: dict[int, float] = Field(min_length=1)

    @model_validator(mode="after")
    def _shares(self) -> Self:
        for name, shares in (("kinds", self.kinds), ("worst_grade", self.worst_grade)):
            if min(shares.values()) < 0 or abs(sum(shares.values()) - 1) > 1e-9:
                raise ValueError(f"the shares of `{name}` add up to {sum(shares.values()):g}; they must be 1")
        return self


class Death(Element):
    """The rate of death, the same at any time."""

    per_year: float = Field(ge=0)


class StatedFile(Part):
    """The part `stated` of a study's model file."""

    quantities: dict[Name, Quantity] = Field(min_length=1)
    reactions: Reactions
    death: Death
