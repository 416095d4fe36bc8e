"""What is reported: analysis sets, derived columns, and the planned tables, listings and figures.

The words are read here; how they are computed is for the analysis. Rules are those of the study language,
over the columns of a table. A column is named alone (``AGE``: of the participants) or with its table
(``AE.AEDECOD``: of its rows).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from trialrun.protocol.element import Name, Part, Sourced
from trialrun.protocol.figure import Figure
from trialrun.protocol.problem import shown
from trialrun.protocol.text import Counted, Several, Text, Words

PARTICIPANTS = "participants"
"""The name of the table with one row for each participant."""

Number = float | int


def _pattern(value: Any) -> Any:
    """How a cell is written: words with ``{statistic}`` in them; they may be empty."""
    if isinstance(value, str):
        return Text((("en", value),))
    if isinstance(value, dict) and value and all(isinstance(words, str) for words in value.values()):
        return Text(tuple(value.items()))
    if isinstance(value, Text):
        return value
    raise ValueError('this is not how a cell is written; write e.g. "{n} ({percent:.1}%)"')


Pattern = Annotated[Text, BeforeValidator(_pattern)]


def _output_id(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]+([.-][A-Za-z0-9]+)*", value):
        raise ValueError(f"`{shown(value)}` cannot number an output; write e.g. 14.1.1, F14.2.3 or 16.2.1")
    return value


OutputId = Annotated[str, AfterValidator(_output_id)]


def _column(value: str) -> str:
    if not re.fullmatch(r"([A-Za-z][A-Za-z0-9_]*\.)?[A-Za-z][A-Za-z0-9_]*", value):
        raise ValueError(f"`{shown(value)}` cannot name a column; write e.g. AGE or AE.AEDECOD")
    return value


Column = Annotated[str, AfterValidator(_column)]


# ---- derived columns -----------------------------------------------------------------------------

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


def _verb(value: Any, kinds: dict[str, str], example: str) -> Any:
    """Refuse what has no verb, or two."""
    if isinstance(value, dict):
        said = [word for word in kinds if word in value]
        if len(said) != 1:
            found = " and ".join(said) or "none"
            raise ValueError(
                f"this needs one verb, and has {found}; write one of {', '.join(kinds)}: {example}"
            )
    return value


def _tag(value: Any, kinds: dict[str, str]) -> str:
    if isinstance(value, Part):
        return f"[{type(value).__name__}]"
    said = [kinds[word] for word in kinds if isinstance(value, dict) and word in value]
    return f"[{said[0] if said else next(iter(kinds.values()))}]"


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
    Discriminator(lambda value: _tag(value, _DERIVED)),
    BeforeValidator(lambda value: _verb(value, _DERIVED, "e.g. {last: DS.DSDECOD}")),
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


class Trajectory(Part):
    """A measurement of each participant over visits: one value for each, of several the last.

    ``baseline``: the visits whose mean on the ``scale``, or the first of which that was measured
    (``baseline_is``), it starts from. ``positive``: a rule over its rows that makes it yes or no.
    ``day``: the column of study days."""

    title: Words
    value: Column
    where: str | None = None
    visit: Name = "TIMEPT"
    visits: Several = ()
    day: Name | None = None
    baseline: Several = ()
    baseline_is: Literal["mean", "first"] = "mean"
    scale: Literal["linear", "log"] = "linear"
    positive: str | None = None
    decimals: int = Field(default=1, ge=0, le=8)

    @model_validator(mode="after")
    def _of_a_table(self) -> Self:
        if "." not in self.value:
            raise ValueError(f"`{self.value}` has no table; write e.g. LB.LBSTRESN")
        return self


class AnalysisSet(Sourced):
    """Whom an output is about: a rule over participants, in words why."""

    title: Words
    where: str | None = None
    text: Words | None = None


# ---- how cells are written -----------------------------------------------------------------------


def _limit(value: str) -> str:
    if not re.fullmatch(r"[<>]\d*\.?\d+", value):
        raise ValueError(
            f"`{shown(value)}` is no limit; write what stands for a number beyond it: <.0001, >.99"
        )
    return value


Limit = Annotated[str, AfterValidator(_limit)]


class Written(Part):
    """A cell: its pattern, what stands for none (``zero``) and for what cannot be estimated (``none``), and
    for a first number beyond ``limits`` (``<.0001``)."""

    title: Pattern | None = None
    format: Pattern | None = None
    zero: Pattern | None = None
    none: Pattern | None = None
    where: str | None = None
    limits: tuple[Limit, ...] = ()


class Group(Part):
    """A column of those who satisfy a rule; ``under`` are the words above it and its neighbours."""

    title: Words
    where: str
    under: Words | None = None


def _by(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


class Grouping(Part):
    """The columns of a table: the values of a participants' column, or groups by rules; and their total."""

    column: Name | None = None
    order: Several = ()
    titles: dict[str, Words] = Field(default_factory=dict)
    groups: dict[Name, Group] = Field(default_factory=dict)
    total: Words | None = None
    header: Pattern | None = None


