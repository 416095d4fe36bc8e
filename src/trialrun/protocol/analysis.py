"""The rows of an output: a verb for each kind of analysis."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from trialrun.protocol.cell import PARTICIPANTS, Column, Number, Pattern, Space, Statistics, Written
from trialrun.protocol.element import Name, Part
from trialrun.protocol.grouping import Repeated
from trialrun.protocol.text import Several, Words


class AnalysisPart(Written):
    """What every analysis has: its title, its rows, how its cells are written, and what is compared.
    ``space``: empty lines above it, whatever the output says."""

    indent: int = Field(default=0, ge=0, le=6)
    space: Space | None = None
    compare: bool | Several = True


class Count(AnalysisPart):
    """Participants (of a table: who have such a row), n (%) and how many rows."""

    count: Name
    of: str = "set"
    time: Name | None = None
    each: Repeated = Field(default_factory=dict)


class Summarised(AnalysisPart):
    """Numbers: a line for each of ``statistics``, by default n, mean_sd, median, q1_q3 and min_max."""

    summary: Column
    statistics: Statistics = Field(default_factory=dict)
    decimals: int | None = Field(default=None, ge=0, le=8)
    each: Repeated = Field(default_factory=dict)


class Categories(AnalysisPart):
    """The levels of a variable, n (%); ``known`` names a first line that counts whoever has a value."""

    categories: Column
    levels: dict[str, Words] = Field(default_factory=dict)
    others: bool = True
    empty: bool = True
    known: Words | None = None
    missing: Words | None = None
    of: str = "set"
    each: Repeated = Field(default_factory=dict)


def _one_or_more(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Sorts = Annotated[
    tuple[Literal["frequency", "participants", "alphabet"], ...],
    Field(min_length=1),
    BeforeValidator(_one_or_more),
]


class Hierarchy(AnalysisPart):
    """Terms within terms, n (%) [events]: ``{hierarchy: AE, levels: [AEBODSYS, AEDECOD]}``."""

    hierarchy: Name
    levels: Several
    any: Words | None = None
    sort: Sorts = ("frequency",)
    sort_by: str | None = None
    at_least: float = Field(default=0, ge=0, le=100)
    worst: Name | None = None
    grades: dict[str, Words] = Field(default_factory=dict)
    of: str = "set"
    time: Name | None = None


def _over(value: Any) -> Any:
    return {"visit": value} if isinstance(value, str) else value


def _times(value: Any) -> Any:
    return (value,) if isinstance(value, int | float) else value


class OverVisits(Part):
    """Values at several visits (a number, ``AVISITN``), read ``at`` one of them or on average of several, by
    default of all. ``by_visit``: what has another effect at each; of ``covariance`` the first that fits."""

    visit: Name
    at: Annotated[tuple[float, ...], BeforeValidator(_times)] = ()
    by_visit: Several = ()
    covariance: Several = ("unstructured",)
    df: Literal["kenward-roger", "kenward-roger-linear", "satterthwaite"] = "kenward-roger"


class Ancova(AnalysisPart):
    """A linear model of the numbers of the columns: their least squares means, or their difference from a
    column (``versus``), the slope of a ``dose``, or the test of an ``effect``; ``over`` visits, mixed."""

    ancova: Column
    factors: Several = ()
    covariates: Several = ()
    versus: str | None = None
    dose: Name | None = None
    effect: Name | None = None
    over: Annotated[OverVisits, BeforeValidator(_over)] | None = None
    margins: Literal["equal", "observed"] = "equal"
    level: float = Field(default=0.95, gt=0, lt=1)
    columns: Several = ()
    statistics: Statistics = Field(default_factory=dict)
    each: Repeated = Field(default_factory=dict)

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        said = [one for one in ("versus", "dose", "effect") if getattr(self, one) is not None]
        if len(said) > 1:
            raise ValueError(f"this asks for {' and '.join(said)}; write a row for each")
        if self.over is not None and (self.dose or self.effect):
            raise ValueError("over visits there are means and differences; write versus, or neither")
        return self


class ListedColumn(Part):
    """Its head; ``format`` may have ``{value}``, of a date ``{date}`` and ``{time}``; ``titles`` of codes."""

    title: Words
    format: Pattern | None = None
    titles: dict[str, Words] = Field(default_factory=dict)


class Listed(AnalysisPart):
    """The rows of a table as they stand."""

    listing: Name
    columns: dict[Name, ListedColumn] = Field(min_length=1)
    sort: Several = ()


class Sentence(Part):
    """Words with ``{COLUMN}`` in them, said of the rows that satisfy a rule."""

    text: Words
    where: str | None = None


class Narrative(AnalysisPart):
    """Sentences about each row of a table, one after the other; ``title`` may have columns in it too."""

    narrative: Name
    title: Pattern
    sentences: tuple[Sentence, ...] = Field(min_length=1)
    titles: dict[Name, dict[str, Words]] = Field(default_factory=dict)
    sort: Several = ()


class Told(AnalysisPart):
    """Facts about the run that were given with the tables, of those that were: ``{facts: {seed: {…}}}``."""

    facts: dict[Name, Words] = Field(min_length=1)


class Projection(AnalysisPart):
    """Whether a suspension of the study will come to hold if the trial goes on: at stated ``rates`` of the
    event, and by the predictive probability from a Beta ``prior``."""

    projection: Name
    rates: tuple[float, ...] = (0.1, 0.2, 0.3)
    prior: tuple[float, float] = (1.0, 1.0)


class EndpointResult(AnalysisPart):
    """An endpoint of the study, by the lines that its kind has."""

    endpoint: Name
    statistics: Statistics = Field(default_factory=dict)


class Proportion(AnalysisPart):
    """The participants (of a table: who have such a row) for whom a rule is true, n of N, with intervals.

    ``of`` as elsewhere: those for whom the rule is ``known``, the whole ``set`` (unknown is then no), or who
    satisfy a rule and of whom it is known. ``prior``: of a Beta, events then non-events; ``above``:
    probabilities that the proportion lies beyond; ``density``: how many points of a grid.
    """

    proportion: str
    table: Name = PARTICIPANTS
    of: str = "known"
    each: Repeated = Field(default_factory=dict)
    level: float = Field(default=0.95, gt=0.5, lt=1)
    intervals: Several = ("clopper-pearson",)
    upper: Several = ()
    lower: Several = ()
    prior: tuple[Number, Number] | None = None
    above: tuple[Number, ...] = ()
    density: int = Field(default=0, ge=0, le=1000)


class Survival(AnalysisPart):
    """Time to an event: ``{survival: flare_day, event: flare = 'event', at: {64: Week 9}}``.

    ``competing``: a rule for those who had another event first. ``show``: counts, at, median, risk,
    incidence, steps.
    """

    survival: Column
    event: str
    competing: str | None = None
    at: dict[int, Words] = Field(default_factory=dict)
    level: float = Field(default=0.95, gt=0.5, lt=1)
    scale: Literal["log-log", "log", "plain", "exact"] = "log-log"
    show: tuple[Literal["counts", "at", "median", "risk", "incidence", "steps"], ...] = (
        "counts",
        "at",
        "median",
    )


class Monitored(AnalysisPart):
    """A suspension rule of the study, participant by participant in the order of their first doses.

    ``prior``: of a Beta, events then others, for the probability that the true rate lies ``above``.
    ``rates``: true rates at which the probability of suspending is told. ``show``: for a figure, the path of
    events alone, or the limits.
    """

    boundary: Name
    show: Literal["participants", "path", "limits"] = "participants"
    prior: tuple[Number, Number] | None = None
    above: float | None = Field(default=None, gt=0, lt=1)
    rates: tuple[Annotated[float, Field(ge=0, le=1)], ...] = (0.1, 0.2, 0.3)
    columns: dict[Name, ListedColumn] = Field(default_factory=dict)


class Organs(AnalysisPart):
    """The organs of a response endpoint at visits: how many of those involved respond, or all states."""

    organs: Name
    at: Several = ()
    show: Literal["response", "states"] = "response"
    level: float = Field(default=0.95, gt=0.5, lt=1)
    columns: dict[Name, ListedColumn] = Field(default_factory=dict)
