"""The sign-flip permutation test: is the sum of paired differences more than their signs' chance?

Fisher, The Design of Experiments, 1935, chapter 3: under symmetry about 0 each difference takes
either sign with probability 1/2, its size given. The same as permuting the paired t statistic.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.sample import integers, sample
from trialrun.analysis.exact.significance import (
    Alternative,
    Significance,
    monte_carlo_p,
    permutation,
    positive,
)
from trialrun.analysis.signed_rank import null_distribution

_Ints = NDArray[np.int64]
_SUMS = 200_000  # the longest distribution worth tabulating
_HALVES = 40  # two halves of 2^20 sign patterns each


def sign_flip(
    differences: ArrayLike,
    *,
    alternative: Alternative = "two-sided",
    samples: int = 100_000,
    seed: int = 1,
) -> Significance | NotEstimable:
    """Permutation test on the sum of `differences` (n,), which are taken at 12 significant digits.

    Exact by dynamic programming where the sums are few integers, else for up to 40 differences
    other than zero by ordering the sums of two halves; beyond, Monte Carlo of `samples` sign
    patterns from `seed`, and labelled so. With zeros alone p is 1.
    """
    d = sample(differences)
    if isinstance(d, NotEstimable):
        return d
    whole = [each for each in integers(d) if each]
    sizes, total = [abs(each) for each in whole], sum(whole)
    if sum(sizes) <= _SUMS:
        pmf = null_distribution(tuple(sizes))
        sums = 2 * np.arange(pmf.size) - sum(sizes)
        p, mid = permutation(sums, pmf, total, Fraction(0), alternative)
    elif len(sizes) <= _HALVES:
        p, mid = _by_halves(sizes, total, alternative)
    else:
        p = _monte_carlo(sizes, total, alternative, samples, seed)
        label = f"Monte Carlo, {samples} samples, seed {seed}"
        return Significance(float(d.sum()), p, None, alternative, label)
    return Significance(float(d.sum()), p, mid, alternative, "exact")


def _by_halves(sizes: list[int], total: int, alternative: Alternative) -> tuple[float, float]:
    """p and mid-P by counting, for every sum of one half, the sums of the other that reach the total."""
    threshold = abs(total) if alternative == "two-sided" else total if alternative == "greater" else -total
    first, second = _sums(sizes[::2]), np.sort(_sums(sizes[1::2]))
    at_least = int((second.size - np.searchsorted(second, threshold - first, side="left")).sum())
    above = int((second.size - np.searchsorted(second, threshold - first, side="right")).sum())
    patterns = first.size * second.size
    if alternative == "two-sided":
        if threshold == 0:
            return 1.0, positive(1 - (at_least - above) / patterns / 2)
        at_least, above = 2 * at_least, 2 * above
    return positive(at_least / patterns), positive((at_least + above) / 2 / patterns)


def _sums(sizes: list[int]) -> _Ints:
    """The sum under every pattern of signs."""
    sums = np.zeros(1, dtype=np.int64)
    for size in sizes:
        sums = np.concatenate([sums - size, sums + size])
    return sums


def _monte_carlo(sizes: list[int], total: int, alternative: Alternative, samples: int, seed: int) -> float:
    random, values = np.random.default_rng(seed), np.array(sizes, dtype=np.int64)
    hits = 0
    for start in range(0, samples, 10_000):
        count = min(10_000, samples - start)
        sums = (2 * random.integers(0, 2, (count, values.size)) - 1) @ values
        if alternative == "two-sided":
            hits += int((np.abs(sums) >= abs(total)).sum())
        else:
            hits += int((sums >= total).sum() if alternative == "greater" else (sums <= total).sum())
    return monte_carlo_p(hits, samples)
