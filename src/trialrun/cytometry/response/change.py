"""Did a participant's response change between two visits, each with its own controls?

Stained cells: Chen, Heng and Zhang 2025 (arXiv:2507.06451), whose equations were read from their published R
functions. Spots: the change of the summed net response, with an exact permutation test where both visits
share a plate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations

import numpy as np

from trialrun.cytometry.response.elispot import MILLION, Assay, Result, Wells
from trialrun.cytometry.response.ics import Count, square_and_add
from trialrun.cytometry.response.number import Floats, Interval, error_rate, interval, probability, rounded
from trialrun.cytometry.response.rows import key

STEPS = 21  # of each error rate, over the range that the controls allow
EDGE = 1e-6  # the rates stay so far from the bounds at which a statistic has no value
MOST = 400_000  # relabellings of the antigens' wells that are gone through


@dataclass(frozen=True, slots=True)
class Stained:
    """A visit's wells: with the antigen, and without."""

    stimulated: Count
    control: Count


@dataclass(frozen=True, slots=True)
class StainedChange:
    """Net response later less earlier, points of the parent; ``interval`` by square-and-add of Wilson's.

    unadjusted: one-sided p of a larger share with the antigen later, the controls not looked at.
    minimal: the p nearest to it that the controls do not contradict. maximal: valid under whatever shift
    between the two runs the controls allow (Berger and Boos). Where None, ``reason`` says why.
    """

    net: float | None
    interval: Interval | None
    unadjusted: float | None
    minimal: float | None
    maximal: float | None
    reason: str | None = None


def stained_change(
    earlier: Stained | None,
    later: Stained | None,
    *,
    alpha: float = 0.05,
    boos: float = 0.01,
    minimum_parent: int = 5000,
    level: float = 0.95,
) -> StainedChange:
    """One antigen, cytokine and subset of one participant at two visits; None is a visit without the assay.

    alpha: 1 − confidence of the set of error rates for ``minimal``. boos: the same for ``maximal``, which is
    the largest p of its set plus this. Both are the authors'. minimum_parent as in `ics.Rule`.
    """
    if earlier is None or later is None:
        missing = "earlier" if earlier is None else "later"
        return StainedChange(None, None, None, None, None, f"no {missing} visit")
    least = min(one.parent for visit in (earlier, later) for one in (visit.stimulated, visit.control))
    if least < max(1, minimum_parent):
        why = f"{least} parent events in a well, at least {max(1, minimum_parent)} are needed"
        return StainedChange(None, None, None, None, None, why)
    terms = [(1, later.stimulated), (-1, later.control), (-1, earlier.stimulated), (1, earlier.control)]
    net = sum(sign * one.percent for sign, one in terms)
    lower, upper = square_and_add(terms, level)
    plain, minimal, maximal = adjusted(earlier, later, alpha=alpha, boos=boos)
    return StainedChange(
        net=rounded(net),
        interval=interval(100 * lower, 100 * upper),
        unadjusted=probability(plain),
        minimal=probability(minimal),
        maximal=probability(maximal),
    )


