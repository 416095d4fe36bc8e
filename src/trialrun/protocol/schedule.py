"""When things happen: epochs, visits, activities (the rows of the schedule of activities), decisions."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, StrictBool, model_validator

from trialrun.protocol.element import Element, Name
from trialrun.protocol.problem import Refusal
from trialrun.protocol.series import MOST
from trialrun.protocol.text import MOST_DAYS, Counted, Length, Millilitres, Several, Tolerance, Window, Words


class Epoch(Element):
    title: Words


class Visit(Element):
    """A visit: counted from a cycle, a dose or an event, on a day before the first dose, or as needed.

    ``arms`` are those that have it (none named: all); ``as_needed`` how often it may take place.
    """

    epoch: str
    label: Words
    arms: Several = ()
    day: int | None = Field(default=None, ge=-MOST_DAYS, le=MOST_DAYS)
    after: Counted | None = None
    as_needed: int | None = Field(default=None, ge=1, le=MOST)
    otherwise: Counted | None = None
    only: Literal["stopped"] | None = None
    window: Tolerance = Window()

    @model_validator(mode="after")
    def _one_anchor(self) -> Self:
        if sum(said is not None for said in (self.day, self.after, self.as_needed)) != 1:
            raise ValueError("a visit has one of `day`, `after` and `as_needed`")
        if self.as_needed is not None and (self.window.before or self.window.after or self.only):
            raise ValueError("a visit as needed has no window, and anyone may have it")
        if self.day == 0:
            raise ValueError("there is no study day 0; the day before day 1 is day -1")
        if self.otherwise is not None and self.after is None:
            raise ValueError(
                "`otherwise` replaces `after` for those whose cycle is not given; this visit has no `after`"
            )
        return self


class Activity(Element):
    """A row of the schedule of activities: what is done (forms, specimens) and where (``at``)."""

    title: Words
    forms: Several = ()
    specimens: Several = ()
    at: Several
    ahead: Length | None = None
    before_dose: Length | None = None
    substudy: str | None = None
    only_if: str | None = None
    unknown: Literal["do", "skip"] | None = None
    blood: Millilitres | None = None

    @model_validator(mode="after")
    def _condition_says_unknown(self) -> Self:
        if (self.only_if is None) != (self.unknown is None):
            raise Refusal(
                "`only_if` and `unknown` go together; write `unknown: do` (done while the condition is not "
                "known) or `unknown: skip`",
                "unknown-unsaid",
            )
        return self


class Substudy(Element):
    """A part of the study that people join by a consent of its own: a rule to ``require``."""

    title: Words
    require: str


class Specimen(Element):
    title: Words
    volume: Millilitres
    tube: str
    handling: Words | None = None


class BloodLimits(Element):
    visit: Millilitres
    month: Millilitres
    trial: Millilitres


class Outcome(Element):
    """One named outcome of a decision, its rule and its effect on the treatment."""

    effect: Literal["continue", "hold", "stop"]
    when: str | None = None
    otherwise: StrictBool = False
    unknown: Literal["wait"] | None = None
    setting: str | None = None
    for_: Length | None = Field(default=None, alias="for")
    then: Literal["stop"] | None = None
    text: Words

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.when is None) == (not self.otherwise):
            raise ValueError("an outcome has either `when` (its rule) or `otherwise: true`")
        if self.when is not None and self.effect != "continue" and self.unknown is None:
            raise Refusal(
                "an outcome that holds or stops says what an unknown rule means; write `unknown: wait` (the "
                "decision waits until it is known)",
                "unknown-unsaid",
            )
        if self.effect == "hold" and (self.for_ is None or self.then is None):
            raise ValueError(
                "a hold says how long it may last (`for: 7 days`) and what then happens (`then: stop`)"
            )
        return self


class Decision(Element):
    title: Words
    when: Counted
    by: str
    within: Length
    needs: Several
    expected: str
    outcomes: dict[Name, Outcome] = Field(min_length=1)


class Suspension(Element):
    """Suspends inclusions: once ``n`` are dosed, when ``k`` of them match (``at_least: {n: k}``)."""

    participants: str
    at_least: dict[int, int]
    same: str | None = None
    text: Words

    @model_validator(mode="after")
    def _a_boundary(self) -> Self:
        steps = sorted(self.at_least.items())
        if not steps or any(n < 1 or k < 1 for n, k in steps):
            raise ValueError(
                "`at_least` gives numbers from 1 on, e.g. {2: 2, 5: 3}: 2 of the first 2, 3 of 5 or more"
            )
        for (_, fewer), (n, k) in pairwise(steps):
            if k < fewer:
                raise ValueError(
                    f"a boundary does not fall: with {n} dosed it asks for {k}, before that for {fewer}"
                )
        return self
