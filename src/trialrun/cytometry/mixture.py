"""Populations as components of a mixture: Gaussian, or t for tails that are heavier than the bell.

Maximum likelihood by expectation and maximisation (t components as in Peel and McLachlan 2000,
doi:10.1023/A:1008981510081), from a start that the data alone decide: no random numbers, and the order of
events changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .density import DIGITS, Array, Cut, finite, significant

FEWEST = 20  # events per component below which none is fitted: assumption
RIDGE = 1e-6  # of each marker's variance, added to every component's, so that none falls on one point


@dataclass(frozen=True, eq=False)
class Mixture:
    """Components in ascending order of their mean in the first marker.

    weights: K, adding to 1. means: K × markers. covariances: K × markers × markers (of a t component, its
    scale matrix). freedom: degrees of freedom of the t, infinite for Gaussian. likelihood: its logarithm,
    of all `count` events. reasons: why nothing is estimable; the arrays are then empty.
    """

    weights: Array
    means: Array
    covariances: Array
    freedom: float
    likelihood: float
    count: int
    iterations: int
    reasons: tuple[str, ...] = ()

    @property
    def estimable(self) -> bool:
        return not self.reasons

    @property
    def bic(self) -> float:
        """Schwarz's criterion, -2 log likelihood + parameters × log events: the least is best."""
        size, markers = len(self.means), int(self.means.shape[1])
        free = size - 1 + size * markers + size * markers * (markers + 1) // 2
        return free * math.log(self.count) - 2 * self.likelihood

    def posterior(self, values: NDArray[Any]) -> Array:
        """Markers × events to components × events: the probability that an event comes from each."""
        return _responsibility(_joint(_rows(values), self))[0]


def fit(
    values: NDArray[Any], components: int, freedom: float = np.inf, most: int = 500, tolerance: float = 1e-7
) -> Mixture:
    """A mixture of so many components for markers × events.

    freedom: degrees of freedom of t components (openCyto's flowClust has 4), infinite for Gaussian.
    most: iterations; tolerance: gain in log likelihood per event below which it has converged.
    Not estimable with fewer than 20 events per component, a marker without spread, or no convergence.
    Raises ValueError for values that are not finite.
    """
    array = _rows(values)
    array = array[:, np.lexsort(array[::-1])]
    markers, count = array.shape
    reason = None
    if count < FEWEST * components:
        reason = f"too few events: {count} for {components} components, {FEWEST * components} are needed"
    elif (array.min(axis=1) == array.max(axis=1)).any():
        reason = "a marker has the same value in all events"
    if reason:
        return _none(markers, count, freedom, 0, reason)
    centre, scale = array.mean(axis=1), array.std(axis=1)
    scaled = (array - centre[:, None]) / scale[:, None]
    member, heavy = _start(scaled, components), np.ones((components, count))
    before = -np.inf
    for iteration in range(1, most + 1):
        found = _maximise(scaled, member, heavy, freedom, iteration)
        joint, heavy = _joint(scaled, found), _heavy(scaled, found)
        member, likelihood = _responsibility(joint)
        if likelihood - before < tolerance * count:
            break
        before = likelihood
    else:
        return _none(markers, count, freedom, most, f"no convergence within {most} iterations")
    order = np.lexsort(found.means.T[::-1])
    return Mixture(
        _rounded(found.weights[order]),
        _rounded(found.means[order] * scale + centre),
        _rounded(found.covariances[order] * np.outer(scale, scale)),
        freedom,
        significant(likelihood - count * float(np.log(scale).sum())),
        count,
        iteration,
    )


def choose(values: NDArray[Any], components: Iterable[int], freedom: float = np.inf) -> Mixture:
    """The mixture of the least BIC; of two alike the first. Not estimable only where none is."""
    found = [fit(values, number, freedom) for number in components]
    if not found:
        raise ValueError("no number of components to choose from")
    return min((one for one in found if one.estimable), key=lambda one: one.bic, default=found[0])


