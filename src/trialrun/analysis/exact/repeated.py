"""Repeated measures in complete blocks: Friedman, Kendall's W, Quade, Cochran's Q and Page.

Rows are participants, columns visits (or conditions), and under the null the values of a row stand
in any order. Exact p-values run through the sums of columns that those orders can give; where there
are too many, random orders from a stated seed take their place and the result says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import permutations
from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.sample import integers, mid_ranks, sample
from trialrun.analysis.exact.significance import Alternative, monte_carlo_p, permutation, positive

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]
_STATES = 2_000_000  # column sums held at once
_COLUMNS = 8  # 8! orders of a row


@dataclass(frozen=True, slots=True)
class BlockTest:
    """A statistic with its asymptotic and its exact p-value.

    `df` are the degrees of freedom of the asymptotic distribution: one for chi-squared, two for F.
    `method` says how `p` was found: "exact", or Monte Carlo with its samples and seed.
    """

    statistic: float
    df: tuple[int, ...]
    p_asymptotic: float
    p: float
    method: str


@dataclass(frozen=True, slots=True)
class Page:
    """`l` is the sum of column number times rank sum; `z` its standardised value ("greater": rising)."""

    l: float  # noqa: E741 - Page's own letter
    z: float
    p_asymptotic: float
    p: float
    mid_p: float | None
    alternative: Alternative
    method: str


def friedman(matrix: ArrayLike, *, samples: int = 100_000, seed: int = 1) -> BlockTest | NotEstimable:
    """Friedman's test of a complete (n, k) matrix, JASA 1937;32:675, corrected for ties.

    The exact p counts orders whose chi-squared is at least the one observed, given the ties.
    """
    data = _blocks(matrix)
    if isinstance(data, NotEstimable):
        return data
    ranks = mid_ranks(data)
    if np.ptp(ranks, axis=1).max() == 0:
        return NotEstimable("all values of every participant are equal")
    return _chi_squared(ranks, samples, seed)


def kendall_w(matrix: ArrayLike) -> float | NotEstimable:
    """Kendall's coefficient of concordance, 0 … 1: Friedman's chi-squared over n (k - 1), ties corrected."""
    data = _blocks(matrix)
    if isinstance(data, NotEstimable):
        return data
    ranks = mid_ranks(data)
    if np.ptp(ranks, axis=1).max() == 0:
        return NotEstimable("all values of every participant are equal")
    return float(_spread(ranks) / _within(ranks) / len(ranks))


def cochran_q(matrix: ArrayLike, *, samples: int = 100_000, seed: int = 1) -> BlockTest | NotEstimable:
    """Cochran's Q of a complete (n, k) matrix of 0 and 1, Biometrika 1950;37:256.

    Participants with the same answer throughout say nothing. Raises ValueError for other values.
    """
    data = _blocks(matrix)
    if isinstance(data, NotEstimable):
        return data
    if not np.isin(data, (0, 1)).all():
        raise ValueError("Cochran's Q takes 0 (no event) and 1 (event) alone")
    answers = data.astype(np.int64)
    if np.ptp(answers, axis=1).max() == 0:
        return NotEstimable("no participant's answer changes")
    return _chi_squared(answers, samples, seed)


def _chi_squared(scores: _Ints, samples: int, seed: int) -> BlockTest:
    """(k - 1) spread / within: Friedman's chi-squared with ties for ranks, Cochran's Q for answers."""
    from scipy.special import chdtrc

    df = scores.shape[1] - 1
    statistic = float(df * _spread(scores) / _within(scores))
    p, method = _column_sum_p(scores, samples, seed)
    return BlockTest(statistic, (df,), positive(float(chdtrc(df, statistic))), p, method)


def quade(matrix: ArrayLike, *, samples: int = 100_000, seed: int = 1) -> BlockTest | NotEstimable:
    """Quade's test of a complete (n, k) matrix, JASA 1979;74:680: ranks weighted by the rank of the range.

    The statistic is F; where it is infinite (all rows ordered alike) the asymptotic p is
    (1 / k!)^(n - 1), as Quade gives it.
    """
    data = _blocks(matrix, least=2)
    if isinstance(data, NotEstimable):
        return data
    n, k = data.shape
    centred = mid_ranks(data) - (k + 1)
    weighted = mid_ranks(np.array(integers(np.ptp(data, axis=1)), float))[:, np.newaxis] * centred
    within, between = int((weighted**2).sum()), Fraction(int((weighted.sum(axis=0) ** 2).sum()), n)
    if within == 0:
        return NotEstimable("all values of every participant are equal")
    p, method = _column_sum_p(weighted, samples, seed)
    df = (k - 1, (n - 1) * (k - 1))
    if between == within:
        return BlockTest(float(np.inf), df, positive(factorial(k) ** -(n - 1.0)), p, method)
    f = float((n - 1) * between / (within - between))
    return BlockTest(f, df, _f_tail(df, f), p, method)


def _f_tail(df: tuple[int, int], f: float) -> float:
    from scipy.special import fdtrc

    return positive(float(fdtrc(*df, f)))


def page(
    matrix: ArrayLike,
    *,
    alternative: Alternative = "greater",
    samples: int = 100_000,
    seed: int = 1,
) -> Page | NotEstimable:
    """Page's test that values rise from column to column (n, k), JASA 1963;58:216; ties as they are.

    z divides L by its standard deviation given the ties, without continuity correction, as R's coin
    does. Exact for up to 8 columns and any number of rows, since rows add up independently.
    """
    data = _blocks(matrix)
    if isinstance(data, NotEstimable):
        return data
    ranks = mid_ranks(data)
    if np.ptp(ranks, axis=1).max() == 0:
        return NotEstimable("all values of every participant are equal")
    n, k = ranks.shape
    order = np.arange(1, k + 1)
    observed, expected = int((ranks @ order).sum()), Fraction(n * k * (k + 1) ** 2, 2)
    variance = float(_within(ranks)) * float(((order - order.mean()) ** 2).sum()) / (k - 1)
    z = (observed - float(expected)) / float(np.sqrt(variance))
    asymptotic = _normal_tail(z, alternative)
    if k <= _COLUMNS:
        lowest, weights = _page_distribution(ranks, order)
        values = lowest + np.arange(weights.size)
        p, mid = permutation(values, weights, observed, expected, alternative)
        return Page(observed / 2, z, asymptotic, p, mid, alternative, "exact")
    p = _page_monte_carlo(ranks, order, observed - float(expected), alternative, samples, seed)
    label = f"Monte Carlo, {samples} samples, seed {seed}"
    return Page(observed / 2, z, asymptotic, p, None, alternative, label)


def _normal_tail(z: float, alternative: Alternative) -> float:
    from scipy.special import ndtr

    tails = {"greater": ndtr(-z), "less": ndtr(z), "two-sided": 2 * ndtr(-abs(z))}
    return positive(float(tails[alternative]))


def _page_distribution(ranks: _Ints, order: _Ints) -> tuple[int, _Floats]:
    """The lowest L, doubled, and the probabilities of it and every integer above."""
    lowest, pmf = 0, np.ones(1)
    for row in np.sort(ranks, axis=1):
        values, counts = np.unique(_orders(tuple(row.tolist())) @ order, return_counts=True)
        steps = np.bincount(values - values[0], counts) / counts.sum()
        lowest, pmf = lowest + int(values[0]), np.convolve(pmf, steps)
    return lowest, pmf


def _page_monte_carlo(
    ranks: _Ints, order: _Ints, excess: float, alternative: Alternative, samples: int, seed: int
) -> float:
    random, centre = np.random.default_rng(seed), float(ranks.sum()) * float(order.mean())
    here = sum((_random_orders(random, row, samples) @ order for row in ranks), np.zeros(samples)) - centre
    far = {"two-sided": np.abs(here) >= abs(excess), "greater": here >= excess, "less": here <= excess}
    return monte_carlo_p(int(far[alternative].sum()), samples)


def _blocks(matrix: ArrayLike, least: int = 1) -> _Floats | NotEstimable:
    data = sample(matrix, least, dimensions=2)
    if not isinstance(data, NotEstimable) and data.shape[1] < 2:
        return NotEstimable("fewer than 2 columns to compare")
    return data


def _spread(scores: _Ints) -> Fraction:
    """The sum over columns of (column sum - mean column sum)^2, exact."""
    sums = [int(each) for each in scores.sum(axis=0)]
    return Fraction(len(sums) * sum(each * each for each in sums) - sum(sums) ** 2, len(sums))


def _within(scores: _Ints) -> Fraction:
    """The sum of squares about each row's mean, exact."""
    k = scores.shape[1]
    squares, sums = int((scores**2).sum()), int((scores.sum(axis=1) ** 2).sum())
    return Fraction(k * squares - sums, k)