def adjusted(earlier: Stained, later: Stained, *, alpha: float, boos: float) -> tuple[float, float, float]:
    """The three one-sided p: unadjusted, minimally and maximally adjusted.

    The share seen is that of true positives seen (1 − fn) plus that of false ones (fp). The false positive
    rate may differ between the runs and the false negative rate is shared; those rates under which the two
    controls truly agree make the confidence set, over which p is looked at. Rates under which more cells than
    there are would be positive are left out, as the authors do; those under which fewer than none would be
    give p = 1 (the authors leave these out too, which is less careful).
    """
    primary, controls = (earlier.stimulated, later.stimulated), (earlier.control, later.control)
    if sum(one.positive for one in primary) in (0, sum(one.parent for one in primary)):
        return 1.0, 1.0, 1.0
    none = np.zeros(1)
    plain = float(_tail(_statistic(*primary, none, none, none))[0])
    if controls[0].positive == controls[1].positive == 0:
        return plain, plain, plain
    false = [np.linspace(0, max(0.0, one.positive / one.parent - EDGE), STEPS) for one in controls]
    lost = np.linspace(0, max(0.0, 1 - max(one.positive / one.parent for one in controls) - EDGE), STEPS)
    rates = [grid.ravel() for grid in np.meshgrid(*false, lost, indexing="ij")]
    agreement = np.abs(_statistic(*controls, *rates))
    p = _tail(_statistic(*primary, *rates))

    def within(error: float) -> Floats:
        return p[(agreement <= _normal_quantile(1 - error / 2)) & ~np.isnan(p)]

    wide, narrow = within(boos), within(alpha)
    maximal = min(1.0, float(wide.max()) + boos) if wide.size else 1.0
    minimal = float(np.clip(plain, narrow.min(), narrow.max())) if narrow.size else 1.0
    return plain, minimal, maximal


def _statistic(first: Count, second: Count, fp_first: Floats, fp_second: Floats, fn: Floats) -> Floats:
    """The pooled two-sample statistic of the true shares, second less first.

    −∞ where the pooled share is below nought, NaN where it is above one.
    """
    one = (first.positive / first.parent - fp_first) / (1 - fn - fp_first)
    two = (second.positive / second.parent - fp_second) / (1 - fn - fp_second)
    pooled = (first.parent * one + second.parent * two) / (first.parent + second.parent)
    spread = pooled * (1 - pooled) * (1 / first.parent + 1 / second.parent)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(spread > 0, (two - one) / np.sqrt(spread), np.nan)
    return np.asarray(np.where(pooled <= 0, -np.inf, found))


def _tail(statistic: Floats) -> Floats:
    from scipy.special import ndtr

    return np.asarray(ndtr(-statistic))


def _normal_quantile(share: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(share))


@dataclass(frozen=True, slots=True)
class Total:
    """A sum or change of net responses, SFC per million, signed, and its interval.

    The interval is Welch and Satterthwaite's t, where no group's variance is taken to be below that of
    Poisson counts: replicates that agree by chance, or are all noughts, do not make certain. Approximate.
    """

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class SpotChange:
    """Summed net response, later less earlier. p: two-sided, exact; None with ``p_reason`` if not estimable.

    relabellings: in how many ways the wells can be dealt to the two visits.
    """

    change: Total | None
    p: float | None
    relabellings: int
    reason: str | None = None
    p_reason: str | None = None


def summed(result: Result, *, level: float = 0.95) -> Total | None:
    """The sum over the antigens of one assay, or None for the reason of ``result.total_reason``.

    None too where a well is censored: a lower bound has no interval.
    """
    if result.total is None or result.at_least:
        return None
    return _total([(1, result.assay)], level)


def spot_change(earlier: Result | None, later: Result | None, *, level: float = 0.95) -> SpotChange:
    """From one visit of a participant to another; None is a visit without the assay.

    The test deals the wells of each antigen, and the control wells, to the two visits in every way: the null
    hypothesis is that nothing differs between the visits but chance. It holds only where both visits stand
    on one plate, at one number of cells. Raises ValueError for two participants.
    """
    if earlier is None or later is None:
        return SpotChange(None, None, 0, f"no {'earlier' if earlier is None else 'later'} visit")
    first, second = earlier.assay, later.assay
    if key(first.participant) != key(second.participant):
        raise ValueError(f"{first.participant} and {second.participant} are two participants")
    if reason := _incomparable(earlier, later):
        return SpotChange(None, None, 0, reason)
    again = {key(name): wells for name, wells in second.antigens.items()}
    second = replace(second, antigens={name: again[key(name)] for name in first.antigens})
    change = _total([(-1, first), (1, second)], level)
    if reason := _untestable(first, second):
        return SpotChange(change, None, 0, p_reason=reason)
    p, ways = _dealt(first, second)
    return SpotChange(change, probability(p), ways)


