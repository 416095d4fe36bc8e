"""What a physician sees around the model: organs, events, virus, antigen-specific cells, laboratory.

Every number is in `il2_treg.yaml`, nearly all of them assumptions. No method draws: standard normals z
or uniforms u come from whoever calls.
"""

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trialrun.simulate.model import Array, Flags

_quantile = NormalDist().inv_cdf


class Clinic:
    """The clinical part of the model file: hazards, reactions, organs, virus, cells, laboratory."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data

    @property
    def organs(self) -> tuple[str, ...]:
        """Organ items, in the order of the columns below."""
        return tuple(self._data["organs"]["chances"])

    @property
    def processes(self) -> tuple[str, ...]:
        """What goes on beside the cells and the disease."""
        return "virus", "specific_cells"

    @property
    def reactions(self) -> tuple[str, ...]:
        """Kinds of reaction to an injection."""
        return tuple(self._data["adverse_events"]["kind"]["chances"])

    @property
    def laboratory(self) -> Mapping[str, str]:
        """Unit of every laboratory and vital value, in the order of the columns below."""
        return {name: entry["unit"] for name, entry in self._data["laboratory"].items()}

    @property
    def events(self) -> tuple[str, ...]:
        """The events that the disease brings, by the names of their hazards."""
        return tuple(self._data["hazards"])

    def hazards(self, activity: Array) -> dict[str, Array]:
        """Rate per day (N,): flare in proportion to `activity` (relative to baseline), death constant."""
        rates = self._data["hazards"]
        death = np.full_like(activity, rates["death"]["per_day"])
        return {"flare": rates["flare"]["per_day"] * activity, "death": death}

    def reaction_hazard(self, dose: Array) -> Array:
        """Hazard of an adverse event that one injection (million IU) adds: chance = 1 − exp(−sum)."""
        entry = self._data["adverse_events"]["hazard"]
        return np.asarray(entry["base"] + entry["per_million_iu"] * np.asarray(dose, dtype=np.float64))

    def worst_grade(self, u: Array) -> NDArray[np.int64]:
        """Worst grade (1 to 4) of a course in which something happened, from uniforms."""
        chances = self._data["adverse_events"]["worst_grade"]["chances"]
        return np.array(list(chances))[_choose(chances, u)]

    def reaction(self, u: Array) -> NDArray[np.str_]:
        """What happened, by name, from uniforms."""
        chances = self._data["adverse_events"]["kind"]["chances"]
        return np.array(list(chances))[_choose(chances, u)]

    def involved(self, z: Array) -> Flags:
        """Organs involved at baseline (N, organs) from standard normals of that shape.

        Independent organs, conditioned on at least one, exactly and without rejection: organs are drawn
        in order, and while none is involved yet, the next has its chance divided by the chance that it
        or a later one is. The chances of the file thus rise by 1/(1 − P(none)), 2.3 %.
        """
        chances = list(self._data["organs"]["chances"].values())
        involved = np.zeros(z.shape, dtype=np.bool_)
        any_yet = np.zeros(len(z), dtype=np.bool_)
        for k, chance in enumerate(chances):
            some = 1 - np.prod([1 - later for later in chances[k:]])
            forced = k == len(chances) - 1
            first = np.inf if forced else _quantile(float(chance / some))
            involved[:, k] = z[:, k] < np.where(any_yet, _quantile(chance), first)
            any_yet |= involved[:, k]
        return involved

    def thresholds(self, z: Array) -> Array:
        """Share of the baseline activity below which each organ counts as improved (N, organs)."""
        entry = self._data["improvement"]
        centre = np.log(entry["median"] / (1 - entry["median"]))
        share = 1 / (1 + np.exp(-(centre + entry["spread"] * z)))
        return np.asarray(np.minimum(share, entry["at_most"]))

    def improved(self, activity: Array, thresholds: Array) -> Flags:
        """Organs (N, organs) that have improved at this relative activity (N,); never when it is 1."""
        return activity[:, None] < thresholds

    def rna(self, z: Array, previous: Array | None = None, days: Array | None = None) -> Array:
        """HCV RNA (log10 IU/mL) from z, `days` after a `previous` value (N,); without one, the first.

        Exact steps of the stationary process (Gillespie 1996, Phys Rev E 54:2084): any spacing of
        visits gives the same process.
        """
        entry = self._data["hcv_rna"]
        if previous is None or days is None:
            return np.asarray(entry["mean"] + entry["sd"] * z)
        kept = np.exp(-days / entry["relaxation"])
        spread = entry["sd"] * np.sqrt(1 - kept * kept)
        return np.asarray(entry["mean"] + kept * (previous - entry["mean"]) + spread * z)

    def specific_cells(self, z: Array) -> Array:
        """A participant's own level of HCV-specific cells (spots/10⁶, N) from standard normals (N, 2).

        The first decides whether there are any, the second how many.
        """
        entry = self._data["hcv_specific"]
        level = entry["median"] * np.exp(np.sqrt(np.log1p(entry["cv"] ** 2)) * z[:, 1])
        return np.where(z[:, 0] < _quantile(entry["none"]), 0.0, level)

    def specific_cells_measured(self, level: Array, z: Array) -> Array:
        """What one blood sample shows of that level (N,), from one standard normal each."""
        within = self._data["hcv_specific"]["within"]
        return np.asarray(level * np.exp(np.sqrt(np.log1p(within**2)) * z))

    def usual(self, z: Array) -> Array:
        """Each participant's usual laboratory values (N, laboratory) from standard normals."""
        columns = []
        for k, entry in enumerate(self._data["laboratory"].values()):
            deviation = entry["between"] * z[:, k]
            relative = entry["scale"] == "relative"
            columns.append(entry["typical"] * np.exp(deviation) if relative else entry["typical"] + deviation)
        return np.stack(columns, axis=1)

    def measured(self, usual: Array, z: Array, fever: Flags, leak: Flags) -> dict[str, Array]:
        """Laboratory values (N,) of one day by name, from `usual` and standard normals (N, laboratory).

        `fever` and `leak` (N,) say who has a febrile reaction or a capillary leak that day.
        """
        values = {}
        for k, (name, entry) in enumerate(self._data["laboratory"].items()):
            deviation = entry["within"] * z[:, k]
            if entry["scale"] == "relative":
                factor = np.where(fever, entry["fever"], 1.0) * np.where(leak, entry["leak"], 1.0)
                value = usual[:, k] * np.exp(deviation) * factor
            else:
                shift = np.where(fever, entry["fever"], 0.0) + np.where(leak, entry["leak"], 0.0)
                value = usual[:, k] + deviation + shift
            values[name] = np.minimum(value, entry.get("at_most", np.inf))
        return values


def _choose(chances: Mapping[Any, float], u: Array) -> NDArray[np.intp]:
    """Position of the alternative that each uniform falls on; rounding never leaves the last one."""
    bounds = np.cumsum(list(chances.values()))[:-1]
    return np.searchsorted(bounds, u, side="right")
