"""How virtual people behave and respond: the shape of a study's ``model.yaml``, checked before a run.

Biology comes from the model that the file names; everything else that a site would see is stated here
item by item, and each part says where it comes from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from trialrun.protocol.element import Element, Name, Part
from trialrun.protocol.text import Length, Range, Several
from trialrun.simulate.cells import Cells
from trialrun.simulate.stated import StatedFile

WEEKDAYS = "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)"


def _whole(shares: dict[Any, float]) -> dict[Any, float]:
    if abs(sum(shares.values()) - 1) > 1e-9:
        raise ValueError(f"the shares add up to {sum(shares.values()):g}; they must add up to 1")
    return shares


def _weekdays(value: str) -> str:
    if not re.fullmatch(f"{WEEKDAYS}( {WEEKDAYS})*", value):
        raise ValueError(f"`{value}` does not name days of the week; write e.g. Mon Tue Wed")
    return value


Chance = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Spread = Annotated[float, Field(ge=0)]
Shares = Annotated[dict[str, Chance], AfterValidator(_whole)]
Weekdays = Annotated[str, AfterValidator(_weekdays)]


# ---- coming, staying, leaving --------------------------------------------------------------------


class Accrual(Element):
    """People who come for screening: so many on average ``in`` so long, at random times."""

    screened: Positive
    in_: Length = Field(alias="in")


class Inclusion(Element):
    """How long after screening the criteria are known."""

    after: Length


class Calendar(Element):
    """The days of the week on which visits take place and courses begin, where their windows allow."""

    visits: Weekdays
    courses: Weekdays


class Hour(Element):
    """When in the day people come: a normal around ``about`` o'clock, kept within ``limits``."""

    about: float
    spread: Spread
    limits: Range


class LateVisit(Element):
    """Days (standard deviation) by which visits stray from their planned day."""

    spread: Spread


class Late(Element):
    """The chance that a course begins late, and by how much."""

    chance: Chance
    by: Length


class Missed(Element):
    chance: Chance


class MissedDose(Element):
    """The chance to miss an injection for no reason of health; the form's item for the reason, and its
    codes for that, for a sign found before the injection, and for a value that is not known."""

    chance: Chance
    item: str
    missed: str
    sign: str
    unknown: str


class Forgotten(Element):
    """A form that is forgotten at the first attempt at a decision."""

    chance: Chance
    form: str


class Again(Element):
    """When a site tries again what it could not do."""

    form: Length
    hold: Length
    course: Length
    inclusion: Length


class Leaving(Element):
    """Rates of leaving before the end, by how the end is recorded."""

    per_year: dict[str, Spread]


class Ends(Element):
    """What the form of the end calls each way participation ends."""

    completed: str
    died: str
    not_included: str
    never_dosed: str


class Behaviour(Part):
    """What people and sites do, whatever their biology."""

    accrual: Accrual
    inclusion: Inclusion
    calendar: Calendar
    hour: Hour
    late_visit: LateVisit
    late_course: Late
    missed_visit: Missed
    missed_dose: MissedDose
    forgotten: Forgotten | None = None
    again: Again
    leaving: Leaving
    ends: Ends


# ---- events --------------------------------------------------------------------------------------


class Sign(Part):
    """What can be seen of an event while it goes on, from a grade on."""

    sign: str
    from_grade: int = 1


class Kind(Part):
    """One kind of adverse event: how it is recorded, and its median length."""

    term: str
    category: str
    system: str
    lasts: Length
    grades: Range | None = None
    shows: Sign | None = None
    share: Chance | None = None


class Reactions(Element):
    """Reactions to injections, by the names that the model gives them, so long after the injection."""

    onset: Length
    kinds: dict[str, Kind]


class Background(Element):
    """Illness that has nothing to do with the treatment."""

    per_year: Spread
    kinds: dict[str, Kind]
    grades: Annotated[dict[int, Chance], AfterValidator(_whole)]

    @model_validator(mode="after")
    def _every_share(self) -> Self:
        _whole({name: kind.share or 0.0 for name, kind in self.kinds.items()})
        return self


class Lengths(Element):
    """How lengths differ around a kind's median: a lognormal; severe events last ``times`` as long."""

    spread: Spread
    severe_from: int
    times: Positive


class Serious(Element):
    """Which events are serious, and the reason that the form gives: related ones from a grade on,
    others with a chance by grade."""

    related_from: int
    related: str
    unrelated: dict[int, Chance]
    other: str


class Death(Element):
    """The event and the cause that are recorded when someone dies of the model's background risk."""

    term: str
    category: str
    system: str
    seriousness: str
    cause: str


class Rescue(Part):
    form: str
    medicine: str


