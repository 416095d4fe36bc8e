"""Who gets what: how the arm of the next participant is chosen."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator

from trialrun.protocol.element import Element, Name, Part
from trialrun.protocol.text import Range, Several

HIGHER, LOWER, SAME, STOP = "higher", "lower", "same", "stop"
SITE = "site"  # a stratum that is not a variable
MOVES = (HIGHER, LOWER, SAME, STOP)


class Blocks(Element):
    """Random, in permuted blocks: of every block, each arm gets its share (``ratio``).

    ``blocks`` are the sizes of blocks, of which each time one is drawn; ``strata`` the variables (choices),
    or ``site``, within which blocks are kept apart.
    """

    method: Literal["blocks"]
    ratio: dict[Name, int] = Field(min_length=2)
    blocks: tuple[int, ...] = Field(min_length=1)
    strata: Several = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        share = sum(self.ratio.values())
        if any(part < 1 for part in self.ratio.values()):
            raise ValueError("every part of the ratio is at least 1; leave out an arm that nobody gets")
        for size in self.blocks:
            if size < 1 or size % share:
                raise ValueError(
                    f"a block of {size} cannot be shared out as {':'.join(map(str, self.ratio.values()))}; "
                    f"write a multiple of {share}"
                )
        return self


class Step(Part):
    """A line of the table: with so many judged ``of`` an arm (one of ``on``, or any), of whom so many
    ``counted``, the ``next`` cohort goes to another arm (by name, or higher, lower, same), or nowhere (stop).

    ``exclude``: the arm, and all above it, are not used again. ``or_else``: what is done where ``next`` is
    excluded or beyond the last arm.
    """

    on: Several = ()
    of: Range
    counted: Range
    next: str
    exclude: StrictBool = False
    or_else: Literal["same", "stop"] = "stop"


class Table(Element):
    """By a table, cohort by cohort, in the order of the arms (dose levels from low to high).

    ``counted`` is a rule about one participant; ``judged_at`` the decision or visit by which it is known.
    An arm that has ``enough`` participants takes no further cohort: who would be sent there ends inclusions.
    """

    method: Literal["table"]
    start: Name
    cohort: int = Field(ge=1)
    enough: int | None = Field(default=None, ge=1)
    counted: str
    judged_at: str
    table: tuple[Step, ...] = Field(min_length=1)


Allocation = Annotated[Blocks | Table, Field(discriminator="method")]
