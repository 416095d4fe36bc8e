"""A participant who walks from screening to the injections, as tables of values."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from trialrun.conduct.cohort import Cohort
from trialrun.journal.entry import Entry
from trialrun.record.person import Person
from trialrun.record.trial import Trial

PEOPLE = (
    Person("anna", "Anna Berg", "investigator"),
    Person("nils", "Nils Roy", "nurse"),
    Person("lab", "Lou Faure", "laboratory"),
)

SCREENING = {
    "consent": {"signed": True, "version": "2.0", "biobank": True, "genetic": False},
    "demography": {
        "sex": "F",
        "age": 58,
        "contraception": True,
        "breast_feeding": False,
        "guardianship": False,
        "social_cover": True,
    },
    "hcv_history": {"rna_detected": True, "genotype": "1", "fibrosis": "F2"},
    "vasculitis_history": {
        "triad": True,
        "biopsy_proven": False,
        "organ_worsening": False,
        "washout_respected": True,
        "earlier_complete": True,
    },
    "exclusions": {"contraindicated": False, "excluding_disease": False},
    "ecg": {"normal": True},
    "bvas": {"total": 14},
}
LABORATORY = {
    "neutrophils": 3.4,
    "platelets": 210,
    "lymphocytes": 1.6,
    "eosinophils": 0.2,
    "haemoglobin": 131,
    "creatinine": 74,
    "egfr": 82,
    "alt": 41,
    "ast": 38,
    "bilirubin": 11,
    "bilirubin_uln": 21,
    "crp": 4.2,
}
VITAL_SIGNS = {
    "temperature": 36.8,
    "systolic": 124,
    "diastolic": 78,
    "pulse": 72,
    "spo2": 98,
    "weight": 64.2,
    "new_sign": False,
}
PREGNANCY = {"result": "negative"}
HCV_RNA = {"log10": 6.1}
REVIEWED = {"reviewed": True}
NO_FLARE = {"assessed": True, "suspected": False}
TOLERANCE = {"infection": False, "home_unsafe": False}
GIVEN = {
    "given": True,
    "dose": 1.5,
    "place": "hospital",
    "giver": "nurse",
    "site_of_injection": "abdomen",
    "lot": "L-17",
}
FULL = {**GIVEN, "dose": 3, "place": "day_hospital"}

COURSE_DAY_1 = {
    "vital_signs": VITAL_SIGNS,
    "laboratory": LABORATORY,
    "pregnancy": PREGNANCY,
    "ae_review": REVIEWED,
    "flare_assessment": NO_FLARE,
}
DECISION = {
    "ae_review": REVIEWED,
    "flare_assessment": NO_FLARE,
    "laboratory": LABORATORY,
    "hcv_rna": HCV_RNA,
    "tolerance": TOLERANCE,
}
PRIOR = {
    "therapy": "peg_interferon",
    "result": "non_response",
    "started": "2006-01-10",
    "ended": "2006-12-10",
}
EVENT = {
    "term": "Fever",
    "category": "fever",
    "system": "general",
    "grade": 1,
    "related": True,
    "serious": False,
    "outcome": "ongoing",
    "action": "none",
}


def at(text: str) -> datetime:
    """A naive time on the site's wall clock."""
    return datetime.fromisoformat(text)


SCREENED = at("2008-03-03 09:00")
DAY_1 = at("2008-03-17 09:00")


def later(days: float, hours: float = 0) -> datetime:
    """A local time counted from the first injection."""
    return DAY_1 + timedelta(days=days, hours=hours)