@lru_cache(maxsize=512)
def _orders(row: tuple[int, ...]) -> _Ints:
    """The distinct orders of a row, each as likely as any other; shape (orders, k)."""
    return np.array(sorted(set(permutations(row))), dtype=np.int64)


def _column_sum_p(scores: _Ints, samples: int, seed: int) -> tuple[float, str]:
    """P(the column sums spread at least as far as observed) when each row is in random order."""
    moving = np.sort(scores[np.ptp(scores, axis=1) > 0], axis=1)
    observed = int((scores.sum(axis=0) ** 2).sum())
    constant = int(scores[np.ptp(scores, axis=1) == 0].sum(axis=0)[0])
    known = _column_sums(moving) if scores.shape[1] <= _COLUMNS else None
    if known is None:
        return _column_sum_monte_carlo(scores, observed, samples, seed)
    sums, weights, orders = known
    sums = sums + constant
    squares = (sums**2).sum(axis=1)[:, np.newaxis] + (orders**2).sum(axis=1) + 2 * sums @ orders.T
    far = (squares >= observed).mean(axis=1)
    return positive(float((weights * far).sum() / weights.sum())), "exact"


def _column_sums(rows: _Ints) -> tuple[_Ints, _Floats, _Ints] | None:
    """The sums of columns over all rows but the last, in rising order, their probabilities, and the orders
    of the last; None if they are too many.

    Dynamic programming over rows. A random order of the next row treats all columns alike, so that
    which column has which sum may be forgotten at each step.
    """
    sums, weights = np.zeros((1, rows.shape[1]), dtype=np.int64), np.ones(1)
    for i, row in enumerate(rows, 1):
        orders = _orders(tuple(row.tolist()))
        if len(sums) * len(orders) > _STATES:
            return None
        if i < len(rows):
            grown = np.sort((sums[:, np.newaxis] + orders).reshape(-1, rows.shape[1]), axis=1)
            sums, weights = _merged(grown, np.repeat(weights / len(orders), len(orders)))
    return sums, weights, orders


