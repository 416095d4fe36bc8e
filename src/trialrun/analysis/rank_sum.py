"""The rank-sum test of two arms as a comparison reports it: with the least p that the values could give."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.two_sample import least_p, mann_whitney


@dataclass(frozen=True, slots=True)
class RankSum:
    """One exact two-sided rank-sum test.

    `n` are the sizes of the two groups, `w` the sum of the mid-ranks of the first. `p` counts every sum as
    far from its mean as the one observed; `minimum_p` is the least that these ranks can give: where it
    exceeds the test's level, the test could not succeed.
    """

    n: tuple[int, int]
    w: float
    p: float
    minimum_p: float


def rank_sum(first: ArrayLike, second: ArrayLike) -> RankSum | NotEstimable:
    """Exact test that two groups (n,) and (m,) come from one distribution, by which is the greater."""
    found, least = mann_whitney(first, second), least_p(first, second)
    if isinstance(found, NotEstimable):
        return found
    if isinstance(least, NotEstimable):
        return least
    n, m = len(list(first)), len(list(second))  # type: ignore[arg-type]
    return RankSum((n, m), found.statistic + n * (n + 1) / 2, found.p, least)
