"""The share of participants who go through the trial without an event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.estimate import Intervals
from trialrun.analysis.proportion import interval

_Ints = NDArray[np.int64]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class WithoutEvent:
    """Participants without an event in every trial: counts of shape (trials,), masks (trials, n).

    ``lost`` were not followed long enough and count as events; ``pending`` are still being followed and
    are not counted yet. ``proportion`` is of those without an event, ``complete_case`` the same without
    the lost, ``upper`` the one-sided bound of the event rate.
    """

    event: _Mask
    lost: _Mask
    pending: _Mask
    n: _Ints
    without: _Ints
    proportion: Intervals
    upper: Intervals
    complete_case: Intervals

    @property
    def observed(self) -> _Ints:
        """How many had an event, not counting the lost."""
        return np.asarray(self.event.sum(axis=-1))

    @property
    def lost_count(self) -> _Ints:
        return np.asarray(self.lost.sum(axis=-1))


def without_event(
    event: _Mask, complete: _Mask, ended: _Mask, members: _Mask, *, level: float = 0.95
) -> WithoutEvent:
    """Count the members (trials, n) without an event.

    ``event`` happened in the period, ``complete`` were followed as long as the endpoint asks, ``ended``
    will not be seen again. A member without an event who ended before being complete counts as an event
    (worst case); one who is still followed is pending. Clopper-Pearson intervals.
    """
    happened = members & event
    open_ = members & ~event & ~complete
    lost, pending = open_ & ended, open_ & ~ended
    n = np.asarray((members & ~pending).sum(axis=-1))
    without = np.asarray((members & ~event & complete).sum(axis=-1))
    kept = n - np.asarray(lost.sum(axis=-1))
    return WithoutEvent(
        event=happened,
        lost=lost,
        pending=pending,
        n=n,
        without=without,
        proportion=interval(without, n, level=level),
        upper=interval(n - without, n, level=level, side="upper"),
        complete_case=interval(without, kept, level=level),
    )
