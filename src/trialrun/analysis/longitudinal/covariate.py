"""The mean change from baseline at each visit, adjusted for the baseline as a covariate.

The response is the change; visit is a factor, and the slope on the baseline, centred at its mean, is common
to the visits. A participant without a baseline is left out. Beside the model with baseline among the
responses (`changes`), which leaves nobody out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.longitudinal.caution import FEW, Code, cautions
from trialrun.analysis.longitudinal.changes import ONE_ARM, AtVisit, Changes, first_fitted, table
from trialrun.analysis.longitudinal.inference import Method, contrast, f_test
from trialrun.analysis.longitudinal.structure import Name


def adjusted_changes(
    y: ArrayLike,
    visits: Sequence[str],
    *,
    structures: Sequence[Name] = ("unstructured",),
    method: Method = "kenward-roger",
    level: float = 0.95,
) -> Changes | NotEstimable:
    """Changes of `y` (n, V), NaN where not measured, from the first visit; no means.

    The baseline is held at its mean over participants, each once; `AdjustedMeans` and SAS's LSMEANS hold it
    at its mean over values, where a participant seen at more visits weighs more.
    """
    values, names = table(y, visits)
    values = values[~np.isnan(values[:, 0])]
    if not len(values):
        return NotEstimable("no value at baseline")
    start, later = values[:, 0], values[:, 1:]
    kept = [j for j in range(later.shape[1]) if not np.isnan(later[:, j]).all()]
    if not kept:
        return NotEstimable("values at one visit only")
    moved = (later - start[:, None])[:, kept]
    x = np.zeros((*moved.shape, len(kept) + 1))
    x[:, range(len(kept)), range(len(kept))] = 1
    seen = ~np.isnan(moved).all(axis=1)
    centred = start - start[seen].mean()
    varies = np.ptp(start[seen]) > 0
    x[:, :, -1] = centred[:, None]
    x = x if varies else x[:, :, :-1]
    fits, dropped = first_fitted(moved, x, structures, reml=True)
    if fits is None:
        return NotEstimable(dropped[-1][1])
    rows = {names[1 + j]: np.eye(x.shape[2])[i] for i, j in enumerate(kept)}
    count = {name: int((~np.isnan(later[:, j])).sum()) for j, name in enumerate(names[1:])}
    told = {
        name: contrast(fits, rows[name], method=method, level=level)
        if name in rows
        else NotEstimable("no value at the visit or at baseline")
        for name in names[1:]
    }
    few: tuple[Code, ...] = ("several-df",) if len(rows) > 1 and fits.participants[0] < FEW else ()
    other: tuple[Code, ...] = ("other-structure",) if dropped else ()
    complete = int((~np.isnan(moved)).all(axis=1).sum())
    return Changes(
        structure=fits.structure.name,
        method=method,
        means=(),
        changes=tuple(AtVisit(name, ONE_ARM, None, count[name], told[name]) for name in names[1:]),
        differences=(),
        overall=f_test(fits, np.stack(list(rows.values())), method=method),
        participants=int(fits.participants[0]),
        visits=tuple(rows),
        covariance=fits.sigma[0],
        deviance=float(fits.curvature.deviance[0]),
        dropped=dropped,
        cautions=(*cautions(fits, method, complete=complete), *few, *other),
    )
