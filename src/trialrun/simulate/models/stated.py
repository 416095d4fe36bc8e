"""No mechanism: every quantity follows the course that the study's own model file states for each arm.

With x the value on the quantity's scale (as it is, or its natural logarithm), b its baseline and τ the
days since the first dose while doses act:

    x = b + (m + s z) τ / (τ + half)          a change towards m
    x = b + (m + s z) min(τ, until) / 7       a change of m each week

z is one standard normal for each person and quantity. Once the last dose acts no more, what was gained
is halved in each `wanes`. It says what a trial would look like if this were so, and explains nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from trialrun.simulate.model import Array, Index, Model, Parameter, Statement, Values
from trialrun.simulate.stated import EVERYONE, Course, Quantity, StatedFile

DAYS_A_YEAR = 365.25
CHANGE = " change"  # added to a quantity's name: the person's own normal of its course


@dataclass(frozen=True, slots=True)
class State:
    """N participants: clock `t`, days of the `first` and `last` dose (N,), NaN before it, and `arm` (N,)."""

    t: Array
    first: Array
    last: Array
    arm: NDArray[np.object_]

    def take(self, index: Index) -> Self:
        """The same for some participants only, in the order of `index`."""
        return replace(
            self, t=self.t[index], first=self.first[index], last=self.last[index], arm=self.arm[index]
        )


@dataclass(frozen=True)
class Clinic:
    """What is seen around the quantities: reactions to doses. There are no organs, and no laboratory but
    what the study's answers say."""

    file: StatedFile
    organs: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()

    @property
    def laboratory(self) -> Mapping[str, str]:
        return {}

    @property
    def reactions(self) -> tuple[str, ...]:
        """Kinds of reaction to a dose."""
        return tuple(self.file.reactions.kinds)

    def worst_grade(self, u: Array) -> NDArray[np.int64]:
        """Worst grade of a course in which something happened, from uniforms."""
        return _choose(self.file.reactions.worst_grade, u)

    def reaction(self, u: Array) -> NDArray[np.str_]:
        """What happened, by name, from uniforms."""
        return _choose(self.file.reactions.kinds, u)


@dataclass(frozen=True)
class Stated:
    """The model of the module's docstring, as `trialrun.simulate.model.Model` asks."""

    file: StatedFile
    clinic: Clinic

    @classmethod
    def load(cls, file: StatedFile) -> Self:
        """The model of what one study states."""
        return cls(file, Clinic(file))

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """None: what people differ in are the quantities themselves."""
        return {}

    @property
    def varying(self) -> tuple[str, ...]:
        """Each quantity, and its change under treatment."""
        return tuple(name for quantity in self.file.quantities for name in (quantity, quantity + CHANGE))

    @property
    def quantities(self) -> Mapping[str, str]:
        """Unit of everything that `observe` gives."""
        return {name: quantity.unit for name, quantity in self.file.quantities.items()}

    def statements(self) -> list[Statement]:
        """None of its own: every number stands in the study's model file, with its source."""
        return []

    def draw(self, normals: Array) -> dict[str, Array]:
        """Baselines (on the quantity's scale) and each person's normal of the change, by name."""
        if normals.ndim != 2 or normals.shape[1] != len(self.varying):
            raise ValueError(f"normals {normals.shape}: expected (N, {len(self.varying)}), see `varying`")
        values = {name: normals[:, k] for k, name in enumerate(self.varying)}
        for name, quantity in self.file.quantities.items():
            values[name] = quantity.on_scale(quantity.about) + quantity.spread * values[name]
        return values

    def start(self, values: Values, t: Array) -> State:
        """N untreated participants with clocks at `t` (N,)."""
        n = len(next(iter(values.values())))
        clock = np.array(np.broadcast_to(t, n), dtype=np.float64)
        return State(clock, np.full(n, np.nan), np.full(n, np.nan), np.full(n, EVERYONE, dtype=object))

    def advance(self, state: State, values: Values, until: Array) -> State:
        """Let each participant live until day `until` (N,)."""
        until = np.array(np.broadcast_to(until, state.t.shape), dtype=np.float64)
        if np.any(~(until >= state.t) | np.isinf(until)):
            raise ValueError("until is unknown, infinite or in a participant's past")
        return replace(state, t=until)

    def inject(self, state: State, index: Index, dose: Array | float, arm: str = EVERYONE) -> State:
        """Give the participants in `index`, all of one arm, a dose; how much it is makes no difference."""
        given = np.zeros(len(state.t))
        given[index] = dose
        if np.any(~(given >= 0) | np.isinf(given)):
            raise ValueError("a dose is unknown, negative or infinite")
        now = given > 0
        return replace(
            state,
            first=np.where(now & np.isnan(state.first), state.t, state.first),
            last=np.where(now, state.t, state.last),
            arm=np.where(now, arm, state.arm),
        )

    def observe(self, state: State, values: Values) -> dict[str, Array]:
        """The true quantities (N,) at each participant's present time, by name."""
        found = {}
        for name, quantity in self.file.quantities.items():
            x = values[name].copy()
            for arm, course in quantity.change.items():
                treated = (state.arm == arm) & ~np.isnan(state.first)
                x[treated] += _gained(quantity, course, state.take(treated), values[name + CHANGE][treated])
            found[name] = _read(quantity, x)
        return found

    def measure(self, truth: Values, normals: Values) -> dict[str, Array]:
        """The quantities named in `normals`, each time off by `within`, and within their limits."""
        found = {}
        for name, z in normals.items():
            quantity = self.file.quantities[name]
            error = quantity.within * z
            log = quantity.scale == "log"
            found[name] = _kept(quantity, truth[name] * np.exp(error) if log else truth[name] + error)
        return found

    def hazards(self, state: State) -> dict[str, Array]:
        """Present rate per day (N,) of death; nothing else is stated."""
        return {"death": np.full(len(state.t), self.file.death.per_year / DAYS_A_YEAR)}

    def reaction_hazard(self, dose: Array, arm: str = EVERYONE) -> Array:
        """Hazard of a reaction that one dose in an arm adds, whatever its amount."""
        return np.full(np.shape(dose), -np.log1p(-self.file.reactions.chance.get(arm, 0.0)))


def _gained(quantity: Quantity, course: Course, state: State, z: Array) -> Array:
    """The change so far, on the quantity's scale, of participants who had a first dose."""
    until, passed = state.t, np.zeros(len(state.t))
    if course.lasts and course.wanes:
        until = np.minimum(state.t, state.last + course.lasts.days)
        passed = (state.t - until) / course.wanes.days
    days = until - state.first
    if course.most is not None and course.half:
        size, share = quantity.on_scale(course.most), days / (days + course.half.days)
    else:
        size = quantity.on_scale(float(course.per_week or 0.0))
        share = np.minimum(days, course.until.days if course.until else np.inf) / 7
    return np.asarray((size + course.spread * z) * share * 0.5**passed)


def _read(quantity: Quantity, x: Array) -> Array:
    return _kept(quantity, np.exp(x) if quantity.scale == "log" else x)


def _kept(quantity: Quantity, value: Array) -> Array:
    limits = quantity.limits
    return value if limits is None else np.clip(value, limits.low, limits.high)


def _choose(shares: Mapping[Any, float], u: Array) -> NDArray[Any]:
    """The alternative that each uniform falls on; rounding never leaves the last one."""
    bounds = np.cumsum(list(shares.values()))[:-1]
    return np.array(list(shares))[np.searchsorted(bounds, u, side="right")]


if TYPE_CHECKING:  # the type checker's word that this is a model

    def _is_a_model(model: Stated) -> Model[State]:
        return model


MODEL = Stated
