"""What tests ask of a result: that there is one, and the two ends of an interval."""

from typing import TypeVar

from trialrun.analysis.estimate import Interval, NotEstimable

T = TypeVar("T")


def sure(value: T | NotEstimable) -> T:
    """The value, which the test knows to be estimable."""
    assert not isinstance(value, NotEstimable), value
    return value


def ends(interval: Interval | NotEstimable) -> list[float]:
    """Its bounds."""
    found = sure(interval)
    return [found.lower, found.upper]
