"""The exact rank-sum test of two independent groups, and the shift between them that it estimates.

The null distribution is that of the ranks at hand: each choice of as many participants as the first
group has is equally likely, their mid-ranks given (Mann and Whitney, Ann Math Stat 1947;18:50; with ties
Lehmann, Nonparametrics, 1975, section 1.4). So ties need no correction, and no sample size changes the
method. Mid-ranks are doubled to stay integers.

Ties are exact equalities of floats: round values to their declared precision first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import Interval, NotEstimable, error_rate

_Floats = NDArray[np.float64]
_NONE = "a group without values"


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
    """Exact test that two groups (n,) and (m,) come from one distribution, by which is the greater.

    Raises ValueError for a value that is not finite.
    """
    x, y = _checked(first), _checked(second)
    if not len(x) or not len(y):
        return NotEstimable(_NONE)
    ranks = _doubled_ranks(np.concatenate([x, y]))
    w = int(ranks[: len(x)].sum())
    pmf = null_distribution(tuple(sorted(ranks.tolist())), len(x))
    far = np.abs(np.arange(len(pmf)) - len(x) * (len(ranks) + 1))
    furthest = far[pmf > 0].max()
    p, minimum = (float(min(1.0, pmf[far >= size].sum())) for size in (far[w], furthest))
    return RankSum((len(x), len(y)), w / 2, p, minimum)


@lru_cache(maxsize=256)
def null_distribution(ranks: tuple[int, ...], size: int) -> _Floats:
    """P(sum of `size` of these ranks = t) for t = 0 … the greatest sum; every choice is equally likely.

    Dynamic programming over ranks: choices by how many were taken and their sum. Read-only, as it is shared.
    """
    top = sum(sorted(ranks)[len(ranks) - size :])
    ways = np.zeros((size + 1, top + 1))
    ways[0, 0] = 1.0
    for done, rank in enumerate(ranks, 1):
        most = min(done, size)
        ways[1 : most + 1, rank:] += ways[:most, : top + 1 - rank].copy()
    pmf: _Floats = ways[size] / ways[size].sum()
    pmf.flags.writeable = False
    return pmf


def shift(first: ArrayLike, second: ArrayLike) -> float | NotEstimable:
    """Hodges-Lehmann estimate: the median of the differences first[i] - second[j], over all pairs.

    Hodges and Lehmann, Ann Math Stat 1963;34:598.
    """
    ordered = _differences(_checked(first), _checked(second))
    return float(np.median(ordered)) if len(ordered) else NotEstimable(_NONE)


def shift_interval(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Interval | NotEstimable:
    """Exact confidence interval for the shift, between two ordered differences.

    The places come from the tie-free null distribution even where values are tied (Hollander and Wolfe,
    Nonparametric Statistical Methods, 1999, section 4.3). Not estimable where even the extremes cover too
    little: at level 0.95, below 4 and 4, 3 and 5, 2 and 8, or 1 and 39 values.
    """
    x, y = _checked(first), _checked(second)
    ordered = _differences(x, y)
    place = _place(len(x), len(y), level) if len(ordered) else 0
    if not place:
        return NotEstimable(f"too few values for a {100 * level:.6g} % interval")
    lower, upper = float(ordered[place - 1]), float(ordered[len(ordered) - place])
    return Interval(lower, upper, level, "Hodges-Lehmann, exact rank-sum")


@lru_cache(maxsize=256)
def _place(n: int, m: int, level: float) -> int:
    """For groups without ties, how many u have P(U <= u) <= (1 - level) / 2."""
    pmf = null_distribution(tuple(range(1, n + m + 1)), n)
    return int(np.count_nonzero(np.cumsum(pmf)[n * (n + 1) // 2 :] <= error_rate(level) / 2))


def _differences(x: _Floats, y: _Floats) -> _Floats:
    return np.sort((x[:, np.newaxis] - y).ravel())


def _checked(values: ArrayLike) -> _Floats:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or not np.isfinite(found).all():
        raise ValueError(f"a group is an array of finite values of shape (n,); got {values!r}")
    return found


def _doubled_ranks(values: _Floats) -> NDArray[np.int64]:
    """Twice the mid-rank of each value."""
    _, which, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((2 * last - count + 1)[which])
