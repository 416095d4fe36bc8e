"""A gate learnt from samples that were gated by hand: the laboratory's own idea of a population.

Where a population has no valley around it, its border is a convention. The convention is in the reference
samples: which events a person took, and which not. A logistic regression on quadratic splines reads it off:
the first two markers together (a tensor product: any slanted or bent border in their plot), each further
marker by itself (an interval, a gap). Beyond the range in which the references have members the nearest
value of that range counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .density import DIGITS, Array, finite, significant

FEWEST = 100  # members over all references below which no border is learnt: assumption
NORMAL = 1.4826  # the MAD of a normal distribution times this is its standard deviation
KNOTS = 5  # of the first two markers, each; measured in docs/cells-automatic.md
KNOTS_FURTHER = 8
PENALTY = 0.01  # on each squared coefficient: enough for a fit to exist where the border is clean
CHUNK = 1 << 15


@dataclass(frozen=True, eq=False)
class Reference:
    """One sample gated by hand: markers × events on the scale of gating, and which events are members."""

    values: NDArray[np.floating[Any]]
    members: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Template:
    """A learnt border. Its first marker is high in members, its second low, further ones as they are.

    knots: of each marker. weights: the coefficients. bulk, spread: the `landmarks` of the first two
    markers, each the mean over the references, by which another sample is compared. ceiling: the second
    marker's 95th percentile in members. prior: members over all events that were learnt from. without:
    the templates learnt leaving one reference out; none for a single one.
    """

    knots: tuple[Array, ...]
    weights: Array
    bulk: Array
    spread: Array
    ceiling: float
    prior: float
    references: int
    without: tuple[Template, ...] = ()

    @property
    def markers(self) -> int:
        return len(self.knots)

    def probability(self, values: NDArray[Any]) -> Array:
        """Markers × events to the probability that a person would call each event a member."""
        return np.concatenate(
            [
                np.round(_logistic(_design(values[:, at : at + CHUNK], self.knots) @ self.weights), DIGITS)
                for at in range(0, values.shape[1], CHUNK)
            ]
            or [np.empty(0)]
        )


def corrected(probability: Array, prior: float) -> float:
    """The share of members that makes a template's probabilities agree with themselves, 0 to 1.

    They were learnt where `prior` of the events were members. Where another share are, events near the border
    are rather, or less likely, members than they say. The share is found by expectation and maximisation
    (Saerens, Latinne and Decaestecker 2002, doi:10.1162/089976602753284446).
    """
    share = prior
    for _ in range(1000):
        inside = probability * (share / prior)
        fresh = float(np.mean(inside / (inside + (1 - probability) * ((1 - share) / (1 - prior)))))
        if abs(fresh - share) < 1e-10:
            break
        share = fresh
    return share


def learn(references: Sequence[Reference]) -> Template:
    """The template of the references, and those of all but one.

    Their order, and that of their events, changes nothing. Raises ValueError for none, for fewer than 100
    members or as few others, fewer than two markers, markers that differ in number, or values not finite.
    """
    checked = sorted((_checked(one) for one in references), key=lambda one: one.values.tobytes())
    if len({len(one.values) for one in checked}) > 1:
        raise ValueError("references have different numbers of markers")
    if len({one.values.tobytes() for one in checked}) < len(checked):
        raise ValueError("two references have the same events; name each sample once")
    whole = _learn(checked)
    if len(checked) < 2:
        return whole
    parts = (checked[:left] + checked[left + 1 :] for left in range(len(checked)))
    return replace(whole, without=tuple(_learn(part) for part in parts if _enough(part)))


def left_out(references: Sequence[Reference], whole: Template) -> list[Template | None]:
    """For each reference the template of all others, None where these are too few. whole: that of all."""
    keys = [_checked(one).values.tobytes() for one in references]
    numbers = sorted(range(len(keys)), key=lambda number: keys[number])
    others = {number: [one for i, one in enumerate(references) if i != number] for number in numbers}
    able = [number for number in numbers if _enough(others[number])]
    known = dict(zip(able, whole.without, strict=True))
    return [known.get(number) for number in range(len(keys))]


def landmarks(values: NDArray[np.floating[Any]], members: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Median and robust standard deviation of the first two markers in the events that are no members."""
    bulk = values[:2, ~members]
    middle = np.median(bulk, axis=1)
    return np.asarray(middle), np.asarray(NORMAL * np.median(np.abs(bulk - middle[:, None]), axis=1))


