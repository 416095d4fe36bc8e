"""Multiplicity: adjusted p-values for a family of hypotheses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.estimate import NotEstimable


def holm(p: Sequence[float | NotEstimable] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's step-down adjusted p-values, in the order given; Scand J Stat 1979;6:65.

    The last axis is the family; leading axes (trials) are adjusted independently. A hypothesis
    whose test was not estimable stays in the family as p = 1: the family was fixed before the
    data, and leaving it out would relax the rest. Raises ValueError for p outside 0 … 1.
    """
    values = np.array([1.0 if isinstance(each, NotEstimable) else each for each in p], dtype=np.float64)
    if not np.all((values >= 0) & (values <= 1)):
        raise ValueError(f"p-values must lie between 0 and 1; got {values.tolist()}")
    order = np.argsort(values, axis=-1, kind="stable")
    weights = np.arange(values.shape[-1], 0, -1)
    stepped = np.maximum.accumulate(np.take_along_axis(values, order, -1) * weights, axis=-1)
    adjusted = np.empty_like(values)
    np.put_along_axis(adjusted, order, np.minimum(stepped, 1.0), -1)
    return adjusted
