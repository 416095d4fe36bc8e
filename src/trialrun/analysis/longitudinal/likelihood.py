"""The Gaussian likelihood of repeated measurements with missing visits, and its derivatives.

Notation as in Kenward and Roger, Biometrics 1997;53:983: A is a participant's inverse covariance of
the visits observed (zero elsewhere), Phi = (X'AX)^-1, P_a = -X'A S_a A X, Q_ab = X'A S_a A S_b A X,
R_ab = X'A S_ab A X, with S_a and S_ab the derivatives of the covariance. Shapes: T trials, n participants,
V visits, p mean parameters, q covariance parameters. Deviance is minus twice the log-likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.longitudinal.structure import Covariance, Floats

Mask = NDArray[np.bool_]
SINGULAR = 1e-10  # smallest over largest eigenvalue: below it a matrix counts as singular


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """`y` (T, n, V) and the design `x` (T, n, V, p), both zero where `observed` (T, n, V) is False."""

    y: Floats
    x: Floats
    observed: Mask

    def of(self, trials: NDArray[np.int64] | Mask) -> Measurements:
        """The same of some trials."""
        return Measurements(self.y[trials], self.x[trials], self.observed[trials])

    @property
    def flat(self) -> tuple[Floats, Floats]:
        """`y` (T, nV) and `x` (T, nV, p)."""
        trials, n, visits, p = self.x.shape
        return self.y.reshape(trials, n * visits), self.x.reshape(trials, n * visits, p)

    @property
    def values(self) -> NDArray[np.int64]:
        """(T,) how many values were observed."""
        return np.asarray(self.observed.sum(axis=(1, 2)))


@dataclass(frozen=True, slots=True, eq=False)
class Curvature:
    """The deviance of each trial with its derivatives, and the pieces that inference needs.

    `deviance` (T,), `score` (T, q), `observed` and `expected` (T, q, q) second derivatives of the
    deviance, `beta` (T, p), `phi` (T, p, p), `p` (T, q, p, p), `q` and `r` (T, q, q, p, p); `r` is None
    for a linear structure.
    """

    deviance: Floats
    score: Floats
    observed: Floats
    expected: Floats
    beta: Floats
    phi: Floats
    p: Floats
    q: Floats
    r: Floats | None


def positive_definite(matrices: Floats, limit: float = SINGULAR) -> Mask:
    """Which of the matrices (..., k, k) are finite and positive definite, whatever the unit of each row.

    With the diagonal made 1, the smallest eigenvalue exceeds `limit` times the largest.
    """
    diagonal = np.diagonal(matrices, axis1=-2, axis2=-1)
    able = np.asarray(np.isfinite(matrices).all(axis=(-1, -2)) & (diagonal > 0).all(axis=-1))
    size = np.sqrt(np.where(able[..., None], diagonal, 1.0))
    unit = np.where(able[..., None, None], matrices, 0.0) / (size[..., :, None] * size[..., None, :])
    roots = np.linalg.eigvalsh(unit)
    return np.asarray(able & (roots[..., 0] > limit * roots[..., -1]))


def deviance(data: Measurements, sigma: Floats, *, reml: bool) -> Floats:
    """Minus twice the (restricted) log-likelihood (T,) at `sigma` (T, V, V); infinite where not allowed."""
    found = np.full(len(sigma), np.inf)
    allowed = positive_definite(sigma)
    if allowed.any():
        found[allowed] = _solved(data.of(allowed), sigma[allowed], reml)[0]
    return found


def curvature(data: Measurements, covariance: Covariance, *, reml: bool) -> Curvature:
    """Everything at a positive definite `covariance`: see `Curvature`."""
    value, beta, phi, a = _solved(data, covariance.sigma, reml)
    first = covariance.first
    trials, q, p = len(a), first.shape[1], data.x.shape[-1]
    residual = data.y - (data.x @ beta[:, None, :, None])[..., 0]
    # The columns of X and the residuals travel together through the same products: p + 1 columns.
    both = a @ np.concatenate([data.x, residual[..., None]], axis=-1)
    bent = _applied(first, both)
    once = _summed(both, bent).reshape(trials, p + 1, q, p + 1).transpose(0, 2, 1, 3)
    twice = _summed(bent, a @ bent).reshape(trials, q, p + 1, q, p + 1).transpose(0, 1, 3, 2, 4)
    u = once[:, :, p, :p]
    traces, trace = _traces(a, first)
    bits = _Pieces(
        score=trace - once[:, :, p, p],
        observed=2 * (twice[..., p, p] - u @ phi @ np.swapaxes(u, 1, 2)) - traces,
        expected=traces,
        p=-once[:, :, :p, :p],
        q=twice[..., :p, :p],
        r=None,
    )
    if covariance.second is not None:
        bits = _bent_again(bits, a, both, covariance.second)
    if reml:
        bits = _restricted(bits, phi)
    found = (value, bits.score, _even(bits.observed), _even(bits.expected), beta, phi)
    return Curvature(*found, bits.p, bits.q, bits.r)


class _Pieces(NamedTuple):
    """A curvature in the making."""

    score: Floats
    observed: Floats
    expected: Floats
    p: Floats
    q: Floats
    r: Floats | None


def _bent_again(bits: _Pieces, a: Floats, both: Floats, second: Floats) -> _Pieces:
    """With what the second derivatives of a structure that is not linear add."""
    trials, q, visits, p = len(a), second.shape[1], second.shape[-1], both.shape[-1] - 1
    folded = _applied(second.reshape(trials, q * q, visits, visits), both)
    r = _summed(both, folded).reshape(trials, p + 1, q, q, p + 1).transpose(0, 2, 3, 1, 4)
    size = np.einsum("tuv,tabuv->tab", a.sum(axis=1), second)
    return bits._replace(observed=bits.observed + size - r[..., p, p], r=r[..., :p, :p])


def _restricted(bits: _Pieces, phi: Floats) -> _Pieces:
    """With the derivatives of log |X'AX|, which REML has and maximum likelihood has not."""
    trials, q, p, _ = bits.p.shape
    left = (phi[:, None] @ bits.p).reshape(trials, q, p * p)
    by_p = left @ (bits.p @ phi[:, None]).reshape(trials, q, p * p).transpose(0, 2, 1)
    column = phi.reshape(trials, p * p, 1)
    by_q = (bits.q.reshape(trials, q * q, p * p) @ column).reshape(trials, q, q)
    observed = bits.observed + 2 * by_q - by_p
    if bits.r is not None:
        observed = observed - (bits.r.reshape(trials, q * q, p * p) @ column).reshape(trials, q, q)
    return bits._replace(
        score=bits.score + np.trace(left.reshape(trials, q, p, p), axis1=2, axis2=3),
        observed=observed,
        expected=bits.expected - 2 * by_q + by_p,
    )


