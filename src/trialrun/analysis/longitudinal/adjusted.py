"""Arms compared by a mixed model for repeated measures, adjusted for factors and covariates.

A mean for each arm at each visit; factors and covariates have one effect at all visits, or one at each. Their
columns are centred at the margins that are asked for, so that the coefficient of an arm at a visit is its
least squares mean. Checked against SAS PROC MIXED (unstructured, Kenward-Roger).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.longitudinal.fit import Fits, fit
from trialrun.analysis.longitudinal.inference import Contrast, Method, contrast
from trialrun.analysis.longitudinal.structure import Floats, Structure, random_slope, structure

RANDOM_SLOPE = "random-slope"
Margins = Literal["equal", "observed"]


class AdjustedMeans:
    """The fit of ``values`` (n, V), NaN where not measured, of arms (n,), factors (n,) and covariates (n, V).

    ``by_visit`` names those whose effect differs between visits; ``structures`` are tried in order until one
    can be fitted; ``times`` (V,) are those of a random slope.
    """

    def __init__(
        self,
        values: Floats,
        arms: Sequence[str],
        factors: Mapping[str, Sequence[str]],
        covariates: Mapping[str, Floats],
        *,
        by_visit: Collection[str] = (),
        structures: Sequence[str] = ("unstructured",),
        times: Sequence[float] = (),
        margins: Margins = "equal",
    ) -> None:
        self.seen = ~np.isnan(values)
        self.visits = values.shape[1]
        self.cells: dict[tuple[str, int], int] = {}
        self.columns: list[Floats] = []
        names = np.array(arms)
        for arm in dict.fromkeys(arms):
            for visit in range(self.visits):
                there = (names == arm)[:, None] & (np.arange(self.visits) == visit)
                if (there & self.seen).any():
                    self.cells[arm, visit] = len(self.columns)
                    self.columns.append(there.astype(float))
        for name, held in factors.items():
            self._add(self._coded(np.array(held), margins), name in by_visit)
        for name, numbers in covariates.items():
            centred = numbers - numbers[self.seen].mean() if self.seen.any() else numbers
            self._add([np.where(self.seen, centred, 0.0)], name in by_visit)
        self.fits, self.reason = self._fitted(values, structures, times)

    def _coded(self, held: NDArray[np.str_], margins: Margins) -> list[Floats]:
        """A column for each level but the last, less its share; a last level that is observed follows."""
        codes: list[Floats] = []
        levels = np.unique(held[self.seen.any(axis=1)])
        last = (held == levels[-1]).astype(float) if len(levels) else np.zeros(len(held))
        weights = self.seen.sum(axis=1)
        for level in levels[:-1]:
            mine = (held == level).astype(float)
            off = 0.0 if margins == "equal" else float(weights @ (mine - last) / weights.sum())
            codes.append(np.repeat((mine - last - off)[:, None], self.visits, axis=1))
        return codes

    def _add(self, columns: list[Floats], by_visit: bool) -> None:
        for column in columns:
            if by_visit:
                self.columns += [column * (np.arange(self.visits) == visit) for visit in range(self.visits)]
            else:
                self.columns.append(column)

    def _fitted(
        self, values: Floats, structures: Sequence[str], times: Sequence[float]
    ) -> tuple[Fits | None, NotEstimable]:
        reason = NotEstimable("no values")
        for name in structures if self.cells else ():
            found = fit(values[None], np.stack(self.columns, axis=-1), self._structure(name, times))
            if found.estimable[0]:
                return found, reason
            reason = found.why_not(0)
        return None, reason

    def _structure(self, name: str, times: Sequence[float]) -> Structure:
        if name == RANDOM_SLOPE:
            return random_slope(times)
        return structure(name, self.visits)  # type: ignore[arg-type]

    def estimate(
        self,
        arms: Mapping[str, float],
        visits: Sequence[int],
        *,
        method: Method = "kenward-roger",
        level: float = 0.95,
    ) -> Contrast | NotEstimable:
        """The sum of weighted arms (``{"B": 1, "A": -1}``: their difference), on average of these visits."""
        if self.fits is None:
            return self.reason
        weights = np.zeros(len(self.columns))
        for arm, weight in arms.items():
            for visit in visits:
                if (arm, visit) not in self.cells:
                    return NotEstimable("no observations")
                weights[self.cells[arm, visit]] += weight / len(visits)
        return contrast(self.fits, weights, method=method, level=level)
