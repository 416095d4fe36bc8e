"""The virtual bodies of a batch: biology that goes on between two visits, and what can be seen of it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from trialrun.conduct.cohort import Index, Times
from trialrun.protocol.protocol import Protocol
from trialrun.simulate.chance import Person, normals
from trialrun.simulate.model import Array, Flags

MINUTES_A_DAY = 24 * 60


def load_model(name: str) -> Any:
    """The model that a study file names: its class says ``MODEL`` in `trialrun.simulate.models.<name>`."""
    return import_module(f"trialrun.simulate.models.{name}").MODEL.load()


class Bodies:
    """N bodies, each with its own clock, which starts at midnight of the day of screening."""

    def __init__(self, protocol: Protocol, people: Sequence[Person]) -> None:
        self.model = load_model(protocol.model["model"])
        self.n = len(people)
        self.points = {point: i for i, point in enumerate(protocol.timepoints)}
        self.values = self.model.draw(normals(people, "parameters", len(self.model.varying)))
        self.state = self.model.start(self.values, np.zeros(self.n))
        self.origin = np.full(self.n, np.datetime64("NaT", "m"))
        self._quantities = tuple(self.model.quantities)
        clinic, points = self.model.clinic, len(self.points)
        self._error = normals(people, "measurement error", points, len(self._quantities))
        self.involved: Flags = clinic.involved(normals(people, "organs", len(clinic.organs)))
        self._threshold = clinic.thresholds(normals(people, "improvement", len(clinic.organs)))
        self._usual = clinic.usual(normals(people, "usual laboratory", len(clinic.laboratory)))
        self._laboratory = normals(people, "laboratory", points, len(clinic.laboratory))
        self._cells = clinic.specific_cells(normals(people, "specific cells", 2))
        self._cells_error = normals(people, "specific cells measured", points)
        self._rna_step = normals(people, "virus", points)
        self._rna = np.full(self.n, np.nan)
        self._rna_at = np.zeros(self.n)
        self._rna_point: dict[tuple[int, int], float] = {}

    def wake(self, who: Index, when: Times) -> None:
        self.origin[who] = when.astype("datetime64[D]").astype("datetime64[m]")

    def days(self, who: Index, when: Times) -> Array:
        """The bodies' own time: days since midnight of the day of screening."""
        return (when - self.origin[who]).astype("timedelta64[m]").astype(np.float64) / MINUTES_A_DAY

    def live(self, who: Index, when: Times) -> None:
        """Let these bodies live until ``when``; the others stay where they are."""
        until = self.state.t.copy()
        until[who] = np.maximum(until[who], self.days(who, when))
        self.state = self.model.advance(self.state, self.values, until)

    def inject(self, who: Index, amount: float) -> None:
        self.state = self.model.inject(self.state, who, amount)

    def quantity(self, name: str, who: Index, point: str) -> Array:
        """A quantity of the model as an instrument reads it now."""
        column = self._quantities.index(name)
        error = self._error[:, self.points[point], column]
        return np.asarray(self.model.measure(self.model.observe(self.state, self.values), {name: error})[name][who])

    def laboratory(self, who: Index, point: str, fever: Flags, leak: Flags) -> dict[str, Array]:
        return dict(self.model.clinic.measured(self._usual[who], self._laboratory[who, self.points[point]], fever, leak))

    def activity(self, who: Index) -> Array:
        """Disease activity relative to baseline."""
        return np.asarray(self.model.activity(self.state)[who])

    def organ(self, name: str, who: Index) -> tuple[Flags, Flags]:
        """(involved at baseline, improved now)."""
        column = self.model.clinic.organs.index(name)
        improved = self.model.clinic.improved(self.activity(who), self._threshold[who])
        return self.involved[who, column], improved[:, column]

    def hazard(self, name: str, who: Index) -> Array:
        """Present rate per day of an event that the disease brings."""
        return np.asarray(self.model.hazards(self.state)[name][who])

    def process(self, name: str, who: Index, point: str) -> Array:
        """A process that goes on beside the model: the virus, or antigen-specific cells."""
        column = self.points[point]
        if name == "specific_cells":
            return np.asarray(self.model.clinic.specific_cells_measured(self._cells[who], self._cells_error[who, column]))
        return np.array([self._virus(int(one), column) for one in who])

    def _virus(self, one: int, column: int) -> float:
        """One more step of the viral load; the same sample always shows the same value."""
        key = (one, column)
        if key not in self._rna_point:
            z = self._rna_step[one : one + 1, column]
            now = self.state.t[one]
            if np.isnan(self._rna[one]):
                value = self.model.clinic.rna(z)
            else:
                value = self.model.clinic.rna(z, self._rna[one : one + 1], np.array([now - self._rna_at[one]]))
            self._rna[one], self._rna_at[one] = value[0], now
            self._rna_point[key] = float(value[0])
        return self._rna_point[key]
