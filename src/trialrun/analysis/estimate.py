"""What an analysis returns: an interval, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class NotEstimable:
    """The answer when the data hold none; it is never NaN and never a silent zero.

    `reason` is a phrase for the reader of a table, such as "no participants".
    """

    reason: str

    def __str__(self) -> str:
        return f"not estimable ({self.reason})"


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed confidence interval `[lower, upper]`, in the unit of the quantity estimated.

    `level` is the nominal confidence, between 0 and 1. `method` names the construction in the
    field's words ("Clopper-Pearson", "Wilson, one-sided upper"). A one-sided interval ends
    where the parameter space does: 0 or 1 for a proportion, an infinity for a location.
    """

    lower: float
    upper: float
    level: float
    method: str

    def __post_init__(self) -> None:
        if not self.lower <= self.upper:
            raise ValueError(f"{self.method} interval: {self.lower} is not at or below {self.upper}")

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """One interval per element: `lower`, `upper` and `estimable` share one shape.

    Where `estimable` is False the bounds are the whole parameter space, the interval of someone
    who has seen nothing, and `reason` says why.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    estimable: NDArray[np.bool_]
    level: float
    method: str
    reason: str

    def at(self, *index: int) -> Interval | NotEstimable:
        """The interval of one element, or why it has none."""
        if not self.estimable[index]:
            return NotEstimable(self.reason)
        return Interval(float(self.lower[index]), float(self.upper[index]), self.level, self.method)


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a word that is not among `choices`, for such words come from study files too."""
    if value not in choices:
        raise ValueError(f"{name} {value!r} is unknown; write one of {', '.join(choices)}")


def error_rate(level: float) -> float:
    """1 - level, exact in decimal: 0.05 for 0.95, where binary subtraction leaves 0.05 + 4e-17.

    Raises ValueError unless 0 < level < 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"confidence level {level} is not between 0 and 1; write 0.95 for 95 %")
    return float(1 - Decimal(repr(float(level))))
