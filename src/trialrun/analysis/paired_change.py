"""The change of a measurement within participants: the exact signed-rank test and Hodges-Lehmann estimate.

On the log scale the change is a ratio. Differences are rounded to ``RESOLUTION`` decimals before they
are ranked, so that ties and zeros are those of the measurements and not of binary arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.estimate import Interval, Intervals, NotEstimable
from trialrun.analysis.signed_rank import (
    SignedRank,
    SignedRanks,
    pseudo_median_intervals,
    pseudo_medians,
    signed_ranks,
)

Scale = Literal["log", "linear"]
RESOLUTION = 9  # decimals: finer than any assay, coarser than the noise of doubles

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PairedChange:
    """The change from baseline in every trial: arrays of shape (trials,), differences (trials, n).

    ``differences`` are on the endpoint's scale (log ratios on the log scale), ``paired`` says who has one.
    ``testable`` is False below ``at_least`` pairs: the change is then estimated, not tested.
    """

    scale: Scale
    at_least: int
    differences: _Floats
    paired: _Mask
    unpaired: _Ints
    test: SignedRanks
    estimate: _Floats
    estimable: _Mask
    interval: Intervals

    @property
    def n(self) -> _Ints:
        return np.asarray(self.paired.sum(axis=-1))

    @property
    def testable(self) -> _Mask:
        return self.n >= self.at_least

    def why_not_tested(self, trial: int) -> NotEstimable:
        return NotEstimable(f"{self.n[trial]} pairs; the test needs at least {self.at_least}")

    def test_at(self, trial: int) -> SignedRank | NotEstimable:
        """The test of one trial, or why it is not made."""
        return self.test.at(trial) if self.testable[trial] else self.why_not_tested(trial)

    def estimate_at(self, trial: int) -> float | NotEstimable:
        """The pseudo-median change; a ratio on the log scale."""
        if not self.estimable[trial]:
            return NotEstimable("no pairs")
        return float(from_scale(self.estimate[trial], self.scale))

    def interval_at(self, trial: int) -> Interval | NotEstimable:
        """Its exact interval, in the same unit."""
        found = self.interval.at(trial)
        if isinstance(found, NotEstimable):
            return found
        lower, upper = (float(from_scale(each, self.scale)) for each in (found.lower, found.upper))
        return Interval(lower, upper, found.level, found.method)


def paired_change(
    baseline: _Floats,
    value: _Floats,
    members: _Mask,
    *,
    scale: Scale,
    at_least: int,
    level: float = 0.95,
) -> PairedChange:
    """The change from baselines (trials, n, k), averaged over k on the scale, to values (trials, n).

    NaN is a value not measured; ``members`` (trials, n) is the analysis set. A baseline needs one of its
    k values. On the log scale a value that is not above 0 has no logarithm and leaves its pair out.
    """
    before, after = mean_baseline(baseline, scale), on_scale(value, scale)
    paired = members & ~np.isnan(before) & ~np.isnan(after)
    with np.errstate(invalid="ignore"):
        differences = np.where(paired, np.round(after - before, RESOLUTION), 0.0)
    estimate, estimable = pseudo_medians(differences, paired)
    return PairedChange(
        scale=scale,
        at_least=at_least,
        differences=differences,
        paired=paired,
        unpaired=np.asarray((members & ~paired).sum(axis=-1)),
        test=signed_ranks(differences, paired, zeros="pratt"),
        estimate=estimate,
        estimable=estimable,
        interval=pseudo_median_intervals(differences, paired, level=level),
    )


def on_scale(values: _Floats, scale: Scale) -> _Floats:
    """Values as they are compared: natural logarithms on the log scale, NaN where there is none."""
    if scale == "linear":
        return values
    return np.log(values, where=values > 0, out=np.full(values.shape, np.nan))


def mean_baseline(baseline: _Floats, scale: Scale) -> _Floats:
    """Mean over the last axis of what was measured, on the scale; NaN where nothing was."""
    scaled = on_scale(baseline, scale)
    count = (~np.isnan(scaled)).sum(axis=-1)
    total = np.nansum(scaled, axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def from_scale(value: Any, scale: Scale) -> Any:
    """A value, or a change, from the scale on which it is compared to the one on which it is read."""
    return np.exp(value) if scale == "log" else value
