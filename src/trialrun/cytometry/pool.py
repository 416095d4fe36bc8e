"""One cut for samples that share a gate, and which of them it does not serve.

Where the cut lies is read off the density of all events together; whether it serves a sample, off the density
of that one alone. A few samples whose peaks lie elsewhere (another stain or voltage) would move the cut of
all others, or leave them none, so it is found without them. Nothing here knows which visit a sample is of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .density import Array, Cut, Density, density, lowest, peaks, valley

# Assumptions, with what was measured in docs/cells-automatic.md:
LEAST = 0.05  # of its highest peak: less is no peak of a sample
HALF = 0.5  # of the separation in all samples together: a cut that has less in a sample lies in a peak of it
CLEAR = 0.5  # separation of the valley of a sample alone from which it speaks against that of all
ENOUGH = 500  # events below which no sample is judged by itself
ADJUST = 2.0  # the kernel of `density.valley`

SLICED = "the cut lies in a peak of its own: separation {:.2f} in it alone, {:.2f} in all samples together"
ELSEWHERE = "its two peaks lie on one side of the cut"
APART = "one cut does not serve these samples: by themselves they would be cut between {:.4g} and {:.4g}"


@dataclass(frozen=True)
class Pooled:
    """A cut, the numbers of the samples that have no part in it, of each sample why it does not serve that,
    and how many would by themselves be cut elsewhere and have no clear valley there."""

    cut: Cut
    aside: tuple[int, ...]
    against: tuple[str, ...]
    elsewhere: int


def alone(values: Array) -> Density | None:
    """The density of one marker in a sample by itself, None of too few events to see anything."""
    return density(values, ADJUST) if len(values) >= ENOUGH and values.min() < values.max() else None


def against(found: Density | None, at: float, apart: float) -> str:
    """Why a cut in a valley does not serve a sample; empty where it does, or where nothing can be seen.

    found: the sample's own density; at: the cut; apart: its separation in all samples together.
    """
    if found is None:
        return ""
    tops, sides = _tops(found, at)
    here, needed = _height(found, at), HALF * apart
    own = 1 - here / float(found.y.max())
    if all(map(len, sides)):
        left, right = (side[np.argmax(found.y[side])] for side in sides)
        if (best := _depth(found, left, right)) >= needed:  # else both are bumps of one peak
            own = 1 - here / float(min(found.y[left], found.y[right]))
            needed = HALF * best
    elif len(tops) > 1 and own >= needed:
        return ELSEWHERE if _depth(found, *_two(found, tops)) >= needed else ""
    return SLICED.format(own, apart) if own < needed else ""


def _tops(found: Density, at: float) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """The peaks of a sample, and those on either side of a cut."""
    tops = peaks(found)
    tops = tops[found.y[tops] >= LEAST * found.y.max()]
    return tops, [tops[found.x[tops] < at], tops[found.x[tops] >= at]]


def _clearly(found: Density | None, at: float | None) -> bool:
    """Whether a cut lies in a clear valley of a sample, which may have more than one: of debris, beads and
    cells each two are parted."""
    if found is None or at is None:
        return False
    _, sides = _tops(found, at)
    if not all(map(len, sides)):
        return False
    least = min(float(found.y[side].max()) for side in sides)
    return 1 - _height(found, at) / least >= CLEAR


def against_tail(found: Density | None, at: float, apart: float) -> str:
    """Why a cut at the foot of a tail does not serve a sample: it lies in the upper half of its peak."""
    if found is None:
        return ""
    own = 1 - _height(found, at) / float(found.y.max())
    return SLICED.format(own, apart) if own < HALF else ""


def _height(found: Density, at: float) -> float:
    return float(np.interp(at, found.x, found.y, left=0.0, right=0.0))


def _depth(found: Density, left: int, right: int) -> float:
    """The separation of two peaks at the lowest point between them."""
    return 1 - float(found.y[left : right + 1].min() / min(found.y[left], found.y[right]))


def pooled(parts: Sequence[Array], within: tuple[float, float]) -> Pooled:
    """The valley of all samples together.

    parts: of each sample one marker, finite; within: where the cut may lie. Where it does not serve them, and
    more than half have by themselves a clear valley between peaks at about one place, it is that of these
    together. Of two samples that differ nobody can tell which one is off.
    """
    seen = [alone(part) for part in parts]
    cuts = _cuts(parts, seen, within)
    cut, aside = _agreed(parts, seen, cuts, within)
    odd = {number: own for number, own in cuts.items() if not _clearly(seen[number], cut.threshold)}
    return Pooled(cut, aside, _whys(cut, seen), _elsewhere(cut, parts, odd))


def _cuts(
    parts: Sequence[Array], seen: Sequence[Density | None], within: tuple[float, float]
) -> dict[int, float]:
    """By number of a sample where it would be cut by itself, of those that have a clear valley."""
    found = {}
    for number, (part, one) in enumerate(zip(parts, seen, strict=True)):
        cut = lowest(one, len(part), within) if one is not None else None
        if cut and cut.threshold is not None and cut.separation is not None and cut.separation >= CLEAR:
            found[number] = cut.threshold
    return found


def _agreed(
    parts: Sequence[Array],
    seen: Sequence[Density | None],
    cuts: Mapping[int, float],
    within: tuple[float, float],
) -> tuple[Cut, tuple[int, ...]]:
    whole = valley(np.concatenate(parts), within=within)
    able = {number: one for number, one in enumerate(seen) if one is not None}
    served = whole.estimable and not any(_whys(whole, seen))
    if 2 * len(cuts) <= len(able) or (served and 2 * _elsewhere(whole, parts, cuts) < len(cuts)):
        return whole, ()
    like = _like({number: able[number] for number in cuts}, float(np.median([*cuts.values()])))
    if 2 * len(like) > len(able):
        fresh = valley(np.concatenate([parts[number] for number in like]), within=within)
        if fresh.estimable:
            return fresh, tuple(number for number in able if number not in like)
    if not whole.estimable:
        return replace(whole, reasons=(APART.format(min(cuts.values()), max(cuts.values())),)), ()
    return whole, ()


def _whys(cut: Cut, seen: Sequence[Density | None]) -> tuple[str, ...]:
    """Of each sample why a cut does not serve it."""
    at, apart = cut.threshold, cut.separation
    if at is None or apart is None:
        return ("",) * len(seen)
    return tuple(against(one, at, apart) for one in seen)


def _elsewhere(cut: Cut, parts: Sequence[Array], cuts: Mapping[int, float]) -> int:
    """How many samples would by themselves be cut elsewhere."""
    at = cut.threshold
    return sum(at is not None and not _alike(parts[number], own, at) for number, own in cuts.items())


def _like(seen: Mapping[int, Density], cut: float) -> list[int]:
    """Samples whose two peaks lie where those of most do, give or take half the way from there to the cut."""
    pairs = {number: one.x[_two(one, peaks(one))] for number, one in seen.items()}
    middle = np.median([*pairs.values()], axis=0)
    allowed = HALF * np.abs(cut - middle)
    return [number for number, pair in pairs.items() if (np.abs(pair - middle) <= allowed).all()]


def _two(found: Density, tops: NDArray[np.int64]) -> NDArray[np.int64]:
    """The two highest of these peaks, from left to right."""
    return np.sort(tops[np.argsort(-found.y[tops], kind="stable")[:2]])


def _alike(values: Array, own: float, other: float) -> bool:
    """Whether two cuts of a sample give about the same: between them lie few events beside those on the
    smaller side of its own."""
    low = float((values < own).mean())
    return abs(float((values < other).mean()) - low) < HALF * min(low, 1 - low)