def _checked(one: Reference) -> Reference:
    values, members = finite(one.values), np.asarray(one.members, dtype=bool)
    if values.ndim != 2 or len(values) < 2 or values.shape[1] != len(members):
        raise ValueError(
            f"expected markers × events and a mark per event, got {values.shape}, {members.shape}"
        )
    order = np.lexsort(np.vstack([members[None, :], values[::-1]]))
    return Reference(np.ascontiguousarray(values[:, order]), members[order])


def _enough(references: Sequence[Reference]) -> bool:
    members = sum(int(one.members.sum()) for one in references)
    return min(members, sum(len(one.members) for one in references) - members) >= FEWEST


def _learn(references: Sequence[Reference]) -> Template:
    if not _enough(references):
        raise ValueError(f"too few reference events: {FEWEST} members and as many others are needed")
    values = np.concatenate([one.values for one in references], axis=1)
    members = np.concatenate([one.members for one in references])
    seen = [landmarks(one.values, one.members) for one in references if not one.members.all()]
    bulk, spread = (_rounded(np.mean([pair[part] for pair in seen], axis=0)) for part in (0, 1))
    if (spread <= 0).any():
        raise ValueError("the events that are no members have no spread in the first or second marker")
    knots = tuple(_rounded(marker) for marker in _knots(values[:, members], spread))
    if any((np.diff(marker) <= 0).any() for marker in knots):
        raise ValueError("the members have hardly any spread in one of the markers")
    return Template(
        knots,
        _fitted(values, members, knots),
        bulk,
        spread,
        significant(float(np.quantile(values[1, members], 0.95))),
        significant(float(members.mean())),
        len(references),
    )


def _knots(members: Array, spread: Array) -> tuple[Array, ...]:
    """Where the border may bend: around the members' lower edge in the first marker, their upper in the
    second, and at quantiles of the further ones, with room on the open sides for events that are none."""
    room = 0.75 * spread
    first = np.linspace(members[0].min() - room[0], np.quantile(members[0], 0.9), KNOTS)
    second = np.linspace(np.quantile(members[1], 0.02), members[1].max() + room[1], KNOTS)
    return first, second, *(_spaced(marker) for marker in members[2:])


def _rounded(numbers: Array) -> Array:
    """To the digits that a border keeps when it is written."""
    return np.array([significant(float(number)) for number in numbers])


def _spaced(marker: Array) -> Array:
    inner = np.unique(np.quantile(marker, np.linspace(0, 1, KNOTS_FURTHER)))
    return inner if len(inner) > 1 else np.array([inner[0] - 0.5, inner[0] + 0.5])


def _splines(values: Array, knots: Array) -> Array:
    """Events × (knots + 1): the quadratic B-splines at each value, or at the nearer end outside the knots."""
    from scipy.interpolate import BSpline

    inside = np.clip(values, knots[0], knots[-1])
    ends = np.concatenate([[knots[0]] * 2, knots, [knots[-1]] * 2])
    found: Array = BSpline.design_matrix(inside, ends, 2).toarray()
    return found


def _design(values: NDArray[Any], knots: Sequence[Array]) -> Array:
    first, second, *further = (_splines(row, own) for row, own in zip(values, knots, strict=True))
    plane = (first[:, :, None] * second[:, None, :]).reshape(len(first), -1)
    return np.concatenate([plane, *(one[:, 1:] for one in further)], axis=1)


def _logistic(line: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(line, -30, 30))))


def _fitted(values: Array, members: NDArray[np.bool_], knots: Sequence[Array]) -> Array:
    """Penalised maximum likelihood by Newton's method, each step halved until it is a gain."""
    design = _design(values, knots)
    truth = members.astype(np.float64)
    weights = np.zeros(design.shape[1])
    line = np.zeros(len(design))

    def loss(line: Array, weights: Array) -> float:
        return float(np.logaddexp(0, line).sum() - truth @ line + PENALTY / 2 * weights @ weights)

    now = loss(line, weights)
    for _ in range(100):
        share = _logistic(line)
        gradient = design.T @ (truth - share) - PENALTY * weights
        busy = np.flatnonzero(share * (1 - share) > 1e-7)  # far from the border nothing bends
        part = design[busy]
        bend = (part * (share * (1 - share))[busy, None]).T @ part + PENALTY * np.eye(len(weights))
        step = np.linalg.solve(bend, gradient)
        rise = design @ step
        size = 1.0
        while (fresh := loss(line + size * rise, weights + size * step)) > now and size > 1e-6:
            size /= 2
        if now - fresh < 1e-9 * (1 + abs(now)):
            break
        weights, line, now = weights + size * step, line + size * rise, fresh
    return _rounded(weights)
