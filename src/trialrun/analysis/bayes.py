"""Beta-binomial inference: what is believed of a proportion after x of n, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.estimate import Interval, NotEstimable, error_rate
from trialrun.analysis.exact.root import crossing

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Posterior:
    """Beta(a, b), the posterior of x of n under a prior beta; a + b counts participants, prior ones too."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        """Its expectation."""
        return self.a / (self.a + self.b)

    @property
    def median(self) -> float:
        """Its middle."""
        return self.quantile(0.5)

    def quantile(self, q: float) -> float:
        """The value with probability `q` below it."""
        from scipy.special import betaincinv

        if not 0 <= q <= 1:
            raise ValueError(f"probability {q} does not lie in 0 … 1")
        return float(betaincinv(self.a, self.b, q))

    def below(self, p: float) -> float:
        """The probability that the proportion lies below `p`."""
        from scipy.special import betainc

        return float(betainc(self.a, self.b, np.clip(p, 0, 1)))

    def above(self, p: float) -> float:
        """The probability that the proportion lies above `p`."""
        from scipy.special import betaincc

        return float(betaincc(self.a, self.b, np.clip(p, 0, 1)))

    def density(self, p: float) -> float:
        """Its density at `p`, strictly between 0 and 1."""
        from scipy.special import betaln, xlog1py, xlogy

        if not 0 < p < 1:
            raise ValueError(f"{p} does not lie between 0 and 1")
        log = xlogy(self.a - 1, p) + xlog1py(self.b - 1, -p) - betaln(self.a, self.b)
        return float(np.exp(log))

    def equal_tail(self, level: float = 0.95) -> Interval:
        """The interval with as much probability below as above it."""
        each = error_rate(level) / 2
        return Interval(self.quantile(each), self.quantile(1 - each), level, "credible, equal tails")

    def highest_density(self, level: float = 0.95) -> Interval | NotEstimable:
        """The shortest interval of this probability.

        It starts at 0 where the density only falls and ends at 1 where it only rises. A density
        high at both ends has no such interval; a flat one has many, and the middle one is given.
        """
        alpha, name = error_rate(level), "credible, highest density"
        if self.a < 1 and self.b < 1:
            return NotEstimable("the density is high at both ends")
        if self.a == self.b:
            return Interval(self.quantile(alpha / 2), self.quantile(1 - alpha / 2), level, name)
        if self.a <= 1:
            return Interval(0.0, self.quantile(level), level, name)
        if self.b <= 1:
            return Interval(self.quantile(alpha), 1.0, level, name)
        missed = float(crossing(partial(self._slope, level), 0.0, alpha))
        return Interval(self.quantile(missed), self.quantile(missed + level), level, name)

    def _slope(self, level: float, missed: _Floats) -> _Floats:
        """Log density at the lower end less that at the upper one, by the probability below the lower."""
        from scipy.special import betaincinv, xlog1py, xlogy

        ends = betaincinv(self.a, self.b, np.stack([missed, np.minimum(missed + level, 1.0)]))
        density = xlogy(self.a - 1, ends) + xlog1py(self.b - 1, -ends)
        return np.asarray(density[0] - density[1])


def posterior(x: int, n: int, a: float = 1.0, b: float = 1.0) -> Posterior:
    """The posterior of `x` events in `n` participants under a Beta(a, b) prior; n = 0 leaves the prior.

    Beta(1, 1) is uniform, Beta(1/2, 1/2) Jeffreys's. Raises ValueError for impossible counts and for a
    prior that is not proper.
    """
    if not 0 <= x <= n or x != int(x) or n != int(n):
        raise ValueError(f"{x} of {n} participants is not a count of a count")
    if not (0 < a < np.inf and 0 < b < np.inf):
        raise ValueError(f"the prior Beta({a}, {b}) needs two positive numbers")
    return Posterior(a + x, b + n - x)
