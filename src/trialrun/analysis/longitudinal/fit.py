"""Fitting a mixed model for repeated measures by (restricted) maximum likelihood, many trials at once.

Newton steps on the observed information where that is positive definite and the maximum is near, Fisher
scoring elsewhere; a step is halved until the covariance is positive definite and the likelihood rises.
Sources: Jennrich and Schluchter, Biometrics 1986;42:805; Lindstrom and Bates, JASA 1988;83:1014.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.longitudinal.likelihood import (
    Curvature,
    Mask,
    Measurements,
    curvature,
    deviance,
    least_squares,
    positive_definite,
)
from trialrun.analysis.longitudinal.structure import Floats, Structure

REASONS = (
    "",
    "a mean of the model has no observation of its own",
    "the values do not vary about their means",
    "the observed visits do not identify the covariance",
    "too few participants for this covariance, or visits that determine each other: no maximum",
    "too few participants for this covariance: no maximum was found",
)
_STARTS = (0.0, 0.5, 1.0)  # how much of the moments is replaced by independence
_STEPS, _HALVINGS, _CLOSE = 60, 24, 1e-11
_RIDGE = 1e-14  # added to an information that rounding has made singular
_UNTOLD = 1e-9
_NEGLIGIBLE = 1e-12  # of the size of the values: a spread below it is rounding
_COLLAPSED = 1e-7  # smallest over largest eigenvalue of the correlations of a covariance without maximum
_BATCH = 1000  # trials that share one pass through memory


@dataclass(frozen=True, eq=False)
class Fits:
    """The fitted model of every trial: T trials, q covariance and p mean parameters.

    `theta` (T, q) in the order of `structure.parameters`, `sigma` (T, V, V), and at the maximum
    the `curvature`. `code` (T,) is 0 where the trial was fitted, otherwise a place in `REASONS`;
    arrays of such a trial hold zeros (`sigma` and Phi: unit matrices) and mean nothing.
    """

    structure: Structure
    reml: bool
    code: NDArray[np.int64]
    theta: Floats
    sigma: Floats
    curvature: Curvature
    participants: NDArray[np.int64]

    @property
    def estimable(self) -> Mask:
        return np.asarray(self.code == 0)

    def of(self, trial: int) -> Fits:
        """The fit of one trial alone."""
        one = slice(trial, trial + 1)
        arrays: dict[str, Any] = {
            field.name: value[one]
            for field in fields(self.curvature)
            if (value := getattr(self.curvature, field.name)) is not None
        }
        shape = Curvature(**{"r": None, **arrays})
        kept = (self.code[one], self.theta[one], self.sigma[one])
        return Fits(self.structure, self.reml, *kept, shape, self.participants[one])

    def why_not(self, trial: int) -> NotEstimable:
        return NotEstimable(REASONS[self.code[trial]])


def fit(y: ArrayLike, x: ArrayLike, structure: Structure, *, reml: bool = True) -> Fits:
    """Fit trials `y` (T, n, V), NaN where not measured, on a design `x` (n, V, p) or (T, n, V, p).

    Visits missing at random given what was observed are allowed; a participant without any counts for
    nothing. Raises ValueError where shapes disagree or a number is infinite.
    """
    data = measurements(y, x)
    if structure.visits != data.y.shape[2]:
        raise ValueError(f"a covariance of {structure.visits} visits does not fit {data.y.shape[2]} visits")
    parts = [
        _fit(data.of(np.arange(start, min(start + _BATCH, len(data.y)))), structure, reml)
        for start in range(0, len(data.y), _BATCH)
    ]
    return parts[0] if len(parts) == 1 else _joined(parts)


def measurements(y: ArrayLike, x: ArrayLike) -> Measurements:
    """`y` and `x` as floats, zero where not observed; ValueError where they are not as `fit` says."""
    values, design = np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
    if values.ndim != 3 or 0 in values.shape:
        raise ValueError(
            f"values have shape (trials, participants, visits), none of them 0, not {values.shape}"
        )
    if design.ndim not in (3, 4) or design.shape[-3:-1] != values.shape[1:] or design.shape[-1] == 0:
        raise ValueError(
            f"the design has shape (participants, visits, columns), here ({values.shape[1]}, "
            f"{values.shape[2]}, at least 1), not {design.shape}"
        )
    if np.isinf(values).any():
        raise ValueError("a value is infinite; write NaN for a value not measured")
    observed = ~np.isnan(values)
    design = np.broadcast_to(design, (*values.shape, design.shape[-1]))
    if not np.isfinite(design[observed]).all():
        raise ValueError("a covariate of an observed value is missing or infinite")
    return Measurements(np.where(observed, values, 0.0), np.where(observed[..., None], design, 0.0), observed)


def _fit(data: Measurements, structure: Structure, reml: bool) -> Fits:
    beta, residual, full = least_squares(data)
    free = np.maximum(data.values - data.x.shape[-1], 0)
    spread = np.sqrt(np.square(residual).sum(axis=(1, 2)) / np.maximum(data.values, 1))
    varies = (spread > _NEGLIGIBLE * np.abs(data.y).max(axis=(1, 2))) & (free > 0)
    code = np.select([~full, ~varies], [1, 2], default=0)
    # Residuals of unit spread: nothing then depends on the unit or the origin of the measurement.
    scale = np.where(code == 0, spread, 1.0)
    scaled = Measurements(residual / scale[:, None, None], data.x, data.observed)
    theta = np.zeros((len(code), len(structure.parameters)))
    left = np.flatnonzero(code == 0)
    code[left[~_identified(scaled.of(left), structure, reml)]] = 3
    code[code == 0] = 5
    for blend in _STARTS:
        left = np.flatnonzero(code == 5)
        if left.size:
            theta[left], code[left] = _maximised(scaled.of(left), structure, reml, blend)
    return _at(data, residual, beta, structure, reml, code, structure.rescaled(theta, scale**2))


def _at(
    data: Measurements,
    residual: Floats,
    beta: Floats,
    structure: Structure,
    reml: bool,
    code: NDArray[np.int64],
    theta: Floats,
) -> Fits:
    """The fits with the curvature at the maxima `theta`, in the unit of the measurement."""
    ok = np.flatnonzero(code == 0)
    participants = np.asarray(data.observed.any(axis=2).sum(axis=1))
    found = Measurements(residual, data.x, data.observed).of(ok)
    covariance = structure.at(theta[ok])
    shape = curvature(found, covariance, reml=reml)
    shape = replace(shape, beta=shape.beta + beta[ok])
    sigma = covariance.sigma
    if ok.size < len(code):
        shape, sigma = _spread(shape, ok, len(code)), _placed(sigma, ok, len(code), unit=True)
    return Fits(structure, reml, code, np.where(code[:, None] == 0, theta, 0.0), sigma, shape, participants)


def _identified(data: Measurements, structure: Structure, reml: bool) -> Mask:
    """(T,) whether the information about the covariance is regular where visits are independent."""
    if not len(data.y):
        return np.zeros(0, dtype=np.bool_)
    independent = structure.at(structure.near(_moments(data, 1.0)))
    bent = curvature(data, independent, reml=reml)
    # Beside what one participant seen at every visit would tell, none of it may be rounding only.
    whole = np.square(independent.first).sum(axis=(2, 3))
    told = np.diagonal(bent.expected, axis1=1, axis2=2) > _UNTOLD * whole
    return np.asarray(told.all(axis=1) & positive_definite(_scaled(bent)[1]))


def _maximised(
    data: Measurements, structure: Structure, reml: bool, blend: float
) -> tuple[Floats, NDArray[np.int64]]:
    """Parameters (T, q) and codes (T,) from one start; zeros where it failed, code 5 where another may do."""
    theta = structure.near(_moments(data, blend))
    code = np.full(len(theta), 5)
    current = deviance(data, structure.sigma(theta), reml=reml)
    active = np.flatnonzero(np.isfinite(current))
    for _ in range(_STEPS):
        if not active.size:
            break
        part, at = data.of(active), structure.at(theta[active])
        bent = curvature(part, at, reml=reml)
        step, gain, near = _step(bent)
        taken, value = _line(part, structure, reml, theta[active], step, gain, current[active])
        moved = np.isfinite(value)
        theta[active[moved]], current[active[moved]] = taken[moved], value[moved]
        collapsed = _collapsed(structure.sigma(theta[active]))
        # A last Newton step that rounding refuses still means the maximum is here.
        done = near & ((gain < _CLOSE) | (~moved & (gain < 1e-6)))
        code[active] = np.select([done, collapsed], [0, 4], default=5)
        active = active[~done & ~collapsed & moved]
    theta[code != 0] = 0.0
    return theta, code


def _step(bent: Curvature) -> tuple[Floats, Floats, Mask]:
    """Step (T, q), the fall of the deviance it promises (T,), and where it is Newton's."""
    size, expected, observed, score = _scaled(bent)
    known = np.diagonal(bent.expected, axis1=1, axis2=2) > 0
    regular = known.all(axis=1) & positive_definite(expected, _RIDGE)
    # Where rounding has made the information singular, a small ridge turns the step downhill again.
    ridge = np.where(regular, 0.0, _RIDGE)[:, None, None] * np.eye(score.shape[1])
    fisher = np.linalg.solve(expected + ridge, score[..., None])[..., 0]
    gain = np.einsum("ta,ta->t", fisher, score)
    newton = regular & positive_definite(observed, _RIDGE) & (gain < 1.0)
    matrix = np.where(newton[:, None, None], observed, expected + ridge)
    step = np.linalg.solve(matrix, score[..., None])[..., 0]
    return -step * size, np.einsum("ta,ta->t", step, score), newton


