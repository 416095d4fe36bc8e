"""Missing data: pooling over imputations, worst case, and the tipping point of a conclusion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

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
