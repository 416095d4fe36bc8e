"""The exact signed-rank test of paired differences, and the pseudo-median they estimate.

The null distribution is that of the ranks at hand: each non-zero difference takes either sign
with probability 1/2, its mid-rank given (Pratt, JASA 1959;54:655; Hollander and Wolfe,
Nonparametric Statistical Methods, 1999, section 3.1). So ties and zeros need no correction, and
no sample size changes the method. Mid-ranks are doubled to stay integers.

Ties and zeros are exact equalities of floats: round differences to their declared precision
first, for 0.3 - 0.2 is not 0.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import Interval, Intervals, NotEstimable, check_choice, error_rate

Zeros = Literal["pratt", "wilcoxon"]
Alternative = Literal["two-sided", "greater", "less"]
_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]
_Mask = NDArray[np.bool_]
_NONE = {"pratt": "no observed differences", "wilcoxon": "no observed differences other than zero"}


@dataclass(frozen=True, slots=True)
class SignedRank:
    """One exact signed-rank test.

    `n` differences were observed, `nonzero` of them not zero. `t_plus` is the sum of the
    mid-ranks of positive differences. `mid_p` counts half the probability of the statistic
    observed (Lancaster, JASA 1961;56:223). `minimum_p` is the least p that `nonzero`
    differences can attain: where it exceeds the test's level, the test could not succeed.
    """

    n: int
    nonzero: int
    t_plus: float
    p: float
    mid_p: float
    minimum_p: float
    alternative: Alternative
    zeros: Zeros


@dataclass(frozen=True, slots=True, eq=False)
class SignedRanks:
    """A `SignedRank` for each trial: every array has shape (trials,).

    Where `estimable` is False no difference was observed, and every p is 1.
    """

    n: _Ints
    nonzero: _Ints
    t_plus: _Floats
    p: _Floats
    mid_p: _Floats
    minimum_p: _Floats
    estimable: _Mask
    alternative: Alternative
    zeros: Zeros

    def at(self, trial: int) -> SignedRank | NotEstimable:
        """The test of one trial, or why it has none."""
        if not self.estimable[trial]:
            return NotEstimable(_NONE["pratt"])  # with zeros alone the test stands, at p = 1
        numbers = (self.t_plus, self.p, self.mid_p, self.minimum_p)
        t_plus, p, mid_p, minimum = (float(each[trial]) for each in numbers)
        counts = int(self.n[trial]), int(self.nonzero[trial])
        return SignedRank(*counts, t_plus, p, mid_p, minimum, self.alternative, self.zeros)


def signed_rank(
    differences: ArrayLike, *, zeros: Zeros = "pratt", alternative: Alternative = "two-sided"
) -> SignedRank | NotEstimable:
    """Exact test that differences are symmetric about 0, for one trial of shape (n,).

    `zeros` "pratt" ranks zero differences and then ignores their ranks; "wilcoxon" drops them
    before ranking. "greater" is evidence that differences are positive. All zeros: every p is 1.
    Raises ValueError for a difference that is not finite, and for an unknown word.
    """
    return signed_ranks(*_one_trial(differences), zeros=zeros, alternative=alternative).at(0)


def signed_ranks(
    differences: ArrayLike,
    observed: ArrayLike,
    *,
    zeros: Zeros = "pratt",
    alternative: Alternative = "two-sided",
) -> SignedRanks:
    """`signed_rank` for every row of `differences` (trials, n), where `observed` is True."""
    check_choice("zeros", zeros, get_args(Zeros))
    check_choice("alternative", alternative, get_args(Alternative))
    d, mask = _checked(differences, observed)
    ranks = _doubled_ranks(d, mask, zeros)
    t = np.where(d > 0, ranks, 0).sum(axis=-1)
    nonzero = (mask & (d != 0)).sum(axis=-1)
    at_most, at_least, exactly = _tails(ranks, t)
    p, mid_p = _p_values(at_most, at_least, exactly, alternative)
    return SignedRanks(
        n=mask.sum(axis=-1),
        nonzero=nonzero,
        t_plus=t / 2,
        p=p,
        mid_p=np.where(nonzero > 0, mid_p, 1.0),
        minimum_p=minimum_p(nonzero, alternative),
        estimable=mask.sum(axis=-1) > 0,
        alternative=alternative,
        zeros=zeros,
    )


def minimum_p(nonzero: ArrayLike, alternative: Alternative = "two-sided") -> _Floats:
    """The least p attainable with this many non-zero differences, whatever their ties."""
    sides = 2.0 if alternative == "two-sided" else 1.0
    return np.asarray(np.minimum(1.0, sides * 0.5 ** np.asarray(nonzero, dtype=np.float64)))


def null_distribution(ranks: tuple[int, ...]) -> _Floats:
    """P(sum of a random subset of `ranks` = t) for t = 0 … sum(ranks); each rank is in or out evenly.

    Dynamic programming over ranks. Every step adds and halves, both exact in binary, so that
    up to 53 ranks the result is the exact ratio of integers.
    """
    pmf = np.zeros(sum(ranks) + 1)
    pmf[0] = 1.0
    for rank in filter(None, ranks):
        pmf[rank:] += pmf[:-rank].copy()
        pmf *= 0.5
    return pmf


def pseudo_median(differences: ArrayLike, *, zeros: Zeros = "pratt") -> float | NotEstimable:
    """Hodges-Lehmann estimate: the median of the Walsh averages (d[i] + d[j]) / 2, i <= j.

    Hodges and Lehmann, Ann Math Stat 1963;34:598. `zeros` "wilcoxon" leaves zero differences
    out, as R and StatXact do; "pratt" keeps them, as any other value of a location.
    """
    estimates, estimable = pseudo_medians(*_one_trial(differences), zeros=zeros)
    return float(estimates[0]) if estimable[0] else NotEstimable(_NONE[zeros])


def pseudo_medians(
    differences: ArrayLike, observed: ArrayLike, *, zeros: Zeros = "pratt"
) -> tuple[_Floats, _Mask]:
    """`pseudo_median` for every row of (trials, n): estimates, and where there is one (else 0)."""
    d, kept = _values(differences, observed, zeros)
    m = kept.sum(axis=-1)
    count = m * (m + 1) // 2
    estimates = np.zeros(m.shape)
    for rows, walsh in _walsh_averages(d, kept):
        high = np.minimum(count[rows] // 2, walsh.shape[-1] - 1)
        low = np.maximum((count[rows] - 1) // 2, 0)
        middle = np.take_along_axis(walsh, np.stack([low, high], axis=-1), -1)
        estimates[rows] = np.where(m[rows] > 0, middle.mean(axis=-1), 0.0)
    return estimates, m > 0


def pseudo_median_interval(
    differences: ArrayLike, *, level: float = 0.95, zeros: Zeros = "pratt"
) -> Interval | NotEstimable:
    """Exact confidence interval for the pseudo-median, between two ordered Walsh averages.

    The places come from the tie-free null distribution even where differences are tied: the
    closed interval then still covers at least at its level for every symmetric distribution,
    discrete ones included (Noether, JASA 1967;62:184), and it depends on n alone. Not estimable
    where even the extremes cover too little: below 6 differences at level 0.95.
    """
    return pseudo_median_intervals(*_one_trial(differences), level=level, zeros=zeros).at(0)


def pseudo_median_intervals(
    differences: ArrayLike, observed: ArrayLike, *, level: float = 0.95, zeros: Zeros = "pratt"
) -> Intervals:
    """`pseudo_median_interval` for every row of (trials, n), where `observed` is True."""
    d, kept = _values(differences, observed, zeros)
    m = kept.sum(axis=-1)
    place = _interval_places(m, level)
    estimable = place > 0
    lower, upper = np.full(m.shape, -np.inf), np.full(m.shape, np.inf)
    for rows, walsh in _walsh_averages(d, kept):
        last = m[rows] * (m[rows] + 1) // 2 - place[rows]
        wanted = np.stack([place[rows] - 1, last], axis=-1).clip(0, walsh.shape[-1] - 1)
        ends = np.take_along_axis(walsh, wanted, -1)
        lower[rows] = np.where(estimable[rows], ends[:, 0], -np.inf)
        upper[rows] = np.where(estimable[rows], ends[:, 1], np.inf)
    reason = f"too few differences for a {100 * level:.6g} % interval"
    return Intervals(lower, upper, estimable, level, "Hodges-Lehmann, exact signed-rank", reason)


def _interval_places(m: _Ints, level: float) -> _Ints:
    """For m differences without ties, how many t have P(T <= t) <= (1 - level) / 2."""
    each_side = error_rate(level) / 2
    sizes, which = np.unique(m, return_inverse=True)
    places = [np.count_nonzero(_cumulative(tuple(range(1, k + 1))) <= each_side) for k in sizes.tolist()]
    return np.array(places, dtype=np.int64)[which]


def _one_trial(differences: ArrayLike) -> tuple[_Floats, _Mask]:
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 1:
        raise ValueError(f"one trial is an array of shape (n,); got {d.shape}: use the batched function")
    return d[np.newaxis], np.ones((1, d.size), dtype=bool)


def _checked(differences: ArrayLike, observed: ArrayLike) -> tuple[_Floats, _Mask]:
    """Differences with 0 where unobserved, and the mask."""
    d, mask = np.asarray(differences, dtype=np.float64), np.asarray(observed, dtype=bool)
    if d.ndim != 2 or d.shape != mask.shape:
        raise ValueError(f"differences {d.shape} and mask {mask.shape} must share one shape (trials, n)")
    wrong = mask & ~np.isfinite(d)
    if wrong.any():
        trial, place = np.argwhere(wrong)[0]
        raise ValueError(f"difference {d[trial, place]} in trial {trial}, place {place} is marked observed")
    return np.where(mask, d, 0.0), mask


def _values(differences: ArrayLike, observed: ArrayLike, zeros: Zeros) -> tuple[_Floats, _Mask]:
    """Differences and a mask of those that enter the estimate."""
    check_choice("zeros", zeros, get_args(Zeros))
    d, mask = _checked(differences, observed)
    return d, mask if zeros == "pratt" else mask & (d != 0)


def _doubled_ranks(d: _Floats, mask: _Mask, zeros: Zeros) -> _Ints:
    """Twice the mid-rank of |d| in each row; 0 where unobserved or zero."""
    ranked = mask if zeros == "pratt" else mask & (d != 0)
    size = np.where(ranked, np.abs(d), np.inf)  # the unranked go last and move no rank
    order = np.argsort(size, axis=-1, kind="stable")
    ascending = np.take_along_axis(size, order, -1)
    first = _first_place(ascending)
    last = d.shape[-1] - 1 - _first_place(ascending[:, ::-1])[:, ::-1]
    ranks = np.empty(d.shape, dtype=np.int64)
    np.put_along_axis(ranks, order, first + last + 2, -1)
    return np.where(ranked & (d != 0), ranks, 0)


def _first_place(ordered: _Floats) -> _Ints:
    """For each element of ordered rows, the place (from 0) where its value first stands."""
    new = np.ones(ordered.shape, dtype=bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    return np.maximum.accumulate(np.where(new, np.arange(ordered.shape[-1]), 0), axis=-1)


@lru_cache(maxsize=256)
def _cumulative(ranks: tuple[int, ...]) -> _Floats:
    """P(T <= t). Shared by every caller, hence read-only."""
    cdf = np.cumsum(null_distribution(ranks))
    cdf.flags.writeable = False
    return cdf


def _tails(ranks: _Ints, t: _Ints) -> tuple[_Floats, _Floats, _Floats]:
    """P(T <= t), P(T >= t) and P(T = t) of each row, computed once for rows with equal ranks."""
    at_most, at_least, exactly = np.ones(t.shape), np.ones(t.shape), np.ones(t.shape)
    for pattern, rows in _patterns(ranks):
        cdf = _cumulative(pattern)
        here, mirrored = t[rows], cdf.size - 1 - t[rows]  # the distribution is symmetric
        low = np.minimum(here, mirrored)  # where the difference of two small sums loses nothing
        at_most[rows], at_least[rows] = cdf[here], cdf[mirrored]
        exactly[rows] = cdf[low] - np.where(low > 0, cdf[low - 1], 0.0)
    return at_most, at_least, exactly


def _patterns(ranks: _Ints) -> Iterator[tuple[tuple[int, ...], _Ints]]:
    """Each distinct set of ranks, with the rows that have it."""
    ordered = np.sort(ranks, axis=-1)
    count = (ordered > 0).sum(axis=-1)
    places = np.arange(1, ranks.shape[-1] + 1) - (ranks.shape[-1] - count)[:, np.newaxis]
    tie_free = (ordered == 2 * np.maximum(places, 0)).all(axis=-1)
    # Rows without ties or zeros differ only in their number of ranks: no need to compare them.
    for size, rows in _groups(count, np.flatnonzero(tie_free)):
        yield tuple(range(2, 2 * int(size) + 1, 2)), rows
    for key, rows in _groups(ordered, np.flatnonzero(~tie_free)):
        yield tuple(key[key > 0].tolist()), rows


def _groups(keys: _Ints, rows: _Ints) -> Iterator[tuple[Any, _Ints]]:
    """Each distinct key (along the first axis) among `rows`, with the rows that have it."""
    distinct, which = np.unique(keys[rows], axis=0, return_inverse=True)
    ends = np.cumsum(np.bincount(which, minlength=len(distinct)))
    # With no rows there is no key, yet split still gives one empty piece: hence not strict.
    yield from zip(distinct, np.split(rows[np.argsort(which, kind="stable")], ends[:-1]), strict=False)


def _p_values(
    at_most: _Floats, at_least: _Floats, exactly: _Floats, alternative: Alternative
) -> tuple[_Floats, _Floats]:
    """p and mid-P; two-sided counts every T as far from its mean as the one observed."""
    if alternative == "two-sided":
        tail = np.minimum(at_most, at_least)
        # At the mean itself both tails share that one value, which must not be counted twice.
        return np.minimum(1.0, 2 * tail), np.where(2 * tail > 1, 1 - exactly / 2, 2 * tail - exactly)
    tail = at_least if alternative == "greater" else at_most
    return tail, tail - exactly / 2


def _walsh_averages(d: _Floats, kept: _Mask) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Blocks of rows with their ordered Walsh averages (rows, n (n + 1) / 2), infinite ones last."""
    first, second = np.triu_indices(d.shape[-1])
    if first.size == 0:
        return
    half = np.where(kept, d / 2, np.inf)
    step = max(1, 4_000_000 // first.size)  # 32 MB a block
    for start in range(0, len(d), step):
        rows = slice(start, start + step)
        yield rows, np.sort(half[rows][:, first] + half[rows][:, second], axis=-1)