def _scaled(bent: Curvature) -> tuple[Floats, Floats, Floats, Floats]:
    """Scale (T, q) of each parameter, and both informations and the score free of it."""
    diagonal = np.diagonal(bent.expected, axis1=1, axis2=2)
    size = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    pair = size[:, :, None] * size[:, None, :]
    return size, bent.expected * pair, bent.observed * pair, bent.score * size


def _line(
    data: Measurements,
    structure: Structure,
    reml: bool,
    theta: Floats,
    step: Floats,
    gain: Floats,
    current: Floats,
) -> tuple[Floats, Floats]:
    """The first of the whole step, half of it, a quarter … that lowers the deviance; infinite where none."""
    taken, value = theta.copy(), np.full(len(theta), np.inf)
    waiting = np.arange(len(theta))
    length = 1.0
    for _ in range(_HALVINGS):
        trial = theta[waiting] + length * step[waiting]
        found = deviance(data.of(waiting), structure.sigma(trial), reml=reml)
        good = found <= current[waiting] - 1e-4 * length * gain[waiting]
        taken[waiting[good]], value[waiting[good]] = trial[good], found[good]
        waiting = waiting[~good]
        if not waiting.size:
            break
        length /= 2
    return taken, value


def _moments(data: Measurements, blend: float) -> Floats:
    """(T, V, V) mean products of residuals over participants seen at both visits, drawn to independence."""
    seen = data.observed.astype(np.float64)
    count = np.swapaxes(seen, 1, 2) @ seen
    s = np.swapaxes(data.y, 1, 2) @ data.y / np.maximum(count, 1)
    variances = np.diagonal(s, axis1=1, axis2=2)
    mean = variances.mean(axis=1, keepdims=True)
    # A visit without spread of its own borrows the mean one.
    variances = np.where(variances > 1e-6 * mean, variances, mean)
    drawn = (1 - blend) * variances + blend * mean
    unit = np.eye(s.shape[-1])
    return np.where(unit == 1, drawn[:, :, None], (1 - blend) * s)


