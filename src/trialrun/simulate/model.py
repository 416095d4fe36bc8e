"""What any model of virtual participants must provide.

A study file names a model; nothing else knows its drug, its cells or its disease. Everything is
vectorised over N participants, and each participant has a clock of their own: the trial decides
between two visits, the model fills the time in between.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Index = NDArray[np.intp] | NDArray[np.bool_] | slice
Values = Mapping[str, Array]  # arrays (N,) by parameter

Standing = Literal["published", "fitted", "assumed"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number of a model: what it is worth, how people differ in it, and why.

    `typical` is the median participant's value in `unit` (UCUM). `cv` is the between-participant
    coefficient of variation of a lognormal distribution; None means that all have the typical value.
    `source` holds references or "assumption"; `reason` is in our words. Values end at `at_most`.
    """

    typical: float
    unit: str
    standing: Standing
    source: tuple[str, ...]
    reason: str
    cv: float | None = None
    at_most: float = float("inf")

    def values(self, normals: Array) -> Array:
        """The values (N,) of the participants who drew these standard normals (N,)."""
        if not self.cv:
            return np.full(len(normals), min(self.typical, self.at_most))
        # E.g. Aitchison & Brown 1957: a lognormal of median m has cv² = exp(σ²) − 1.
        spread = np.sqrt(np.log1p(self.cv**2))
        return np.asarray(np.minimum(self.typical * np.exp(spread * normals), self.at_most))


@dataclass(frozen=True, slots=True)
class Statement:
    """Where one element of a model comes from, for the list of assumptions in a report.

    `name` is its path in the model's file; `source` holds references or "assumption".
    """

    name: str
    standing: Standing
    source: tuple[str, ...]
    reason: str


class State(Protocol):
    """Where N participants are. A model adds what it needs; only the model looks inside."""

    @property
    def t(self) -> Array:
        """Each participant's clock (N,), in days."""

    def take(self, index: Index) -> Self:
        """The same for some participants only, in the order of `index`."""


S = TypeVar("S", bound=State)


class Model(Protocol[S]):
    """A treatment and a disease. No method draws random numbers: whoever calls owns the randomness.

    A participant's results must not depend, to the last bit, on who else is in the batch.
    """

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """Every parameter by name."""

    @property
    def varying(self) -> tuple[str, ...]:
        """The parameters in which people differ: the columns that `draw` expects."""

    @property
    def quantities(self) -> Mapping[str, str]:
        """Unit (UCUM) of everything that `observe` gives, by name."""

    def statements(self) -> list[Statement]:
        """Every element of the model with its source: what was published, fitted and assumed."""

    def draw(self, normals: Array) -> Values:
        """Parameters of N participants from standard normals (N, len(varying))."""

    def start(self, values: Values, t: Array) -> S:
        """N untreated participants whose clocks show `t` (N,), in days."""

    def advance(self, state: S, values: Values, until: Array) -> S:
        """Let each participant live until day `until` (N,); who is there already stays bit for bit.

        Raises ValueError for a time that is unknown or in a participant's past.
        """

    def inject(self, state: S, index: Index, dose: Array | float, arm: str = "") -> S:
        """Give the participants in `index`, all of one arm, a dose, each at their own present time.

        Raises ValueError for a dose that is unknown or negative.
        """

    def observe(self, state: S, values: Values) -> dict[str, Array]:
        """The true quantities (N,) at each participant's present time, by name."""

    def measure(self, truth: Values, normals: Values) -> dict[str, Array]:
        """What an instrument would read: the quantities named in `normals`, with measurement error."""

    def hazards(self, state: S) -> dict[str, Array]:
        """Present rate per day (N,) of each event that the disease brings, by name."""

    def reaction_hazard(self, dose: Array, arm: str = "") -> Array:
        """Hazard of an adverse event that one dose in an arm adds: chance = 1 − exp(−sum)."""
