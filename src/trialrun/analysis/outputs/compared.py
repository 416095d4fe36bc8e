"""P-values of the columns of a table: analysis of variance, Pearson's chi-square, Fisher's exact test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from math import comb, fsum, prod

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.sample import mid_ranks

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

    there = [group for group in groups if group]
    n = sum(map(len, there))
    if len(there) < 2:
        return NotEstimable("fewer than two groups with values")
    values = np.concatenate([np.asarray(group, dtype=np.float64) for group in there])
    ranks = (mid_ranks(values) / 2).tolist()
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

    Every table with the same margins is looked at, column by column, those with equal rests together.
    Where one side has two levels it is done in whole numbers, so that equally probable tables are exactly
    equal; else by logarithms, and those within 1e-7 are equal, as in FEXACT and R.
    """
    counts = _filled(table).astype(int).tolist()
    if len(counts) < 2 or len(counts[0]) < 2:
        return NotEstimable("fewer than two rows or columns with participants")
    if min(len(counts), len(counts[0])) > 2:
        return _network(tuple(map(tuple, counts)))
    return _freeman_halton(tuple(map(tuple, counts)))


MOST = 200_000  # partial tables that are held at once


@lru_cache(maxsize=4096)
def _freeman_halton(counts: tuple[tuple[int, ...], ...]) -> P:
    """The weight of a table is the product of its columns' multinomial coefficients, a whole number.

    The largest column comes last, for its counts follow from the others.
    """
    rows, columns = tuple(map(sum, counts)), sorted(zip(*counts, strict=True), key=sum)
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


EQUAL = 1e-7  # of logarithms: tables that are as probable as the observed one


@lru_cache(maxsize=4096)
def _network(counts: tuple[tuple[int, ...], ...]) -> P:
    """The largest two columns are taken at once: of each rest, the probabilities of all ways to part it are
    sorted and summed, and every way to have come there reads its own sum (after Mehta and Patel, JASA 1983;
    78: 427)."""
    if len(counts) > len(counts[0]):
        counts = tuple(zip(*counts, strict=True))
    rows, columns = tuple(map(sum, counts)), sorted(zip(*counts, strict=True), key=sum)
    n = sum(rows)
    factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    observed = -float(factorial[np.array(columns)].sum()) + EQUAL
    whole = float(factorial[n] - factorial[list(rows)].sum() - factorial[list(map(sum, columns))].sum())
    came: dict[tuple[int, ...], list[NDArray[np.float64]]] = {rows: [np.zeros(1)]}
    for column in columns[:-2]:
        before, came = came, {}
        for rest, ways in before.items():
            held = np.concatenate(ways)
            for part in _parts(rest, sum(column)):
                left = tuple((np.array(rest) - part).tolist())
                came.setdefault(left, []).append(held - factorial[part].sum())
        if sum(len(way) for ways in came.values() for way in ways) > MOST:
            return NotEstimable("too many tables with these margins for an exact test")
    extreme = []
    for rest, ways in came.items():
        parts = _parts(rest, sum(columns[-2]))
        if not len(parts):
            continue
        further = np.sort(-(factorial[parts] + factorial[np.array(rest) - parts]).sum(axis=1))
        summed = np.concatenate([[0.0], np.cumsum(np.exp(further - further[-1]))])
        held = np.concatenate(ways)
        found = summed[np.searchsorted(further, observed - held, side="right")]
        extreme.append(float((np.exp(held + further[-1] - whole) * found).sum()))
    return min(1.0, float(f"{fsum(extreme):.8g}"))


def _parts(rest: Sequence[int], size: int) -> NDArray[np.int64]:
    """(ways, rows): every way to take a column of this size from what is left of the rows."""
    grids = np.meshgrid(*(np.arange(min(one, size) + 1) for one in rest[:-1]), indexing="ij")
    first = np.stack([grid.ravel() for grid in grids], axis=1)
    last = size - first.sum(axis=1)
    parts: NDArray[np.int64] = np.column_stack([first, last])[(last >= 0) & (last <= rest[-1])]
    return parts