def _collapsed(sigma: Floats) -> Mask:
    """Where some combination of visits has lost its variance."""
    spread = np.sqrt(np.diagonal(sigma, axis1=1, axis2=2))
    roots = np.linalg.eigvalsh(sigma / (spread[:, :, None] * spread[:, None, :]))
    lost = spread.min(axis=1) < 1e-7 * spread.max(axis=1)
    return np.asarray((roots[:, 0] < _COLLAPSED) | lost)


def _placed(values: Floats, ok: NDArray[np.int64], trials: int, *, unit: bool = False) -> Floats:
    """`values` of the trials `ok` among all, zeros or unit matrices elsewhere."""
    whole = np.zeros((trials, *values.shape[1:]))
    if unit:
        whole[:] = np.eye(values.shape[-1])
    whole[ok] = values
    return whole


def _spread(shape: Curvature, ok: NDArray[np.int64], trials: int) -> Curvature:
    """A curvature of the trials `ok` among all."""
    regular = ("observed", "expected", "phi")
    placed: dict[str, Any] = {
        field.name: _placed(value, ok, trials, unit=field.name in regular)
        for field in fields(shape)
        if (value := getattr(shape, field.name)) is not None
    }
    return Curvature(**{"r": None, **placed})


def _joined(parts: list[Fits]) -> Fits:
    """Batches of trials put together again."""
    shapes = [part.curvature for part in parts]
    whole: dict[str, Any] = {
        field.name: np.concatenate([getattr(shape, field.name) for shape in shapes])
        for field in fields(shapes[0])
        if getattr(shapes[0], field.name) is not None
    }
    return Fits(
        parts[0].structure,
        parts[0].reml,
        np.concatenate([part.code for part in parts]),
        np.concatenate([part.theta for part in parts]),
        np.concatenate([part.sigma for part in parts]),
        Curvature(**{"r": None, **whole}),
        np.concatenate([part.participants for part in parts]),
    )