def _incomparable(earlier: Result, later: Result) -> str | None:
    for one in (earlier, later):
        if one.valid is False:
            return f"{one.assay.visit} is not valid: {one.findings[0]}"
        if one.total is None:
            return f"{one.assay.visit}: {one.total_reason}"
        if one.at_least:
            return f"{one.assay.visit}: wells are too numerous to count"
    first, second = ({key(name): name for name in visit.assay.antigens} for visit in (earlier, later))
    if odd := [name for known, name in (first | second).items() if known not in first or known not in second]:
        return f"the antigens of the two visits differ: {', '.join(odd)} in one of them only"
    return None


def _untestable(first: Assay, second: Assay) -> str | None:
    if key(first.plate) != key(second.plate):
        return f"the visits stand on two plates, {first.plate} and {second.plate}"
    every = [first.controls, second.controls, *first.antigens.values(), *second.antigens.values()]
    if len({wells.cells for wells in every}) > 1:
        return "wells differ in their number of cells"
    if min(len(wells) for wells in every) < 2:
        return "one replicate only"
    antigens = [(first.antigens[name], second.antigens[name]) for name in first.antigens]
    ways = math.prod(_ways(*pair) for pair in antigens)
    if ways > MOST or _ways(first.controls, second.controls) > MOST:
        return (
            f"the wells can be dealt to two visits in more than {MOST:,} ways; look at the interval of the "
            "change, or test fewer antigens at once"
        )
    return None


def _ways(first: Wells, second: Wells) -> int:
    return math.comb(len(first) + len(second), len(first))


def _dealt(first: Assay, second: Assay) -> tuple[float, int]:
    """P of a change as large either way, over every deal; the antigens' share is summed, then sorted."""
    sums = np.zeros(1)
    for name in first.antigens:
        sums = np.add.outer(sums, _differences(first.antigens[name], second.antigens[name])).ravel()
    controls = len(first.antigens) * _differences(first.controls, second.controls)
    observed = abs(float(sums[0] - controls[0]))
    nearly = observed - 1e-9 * max(1.0, observed)
    sums = np.sort(sums)
    upper = sums.size - np.searchsorted(sums, controls + nearly, side="left")
    lower = np.searchsorted(sums, controls - nearly, side="right")
    hits = upper + lower if nearly > 0 else np.full(controls.size, sums.size)
    return float(hits.sum() / (sums.size * controls.size)), sums.size * controls.size


def _differences(first: Wells, second: Wells) -> Floats:
    """Mean later less mean earlier in every deal of the wells, the deal that happened first."""
    wells = np.array([*first.spots, *second.spots], dtype=np.float64)
    chosen = np.array(list(combinations(range(wells.size), len(first))))
    early = wells[chosen].sum(axis=1)
    return np.asarray((wells.sum() - early) / len(second) - early / len(first))


def _total(signed: list[tuple[int, Assay]], level: float) -> Total:
    from scipy.stats import t

    value, spread, freedom = Fraction(0), 0.0, 0.0
    for sign, assay in signed:
        groups = [(1, wells) for wells in assay.antigens.values()]
        groups.append((-len(assay.antigens), assay.controls))
        for weight, wells in groups:
            factor, n = weight * MILLION / wells.cells, len(wells)
            value += sign * weight * Fraction(MILLION * sum(wells.spots), n) / Fraction(wells.cells)
            poisson = (sum(wells.spots) + 1) / n  # one spot more, lest noughts be certain
            part = factor**2 * max(float(np.var(wells.spots, ddof=1)) if n > 1 else 0.0, poisson) / n
            spread += part
            freedom += part**2 / max(1, n - 1)
    half = float(t.ppf(1 - error_rate(level) / 2, spread**2 / freedom)) * math.sqrt(spread)
    return Total(rounded(value), interval(float(value) - half, float(value) + half))
