"""The numbers of a sample: percentages, intensities, cells per microlitre; each with what chance does to it.

Intervals have a level of 95 %. That of the number of events is exact. Where no valley parts a population from
the rest, it is widened by the error of the border; that of other gates is in no interval.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import hypot, inf

import numpy as np
from numpy.typing import NDArray

from trialrun.protocol.panel import Panel, Quantity
from trialrun.protocol.panels import UNITS
from trialrun.protocol.population import ALL

from .manifest import Row
from .populate import Populated
from .transform import GatingError

LEVEL = 0.95
NORMAL_95 = 1.959964
NANOLITRES = 1000.0  # in a microlitre; `$VOL` is in nanolitres (FCS 3.1, 3.2.20)


@dataclass(frozen=True)
class Estimate:
    """A number with its interval, or the reason why there is none.

    events: the events that it is of, and `of` those that it is a part of, where it has such. border: the
    standard error that comes from where a border lies, in the unit of the value; it is in the interval.
    corrected: the percentage of the parent without what the border puts on the wrong side
    (`transitional.Share`), where references tell.
    """

    value: float | None
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    events: int | None = None
    of: int | None = None
    reason: str | None = None
    border: float | None = None
    corrected: float | None = None


def quantities(populated: Populated, row: Row) -> dict[str, Estimate]:
    """Every quantity of the panel in one sample."""
    panel = populated.panel
    return {name: quantity(populated, one, row) for name, one in panel.quantities.items()}


def quantity(populated: Populated, one: Quantity, row: Row) -> Estimate:
    """One quantity in one sample; not estimable (a reason, no value) where a population is not known."""
    unit = UNITS.get(one.kind)
    named = [name for name in (one.population, one.of) if name not in (None, ALL)]
    for name in named:
        if name in populated.reasons:
            return Estimate(None, unit, reason=f"`{name}` is not known: {populated.reasons[str(name)]}")
    count = populated.count(one.population) or 0
    if one.kind == "count":
        return Estimate(float(count), unit, events=count)
    if one.kind == "median":
        return _intensity(populated, one, count)
    error = populated.error(one.population, str(one.of) if one.kind == "percent" else ALL)
    if one.kind == "percent":
        found = percent(count, populated.count(str(one.of)) or 0, str(one.of))
        share = populated.shares.get(one.population)
        if share is not None and one.of == populated.panel.populations[one.population].of:
            found = replace(found, corrected=share.corrected)
        return widened(found, error, 100.0)
    return widened(_absolute(populated, count, row), error)


def widened(one: Estimate, error: float, most: float = inf) -> Estimate:
    """The estimate with the error of a border in its interval. error: relative to the value."""
    if not error or one.value is None or one.low is None or one.high is None:
        return one
    border = error * one.value
    low = one.value - hypot(one.value - one.low, NORMAL_95 * border)
    high = one.value + hypot(one.high - one.value, NORMAL_95 * border)
    return replace(one, low=_digits(max(low, 0.0)), high=_digits(min(high, most)), border=_digits(border))


# ---- percentages ----------------------------------------------------------------------------------


def percent(count: int, total: int, parent: str = "parent") -> Estimate:
    """100 × count / total with the exact interval of Clopper and Pearson (1934, Biometrika 26:404)."""
    if total == 0:
        return Estimate(None, "%", events=count, of=0, reason=f"`{parent}` has no events")
    if count > total:
        return Estimate(None, "%", events=count, of=total, reason=f"more events than `{parent}` has")
    low, high = binomial(count, total)
    return _rounded(100 * count / total, "%", 100 * low, 100 * high, count, total)


def binomial(count: int, total: int) -> tuple[float, float]:
    """The exact 95 % interval of a proportion."""
    from scipy.special import betaincinv

    tail = (1 - LEVEL) / 2
    low = float(betaincinv(count, total - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, total - count, 1 - tail)) if count < total else 1.0
    return low, high


def poisson(count: int) -> tuple[float, float]:
    """The exact 95 % interval of a Poisson mean (Garwood 1936, Biometrika 28:437)."""
    from scipy.special import gammaincinv

    tail = (1 - LEVEL) / 2
    low = float(gammaincinv(count, tail)) if count else 0.0
    return low, float(gammaincinv(count + 1, 1 - tail))


# ---- intensities ----------------------------------------------------------------------------------


def _intensity(populated: Populated, one: Quantity, count: int) -> Estimate:
    if count == 0:
        return Estimate(None, events=0, reason=f"`{one.of}` has no events")
    try:
        values = populated.values(str(one.median), str(one.of))
    except GatingError as error:
        return Estimate(None, events=count, reason=str(error))
    return median(values)


def median(values: NDArray[np.float64]) -> Estimate:
    """The median with its distribution-free interval from the order statistics, of at least 95 %.

    values: one per event, at least one, all finite. Below six events no such interval is that certain.
    """
    from scipy.special import bdtr

    ordered = np.sort(values)
    count = len(ordered)
    middle = float(np.median(ordered))
    spread = int(2 * np.sqrt(count)) + 2  # the rank lies within two standard deviations, √n / 2 each
    ranks = np.arange(max(0, count // 2 - spread), count // 2 + 1)
    below = ranks[bdtr(ranks, count, 0.5) <= (1 - LEVEL) / 2]
    if not len(below):
        return _rounded(middle, None, None, None, count, None)
    rank = int(below[-1])  # from 0; that no more than so many lie below the true median has at most 2.5 %
    return _rounded(middle, None, float(ordered[rank]), float(ordered[count - 1 - rank]), count, None)


# ---- cells per microlitre -------------------------------------------------------------------------


def _absolute(populated: Populated, count: int, row: Row) -> Estimate:
    """Cells per microlitre of blood, in the way that the manifest says."""
    unit, way = UNITS["absolute"], row.counting
    counting = populated.panel.counting
    if way is None or counting is None:
        reason = "nothing says how its cells were counted; give a manifest with a column `counting`"
        return Estimate(None, unit, events=count, reason=reason)
    if way == "volume":
        return _by_volume(populated, count, row, counting.volume)
    reference = counted_by(populated.panel, row)
    if reference is None:
        reason = f"the manifest says `counting: {way}`, and the panel has no population for that"
        return Estimate(None, unit, events=count, reason=reason)
    if reference in populated.reasons:
        why = populated.reasons[reference]
        return Estimate(None, unit, events=count, reason=f"`{reference}` is not known: {why}")
    total = populated.count(reference) or 0
    if way == "beads":
        return by_beads(count, total, row.number("beads") or 0.0, row.number("blood_ul") or 0.0)
    return by_blood_count(count, total, row.number("cells_per_ul") or 0.0, _part(populated, reference))


def counted_by(panel: Panel, row: Row) -> str | None:
    """The population by which the manifest says that cells per microlitre are counted, if by one."""
    counting = panel.counting
    if counting is None or row.counting not in ("beads", "dual"):
        return None
    return counting.beads if row.counting == "beads" else counting.dual


def _part(populated: Populated, reference: str) -> bool:
    return reference != ALL


def by_beads(count: int, beads: int, given: float, blood: float) -> Estimate:
    """count / beads × beads given / µL of blood.

    The interval is that of a ratio of two Poisson means: given both, the count is binomial of their sum
    (Clopper and Pearson's interval of the odds; Przyborowski and Wilenski 1940, Biometrika 31:313).
    """
    unit = UNITS["absolute"]
    if beads == 0:
        return Estimate(None, unit, events=count, of=0, reason="no counting bead was found")
    low, high = binomial(count, count + beads)
    scale = given / blood
    return _rounded(
        scale * count / beads, unit, scale * low / (1 - low), scale * high / (1 - high), count, beads
    )


def by_blood_count(count: int, reference: int, per_ul: float, part: bool = True) -> Estimate:
    """count / reference × the reference population's cells per µL, as another instrument counted them.

    The error of that count is not in the interval. A count above the reference is of no part of it, and has
    the interval of a ratio.
    """
    unit = UNITS["absolute"]
    if reference == 0:
        return Estimate(None, unit, events=count, of=0, reason="the reference population has no events")
    if part and count <= reference:
        low, high = binomial(count, reference)
    else:
        low, high = (odds / (1 - odds) for odds in binomial(count, count + reference))
    return _rounded(per_ul * count / reference, unit, per_ul * low, per_ul * high, count, reference)


def _by_volume(populated: Populated, count: int, row: Row, allowed: bool) -> Estimate:
    unit = UNITS["absolute"]
    if not allowed:
        reason = "the manifest says `counting: volume`, and the panel does not allow it"
        return Estimate(None, unit, events=count, reason=reason)
    said = populated.sample.keywords.get("$VOL", "").strip()
    try:
        volume = float(said)
    except ValueError:
        volume = 0.0
    if not 0 < volume < float("inf"):
        words = f"is `{said}`" if said else "is not there"
        return Estimate(None, unit, events=count, reason=f"the file's volume ($VOL, in nanolitres) {words}")
    return by_volume(count, volume / NANOLITRES, row.number("dilution") or 1.0)


def by_volume(count: int, volume: float, dilution: float) -> Estimate:
    """count / volume (µL) × dilution, with the exact interval of a Poisson count."""
    low, high = poisson(count)
    scale = dilution / volume
    return _rounded(scale * count, UNITS["absolute"], scale * low, scale * high, count, None)


def _rounded(
    value: float, unit: str | None, low: float | None, high: float | None, events: int, of: int | None
) -> Estimate:
    return Estimate(_digits(value), unit, _maybe(low), _maybe(high), events, of)


def _maybe(value: float | None) -> float | None:
    return None if value is None else _digits(value)


def _digits(value: float) -> float:
    """Eight digits: special functions differ beyond them between machines."""
    return float(f"{value:.8g}")