def _applied(matrices: Floats, columns: Floats) -> Floats:
    """(T, n, V, m c): each of the m matrices (T, m, V, V) times the c columns (T, n, V, c)."""
    trials, n, visits, c = columns.shape
    m = matrices.shape[1]
    wide = columns.transpose(0, 2, 1, 3).reshape(trials, visits, n * c)
    product = matrices.reshape(trials, m * visits, visits) @ wide
    ordered = product.reshape(trials, m, visits, n, c).transpose(0, 3, 2, 1, 4)
    return ordered.reshape(trials, n, visits, m * c)


def _traces(a: Floats, first: Floats) -> tuple[Floats, Floats]:
    """Sums over participants of tr(A S_a A S_b), (T, q, q), and of tr(A S_a), (T, q)."""
    trials, n, visits, _ = a.shape
    q = first.shape[1]
    wide = first.transpose(0, 2, 1, 3).reshape(trials, visits, q * visits)
    product = (a.reshape(trials, n * visits, visits) @ wide).reshape(trials, n, visits, q, visits)
    left = product.transpose(0, 3, 1, 2, 4).reshape(trials, q, n * visits**2)
    right = product.transpose(0, 1, 4, 2, 3).reshape(trials, n * visits**2, q)
    single = a.sum(axis=1).reshape(trials, 1, visits**2) @ first.reshape(trials, q, visits**2).transpose(
        0, 2, 1
    )
    return left @ right, single[:, 0]


def least_squares(data: Measurements) -> tuple[Floats, Floats, Mask]:
    """Ordinary least squares: coefficients (T, p), residuals (T, n, V), where the design has full rank."""
    y, x = data.flat
    size = np.sqrt(np.square(x).sum(axis=1))
    unit = x / np.where(size > 0, size, 1)[:, None, :]
    cross = np.swapaxes(unit, 1, 2) @ unit
    full = (size > 0).all(axis=1) & positive_definite(cross)
    cross = np.where(full[:, None, None], cross, np.eye(x.shape[-1]))
    right = np.swapaxes(unit, 1, 2) @ y[..., None]
    beta = np.linalg.solve(cross, right)[..., 0] / np.where(size > 0, size, 1)
    residual = np.where(data.observed, data.y - np.einsum("tivp,tp->tiv", data.x, beta), 0.0)
    return beta, residual, full


def _solved(data: Measurements, sigma: Floats, reml: bool) -> tuple[Floats, Floats, Floats, Floats]:
    """Deviance (T,), beta (T, p), Phi (T, p, p) and A (T, n, V, V) at positive definite `sigma`."""
    pairs = data.observed[..., :, None] & data.observed[..., None, :]
    # A visit not observed becomes an independent unit variance, which leaves the others as they are.
    filled = np.where(pairs, sigma[:, None], np.eye(sigma.shape[-1]))
    a = np.where(pairs, np.linalg.inv(filled), 0.0)
    size = np.linalg.slogdet(filled)[1].sum(axis=1)
    b = a @ data.x
    information = _even(_summed(data.x, b))
    phi = _even(np.asarray(np.linalg.inv(information)))
    beta = (phi @ _summed(b, data.y[..., None]))[..., 0]
    residual = data.y - (data.x @ beta[:, None, :, None])[..., 0]
    squares = (residual * (a @ residual[..., None])[..., 0]).sum(axis=(1, 2))
    free = data.values - (data.x.shape[-1] if reml else 0)
    value = size + squares + free * np.log(2 * np.pi)
    if reml:
        value = value + np.linalg.slogdet(information)[1]
    return value, beta, phi, a


def _summed(left: Floats, right: Floats) -> Floats:
    """(T, j, k): the sum over participants of left' right, for (T, n, V, j) and (T, n, V, k)."""
    trials, n, visits, j = left.shape
    flat = left.reshape(trials, n * visits, j)
    total: Floats = np.swapaxes(flat, 1, 2) @ right.reshape(trials, n * visits, right.shape[-1])
    return total


def _even(matrices: Floats) -> Floats:
    """The symmetric part, which removes rounding."""
    return np.asarray((matrices + np.swapaxes(matrices, -1, -2)) / 2)
