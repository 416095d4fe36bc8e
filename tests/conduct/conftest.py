"""Cohorts of the bundled study at a given stage, told day by day."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from trialrun.conduct.cohort import Cohort, Index, Times
from trialrun.conduct.decision import judge
from trialrun.conduct.permission import may_inject
from trialrun.conduct.stop import overdue, triggered
from trialrun.conduct.verdict import Verdict
from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol

FIRST = np.datetime64("2008-03-17T00:00", "m")  # the day of the first dose
LABORATORY = {
    "neutrophils": 3.4, "platelets": 210, "haemoglobin": 131, "creatinine": 74, "egfr": 82, "alt": 41,
    "bilirubin": 11, "bilirubin_uln": 21,
}  # fmt: skip
ANSWERS: dict[str, dict[str, Any]] = {
    "consent": {"signed": True},
    "demography": {"sex": "F", "age": 58, "contraception": True, "breast_feeding": False,
                   "guardianship": False, "social_cover": True},
    "hcv_history": {"rna_detected": True},
    "vasculitis_history": {"triad": True, "biopsy_proven": False, "organ_worsening": False,
                           "washout_respected": True, "earlier_complete": True},
    "exclusions": {"contraindicated": False, "excluding_disease": False},
    "bvas": {"total": 14},
    "vital_signs": {"temperature": 36.8, "systolic": 124, "spo2": 98, "weight": 64.2, "new_sign": False},
    "laboratory": LABORATORY,
    "pregnancy": {"result": "negative"},
    "hcv_rna": {"log10": 6.1},
    "ae_review": {"reviewed": True},
    "flare_assessment": {"assessed": True, "suspected": False},
    "tolerance": {"infection": False, "home_unsafe": False},
}  # fmt: skip
EVENT = {
    "term": "event", "category": "laboratory", "system": "blood", "grade": 1, "related": True,
    "serious": False, "outcome": "ongoing",
}  # fmt: skip


class Story:
    """N people of the bundled study. Days are counted from the first dose (day 0); hours are the site's."""

    def __init__(self, protocol: Protocol, n: int = 1) -> None:
        self.protocol = protocol
        self.cohort = Cohort(protocol, n)
        self.everyone: Index = np.arange(n)
        self.rows = 0

    def at(self, day: float, hour: float = 10, who: Index | None = None) -> Times:
        size = self.cohort.n if who is None else len(who)
        return np.full(size, FIRST + np.timedelta64(round(day * 1440 + hour * 60), "m"))

    # ---- what happens ------------------------------------------------------------------------

    def fill(
        self, form: str, point: str, day: float, hour: float = 9, who: Any = None, **changed: Any
    ) -> None:
        who = self.everyone if who is None else np.asarray(who)
        when = self.at(day, hour, who)
        self.cohort.enter(form, point, who, when, when, {**ANSWERS.get(form, {}), **changed})

    def visit(
        self, point: str, day: float, hour: float = 9, without: tuple[str, ...] = (), who: Any = None
    ) -> None:
        """Every form of a timepoint that rules read."""
        for form in self.protocol.timepoints[point].forms:
            if form in ANSWERS and form not in without and form in self.cohort.sheets:
                self.fill(form, point, day, hour, who)

    def row(self, form: str, day: float, one: int = 0, row: str | None = None, **values: Any) -> None:
        self.rows += 1
        when = self.at(day)[0]
        self.cohort.write(form, one, row or f"r{self.rows}", when, when, values)

    def event(self, day: float, one: int = 0, row: str | None = None, **changed: Any) -> None:
        """An adverse event that began that day."""
        self.row("ae", day, one, row, **{**EVENT, "onset": self.date(day), **changed})

    def date(self, day: float) -> str:
        return str((FIRST + np.timedelta64(round(day * 1440), "m")).astype("datetime64[D]"))

    def screen(self, day: float = -14, without: tuple[str, ...] = ()) -> "Story":
        self.visit("SCR", day, without=without)
        for one in self.everyone.tolist():
            self.row("prior_therapy", day, one, therapy="peg_interferon", result="relapse")
            for back in (0, 10):
                drawn = self.date(day - back)
                self.row("cryoglobulin_determination", day, one, value=0.4, drawn=drawn)
        return self

    def include(self, day: float = -1) -> "Story":
        self.cohort.include(self.everyone, self.at(day))
        return self

    def inject(self, point: str, day: float, hour: float = 10, given: bool = True, **changed: Any) -> None:
        dose = self.protocol.timepoints[point].dose
        values = {"given": given, "dose": dose.amount if dose and given else 0.0, **changed}
        self.fill("injection", point, day, hour, **values)

    def course(self, cycle: str, day: float, doses: int = 5) -> "Story":
        for i in range(doses):
            self.visit(f"{cycle}.D{i + 1}", day + i)
            self.inject(f"{cycle}.D{i + 1}", day + i)
        return self

    def decide(self, day: float = 19, hour: float = 10, without: tuple[str, ...] = (), **changed: Any) -> str:
        """The decision as the rules give it: its outcome."""
        self.visit("tolerance_C1", day, without=without)
        if changed:
            self.fill("tolerance", "tolerance_C1", day, **changed)
        found = judge(self.cohort, "tolerance_C1", self.everyone, self.at(day, hour))
        assert found.ready.all(), [found.reasons(row) for row in self.everyone]
        self.cohort.decide("tolerance_C1", self.everyone, found.outcome, self.at(day, hour))
        return self.outcomes[found.outcome[0]]

    def protect(self, day: float, hour: float = 12) -> list[str]:
        """Let the stop rules act on what is known; the rules that did."""
        now = self.at(day, hour)
        acted = []
        for look in (overdue, triggered):
            for rule, who in look(self.cohort, self.everyone, now):
                self.cohort.stop(who, rule, now[who])
                acted.append(rule)
        return acted

    # ---- stages ------------------------------------------------------------------------------

    def dosed(self) -> "Story":
        return self.screen().include().course("C1", 0)

    def ambulatory(self) -> "Story":
        self.dosed().decide()
        return self

    def completed(self) -> "Story":
        self.ambulatory()
        for cycle, day in (("C2", 21), ("C3", 42), ("C4", 63)):
            self.course(cycle, day)
        return self

    # ---- what is asked -----------------------------------------------------------------------

    @property
    def outcomes(self) -> list[str]:
        return list(self.protocol.decisions["tolerance_C1"].outcomes)

    def may(self, point: str, day: float, hour: float = 10, amount: Any = None, **more: Any) -> Verdict:
        return may_inject(self.cohort, point, self.everyone, self.at(day, hour), amount, **more)

    def against(
        self, point: str, day: float, hour: float = 10, amount: Any = None, **more: Any
    ) -> dict[str, str]:
        """Why an injection is refused: condition -> message and cure."""
        return {r.condition: str(r) for r in self.may(point, day, hour, amount, **more).reasons()}


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    return load("vascu_il2")


@pytest.fixture
def story(protocol: Protocol) -> Story:
    """One participant, of whom nothing is known yet."""
    return Story(protocol)


@pytest.fixture(scope="session")
def people(protocol: Protocol) -> Any:
    """Makes a story of several participants."""
    return lambda n: Story(protocol, n)


@pytest.fixture(scope="session")
def answers() -> Mapping[str, Mapping[str, Any]]:
    return ANSWERS
