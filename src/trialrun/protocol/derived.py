"""Columns and tables that are made from others: of participants, and views of a table's rows."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from trialrun.protocol.cell import Column, Number, one_verb, tag_of
from trialrun.protocol.element import Name, Part
from trialrun.protocol.text import Counted, Several, Words

PICKS = ("first", "last", "min", "max", "sum", "mean", "count", "any")


class _Derived(Part):
    title: Words | None = None
    round: int | None = None
    missing: str | None = None


class Picked(_Derived):
    """A value of each participant from the rows of a table: ``{last: DS.DSDECOD, by: DSSTDTC}``."""

    first: Column | None = None
    last: Column | None = None
    min: Column | None = None
    max: Column | None = None
    sum: Column | None = None
    mean: Column | None = None
    count: Column | None = None
    any: Column | None = None
    where: str | None = None
    by: Name | None = None
    same: Several = ()

    @property
    def verb(self) -> str:
        return next(name for name in PICKS if getattr(self, name) is not None)

    @property
    def column(self) -> str:
        return str(getattr(self, self.verb))


class Computed(_Derived):
    """An expression of the rule language: ``{value: (VISIT - ONSET) / '30.4375 days'}``, where a rule holds;
    else unknown."""

    value: str
    where: str | None = None


class Cut(_Derived):
    """Numbers in groups: ``{cut: AGE, at: [65, 81], titles: [<65, 65-80, >80]}``; a limit begins one."""

    cut: Column
    at: tuple[Number, ...] = Field(min_length=1)
    titles: tuple[str, ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if list(self.at) != sorted(set(self.at)):
            raise ValueError("the limits do not rise; write each once, the smallest first")
        if len(self.titles) != len(self.at) + 1:
            made = f"{len(self.at)} limits make {len(self.at) + 1} groups"
            raise ValueError(f"{made}, not {len(self.titles)}; write one title for each group")
        return self


class Cases(_Derived):
    """A code by the first rule that is true: ``{cases: {HISP: "ETHNIC = 'HISPANIC'"}, otherwise: OTHER}``."""

    cases: dict[str, str] = Field(min_length=1)
    otherwise: str | None = None


class Judged(_Derived):
    """What an endpoint of the study says of each participant: ``{endpoint: efficacy, at: W19}``.

    ``at``: visits, of several the best response. ``events``: these instead of the endpoint's own. ``until``:
    instead of its last visit, ``last dose + 28 days``. ``day``: not the state, but the study day of the event
    or, without one, the last day up to which there was none.
    """

    endpoint: Name
    at: Several = ()
    events: Several = ()
    until: Counted | None = None
    day: bool = False


TRACED = ("baseline", "measured", "change", "ratio", "peak", "trough", "peak_day", "area", "confirmed_rise")


class Traced(_Derived):
    """One number of a trajectory: ``{ratio: cells, at: W11}``, ``{confirmed_rise: virus, by: 1, after: 14}``.

    ``at``: the visits looked at, by default all after baseline. ``by``, ``times``: how much above it a rise
    is; ``after``: days until it is confirmed."""

    baseline: Name | None = None
    measured: Name | None = None
    change: Name | None = None
    ratio: Name | None = None
    peak: Name | None = None
    trough: Name | None = None
    peak_day: Name | None = None
    area: Name | None = None
    confirmed_rise: Name | None = None
    at: Several = ()
    by: Number | None = Field(default=None, gt=0)
    times: Number | None = Field(default=None, gt=0)
    after: int = Field(default=14, ge=0)

    @property
    def verb(self) -> str:
        return next(name for name in TRACED if getattr(self, name) is not None)

    @property
    def trajectory(self) -> str:
        return str(getattr(self, self.verb))

    @model_validator(mode="after")
    def _says_enough(self) -> Self:
        if self.verb in ("measured", "change", "ratio") and len(self.at) != 1:
            raise ValueError(f"`{self.verb}` is of one visit; write e.g. at: W11")
        if self.verb == "confirmed_rise" and self.by is None and self.times is None:
            raise ValueError("a rise needs its size; write e.g. by: 1, or times: 2")
        return self


_DERIVED = {
    **dict.fromkeys(PICKS, "Picked"), **dict.fromkeys(TRACED, "Traced"),
    "value": "Computed", "cut": "Cut", "cases": "Cases", "endpoint": "Judged",
}  # fmt: skip


Derived = Annotated[
    Annotated[Picked, Tag("[Picked]")]
    | Annotated[Computed, Tag("[Computed]")]
    | Annotated[Cut, Tag("[Cut]")]
    | Annotated[Cases, Tag("[Cases]")]
    | Annotated[Judged, Tag("[Judged]")]
    | Annotated[Traced, Tag("[Traced]")],
    Discriminator(lambda value: tag_of(value, _DERIVED)),
    BeforeValidator(lambda value: one_verb(value, _DERIVED, "e.g. {last: DS.DSDECOD}")),
]


class Spread(Part):
    """Which column names the test and which holds its value, where tests become columns; ``tests`` that
    have one whether any row has them or not (the study's have)."""

    column: Name
    value: Name
    tests: Several = ()


class View(Part):
    """A table made from another: some of its rows, with columns added, perhaps one row of each group; with
    ``spread``, a column for each test and a row for each group."""

    rows: Name
    where: str | None = None
    spread: Spread | None = None
    derive: dict[Name, Derived] = Field(default_factory=dict)
    keep: Literal["first", "last"] | None = None
    by: Name | None = None
    each: Several = ()