By = Annotated[Grouping, BeforeValidator(_by)]


class Mark(Part):
    below: float = Field(gt=0, lt=1)
    with_: str = Field(alias="with")
    otherwise: str = ""


class Comparison(Written):
    """A further column: a p-value of the columns, or of two of them, by the kind of analysis."""

    title: Pattern
    under: Pattern | None = None
    between: Several = ()
    summary: Literal["anova", "kruskal-wallis"] | None = None
    categories: Literal["chi-square", "fisher", "cmh-general", "cmh-means", "cmh-correlation"] | None = None
    counts: Literal["chi-square", "fisher"] | None = None
    cells: Literal["chi-square", "fisher"] | None = None
    strata: Several = ()
    least_strata: int = Field(default=1, ge=1)
    mark: Mark | None = None

    @model_validator(mode="after")
    def _stratified(self) -> Self:
        if self.strata and not (self.categories or "").startswith("cmh"):
            raise ValueError("only a Cochran-Mantel-Haenszel test has strata; write categories: cmh-general")
        return self


class Each(Part):
    """How the values of a column that an analysis is repeated for are ordered and titled."""

    titles: dict[str, Words] = Field(default_factory=dict)
    by: Name | None = None


def _listed(value: Any) -> Any:
    """Names alone, or each with more to say of it."""
    if isinstance(value, str):
        return {value: {}}
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return {one: {} for one in value}
    return value


Repeated = Annotated[dict[Name, Each], BeforeValidator(_listed)]

# ---- analyses ------------------------------------------------------------------------------------


class AnalysisPart(Written):
    """What every analysis has: its title, its rows, how its cells are written, and what is compared."""

    indent: int = Field(default=0, ge=0, le=6)
    compare: bool | Several = True


class Count(AnalysisPart):
    """Participants (of a table: who have such a row), n (%) and how many rows."""

    count: Name
    of: str = "set"
    time: Name | None = None
    each: Repeated = Field(default_factory=dict)


class Statistic(Written):
    """One line of a summary; ``of`` another column of the same rows."""

    of: Name | None = None
    under: Pattern | None = None


Statistics = Annotated[dict[Name, Statistic], BeforeValidator(_listed)]


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


ADJUSTMENTS = Literal["holm", "hochberg", "hommel", "bh", "by"]


class _OverTime(AnalysisPart):
    """Of trajectories; ``at``: the visits, by default all; ``baseline`` is one of them."""

    at: Several = ()
    statistics: Statistics = Field(default_factory=dict)
    level: float = Field(default=0.95, gt=0, lt=1)

    @property
    def trajectories(self) -> tuple[str, ...]:
        """The names of those it is about."""
        return ()


class Paired(_OverTime):
    """Values and their changes from baseline at each visit, tested exactly; ``adjust`` takes all its p."""

    paired_change: Several
    at_least: int = Field(default=1, ge=1)
    adjust: ADJUSTMENTS | None = None

    @property
    def trajectories(self) -> tuple[str, ...]:
        return self.paired_change


class Positive(_OverTime):
    """How many are positive at each visit, and who changed since baseline (McNemar)."""

    positive: Name

    @property
    def trajectories(self) -> tuple[str, ...]:
        return (self.positive,)


class Modelled(_OverTime):
    """A mixed model for repeated measures; the first of the ``covariance`` structures that can be fitted."""

    mixed_model: Name
    covariance: Several = ("unstructured",)
    baseline: Literal["response", "covariate"] = "response"
    df: Literal["kenward-roger", "kenward-roger-linear", "satterthwaite"] = "kenward-roger"

    @property
    def trajectories(self) -> tuple[str, ...]:
        return (self.mixed_model,)


class RepeatedTests(_OverTime):
    """Tests over several visits at once, of those seen at all of them."""

    repeated: Name
    tests: Several = ()

    @property
    def trajectories(self) -> tuple[str, ...]:
        return (self.repeated,)


class Imputed(_OverTime):
    """The mean change at one visit with missing values imputed, and shifted by each of ``shifts``: added, or
    on the log scale multiplied by."""

    imputation: Name
    imputations: int = Field(default=100, ge=2, le=10_000)
    seed: int = Field(default=1, ge=0)
    shifts: tuple[Number, ...] = ()

    @property
    def trajectories(self) -> tuple[str, ...]:
        return (self.imputation,)


class Correlated(AnalysisPart):
    """Two numbers of each participant."""

    correlation: tuple[Column, Column]
    statistics: Statistics = Field(default_factory=dict)


class Multiplicity(AnalysisPart):
    """P-values of endpoints of the study, as they are and adjusted; ``study``: as it says itself."""

    multiplicity: Literal["study"] | ADJUSTMENTS
    endpoints: Several = ()
    statistics: Statistics = Field(default_factory=dict)


