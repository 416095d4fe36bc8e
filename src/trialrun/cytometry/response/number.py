"""Numbers that are results: rounded, so that no platform changes a byte of them."""

from __future__ import annotations

import math
import sys
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Interval = tuple[float, float]

DIGITS = 8  # significant
LEAST = sys.float_info.min  # a probability below 2.2e-308 is given as this: it is small, not nought


def rounded(value: float | Fraction) -> float:
    """``value`` to eight significant digits. Raises ValueError for NaN and infinity."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a result")
    return float(f"{float(value):.{DIGITS}g}") + 0.0  # no negative nought


def probability(value: float) -> float:
    """A p-value, within 2.2e-308 … 1, for sums of many terms may leave these bounds by their rounding."""
    return rounded(min(1.0, max(LEAST, value)))


def interval(lower: float, upper: float) -> Interval:
    return rounded(lower), rounded(upper)


def error_rate(level: float) -> float:
    """1 − ``level``. Raises ValueError unless 0 < level < 1."""
    if not 0 < level < 1:
        raise ValueError(f"confidence level {level} is not between 0 and 1; write 0.95 for 95 %")
    return 1 - level
