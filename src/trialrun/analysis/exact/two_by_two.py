"""Two proportions: Fisher's exact test and the conditional odds ratio.

Given both margins the first cell has Fisher's noncentral hypergeometric distribution (Fisher,
JRSS 1935;98:39), from which the odds ratio and its exact interval follow (Cornfield, 1956).
The difference of the proportions, with its interval, is `analysis.difference`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import Interval, NotEstimable, error_rate
from trialrun.analysis.exact.root import crossing
from trialrun.analysis.exact.significance import Alternative, ordered, positive

_Floats = NDArray[np.float64]
_REACH = 150.0  # log odds ratios searched; beyond e^150 no count of people tells


@dataclass(frozen=True, slots=True)
class Fisher:
    """`odds_ratio` is the conditional maximum-likelihood estimate, not ad / bc; it may be 0 or infinite."""

    odds_ratio: float
    interval: Interval
    p: float
    mid_p: float
    alternative: Alternative


def fisher(
    table: ArrayLike, *, level: float = 0.95, alternative: Alternative = "two-sided", mid: bool = False
) -> Fisher | NotEstimable:
    """Fisher's exact test of [[a, b], [c, d]]: rows are groups, columns event and no event.

    Two-sided p adds tables no more likely than the one observed, as R and SAS do. The interval is
    central, by exact tails or with `mid` by mid-P ones. A row or column of zeros: not estimable.
    """
    counts = np.asarray(table, dtype=np.float64)
    if counts.shape != (2, 2) or not np.all((counts >= 0) & (counts == np.floor(counts))):
        raise ValueError(f"a table of 2 rows and 2 columns of counts is needed; got {table!r}")
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    if not rows.all():
        return NotEstimable("no participants in one group")
    if not columns.all():
        return NotEstimable("all participants are alike")
    x = int(counts[0, 0])
    support = np.arange(int(max(0, columns[0] - rows[1])), int(min(columns[0], rows[0])) + 1)
    logs = _log_weights(support, rows, columns)
    p, mid_p = _p_values(support, _tilted(logs, support, 0.0), x, alternative)
    found = _interval(support, logs, x, level, mid)
    return Fisher(_odds_ratio(support, logs, x), found, positive(p), positive(mid_p), alternative)


def _log_weights(support: NDArray[np.int64], rows: _Floats, columns: _Floats) -> _Floats:
    """log of C(row 1, a) C(row 2, column 1 - a) for each a of the support."""
    from scipy.special import gammaln

    others = columns[0] - support
    one = gammaln(support + 1) + gammaln(rows[0] - support + 1)
    return np.asarray(-one - gammaln(others + 1) - gammaln(rows[1] - others + 1), dtype=np.float64)


def _tilted(logs: _Floats, support: NDArray[np.int64], log_odds: _Floats | float) -> _Floats:
    """Probabilities of the support at each log odds ratio: shape log_odds.shape + support.shape."""
    tilted = logs + np.multiply.outer(np.asarray(log_odds), support)
    weights = np.exp(tilted - tilted.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def _p_values(
    support: NDArray[np.int64], pmf: _Floats, x: int, alternative: Alternative
) -> tuple[float, float]:
    here = float(pmf[support == x][0])
    if alternative == "two-sided":
        p, mid = ordered(pmf, pmf)
        return float(p[support == x][0]), float(mid[support == x][0])
    tail = float(pmf[support >= x if alternative == "greater" else support <= x].sum())
    return tail, tail - here / 2


def _odds_ratio(support: NDArray[np.int64], logs: _Floats, x: int) -> float:
    """Where the expected first cell equals the one observed."""
    if x == support[0]:
        return 0.0
    if x == support[-1]:
        return float(np.inf)

    def excess(log_odds: _Floats) -> _Floats:
        return np.asarray(_tilted(logs, support, log_odds) @ support - x)

    return float(np.exp(crossing(excess, -_REACH, _REACH)))


def _interval(support: NDArray[np.int64], logs: _Floats, x: int, level: float, mid: bool) -> Interval:
    each_side, half = error_rate(level) / 2, 0.5 if mid else 0.0
    own = np.where(support == x, 1 - half, 0.0)

    def upwards(log_odds: _Floats) -> _Floats:  # P(X >= x), rises
        return np.asarray(_tilted(logs, support, log_odds) @ (own + (support > x)) - each_side)

    def downwards(log_odds: _Floats) -> _Floats:  # P(X <= x), falls
        return np.asarray(each_side - _tilted(logs, support, log_odds) @ (own + (support < x)))

    lower = 0.0 if x == support[0] else float(np.exp(crossing(upwards, -_REACH, _REACH)))
    upper = float(np.inf) if x == support[-1] else float(np.exp(crossing(downwards, -_REACH, _REACH)))
    return Interval(lower, upper, level, "conditional mid-P" if mid else "conditional exact")
