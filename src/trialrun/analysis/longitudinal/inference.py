"""Tests of contrasts of means: Kenward-Roger and Satterthwaite, one or several degrees of freedom.

Sources: Kenward and Roger, Biometrics 1997;53:983 (adjusted variance, scaled F); Fai and Cornelius,
J Stat Comput Simul 1996;54:363 (Satterthwaite for several degrees of freedom). The information about the
covariance is the observed one, as in SAS PROC MIXED and R's mmrm, or the expected one, as in pbkrtest.
"Kenward-Roger-linear" leaves out second derivatives, as Kenward and Roger, Comput Stat Data Anal
2009;53:2583, do for linear structures: SAS's ddfm=kr(linear), mmrm's Kenward-Roger-Linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from trialrun.analysis.estimate import Interval, NotEstimable, check_choice, error_rate
from trialrun.analysis.longitudinal.fit import Fits
from trialrun.analysis.longitudinal.likelihood import Mask, positive_definite
from trialrun.analysis.longitudinal.structure import Floats

Method = Literal["kenward-roger", "kenward-roger-linear", "satterthwaite", "z"]
Information = Literal["observed", "expected"]
_UNSURE = "the degrees of freedom cannot be told from so few participants"


@dataclass(frozen=True, slots=True)
class Contrast:
    """One combination of means: `estimate` and `se` in the unit of the measurement, t and p two-sided.

    `df` is infinite where the normal distribution was used.
    """

    estimate: float
    se: float
    df: float
    t: float
    p: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class FTest:
    """Several contrasts at once: F already multiplied by `scaling`, on `numerator` and `denominator` df."""

    f: float
    numerator: int
    denominator: float
    scaling: float
    p: float


@dataclass(frozen=True, slots=True, eq=False)
class Contrasts:
    """The same contrast in every trial: arrays of shape (T,); meaningless where not `estimable`."""

    estimate: Floats
    se: Floats
    df: Floats
    p: Floats
    lower: Floats
    upper: Floats
    estimable: Mask
    level: float
    method: Method
    reason: str = _UNSURE

    def at(self, trial: int) -> Contrast | NotEstimable:
        """The contrast in one trial, or why it has none."""
        if not self.estimable[trial]:
            return NotEstimable(self.reason)
        names = ("estimate", "se", "df", "p", "lower", "upper")
        estimate, se, df, p, lower, upper = (float(getattr(self, name)[trial]) for name in names)
        interval = Interval(lower, upper, self.level, METHODS[self.method])
        return Contrast(estimate, se, df, estimate / se, p, interval)


METHODS: dict[Method, str] = {
    "kenward-roger": "Kenward-Roger",
    "kenward-roger-linear": "Kenward-Roger (linear)",
    "satterthwaite": "Satterthwaite",
    "z": "normal",
}


def contrasts(
    fits: Fits,
    weights: ArrayLike,
    *,
    method: Method = "kenward-roger",
    information: Information = "observed",
    level: float = 0.95,
) -> Contrasts:
    """The combination `weights` (p,) of the means in every trial.

    Raises ValueError for Kenward-Roger after maximum likelihood: it is defined for REML.
    """
    from scipy.special import stdtr, stdtrit

    _check(fits, method, information)
    row = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    if row.shape != (1, fits.curvature.beta.shape[1]) or not row.any():
        raise ValueError(f"a contrast has {fits.curvature.beta.shape[1]} weights, not all 0; got {weights!r}")
    estimate = fits.curvature.beta @ row[0]
    variance = _quadratic(row, _variance(fits, method, information))[:, 0, 0]
    df = np.full(len(estimate), np.inf)
    sure = fits.estimable.copy()
    if method != "z":
        df, told = _satterthwaite(fits, row, information)
        sure &= told
    sure &= variance > 0
    se = np.sqrt(np.where(sure, variance, 1.0))
    df = np.where(sure, df, 1.0)
    half = -stdtrit(df, error_rate(level) / 2) * se
    p = np.asarray(2 * stdtr(df, -np.abs(estimate) / se))
    return Contrasts(estimate, se, df, p, estimate - half, estimate + half, sure, level, method)


def contrast(
    fits: Fits,
    weights: ArrayLike,
    *,
    trial: int = 0,
    method: Method = "kenward-roger",
    information: Information = "observed",
    level: float = 0.95,
) -> Contrast | NotEstimable:
    """The combination of means in one trial; see `contrasts`."""
    if not fits.estimable[trial]:
        return fits.why_not(trial)
    return contrasts(fits.of(trial), weights, method=method, information=information, level=level).at(0)


def f_test(
    fits: Fits,
    rows: ArrayLike,
    *,
    trial: int = 0,
    method: Method = "kenward-roger",
    information: Information = "observed",
) -> FTest | NotEstimable:
    """Whether all the combinations `rows` (k, p) of means are zero, in one trial.

    In very small samples this test keeps its level badly, whatever the method (Skene and Kenward,
    Stat Med 2010;29:2825): the cautions of the model say so. ValueError for dependent rows or method "z".
    """
    from scipy.special import fdtrc

    _check(fits, method, information)
    if method == "z":
        raise ValueError("a test of several contrasts by the normal distribution is not offered")
    weights = np.atleast_2d(np.asarray(rows, dtype=np.float64))
    if np.linalg.matrix_rank(weights) < len(weights):
        raise ValueError("the rows of a test of several contrasts depend on each other")
    if not fits.estimable[trial]:
        return fits.why_not(trial)
    k, one = len(weights), fits.of(trial)
    variance = _quadratic(weights, _variance(one, method, information))[0]
    if not positive_definite(variance):
        return NotEstimable(_UNSURE)
    means = weights @ one.curvature.beta[0]
    wald = float(means @ np.linalg.solve(variance, means)) / k
    moments = _fai_cornelius if method == "satterthwaite" else _scaled_f
    found = moments(one, weights, information)
    if found is None:
        return NotEstimable(_UNSURE)
    denominator, scaling = found
    f = scaling * wald
    return FTest(f, k, denominator, scaling, float(fdtrc(k, denominator, max(f, 0.0))))


def adjusted(fits: Fits, *, linear: bool = False, information: Information = "observed") -> Floats:
    """(T, p, p) the Kenward-Roger variance of the mean parameters."""
    c = fits.curvature
    p_phi_p = np.einsum("takl,tlm,tbmn->tabkn", c.p, c.phi, c.p, optimize=True)
    bias = c.q - p_phi_p
    if c.r is not None and not linear:
        bias = bias - c.r / 4
    w = uncertainty(fits, information)
    middle = np.einsum("tab,tabkl->tkl", w, bias)
    found = c.phi + 2 * c.phi @ middle @ c.phi
    return np.asarray((found + np.swapaxes(found, 1, 2)) / 2)


def uncertainty(fits: Fits, information: Information = "observed") -> Floats:
    """(T, q, q) the asymptotic covariance of the covariance parameters."""
    bent = fits.curvature.observed if information == "observed" else fits.curvature.expected
    size = 1 / np.sqrt(np.diagonal(fits.curvature.expected, axis1=1, axis2=2))
    pair = size[:, :, None] * size[:, None, :]
    return np.asarray(2 * np.linalg.inv(bent * pair) * pair)


def _variance(fits: Fits, method: Method, information: Information) -> Floats:
    if method in ("satterthwaite", "z"):
        return fits.curvature.phi
    return adjusted(fits, linear=method == "kenward-roger-linear", information=information)


def _quadratic(rows: Floats, matrices: Floats) -> Floats:
    return np.asarray(rows @ matrices @ rows.T)


def _satterthwaite(fits: Fits, row: Floats, information: Information) -> tuple[Floats, Mask]:
    """Degrees of freedom (T,) of one contrast, and where they could be told."""
    c = fits.curvature
    v = row @ c.phi  # (T, 1, p)
    gradient = np.einsum("tk,takl,tl->ta", v[:, 0], c.p, v[:, 0])
    spread = np.einsum("ta,tab,tb->t", gradient, uncertainty(fits, information), gradient)
    variance = _quadratic(row, c.phi)[:, 0, 0]
    told = spread > 1e-14 * variance**2
    return np.where(told, 2 * variance**2 / np.where(told, spread, 1.0), np.inf), np.asarray(spread >= 0)


def _scaled_f(fits: Fits, rows: Floats, information: Information) -> tuple[float, float] | None:
    """Kenward and Roger's denominator df and scaling of F, or None where their moments do not exist."""
    k = len(rows)
    c = fits.curvature
    phi, w = c.phi[0], uncertainty(fits, information)[0]
    theta = rows.T @ np.linalg.solve(rows @ phi @ rows.T, rows)
    each = theta @ phi @ c.p[0] @ phi  # (q, p, p)
    a1 = float(np.einsum("ab,akk,bll->", w, each, each))
    a2 = float(np.einsum("ab,akl,blk->", w, each, each))
    if not 0 < a2 < k:
        return None
    b = (a1 + 6 * a2) / (2 * k)
    g = ((k + 1) * a1 - (k + 4) * a2) / ((k + 2) * a2)
    d = 3 * k + 2 * (1 - g)
    c1, c2, c3 = g / d, (k - g) / d, (k + 2 - g) / d
    mean = 1 / (1 - a2 / k)
    below = (1 - c2 * b) ** 2 * (1 - c3 * b)
    if below <= 0 or 1 + c1 * b <= 0:
        return None
    rho = (1 + c1 * b) / below / (k * mean**2)  # variance over twice the squared mean
    if k * rho <= 1:
        return None
    m = 4 + (k + 2) / (k * rho - 1)
    return m, m / (mean * (m - 2))


def _fai_cornelius(fits: Fits, rows: Floats, information: Information) -> tuple[float, float] | None:
    """Denominator df from uncorrelated one-df contrasts, and 1; None where they give none.

    They are the principal axes of the rows, so that here, as in SAS, it matters how the rows are written.
    """
    variance = rows @ fits.curvature.phi[0] @ rows.T
    _, vectors = np.linalg.eigh(variance)
    df = np.array([_satterthwaite(fits, (v @ rows)[None], information)[0][0] for v in vectors.T])
    if len(df) == 1:
        return float(df[0]), 1.0
    if np.isinf(df).all():
        return None
    total = float(np.sum(np.where(np.isinf(df), 1.0, df / (df - 2)), where=df > 2))
    return (2 * total / (total - len(df)), 1.0) if total > len(df) else None


def _check(fits: Fits, method: Method, information: Information) -> None:
    check_choice("method", method, get_args(Method))
    check_choice("information", information, get_args(Information))
    if method.startswith("kenward") and not fits.reml:
        raise ValueError("Kenward-Roger is defined for REML; refit with reml=True, or write satterthwaite")
