"""The root of a monotone function, for many elements at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Floats = NDArray[np.float64]


def crossing(rising: Callable[[_Floats], _Floats], low: ArrayLike, high: ArrayLike) -> _Floats:
    """Where each element of `rising` turns positive between finite `low` and `high`, by bisection.

    Halving until neighbouring doubles meet needs no derivative and cannot leave the bracket, which
    is what likelihoods next to the ends of their scale ask for.
    """
    below, above = (np.array(each, dtype=np.float64) for each in np.broadcast_arrays(low, high))
    for _ in range(200):
        middle = below + (above - below) / 2
        if np.all((middle == below) | (middle == above)):
            break
        positive = rising(middle) > 0
        above, below = np.where(positive, middle, above), np.where(positive, below, middle)
    return np.asarray(below + (above - below) / 2)
