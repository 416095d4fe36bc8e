"""A sample as the tests take it: finite floats, or the reason why there is none; exact integers of it."""

from __future__ import annotations

from decimal import Decimal
from math import gcd

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import NotEstimable

_Floats = NDArray[np.float64]
DIGITS = 12
LARGEST = 1e150


def sample(values: ArrayLike, least: int = 1, *, dimensions: int = 1) -> _Floats | NotEstimable:
    """`values` as an array, or `NotEstimable` if there are fewer than `least` or one is not finite.

    A value that is not finite is never dropped: leaving participants out is the analysis set's
    decision, not the test's. Raises ValueError for another number of dimensions.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions:
        raise ValueError(f"values must have {dimensions} dimension(s); got shape {array.shape}")
    if not np.isfinite(array).all():
        return NotEstimable("a value is missing or not finite")
    if np.max(np.abs(array), initial=0.0) > LARGEST:
        return NotEstimable(f"a value beyond {LARGEST:g}, whose square is no number")
    if len(array) == 0:
        return NotEstimable("no observations")
    if len(array) < least:
        return NotEstimable(f"fewer than {least} observations")
    return array


def integers(values: _Floats) -> list[int]:
    """Integers in the same proportions as `values`, taken at 12 significant digits of the largest.

    5.2 - 3.1 and 2.1 are two doubles and one number: with so many digits, ties among sums are the
    ties of the decimals that were measured, and arithmetic on them is exact.
    """
    largest = float(np.max(np.abs(values), initial=0.0))
    if largest == 0:
        return [0] * len(values)
    places = DIGITS - 1 - Decimal(repr(largest)).adjusted()
    scaled = [int(Decimal(repr(float(each))).scaleb(places).to_integral_value()) for each in values]
    divisor = gcd(*scaled)
    return [each // divisor for each in scaled]


def mid_ranks(values: _Floats) -> NDArray[np.int64]:
    """Twice the mid-ranks along the last axis: integers, whatever the ties.

    scipy.stats.rankdata gives the same; its import takes longer than all the tests of a report.
    """
    order = np.argsort(values, axis=-1)
    risen = np.take_along_axis(np.asarray(values), order, axis=-1)
    place = np.arange(risen.shape[-1])
    new = np.ones(risen.shape, dtype=bool)
    new[..., 1:] = risen[..., 1:] != risen[..., :-1]
    last = np.ones(risen.shape, dtype=bool)
    last[..., :-1] = new[..., 1:]
    first = np.maximum.accumulate(np.where(new, place, 0), axis=-1)
    end = np.where(last, place, risen.shape[-1])[..., ::-1]
    ranks = np.empty(risen.shape, dtype=np.int64)
    both = first + np.minimum.accumulate(end, axis=-1)[..., ::-1] + 2
    np.put_along_axis(ranks, order, both, axis=-1)
    return ranks
