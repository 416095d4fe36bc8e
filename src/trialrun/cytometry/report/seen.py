"""One sample as the page shows it: what came out of it, and its portrait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trialrun.cytometry.batch import participant
from trialrun.cytometry.manifest import Row
from trialrun.cytometry.outcome import Outcome
from trialrun.cytometry.quantity import Estimate
from trialrun.protocol.population import ALL

from .portrait import Picture, Portrait

VIRTUAL = "VIRTUAL"
"""The keyword by which a file says that its events are simulated."""
NOTHING = Portrait({}, {}, {})


@dataclass(frozen=True, eq=False)
class Seen:
    """A sample of a batch, with nothing drawn where no portrait is there."""

    outcome: Outcome
    portrait: Portrait = NOTHING

    @property
    def name(self) -> str:
        return self.outcome.file.name

    @property
    def row(self) -> Row:
        return self.outcome.file.row

    @property
    def participant(self) -> str:
        return participant(self.outcome.file)

    @property
    def keywords(self) -> Mapping[str, str]:
        return self.outcome.file.keywords

    @property
    def virtual(self) -> bool:
        return VIRTUAL in self.keywords

    @property
    def estimates(self) -> Mapping[str, Estimate]:
        return self.outcome.estimates

    @property
    def pictures(self) -> Mapping[str, Picture]:
        return self.portrait.pictures

    def count(self, name: str) -> int | None:
        """Events in a population, None where it is not known."""
        return self.outcome.file.events if name == ALL else self.outcome.counts[name]

    @property
    def verdict(self) -> str:
        """fail, withhold, warn, unknown or passed: the worst that a rule says."""
        said = {one.outcome for one in self.outcome.quality}
        return next((one for one in ("fail", "withhold", "warn", "unknown") if one in said), "passed")