class Flare(Element):
    """A flare of the disease: in an organ that was free of it with the chance ``new``, ``major`` with
    another; how long it lasts; how the form calls the model's organs where it calls them otherwise.

    A form that does not ask for the organ is not told it; without a ``rescue`` none is given.
    """

    form: str
    new: Chance
    major: Chance
    lasts: Length
    organs: dict[str, str] = Field(default_factory=dict)
    rescue: Rescue | None = None


class Happenings(Part):
    """What befalls people."""

    form: str
    reactions: Reactions
    background: Background
    lengths: Lengths
    serious: Serious
    death: Death
    flare: Flare | None = None


# ---- answers -------------------------------------------------------------------------------------

SOURCES = (
    "always", "chance", "share", "about", "quantity", "laboratory", "process", "organ", "affected", "shows",
    "days_ago", "since", "by_setting", "sum", "filtration",
)  # fmt: skip
NUMBERS = ("about", "quantity", "laboratory", "process", "since")


class Filtration(Part):
    """Items from which a filtration rate is estimated."""

    creatinine: str
    age: str
    sex: str


class Given(Part):
    """Where the value of one item comes from: exactly one of the first fields; the others shape it.

    always: this value · chance: yes or no, fixed for the person · share: a code, fixed for the person
    (``among``: only codes whose organ is affected) · about: a number with a ``spread`` between people
    and ``within`` a person · quantity, laboratory, process, organ: from the model (``earlier``: another
    sample, taken before treatment) · affected: whether these organs all are, now · shows: whether one
    of these signs shows now · days_ago: a date · since: hours since the last injection ·
    by_setting: a code · sum: of other items, each ``above`` another, or 0 · filtration: estimated.

    times, vary (lognormal, each time), by (a factor for each code of another item), plus (another
    item), when (a factor while a sign shows), flare (points more during a flare), with (an organ:
    ``eased`` is the factor once it improved, ``without`` the value where it is not involved),
    residual (at least 1 while an organ is affected, or one of these is
    improved; else 0), limits; at: asked only there.
    """

    always: bool | float | str | None = None
    chance: Chance | None = None
    share: Shares | None = None
    among: dict[str, str] = Field(default_factory=dict)
    about: float | None = None
    spread: Spread = 0.0
    within: Spread = 0.0
    quantity: str | None = None
    earlier: bool = False
    laboratory: str | None = None
    process: str | None = None
    organ: str | None = None
    improved: str | None = None
    affected: Several = ()
    shows: Several = ()
    days_ago: int | None = None
    since: str | None = Field(default=None, pattern="^injection$")
    by_setting: dict[str, str] | None = None
    sum: Several = ()
    above: str | None = None
    filtration: Filtration | None = None
    times: float = 1.0
    vary: Spread = 0.0
    by: dict[str, dict[str, Positive]] = Field(default_factory=dict)
    plus: str | None = None
    when: dict[str, Positive] = Field(default_factory=dict)
    flare: float = 0.0
    with_: str | None = Field(default=None, alias="with")
    eased: float = 1.0
    without: float = 0.0
    residual: Several = ()
    limits: Range | None = None
    at: Several = ()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        named = [name for name in SOURCES if name in self.model_fields_set]
        if len(named) != 1:
            said = " and ".join(named) or "none"
            raise ValueError(
                f"an answer has exactly one source, not {said}; write one of {', '.join(SOURCES)}"
            )
        return self

    @property
    def source(self) -> str:
        return next(name for name in SOURCES if name in self.model_fields_set)

    @property
    def rank(self) -> int:
        """Answers that are made of others of the same form come after them."""
        return 2 if self.sum or self.filtration else 1 if self.plus else 0


def _given(value: Any) -> Any:
    return value if isinstance(value, Mapping | Given) else {"always": value}


Answer = Annotated[Given, BeforeValidator(_given)]


class FormAnswers(Element):
    """The answers to one form."""

    items: dict[Name, Answer]


class Line(Part):
    """Rows of a log that belong together, entered at screening by those who have them."""

    chance: Chance = 1.0
    rows: tuple[dict[Name, Answer], ...]


class History(Element):
    """A log as it stands at screening: lines of rows."""

    lines: dict[Name, Line]


class Changed(Element):
    """A parameter of the model that is different in this study: what is left out stays as it is."""

    typical: float | None = None
    cv: Spread | None = None
    at_most: float | None = None
    standing: Literal["published", "fitted", "assumed"] = "assumed"


class ChangedHazard(Element):
    """The rate of an event that the model's own disease brings, where it is different in this study."""

    per_day: Spread


class ModelFile(Element):
    """All of ``model.yaml``."""

    model: str
    stated: StatedFile | None = None
    parameters: dict[Name, Changed] = Field(default_factory=dict)
    hazards: dict[Name, ChangedHazard] = Field(default_factory=dict)
    people: Behaviour
    events: Happenings
    logs: dict[Name, History] = Field(default_factory=dict)
    answers: dict[Name, FormAnswers]
    cells: dict[Name, Cells] = Field(default_factory=dict)
