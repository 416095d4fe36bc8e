"""Rank correlation with exact p-values: Spearman's rho and Kendall's tau-b.

Under the null every pairing of the two samples is as likely, their ties given. For Spearman the
pairings are summed by dynamic programming over subsets, exact with ties for up to 12 pairs; beyond,
and up to 1289 pairs without ties, by an Edgeworth series (Best and Roberts, AS 89, Appl Stat
1975;24:377); else by Student's t. Kendall is exact for any number of pairs without ties, and with
ties for up to 12; else normal.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import erfc, exp, factorial, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.sample import mid_ranks, sample
from trialrun.analysis.exact.significance import Alternative, permutation, positive

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]
_SUBSETS = 12  # pairs whose subsets are run through


@dataclass(frozen=True, slots=True)
class Correlation:
    """`coefficient` is rho or tau-b, -1 … 1; "greater" is evidence that it is positive.

    `statistic` is Spearman's sum of squared rank differences, or Kendall's number of concordant
    pairs less discordant ones. `method`: "exact", "Edgeworth series", "t" or "normal".
    """

    coefficient: float
    statistic: float
    n: int
    p: float
    mid_p: float | None
    alternative: Alternative
    method: str


def spearman(
    x: ArrayLike, y: ArrayLike, *, alternative: Alternative = "two-sided"
) -> Correlation | NotEstimable:
    """Spearman's rho of pairs (n,), with the best p-value available for this n and these ties."""
    ranks = _ranked(x, y)
    if isinstance(ranks, NotEstimable):
        return ranks
    a, b = ranks
    n = len(a)
    centred = a - (n + 1), b - (n + 1)
    rho = float((centred[0] * centred[1]).sum() / np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
    s = float(((a - b) ** 2).sum()) / 4
    tied = len(np.unique(a)) < n or len(np.unique(b)) < n
    if n <= _SUBSETS:
        weights = _pairing_sums(a, b)
        expected = Fraction(int(a.sum()) * int(b.sum()), n)
        p, mid = permutation(np.arange(weights.size), weights, int(a @ b), expected, alternative)
        return Correlation(rho, s, n, p, mid, alternative, "exact")
    series = not tied and n < 1290
    p = _edgeworth(s, n, alternative) if series else _t(rho, n, alternative)
    return Correlation(rho, s, n, p, None, alternative, "Edgeworth series" if series else "t")


def _ranked(x: ArrayLike, y: ArrayLike) -> tuple[_Ints, _Ints] | NotEstimable:
    """Doubled mid-ranks of both."""
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"pairs are needed; got {first.shape} and {second.shape} values")
    for each in (first, second):
        if isinstance(found := sample(each, least=2), NotEstimable):
            return found
        if np.ptp(each) == 0:
            return NotEstimable("all values are equal")
    return mid_ranks(first), mid_ranks(second)


def _pairing_sums(a: _Ints, b: _Ints) -> _Floats:
    """How often each sum of a[i] b[π(i)] arises over all orders π, by the set of b already used."""
    n = len(a)
    width = int(np.sort(a) @ np.sort(b)) + 1
    level: dict[int, _Floats] = {0: np.eye(1, width)[0]}
    for value in a.tolist():
        grown: dict[int, _Floats] = {}
        for used, counts in level.items():
            for j in range(n):
                if used >> j & 1:
                    continue
                step = value * int(b[j])
                into = grown.setdefault(used | 1 << j, np.zeros(width))
                into[step:] += counts[: width - step]
        level = grown
    return level[(1 << n) - 1]


def _edgeworth(s: float, n: int, alternative: Alternative) -> float:
    """Tail of S by the series of AS 89, which steps over even S."""
    low = _edgeworth_tail(s + 2, n)  # P(S >= s + 2): 1 - P(S <= s)
    tails = {"greater": 1 - low, "less": _edgeworth_tail(s, n)}
    p = 2 * min(tails.values()) if alternative == "two-sided" else tails[alternative]
    return positive(p)


def _edgeworth_tail(s: float, n: int) -> float:
    """P(S >= s) for the sum S of squared rank differences of n untied pairs."""
    b = 1 / n
    x = (6 * (s - 1) * b / (n * n - 1) - 1) * sqrt(n - 1)
    y = x * x
    steep = 0.0072 - 0.0831 * b + y * b * (0.0131 - 4.6e-4 * y)
    curved = -0.0758 + b * (0.1033 + 0.3932 * b) - y * b * (0.0879 + 0.0151 * b - y * steep)
    correction = x * b * (0.2274 + b * (0.2531 + 0.1745 * b) + y * curved)
    return min(1.0, max(0.0, correction * exp(-y / 2) + erfc(x / sqrt(2)) / 2))


