"""Continuous monitoring by predictive probability: will the trial succeed if it goes on to its end?

Lee and Liu, Clin Trials 2008;5:93. At the end, the treatment is promising if P(rate > p0 | data) > certainty.
Before, the predictive probability of that ending stops the trial where it is below `futile`, or above
`promising`. Every comparison is strict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.design.beta_binomial import posterior_above, predictive
from trialrun.analysis.design.binomial import rates

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PredictiveDesign:
    """`n_max` participants against the rate `p0`, looked at after each n of `looks` (all from 1, if empty).

    `futile` is Lee and Liu's theta_L, `certainty` their theta_T, `promising` their theta_U (1: never stops).
    `prior` is a Beta prior of the rate.
    """

    n_max: int
    p0: float
    certainty: float
    futile: float
    promising: float = 1.0
    prior: tuple[float, float] = (1.0, 1.0)
    looks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        known = 0 < self.p0 < 1 and 0 < self.certainty < 1 and 0 <= self.futile <= self.promising <= 1
        ordered = list(self.looks) == sorted(set(self.looks))
        if self.n_max < 1 or not known or not ordered or any(not 1 <= n <= self.n_max for n in self.looks):
            raise ValueError(
                f"{self}: needs 0 < p0, certainty < 1, futile <= promising, and looks rising from 1 to n_max"
            )

    @property
    def needed(self) -> int:
        """The fewest responses among n_max that are promising; n_max + 1 if none are."""
        x = np.arange(self.n_max + 1)
        return int((posterior_above(x, self.n_max, self.p0, self.prior) <= self.certainty).sum())

    def probability(self, x: int, n: int) -> float:
        """The predictive probability after `x` responses among `n`."""
        chance = predictive(x, n, self.n_max - n, self.prior)
        return min(1.0, float(chance[max(0, self.needed - x) :].sum()))

    def boundary(self) -> PredictiveBoundary:
        """The table of what stops the trial, as it stands in a protocol."""
        looks = [n for n in self.looks or range(1, self.n_max) if n < self.n_max]
        stops = [self._at(n) for n in looks]
        last = (self.needed - 1, self.needed if self.needed <= self.n_max else None)
        both = [*stops, last]
        return PredictiveBoundary((*looks, self.n_max), *zip(*both, strict=True))

    def _at(self, n: int) -> tuple[int | None, int | None]:
        """The most responses that are futile and the fewest that are promising."""
        found = [self.probability(x, n) for x in range(n + 1)]  # rises with x
        low = sum(probability < self.futile for probability in found)
        high = sum(probability <= self.promising for probability in found)
        return (low - 1 if low else None), (high if high <= n else None)


@dataclass(frozen=True, slots=True)
class PredictiveBoundary:
    """At `n[i]` participants, `futile_at_most[i]` responses or fewer and `promising_at_least[i]` or more
    stop.

    None where no number does. The last entry is the end of the trial, where one or the other holds.
    """

    n: tuple[int, ...]
    futile_at_most: tuple[int | None, ...]
    promising_at_least: tuple[int | None, ...]

    def steps(self) -> tuple[tuple[int, int], ...]:
        """The futility boundary as printed: (this many responses or fewer, from this n)."""
        pairs = [(low, n) for n, low in zip(self.n, self.futile_at_most, strict=True) if low is not None]
        return tuple(pair for i, pair in enumerate(pairs) if i == 0 or pair[0] != pairs[i - 1][0])

    def operating_characteristics(self, p: ArrayLike) -> PredictiveCharacteristics:
        """Exact, by recursion over participants, at rates `p` of any shape."""
        rate = rates(p)[..., np.newaxis]
        size = self.n[-1] + 1
        going = np.zeros((*rate.shape[:-1], size))
        going[..., 0] = 1.0
        promising, early, expected = (np.zeros(rate.shape[:-1]) for _ in range(3))
        stops = dict(zip(self.n, zip(self.futile_at_most, self.promising_at_least, strict=True), strict=True))
        for n in range(1, size):
            going[..., 1:] = going[..., 1:] * (1 - rate) + going[..., :-1] * rate
            going[..., :1] *= 1 - rate
            low, high = stops.get(n, (None, None))
            ended = going[..., : 0 if low is None else low + 1].sum(axis=-1)
            won = going[..., size if high is None else high :].sum(axis=-1)
            going[..., : 0 if low is None else low + 1] = 0.0
            going[..., size if high is None else high :] = 0.0
            promising = promising + won
            early = early + (ended + won if n < size - 1 else 0.0)
            expected = expected + n * (ended + won)
        return PredictiveCharacteristics(rate[..., 0], promising, early, expected)


@dataclass(frozen=True, slots=True, eq=False)
class PredictiveCharacteristics:
    """At each rate, in the shape of `p`: P(promising) (the size at p0, the power at p1), P(an end before the
    last participant), and the mean number of participants.
    """

    p: _Floats
    promising: _Floats
    stop_early: _Floats
    expected_n: _Floats


def feasible(
    designs: Sequence[PredictiveDesign], p1: float, alpha: float, beta: float
) -> tuple[PredictiveDesign, ...]:
    """Those of `designs` with size at most `alpha` and power at least 1 - beta, in their order."""
    kept = []
    for design in designs:
        size, power = design.boundary().operating_characteristics([design.p0, p1]).promising
        if size <= alpha and power >= 1 - beta:
            kept.append(design)
    return tuple(kept)
