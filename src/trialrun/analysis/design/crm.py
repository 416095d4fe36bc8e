"""The continual reassessment method: one curve for all doses, fitted again after every participant.

O'Quigley, Pepe and Fisher, Biometrics 1990;46:33; Cheung, Dose Finding by the Continual Reassessment Method,
2011.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import check_choice

Model = Literal["empiric", "logistic"]
_Floats = NDArray[np.float64]
_SPREAD = 1.34**0.5  # O'Quigley and Shen, Biometrics 1996;52:673


@dataclass(frozen=True, slots=True)
class Crm:
    """`skeleton`: first guesses of the event rate at each dose, rising; `target`: the rate that is looked
    for.

    Model "empiric": skeleton^exp(b). "logistic": logit rate = `intercept` + exp(b) d, with d such that b = 0
    is the skeleton. b is normal, mean 0, standard deviation `spread`.
    """

    skeleton: tuple[float, ...]
    target: float
    model: Model = "empiric"
    spread: float = _SPREAD
    intercept: float = 3.0

    def __post_init__(self) -> None:
        check_choice("model", self.model, get_args(Model))
        rising = list(self.skeleton) == sorted(set(self.skeleton))
        if not (self.skeleton and rising and self.skeleton[0] > 0 and self.skeleton[-1] < 1):
            raise ValueError(f"skeleton {self.skeleton}: write rates that rise, all between 0 and 1")
        if not 0 < self.target < 1 or not self.spread > 0:
            raise ValueError(
                f"target {self.target}, spread {self.spread}: needs 0 < target < 1 and spread > 0"
            )

    def rates(self, b: ArrayLike) -> _Floats:
        """The event rate at each dose: the shape of `b`, then doses."""
        slope, guess = np.exp(np.asarray(b, dtype=np.float64))[..., np.newaxis], np.array(self.skeleton)
        if self.model == "empiric":
            return np.asarray(guess**slope)
        from scipy.special import expit, logit

        return np.asarray(expit(self.intercept + slope * (logit(guess) - self.intercept)))

    def fit(self, level: Sequence[int], events: Sequence[int] | Sequence[bool]) -> CrmFit:
        """From each participant's dose (`level`, from 1) and event (0 or 1), in any order."""
        doses, happened = np.asarray(level, dtype=np.int64) - 1, np.asarray(events, dtype=bool)
        if doses.shape != happened.shape or np.any((doses < 0) | (doses >= len(self.skeleton))):
            raise ValueError(f"levels {list(level)}: one for each outcome, from 1 to {len(self.skeleton)}")
        n = np.bincount(doses, minlength=len(self.skeleton))
        x = np.bincount(doses[happened], minlength=len(self.skeleton))
        b, weight = self._posterior(n, x)
        estimate = float(weight @ b)
        deviation = float(np.sqrt(weight @ (b - estimate) ** 2))
        rate = self.rates(estimate)
        recommended = int(np.abs(rate - self.target).argmin()) + 1
        return CrmFit(recommended, estimate, deviation, rate, weight @ self.rates(b))

    def _posterior(self, n: NDArray[np.int64], x: NDArray[np.int64]) -> tuple[_Floats, _Floats]:
        """Values of b and their probabilities: trapezoids, which converge fast for what vanishes at both
        ends.
        """
        from scipy.special import xlog1py, xlogy

        b = np.linspace(-12 * self.spread, 12 * self.spread, 6001)
        rate = self.rates(b)
        log_density = (xlogy(x, rate) + xlog1py(n - x, -rate)).sum(axis=-1) - 0.5 * (b / self.spread) ** 2
        density = np.exp(log_density - log_density.max())
        return b, density / density.sum()


@dataclass(frozen=True, slots=True, eq=False)
class CrmFit:
    """`recommended` dose (from 1), the closest to the target; `estimate` and `deviation`: posterior of b.

    `rates` are the curve at that estimate, which the recommendation reads; `mean_rates` their posterior
    means.
    """

    recommended: int
    estimate: float
    deviation: float
    rates: _Floats
    mean_rates: _Floats


def skeleton(target: float, halfwidth: float, prior_dose: int, doses: int) -> tuple[float, ...]:
    """First guesses for the empiric model by indifference intervals target ± halfwidth (Lee and Cheung 2009).

    `prior_dose` (from 1) is guessed to have the target rate. Clin Trials 2009;6:227.
    """
    if not 0 < target - halfwidth < target + halfwidth < 1 or not 1 <= prior_dose <= doses:
        raise ValueError(
            f"skeleton({target}, {halfwidth}, {prior_dose}, {doses}): needs target ± halfwidth within 0 to 1"
        )
    step = np.log(target - halfwidth) / np.log(target + halfwidth)
    return tuple(float(target ** (step ** (prior_dose - k))) for k in range(1, doses + 1))
