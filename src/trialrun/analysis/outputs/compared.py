"""P-values of the columns of a table: analysis of variance, Pearson's chi-square, Fisher's exact test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from math import comb, fsum, prod

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.estimate import NotEstimable

P = float | NotEstimable


def anova(groups: Sequence[Sequence[float]]) -> P:
    """One-way analysis of variance, F test of equal means."""
    from scipy.special import fdtrc

    there = [group for group in groups if group]
    n, k = sum(map(len, there)), len(there)
    if k < 2 or n <= k:
        return NotEstimable("fewer than two groups with values")
    grand = fsum(value for group in there for value in group) / n
    means = [fsum(group) / len(group) for group in there]
    between = fsum(len(group) * (mean - grand) ** 2 for group, mean in zip(there, means, strict=True))
    within = fsum((value - mean) ** 2 for group, mean in zip(there, means, strict=True) for value in group)
    if within == 0:
        return NotEstimable("all values in each group are equal")
    return float(fdtrc(k - 1, n - k, (between / (k - 1)) / (within / (n - k))))


def kruskal_wallis(groups: Sequence[Sequence[float]]) -> P:
    """Kruskal-Wallis test, chi-square approximation with correction for ties."""
    from scipy.special import chdtrc
    from scipy.stats import rankdata

    there = [group for group in groups if group]
    n = sum(map(len, there))
    if len(there) < 2:
        return NotEstimable("fewer than two groups with values")
    values = np.concatenate([np.asarray(group, dtype=np.float64) for group in there])
    ranks = rankdata(values).tolist()
    counts = np.unique(values, return_counts=True)[1].tolist()
    ties = 1 - sum(count**3 - count for count in counts) / (n**3 - n)
    if ties == 0:
        return NotEstimable("all values are equal")
    total, start = 0.0, 0
    for group in there:
        total += fsum(ranks[start : start + len(group)]) ** 2 / len(group)
        start += len(group)
    statistic = (12 / (n * (n + 1)) * total - 3 * (n + 1)) / ties
    return float(chdtrc(len(there) - 1, statistic))


def chi_square(table: Sequence[Sequence[int]]) -> P:
    """Pearson's chi-square of a table of counts, rows and columns without any left out; not corrected."""
    from scipy.special import chdtrc

    counts = _filled(table)
    if counts.shape[0] < 2 or counts.shape[1] < 2:
        return NotEstimable("fewer than two rows or columns with participants")
    n = counts.sum()
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n
    statistic = fsum(((counts - expected) ** 2 / expected).ravel().tolist())
    return float(chdtrc((counts.shape[0] - 1) * (counts.shape[1] - 1), statistic))


def _filled(table: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    counts = np.array(table, dtype=np.float64, ndmin=2)
    rows, columns = np.flatnonzero(counts.sum(axis=1)), np.flatnonzero(counts.sum(axis=0))
    return np.asarray(counts[np.ix_(rows, columns)])


def fisher(table: Sequence[Sequence[int]]) -> P:
    """Fisher's exact test of any table of counts (Freeman-Halton), two-sided by the tables' probability.

    Every table with the same margins is looked at, column by column, those with equal rests together;
    in whole numbers, so that equally probable tables are exactly equal.
    """
    counts = _filled(table).astype(int).tolist()
    if len(counts) < 2 or len(counts[0]) < 2:
        return NotEstimable("fewer than two rows or columns with participants")
    return _freeman_halton(tuple(map(tuple, counts)))


MOST = 200_000  # partial tables that are held at once


@lru_cache(maxsize=4096)
def _freeman_halton(counts: tuple[tuple[int, ...], ...]) -> P:
    """The weight of a table is the product of its columns' multinomial coefficients, a whole number."""
    rows, columns = tuple(map(sum, counts)), list(zip(*counts, strict=True))
    observed = prod(_ways(column) for column in columns)
    partial: dict[tuple[int, ...], dict[int, int]] = {rows: {1: 1}}
    for column in columns[:-1]:
        partial = _further(partial, sum(column))
        if sum(map(len, partial.values())) > MOST:
            return NotEstimable("too many tables with these margins for an exact test")
    total = extreme = 0
    for rest, weights in partial.items():  # the last column is what is left
        last = _ways(rest)
        for weight, count in weights.items():
            total += weight * last * count
            extreme += weight * last * count if weight * last <= observed else 0
    return float(Fraction(extreme, total))


def _further(
    partial: dict[tuple[int, ...], dict[int, int]], size: int
) -> dict[tuple[int, ...], dict[int, int]]:
    """Every way to take a column of this size from what is left of the rows."""
    found: dict[tuple[int, ...], dict[int, int]] = {}
    for rest, weights in partial.items():
        for column in _columns(rest, size):
            ways = _ways(column)
            left = tuple(row - count for row, count in zip(rest, column, strict=True))
            held = found.setdefault(left, {})
            for weight, count in weights.items():
                held[weight * ways] = held.get(weight * ways, 0) + count
    return found


def _ways(column: Sequence[int]) -> int:
    """Multinomial coefficient."""
    made, total = 1, 0
    for count in column:
        total += count
        made *= comb(total, count)
    return made


def _columns(rest: tuple[int, ...], size: int) -> Iterator[tuple[int, ...]]:
    if len(rest) == 1:
        if size <= rest[0]:
            yield (size,)
        return
    for first in range(max(0, size - sum(rest[1:])), min(rest[0], size) + 1):
        for more in _columns(rest[1:], size - first):
            yield first, *more
