"""The ANOVA-type statistic of ranks over visits (design LD-F1), with relative treatment effects.

Source: Brunner, Domhof and Langer, Nonparametric Analysis of Longitudinal Data in Factorial Experiments,
Wiley 2002, chapter 7. No distribution is assumed; ties are met by mid-ranks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.sample import mid_ranks
from trialrun.analysis.longitudinal.caution import FEW, Code
from trialrun.analysis.longitudinal.repeated_anova import complete, too_few


@dataclass(frozen=True, slots=True)
class AnovaType:
    """The statistic, to be read on (`df`, infinity) degrees of freedom.

    `effects` are relative: the chance that a value of the visit exceeds one drawn from all visits, ties
    half. `p_box` reads it on (df, df2) with Box's second df, which keeps the level where `p` does not:
    with few participants.
    """

    statistic: float
    df: float
    p: float
    df2: float
    p_box: float
    effects: tuple[float, ...]
    participants: int
    left_out: int
    cautions: tuple[Code, ...]


def anova_type(y: ArrayLike) -> AnovaType | NotEstimable:
    """Whether the visits of `y` (n, V) have one distribution; participants with a NaN are left out."""
    from scipy.special import chdtrc, fdtrc

    values = complete(y)
    if reason := too_few(values):
        return reason
    n, visits = values.shape
    ranks = mid_ranks(values.ravel()).reshape(n, visits) / 2
    effects = (ranks.mean(axis=0) - 0.5) / (n * visits)
    projection = np.eye(visits) - 1 / visits
    covariance = np.atleast_2d(np.cov(ranks / (n * visits), rowvar=False))
    spread = projection @ covariance @ projection
    trace, square = float(np.trace(spread)), float(np.square(spread).sum())
    if trace <= 1e-14:
        return NotEstimable("the ranks of every participant change alike")
    statistic = float(n * effects @ projection @ effects / trace)
    df = trace**2 / square
    df2 = df * (n - 1)
    p, p_box = float(chdtrc(df, df * statistic)), float(fdtrc(df, df2, statistic))
    told: tuple[Code, ...] = ("several-df",) if n < FEW else ()
    return AnovaType(
        statistic, df, p, df2, p_box, tuple(map(float, effects)), n, len(np.asarray(y)) - n, told
    )