class Heading(Part):
    """A line of words between analyses."""

    heading: Words
    indent: int = Field(default=0, ge=0, le=6)


_VERBS = {
    "count": "Count", "summary": "Summarised", "categories": "Categories", "hierarchy": "Hierarchy",
    "listing": "Listed", "endpoint": "EndpointResult", "figure": "Drawn", "heading": "Heading",
    "proportion": "Proportion", "survival": "Survival", "boundary": "Monitored", "organs": "Organs",
    "ancova": "Ancova",
    "narrative": "Narrative", "facts": "Told", "projection": "Projection",
    "paired_change": "Paired", "positive": "Positive", "mixed_model": "Modelled", "repeated": "RepeatedTests",
    "imputation": "Imputed", "correlation": "Correlated", "multiplicity": "Multiplicity",
}  # fmt: skip

Analysis = Annotated[
    Annotated[Count, Tag("[Count]")]
    | Annotated[Summarised, Tag("[Summarised]")]
    | Annotated[Categories, Tag("[Categories]")]
    | Annotated[Hierarchy, Tag("[Hierarchy]")]
    | Annotated[Ancova, Tag("[Ancova]")]
    | Annotated[Listed, Tag("[Listed]")]
    | Annotated[Narrative, Tag("[Narrative]")]
    | Annotated[Told, Tag("[Told]")]
    | Annotated[Projection, Tag("[Projection]")]
    | Annotated[EndpointResult, Tag("[EndpointResult]")]
    | Annotated[Proportion, Tag("[Proportion]")]
    | Annotated[Survival, Tag("[Survival]")]
    | Annotated[Monitored, Tag("[Monitored]")]
    | Annotated[Organs, Tag("[Organs]")]
    | Annotated[Figure, Tag("[Drawn]")]
    | Annotated[Heading, Tag("[Heading]")]
    | Annotated[Paired, Tag("[Paired]")]
    | Annotated[Positive, Tag("[Positive]")]
    | Annotated[Modelled, Tag("[Modelled]")]
    | Annotated[RepeatedTests, Tag("[RepeatedTests]")]
    | Annotated[Imputed, Tag("[Imputed]")]
    | Annotated[Correlated, Tag("[Correlated]")]
    | Annotated[Multiplicity, Tag("[Multiplicity]")],
    Discriminator(lambda value: _tag(value, _VERBS)),
    BeforeValidator(lambda value: _verb(value, _VERBS, "e.g. {summary: AGE}")),
]


EVERY_ROW = "rows"
"""What ``group_before`` says of a group that stands before every row of an output."""


class Output(Sourced):
    """One planned table, listing or figure."""

    kind: Literal["table", "listing", "figure"]
    title: Words
    subtitle: Words | None = None
    section: str | None = None
    set: Name | None = None
    by: By | None = None
    stub: tuple[Pattern, ...] = ()
    space: bool = False
    across: Literal["statistics", "both"] | None = None
    group_before: Name | None = None
    group: tuple[Pattern, ...] = ()
    repeat: bool = False
    page: Literal["participant"] | None = None
    empty: Words | None = None
    statistics: Statistics = Field(default_factory=dict)
    formats: dict[Name, Written] = Field(default_factory=dict)
    cells: dict[Name, Written] = Field(default_factory=dict)
    compare: dict[Name, Comparison] = Field(default_factory=dict)
    rows: dict[Name, Analysis] = Field(min_length=1)
    footnotes: tuple[Words, ...] = ()
    estimands: Several = ()

    @model_validator(mode="after")
    def _turned(self) -> Self:
        if self.across == "both" and self.cells:
            raise ValueError("with `across: both` statistics stand under each column; leave out `cells`")
        if self.across != "statistics" and (self.group_before or self.group):
            raise ValueError("only where groups are lines have they a place; write across: statistics")
        return self


class Conventions(Part):
    """What every number of the file obeys; there is one way of each, said so that a reader need not guess."""

    quantiles: Literal["SAS definition 5"] | None = None
    rounding: Literal["half away from zero"] | None = None
    visits: Literal["as recorded"] | None = None


class Pack(Sourced):
    """A document for certain readers: outputs told in words (``said``), then those shown whole."""

    title: Words
    said: Several = ()
    outputs: Several = ()


class OutputsFile(Part):
    """``outputs.yaml``."""

    participants: Name = "DM"
    by: By | None = None
    conventions: Conventions = Field(default_factory=Conventions)
    derive: dict[Name, Derived] = Field(default_factory=dict)
    tables: dict[Name, View] = Field(default_factory=dict)
    trajectories: dict[Name, Trajectory] = Field(default_factory=dict)
    sets: dict[Name, AnalysisSet] = Field(default_factory=dict)
    statistics: Statistics = Field(default_factory=dict)
    formats: dict[Name, Written] = Field(default_factory=dict)
    outputs: dict[OutputId, Output] = Field(min_length=1)
    packs: dict[Name, Pack] = Field(default_factory=dict)
