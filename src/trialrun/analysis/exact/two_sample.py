"""Two independent samples: Mann-Whitney, the Hodges-Lehmann shift, and the permutation of sums.

Every choice of which participants form the first sample is as likely under the null, their values
given: so ties need no correction (Streitberg and Röhmel, Stat Softw Newsl 1986;12:10).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import comb
from statistics import NormalDist
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import Interval, NotEstimable, check_choice, error_rate
from trialrun.analysis.exact.sample import integers, mid_ranks, sample
from trialrun.analysis.exact.significance import (
    Alternative,
    Significance,
    monte_carlo_p,
    permutation,
    positive,
)

Places = Literal["conditional", "tie-free"]
_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]
_CELLS = 20_000_000  # the largest table of (count, sum) worth filling
_STEPS = 4_000_000_000  # and additions worth doing: a few seconds
_COUNTABLE = 1000  # values whose choices a double can count
_HALVES = 36  # values whose subsets are ordered in two halves of 2^18


@dataclass(frozen=True, slots=True)
class Shift:
    """How much higher the first sample lies: median of all differences x[i] - y[j], and its interval."""

    estimate: float
    interval: Interval | NotEstimable


def mann_whitney(
    x: ArrayLike,
    y: ArrayLike,
    *,
    alternative: Alternative = "two-sided",
    samples: int = 100_000,
    seed: int = 1,
) -> Significance | NotEstimable:
    """Wilcoxon-Mann-Whitney test of `x` (m,) against `y` (n,); the statistic is U of the first.

    "greater" is evidence that x is larger. The null distribution is that of the mid-ranks at hand.
    Values all equal: p is 1. Exact up to some hundred values; beyond, Monte Carlo, labelled so.
    """
    pooled = _pooled(x, y)
    if isinstance(pooled, NotEstimable):
        return pooled
    values, m = pooled
    ranks = mid_ranks(values)
    u = float(ranks[:m].sum()) / 2 - m * (m + 1) / 2
    return _test(ranks.tolist(), m, u, alternative, samples, seed)


def least_p(x: ArrayLike, y: ArrayLike) -> float | NotEstimable:
    """The least two-sided p of `mann_whitney` that these values could give, however they fell into samples of
    these sizes; 0 where there are too many to count."""
    pooled = _pooled(x, y)
    if isinstance(pooled, NotEstimable):
        return pooled
    values, m = pooled
    ranks = mid_ranks(values).tolist()
    shifted = integers(np.array([rank - min(ranks) for rank in ranks], dtype=np.float64))
    known = _distribution(shifted, m)
    if known is None:
        return 0.0
    sums, weights = known
    expected = Fraction(m * sum(shifted), len(shifted))
    ends = (int(sums[weights > 0].min()), int(sums[weights > 0].max()))
    return min(permutation(sums, weights, end, expected, "two-sided")[0] for end in ends)


def permutation_of_sums(
    x: ArrayLike,
    y: ArrayLike,
    *,
    alternative: Alternative = "two-sided",
    samples: int = 100_000,
    seed: int = 1,
) -> Significance | NotEstimable:
    """Permutation test on the sum of `x` (Pitman, 1937); values are taken at 12 significant digits.

    The statistic is the difference of means. Exact where sums are few integers or at most 36 values
    are given; beyond, Monte Carlo, labelled so.
    """
    pooled = _pooled(x, y)
    if isinstance(pooled, NotEstimable):
        return pooled
    values, m = pooled
    difference = float(values[:m].mean() - values[m:].mean())
    return _test(integers(values), m, difference, alternative, samples, seed)


def _pooled(x: ArrayLike, y: ArrayLike) -> tuple[_Floats, int] | NotEstimable:
    first, second = sample(x), sample(y)
    for each in (first, second):
        if isinstance(each, NotEstimable):
            return each
    both = np.concatenate([np.asarray(first), np.asarray(second)])
    return both, len(np.asarray(first))


def _test(
    scores: list[int], m: int, statistic: float, alternative: Alternative, samples: int, seed: int
) -> Significance:
    """The sum of the first `m` scores among the sums of all choices of m."""
    least = min(scores)
    shifted = integers(np.array([score - least for score in scores], dtype=np.float64))
    observed, expected = sum(shifted[:m]), Fraction(m * sum(shifted), len(shifted))
    if (known := _distribution(shifted, m)) is not None:
        p, mid = permutation(*known, observed, expected, alternative)
    elif len(shifted) <= _HALVES:
        p, mid = _by_halves(shifted, m, observed, alternative)
    else:
        p = _monte_carlo(shifted, m, observed, alternative, samples, seed)
        label = f"Monte Carlo, {samples} samples, seed {seed}"
        return Significance(statistic, p, None, alternative, label)
    return Significance(statistic, p, mid, alternative, "exact")


def _distribution(scores: list[int], m: int) -> tuple[_Ints, _Floats] | None:
    """The sums of m of the scores (at least 0) and how many choices have each; None if too many to count."""
    fewer, total = min(m, len(scores) - m), sum(scores)
    width = sum(sorted(scores)[len(scores) - fewer :]) + 1
    if fewer * width > _CELLS or len(scores) * fewer * width > _STEPS or len(scores) > _COUNTABLE:
        return None
    weights = subset_sums(tuple(sorted(scores)), fewer)
    sums = np.arange(weights.size)
    return (sums, weights) if fewer == m else (total - sums[::-1], weights[::-1])


@lru_cache(maxsize=64)
def subset_sums(scores: tuple[int, ...], m: int) -> _Floats:
    """How many choices of `m` of the `scores` (at least 0) have each sum; shared, hence read-only.

    Dynamic programming over scores in rising order, one row per count, each as far as it is filled.
    Counts are added, never subtracted, so that the relative error stays at a few units in the last
    place however long the tail.
    """
    ordered = sorted(scores)
    prefix = np.concatenate([[0], np.cumsum(ordered)]).tolist()
    table = np.zeros((m + 1, prefix[-1] - prefix[len(ordered) - m] + 1))
    table[0, 0] = 1.0
    for i, score in enumerate(ordered):
        for count in range(min(i + 1, m), 0, -1):
            reach = prefix[i] - prefix[i - count + 1] + 1  # the largest sums of count - 1 scores so far
            table[count, score : score + reach] += table[count - 1, :reach]
    counts: _Floats = table[m].copy()
    counts.flags.writeable = False
    return counts


def _by_halves(scores: list[int], m: int, observed: int, alternative: Alternative) -> tuple[float, float]:
    """p and mid-P by pairing the sums of i from one half with those of m - i from the other."""
    size, total = len(scores), sum(scores)
    centred = [size * score - total for score in scores]  # integers whose sum of m has mean 0
    t = size * observed - m * total
    threshold = abs(t) if alternative == "two-sided" else t if alternative == "greater" else -t
    signs = {"two-sided": (1, -1), "greater": (1,), "less": (-1,)}[alternative]
    at_least, above = 0, 0
    for sign in signs:
        for first, second in _pairs([sign * each for each in centred], m):
            ordered = np.sort(second)
            at_least += int((ordered.size - np.searchsorted(ordered, threshold - first, "left")).sum())
            above += int((ordered.size - np.searchsorted(ordered, threshold - first, "right")).sum())
    if alternative == "two-sided" and threshold == 0:  # each tail holds the centre
        equal = at_least - comb(size, m)
        at_least, above = comb(size, m), comb(size, m) - equal
    return positive(at_least / comb(size, m)), positive((at_least + above) / 2 / comb(size, m))


def _pairs(scores: list[int], m: int) -> Iterator[tuple[_Ints, _Ints]]:
    first, second = _sums_by_count(scores[::2]), _sums_by_count(scores[1::2])
    for i in range(max(0, m - len(second) + 1), min(m, len(first) - 1) + 1):
        yield first[i], second[m - i]


def _sums_by_count(scores: list[int]) -> list[_Ints]:
    """The sums of all subsets, by their number of elements."""
    sums = [np.zeros(1, dtype=np.int64), *(np.empty(0, dtype=np.int64) for _ in scores)]
    for score in scores:
        for count in range(len(scores), 0, -1):
            sums[count] = np.concatenate([sums[count], sums[count - 1] + score])
    return sums


def _monte_carlo(
    scores: list[int], m: int, observed: int, alternative: Alternative, samples: int, seed: int
) -> float:
    random, values = np.random.default_rng(seed), np.array(scores, dtype=np.int64)
    centre = m * int(values.sum())
    here, hits = len(scores) * observed - centre, 0
    for _ in range(samples):
        t = len(scores) * int(random.permutation(values)[:m].sum()) - centre
        if alternative == "two-sided":
            hits += abs(t) >= abs(here)
        else:
            hits += t >= here if alternative == "greater" else t <= here
    return monte_carlo_p(hits, samples)


def shift(
    x: ArrayLike, y: ArrayLike, *, level: float = 0.95, places: Places = "conditional"
) -> Shift | NotEstimable:
    """Hodges-Lehmann shift of `x` (m,) over `y` (n,) with its exact interval.

    The interval lies between two ordered differences (Moses, 1953; Bauer, JASA 1972;67:687). With
    ties, "conditional" takes their places from the mid-ranks at hand and counts a difference at the
    end half, as StatXact does; "tie-free" takes them from m and n alone, which covers at least at its
    level for every pair of distributions and moves with a shift of x. Not estimable where no choice
    of m among all is rarer than (1 - level) / 2.
    """
    check_choice("places", places, get_args(Places))
    first, second = sample(x), sample(y)
    for each in (first, second):
        if isinstance(each, NotEstimable):
            return each
    a, b = np.asarray(first), np.asarray(second)
    differences = np.sort(np.subtract.outer(a, b).ravel())
    return Shift(float(np.median(differences)), _shift_interval(a, b, differences, level, places))


def _shift_interval(
    a: _Floats, b: _Floats, differences: _Floats, level: float, places: Places
) -> Interval | NotEstimable:
    each_side, m = error_rate(level) / 2, len(a)
    ranks = mid_ranks(np.concatenate([a, b]))
    if 1 / comb(len(ranks), m) > each_side:
        return NotEstimable(f"too few values for a {100 * level:.6g} % interval")
    tied = places == "conditional" and len(np.unique(ranks)) < len(ranks)
    # Twice U after a shift by each difference; without ties, by hardly less than each in its turn.
    not_below = differences.size - np.arange(differences.size)
    twice_u = 2 * not_below
    if tied:
        not_below = differences.size - np.searchsorted(differences, differences, "left")
        twice_u = not_below + differences.size - np.searchsorted(differences, differences, "right")
    else:
        ranks = np.arange(2, 2 * len(ranks) + 1, 2)
    low, high, how = _quantiles(ranks, m, each_side)
    lower = differences[twice_u > high].max() if (twice_u > high).any() else differences[0]
    upper = differences[twice_u <= low].min() if (twice_u <= low).any() else differences[-1]
    return Interval(float(lower), float(upper), level, f"Hodges-Lehmann, {how} Mann-Whitney")


def _quantiles(ranks: _Ints, m: int, each_side: float) -> tuple[float, float, str]:
    """The least values of twice U at or below which lie `each_side` and 1 - `each_side`."""
    least, size = m * (m + 1), len(ranks)
    known = _distribution(ranks.tolist(), m)
    if known is None:
        error = np.sqrt(m * (size - m) * ranks.var() / (size - 1))
        reach = NormalDist().inv_cdf(1 - each_side) * float(error)
        return m * float(ranks.mean()) - least - reach, m * float(ranks.mean()) - least + reach, "asymptotic"
    sums, weights = known
    cdf = np.cumsum(weights) / weights.sum()
    slack = 1e-12  # sums of counts that should equal the probability asked for
    low, high = (int(sums[np.searchsorted(cdf, q - slack)]) for q in (each_side, 1 - each_side))
    return low - least, high - least, "exact"
