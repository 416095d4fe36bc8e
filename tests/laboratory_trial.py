"""A trial in memory with two participants, of whom blood was taken at screening."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from trialrun.cytometry.fcs.write import write
from trialrun.laboratory.land import Landed, Numbers, land
from trialrun.laboratory.specimen import marked, specimens
from trialrun.protocol.compile import load
from trialrun.protocol.panel import Panel
from trialrun.record.person import Person
from trialrun.record.trial import Trial
from trialrun.simulate.chance import Person as Virtual
from trialrun.simulate.population import population
from trialrun.simulate.tube import sample, tube

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

    @property
    def panel(self) -> Panel:
        assert self.trial.protocol.panels is not None
        return self.trial.protocol.panels.panels["regulatory"]

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

    def take_back(self, *items: str, reason: str = "the tubes were mixed up", by: str = "anna") -> None:
        """A person corrects what a file gave to unknown."""
        missing = dict.fromkeys(items or VALUES, "unknown")
        key = f"{reason} {self.entries()}"
        self.trial.correct("PSL-001", FORM, POINT, {}, missing=missing, reason=reason, by=by, key=key)

    def entries(self, subject: str = "PSL-001") -> int:
        return self.trial.projection(subject).sequence


def made(
    virtual: bool = True,
    people: tuple[Person, ...] = (),
    seed: int | None = None,
    study: str | Path = "vascu_il2",
    participants: int = 2,
) -> Lab:
    """A trial in memory. people: who else is registered."""
    clock = Noon() if virtual else None
    trial = Trial.in_memory(load(study), virtual=virtual, clock=clock, seed=seed, people=(*STAFF, *people))
    _screened(trial, participants)
    return Lab(trial)


def _screened(trial: Trial, participants: int = 2) -> None:
    consent = {"signed": True, "version": "1.0", "biobank": True, "genetic": False}
    for number in range(1, participants + 1):
        subject = trial.enrol("PSL", by="anna", key=f"enrol {number}")
        trial.enter(subject, "consent", POINT, TAKEN, consent, by="anna", key="consent")
        trial.collect(subject, BLOOD, POINT, TAKEN, by="nils", key="blood")


MANIFEST = """file,participant,timepoint,storage,counting,beads,blood_ul,hours_since_injection
one.fcs,PSL-001,SCR,fresh,beads,7500,50,
two.fcs,PSL-002,SCR,fresh,beads,7500,50,
other.fcs,PSL-002,W11,fresh,beads,7500,50,
"""


FILES = {"one": ("PSL-001", "SCR", 18.0), "two": ("PSL-002", "SCR", 25.0), "other": ("PSL-002", "W11", 60.0)}


def laboratory_trial(folder: Path, study: str | Path = "vascu_il2") -> None:
    """A virtual trial on disk (`trial`), three files of it (`fcs`) and what the laboratory says of them
    (`fcs/manifest.csv`); the third is of a specimen that nobody took."""
    protocol = load(study)
    trial = Trial.create(folder / "trial", protocol, virtual=True, clock=Noon(), seed=1, people=STAFF)
    _screened(trial)
    trial.close()
    (folder / "fcs").mkdir()
    (folder / "fcs" / "manifest.csv").write_text(MANIFEST, "utf-8")
    assert protocol.panels is not None
    panel, cells = protocol.panels.panels["regulatory"], population(protocol).cells["regulatory"]
    for number, (name, (subject, point, regulatory)) in enumerate(FILES.items(), 1):
        truth = {"treg": regulatory, "tconv": 680.0, "nk": 150.0, "cd25": 1.0}
        filled = tube(panel, cells, truth, {"activated_cd8": 4.0, "mz_b_percent": 9.0})
        drawn = filled.draw(Virtual(1, 0, number), "cells")
        label = marked(subject, point, BLOOD)
        path = folder / "fcs" / f"{name}.fcs"
        write(
            path,
            sample(filled, drawn, file=path.name, participant=subject, specimen=label, seed=1, version="0"),
        )
