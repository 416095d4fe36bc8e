"""Intracellular cytokine staining: positive cells among their parents, with the antigen and without.

The net response is kept signed, for a mean of clipped differences is not nought where there is no response;
clip it where it is drawn, nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from trialrun.cytometry.response.number import Interval, error_rate, interval, probability, rounded


@dataclass(frozen=True, slots=True)
class Count:
    """Events positive for a cytokine (or a combination of some) among the events of their parent.

    Replicate wells of one stimulation are added. Raises ValueError unless both are whole numbers and
    0 ≤ positive ≤ parent.
    """

    positive: int
    parent: int

    def __post_init__(self) -> None:
        for name in ("positive", "parent"):
            value = getattr(self, name)
            if not math.isfinite(value) or value != int(value) or value < 0:
                raise ValueError(f"{name} events: {value} is not a count")
            object.__setattr__(self, name, int(value))
        if self.positive > self.parent:
            raise ValueError(f"{self.positive} positive events are more than their parent's {self.parent}")

    def __add__(self, other: Count) -> Count:
        return Count(self.positive + other.positive, self.parent + other.parent)

    @property
    def percent(self) -> Fraction:
        """Of the parent, exact, so that equal shares differ by nought. Raises ZeroDivisionError."""
        return Fraction(100 * self.positive, self.parent)


@dataclass(frozen=True, slots=True)
class Rule:
    """When a response is positive: adjusted p ≤ ``alpha`` and net response ≥ ``minimum_net``, in points.

    ``alpha``: 1 % one-sided, beside a minimum net response of .0241 % for CD4 and .0445 % for CD8 cells in
    one laboratory (PMC2714735, figure 3). ``minimum_net`` is a property of the laboratory's assay, so there
    is none by default; the net response has to be above nought anyhow. ``minimum_parent``: fewer parent
    events in either well are not estimable (an assumption: 5000 is said to be the HVTN's rule, Horton 2007,
    which was not verified, nor was its discrete Bonferroni, which is not offered: Holm's is valid).
    """

    alpha: float = 0.01
    minimum_net: float = 0.0
    minimum_parent: int = 5000
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Response:
    """What one antigen gave, in percent of the parent.

    net: stimulated less control, points, signed; ``interval`` is Newcombe's. p: Fisher's exact test,
    one-sided, of more positive cells with the antigen; ``adjusted``: over the antigens (Holm). Where a
    number is None, and where ``positive`` is None, ``reason`` says why.
    """

    stimulated: float | None
    control: float | None
    net: float | None
    interval: Interval | None
    p: float | None
    adjusted: float | None
    positive: bool | None
    reason: str | None = None


def responses(
    stimulated: Mapping[str, Count | None], control: Count | None, rule: Rule | None = None
) -> dict[str, Response]:
    """The responses to several antigens, which are one family, against one unstimulated control.

    stimulated: by antigen; None is a well that was lost. control: None where it was lost, or there is none.
    An antigen that is not estimable keeps its place in the family, which was fixed before the data.
    """
    rule = rule or Rule()
    reasons = {name: _unfit(count, control, rule.minimum_parent) for name, count in stimulated.items()}
    p = {
        name: fisher(count, control)
        for name, count in stimulated.items()
        if count and control and reasons[name] is None
    }
    adjusted = holm(p, len(stimulated))
    found = {}
    for name, count in stimulated.items():
        shares = [one.percent if one and one.parent else None for one in (count, control)]
        reason = reasons[name]
        if reason is not None or count is None or control is None:
            stim, ctl = (None if share is None else rounded(share) for share in shares)
            found[name] = Response(stim, ctl, None, None, None, None, None, reason)
            continue
        net = count.percent - control.percent
        lower, upper = newcombe(count, control, rule.level)
        found[name] = Response(
            stimulated=rounded(count.percent),
            control=rounded(control.percent),
            net=rounded(net),
            interval=interval(100 * lower, 100 * upper),
            p=probability(p[name]),
            adjusted=probability(adjusted[name]),
            positive=adjusted[name] <= rule.alpha and net > 0 and rounded(net) >= rule.minimum_net,
        )
    return found


def _unfit(count: Count | None, control: Count | None, minimum: int) -> str | None:
    if control is None:
        return "no unstimulated well was counted"
    if count is None:
        return "the stimulated well was lost"
    for name, one in (("stimulated", count), ("unstimulated", control)):
        if one.parent == 0:
            return f"no parent events in the {name} well"
        if one.parent < minimum:
            return f"{one.parent} parent events in the {name} well, at least {minimum} are needed"
    return None


def fisher(stimulated: Count, control: Count) -> float:
    """P of Fisher's exact test, one-sided: as many positive cells in the stimulated well or more."""
    from scipy.stats import hypergeom

    positive = stimulated.positive + control.positive
    total = stimulated.parent + control.parent
    return float(hypergeom.sf(stimulated.positive - 1, total, positive, stimulated.parent))


def holm(p: Mapping[str, float], family: int) -> dict[str, float]:
    """Step-down Bonferroni over a ``family`` that may hold more than could be tested.

    Holm, Scand J Stat 1979;6:65.
    """
    adjusted, highest = {}, 0.0
    for place, name in enumerate(sorted(p, key=lambda name: p[name])):
        highest = max(highest, min(1.0, (family - place) * p[name]))
        adjusted[name] = highest
    return adjusted


def wilson(count: Count, level: float = 0.95) -> Interval:
    """The score interval of a share, within 0 … 1; Wilson, JASA 1927;22:209."""
    z = _quantile(level)
    n, share = count.parent, count.positive / count.parent
    middle, spread = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    lower, upper = (middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n)
    return (0.0 if count.positive == 0 else lower), (1.0 if count.positive == n else upper)


def newcombe(first: Count, second: Count, level: float = 0.95) -> Interval:
    """The difference of two shares, within -1 … 1; method 10 of Newcombe, Stat Med 1998;17:873."""
    return square_and_add([(1, first), (-1, second)], level)


def square_and_add(terms: list[tuple[int, Count]], level: float = 0.95) -> Interval:
    """A sum of shares with signs, from the Wilson interval of each: the distances are squared and added.

    Zou and Donner, Stat Med 2008;27:1693 ("MOVER"); of one difference it is Newcombe's method 10.
    """
    estimate, below, above = 0.0, 0.0, 0.0
    for sign, count in terms:
        share = count.positive / count.parent
        lower, upper = wilson(count, level)
        down, up = share - lower, upper - share
        estimate += sign * share
        below += (down if sign > 0 else up) ** 2
        above += (up if sign > 0 else down) ** 2
    return estimate - math.sqrt(below), estimate + math.sqrt(above)


def _quantile(level: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(1 - error_rate(level) / 2)
