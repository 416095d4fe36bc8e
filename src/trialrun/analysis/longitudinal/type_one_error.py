"""How often each analysis of a small trial finds a change where there is none, by simulation.

Trials are drawn from a multivariate normal distribution with equal means at all visits; values go missing
completely at random. docs/statistics-longitudinal.md holds a table made with `false_positives`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.longitudinal.anova_type import anova_type
from trialrun.analysis.longitudinal.fit import Fits, fit
from trialrun.analysis.longitudinal.inference import METHODS, Method, contrasts, f_test
from trialrun.analysis.longitudinal.likelihood import Mask
from trialrun.analysis.longitudinal.repeated_anova import repeated_anova
from trialrun.analysis.longitudinal.structure import Floats, Name, structure
from trialrun.analysis.signed_rank import signed_ranks

# Variances and correlations that differ, as those of a marker that responds to treatment do.
SPREAD = (1.0, 1.2, 1.6, 1.3)
CORRELATION = 0.7  # between neighbouring visits, falling as its powers
MODELS: tuple[tuple[Name, Method], ...] = (
    ("random-intercept", "z"),
    ("random-intercept", "kenward-roger"),
    ("unstructured", "z"),
    ("unstructured", "satterthwaite"),
    ("unstructured", "kenward-roger"),
)
PLAN: tuple[Name, Name] = ("unstructured", "heterogeneous-ar1")  # the second where the first has no fit
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class FalsePositives:
    """How often `analysis` had p <= alpha for the change at visit `visit` (counted from baseline = 0).

    `rate` is of the `tested` trials, in which the analysis could be made, out of `trials`; `se` its
    Monte Carlo standard error.
    """

    analysis: str
    visit: int
    trials: int
    tested: int
    rejected: int

    @property
    def rate(self) -> float:
        return self.rejected / max(self.tested, 1)

    @property
    def se(self) -> float:
        return float(np.sqrt(self.rate * (1 - self.rate) / max(self.tested, 1)))


def spread_over_visits() -> Floats:
    """(4, 4) the covariance of the simulated trials."""
    lag = np.abs(np.subtract.outer(np.arange(len(SPREAD)), np.arange(len(SPREAD))))
    return np.asarray(np.outer(SPREAD, SPREAD) * CORRELATION**lag)


def false_positives(
    trials: int,
    *,
    seed: int,
    participants: int = 10,
    missing: float = 0.1,
    covariance: ArrayLike | None = None,
    alpha: float = 0.05,
) -> tuple[FalsePositives, ...]:
    """Every analysis at every visit after baseline, over `trials` simulated trials.

    `covariance` (V, V) is that between visits, by default `spread_over_visits()`.
    """
    return _counted(_simulated(trials, seed, participants, missing, covariance), _analyses, trials, alpha)


def false_positives_overall(
    trials: int,
    *,
    seed: int,
    participants: int = 10,
    missing: float = 0.1,
    covariance: ArrayLike | None = None,
    alpha: float = 0.05,
) -> tuple[FalsePositives, ...]:
    """The same of the tests of all visits at once, told as visit 0.

    The rank and the variance test use the participants complete at every visit.
    """
    return _counted(_simulated(trials, seed, participants, missing, covariance), _overall, trials, alpha)


_Tested = tuple[str, int, Floats, Mask]


def _simulated(
    trials: int, seed: int, participants: int, missing: float, covariance: ArrayLike | None
) -> Iterator[Floats]:
    """Batches (T, n, V) of simulated trials."""
    sigma = spread_over_visits() if covariance is None else np.asarray(covariance, dtype=np.float64)
    random = np.random.default_rng(seed)
    for start in range(0, trials, _BATCH):
        shape = (min(_BATCH, trials - start), participants)
        y = random.multivariate_normal(np.zeros(len(sigma)), sigma, size=shape, method="cholesky")
        yield np.where(random.random(y.shape) < missing, np.nan, y)


def _counted(
    batches: Iterator[Floats], analyses: Callable[[Floats], Iterator[_Tested]], trials: int, alpha: float
) -> tuple[FalsePositives, ...]:
    counts: dict[tuple[str, int], NDArray[np.int64]] = {}
    for y in batches:
        for analysis, visit, p, tested in analyses(y):
            found = np.array([tested.sum(), (tested & (p <= alpha)).sum()])
            counts[analysis, visit] = counts.get((analysis, visit), np.zeros(2, dtype=np.int64)) + found
    return tuple(
        FalsePositives(analysis, visit, trials, int(tested), int(rejected))
        for (analysis, visit), (tested, rejected) in counts.items()
    )


def _analyses(y: Floats) -> Iterator[_Tested]:
    """Name, visit, p (T,) and where it was tested (T,), for trials `y` (T, n, V)."""
    visits = y.shape[2]
    x = np.broadcast_to(np.eye(visits), (*y.shape[1:], visits))
    names: tuple[Name, ...] = ("random-intercept", *PLAN)
    models = {name: fit(y, x, structure(name, visits)) for name in names}
    free = models["unstructured"]
    for visit in range(1, visits):
        for name, method in MODELS:
            yield f"{name}, {METHODS[method]}", visit, *_p(models[name], visit, method)
        first, other = (_p(models[name], visit, "kenward-roger") for name in PLAN)
        p = np.where(free.estimable, first[0], other[0])
        yield "unstructured, else AR(1), Kenward-Roger", visit, p, first[1] | (~free.estimable & other[1])
        d = y[:, :, visit] - y[:, :, 0]
        paired = ~np.isnan(d)
        yield "paired t", visit, *_paired_t(np.where(paired, d, 0.0), paired)
        exact = signed_ranks(np.where(paired, d, 0.0), paired)
        yield "exact signed rank", visit, exact.p, exact.estimable


def _overall(y: Floats) -> Iterator[_Tested]:
    """As `_analyses`, of the tests of all visits at once."""
    visits = y.shape[2]
    x = np.broadcast_to(np.eye(visits), (*y.shape[1:], visits))
    rows = np.eye(visits)[1:] - np.eye(visits)[0]
    names: tuple[Name, ...] = ("random-intercept", "unstructured")
    for name in names:
        fits = fit(y, x, structure(name, visits))
        yield f"{name}, Kenward-Roger", 0, *_told([_p_of(f_test(fits, rows, trial=t)) for t in range(len(y))])
    anova, ranks = [repeated_anova(trial) for trial in y], [anova_type(trial) for trial in y]
    yield "repeated-measures ANOVA", 0, *_told([_p_of(one) for one in anova])
    corrected = [_p_of(one, "p_greenhouse_geisser") for one in anova]
    yield "repeated-measures ANOVA, Greenhouse-Geisser", 0, *_told(corrected)
    yield "ANOVA-type statistic", 0, *_told([_p_of(one) for one in ranks])
    yield "ANOVA-type statistic, Box", 0, *_told([_p_of(one, "p_box") for one in ranks])


def _p_of(result: object, name: str = "p") -> float | None:
    return None if isinstance(result, NotEstimable) else float(getattr(result, name))


def _told(found: list[float | None]) -> tuple[Floats, Mask]:
    """p (T,), 1 where there is none, and where there is one."""
    return (
        np.array([1.0 if p is None else p for p in found]),
        np.array([p is not None for p in found]),
    )


def _paired_t(d: Floats, paired: Mask) -> tuple[Floats, Mask]:
    """p (T,) and where there is one, of differences (T, n), zero where not `paired`."""
    from scipy import stats

    n = paired.sum(axis=1)
    mean = d.sum(axis=1) / np.maximum(n, 1)
    squares = np.square(np.where(paired, d - mean[:, None], 0.0)).sum(axis=1)
    tested = (n > 1) & (squares > 0)
    se = np.sqrt(np.where(tested, squares, 1.0) / np.maximum(n - 1, 1) / np.maximum(n, 1))
    return np.asarray(2 * stats.t.sf(np.abs(mean) / se, np.maximum(n - 1, 1))), tested


def _p(fits: Fits, visit: int, method: Method) -> tuple[Floats, Mask]:
    row = np.zeros(fits.structure.visits)
    row[[0, visit]] = -1, 1
    found = contrasts(fits, row, method=method)
    return found.p, found.estimable