def _merged(sums: _Ints, shares: _Floats) -> tuple[_Ints, _Floats]:
    """Each distinct row of sums, with the total of its shares.

    The total of a row is given, so that all but its last number, written as one integer, tell it apart; its
    place stands behind it, so that sorting alone, many times as fast as `argsort`, gives the order.
    """
    least, columns = int(sums.min()), sums.shape[1] - 1
    base = int(sums.max()) - least + 1
    bits = len(sums).bit_length()
    if base**columns < 2 ** (62 - bits):
        keys = ((sums[:, :-1] - least) @ base ** np.arange(columns) << bits) + np.arange(len(sums))
        keys.sort()
        order, differs = keys & (1 << bits) - 1, np.diff(keys >> bits) != 0
    else:
        order = np.lexsort(sums.T)
        differs = (np.diff(sums[order], axis=0) != 0).any(axis=1)
    new = np.concatenate([[True], differs])
    return sums[order[new]], np.add.reduceat(shares[order], np.flatnonzero(new))


def _column_sum_monte_carlo(scores: _Ints, observed: int, samples: int, seed: int) -> tuple[float, str]:
    random = np.random.default_rng(seed)
    sums = sum((_random_orders(random, row, samples) for row in scores), np.zeros((samples, 1), np.int64))
    hits = int(((sums**2).sum(axis=1) >= observed).sum())
    return monte_carlo_p(hits, samples), f"Monte Carlo, {samples} samples, seed {seed}"


def _random_orders(random: np.random.Generator, row: _Ints, samples: int) -> _Ints:
    """`row` in random order, `samples` times: shape (samples, k)."""
    if row.size > _COLUMNS:
        return random.permuted(np.broadcast_to(row, (samples, row.size)), axis=1)
    orders = _orders(tuple(np.sort(row).tolist()))
    return orders[random.integers(0, len(orders), samples)]
