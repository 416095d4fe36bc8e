"""Covariance structures over visits, each with its first and second derivatives.

The parameters are those of SAS PROC MIXED, for the Kenward-Roger adjustment with second derivatives
depends on them: covariances where a structure is linear in them (unstructured, compound symmetry,
Toeplitz, diagonal, random effects), variances and correlations elsewhere (AR(1), and the heterogeneous
ones). Source: SAS/STAT User's Guide, The MIXED Procedure, table of covariance structures.

Shapes: T trials, V visits, q parameters. Units: a variance is in squared units of the measurement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

Name = Literal[
    "unstructured",
    "compound-symmetry",
    "heterogeneous-compound-symmetry",
    "ar1",
    "heterogeneous-ar1",
    "ante-dependence",
    "heterogeneous-ante-dependence",
    "toeplitz",
    "heterogeneous-toeplitz",
    "diagonal",
    "random-intercept",
]


@dataclass(frozen=True, slots=True, eq=False)
class Covariance:
    """A structure at given parameters: `sigma` (T, V, V), `first` (T, q, V, V), `second` (T, q, q, V, V).

    `second` is None where the structure is linear in its parameters.
    """

    sigma: Floats
    first: Floats
    second: Floats | None


class Structure(Protocol):
    """A family of covariance matrices for a given number of visits."""

    @property
    def name(self) -> str: ...
    @property
    def visits(self) -> int: ...
    @property
    def parameters(self) -> tuple[str, ...]:
        """What the parameters are called, q of them."""
        ...

    def sigma(self, theta: Floats) -> Floats:
        """The matrices (T, V, V) at `theta` (T, q); not finite where a variance is negative."""
        ...

    def at(self, theta: Floats) -> Covariance:
        """The covariance and its derivatives at `theta` (T, q), where it is positive definite."""
        ...

    def near(self, moments: Floats) -> Floats:
        """Parameters (T, q) of a member near the matrices `moments` (T, V, V); a multiple of I is met."""
        ...

    def rescaled(self, theta: Floats, factor: Floats) -> Floats:
        """Parameters (T, q) of `factor` (T,) times the covariance at `theta`."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """A covariance that is a sum of known matrices: sigma = sum of theta_a basis_a, basis (q, V, V).

    `components` says which parameters are variances or covariances of random effects, as a square of
    places; the marginal model needs sigma to be positive definite, not the components.
    """

    name: str
    parameters: tuple[str, ...]
    basis: Floats
    components: tuple[tuple[int, ...], ...] = ()

    @property
    def visits(self) -> int:
        return int(self.basis.shape[-1])

    def sigma(self, theta: Floats) -> Floats:
        return np.asarray(np.einsum("ta,aij->tij", theta, self.basis))

    def at(self, theta: Floats) -> Covariance:
        return Covariance(
            self.sigma(theta), np.broadcast_to(self.basis, (len(theta), *self.basis.shape)), None
        )

    def near(self, moments: Floats) -> Floats:
        """The least-squares projection on the basis."""
        flat = self.basis.reshape(len(self.basis), -1)
        theta: Floats = moments.reshape(len(moments), -1) @ np.linalg.pinv(flat)
        return theta

    def rescaled(self, theta: Floats, factor: Floats) -> Floats:
        return theta * factor[:, None]


_Correlation = Callable[[Floats], tuple[Floats, Floats, Floats]]


@dataclass(frozen=True, slots=True, eq=False)
class Correlated:
    """Variances (one, or one per visit) times a correlation matrix: sigma_ij = sqrt(v_i v_j) C_ij(k).

    `correlation` gives C (T, V, V), its first (T, r, V, V) and second (T, r, r, V, V) derivatives.
    `lags` says which pairs of visits inform each of the r correlation parameters, as masks (r, V, V).
    """

    name: str
    visits: int
    heterogeneous: bool
    correlation: _Correlation
    lags: NDArray[np.bool_]

    @property
    def parameters(self) -> tuple[str, ...]:
        spread = [f"variance {j + 1}" for j in range(self._variances)] if self.heterogeneous else ["variance"]
        few = len(self.lags) == 1
        return (
            *spread,
            *("correlation" if few else f"correlation {lag + 1}" for lag in range(len(self.lags))),
        )

    @property
    def _variances(self) -> int:
        return self.visits if self.heterogeneous else 1

    def sigma(self, theta: Floats) -> Floats:
        outer = self._outer(theta[:, : self._variances])
        return outer * self.correlation(theta[:, self._variances :])[0]

    def _outer(self, v: Floats) -> Floats:
        spread = np.sqrt(np.where(v > 0, v, np.nan))
        whole = np.broadcast_to(spread, (len(v), self.visits))
        return np.asarray(whole[:, :, None] * whole[:, None, :])

    def at(self, theta: Floats) -> Covariance:
        v, k = theta[:, : self._variances], theta[:, self._variances :]
        c, c1, c2 = self.correlation(k)
        outer = self._outer(v)
        # h and h2: the first and the own second derivative of log sqrt(v_i v_j).
        h = self._share / v[:, :, None, None]
        h2 = self._share / (v * v)[:, :, None, None]
        sigma = outer * c
        by_k = outer[:, None] * c1
        m = self._variances
        second = np.zeros((len(v), theta.shape[1], theta.shape[1], self.visits, self.visits))
        second[:, :m, :m] = sigma[:, None, None] * h[:, :, None] * h[:, None, :]
        for j in range(m):
            second[:, j, j] -= sigma * h2[:, j]
        second[:, :m, m:] = h[:, :, None] * by_k[:, None, :]
        second[:, m:, :m] = np.swapaxes(second[:, :m, m:], 1, 2)
        second[:, m:, m:] = outer[:, None, None] * c2
        return Covariance(sigma, np.concatenate([sigma[:, None] * h, by_k], axis=1), second)

    @property
    def _share(self) -> Floats:
        """(variances, V, V): how much of log sigma_ij is log v_k: half for i = k and half for j = k."""
        if not self.heterogeneous:
            return np.ones((1, self.visits, self.visits))
        unit = np.eye(self.visits)
        return np.asarray((unit[:, :, None] + unit[:, None, :]) / 2)

    def near(self, moments: Floats) -> Floats:
        v = np.diagonal(moments, axis1=1, axis2=2)
        spread = np.sqrt(v)
        r = moments / (spread[:, :, None] * spread[:, None, :])
        k = np.stack([r[:, lag].mean(axis=1) for lag in self.lags], axis=1)
        return np.hstack([v if self.heterogeneous else v.mean(axis=1, keepdims=True), k])

    def rescaled(self, theta: Floats, factor: Floats) -> Floats:
        m = self._variances
        return np.hstack([theta[:, :m] * factor[:, None], theta[:, m:]])


def structure(name: Name, visits: int) -> Structure:
    """The structure of that name for a number of visits; ValueError for another name or no visit."""
    if visits < 1:
        raise ValueError(f"a covariance needs at least one visit, not {visits}")
    if name not in _MAKERS:
        raise ValueError(f"covariance {name!r} is unknown; write one of {', '.join(_MAKERS)}")
    return _MAKERS[name](visits)


def random_slope(times: ArrayLike) -> Linear:
    """A random intercept and slope over `times` (V,), correlated, and independent residuals.

    Parameters: variance of the intercept, covariance, variance of the slope, residual variance.
    Times on which no slope can be told (fewer than three) leave the model unidentified, which the fit says.
    """
    t = np.asarray(times, dtype=np.float64)
    one = np.ones_like(t)
    basis = np.stack(
        [np.outer(one, one), np.outer(one, t) + np.outer(t, one), np.outer(t, t), np.eye(len(t))]
    )
    parameters = ("intercept variance", "intercept-slope covariance", "slope variance", "residual variance")
    return Linear("random-slope", parameters, basis, components=((0, 1), (1, 2)))


def _distance(visits: int) -> NDArray[np.int64]:
    places = np.arange(visits)
    return np.asarray(np.abs(places[:, None] - places[None, :]))


def _unstructured(visits: int) -> Linear:
    basis, names = [], []
    for i in range(visits):
        for j in range(i + 1):
            cell = np.zeros((visits, visits))
            cell[i, j] = cell[j, i] = 1
            basis.append(cell)
            names.append(f"covariance {i + 1},{j + 1}")
    return Linear("unstructured", tuple(names), np.stack(basis))


def _diagonal(visits: int) -> Linear:
    unit = np.eye(visits)
    basis = unit[:, :, None] * unit[:, None, :]
    return Linear("diagonal", tuple(f"variance {j + 1}" for j in range(visits)), basis)


def _toeplitz(visits: int) -> Linear:
    distance = _distance(visits)
    basis = np.stack([(distance == lag).astype(np.float64) for lag in range(visits)])
    return Linear("toeplitz", tuple(f"covariance at lag {lag}" for lag in range(visits)), basis)


def _compound_symmetry(visits: int) -> Linear:
    basis = np.stack([np.ones((visits, visits)), np.eye(visits)])
    return Linear("compound-symmetry", ("covariance", "residual variance"), basis)


def _random_intercept(visits: int) -> Linear:
    """The same matrices as compound symmetry; the covariance is now a variance between participants."""
    same = _compound_symmetry(visits)
    names = ("intercept variance", "residual variance")
    return Linear("random-intercept", names, same.basis, components=((0,),))


def _power(visits: int, heterogeneous: bool, name: str) -> Correlated:
    d = _distance(visits).astype(np.float64)

    def correlation(k: Floats) -> tuple[Floats, Floats, Floats]:
        rho = k[:, 0, None, None]
        c1 = d * rho ** np.maximum(d - 1, 0)
        c2 = d * (d - 1) * rho ** np.maximum(d - 2, 0)
        return rho**d, c1[:, None], c2[:, None, None]

    return Correlated(name, visits, heterogeneous, correlation, (d == 1)[None])


def _ante_dependence(visits: int, heterogeneous: bool, name: str) -> Correlated:
    """Each visit depends on the one before; correlations of neighbours multiply along the way between."""
    place = np.arange(visits)
    low, high = np.minimum.outer(place, place), np.maximum.outer(place, place)
    steps = np.arange(visits - 1)[:, None, None]
    crossed = (low <= steps) & (steps < high)  # (r, V, V): which steps lie between two visits

    def product(k: Floats, without: tuple[int, ...]) -> Floats:
        kept = [a for a in range(visits - 1) if a not in without]
        found = np.where(crossed[kept], k[:, kept, None, None], 1.0).prod(axis=1)
        return np.asarray(found * crossed[list(without)].all(axis=0))

    def correlation(k: Floats) -> tuple[Floats, Floats, Floats]:
        r = range(visits - 1)
        first = np.stack([product(k, (a,)) for a in r], axis=1)
        none = np.zeros((len(k), visits, visits))
        rows = [np.stack([none if a == b else product(k, (a, b)) for b in r], axis=1) for a in r]
        return product(k, ()), first, np.stack(rows, axis=1)

    neighbours = crossed & (high - low == 1)
    return Correlated(name, visits, heterogeneous, correlation, neighbours)


def _lagged(visits: int, lags: NDArray[np.bool_], name: str) -> Correlated:
    """Heterogeneous variances; a correlation of its own for each mask in `lags` (r, V, V)."""
    first = lags.astype(np.float64)

    def correlation(k: Floats) -> tuple[Floats, Floats, Floats]:
        c = np.eye(visits) + np.einsum("ta,aij->tij", k, first)
        r = len(first)
        return c, np.broadcast_to(first, (len(k), *first.shape)), np.zeros((len(k), r, r, visits, visits))

    return Correlated(name, visits, True, correlation, lags)


def _heterogeneous_toeplitz(visits: int) -> Correlated:
    lags = _distance(visits)[None] == np.arange(1, visits)[:, None, None]
    return _lagged(visits, lags, "heterogeneous-toeplitz")


def _heterogeneous_cs(visits: int) -> Correlated:
    return _lagged(visits, (_distance(visits) > 0)[None], "heterogeneous-compound-symmetry")


def _alone(make: Callable[[int], Structure]) -> Callable[[int], Structure]:
    """Structures with correlations; one visit has none, so its only structure is a variance."""
    return lambda visits: make(visits) if visits > 1 else _diagonal(visits)


_MAKERS: dict[Name, Callable[[int], Structure]] = {
    "unstructured": _unstructured,
    "compound-symmetry": _compound_symmetry,
    "heterogeneous-compound-symmetry": _alone(_heterogeneous_cs),
    "ar1": _alone(lambda visits: _power(visits, False, "ar1")),
    "heterogeneous-ar1": _alone(lambda visits: _power(visits, True, "heterogeneous-ar1")),
    "ante-dependence": _alone(lambda visits: _ante_dependence(visits, False, "ante-dependence")),
    "heterogeneous-ante-dependence": _alone(
        lambda visits: _ante_dependence(visits, True, "heterogeneous-ante-dependence")
    ),
    "toeplitz": _toeplitz,
    "heterogeneous-toeplitz": _alone(_heterogeneous_toeplitz),
    "diagonal": _diagonal,
    "random-intercept": _random_intercept,
}
