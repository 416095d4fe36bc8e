"""McNemar's test: did more participants change one way than the other?

Only those who changed count; either way was as likely under the null, so the test is binomial
(McNemar, Psychometrika 1947;12:153). mid-P: Fagerland, Lydersen and Laake, BMC Med Res Methodol
2013;13:91.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis import proportion
from trialrun.analysis.estimate import Interval, NotEstimable
from trialrun.analysis.exact.significance import Alternative


@dataclass(frozen=True, slots=True)
class McNemar:
    """`odds_ratio` is gained / lost, infinite where none was lost, with its exact interval."""

    lost: int
    gained: int
    odds_ratio: float
    interval: Interval
    p: float
    mid_p: float
    alternative: Alternative


def mcnemar(
    lost: int,
    gained: int,
    *,
    level: float = 0.95,
    method: proportion.Method = "clopper-pearson",
    alternative: Alternative = "two-sided",
) -> McNemar | NotEstimable:
    """Exact test and odds ratio from the two counts of participants who changed.

    `lost` had the event before and not after, `gained` after and not before; "greater" is evidence
    of more gained. Nobody who changed: not estimable, since nothing speaks for or against.
    """
    _check(lost, gained)
    share = proportion.interval(gained, lost + gained, level=level, method=method)
    if isinstance(share, NotEstimable):
        return NotEstimable("nobody changed") if lost + gained == 0 else share
    p, mid = mcnemars(np.array(lost), np.array(gained), alternative=alternative)
    lower, upper = (np.inf if bound == 1 else bound / (1 - bound) for bound in (share.lower, share.upper))
    ratio = np.inf if lost == 0 else gained / lost
    found = Interval(float(lower), float(upper), level, f"{share.method}, conditional on changes")
    return McNemar(int(lost), int(gained), float(ratio), found, float(p), float(mid), alternative)


def mcnemars(
    lost: ArrayLike, gained: ArrayLike, *, alternative: Alternative = "two-sided"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exact p and mid-P for arrays of counts; both are 1 where nobody changed."""
    _check(lost, gained)
    total = np.asarray(lost) + np.asarray(gained)
    return proportion.exact_tests(gained, total, 0.5, alternative=alternative)


def _check(*counts: ArrayLike) -> None:
    for each in map(np.asarray, counts):
        if not np.all((each >= 0) & (each == np.floor(each)) & np.isfinite(each)):
            raise ValueError(f"lost and gained must be whole numbers of participants, at least 0; got {each}")
