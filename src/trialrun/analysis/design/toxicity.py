"""Boundaries that stop a trial for too many events, calibrated exactly.

A repeated test asks at each look whether the events so far are too many to be explained by the rate
`theta`, and how many are too many is set by one constant: the most lenient for which a trial with that
rate stops with probability at most `phi`. Outcomes are immediate; `delayed` says what changes otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.boundary import Boundary
from trialrun.analysis.design.beta_binomial import posterior_above
from trialrun.analysis.estimate import check_choice

Scale = Literal["exact", "score"]
POCOCK, OBRIEN_FLEMING = 0.5, 0.0  # the shapes of the two best known members of Wang and Tsiatis's family
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RepeatedTest:
    """A calibrated boundary, and how close the calibration is.

    `beyond` is the next boundary, the first that stops too often (None if none does); `constant` is where it
    begins: every constant below it, down to the one before, gives `boundary`. On the exact scale the constant
    is the probability to which each look tests (at the last look, for shapes other than Pocock's).
    """

    boundary: Boundary
    beyond: Boundary | None
    constant: float | None


def pocock(n_max: int, theta: float, phi: float, *, looks: Sequence[int] | None = None) -> Boundary:
    """Pocock-type boundary: every look tests to the same level.

    Stops at n when P(X >= events | n, theta) is at or below one constant, the same for all n. `looks` are the
    numbers of participants at which to look: after each, if not given. Raises ValueError for impossible
    designs. Ivanova, Qaqish and Schell, Biometrics 2005;61:540.
    """
    return repeated_test(n_max, theta, phi, looks=looks).boundary


def obrien_fleming(
    n_max: int, theta: float, phi: float, *, looks: Sequence[int] | None = None, scale: Scale = "exact"
) -> Boundary:
    """O'Brien-Fleming-type boundary: strict at first, close to a single test at the end."""
    return repeated_test(n_max, theta, phi, shape=OBRIEN_FLEMING, looks=looks, scale=scale).boundary


def repeated_test(
    n_max: int,
    theta: float,
    phi: float,
    *,
    shape: float = POCOCK,
    looks: Sequence[int] | None = None,
    scale: Scale = "exact",
    rate: float | None = None,
) -> RepeatedTest:
    """A boundary of Wang and Tsiatis's family (Biometrics 1987;43:193), from their `shape` 0 to 0.5.

    On the "exact" scale the test at n compares the normal quantile of the binomial tail, times (n /
    n_max)^(1/2 - shape), with one constant; on the "score" scale it compares (events - n theta) / sqrt(n
    theta (1 - theta)), times the same (Martens and Logan, Clin Trials 2024;21:152).

    `rate`, if given, is where `phi` holds, instead of `theta`: at the rate that is too high, `beyond` is the
    first boundary to stop with the power `phi`.

    At rates of 0.05 and less the exact scale of O'Brien and Fleming is not in the order of n: events that
    would stop a later look, though none is added, then stop the earlier one, so that the boundary never
    falls.
    """
    check_choice("scale", scale, get_args(Scale))
    if n_max < 1 or not 0 < theta < 1 or not 0 < phi < 1 or not 0 <= shape <= 0.5:
        raise ValueError(
            f"a boundary for n_max={n_max}, theta={theta}, phi={phi}, shape={shape}: "
            "needs n_max >= 1, 0 < theta, phi < 1 and a shape from 0 to 0.5"
        )
    at = theta if rate is None else rate
    if not theta <= at < 1:
        raise ValueError(f"rate {at}: write one from theta, {theta}, to below 1")
    time = (np.arange(1, n_max + 1)[:, np.newaxis] / n_max) ** (0.5 - shape)
    value = _quantiles(n_max, theta) if scale == "exact" else -_scores(n_max, theta)
    found = _calibrated(_at_looks(value * time, looks), at, phi)
    if scale == "score" or found.constant is None:
        return found
    from scipy.special import ndtr

    return RepeatedTest(found.boundary, found.beyond, float(ndtr(found.constant)))


def bayesian(
    n_max: int,
    threshold: float,
    certainty: float,
    *,
    prior: tuple[float, float] = (1.0, 1.0),
    looks: Sequence[int] | None = None,
) -> Boundary:
    """Stops when P(rate > threshold | data) > `certainty` (strictly), from a Beta prior (events, non-events).

    Thall and Simon, Biometrics 1994;50:337; Geller et al. 2003.
    """
    if n_max < 1 or not 0 < threshold < 1 or not 0 < certainty < 1:
        raise ValueError(
            f"bayesian({n_max}, {threshold}, {certainty}): needs n_max >= 1, 0 < threshold, certainty < 1"
        )
    value = _at_looks(-_posteriors(n_max, threshold, prior), looks)
    return Boundary(_first(value < -certainty))


def calibrated_bayesian(
    n_max: int,
    theta: float,
    phi: float,
    *,
    prior: tuple[float, float] = (1.0, 1.0),
    looks: Sequence[int] | None = None,
) -> RepeatedTest:
    """Stops when P(rate > theta | data) is high; how high is set by the size `phi` at rate theta.

    The `constant` of the result is that probability, below which too many trials would stop.
    """
    if n_max < 1 or not 0 < theta < 1 or not 0 < phi < 1:
        raise ValueError(
            f"calibrated_bayesian({n_max}, {theta}, {phi}): needs n_max >= 1, 0 < theta, phi < 1"
        )
    found = _calibrated(_at_looks(-_posteriors(n_max, theta, prior), looks), theta, phi)
    return RepeatedTest(found.boundary, found.beyond, None if found.constant is None else -found.constant)


def _calibrated(value: _Floats, rate: float, phi: float) -> RepeatedTest:
    """The boundary `value <= constant` with the greatest constant that stops at most so often at a rate.

    value: (n_max, n_max + 1), by participants and events, falling along events; infinity never stops.
    """
    candidates = _distinct(value)
    low, high = 0, candidates.size
    while low < high:  # the stopping probability rises with the constant: bisect for the last that fits
        middle = (low + high) // 2
        fits = _below(value, candidates[middle]).operating_characteristics(rate).stop <= phi
        low, high = (middle + 1, high) if fits else (low, middle)
    within = _below(value, candidates[low - 1]) if low else Boundary((None,) * len(value))
    if low == candidates.size:
        return RepeatedTest(within, None, None)
    return RepeatedTest(within, _below(value, candidates[low]), float(candidates[low]))


def _slack(constant: _Floats | float) -> _Floats:
    # Equal probabilities reach here by different sums; without the slack rounding would split them.
    return np.asarray(1e-10 * np.maximum(1.0, np.abs(constant)))


def _distinct(value: _Floats) -> _Floats:
    """The finite values, each once; of those that differ by rounding alone, the greatest."""
    found = np.unique(value[np.isfinite(value)])
    apart = np.diff(found, append=np.inf) > _slack(found)
    return np.asarray(found[apart])


def _below(value: _Floats, constant: float) -> Boundary:
    return Boundary(_first(value <= constant + _slack(constant)))


def _first(inside: NDArray[np.bool_]) -> tuple[int | None, ...]:
    """For each n the smallest number of events that is inside, if any."""
    return tuple(int(row.argmax()) if row.any() else None for row in inside)


def _at_looks(value: _Floats, looks: Sequence[int] | None) -> _Floats:
    """Infinity where nobody looks, and for no events at all, which never stop a trial."""
    n_max = len(value)
    wanted = range(1, n_max + 1) if looks is None else looks
    if len(wanted) == 0 or sorted(set(wanted)) != list(wanted) or wanted[0] < 1 or wanted[-1] > n_max:
        raise ValueError(
            f"looks {list(wanted)}: numbers of participants must rise, from 1 to {n_max} at most"
        )
    rows = np.asarray(wanted) - 1
    inside = np.zeros(value.shape, dtype=bool)
    inside[rows, 1:] = value[rows, 1:] < np.inf
    # Events that would stop at a later look, though none is added, stop now: a boundary never falls.
    later = np.minimum.accumulate(np.where(inside, value, np.inf)[::-1])[::-1]
    return np.where(inside, later, np.inf)


def _grid(n_max: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.arange(1, n_max + 1)[:, np.newaxis], np.arange(n_max + 1)[np.newaxis]


def _quantiles(n_max: int, theta: float) -> _Floats:
    """The normal quantile of P(X >= events | n, theta); infinity beyond n events."""
    from scipy.special import ndtri

    tails = np.ones((n_max + 1, n_max + 1))
    row = np.zeros(n_max + 1)
    row[0] = 1.0
    for n in range(1, n_max + 1):
        row[1:] = (1 - theta) * row[1:] + theta * row[:-1]
        tails[n, : n + 1] = row[: n + 1]
    return np.asarray(ndtri(np.minimum(tails[1:], 1.0)))


def _scores(n_max: int, theta: float) -> _Floats:
    n, events = _grid(n_max)
    return np.where(events <= n, (events - n * theta) / np.sqrt(n * theta * (1 - theta)), -np.inf)


def _posteriors(n_max: int, threshold: float, prior: tuple[float, float]) -> _Floats:
    n, events = _grid(n_max)
    found = posterior_above(np.minimum(events, n), n, threshold, prior)
    return np.where(events <= n, found, -np.inf)
