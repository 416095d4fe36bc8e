"""The virtual bodies of a batch: biology that goes on between two visits, and what can be seen of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trialrun.conduct.cohort import Index, Times
from trialrun.protocol.protocol import Protocol
from trialrun.simulate.chance import Person, normals
from trialrun.simulate.model import Array, Flags
from trialrun.simulate.population import model_of

MINUTES_A_DAY = 24 * 60


class Bodies:
    """N bodies, each with its own clock, which starts at midnight of the day of screening."""

    def __init__(self, protocol: Protocol, people: Sequence[Person]) -> None:
        self.model = model_of(protocol)
        self.n = len(people)
        self.points = {point: i for i, point in enumerate(protocol.timepoints)}
        self.values = self.model.draw(normals(people, "parameters", len(self.model.varying)))
        self.state = self.model.start(self.values, np.zeros(self.n))
        self.origin = np.full(self.n, np.datetime64("NaT", "m"))
        self._quantities = tuple(self.model.quantities)
        clinic, points = self.model.clinic, len(self.points)
        self.organs: tuple[str, ...] = clinic.organs
        self._error = normals(people, "measurement error", points, len(self._quantities))
        self.involved: Flags = clinic.involved(normals(people, "organs", len(clinic.organs)))
        self._threshold = clinic.thresholds(normals(people, "improvement", len(clinic.organs)))
        self._usual = clinic.usual(normals(people, "usual laboratory", len(clinic.laboratory)))
        self._laboratory = normals(people, "laboratory", points, len(clinic.laboratory))
        self._cells = clinic.specific_cells(normals(people, "specific cells", 2))
        self._cells_error = normals(people, "specific cells measured", points)
        self._virus_step = normals(people, "virus", points)
        self._virus = np.full(self.n, np.nan)
        self._virus_at = np.zeros(self.n)
        self._virus_found = np.full((self.n, points), np.nan)

    # ---- time --------------------------------------------------------------------------------

    def wake(self, who: Index, when: Times) -> None:
        """Start the clocks of those whose clock does not run yet."""
        asleep = who[np.isnat(self.origin[who])]
        self.origin[asleep] = when[np.isin(who, asleep)].astype("datetime64[D]").astype("datetime64[m]")

    def days(self, who: Index, when: Times) -> Array:
        """The bodies' own time: days since midnight of the day of screening."""
        return (when - self.origin[who]).astype("timedelta64[m]").astype(np.float64) / MINUTES_A_DAY

    def live(self, who: Index, when: Times) -> None:
        """Let these bodies live until ``when``; the others, and who is there already, stay."""
        until = self.state.t.copy()
        until[who] = np.maximum(until[who], self.days(who, when))
        self.state = self.model.advance(self.state, self.values, until)

    def inject(self, who: Index, amount: float) -> None:
        """Give these bodies a dose (in the substance's unit), each at its present time."""
        self.state = self.model.inject(self.state, who, amount)

    # ---- what can be measured: arrays (len(who),) ----------------------------------------------

    def truth(self, who: Index) -> dict[str, Array]:
        """Every quantity of the model as it is now."""
        return {name: true[who] for name, true in self.model.observe(self.state, self.values).items()}

    def measured(self, name: str, truth: Mapping[str, Array], who: Index, point: str) -> Array:
        """A quantity as an instrument reads it in the sample of this timepoint."""
        error = self._error[who, self.points[point], self._quantities.index(name)]
        return self._read(name, truth, error)

    def earlier(self, name: str, who: Index, error: Array) -> Array:
        """A quantity in another sample, of a steady state: standard normals say by how much it is misread."""
        return self._read(name, self.truth(who), error)

    def _read(self, name: str, truth: Mapping[str, Array], error: Array) -> Array:
        return np.asarray(self.model.measure({name: truth[name]}, {name: error})[name])

    def laboratory(self, who: Index, point: str, fever: Flags, leak: Flags) -> dict[str, Array]:
        """Laboratory and vital values; ``fever`` and ``leak`` (len(who),) say who shows these signs."""
        z = self._laboratory[who, self.points[point]]
        return dict(self.model.clinic.measured(self._usual[who], z, fever, leak))

    def process(self, name: str, who: Index, point: str) -> Array:
        """A process that goes on beside the model: `virus` (log10), or antigen-`specific_cells`."""
        column = self.points[point]
        if name == "specific_cells":
            error = self._cells_error[who, column]
            return np.asarray(self.model.clinic.specific_cells_measured(self._cells[who], error))
        fresh = who[np.isnan(self._virus_found[who, column])]
        if len(fresh):
            self._virus_found[fresh, column] = self._next_virus(fresh, column)
        return np.asarray(self._virus_found[who, column])

    def _next_virus(self, who: Index, column: int) -> Array:
        """One more step of the viral load, which lasts from sample to sample."""
        clinic, z = self.model.clinic, self._virus_step[who, column]
        days = self.state.t[who] - self._virus_at[who]
        follows = clinic.rna(z, self._virus[who], days)
        value = np.where(np.isnan(self._virus[who]), clinic.rna(z), follows)
        self._virus[who], self._virus_at[who] = value, self.state.t[who]
        return np.asarray(value)

    # ---- the disease ---------------------------------------------------------------------------

    def improved(self, who: Index) -> Flags:
        """Which organs have improved by now (len(who), organs)."""
        activity = self.model.activity(self.state)[who]
        return np.asarray(self.model.clinic.improved(activity, self._threshold[who]))

    def hazard(self, name: str, who: Index) -> Array:
        """Present rate per day of an event that the disease brings."""
        return np.asarray(self.model.hazards(self.state)[name][who])
