"""What is the rate, after a two-stage design? The plain proportion and test forget the first look.

The estimate is the uniformly minimum-variance unbiased one (Jung and Kim, Stat Med 2004;23:881). The p-value
and interval order outcomes by stage: every trial that went on is more extreme than any that stopped (Koyama
and Chen, Stat Med 2008;27:3145).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trialrun.analysis.design.binomial import at_least
from trialrun.analysis.design.two_stage import TwoStage
from trialrun.analysis.estimate import Interval, error_rate


@dataclass(frozen=True, slots=True)
class TwoStageInference:
    """`unbiased` and `median_unbiased` estimates beside the `proportion` of responses, and the test of p0.

    `p` is one-sided, against a rate above p0. `interval` misses at most half of 1 - level on either side.
    `koyama_chen` is the interval as they define it and clinfun computes it: all rates that the p-value puts
    between both halves. Its upper end counts the outcome itself as not below: it may cover less than its
    level.
    """

    stage: int
    n: int
    proportion: float
    unbiased: float
    median_unbiased: float
    p: float
    interval: Interval
    koyama_chen: Interval


def infer(design: TwoStage, x: int, p0: float, *, level: float = 0.95) -> TwoStageInference:
    """From `x` responses in all: a trial with r1 or fewer ended after its first stage.

    A second stage of other than the planned size is stated as the design that was carried out. Raises
    ValueError where x is no outcome of the design.
    """
    if not 0 <= x <= design.n or not 0 < p0 < 1:
        raise ValueError(f"{x} responses of {design.n} at p0 = {p0}: needs 0 <= x <= n and 0 < p0 < 1")
    stage = 1 if x <= design.r1 else 2
    n = design.n1 if stage == 1 else design.n
    miss = error_rate(level) / 2

    def above(count: int) -> Callable[[float], float]:
        return lambda p: _at_least(design, stage, count, p)

    lower = 0.0 if x == 0 else _rate(above(x), miss)
    upper = 1.0 if x == n else _rate(above(x + 1), 1 - miss)
    return TwoStageInference(
        stage=stage,
        n=n,
        proportion=x / n,
        unbiased=unbiased(design, x),
        median_unbiased=0.0 if x == 0 else _rate(above(x), 0.5),
        p=_at_least(design, stage, x, p0),
        interval=Interval(lower, upper, level, "exact, ordered by stage"),
        koyama_chen=Interval(lower, 0.0 if x == 0 else _rate(above(x), 1 - miss), level, "Koyama-Chen"),
    )


def unbiased(design: TwoStage, x: int) -> float:
    """The unbiased estimate: the mean first-stage proportion of all ways to the same outcome."""
    from scipy.special import gammaln

    if x <= design.r1:
        return x / design.n1
    n2 = design.n - design.n1
    first = np.arange(max(design.r1 + 1, x - n2), min(x, design.n1) + 1)
    second = x - first
    log_ways = (
        -gammaln(first + 1) - gammaln(design.n1 - first + 1) - gammaln(second + 1) - gammaln(n2 - second + 1)
    )
    ways = np.exp(log_ways - log_ways.max())
    return float((ways * first).sum() / ways.sum() / design.n1)


def _at_least(design: TwoStage, stage: int, x: int, p: float) -> float:
    """P(an outcome at least as extreme as x responses at this stage), x at most one above the last."""
    if stage == 1:
        return float(at_least(x, design.n1, p))
    return float(design.at_least(x, p))


def _rate(probability: Callable[[float], float], wanted: float) -> float:
    """The rate at which a probability that rises with the rate is as wanted."""
    from scipy.optimize import brentq

    return float(brentq(lambda p: probability(p) - wanted, 0.0, 1.0, xtol=1e-12))
