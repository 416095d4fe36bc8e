"""A linear model of one number of each participant: factors, covariates, least squares means.

Factors have a column for each of their levels, as in SAS PROC GLM, and the equations are solved by the
Moore-Penrose inverse: what is estimated is the same for every inverse, and what is not estimable is seen
(Searle, Linear Models, 1971, 5.4). Without interactions the test of an effect beside all others is that
of type III.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.estimate import NotEstimable

Floats = NDArray[np.float64]
Margins = Literal["equal", "observed"]
TINY = 1e-9  # relative, below which what is left counts as nothing
DIGITS = 8  # significant, beyond which machines may differ


@dataclass(frozen=True)
class Estimated:
    """A combination of coefficients: `estimate` and `se` in the unit of the values, `t` on `df`, `p`
    two-sided, the confidence interval from `lower` to `upper`."""

    estimate: float
    se: float
    df: float
    t: float
    p: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Tested:
    """The F test of an effect, `df` by `df_error` degrees of freedom."""

    f: float
    df: int
    df_error: int
    p: float


class LinearModel:
    """Least squares of values (n,) on factors (levels of the n) and covariates (numbers of the n).

    ValueError where they are not of one length. Covariates that do not vary, factors with one level and
    effects that follow from others cost no degree of freedom, and cannot be estimated.
    """

    def __init__(
        self,
        values: Sequence[float],
        factors: Mapping[str, Sequence[str]],
        covariates: Mapping[str, Sequence[float]],
    ) -> None:
        if any(len(one) != len(values) for one in (*factors.values(), *covariates.values())):
            raise ValueError("values, factors and covariates are not of one length")
        self.n = len(values)
        self.levels = {name: tuple(sorted(set(held))) for name, held in factors.items()}
        self.shares = {
            name: np.array([list(held).count(level) for level in self.levels[name]]) / max(1, self.n)
            for name, held in factors.items()
        }
        self.means = {name: float(np.mean(held)) if self.n else 0.0 for name, held in covariates.items()}
        parts = [np.ones((self.n, 1))]
        self.places: dict[str, slice] = {}
        for name, held in factors.items():
            there = np.array([[one == level for level in self.levels[name]] for one in held], dtype=float)
            parts.append(there.reshape(self.n, len(self.levels[name])))
            self._place(name, parts)
        for name, numbers in covariates.items():
            centred = np.asarray(numbers, dtype=np.float64).reshape(self.n, 1) - self.means[name]
            parts.append(np.where(np.abs(centred) < TINY * max(1.0, abs(self.means[name])), 0.0, centred))
            self._place(name, parts)
        self.x = np.hstack(parts)
        self.y = np.asarray(values, dtype=np.float64)
        self.inverse, self.rank, self.rss = _solved(self.x, self.y)
        self.beta = self.inverse @ (self.x.T @ self.y)
        self.df = self.n - self.rank

    def _place(self, name: str, parts: list[Floats]) -> None:
        end = sum(part.shape[1] for part in parts)
        self.places[name] = slice(end - parts[-1].shape[1], end)

    # ---- what is estimated -------------------------------------------------------------------

    def mean(
        self, factor: str, level: str, margins: Margins = "equal", confidence: float = 0.95
    ) -> Estimated | NotEstimable:
        """Least squares mean of a level: covariates at their means, the other factors' levels weighted
        equally, or as they were observed."""
        weights = np.zeros(self.x.shape[1])
        weights[0] = 1.0
        for name, levels in self.levels.items():
            equal = np.full(len(levels), 1 / len(levels)) if levels else np.empty(0)
            weights[self.places[name]] = equal if margins == "equal" else self.shares[name]
        return self._of(weights, factor, {level: 1.0}, confidence)

    def difference(
        self, factor: str, level: str, reference: str, confidence: float = 0.95
    ) -> Estimated | NotEstimable:
        """Least squares mean of a level less that of the reference."""
        return self._of(np.zeros(self.x.shape[1]), factor, {level: 1.0, reference: -1.0}, confidence)

    def _of(
        self, weights: Floats, factor: str, levels: Mapping[str, float], confidence: float
    ) -> Estimated | NotEstimable:
        place = self.places[factor]
        weights[place] = 0.0
        for level, weight in levels.items():
            if level not in self.levels[factor]:
                return NotEstimable("no observations")
            weights[place.start + self.levels[factor].index(level)] = weight
        return self.estimate(weights, confidence)

    def slope(self, covariate: str, confidence: float = 0.95) -> Estimated | NotEstimable:
        """The coefficient of a covariate."""
        weights = np.zeros(self.x.shape[1])
        weights[self.places[covariate]] = 1.0
        return self.estimate(weights, confidence)

    def estimate(self, weights: Floats, confidence: float = 0.95) -> Estimated | NotEstimable:
        """A combination of coefficients, unless it does not follow from the values' means."""
        from scipy.special import stdtr, stdtrit

        off = weights @ self.inverse @ (self.x.T @ self.x) - weights
        if np.abs(off).max() > 1e-6 * max(1.0, float(np.abs(weights).max())):
            return NotEstimable("a combination of factors that was not observed")
        if self.df < 1:
            return NotEstimable("no degree of freedom is left")
        if self.rss <= 0:
            return NotEstimable("the model fits every value exactly")
        se = float(np.sqrt(weights @ self.inverse @ weights * self.rss / self.df))
        estimate = float(weights @ self.beta)
        estimate = estimate if abs(estimate) > TINY * se else 0.0
        t = estimate / se
        half = float(stdtrit(self.df, (1 + confidence) / 2)) * se
        p = 2 * float(stdtr(self.df, -abs(t)))
        told = (digits(one) for one in (estimate, se, t, p, estimate - half, estimate + half))
        estimate, se, t, p, lower, upper = told
        return Estimated(estimate, se, self.df, t, p, lower, upper)

    def effect(self, name: str) -> Tested | NotEstimable:
        """The F test that an effect adds nothing to all the others."""
        from scipy.special import fdtrc

        _, rank, rss = _solved(np.delete(self.x, self.places[name], axis=1), self.y)
        freedom = self.rank - rank
        if freedom < 1:
            return NotEstimable("an effect that follows from the others, or does not vary")
        if self.df < 1:
            return NotEstimable("no degree of freedom is left")
        if self.rss <= 0:
            return NotEstimable("the model fits every value exactly")
        more = rss - self.rss if rss - self.rss > TINY * self.rss else 0.0
        f = more / freedom / (self.rss / self.df)
        return Tested(digits(f), freedom, self.df, digits(float(fdtrc(freedom, self.df, f))))


def _solved(x: Floats, y: Floats) -> tuple[Floats, int, float]:
    """An inverse of x'x, its rank, and the sum of squared residuals: 0 where nothing is left."""
    scale = np.sqrt((x**2).sum(axis=0))
    scale[scale == 0] = 1.0
    scaled = x / scale
    _, sizes, right = np.linalg.svd(scaled, full_matrices=False)
    kept = sizes > TINY * (sizes.max() if sizes.size else 0.0)
    root = right[kept].T / sizes[kept]
    inverse = (root @ root.T) / np.outer(scale, scale)
    residuals = y - x @ (inverse @ (x.T @ y))
    rss = float(residuals @ residuals)
    return inverse, int(kept.sum()), rss if rss > 1e-20 * float(y @ y) else 0.0


def digits(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
