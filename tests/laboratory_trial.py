"""A trial in memory with two participants, of whom blood was taken at screening."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from trialrun.laboratory.land import Landed, Numbers, land
from trialrun.laboratory.specimen import marked, specimens
from trialrun.protocol.compile import load
from trialrun.record.person import Person
from trialrun.record.trial import Trial

FORM, BLOOD, POINT = "cytometry", "treg_blood", "SCR"
TAKEN = datetime.fromisoformat("2008-03-03 09:00")
STAFF = (
    Person("anna", "Anna Berg", "investigator"),
    Person("nils", "Nils Roy", "nurse"),
    Person("lab", "Lou Faure", "laboratory"),
)
VALUES = {
    "treg_percent": 2.6149,
    "treg_count": 18.44,
    "treg_no_cd25": 2.7,
    "cd25_intensity": 3600.4,
    "cd4_count": 705.2,
    "nk_count": 140.0,
    "activated_cd8": 4.0,
    "mz_b_percent": 9.0,
    "events_cd4": 61000,
}


class Noon:
    """A clock that stands at noon of the day of the samples."""

    def now(self) -> datetime:
        return datetime(2008, 3, 3, 12, tzinfo=UTC)


@dataclass
class Lab:
    """A trial, its specimens, and short ways to land numbers."""

    trial: Trial
    source: dict[str, str] = field(default_factory=lambda: {"panel": "1a2b", "engine": "e1", "version": "1"})

    def id(self, subject: str) -> str:
        return marked(subject, POINT, BLOOD)

    def numbers(self, content: bytes = b"FCS a", **changed: float | None) -> Numbers:
        source = {"sha256": sha256(content).hexdigest(), **self.source}
        return Numbers("a.fcs", content, {**VALUES, **changed}, source)

    def land(self, numbers: Numbers, subject: str = "PSL-001") -> Landed:
        specimen = specimens(self.trial, BLOOD)[self.id(subject)]
        return land(self.trial, FORM, [(specimen, numbers)], by="lab")

    def answers(self, subject: str = "PSL-001") -> dict[str, Any]:
        return self.trial.projection(subject).filled[FORM, POINT].contents()

    def entries(self, subject: str = "PSL-001") -> int:
        return self.trial.projection(subject).sequence


def made(virtual: bool = True) -> Lab:
    clock = Noon() if virtual else None
    trial = Trial.in_memory(load("vascu_il2"), virtual=virtual, clock=clock, people=STAFF)
    consent = {"signed": True, "version": "1.0", "biobank": True, "genetic": False}
    for number in (1, 2):
        subject = trial.enrol("PSL", by="anna", key=f"enrol {number}")
        trial.enter(subject, "consent", POINT, TAKEN, consent, by="anna", key="consent")
        trial.collect(subject, BLOOD, POINT, TAKEN, by="nils", key="blood")
    return Lab(trial)