def _t(rho: float, n: int, alternative: Alternative) -> float:
    from scipy.special import stdtr

    t = np.copysign(np.inf, rho) if abs(rho) >= 1 else rho * sqrt((n - 2) / (1 - rho * rho))
    tails = {"greater": stdtr(n - 2, -t), "less": stdtr(n - 2, t), "two-sided": 2 * stdtr(n - 2, -abs(t))}
    return positive(float(tails[alternative]))


def kendall(
    x: ArrayLike, y: ArrayLike, *, alternative: Alternative = "two-sided"
) -> Correlation | NotEstimable:
    """Kendall's tau-b of pairs (n,), with the best p-value available for this n and these ties."""
    ranks = _ranked(x, y)
    if isinstance(ranks, NotEstimable):
        return ranks
    a, b = ranks
    n = len(a)
    signs_a, signs_b = (np.sign(np.subtract.outer(each, each)) for each in (a, b))
    s = int((signs_a * signs_b).sum()) // 2
    untied = [int(np.abs(each).sum()) // 2 for each in (signs_a, signs_b)]
    tau = s / sqrt(untied[0] * untied[1])
    if untied == [n * (n - 1) // 2] * 2 and n <= 170:
        values, weights = _inversions(n)
        p, mid = permutation(values, weights, s, Fraction(0), alternative)
    elif n <= _SUBSETS:
        values, weights = _concordances(a, b)
        p, mid = permutation(values, weights, s, Fraction(0), alternative)
    else:
        return Correlation(tau, s, n, _kendall_normal(s, a, b, alternative), None, alternative, "normal")
    return Correlation(tau, s, n, p, mid, alternative, "exact")


def _inversions(n: int) -> tuple[_Ints, _Floats]:
    """Values of S and their probabilities without ties: each new item passes 0 … i others."""
    pmf = np.ones(1)
    for i in range(1, n):
        pmf = np.convolve(pmf, np.full(i + 1, 1 / (i + 1)))
    return n * (n - 1) // 2 - 2 * np.arange(pmf.size), pmf


def _concordances(a: _Ints, b: _Ints) -> tuple[_Ints, _Floats]:
    """Values of S and how many of all pairings have each, by the set of b already used.

    Along rising a, each group of tied values takes a set of b; pairs within it do not count, and each that
    it makes with those before counts by the sign of their b. The numbers of pairings are the digits of one
    integer, lowest S first, so that a shift adds to S; there are at most n! in a digit.
    """
    n = len(b)
    below = [sum(1 << u for u in range(n) if b[u] < b[j]) for j in range(n)]
    above = [sum(1 << u for u in range(n) if b[u] > b[j]) for j in range(n)]
    most, digit = n * (n - 1) // 2, factorial(n).bit_length()
    level = {0: 1 << most * digit}
    for size in np.unique(a, return_counts=True)[1].tolist():
        grown: dict[int, int] = {}
        for used, counts in level.items():
            gain = {
                j: (below[j] & used).bit_count() - (above[j] & used).bit_count()
                for j in range(n)
                if not used >> j & 1
            }
            for group in combinations(gain, size):
                into, gained = used + sum(1 << j for j in group), digit * sum(gain[j] for j in group)
                moved = counts << gained if gained >= 0 else counts >> -gained  # nothing reaches the ends
                grown[into] = grown.get(into, 0) + moved
        level = grown
    values, told = np.arange(-most, most + 1), level[(1 << n) - 1]
    return values, np.array([told >> digit * i & (1 << digit) - 1 for i in range(values.size)], np.float64)


def _kendall_normal(s: int, a: _Ints, b: _Ints, alternative: Alternative) -> float:
    """S over its standard deviation given ties (Kendall, 1970), without continuity correction."""
    from scipy.special import ndtr

    n = len(a)
    ties = [np.unique(each, return_counts=True)[1].astype(np.float64) for each in (a, b)]
    v0 = n * (n - 1) * (2 * n + 5)
    v = [float((t * (t - 1) * (2 * t + 5)).sum()) for t in ties]
    pairs = [float((t * (t - 1)).sum()) for t in ties]
    triples = [float((t * (t - 1) * (t - 2)).sum()) for t in ties]
    variance = (v0 - v[0] - v[1]) / 18 + pairs[0] * pairs[1] / (2 * n * (n - 1))
    variance += triples[0] * triples[1] / (9 * n * (n - 1) * (n - 2))
    z = s / sqrt(variance)
    tails = {"greater": ndtr(-z), "less": ndtr(z), "two-sided": 2 * ndtr(-abs(z))}
    return positive(float(tails[alternative]))
