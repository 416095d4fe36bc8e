"""Low-dose interleukin-2 and regulatory T cells (Treg) in hepatitis C cryoglobulinaemic vasculitis.

Interleukin-2 leaves the skin through two equal steps, is cleared by the kidney and by CD25 on Tregs,
makes Tregs grow and carry more CD25; Tregs restrain the B cells that make the cryoglobulin, which
drives the vasculitis. Time is in days, doses in million IU, the plasma concentration c in IU/mL:

    a1' = −ka a1,  a2' = ka (a1 − a2)                        the skin, solved exactly
    CL c + Vm ρ c/(Km + c) = ka a2 F 10³,  ρ = (T/Tref) r    c follows the skin without delay
    r'  = kr (1 + Rmax s − r),  s = c r/(EC50 + c r)         CD25 per Treg
    T'  = d (T0 − T) + p s T (1 − T/Tmax)                    Tregs
    E'  = dE (E0 − E) + pE E c/(EC50E + c)                   conventional CD4
    N'  = dN (N0 − N) + pN N c/(EC50N + c) (1 − N/Nmax)      natural killer (NK) cells
    B'  = kB (1/(1 + I max(T/T0 − 1, 0)) − B)                pathogenic B-cell activity
    K'  = kK (K0 B − K)                                      cryoglobulin
    W'  = kW (W0 κ (1 + g (κ − 1)) − W),  κ = K/K0           vasculitis activity (BVAS, latent)
    C'  = kC (C0 (1 + φ (1 − κ)) − C)                        complement C4

c may follow without delay because elimination (half-life 13 to 85 min, Konrad et al. 1990, Cancer Res
50:2009) is several times faster than absorption. The structure is ours and an assumption; its numbers,
their sources and their standing are in `il2_treg.yaml` beside this file.

Every quantity but a1, a2 is kept relative to the participant's own baseline. At baseline all are 1 and
all derivatives exactly 0, so that nobody drifts who is not treated.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import yaml

from trialrun.simulate.model import (
    Array,
    Flags,
    Index,
    Model,
    Parameter,
    Standing,
    Statement,
    Values,
)
from trialrun.simulate.models.il2_treg_clinic import Clinic

FILE = Path(__file__).with_suffix(".yaml")

# Rows of State.relative. Neighbours that obey the same equation stand together.
CD25, TREG, TCONV, NK, B, CRYO, BVAS, C4 = range(8)
PAIR = slice(TCONV, NK + 1)

# Steps end at fixed times since the last injection, so that a participant's steps depend on nobody else:
# tiny while the first drug arrives, at most MIDDLE_STEP while it is absorbed, up to LONGEST_STEP later.
# The numbers trade speed for accuracy; the tests hold them to 1e-3 of an adaptive solver.
FIRST_STEP, MIDDLE_STEP, LONGEST_STEP = 0.006, 0.15, 2.0
EARLY_STRETCH, LATE_STRETCH = 0.6, 0.25


def _edges() -> Array:
    """Ends of the steps (days since the last injection) up to where all steps are LONGEST_STEP."""
    edges, step = [0.0], FIRST_STEP
    while step < LONGEST_STEP:
        edges.append(edges[-1] + step)
        early = FIRST_STEP + EARLY_STRETCH * edges[-1]
        late = MIDDLE_STEP + LATE_STRETCH * max(edges[-1] - 1, 0)
        step = min(early, late)
    return np.array(edges)


EDGES = _edges()
LONG_AGO = float(EDGES[-1])  # "days since the last injection" of who never had one


@dataclass(frozen=True, slots=True)
class State:
    """N participants: clock `t` and time `since` the last injection (N,), in days; drug in the two skin
    compartments `a1`, `a2` (N,), in million IU; `relative` (8, N) to baseline, rows as named above."""

    t: Array
    since: Array
    a1: Array
    a2: Array
    relative: Array

    def take(self, index: Index) -> Self:
        """The same for some participants only, in the order of `index`."""
        return replace(
            self,
            t=self.t[index],
            since=self.since[index],
            a1=self.a1[index],
            a2=self.a2[index],
            relative=self.relative[:, index],
        )


class _Body:
    """The parameters of N participants as the derivative needs them. Pairs (2, N) are for TCONV, NK."""

    def __init__(self, v: Values) -> None:
        self.ka = v["ka"]
        self.delivered = 1e3 * v["ka"] * v["bioavailability"]  # a2 in million IU → IU/mL · L/d
        self.uptake = v["vmax"] * v["treg_start"] / v["treg_reference"]
        self.linear = v["clearance"] * v["km"]
        self.four_linear, self.two_km, self.two_cl = 4 * self.linear, 2 * v["km"], 2 * v["clearance"]
        self.ec50, self.cd25_gain = v["treg_ec50"], v["cd25_gain"]
        self.growth = v["treg_growth"] / v["treg_turnover"]
        self.crowding = v["treg_start"] / v["treg_max"]
        self.pair_ec50 = np.stack([v["tconv_ec50"], v["nk_ec50"]])
        self.pair_growth = np.stack(
            [v["tconv_growth"] / v["tconv_turnover"], v["nk_growth"] / v["nk_turnover"]]
        )
        # Conventional CD4 grow too little to meet a ceiling.
        self.pair_crowding = np.stack([np.zeros_like(self.ka), 1 / v["nk_ceiling"]])
        self.inhibition, self.curvature, self.c4_gain = v["b_inhibition"], v["bvas_curvature"], v["c4_gain"]
        self.rates = np.stack(
            [v["cd25_rate"], v["treg_turnover"], v["tconv_turnover"], v["nk_turnover"], v["b_rate"],
             v["cryo_rate"], v["bvas_rate"], v["c4_rate"]]
        )  # fmt: skip

    def plasma(self, inflow: Array, y: Array) -> Array:
        """Concentration c (IU/mL) at which clearance and uptake balance the inflow (IU/mL · L/d).

        The positive root of CL c² + h c − inflow Km = 0 with h = CL Km + Vm ρ − inflow, in the form
        that subtracts no two nearly equal numbers (e.g. Press et al., Numerical Recipes, 5.6).
        """
        h = self.linear + self.uptake * y[TREG] * y[CD25] - inflow
        q = np.abs(h) + np.sqrt(h * h + self.four_linear * inflow)
        return np.asarray(np.where(h > 0, self.two_km * inflow / q, q / self.two_cl))

    def slope(self, y: Array, inflow: Array) -> Array:
        """Derivatives (8, N) per day: each quantity is drawn at its own rate towards a target."""
        c = self.plasma(inflow, y)
        bound = c * y[CD25]
        signal = bound / (self.ec50 + bound)
        treg, kappa, pair = y[TREG], y[CRYO], y[PAIR]
        room = 1 - self.pair_crowding * pair
        target = np.empty_like(y)
        target[CD25] = 1 + self.cd25_gain * signal
        target[TREG] = 1 + self.growth * signal * treg * (1 - self.crowding * treg)
        target[PAIR] = 1 + self.pair_growth * pair * room * (c / (self.pair_ec50 + c))
        target[B] = 1 / (1 + self.inhibition * np.maximum(treg - 1, 0))
        target[CRYO] = y[B]
        target[BVAS] = kappa * (1 + self.curvature * (kappa - 1))
        target[C4] = 1 + self.c4_gain * (1 - kappa)
        target -= y
        target *= self.rates
        return target


@dataclass(frozen=True)
class Il2Treg:
    """The model of the module's docstring, as `trialrun.simulate.model.Model` asks."""

    parameters: Mapping[str, Parameter]
    clinic: Clinic
    data: Mapping[str, Any]  # the file's content, with the changes

    @classmethod
    def load(
        cls,
        changes: Mapping[str, Mapping[str, Any]] | None = None,
        hazards: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Self:
        """Read the model's own file; `changes` replaces entries of parameters, by name, `hazards` of hazards.

        A change is written like the file's entry, and must say where it comes `from`; what it leaves
        out stays. Raises ValueError for an unknown parameter or hazard, or a change without a source.
        """
        data = yaml.safe_load(FILE.read_text(encoding="utf-8"))
        for kind, entries, changed in (
            ("parameter", data["parameters"], changes),
            ("hazard", data["hazards"], hazards),
        ):
            for name, change in (changed or {}).items():
                if name not in entries:
                    raise ValueError(f"{name}: the model has no such {kind}; it has {', '.join(entries)}")
                if "from" not in change:
                    raise ValueError(f"{name}: a changed {kind} must say where it comes `from`")
                entries[name] = {**entries[name], "reason": "", "standing": "assumed", **change}
        parameters = {name: _parameter(entry) for name, entry in data["parameters"].items()}
        return cls(parameters, Clinic(data), data)

    @cached_property
    def varying(self) -> tuple[str, ...]:
        """The parameters in which people differ, in the file's order."""
        return tuple(name for name, parameter in self.parameters.items() if parameter.cv is not None)

    @property
    def quantities(self) -> Mapping[str, str]:
        """Unit of everything that `observe` gives."""
        return {
            "treg_percent": "%",
            "treg": "/uL",
            "tconv": "/uL",
            "nk": "/uL",
            "cd25": "1",
            "cryoglobulin": "g/L",
            "c4": "g/L",
            "bvas": "1",
            "il2": "[IU]/mL",
        }

    def statements(self) -> list[Statement]:
        """Every element of the file with its source, in the file's order."""
        return list(_statements("", self.data))

    def draw(self, normals: Array) -> dict[str, Array]:
        """Parameters of N participants, by name, from standard normals (N, len(varying)).

        Adds three that follow from others: `treg_start`, `tconv_start` and `treg_max` (cells/µL).
        """
        if normals.ndim != 2 or normals.shape[1] != len(self.varying):
            raise ValueError(f"normals {normals.shape}: expected (N, {len(self.varying)}), see `varying`")
        column = {name: normals[:, i] for i, name in enumerate(self.varying)}
        same = np.zeros(len(normals))
        v = {name: entry.values(column.get(name, same)) for name, entry in self.parameters.items()}
        v["treg_start"] = v["cd4"] * v["treg_share"] / 100
        v["tconv_start"] = v["cd4"] - v["treg_start"]
        v["treg_max"] = v["cd4"] * v["treg_ceiling"] / 100
        return v

    def start(self, values: Values, t: Array) -> State:
        """N untreated participants in the steady state of their disease, with clocks at `t` (N,)."""
        n = len(values["ka"])
        clock = np.array(np.broadcast_to(t, n), dtype=np.float64)
        return State(clock, np.full(n, LONG_AGO), np.zeros(n), np.zeros(n), np.ones((8, n)))

    def advance(self, state: State, values: Values, until: Array) -> State:
        """Let each participant live until day `until` (N,) without injection.

        Classical Runge–Kutta steps (RK4) between the fixed edges since the last injection; whoever needs
        fewer steps than others takes steps of length 0, which change no bit.
        """
        until = np.array(np.broadcast_to(until, state.t.shape), dtype=np.float64)
        bad = ~(until >= state.t) | np.isinf(until)
        _refuse(bad, "until", until, "is unknown, infinite or in the participant's past")
        body = _Body(values)
        ends = _ends(state.since, state.since + (until - state.t))
        lengths = np.diff(ends, axis=0)
        stages = np.empty((2 * len(lengths) + 1, len(until)))
        stages[::2], stages[1::2] = ends, ends[:-1] + lengths / 2
        a1, a2 = _skin(state, body.ka, stages - state.since)
        inflow = body.delivered * a2
        y = state.relative
        for step, h in enumerate(lengths):
            first, middle, last = inflow[2 * step : 2 * step + 3]
            k1 = body.slope(y, first)
            k2 = body.slope(y + h / 2 * k1, middle)
            k3 = body.slope(y + h / 2 * k2, middle)
            k4 = body.slope(y + h * k3, last)
            y = y + h / 6 * (k1 + 2 * (k2 + k3) + k4)
        return State(until, ends[-1].copy(), a1[-1].copy(), a2[-1].copy(), y)

    def inject(self, state: State, index: Index, dose: Array | float, arm: str = "") -> State:
        """Give the participants in `index` a dose (million IU), each at their own present time."""
        added = np.zeros_like(state.a1)
        np.add.at(added, np.arange(len(added))[index], dose)
        _refuse(~(added >= 0) | np.isinf(added), "dose", added, "is unknown, negative or infinite")
        return replace(state, a1=state.a1 + added, since=np.where(added > 0, 0.0, state.since))

    def observe(self, state: State, values: Values, *, margination: bool = False) -> dict[str, Array]:
        """The true quantities (N,) by name, in the units of `quantities`.

        `margination` lets Tregs leave the blood for a while after an injection: a sample drawn within
        hours of a dose shows fewer than there are.
        """
        y, body = state.relative, _Body(values)
        c = body.plasma(body.delivered * state.a2, y)
        treg, tconv = values["treg_start"] * y[TREG], values["tconv_start"] * y[TCONV]
        if margination:
            treg = treg * (1 - values["margination"] * c / (c + values["margination_c50"]))
        return {
            "treg_percent": 100 * treg / (treg + tconv),
            "treg": treg,
            "tconv": tconv,
            "nk": values["nk"] * y[NK],
            "cd25": y[CD25].copy(),
            "cryoglobulin": values["cryo"] * y[CRYO],
            "c4": values["c4"] * y[C4],
            "bvas": values["bvas"] * y[BVAS],
            "il2": c,
        }

    def measure(self, truth: Values, normals: Values) -> dict[str, Array]:
        """The quantities named in `normals`, with error from these standard normals (N,).

        A relative error multiplies; BVAS has an absolute one, is a whole number and at least 0.
        """
        return {name: _misread(truth[name], self._error(name), z) for name, z in normals.items()}

    def hazards(self, state: State) -> dict[str, Array]:
        """Present rate per day (N,) of flare, in proportion to the activity, and of background death."""
        return self.clinic.hazards(state.relative[BVAS])

    def activity(self, state: State) -> Array:
        """Disease activity relative to baseline (N,)."""
        return activity(state)

    def reaction_hazard(self, dose: Array, arm: str = "") -> Array:
        """Cumulative hazard of an adverse event that one injection of `dose` (million IU) adds."""
        return self.clinic.reaction_hazard(dose)

    def _error(self, name: str) -> Mapping[str, Any]:
        errors: Mapping[str, Mapping[str, Any]] = self.data["errors"]
        if name not in errors:
            raise ValueError(f"{name}: no measurement error is known; known are {', '.join(errors)}")
        return errors[name]


def activity(state: State) -> Array:
    """Vasculitis activity relative to each participant's baseline (N,); 1 is unchanged."""
    return cast(Array, state.relative[BVAS])


def _ends(start: Array, end: Array) -> Array:
    """Ends of the steps (steps + 1, N) from `start` to `end` days since the last injection.

    Each column holds `start`, the fixed edges strictly between, and `end`, repeated to fill up.
    """
    first = _edges_until(start)
    count = int(np.max(_edges_until(end) - first, initial=0))
    between = _edge(first + np.arange(count + 1)[:, None])
    return np.concatenate([start[None], np.clip(between, start, end)])


def _edges_until(since: Array) -> Array:
    """How many edges lie at or before these times; the edges go on for ever at LONGEST_STEP."""
    beyond = np.floor(np.maximum(since - LONG_AGO, 0) / LONGEST_STEP)
    return np.asarray(np.searchsorted(EDGES, since, side="right") + beyond)


def _edge(number: Array) -> Array:
    """The edges with these numbers, in days since the last injection."""
    last = len(EDGES) - 1
    near = EDGES[np.minimum(number, last).astype(np.intp)]
    return np.asarray(near + LONGEST_STEP * np.maximum(number - last, 0))


def _skin(state: State, ka: Array, after: Array) -> tuple[Array, Array]:
    """Drug in the two compartments (…, N) `after` so many days: two equal rates in a chain, exactly."""
    left = np.exp(-ka * after)
    return state.a1 * left, (state.a2 + ka * after * state.a1) * left


def _misread(true: Array, error: Mapping[str, Any], z: Array) -> Array:
    if error["scale"] == "relative":
        return np.asarray(true * np.exp(np.sqrt(np.log1p(error["sd"] ** 2)) * z))
    return np.asarray(np.maximum(np.rint(true + error["sd"] * z), 0))


def _parameter(entry: Mapping[str, Any]) -> Parameter:
    return Parameter(
        typical=float(entry["typical"]),
        unit=entry["unit"],
        standing=entry["standing"],
        source=_source(entry),
        reason=entry["reason"],
        cv=entry.get("cv"),
        at_most=float(entry.get("at_most", np.inf)),
    )


def _source(entry: Mapping[str, Any]) -> tuple[str, ...]:
    given = entry["from"]
    return (given,) if isinstance(given, str) else tuple(given)


def _statements(path: str, entry: Mapping[str, Any]) -> Iterator[Statement]:
    """The statement of an entry that says where it comes from, else those of the entries within."""
    if "from" in entry:
        source = _source(entry)
        standing: Standing = "assumed" if source == ("assumption",) else "published"
        yield Statement(path, entry.get("standing", standing), source, entry["reason"])
        return
    for name, inner in entry.items():
        yield from _statements(f"{path}.{name}" if path else name, inner)


def _refuse(bad: Flags, name: str, given: Array, what: str) -> None:
    """Raise ValueError that names the first few participants (by position) whose value is `bad`."""
    if bad.any():
        where = np.flatnonzero(bad)
        shown = ", ".join(f"{name}[{i}] = {given[i]:g}" for i in where[:3])
        raise ValueError(f"{shown}{', …' if len(where) > 3 else ''} {what}")


if TYPE_CHECKING:  # the type checker's word that this is a model

    def _is_a_model(model: Il2Treg) -> Model[State]:
        return model


MODEL = Il2Treg
