"""Two arms compared: by how much an endpoint differs between them, in every trial."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.arrays import Arrays
from trialrun.analysis.difference import Difference, FisherExact, difference
from trialrun.analysis.endpoint import Result, estimate
from trialrun.analysis.estimate import Interval, NotEstimable
from trialrun.analysis.exact.two_sample import shift
from trialrun.analysis.organ_response import OrganResponse
from trialrun.analysis.paired_change import PairedChange, from_scale
from trialrun.analysis.rank_sum import RankSum, rank_sum
from trialrun.analysis.without_event import WithoutEvent
from trialrun.protocol.protocol import Protocol

_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shift:
    """By how much the changes in the first arm exceed those in the second; on the log scale, how many times.

    The test is made where each arm has `at_least` pairs. Methods take the position of a trial.
    """

    first: PairedChange
    second: PairedChange
    level: float

    def changes(self, trial: int) -> tuple[_Floats, _Floats]:
        """The changes of each arm, on the endpoint's scale."""
        first, second = (each.differences[trial][each.paired[trial]] for each in (self.first, self.second))
        return first, second

    def estimate_at(self, trial: int) -> float | NotEstimable:
        """The Hodges-Lehmann shift; a ratio of ratios on the log scale."""
        found = shift(*self.changes(trial), level=self.level, places="tie-free")
        if isinstance(found, NotEstimable):
            return found
        return float(from_scale(found.estimate, self.first.scale))

    def interval_at(self, trial: int) -> Interval | NotEstimable:
        """Its exact interval, in the same unit; its places do not depend on ties, so that it moves with the
        values."""
        found = shift(*self.changes(trial), level=self.level, places="tie-free")
        if isinstance(found, NotEstimable):
            return found
        if isinstance(found.interval, NotEstimable):
            return found.interval
        low, high = found.interval.lower, found.interval.upper
        lower, upper = (float(from_scale(end, self.first.scale)) for end in (low, high))
        return Interval(lower, upper, self.level, found.interval.method)

    def test_at(self, trial: int) -> RankSum | NotEstimable:
        """The rank-sum test, or why it is not made."""
        changes, at_least = self.changes(trial), self.first.at_least
        if min(map(len, changes)) < at_least:
            pairs = " and ".join(str(len(each)) for each in changes)
            return NotEstimable(f"{pairs} pairs; the test needs at least {at_least} in each arm")
        return rank_sum(*changes)


Comparison = Difference | Shift
Test = RankSum | FisherExact


def compare(protocol: Protocol, arrays: Arrays, name: str) -> Comparison | None:
    """The comparison that the endpoint ``name`` declares, at its primary timepoint; None for none."""
    endpoint = protocol.study.endpoints[name]
    if endpoint.compare is None:
        return None
    first, second = (estimate(protocol, arrays.only(arm), name) for arm in endpoint.compare.arms)
    if isinstance(first, PairedChange) and isinstance(second, PairedChange):
        return Shift(first, second, endpoint.confidence)
    (x1, n1), (x2, n2) = _counts(first), _counts(second)
    return difference(np.stack([x1, x2]), np.stack([n1, n2]), level=endpoint.confidence)


def _counts(found: Result) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many of how many, in every trial."""
    if isinstance(found, WithoutEvent):
        return found.without, found.n
    assert isinstance(found, OrganResponse)
    return found.responders, found.n
