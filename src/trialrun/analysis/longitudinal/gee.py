"""Generalised estimating equations with variances corrected for few participants.

Sources: Liang and Zeger, Biometrika 1986;73:13 (Huber-White sandwich); Mancl and DeRouen, Biometrics
2001;57:126; Kauermann and Carroll, JASA 2001;96:1387; Morel, Bokossa and Neerchal, Biom J 2003;45:395.
The scale is the mean squared Pearson residual and the correlation the mean product of pairs over it,
without correction for the number of means, as in geepack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from trialrun.analysis.estimate import Interval, NotEstimable, check_choice, error_rate
from trialrun.analysis.longitudinal.caution import FEW, Code
from trialrun.analysis.longitudinal.fit import measurements
from trialrun.analysis.longitudinal.inference import Contrast
from trialrun.analysis.longitudinal.likelihood import Measurements, least_squares, positive_definite
from trialrun.analysis.longitudinal.structure import Floats

Correlation = Literal["exchangeable", "independence"]
Family = Literal["gaussian", "binomial"]
Correction = Literal["none", "mancl-derouen", "kauermann-carroll", "morel"]
_STEPS, _CLOSE = 100, 1e-12

CORRECTIONS: dict[Correction, str] = {
    "none": "Huber-White",
    "mancl-derouen": "Mancl-DeRouen",
    "kauermann-carroll": "Kauermann-Carroll",
    "morel": "Morel",
}


@dataclass(frozen=True, slots=True, eq=False)
class Gee:
    """Fitted means of one trial: `beta` (p,) on the scale of the link, `alpha` the working correlation.

    `naive` (p, p) is the variance if the working correlation were true; `variance` holds the robust ones.
    """

    beta: Floats
    alpha: float
    scale: float
    naive: Floats
    variances: dict[Correction, Floats]
    participants: int
    cautions: tuple[Code, ...]

    def contrast(
        self, weights: ArrayLike, *, correction: Correction = "mancl-derouen", level: float = 0.95
    ) -> Contrast | NotEstimable:
        """A combination `weights` (p,) of the means, by t on participants minus means degrees of freedom."""
        from scipy.special import stdtr, stdtrit

        check_choice("correction", correction, get_args(Correction))
        row = np.asarray(weights, dtype=np.float64)
        if row.shape != self.beta.shape:
            raise ValueError(f"a contrast has {len(self.beta)} weights, not {row.shape}")
        df = self.participants - len(self.beta)
        variance = float(row @ self.variances[correction] @ row)
        if df < 1 or not variance > 0:
            return NotEstimable("too few participants for a robust variance")
        estimate, se = float(row @ self.beta), float(np.sqrt(variance))
        half = float(-stdtrit(df, error_rate(level) / 2)) * se
        name = f"{CORRECTIONS[correction]} sandwich"
        interval = Interval(estimate - half, estimate + half, level, name)
        p = float(2 * stdtr(df, -abs(estimate) / se))
        return Contrast(estimate, se, float(df), estimate / se, p, interval)


def gee(
    y: ArrayLike,
    x: ArrayLike,
    *,
    correlation: Correlation = "exchangeable",
    family: Family = "gaussian",
) -> Gee | NotEstimable:
    """Fit one trial `y` (n, V), NaN where not measured, on a design `x` (n, V, p).

    "gaussian" has the identity link, "binomial" (values 0 and 1) the logit. Visits must be missing
    completely at random. Raises ValueError where shapes disagree or a binomial value is not 0 or 1.
    """
    check_choice("correlation", correlation, get_args(Correlation))
    check_choice("family", family, get_args(Family))
    values = np.asarray(y, dtype=np.float64)
    data = measurements(values[None], x)
    seen = values[~np.isnan(values)]
    if family == "binomial" and not np.isin(seen, (0, 1)).all():
        raise ValueError("binomial values are 0 and 1")
    beta, residual, full = least_squares(data)
    if not full[0]:
        return NotEstimable("a mean of the model has no observation of its own")
    if np.square(residual).sum() <= 1e-24 * np.square(data.y).sum():
        return NotEstimable("the values do not vary about their means")
    found = _solve(data, beta[0] if family == "gaussian" else np.zeros_like(beta[0]), correlation, family)
    return found if isinstance(found, NotEstimable) else _robust(data, *found, family)


def _solve(
    data: Measurements, beta: Floats, correlation: Correlation, family: Family
) -> tuple[Floats, float, float] | NotEstimable:
    """beta (p,), alpha and scale by Fisher scoring, the correlation estimated anew at each step."""
    alpha, scale = 0.0, 1.0
    for _ in range(_STEPS):
        pearson, d, v = _moments(data, beta, family)
        scale = float(np.square(pearson).sum() / data.observed.sum())
        alpha = _alpha(data, pearson, scale) if correlation == "exchangeable" else 0.0
        inverse = _working(data, v, alpha)
        if inverse is None:
            return NotEstimable("the working correlation is not that of any data")
        bread = np.einsum("ivp,ivw,iwq->pq", d, inverse, d)
        if not positive_definite(bread):
            return NotEstimable("every value of a mean is the same")
        step = np.linalg.solve(bread, np.einsum("ivp,ivw,iw->p", d, inverse, pearson * np.sqrt(v)))
        beta = beta + step
        if np.abs(beta).max() > 30 and family == "binomial":
            return NotEstimable("every value of a mean is the same")
        if np.abs(step).max() <= _CLOSE * max(1.0, float(np.abs(beta).max())):
            return beta, alpha, scale
    return NotEstimable("the estimating equations were not solved")


def _moments(data: Measurements, beta: Floats, family: Family) -> tuple[Floats, Floats, Floats]:
    """Pearson residuals (n, V), derivatives of the means (n, V, p), variance functions (n, V)."""
    y, x, observed = data.y[0], data.x[0], data.observed[0]
    linear = x @ beta
    if family == "gaussian":
        return np.where(observed, y - linear, 0.0), x, np.ones_like(y)
    mean = 1 / (1 + np.exp(-linear))
    v = np.maximum(mean * (1 - mean), 1e-300)
    return np.where(observed, (y - mean) / np.sqrt(v), 0.0), x * v[..., None], v


def _alpha(data: Measurements, pearson: Floats, scale: float) -> float:
    pairs = data.observed[0].sum(axis=1)
    count = float((pairs * (pairs - 1)).sum())
    products = float((pearson.sum(axis=1) ** 2 - np.square(pearson).sum(axis=1)).sum())
    return products / count / scale if count else 0.0


def _working(data: Measurements, v: Floats, alpha: float) -> Floats | None:
    """(n, V, V) inverse working covariances, scale 1, zero where not observed; None if impossible."""
    observed = data.observed[0]
    visits = observed.shape[1]
    correlation = np.full((visits, visits), alpha) + (1 - alpha) * np.eye(visits)
    if not positive_definite(correlation):
        return None
    pairs = observed[:, :, None] & observed[:, None, :]
    spread = np.sqrt(v)
    inverse = np.where(pairs, np.linalg.inv(np.where(pairs, correlation, np.eye(visits))), 0.0)
    found: Floats = inverse / (spread[:, :, None] * spread[:, None, :])
    return found


_POWERS: dict[Correction, float] = {"none": 0.0, "kauermann-carroll": -0.5, "mancl-derouen": -1.0}


def _robust(data: Measurements, beta: Floats, alpha: float, scale: float, family: Family) -> Gee:
    pearson, d, v = _moments(data, beta, family)
    inverse = _working(data, v, alpha)
    assert inverse is not None  # the equations were solved with it
    bread: Floats = np.asarray(np.linalg.inv(np.einsum("ivp,ivw,iwq->pq", d, inverse, d)))
    # With S the root of the inverse working covariance, S (I - H) = (I - K) S and K is symmetric, so that
    # the powers of I - H that the corrections ask for are those of I - K between two S.
    root = _root(inverse)
    leverage, axes = np.linalg.eigh(root @ d @ bread @ np.swapaxes(d, 1, 2) @ root)
    turned_d = np.swapaxes(axes, 1, 2) @ root @ d
    turned_r = (np.swapaxes(axes, 1, 2) @ root @ (pearson * np.sqrt(v))[..., None])[..., 0]
    # A mean that one participant alone informs has leverage 1, and no corrected residual.
    corrected = bool((leverage < 1 - 1e-9).all())
    variances: dict[Correction, Floats] = {}
    for name, power in _POWERS.items():
        weight = np.maximum(1 - leverage, 1e-9) ** power if corrected or not power else 0 * leverage
        u = (turned_d * (weight * turned_r)[..., None]).sum(axis=1)
        variances[name] = np.asarray(bread @ (u.T @ u) @ bread)
    n = int(data.observed[0].any(axis=1).sum())
    variances["morel"] = _morel(variances["none"], bread * scale, n, int(data.observed.sum()))
    told: tuple[Code, ...] = ("robust-variance", "model-secondary") if n < FEW else ()
    return Gee(beta, alpha, scale, bread * scale, variances, n, told)


def _root(matrices: Floats) -> Floats:
    """(n, V, V) the symmetric square roots of positive semidefinite matrices."""
    roots, vectors = np.linalg.eigh(matrices)
    spread = np.sqrt(np.maximum(roots, 0.0))
    return np.asarray((vectors * spread[:, None, :]) @ np.swapaxes(vectors, 1, 2))


def _morel(robust: Floats, naive: Floats, n: int, values: int) -> Floats:
    """Inflated by the degrees of freedom, plus a share of the model's own variance."""
    p = len(robust)
    if n <= p:
        return np.zeros_like(robust)
    factor = (values - 1) / (values - p) * n / (n - 1)
    share = min(0.5, p / (n - p))
    effect = max(1.0, float(np.trace(np.linalg.solve(naive, factor * robust))) / p)
    return np.asarray(factor * robust + share * effect * naive)
