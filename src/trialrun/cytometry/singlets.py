"""Single cells: the events whose area is what their height foretells.

Two cells in the laser together are broader, hence more area for their height. A robust line of area on
height (as openCyto's and flowStats' ``singletGate``), and a band about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .density import Array, finite, significant

FEWEST = 50  # events below which no line is drawn: assumption
HUBER = 1.345  # 95 % efficiency for normal errors (Huber 1981)
NORMAL = 1.4826  # the MAD of a normal distribution times this is its standard deviation


@dataclass(frozen=True)
class Singlets:
    """area = intercept + slope × height; the band is ± width × that area. reasons: why there is no line."""

    intercept: float
    slope: float
    width: float
    count: int
    reasons: tuple[str, ...] = ()

    @property
    def estimable(self) -> bool:
        return not self.reasons

    def members(self, area: NDArray[Any], height: NDArray[Any]) -> NDArray[np.bool_]:
        """Which events lie within the band. Raises ValueError where there is none, or values not finite."""
        if self.reasons:
            raise ValueError(f"no line of area on height: {'; '.join(self.reasons)}")
        expected = self.intercept + self.slope * finite(height)
        away = np.abs(finite(area) - expected)
        return np.asarray((expected > 0) & (away <= self.width * np.abs(expected)))


def fit(area: NDArray[Any], height: NDArray[Any], level: float = 0.99) -> Singlets:
    """The robust line, and the band that holds `level` of single cells if their scatter is normal.

    area, height: of the same scatter channel, linear. The scatter about the line grows with it, as the
    noise of a cytometer does: residuals are taken relative to the height. Not estimable with fewer than
    50 events, a height without spread or below zero, or a line that does not rise.
    """
    from scipy.special import ndtri

    areas, heights = finite(area), finite(height)
    if areas.shape != heights.shape:
        raise ValueError(f"{len(areas)} areas for {len(heights)} heights")
    order = np.lexsort((areas, heights))
    areas, heights = areas[order], heights[order]
    count = len(areas)
    if count < FEWEST:
        return _none(count, f"too few events: {count}, at least {FEWEST} are needed")
    if not 0 < heights[0] < heights[-1]:
        return _none(count, "heights must be above zero and differ")
    # area / height = slope + intercept / height: an ordinary line, whose scatter no longer grows.
    ratio, inverse = areas / heights, 1 / heights
    slope, intercept, scale = _line(inverse, ratio)
    if slope <= 0:
        return _none(count, "the area does not rise with the height: are the channels of one detector?")
    width = float(ndtri(0.5 + level / 2)) * scale / float(np.median(slope + intercept * inverse))
    if width <= 0:
        return _none(count, "more than half of the events lie on the line exactly: no width of the band")
    return Singlets(significant(intercept), significant(slope), significant(width), count)


def _line(x: Array, y: Array) -> tuple[float, float, float]:
    """Constant, slope and scale of y on x by Huber's estimator, reweighted until it stands still."""
    centre, spread = float(np.median(x)), float(x.std())
    if spread * 1e9 < abs(centre):
        constant = float(np.median(y))
        return constant, 0.0, NORMAL * float(np.median(np.abs(y - constant)))
    z = (x - centre) / spread
    constant, tilt, scale = float(np.median(y)), 0.0, 0.0
    for _ in range(100):
        away = y - constant - tilt * z
        scale = NORMAL * float(np.median(np.abs(away)))
        if scale <= 0:
            break
        weight = np.minimum(1.0, HUBER * scale / np.maximum(np.abs(away), 1e-300))
        total = weight.sum()
        mean_z, mean_y = (weight * z).sum() / total, (weight * y).sum() / total
        spread_z = (weight * (z - mean_z) ** 2).sum()
        fresh_tilt = float((weight * (z - mean_z) * (y - mean_y)).sum() / spread_z) if spread_z > 0 else 0.0
        fresh = float(mean_y - fresh_tilt * mean_z)
        moved = abs(fresh - constant) + abs(fresh_tilt - tilt)
        constant, tilt = fresh, fresh_tilt
        if moved < 1e-10 * abs(constant):
            break
    return constant - tilt * centre / spread, tilt / spread, scale


def _none(count: int, reason: str) -> Singlets:
    return Singlets(0.0, 0.0, 0.0, count, (reason,))
