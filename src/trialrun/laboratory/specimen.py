"""The specimens of a trial: what was taken, of whom, at which timepoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from trialrun.record import local
from trialrun.record.trial import Trial


@dataclass(frozen=True, slots=True)
class Specimen:
    """One planned specimen that the record says was taken; happened: when, on the site's wall clock."""

    subject: str
    name: str
    point: str
    happened: datetime

    @property
    def id(self) -> str:
        """What tubes and files are marked with, e.g. `PSL-001.C4.D5.fresh_blood`. It is compared whole, and
        never taken apart."""
        return marked(self.subject, self.point, self.name)


def marked(subject: str, point: str, name: str) -> str:
    """The id of a specimen."""
    return f"{subject}.{point}.{name}"


def specimens(trial: Trial, name: str) -> dict[str, Specimen]:
    """Every specimen of this name that was taken, by its id."""
    return {one.id: one for subject in trial.subjects() for one in _taken(trial, subject, name)}


def _taken(trial: Trial, subject: str, name: str) -> Iterator[Specimen]:
    for act in trial.projection(subject).acts:
        if act.act == "collect" and act.name == name and act.point is not None:
            yield Specimen(subject, name, act.point, local.wall(act.happened)[0].item())
