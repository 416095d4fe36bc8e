"""Suppression assays: how much less do responder cells divide beside regulatory cells, at which ratio?

Division is told by the dilution of a dye, which every division halves. A cell of generation i is one of the
2^i offspring of one cell that was put in, so generations are divided by 2^i before they are compared: the
division index is the mean number of divisions of all cells put in, the proliferation index that of those
which divided at all (as FlowJo's documentation of its proliferation platform defines both).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trialrun.cytometry.response.number import Interval, error_rate, interval, rounded

FEWEST = 100  # responder cells in a well, an assumption: 10 % of them are known to within 6 points
DIVIDING = 0.1  # least division index of responders alone, an assumption: less is no stimulation
LEAST = {"division_index": DIVIDING, "divided": 100 * DIVIDING}  # percent, where each divides once


@dataclass(frozen=True, slots=True)
class Division:
    """One well. divided: percent of the cells put in that divided. Where None, ``reason`` says why."""

    cells: int
    divided: float | None
    division_index: float | None
    proliferation_index: float | None
    reason: str | None = None


def division(generations: Sequence[int], *, fewest: int = FEWEST) -> Division:
    """The indices of a well from the number of its cells in generation 0, 1, 2 …

    Raises ValueError for what is not a count.
    """
    for count in generations:
        if not math.isfinite(count) or count < 0 or count != int(count):
            raise ValueError(f"{count} is not a number of cells")
    total = int(sum(generations))
    if total < max(1, fewest):
        return Division(total, None, None, None, f"{total} responder cells, at least {max(1, fewest)} needed")
    precursors = [count / 2**i for i, count in enumerate(generations)]
    put_in, divided = sum(precursors), sum(precursors[1:])
    divisions = sum(i * count for i, count in enumerate(precursors))
    return Division(
        cells=total,
        divided=rounded(100 * divided / put_in),
        division_index=rounded(divisions / put_in),
        proliferation_index=rounded(divisions / divided) if divided else None,
        reason=None if divided else "no cell divided",
    )


def generations(dye: NDArray[np.floating[Any]], undivided: float, *, most: int = 8) -> tuple[int, ...]:
    """The number of cells in each generation 0 … ``most``, by the nearest halving of the dye.

    dye: intensities of the responder cells of one well, linear, shape (cells,). undivided: the median of
    unstimulated responders of the same donor and run. What is dimmer than the last halving, or not above
    nought, is counted in the last. Raises ValueError for NaN or a peak that is not positive.
    """
    if not math.isfinite(undivided) or undivided <= 0:
        raise ValueError(f"an undivided peak at {undivided} cannot be halved")
    values = np.asarray(dye, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("the dye holds NaN or infinity")
    halvings = np.log2(undivided / np.maximum(values, undivided * 2.0 ** -(most + 1)))
    nearest = np.clip(np.rint(halvings), 0, most).astype(np.int64)
    return tuple(int(count) for count in np.bincount(nearest, minlength=most + 1))


@dataclass(frozen=True, slots=True)
class Point:
    """One ratio, regulatory cells per responder. suppression: percent, signed; below nought is help."""

    ratio: float
    suppression: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Curve:
    """Suppression over the ratios, against responders alone of the same donor and plate.

    area: mean suppression over the range of ratios on a logarithmic axis (trapezoids over the width), in
    percent. half: the ratio at which suppression is 50 %, interpolated on that axis; where it is None,
    ``half_reason`` says on which side it lies. Intervals are approximate (delta method, t by Satterthwaite)
    and need replicates. Where points and area are None, ``reason`` says why.
    """

    points: tuple[Point, ...] | None
    area: float | None
    area_interval: Interval | None
    half: float | None
    half_reason: str | None
    reason: str | None = None


def curve(
    wells: Mapping[float, Sequence[float]],
    alone: Sequence[float],
    *,
    dividing: float = DIVIDING,
    level: float = 0.95,
) -> Curve:
    """The curve from one measure of division per well (division index, or percent divided).

    wells: by ratio of regulatory cells to responders, 1.0 for 1:1 and 0.0625 for 1:16. alone: stimulated
    responders of the same donor without regulatory cells. dividing: the least mean of these, in the unit of
    the measure. Raises ValueError for NaN, negative measures or ratios that are not positive.
    """
    for measure in (*alone, *(one for values in wells.values() for one in values)):
        if not math.isfinite(measure) or measure < 0:
            raise ValueError(f"{measure} is not a measure of division; leave a lost well out")
    for ratio in wells:
        if not math.isfinite(ratio) or ratio <= 0:
            raise ValueError(f"{ratio} is not a ratio; write 0.25 for 1:4")
    ratios = sorted(ratio for ratio, values in wells.items() if values)
    if not alone:
        return Curve(None, None, None, None, None, "no well of responders alone")
    if not ratios:
        return Curve(None, None, None, None, None, "no well with regulatory cells")
    if fmean(alone) < dividing or fmean(alone) == 0:
        why = f"responders alone divide too little: {fmean(alone):.3g}, at least {dividing:g} is needed"
        return Curve(None, None, None, None, None, why)
    measures = [wells[ratio] for ratio in ratios]
    points = []
    for ratio, values in zip(ratios, measures, strict=True):
        value, bounds = _suppression([(1.0, values)], alone, level)
        points.append(Point(ratio, value, bounds))
    area: float | None = None
    bounds = None
    if len(ratios) > 1:
        area, bounds = _suppression(list(zip(_trapezoids(ratios), measures, strict=True)), alone, level)
    half, why_half = _half(points)
    return Curve(tuple(points), area, bounds, half, why_half)


def _trapezoids(ratios: list[float]) -> list[float]:
    """The share of each ratio in the mean over the logarithmic axis; they add up to 1."""
    steps = np.diff(np.log2(ratios))
    weights = (np.concatenate([[0.0], steps]) + np.concatenate([steps, [0.0]])) / 2
    return [float(weight) for weight in weights / steps.sum()]


def _suppression(
    weighted: list[tuple[float, Sequence[float]]], alone: Sequence[float], level: float
) -> tuple[float, Interval | None]:
    """100 × (1 − Σ weight × mean / mean alone), and its interval where every mean has replicates."""
    base = fmean(alone)
    share = sum(weight * fmean(values) for weight, values in weighted) / base
    estimate = 100 * (1 - share)
    groups = [*((weight / base, values) for weight, values in weighted), (share / base, alone)]
    if any(len(values) < 2 for _, values in groups):
        return rounded(estimate), None
    parts = [(factor**2 * variance(values) / len(values), len(values) - 1) for factor, values in groups]
    spread = sum(part for part, _ in parts)
    if spread == 0:  # replicates that agree to the last digit tell nothing of their spread
        return rounded(estimate), None
    from scipy.stats import t

    freedom = spread**2 / sum(part**2 / n for part, n in parts)
    reach = 100 * float(t.ppf(1 - error_rate(level) / 2, freedom)) * math.sqrt(spread)
    return rounded(estimate), interval(estimate - reach, estimate + reach)


def _half(points: list[Point]) -> tuple[float | None, str | None]:
    """Where the curve crosses 50 %, if it does so once."""
    above = [point.suppression >= 50 for point in points]
    if not any(above):
        return None, f"suppression is below 50 % at every ratio up to {points[-1].ratio:g}"
    if all(above):
        return None, f"suppression is at least 50 % at every ratio down to {points[0].ratio:g}"
    crossings = [i for i in range(len(points) - 1) if above[i] != above[i + 1]]
    if len(crossings) > 1 or above[0]:
        return None, "suppression does not rise with the ratio through 50 %"
    left, right = points[crossings[0]], points[crossings[0] + 1]
    share = (50 - left.suppression) / (right.suppression - left.suppression)
    return rounded(2 ** (math.log2(left.ratio) + share * math.log2(right.ratio / left.ratio))), None