class SetClock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.time = datetime(2008, 3, 1, 8, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def set(self, local: datetime) -> None:
        """Late enough for everything that happened by this local time in Paris."""
        self.time = max(self.time, local.replace(tzinfo=UTC))


@dataclass
class Walk:
    """A participant, and short ways to move on; the clock follows what happens."""

    trial: Trial
    clock: SetClock
    subject: str = ""
    keys: Iterator[int] = field(default_factory=count)

    def key(self) -> str:
        return f"k{next(self.keys)}"

    def enter(self, form: str, point: str, happened: datetime, values: dict[str, Any], **more: Any) -> Entry:
        self.clock.set(happened)
        by = {"nurse": "nils", "laboratory": "lab"}.get(self.trial.protocol.forms[form].by, "anna")
        return self.trial.enter(
            self.subject, form, point, happened, values, **{"by": by, "key": self.key(), **more}
        )

    def write(self, form: str, row: str, happened: datetime, values: dict[str, Any], **more: Any) -> Entry:
        self.clock.set(happened)
        return self.trial.write(
            self.subject, form, row, happened, values, **{"by": "anna", "key": self.key(), **more}
        )

    def correct(self, form: str, place: str, values: dict[str, Any], **more: Any) -> Entry:
        said = {"by": "anna", "key": self.key(), "reason": "misread", **more}
        return self.trial.correct(self.subject, form, place, values, **said)

    def dose(self, point: str, happened: datetime, values: dict[str, Any], **more: Any) -> Entry:
        self.clock.set(happened)
        return self.trial.dose(
            self.subject, point, happened, values, **{"by": "nils", "key": self.key(), **more}
        )

    def include(self, happened: datetime, **more: Any) -> Entry:
        self.clock.set(happened)
        return self.trial.include(self.subject, happened, **{"by": "anna", "key": self.key(), **more})

    def decide(self, happened: datetime, decision: str = "tolerance_C1", **more: Any) -> Entry:
        self.clock.set(happened)
        return self.trial.decide(
            self.subject, decision, happened, **{"by": "anna", "key": self.key(), **more}
        )

    # ---- whole stretches -------------------------------------------------------------------------

    def screen(self, **changed: dict[str, Any]) -> None:
        """Every form of screening that eligibility reads; `changed` replaces values of a form."""
        self.clock.set(SCREENED)
        self.subject = self.trial.enrol("PSL", by="anna", key=self.key())
        forms = {**SCREENING, "laboratory": LABORATORY, "vital_signs": VITAL_SIGNS}
        forms |= {"pregnancy": PREGNANCY, "hcv_rna": HCV_RNA}
        for form, values in forms.items():
            self.enter(form, "SCR", SCREENED, {**values, **changed.get(form, {})})
        self.write("prior_therapy", "1", SCREENED, PRIOR)
        self.write("cryoglobulin_determination", "1", SCREENED, {"value": 0.8, "drawn": "2008-02-18"})
        self.write("cryoglobulin_determination", "2", SCREENED, {"value": 0.7, "drawn": "2008-03-03"})

    def course_day_1(self, cycle: str, happened: datetime, without: tuple[str, ...] = ()) -> None:
        for form, values in COURSE_DAY_1.items():
            if form not in without:
                self.enter(form, f"{cycle}.D1", happened, values)

    def begin(self) -> None:
        """Screening, inclusion, and the first injection."""
        self.screen()
        self.include(later(-1))
        self.course_day_1("C1", later(0))
        self.dose("C1.D1", later(0, 1), GIVEN)

    def first_course(self) -> None:
        self.begin()
        for i in range(1, 5):
            self.enter("vital_signs", f"C1.D{i + 1}", later(i), VITAL_SIGNS)
            self.dose(f"C1.D{i + 1}", later(i, 1), GIVEN)

    def decision_forms(self, happened: datetime, without: tuple[str, ...] = (), **more: Any) -> None:
        for form, values in DECISION.items():
            if form not in without:
                self.enter(form, "tolerance_C1", happened, values, **more)


def arrays(cohort: Cohort) -> dict[str, Any]:
    """Everything a cohort holds, by name."""
    found: dict[str, Any] = {"included": cohort.included, "stopped": cohort.stopped, "rule": cohort.stop_rule}
    for name, sheet in cohort.sheets.items():
        found |= {f"{name}.happened": sheet.happened, f"{name}.recorded": sheet.recorded}
        found |= {f"{name}.{item}": values for item, values in sheet.values.items()}
    found |= {f"log {name}": log.rows for name, log in cohort.logs.items()}
    found |= {f"outcome {name}": each for name, each in cohort.outcome.items()}
    found |= {f"decided {name}": each for name, each in cohort.decided.items()}
    return found | {f"collected {name}": each for name, each in cohort.collected.items()}
