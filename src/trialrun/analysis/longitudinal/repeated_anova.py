"""Analysis of variance of complete repeated measurements, corrected for unequal correlations.

Sources: Greenhouse and Geisser, Psychometrika 1959;24:95; Huynh and Feldt, J Educ Stat 1976;1:69;
Mauchly, Ann Math Stat 1940;11:204; Lecoutre, J Educ Stat 1991;16:371, whose correction of Huynh and
Feldt's epsilon concerns several groups and changes nothing with one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.longitudinal.structure import Floats


@dataclass(frozen=True, slots=True)
class RepeatedAnova:
    """F on (V - 1, (n - 1)(V - 1)) degrees of freedom, and p with each correction.

    `huynh_feldt` is at most 1. `mauchly` is the sphericity test's (W, p), or why it cannot be made.
    `left_out` participants lacked a visit.
    """

    f: float
    df: tuple[int, int]
    p: float
    greenhouse_geisser: float
    p_greenhouse_geisser: float
    huynh_feldt: float
    p_huynh_feldt: float
    mauchly: tuple[float, float] | NotEstimable
    participants: int
    left_out: int


def repeated_anova(y: ArrayLike) -> RepeatedAnova | NotEstimable:
    """Whether the visits of `y` (n, V) have one mean; participants with a NaN are left out."""
    from scipy.special import fdtrc

    values = complete(y)
    left_out = len(np.asarray(y)) - len(values)
    n, visits = values.shape
    if reason := too_few(values):
        return reason
    within = values - values.mean(axis=1, keepdims=True)
    means = within.mean(axis=0)
    error = np.square(within - means).sum()
    if error <= 1e-24 * max(np.square(values).sum(), 1e-300):
        return NotEstimable("every participant has the same changes")
    df = (visits - 1, (n - 1) * (visits - 1))
    f = float(n * np.square(means).sum() / df[0] / (error / df[1]))
    spread = contrast_covariance(values)
    gg = float(np.trace(spread) ** 2 / ((visits - 1) * np.square(spread).sum()))
    below = (visits - 1) * (n - 1 - (visits - 1) * gg)
    # Without degrees of freedom to correct with, Huynh and Feldt correct nothing.
    hf = min((n * (visits - 1) * gg - 2) / below, 1.0) if below > 1e-9 else 1.0
    p, p_gg, p_hf = (float(fdtrc(e * df[0], e * df[1], f)) for e in (1.0, gg, hf))
    return RepeatedAnova(f, df, p, gg, p_gg, hf, p_hf, _mauchly(spread, n), n, left_out)


def complete(y: ArrayLike) -> Floats:
    """The rows of `y` (n, V) without NaN; ValueError for another shape or an infinite value."""
    values = np.asarray(y, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"values have shape (participants, visits), not {values.shape}")
    if np.isinf(values).any():
        raise ValueError("a value is infinite; write NaN for a value not measured")
    whole = np.asarray(~np.isnan(values).any(axis=1))
    return values[whole]


def too_few(values: Floats) -> NotEstimable | None:
    """Why complete values (n, V) allow no comparison of visits, if they do not."""
    n, visits = values.shape
    if visits < 2:
        return NotEstimable("values at one visit only")
    return None if n >= 2 else NotEstimable(f"{n} complete participants; at least 2 are needed")


def contrast_covariance(values: Floats) -> Floats:
    """(V - 1, V - 1) the covariance of orthonormal contrasts between visits."""
    visits = values.shape[1]
    basis = np.linalg.qr(np.hstack([np.ones((visits, 1)), np.eye(visits)[:, 1:]]))[0][:, 1:]
    return np.atleast_2d(np.cov(values @ basis, rowvar=False))


def _mauchly(spread: Floats, n: int) -> tuple[float, float] | NotEstimable:
    """W and its p by the chi-squared approximation of second order (Anderson 1958, section 10.7)."""
    from scipy.special import chdtrc

    k = len(spread)
    if k < 2:
        return NotEstimable("two visits have one correlation only")
    if n <= k:
        return NotEstimable("no more complete participants than contrasts")
    w = float(np.linalg.det(spread) / (np.trace(spread) / k) ** k)
    if w <= 0:
        return NotEstimable("the changes of some visits follow from the others")
    df = k * (k + 1) / 2 - 1
    rho = 1 - (2 * k * k + k + 2) / (6 * k * (n - 1))
    z = -(n - 1) * rho * np.log(w)
    # R's mauchly.test, and all that follow it, have visits where Anderson's last factor has 3 k: p changes
    # in the fifth decimal, and we follow, so that our p is the one a reviewer finds.
    second = (k + 2) * (k - 1) * (k - 2) * (2 * k**3 + 6 * k * k + 3 * (k + 1) + 2)
    omega = second / (288 * ((n - 1) * k * rho) ** 2)
    first, later = chdtrc([df, df + 4], max(z, 0.0))
    return w, float(np.clip(first + omega * (later - first), 0.0, 1.0))
