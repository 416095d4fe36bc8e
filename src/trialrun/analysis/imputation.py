"""Missing data: pooling over imputations, worst case, and the tipping point of a conclusion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import fsum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import Interval, NotEstimable, error_rate
from trialrun.analysis.exact.sample import sample
from trialrun.analysis.exact.significance import positive
from trialrun.analysis.proportion import Method, interval
from trialrun.analysis.signed_rank import signed_rank

PairedTest = Callable[[ArrayLike], float | NotEstimable]


@dataclass(frozen=True, slots=True)
class Pooled:
    """`within`, `between` and `total` are variances; `fmi` is the fraction of missing information,
    `riv` the relative increase in variance. `df` is infinite with no variance between imputations
    and no stated degrees of freedom of the complete data."""

    estimate: float
    within: float
    between: float
    total: float
    df: float
    fmi: float
    riv: float
    p: float
    interval: Interval


def rubin(
    estimates: ArrayLike, variances: ArrayLike, *, complete_df: float = np.inf, level: float = 0.95
) -> Pooled | NotEstimable:
    """Pool `estimates` (m,) with their squared standard errors by Rubin's rules, m >= 2.

    Degrees of freedom by Barnard and Rubin, Biometrika 1999;86:948, from `complete_df`, those of
    the analysis without missing data (n - 1 for a mean of n). The test is that the estimate is 0.
    """
    q, u = sample(estimates, least=2), sample(variances, least=2)
    if isinstance(q, NotEstimable):
        return NotEstimable(f"estimates: {q.reason}")
    if isinstance(u, NotEstimable):
        return NotEstimable(f"variances: {u.reason}")
    if q.shape != u.shape or (u < 0).any() or not complete_df > 0:
        raise ValueError("every estimate needs a variance of at least 0, and degrees of freedom above 0")
    m, within, between = len(q), float(u.mean()), float(q.var(ddof=1))
    added = (1 + 1 / m) * between
    total = within + added
    if within == 0 or added / total == 1:
        return NotEstimable("no variance within imputations")
    df = _barnard_rubin(m, added / total, complete_df)
    riv = added / within
    fmi = (riv + 2 / (df + 3)) / (riv + 1)
    mean = float(q.mean())
    p, reach = _t(mean / float(np.sqrt(total)), df, error_rate(level))
    half = reach * float(np.sqrt(total))
    band = Interval(mean - half, mean + half, level, "Rubin, Barnard-Rubin df")
    return Pooled(mean, within, between, total, df, fmi, riv, p, band)


def _barnard_rubin(m: int, missing: float, complete: float) -> float:
    """`missing` is the share of the total variance that lies between imputations."""
    old = (m - 1) / missing**2 if missing > 1e-100 else float(np.inf)  # the square of less is 0
    if not np.isfinite(complete):
        return old
    observed = (complete + 1) / (complete + 3) * complete * (1 - missing)
    return observed if not np.isfinite(old) else old * observed / (old + observed)


def _t(t: float, df: float, alpha: float) -> tuple[float, float]:
    from scipy.special import ndtr, ndtri, stdtr, stdtrit

    if not np.isfinite(df):
        return positive(2 * float(ndtr(-abs(t)))), -float(ndtri(alpha / 2))
    return positive(2 * float(stdtr(df, -abs(t)))), -float(stdtrit(df, alpha / 2))


def imputed(
    before: ArrayLike, after: ArrayLike, *, imputations: int = 100, seed: int = 1
) -> NDArray[np.float64] | NotEstimable:
    """Draws (imputations, missing) of the values of `after` (n,) that are NaN, from `before` (n,).

    Normal regression of those measured on their baseline, its parameters drawn anew each time, so that the
    draws are proper (Rubin, Multiple Imputation for Nonresponse in Surveys, 1987, section 5.3): missing at
    random given the baseline. Where the baselines are equal only the mean and variance are drawn. In closed
    form, so that no machine draws others. Every `before` must be measured.
    """
    x, y = sample(before), np.asarray(after, dtype=np.float64)
    if isinstance(x, NotEstimable):
        return NotEstimable("a baseline is missing") if len(np.atleast_1d(before)) else x
    seen = ~np.isnan(y)
    n, centre = int(seen.sum()), float(x[seen].mean()) if seen.any() else 0.0
    here, there = x[seen] - centre, x[~seen] - centre
    spread = fsum(here * here)
    slopes = 1 if spread > 1e-12 * max(1.0, centre * centre) else 0
    if n < slopes + 3:
        return NotEstimable(f"{n} measured values; imputation needs at least {slopes + 3}")
    mean = fsum(y[seen]) / n
    slope = fsum(here * (y[seen] - mean)) / spread if slopes else 0.0
    residual = fsum((y[seen] - mean - slope * here) ** 2)
    random = np.random.default_rng(seed)
    sigma = np.sqrt(residual / random.chisquare(n - 1 - slopes, imputations))
    level = mean + sigma * random.standard_normal(imputations) / np.sqrt(n)
    tilt = slope + slopes * sigma * random.standard_normal(imputations) / np.sqrt(spread if slopes else 1.0)
    noise = sigma[:, None] * random.standard_normal((imputations, len(there)))
    return np.asarray(level[:, None] + tilt[:, None] * there + noise)


def imputed_change(
    before: ArrayLike, after: ArrayLike, draws: ArrayLike, *, shift: float = 0.0, level: float = 0.95
) -> Pooled | NotEstimable:
    """The mean change with the NaN of `after` (n,) filled by each of `draws` (m, missing), pooled.

    `shift` is added to every value imputed (a delta adjustment: missing not at random).
    """
    x, y, filled = (np.asarray(each, dtype=np.float64) for each in (before, after, draws))
    each = np.broadcast_to(y, (len(filled), len(y))).copy()
    each[:, np.isnan(y)] = filled + shift
    changes, n = each - x, len(y)
    means = [fsum(row) / n for row in changes]
    variances = [
        fsum((row - mean) ** 2) / (n - 1) / n if n > 1 else 0.0
        for row, mean in zip(changes, means, strict=True)
    ]
    return rubin(means, variances, complete_df=max(n - 1, 1), level=level)


@dataclass(frozen=True, slots=True)
class TippingPoint:
    """What each `shift` of the missing makes of p, and the first shift, if any, at which p exceeds alpha.

    `shifts` are deltas added to the imputed change, or numbers of missing participants counted as
    failures; `significant` says whether the conclusion stood before any shift.
    """

    shifts: tuple[float, ...]
    p: tuple[float | NotEstimable, ...]
    alpha: float
    significant: bool
    tips_at: float | None


def exact_signed_rank(differences: ArrayLike) -> float | NotEstimable:
    """The two-sided p of the exact signed-rank test, as `tipping_change` takes it."""
    found = signed_rank(differences)
    return found if isinstance(found, NotEstimable) else found.p


def tipping_change(
    differences: ArrayLike,
    missing: int,
    deltas: Sequence[float],
    *,
    alpha: float = 0.05,
    test: PairedTest = exact_signed_rank,
) -> TippingPoint | NotEstimable:
    """How far the changes of `missing` participants must lie from the others' to undo the conclusion.

    Each missing change is the mean of those observed plus delta, for each of `deltas` in turn: start
    at 0 and go against the effect. One value for all understates their spread, which favours
    neither side in a rank test; it is a stress test, not an estimate.
    """
    d = sample(differences)
    if isinstance(d, NotEstimable):
        return d
    if missing < 0:
        raise ValueError(f"{missing} missing participants: at least 0")
    found = [test(np.concatenate([d, np.full(missing, d.mean() + delta)])) for delta in deltas]
    return _tipping(deltas, found, alpha)


def tipping_response(
    x: int,
    n: int,
    missing: int,
    test: Callable[[int, int], float | NotEstimable],
    *,
    alpha: float = 0.05,
) -> TippingPoint:
    """How many of `missing` must be failures to undo the conclusion of `test(x, n)` on responders.

    `x` of `n` observed responded. Shift k counts k of the missing as failures, the rest as
    responders: 0 is their best case, `missing` their worst.
    """
    if not 0 <= x <= n or missing < 0:
        raise ValueError(f"{x} of {n} and {missing} missing: needs 0 <= x <= n and missing >= 0")
    shifts = range(missing + 1)
    found = [test(x + missing - k, n + missing) for k in shifts]
    return _tipping([float(k) for k in shifts], found, alpha)


def _tipping(shifts: Sequence[float], found: Sequence[float | NotEstimable], alpha: float) -> TippingPoint:
    holds = [not isinstance(p, NotEstimable) and p <= alpha for p in found]
    stood = bool(holds) and holds[0]
    tips = (
        next((shift for shift, held in zip(shifts, holds, strict=True) if not held), None) if stood else None
    )
    return TippingPoint(tuple(shifts), tuple(found), alpha, stood, tips)


def worst_case(
    x: int, n: int, missing: int, *, good: bool, level: float = 0.95, method: Method = "clopper-pearson"
) -> Interval | NotEstimable:
    """Interval of a proportion with every missing participant counted against the treatment.

    `good` says whether the event is wanted (response: none of the missing had it) or feared
    (a relapse: all of them did).
    """
    if missing < 0:
        raise ValueError(f"{missing} missing participants: at least 0")
    return interval(x if good else x + missing, n + missing, level=level, method=method)
