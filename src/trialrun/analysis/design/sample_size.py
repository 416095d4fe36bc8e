"""What so many participants can show: an event, an effect, a narrow interval, a small p-value."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, comb, factorial, log
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.design.binomial import pmf
from trialrun.analysis.proportion import Method, interval

_Floats = NDArray[np.float64]
Alternative = Literal["one-sided", "two-sided"]


def detection(n: ArrayLike, p: ArrayLike) -> _Floats:
    """P(at least one event among n participants), each with probability `p`; broadcasts."""
    rate = np.asarray(p, dtype=np.float64)
    if not np.all((rate >= 0) & (rate <= 1)):
        raise ValueError(f"probabilities must lie between 0 and 1; got {p!r}")
    return np.asarray(1 - (1 - rate) ** np.asarray(n))


def n_to_detect(p: float, probability: float) -> int:
    """The fewest participants with P(at least one event) >= `probability`."""
    if not 0 < p < 1 or not 0 < probability < 1:
        raise ValueError(f"n_to_detect({p}, {probability}): both must lie between 0 and 1")
    n = max(1, ceil(log(1 - probability) / log(1 - p)) - 1)  # rounding may be off by one either way
    while 1 - (1 - p) ** n < probability * (1 - 1e-12):
        n += 1
    return n


def gehan(p: float, error: float = 0.05) -> int:
    """Gehan's first stage: with no response among so many, a rate of `p` is rejected (J Chron Dis
    1961;13:346).
    """
    return n_to_detect(p, 1 - error)


def paired_t_power(
    n: float, effect: float, alpha: float = 0.05, *, sides: Literal[1, 2] = 2, both: bool = False
) -> float:
    """Power of the t-test of n paired differences, whose mean is `effect` standard deviations from 0.

    `both` adds the chance to reject on the wrong side, which is left out as is usual.
    """
    from scipy.special import nctdtr, stdtrit

    if not n > 1 or not 0 < alpha < 1 or sides not in (1, 2):
        raise ValueError(f"paired_t_power({n}, {effect}, {alpha}): needs n > 1, 0 < alpha < 1, 1 or 2 sides")
    df, centre = n - 1, abs(effect) * n**0.5
    t = float(stdtrit(df, 1 - alpha / sides))
    wrong = float(nctdtr(df, centre, -t)) if both and sides == 2 else 0.0
    return 1 - float(nctdtr(df, centre, t)) + wrong


def paired_t_n(effect: float, power: float, alpha: float = 0.05, *, sides: Literal[1, 2] = 2) -> float:
    """The n, with its fraction, at which `paired_t_power` is `power`: round it up."""
    from scipy.optimize import brentq

    if effect == 0 or not alpha < power < 1:
        raise ValueError(f"paired_t_n({effect}, {power}): needs an effect, and a power between alpha and 1")
    high = 4.0
    while paired_t_power(high, effect, alpha, sides=sides) < power:
        high *= 2
    if paired_t_power(1.01, effect, alpha, sides=sides) >= power:
        return 2.0
    return float(
        brentq(lambda n: paired_t_power(n, effect, alpha, sides=sides) - power, 1.01, high, xtol=1e-9)
    )


def widths(n: int, *, level: float = 0.95, method: Method = "clopper-pearson") -> _Floats:
    """The width of the confidence interval of a proportion, for x = 0 … n events: (n + 1,)."""
    if n < 1:
        raise ValueError(f"{n} participants have no proportion; write 1 or more")
    found = interval(np.arange(n + 1), n, level=level, method=method)
    return found.upper - found.lower


def expected_width(
    n: int, p: ArrayLike, *, level: float = 0.95, method: Method = "clopper-pearson"
) -> _Floats:
    """The mean width at the rates `p`, and in their shape."""
    return np.asarray(pmf(n, p) @ widths(n, level=level, method=method))


def n_for_width(
    width: float,
    p: float | None = None,
    *,
    level: float = 0.95,
    method: Method = "clopper-pearson",
    n_max: int = 5000,
) -> int:
    """The fewest participants whose interval has at most this width: on average at `p`, or whatever is seen.

    Raises ValueError if `n_max` are not enough.
    """
    if not 0 < width < 1:
        raise ValueError(f"a width of {width}: write one between 0 and 1")

    def wide(n: int) -> bool:
        if p is None:
            return bool(widths(n, level=level, method=method).max() > width)
        return bool(expected_width(n, p, level=level, method=method) > width)

    low, high = 0, 1
    while wide(high):
        low, high = high, 2 * high
        if low >= n_max:
            raise ValueError(f"a width of {width} needs more than {n_max} participants; raise n_max")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if wide(middle) else (low, middle)
    return high


# ---- the least p-value that a test can give ------------------------------------------------------


def least_p_paired(n: int, alternative: Alternative = "two-sided") -> float:
    """Of the signed-rank, sign and sign-flip tests of n differences, none zero, and of McNemar's of n
    discordant pairs.
    """
    return _sided(0.5 ** _positive(n), alternative)


def least_p_two_groups(n: int, m: int, alternative: Alternative = "two-sided") -> float:
    """Of the Mann-Whitney and permutation tests, and Fisher's with n and m of either outcome, n and m a
    group.
    """
    return _sided(1 / comb(_positive(n) + _positive(m), n), alternative)


def least_p_binomial(n: int, p0: float) -> float:
    """Of the one-sided exact test that a rate is above `p0`: n of n respond."""
    return float(p0 ** _positive(n))


def least_p_friedman(n: int, k: int) -> float:
    """Of Friedman's exact test: n participants all rank k visits alike."""
    return float(factorial(_positive(k)) ** (1 - _positive(n)))


def n_for_p(least: Callable[[int], float], alpha: float, *, n_max: int = 1000) -> int:
    """The fewest participants (or pairs) with which a test can reach p <= alpha at all.

    `n_for_p(least_p_paired, 0.025)` is 7: with 6, Holm's first step cannot succeed. Raises ValueError if
    none up to `n_max` can.
    """
    for n in range(1, n_max + 1):
        if least(n) <= alpha:
            return n
    raise ValueError(f"no n up to {n_max} can reach p <= {alpha}")


def _sided(p: float, alternative: Alternative) -> float:
    return min(1.0, 2 * p) if alternative == "two-sided" else p


def _positive(n: int) -> int:
    if n < 1:
        raise ValueError(f"{n} participants give no p-value; write 1 or more")
    return n