def threshold(values: NDArray[Any], freedom: float = np.inf) -> Cut:
    """The point between two components of one marker where an event is as likely of either.

    Not estimable where the mixture is not, where one component covers the other, or where BIC prefers one
    component to two. separation: the distance of the means over the sum of the standard deviations.
    """
    array = finite(values)[None, :]
    two, one = fit(array, 2, freedom), fit(array, 1, freedom)
    if not two.estimable:
        return Cut("mixture", None, (), None, two.count, two.reasons)
    low, high = (float(mean) for mean in two.means[:, 0])
    apart = significant((high - low) / float(np.sqrt(two.covariances[:, 0, 0]).sum()))
    seen = (low, high)
    if one.estimable and one.bic <= two.bic:
        return Cut("mixture", None, seen, apart, two.count, ("one component fits as well as two",))
    grid = np.linspace(low, high, 2001)
    share = two.posterior(grid[None, :])[1]
    crossed = np.flatnonzero((share[:-1] < 0.5) & (share[1:] >= 0.5))
    if not len(crossed):
        return Cut("mixture", None, seen, apart, two.count, ("one component covers the other",))
    left = crossed[-1]
    step = (0.5 - share[left]) / (share[left + 1] - share[left])
    cut = grid[left] + step * (grid[left + 1] - grid[left])
    return Cut("mixture", significant(float(cut)), seen, apart, two.count)


def _rows(values: NDArray[Any]) -> Array:
    array = finite(values)
    if array.ndim != 2:
        raise ValueError(f"expected markers × events, got {array.ndim} dimensions")
    return array


def _start(scaled: Array, components: int) -> Array:
    """Equal parts along the direction of the greatest spread, cut at quantiles."""
    direction = np.linalg.eigh(np.cov(scaled).reshape(len(scaled), -1))[1][:, -1]
    direction = direction * np.sign(direction[np.argmax(np.abs(direction))])
    along = np.round(direction @ scaled, DIGITS)
    cuts = np.quantile(along, np.arange(1, components) / components)
    part = np.searchsorted(cuts, along, side="left")
    return np.asarray(np.arange(components)[:, None] == part[None, :], dtype=np.float64)


def _maximise(scaled: Array, member: Array, heavy: Array, freedom: float, iteration: int) -> Mixture:
    markers, count = scaled.shape
    total = member.sum(axis=1) + 1e-12
    weight = member * heavy
    means = (weight @ scaled.T) / (weight.sum(axis=1) + 1e-12)[:, None]
    covariances = np.empty((len(total), markers, markers))
    for number, mean in enumerate(means):
        away = scaled - mean[:, None]
        covariances[number] = (away * weight[number]) @ away.T / total[number] + RIDGE * np.eye(markers)
    return Mixture(total / count, means, covariances, freedom, 0.0, count, iteration)


def _distance(array: Array, mean: Array, covariance: Array) -> tuple[Array, float]:
    """Mahalanobis distance squared of each event, and the log determinant."""
    root = np.linalg.cholesky(covariance)
    away = np.linalg.solve(root, array - mean[:, None])
    return (away**2).sum(axis=0), 2 * float(np.log(np.diag(root)).sum())


def _heavy(array: Array, found: Mixture) -> Array:
    """How much an event counts for each component's mean and scale: less, the farther out (t only)."""
    if np.isinf(found.freedom):
        return np.ones((len(found.weights), array.shape[1]))
    far = [_distance(array, *pair)[0] for pair in zip(found.means, found.covariances, strict=True)]
    return (found.freedom + len(array)) / (found.freedom + np.stack(far))


def _joint(array: Array, found: Mixture) -> Array:
    """Log of weight × density, components × events."""
    from scipy.special import gammaln

    markers, freedom = len(array), found.freedom
    rows = []
    for weight, mean, covariance in zip(found.weights, found.means, found.covariances, strict=True):
        far, spread = _distance(array, mean, covariance)
        if np.isinf(freedom):
            shape = -(markers * np.log(2 * np.pi) + far) / 2
        else:
            shape = gammaln((freedom + markers) / 2) - gammaln(freedom / 2)
            shape = shape - markers / 2 * np.log(freedom * np.pi)
            shape = shape - (freedom + markers) / 2 * np.log1p(far / freedom)
        rows.append(np.log(weight) - spread / 2 + shape)
    return np.stack(rows)


def _responsibility(joint: Array) -> tuple[Array, float]:
    top = joint.max(axis=0)
    share = np.exp(joint - top)
    total = share.sum(axis=0)
    return share / total, float((top + np.log(total)).sum())


def _rounded(array: Array) -> Array:
    flat = [significant(value) for value in array.ravel()]
    return np.array(flat).reshape(array.shape)


def _none(markers: int, count: int, freedom: float, iterations: int, reason: str) -> Mixture:
    empty = np.empty((0, markers))
    return Mixture(
        np.empty(0),
        empty,
        np.empty((0, markers, markers)),
        freedom,
        -np.inf,
        count,
        iterations,
        (reason,),
    )
