"""The study file: the trial from top to bottom."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, StrictBool, model_validator

from trialrun.protocol.allocation import Allocation
from trialrun.protocol.element import Element, Name, Part, VisitName
from trialrun.protocol.endpoint import Endpoint, Multiplicity, Objective
from trialrun.protocol.schedule import (
    Activity,
    BloodLimits,
    Decision,
    Epoch,
    Specimen,
    Substudy,
    Suspension,
    Visit,
)
from trialrun.protocol.series import visits
from trialrun.protocol.text import Day, Length, Several, Words
from trialrun.protocol.treatment import Permission, Protection, Stop, Treatment


class Design(Element):
    arms: int = Field(ge=1)
    masking: Literal["open", "single", "double"]
    allocation: Literal["none", "randomised", "adaptive"]
    purpose: str


class Arm(Element):
    """What one group of participants is planned to have; a dose level or a cohort is an arm as well."""

    title: Words


class Site(Element):
    name: str
    city: str
    country: str = Field(pattern=r"^[A-Z]{2}$")
    timezone: str


class Background(Element):
    about: str
    value: str | None = None
    used_by: str


class Milestone(Element):
    date: Day | None = None
    lasts: Length | None = None
    sum_of: Several = ()

    @model_validator(mode="after")
    def _date_or_length(self) -> Self:
        if (self.date is None) == (self.lasts is None):
            raise ValueError("a milestone has either a `date` or a length (`lasts: 18 months`)")
        return self


class Labels(Element):
    """How week labels are to be read where one reading does not fit all of them."""

    weeks: Literal["elapsed", "counted from 1"]
    first: str


class Stagger(Part):
    first: int = Field(ge=1)
    until: str


class Strata(Part):
    """How many participants of each kind at most: the kinds are the codes of a variable that is a choice."""

    by: str
    at_most: dict[str, int] = Field(min_length=1)


class Enrolment(Element):
    planned: int = Field(ge=1, le=1_000_000)
    evaluable: Literal["dosed"]
    replace: int = Field(ge=0)
    stagger: Stagger | None = None
    strata: Strata | None = None


class Criterion(Element):
    require: str | None = None
    exclude: str | None = None
    text: Words

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if (self.require is None) == (self.exclude is None):
            raise ValueError("a criterion has one rule, either `require` or `exclude`")
        return self


class Prohibited(Element):
    what: Words


class Accepted(Element):
    """A finding of `check` that the study has looked at and lets stand, with the reason."""

    reason: str = Field(min_length=1)


class RecordedOn(Part):
    """Which form (or item) carries an act of the trial itself."""

    consent: str
    injection: str
    end: str
    adverse_event: str
    deviation: str


class StudyFile(Part):
    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    version: str
    title: Words
    standing: Words | None = None
    phase: str
    identifiers: dict[str, str] = Field(default_factory=dict)
    sponsor: str
    languages: Several
    condition: Words
    design: Design
    arms: dict[Name, Arm] = Field(default_factory=dict)
    allocation: Allocation | None = None
    sites: dict[Name, Site] = Field(min_length=1)
    background: dict[Name, Background] = Field(default_factory=dict)
    timeline: dict[Name, Milestone]
    labels: Labels | None = None
    enrolment: Enrolment
    eligibility: dict[Name, Criterion]
    prohibited: dict[Name, Prohibited] = Field(default_factory=dict)
    treatment: Treatment
    before_course: dict[Name, Permission] = Field(default_factory=dict)
    before_dose: dict[Name, Protection] = Field(default_factory=dict)
    stops: dict[Name, Stop] = Field(default_factory=dict)
    decisions: dict[Name, Decision] = Field(default_factory=dict)
    suspensions: dict[Name, Suspension] = Field(default_factory=dict)
    recorded_on: RecordedOn
    epochs: dict[Name, Epoch] = Field(min_length=1)
    visits: dict[VisitName, Visit] = Field(min_length=1)
    substudies: dict[Name, Substudy] = Field(default_factory=dict)
    activities: dict[Name, Activity]
    specimens: dict[Name, Specimen] = Field(default_factory=dict)
    blood_limits: BloodLimits | None = None
    objectives: dict[Name, Objective]
    endpoints: dict[Name, Endpoint]
    multiplicity: Multiplicity | None = None
    accepted: dict[str, Accepted] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _unrolled(cls, content: Any) -> Any:
        return visits(content)


class Statement(Part):
    says: str
    context: StrictBool = False


class Cited(Part):
    title: str
    cite: str | None = None
    prefix: str
    statements: dict[int, Statement]


class Beside(Part):
    """The row of an output that a published result stands beside."""

    output: str
    row: str


class PublishedResult(Part):
    id: Name
    about: Words
    value: Words
    number: dict[str, float] | None = None
    endpoint: str | None = None
    beside: Beside | None = None
    fitted: StrictBool = False  # the model of virtual participants was fitted to this result
    note: Words | None = None


class Published(Part):
    cite: str
    results: tuple[PublishedResult, ...]


class SourcesFile(Part):
    sources: dict[str, Cited]
    published: Published | None = None
