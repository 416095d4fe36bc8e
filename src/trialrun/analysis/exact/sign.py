"""The sign test: how many of the differences that are not zero are positive.

Exact and conditional on the zeros, which carry no sign (Dixon and Mood, JASA 1946;41:557).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from trialrun.analysis import proportion
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.sample import sample
from trialrun.analysis.exact.significance import Alternative


@dataclass(frozen=True, slots=True)
class SignTest:
    """`m` is (positive - negative) / 2, the statistic that SAS prints. "greater": differences positive."""

    positive: int
    negative: int
    zero: int
    m: float
    p: float
    mid_p: float
    alternative: Alternative


def sign_test(differences: ArrayLike, *, alternative: Alternative = "two-sided") -> SignTest | NotEstimable:
    """Exact sign test of paired differences of shape (n,); with zeros alone p is 1.

    Two-sided mid-P where positive equals negative is 1 - P(as observed) / 2.
    """
    d = sample(differences)
    if isinstance(d, NotEstimable):
        return d
    up, down = int((d > 0).sum()), int((d < 0).sum())
    p, mid = proportion.exact_tests(up, up + down, 0.5, alternative=alternative)
    zeros = len(d) - up - down
    return SignTest(up, down, zeros, (up - down) / 2, float(np.min(p)), float(np.min(mid)), alternative)
