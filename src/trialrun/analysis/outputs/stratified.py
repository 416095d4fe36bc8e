"""Cochran-Mantel-Haenszel tests of tables of counts, controlled for strata.

After Landis, Heyman and Koch, International Statistical Review 1978; 46: 237-254, formulas (3.4) to (3.9):
what is counted less what is expected is summed over the strata, as is its hypergeometric covariance. In
fractions, so that a combination that does not vary at all is exactly zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from trialrun.analysis.estimate import NotEstimable

Association = Literal["cmh-general", "cmh-means", "cmh-correlation"]
Table = Sequence[Sequence[int]]
Weights = list[list[Fraction]]  # a row for each contrast


def cochran_mantel_haenszel(
    strata: Sequence[Table], association: Association, scores: Sequence[float]
) -> float | NotEstimable:
    """P-value that groups (rows) and answers (columns) are not associated in any stratum.

    ``cmh-general``: of any kind, (r-1)(c-1) degrees of freedom; ``cmh-means``: the means of the answers'
    ``scores`` differ, r-1; ``cmh-correlation``: they rise or fall with the place of the group, 1. Degrees of
    freedom that nothing can vary in are not counted.
    """
    from scipy.special import chdtrc

    there = [table for table in strata if sum(map(sum, table)) > 1]
    if not there:
        return NotEstimable("no stratum with two participants")
    groups = _groups(len(there[0]), association)
    answers = _answers(len(scores), association, scores)
    pairs = [(group, answer) for group in groups for answer in answers]
    off = [Fraction(0)] * len(pairs)
    covariance = [[Fraction(0)] * len(pairs) for _ in pairs]
    for table in there:
        rows, columns = [sum(row) for row in table], [sum(column) for column in zip(*table, strict=True)]
        n = sum(rows)
        for i, (group, answer) in enumerate(pairs):
            off[i] += sum(
                group[j] * answer[k] * (count - Fraction(rows[j] * columns[k], n))
                for j, row in enumerate(table)
                for k, count in enumerate(row)
            )
            for m, (other, reply) in enumerate(pairs):
                both = _covariance(rows, n, group, other) * _covariance(columns, n, answer, reply)
                covariance[i][m] += both * n * n / (n - 1)
    statistic, freedom = _quadratic(off, covariance)
    if freedom == 0:
        return NotEstimable("no stratum in which both the columns and the levels differ")
    return float(chdtrc(freedom, float(statistic)))


def _groups(n: int, association: Association) -> Weights:
    """Each group against the last; or the groups by their place."""
    if association == "cmh-correlation":
        return [[Fraction(place) for place in range(1, n + 1)]]
    return _each(n)


def _answers(n: int, association: Association, scores: Sequence[float]) -> Weights:
    return _each(n) if association == "cmh-general" else [[Fraction(score) for score in scores]]


def _each(n: int) -> Weights:
    return [[Fraction(int(i == j)) for j in range(n)] for i in range(n - 1)]


def _covariance(
    counts: Sequence[int], n: int, one: Sequence[Fraction], other: Sequence[Fraction]
) -> Fraction:
    """Of two weights over a margin's proportions."""
    both = sum((a * b * count for a, b, count in zip(one, other, counts, strict=True)), Fraction(0))
    first = sum((a * count for a, count in zip(one, counts, strict=True)), Fraction(0))
    second = sum((b * count for b, count in zip(other, counts, strict=True)), Fraction(0))
    return both / n - first * second / (n * n)


def _quadratic(off: list[Fraction], covariance: list[list[Fraction]]) -> tuple[Fraction, int]:
    """off' covariance⁻ off and the rank, by elimination; what has no variance left is passed over."""
    rest, left = [list(row) for row in covariance], list(off)
    total, rank = Fraction(0), 0
    for i in range(len(left)):
        pivot = rest[i][i]
        if pivot == 0:
            continue
        total, rank = total + left[i] ** 2 / pivot, rank + 1
        for j in range(i + 1, len(left)):
            times = rest[j][i] / pivot
            left[j] -= times * left[i]
            rest[j] = [a - times * b for a, b in zip(rest[j], rest[i], strict=True)]
    return total, rank
