"""Rounding and the numbers people read: half away from zero, SAS quantiles, percentages, p-values.

Floats are taken at their shortest decimal form, so 2.675 is two and 675 thousandths although
the nearest double lies below it. There is no fuzz: a sum that prints as 1.0049999999999999
rounds down. Numbers are formatted with a decimal point; the document sets the language.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import NotEstimable

# The largest double has 309 digits before the point; the rest is room for decimals.
_CONTEXT = Context(prec=400, rounding=ROUND_HALF_UP)


def half_away(value: float | Decimal, decimals: int) -> Decimal:
    """`value` to `decimals` places, halves away from zero as in SAS ROUND; zeros are kept, never "-0".

    A negative `decimals` rounds to tens, hundreds … Raises ValueError for NaN and infinities.
    """
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    if not exact.is_finite():
        raise ValueError(f"cannot round {value}: not a finite number; give NotEstimable its own text")
    rounded = exact.quantize(Decimal(1).scaleb(-decimals), context=_CONTEXT)
    whole = rounded.quantize(Decimal(1), context=_CONTEXT) if decimals < 0 else rounded
    return whole.copy_abs() if whole.is_zero() else whole


def half_away_array(values: ArrayLike, decimals: int) -> NDArray[np.float64]:
    """`half_away` for every element, as the nearest doubles; the shape is kept."""
    array = np.asarray(values, dtype=np.float64)
    rounded = [float(half_away(each, decimals)) for each in array.ravel().tolist()]
    return np.array(rounded, dtype=np.float64).reshape(array.shape)


def quantile(values: Iterable[float], q: float) -> float | NotEstimable:
    """Quantile by SAS definition 5, the average of the order statistics where n·q is whole.

    Type 2 of Hyndman and Fan, Am Stat 1996;50:361; `averaged_inverted_cdf` in NumPy, but with
    n·q in rationals (`share`), so that 0.29 of 100 values is the 29th place and not 28.999…, and
    1/3 of three the first. Values must be finite and q in 0 … 1; ValueError otherwise. No values: not
    estimable.
    """
    ordered = sorted(float(each) for each in values)
    if not 0 <= q <= 1 or not np.all(np.isfinite(ordered)):
        raise ValueError(f"quantile {q} of {len(ordered)} values: q must lie in 0 … 1 and values be finite")
    if not ordered:
        return NotEstimable("no observations")
    place, rest = divmod(len(ordered) * share(q), 1)
    upper = ordered[min(int(place), len(ordered) - 1)]
    lower = ordered[max(int(place) - 1, 0)] if rest == 0 else upper
    return lower if lower == upper else lower / 2 + upper / 2


def share(q: float) -> Fraction:
    """The number that a double stands for: a simple fraction (1/3, 0.29) within four roundings, as in R's
    `quantile`, else its shortest decimal form. 0.3333333333333333 is a third and not a little less.
    """
    simple = Fraction(float(q)).limit_denominator(10_000)
    return simple if abs(float(simple) - q) <= 4 * np.finfo(float).eps else Fraction(repr(float(q)))


def percent(x: int, n: int, decimals: int = 1) -> str | NotEstimable:
    """100 x / n as text without the sign, "80.0" for 8 of 10, rounded from the exact ratio."""
    if not 0 <= x <= n or decimals < 0:
        raise ValueError(f"{x} of {n} to {decimals} decimals: needs 0 <= x <= n and decimals >= 0")
    if n == 0:
        return NotEstimable("no participants")
    scaled = (2 * 100 * x * 10**decimals + n) // (2 * n)
    return str(Decimal(scaled).scaleb(-decimals, context=_CONTEXT))


def p_value(p: float, decimals: int = 3) -> str:
    """A p-value as printed: "0.031", "<0.001" below the last place, ">0.999" short of one.

    Only p = 1 prints as "1.000". Raises ValueError outside 0 … 1.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"p-value {p} does not lie between 0 and 1")
    least = Decimal(1).scaleb(-decimals)
    exact = Decimal(repr(float(p)))
    if exact < least:
        return f"<{least}"
    rounded = half_away(exact, decimals)
    return f">{1 - least}" if rounded == 1 and exact < 1 else str(rounded)
