"""The mean change from baseline at each visit, by arm and between arms, from a mixed model.

Visit is a factor and baseline a response like the others, so that a participant without a baseline, or
without a later visit, still informs what was seen (missing at random). With `common_baseline` the arms
share one mean at baseline, as randomisation makes them: constrained longitudinal data analysis
(Liang and Zeger, Sankhya B 2000;62:134).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.longitudinal.caution import FEW, Code, cautions
from trialrun.analysis.longitudinal.fit import Fits, fit
from trialrun.analysis.longitudinal.inference import (
    Contrast,
    FTest,
    Information,
    Method,
    contrast,
    f_test,
)
from trialrun.analysis.longitudinal.structure import Floats, Name, structure

ONE_ARM = ""
_Cells = dict[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class AtVisit:
    """A mean, change or difference at a visit in an arm ("" where there are none); `n` have a value there.

    In a difference, `arm` is compared with `versus`: the change of the first minus that of the second.
    """

    visit: str
    arm: str
    versus: str | None
    n: int
    result: Contrast | NotEstimable


@dataclass(frozen=True, eq=False)
class Changes:
    """Means at every visit and changes from baseline at the later ones, of one trial.

    `overall` tests, arms together, that there is no change at any visit, or, with arms, that they
    change alike. `dropped` says why structures planned earlier were not used; `covariance` (V, V) and
    `visits` leave out visits at which nobody has a value; `deviance` is minus twice the log-likelihood.
    """

    structure: str
    method: Method
    means: tuple[AtVisit, ...]
    changes: tuple[AtVisit, ...]
    differences: tuple[AtVisit, ...]
    overall: FTest | NotEstimable
    participants: int
    visits: tuple[str, ...]
    covariance: Floats
    deviance: float
    dropped: tuple[tuple[str, str], ...]
    cautions: tuple[Code, ...]


def changes(
    y: ArrayLike,
    visits: Sequence[str],
    *,
    arms: Sequence[str] | None = None,
    baseline: str | None = None,
    common_baseline: bool = False,
    structures: Sequence[Name] = ("unstructured",),
    reml: bool = True,
    method: Method = "kenward-roger",
    information: Information = "observed",
    level: float = 0.95,
) -> Changes | NotEstimable:
    """Changes of `y` (n, V), NaN where not measured, from the visit `baseline` (the first if not named).

    `arms` names each participant's arm; the first to appear is the reference of the differences.
    `structures` are tried in order until one can be fitted, as an analysis plan lays down.
    Raises ValueError where shapes or names disagree.
    """
    values, names = table(y, visits)
    start = names[0] if baseline is None else baseline
    if start not in names:
        raise ValueError(f"baseline {start!r} is not a visit; write one of {', '.join(names)}")
    if not structures:
        raise ValueError("name at least one covariance structure")
    groups = _groups(arms, len(values))
    seen = ~np.isnan(values)
    if not seen.any():
        return NotEstimable("no values")
    if not seen[:, names.index(start)].any():
        return NotEstimable("no value at baseline")
    kept = [name for name, some in zip(names, np.asarray(seen.any(axis=0)), strict=True) if some]
    if len(kept) < 2:
        return NotEstimable("values at one visit only")
    values = values[:, [names.index(name) for name in kept]]
    x, cells = _design(values, kept, groups, start if common_baseline else None)
    fits, dropped = first_fitted(values, x, structures, reml)
    if fits is None:
        return NotEstimable(dropped[-1][1])
    plan = _Plan(fits, cells, tuple(dict.fromkeys(groups.tolist())), start, method, information, level)
    count = {(g, v): int((~np.isnan(values[groups == g, kept.index(v)])).sum()) for g, v in cells}
    return _report(plan, names, kept, values, count, dropped)


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    fits: Fits
    cells: _Cells
    arms: tuple[str, ...]
    baseline: str
    method: Method
    information: Information
    level: float

    def mean(self, arm: str, visit: str) -> Floats | None:
        """The weights of a mean, None where it was never observed."""
        if (arm, visit) not in self.cells:
            return None
        row = np.zeros(self.fits.curvature.beta.shape[1])
        row[self.cells[arm, visit]] = 1
        return row

    def change(self, arm: str, visit: str) -> Floats | None:
        """The weights of a change from baseline, None where a mean of it was never observed."""
        return _minus(self.mean(arm, visit), self.mean(arm, self.baseline))

    def result(self, row: Floats | None) -> Contrast | NotEstimable:
        if row is None:
            return NotEstimable("no value at the visit or at baseline")
        return contrast(self.fits, row, method=self.method, information=self.information, level=self.level)

    def overall(self, rows: list[Floats]) -> FTest | NotEstimable:
        if not rows or self.method == "z":
            return NotEstimable("no test of several contrasts")
        return f_test(self.fits, np.stack(rows), method=self.method, information=self.information)


def _report(
    plan: _Plan,
    names: tuple[str, ...],
    kept: list[str],
    values: Floats,
    count: dict[tuple[str, str], int],
    dropped: tuple[tuple[str, str], ...],
) -> Changes:
    reference, *others = plan.arms
    means = {(arm, visit): plan.mean(arm, visit) for arm in plan.arms for visit in names}
    later = {cell: plan.change(*cell) for cell in means if cell[1] != plan.baseline}
    apart = {cell: _minus(row, later[reference, cell[1]]) for cell, row in later.items() if cell[0] in others}
    tested = [row for row in (apart if others else later).values() if row is not None]
    told = cautions(plan.fits, plan.method, complete=int((~np.isnan(values)).all(axis=1).sum()))
    several: tuple[Code, ...] = ("several-df",) if len(tested) > 1 and plan.fits.participants[0] < FEW else ()
    other: tuple[Code, ...] = ("other-structure",) if dropped else ()

    def told_of(rows: dict[tuple[str, str], Floats | None], versus: str | None) -> tuple[AtVisit, ...]:
        return tuple(
            AtVisit(visit, arm, versus, count.get((arm, visit), 0), plan.result(row))
            for (arm, visit), row in rows.items()
        )

    return Changes(
        structure=plan.fits.structure.name,
        method=plan.method,
        means=told_of(means, None),
        changes=told_of(later, None),
        differences=told_of(apart, reference),
        overall=plan.overall(tested),
        participants=int(plan.fits.participants[0]),
        visits=tuple(kept),
        covariance=plan.fits.sigma[0],
        deviance=float(plan.fits.curvature.deviance[0]),
        dropped=dropped,
        cautions=(*told, *several, *other),
    )


def _minus(one: Floats | None, other: Floats | None) -> Floats | None:
    return None if one is None or other is None else one - other


def first_fitted(
    values: Floats, x: Floats, structures: Sequence[Name], reml: bool
) -> tuple[Fits | None, tuple[tuple[str, str], ...]]:
    """The fit of the first structure that has one, and the reasons of those before it."""
    dropped: list[tuple[str, str]] = []
    for name in structures:
        fits = fit(values[None], x, structure(name, values.shape[1]), reml=reml)
        if fits.estimable[0]:
            return fits, tuple(dropped)
        dropped.append((name, fits.why_not(0).reason))
    return None, tuple(dropped)


def _design(
    values: Floats, visits: list[str], groups: NDArray[np.str_], common: str | None
) -> tuple[Floats, _Cells]:
    """A column for each mean (arm, visit) that was observed; the arms share that of the visit `common`."""
    cells: _Cells = {}
    columns: list[Floats] = []
    for j, visit in enumerate(visits):
        for arm in dict.fromkeys(groups.tolist()):
            mine = groups == arm
            shared = visit == common
            if not shared and np.isnan(values[mine, j]).all():
                continue
            if shared and columns and visit in {name for _, name in cells}:
                cells[arm, visit] = next(place for (_, name), place in cells.items() if name == visit)
                continue
            column = np.zeros(values.shape)
            column[slice(None) if shared else mine, j] = 1
            cells[arm, visit] = len(columns)
            columns.append(column)
    return np.stack(columns, axis=-1), cells


def table(y: ArrayLike, visits: Sequence[str]) -> tuple[Floats, tuple[str, ...]]:
    values, names = np.asarray(y, dtype=np.float64), tuple(visits)
    if values.ndim != 2 or values.shape[1] != len(names) or not len(values):
        raise ValueError(
            f"values have shape (participants, visits), here (at least 1, {len(names)}), not {values.shape}"
        )
    if len(set(names)) < len(names):
        raise ValueError(f"visits are named twice: {', '.join(names)}")
    return values, names


def _groups(arms: Sequence[str] | None, n: int) -> NDArray[np.str_]:
    if arms is None:
        return np.full(n, ONE_ARM)
    if len(arms) != n:
        raise ValueError(f"{len(arms)} arms are named for {n} participants")
    return np.asarray(arms, dtype=np.str_)
