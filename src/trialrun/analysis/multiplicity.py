"""Multiplicity: adjusted p-values for a family of hypotheses.

Every function takes p-values whose last axis is the family (leading axes are trials, adjusted each
on its own) and returns them adjusted, in the order given: a hypothesis is rejected where its
adjusted p is at or below the family's level. A test that was not estimable stays in the family as
p = 1, for the family was fixed before the data and leaving it out would relax the rest. All raise
ValueError for p outside 0 … 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import NotEstimable

_Floats = NDArray[np.float64]
Family = Sequence[float | NotEstimable] | _Floats


def holm(p: Family) -> _Floats:
    """Step-down Bonferroni; Holm, Scand J Stat 1979;6:65. Valid under any dependence."""
    values, order = _ordered(p)
    weights = np.arange(values.shape[-1], 0, -1)
    return _restored(np.maximum.accumulate(values * weights, axis=-1), order)


def hochberg(p: Family) -> _Floats:
    """Step-up; Hochberg, Biometrika 1988;75:800. Valid for independent or positively dependent tests."""
    values, order = _ordered(p)
    return _stepped_up(values * np.arange(values.shape[-1], 0, -1), order)


def hommel(p: Family) -> _Floats:
    """Closed test of Simes' tests; Hommel, Biometrika 1988;75:383. Never larger than Hochberg's.

    Valid where Hochberg's is. Wright's algorithm, Biometrics 1992;48:1005.
    """
    values, order = _ordered(p)
    m = values.shape[-1]
    if m == 0:
        return values
    ranks = np.arange(1, m + 1)
    adjusted = np.maximum(values, (m * values / ranks).min(axis=-1, keepdims=True))
    for size in range(m - 1, 1, -1):
        first, last = values[..., : m - size + 1], values[..., m - size + 1 :]
        least = (size * last / np.arange(2, size + 1)).min(axis=-1, keepdims=True)
        bound = np.concatenate([np.minimum(size * first, least), np.broadcast_to(least, last.shape)], axis=-1)
        bound[..., m - size + 1 :] = bound[..., m - size : m - size + 1]
        adjusted = np.maximum(adjusted, bound)
    return _restored(adjusted, order)


def benjamini_hochberg(p: Family) -> _Floats:
    """False discovery rate; Benjamini and Hochberg, JRSS B 1995;57:289.

    Valid for independent or positively dependent tests.
    """
    values, order = _ordered(p)
    m = values.shape[-1]
    return _stepped_up(values * m / np.arange(1, m + 1), order)


def benjamini_yekutieli(p: Family) -> _Floats:
    """False discovery rate under any dependence; Benjamini and Yekutieli, Ann Stat 2001;29:1165."""
    values, order = _ordered(p)
    m = values.shape[-1]
    ranks = np.arange(1, m + 1)
    return _stepped_up(values * m * (1 / ranks).sum() / ranks, order)


def fixed_sequence(p: Family) -> _Floats:
    """Each hypothesis at the full level, in the order given, until one fails; Maurer et al, 1995."""
    return np.asarray(np.maximum.accumulate(_checked(p), axis=-1))


def serial_gatekeeping(families: Sequence[Family]) -> list[_Floats]:
    """Families in order: Holm within each, the next one only when all before are rejected.

    Westfall and Krishen, J Stat Plan Inference 2001;99:25. Adjusted p-values of a family are at
    least the largest of the families before it.
    """
    found: list[_Floats] = []
    gate: _Floats | float = 0.0
    for family in families:
        adjusted = np.maximum(holm(family), gate)
        found.append(np.asarray(adjusted))
        if adjusted.shape[-1]:
            gate = adjusted.max(axis=-1, keepdims=True)
    return found


def graphical(p: Sequence[float | NotEstimable], weights: ArrayLike, transitions: ArrayLike) -> _Floats:
    """Sequentially rejective graph; Bretz et al, Stat Med 2009;28:586. One trial, p of shape (m,).

    `weights` (m,) share out the level, `transitions` (m, m) say which part of a rejected
    hypothesis's level passes to each other one. Raises ValueError where weights or a row of
    transitions add up to more than 1, are negative, or a hypothesis passes level to itself.
    """
    values, w, g = _checked(p), np.array(weights, dtype=np.float64), np.array(transitions, dtype=np.float64)
    m = values.shape[-1]
    if values.ndim != 1 or w.shape != (m,) or g.shape != (m, m):
        raise ValueError(f"{m} hypotheses need {m} weights and {m} x {m} transitions")
    excess = w.sum() > 1 + 1e-9 or (g.sum(axis=1) > 1 + 1e-9).any()
    if excess or (w < 0).any() or (g < 0).any() or g.diagonal().any():
        raise ValueError("weights and rows of transitions lie in 0 … 1, none to itself, at most 1 together")
    adjusted, open_, so_far = np.ones(m), np.ones(m, dtype=bool), 0.0
    for _ in range(m):
        ratios = np.where(open_ & (w > 0), values / np.where(w > 0, w, 1.0), np.inf)
        j = int(np.argmin(ratios))
        so_far = min(1.0, max(so_far, float(ratios[j])))
        if so_far >= 1:
            break
        adjusted[j], open_[j] = so_far, False
        w, g = _passed_on(j, w, g, open_)
    return adjusted


def _passed_on(j: int, w: _Floats, g: _Floats, open_: NDArray[np.bool_]) -> tuple[_Floats, _Floats]:
    """Weights and transitions once hypothesis `j` is rejected."""
    weights = np.where(open_, w + w[j] * g[j], 0.0)
    through = 1 - g[:, j] * g[j]
    passed = (g + np.outer(g[:, j], g[j])) / np.where(through > 0, through, 1.0)[:, np.newaxis]
    keep = np.outer(open_ & (through > 0), open_) & ~np.eye(len(w), dtype=bool)
    return weights, np.where(keep, passed, 0.0)


def _checked(p: Family) -> _Floats:
    values = np.array([1.0 if isinstance(each, NotEstimable) else each for each in p], dtype=np.float64)
    if not np.all((values >= 0) & (values <= 1)):
        raise ValueError(f"p-values must lie between 0 and 1; got {values.tolist()}")
    return values


def _ordered(p: Family) -> tuple[_Floats, NDArray[np.intp]]:
    """p in rising order along the family, and the places they came from."""
    values = _checked(p)
    order = np.argsort(values, axis=-1, kind="stable")
    return np.take_along_axis(values, order, -1), order


def _stepped_up(bounds: _Floats, order: NDArray[np.intp]) -> _Floats:
    return _restored(np.minimum.accumulate(bounds[..., ::-1], axis=-1)[..., ::-1], order)


def _restored(values: _Floats, order: NDArray[np.intp]) -> _Floats:
    """Values at most 1, back in the order given."""
    adjusted = np.empty_like(values)
    np.put_along_axis(adjusted, order, np.minimum(values, 1.0), -1)
    return adjusted
