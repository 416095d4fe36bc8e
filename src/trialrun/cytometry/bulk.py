"""Where the bulk of a sample's events lies, and whether that makes it a stranger to a gate.

The bulk is what is no member of the population that is looked for. It is compared with that of the
references, or without any with that of the other samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .density import Array, significant
from .template import Template, landmarks

# Samples of one laboratory differ in their bulk by biology, too. Only what exceeds this many robust standard
# deviations of the bulk is taken for the instrument and followed (assumption: docs/cells-automatic.md).
SLACK = 0.25
FARTHEST = 2.0  # robust standard deviations of the bulk beyond which references do not speak for a sample
WIDEST = 2.0  # times wider or narrower bulk, likewise
FEWEST_ALONE = 50  # events below which no sample is judged by itself: assumption

Mark = tuple[Array, Array]  # middle and spread of a bulk in the first two markers


@dataclass(frozen=True, eq=False)
class Bulk:
    """Where the bulk of some samples lies: distance from the references' and how often as wide, by marker."""

    shift: tuple[float, float]
    marks: Sequence[Mark]
    away: Array
    times: Array


def placed(arrays: Sequence[Array], template: Template) -> Bulk | None:
    """The bulk is what is no member, so shift and members are found in turn until neither moves; None where
    every event would be a member."""
    shift = (0.0, 0.0)
    for _ in range(50):
        members = [template.probability(moved(one, shift)) > 0.5 for one in arrays]
        pairs = zip(arrays, members, strict=True)
        marks = [landmarks(one, own) for one, own in pairs if not own.all()]
        if not marks:
            return None
        middle, spread = (np.median([mark[part] for mark in marks], axis=0) for part in (0, 1))
        away = (middle - template.bulk) / template.spread
        follow = _firm(away) * template.spread
        fresh = (significant(float(follow[0])), significant(float(follow[1])))
        if max(abs(new - old) for new, old in zip(fresh, shift, strict=True)) < 1e-6:
            break
        shift = fresh
    return Bulk(shift, marks, away, spread / template.spread)


def moved(array: Array, shift: tuple[float, float]) -> Array:
    away = np.zeros(len(array))
    away[:2] = shift
    found: Array = array - away[:, None]
    return found


def _firm(away: Array) -> Array:
    """Nothing up to SLACK, all from twice that on, and between them in proportion (firm shrinkage, Gao and
    Bruce 1997: Statistica Sinica 7:855)."""
    size = np.abs(away)
    part = np.where(size > 2 * SLACK, size, np.maximum(size - SLACK, 0) * 2)
    return np.asarray(np.sign(away) * part)


def too_far(bulk: Bulk | None, names: tuple[str, str]) -> tuple[str, ...]:
    """Why the references do not speak for these samples."""
    if bulk is None:
        return ("every event would be a member",)
    reasons = []
    for name, distance, times in zip(names, bulk.away, bulk.times, strict=True):
        if abs(distance) > FARTHEST:
            reasons.append(
                f"the bulk lies {distance:+.1f} standard deviations from that of the references in {name}, "
                f"at most {FARTHEST:g} are allowed: they do not speak for this sample; compare its stain and "
                "voltage with theirs, or give references that are measured like it"
            )
        if not 1 / WIDEST < times < WIDEST:
            reasons.append(
                f"the bulk is {times:.2g} times as wide as that of the references in {name}: was it stained "
                "alike? Give a control as a control, else stain or measure it again"
            )
    return tuple(reasons)


def whole(array: Array) -> Mark:
    return landmarks(array, np.zeros(array.shape[1], dtype=bool))


def beside(one: Mark, other: Mark) -> Mark:
    """How far one bulk lies from another, in standard deviations of that, and how often as wide it is."""
    known = other[1] > 0  # a shoulder may have one marker only; the other is 0 in every event
    unit = np.where(known, other[1], 1.0)
    return np.where(known, (one[0] - other[0]) / unit, 0.0), np.where(known, one[1] / unit, 1.0)


def strangers(arrays: Sequence[Array], names: tuple[str, str]) -> list[tuple[str, ...]]:
    """For each sample why it is not gated with the others: `stranger`, or too few events."""
    marks = [None if too_few(one) else whole(one) for one in arrays]
    known = [mark for mark in marks if mark is not None]
    pairs = zip(arrays, marks, strict=True)
    return [too_few(one) if mark is None else stranger(mark, known, names) for one, mark in pairs]


def stranger(mark: Mark, peers: Sequence[Mark], names: tuple[str, str]) -> tuple[str, ...]:
    """Why a sample is not gated with its peers, itself among them: its bulk lies far from that of half."""
    far = [why for why in _whys(mark, peers, names) if why]
    return far[0] if 2 * len(far) >= len(peers) else ()


def divided(mark: Mark, peers: Sequence[Mark], names: tuple[str, str]) -> tuple[str, ...]:
    """The same where no more than half of all lie together, with how many lie as this one does."""
    like = _whys(mark, peers, names).count(())
    return tuple(
        f"{why}; of {len(peers)} samples {like} lie as it does" for why in stranger(mark, peers, names)
    )


def _whys(mark: Mark, peers: Sequence[Mark], names: tuple[str, str]) -> list[tuple[str, ...]]:
    unit = np.median([peer[1] for peer in peers], axis=0)
    return [unlike(beside(mark, (peer[0], unit))[0], beside(mark, peer)[1], names) for peer in peers]


def unlike(away: Array, times: Array, names: tuple[str, str]) -> tuple[str, ...]:
    """Why one gate does not serve a sample and others."""
    reasons = []
    for name, distance, wide in zip(names, away, times, strict=True):
        if abs(distance) > FARTHEST:
            reasons.append(
                f"its bulk lies {distance:+.1f} standard deviations from that of the other samples in "
                f"{name}, at most {FARTHEST:g} are allowed: one gate does not serve both; compare stain and "
                "voltage"
            )
        if not 1 / WIDEST < wide < WIDEST:
            reasons.append(
                f"its bulk is {wide:.2g} times as wide as that of the other samples in {name}: "
                "was it stained alike? One gate does not serve both"
            )
    return tuple(reasons)


def too_few(array: Array) -> tuple[str, ...]:
    count = array.shape[1]
    few = f"too few events: {count}, at least {FEWEST_ALONE} are needed"
    return (few,) if count < FEWEST_ALONE else ()
