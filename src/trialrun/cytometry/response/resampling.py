"""Distribution-free resampling of ELISpot wells: DFR(eq) and DFR(2x), exact.

Moodie et al., J Immunol Methods 2006;315:121 (doi:10.1016/j.jim.2006.07.015), and Cancer Immunol Immunother
2010;59:1489 (doi:10.1007/s00262-010-0875-4). The antigens of one test share its control wells, and their
p-values are adjusted by the step-down maxT of Westfall and Young (Dudoit et al., Stat Sci 2003;18:71, box 2).

Nothing is drawn at random here. DFR(eq) goes through every relabelling of wells. DFR(2x), published as a
bootstrap of a thousand draws, goes through every multiset of wells with its weight, so that its decision
cannot hang on a seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement, count

import numpy as np

from trialrun.cytometry.response.number import Floats, probability, rounded

FEWEST = 20  # relabellings, below which no p can be small: 3 + 3 wells (Moodie 2010)
MOST = 300_000  # relabellings or multisets that are gone through
MOST_WELLS = 10  # of each: 10 + 10 wells, and multisets of 10, are below that
_FEWER = f"more than {MOST:,} ways: keep at most {MOST_WELLS} of each, chosen blind to their counts"
SAME = 1e-9  # of the largest value: closer statistics are ties that rounding parted


@dataclass(frozen=True, slots=True)
class Tested:
    """One antigen against the controls.

    statistic: the difference of means, for DFR(2x) of log10 counts, less log10 2. p: adjusted over the
    antigens; None when it is not estimable, and then ``reason`` says why. relabellings: the number of ways
    in which its wells and the controls can be told apart. offset: c of log10(x + c), for DFR(2x).
    """

    statistic: float | None
    p: float | None
    relabellings: int
    reason: str | None = None
    offset: float | None = None


def dfr_eq(
    antigens: Mapping[str, Sequence[float]], controls: Sequence[float], *, fewest: int = FEWEST
) -> dict[str, Tested]:
    """Are there more spots with the antigen? H0: the wells of antigen and control are exchangeable.

    One-sided. antigens: the replicates of each, spots per well at one number of cells (or any multiple).
    Every antigen with as many replicates is relabelled by the same sets of wells; antigens with other
    numbers of replicates (a well was lost) join the step-down by the sum of their tail probabilities,
    which holds under any dependence. Raises ValueError for NaN, infinite or negative counts.
    """
    _check(antigens, controls)
    ways = {name: _ways(len(wells), len(controls)) for name, wells in antigens.items()}
    reasons = {name: _unfit(len(antigens[name]), len(controls), ways[name], fewest) for name in antigens}
    names = [name for name in antigens if reasons[name] is None]
    observed = {name: float(np.mean(antigens[name]) - np.mean(controls)) for name in names}
    groups = []
    for size in sorted({len(antigens[name]) for name in names}):
        members = [name for name in names if len(antigens[name]) == size]
        wells = np.array([[*antigens[name], *controls] for name in members], dtype=np.float64)
        groups.append((members, _relabelled(wells, size)))

    def tail(remaining: list[str], threshold: float) -> float:
        total = 0.0
        for members, values in groups:
            rows = [members.index(name) for name in remaining if name in members]
            if rows:
                total += float(np.mean(values[rows].max(axis=0) >= threshold))
        return total

    p = _step_down(observed, tail, _scale(antigens, controls))
    return {
        name: Tested(rounded(observed[name]), probability(p[name]), ways[name])
        if name in p
        else Tested(None, None, ways[name], reasons[name])
        for name in antigens
    }


def dfr_2x(
    antigens: Mapping[str, Sequence[float]],
    controls: Sequence[float],
    *,
    fold: float = 2.0,
    offset: float | None = None,
    fewest: int = FEWEST,
) -> dict[str, Tested]:
    """Are there more than ``fold`` times the spots of the controls? H0: at most ``fold`` times.

    One-sided, on log10(x + c); the bootstrap is centred on each group's own mean, and the wells of every
    antigen and of the controls are drawn apart. offset: c; None is 0 where every well has spots and else 1
    (an assumption: the publications do not say what is done with a nought).
    Raises ValueError as `dfr_eq` does, and for a fold that is not positive.
    """
    _check(antigens, controls)
    if fold <= 0:
        raise ValueError(f"a fold of {fold} is not positive")
    every = [*controls, *(well for wells in antigens.values() for well in wells)]
    c = offset if offset is not None else (1.0 if 0 in every else 0.0)
    if c < 0 or (c == 0 and 0 in every):
        raise ValueError(f"the logarithm of a count of nought needs an offset above {c}; write offset=1")
    ways = {name: _ways(len(wells), len(controls)) for name, wells in antigens.items()}
    reasons = {
        name: _unfit(len(wells), len(controls), ways[name], fewest) or _too_many(len(wells), len(controls))
        for name, wells in antigens.items()
    }
    names = [name for name in antigens if reasons[name] is None]
    base = np.log10(np.asarray(controls, dtype=np.float64) + c)
    logs = {name: np.log10(np.asarray(antigens[name], dtype=np.float64) + c) for name in names}
    drawn = {name: _bootstrapped(values) for name, values in logs.items()}
    below, weights = _bootstrapped(base) if names else (base, base)
    observed = {name: float(values.mean() - base.mean() - math.log10(fold)) for name, values in logs.items()}

    def tail(remaining: list[str], threshold: float) -> float:
        """P(some T* ≥ threshold), given the drawn controls the antigens are independent."""
        none = np.ones_like(below)
        for name in remaining:
            values, shares = drawn[name]
            upper = np.concatenate([np.cumsum(shares[::-1])[::-1], [0.0]])
            none *= 1 - np.minimum(1, upper[np.searchsorted(values, threshold + below)])
        return float(weights @ (1 - none))

    p = _step_down(observed, tail, 1.0)
    return {
        name: Tested(rounded(observed[name]), probability(p[name]), ways[name], offset=c)
        if name in p
        else Tested(None, None, ways[name], reasons[name])
        for name in antigens
    }


def _check(antigens: Mapping[str, Sequence[float]], controls: Sequence[float]) -> None:
    for name, wells in {**antigens, "the controls": controls}.items():
        if any(not math.isfinite(well) or well < 0 for well in wells):
            raise ValueError(f"{name}: {list(wells)} holds what is not a count; leave a lost well out")


def _ways(wells: int, controls: int) -> int:
    return math.comb(wells + controls, wells)


def _unfit(wells: int, controls: int, ways: int, fewest: int) -> str | None:
    if controls == 0:
        return "no control well"
    if wells == 0:
        return "no well with the antigen"
    said = f"{_many(wells, 'antigen well')} and {_many(controls, 'control well')} can be relabelled in"
    if ways < fewest:
        each = next(n for n in count(1) if _ways(n, n) >= fewest)
        return f"{said} {ways} ways, at least {fewest} are needed, as {_many(each, 'well')} of each have"
    return f"{said} {_FEWER}" if ways > MOST else None


def _too_many(*sizes: int) -> str | None:
    if max(math.comb(2 * size - 1, size) for size in sizes) > MOST:
        return f"{max(sizes)} replicates can be drawn in {_FEWER}"
    return None


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _scale(antigens: Mapping[str, Sequence[float]], controls: Sequence[float]) -> float:
    return max(1.0, *controls, *(well for wells in antigens.values() for well in wells), 0.0)


def _relabelled(wells: Floats, size: int) -> Floats:
    """Differences of means, antigens × relabellings, the observed labels first."""
    total = wells.shape[1]
    chosen = np.array(list(combinations(range(total), size)))
    sums = wells[:, chosen].sum(axis=2)
    return np.asarray(sums / size - (wells.sum(axis=1, keepdims=True) - sums) / (total - size))


def _bootstrapped(values: Floats) -> tuple[Floats, Floats]:
    """The centred means of all multisets of the wells, ascending, and the probability of each."""
    n = len(values)
    chosen = np.array(list(combinations_with_replacement(range(n), n)))
    counts = (chosen[:, :, None] == np.arange(n)).sum(axis=1)
    factorials = np.array([math.factorial(k) for k in range(n + 1)], dtype=np.float64)
    weights = factorials[n] / factorials[counts].prod(axis=1) / float(n) ** n
    means = counts @ values / n - values.mean()
    order = np.argsort(means, kind="stable")
    return means[order], weights[order]


def _step_down(
    observed: Mapping[str, float], tail: Callable[[list[str], float], float], scale: float
) -> dict[str, float]:
    """Adjusted p of each antigen: from the largest statistic down, the tail of the maximum of the rest."""
    order = sorted(observed, key=lambda name: -observed[name])
    adjusted, highest = {}, 0.0
    for position, name in enumerate(order):
        highest = max(highest, tail(order[position:], observed[name] - SAME * scale))
        adjusted[name] = highest
    return adjusted
