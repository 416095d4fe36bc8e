"""A rare population without a valley: high in one marker, low in another, on the shoulder of the bulk.

Neither marker parts such a population from its parent, so a density has no minimum to cut at. With reference
samples of the laboratory the border is the one that its people draw (`template`); it is carried over to a
participant by the bulk of his events. Without any, the shoulder itself is cut where it begins.

One gate serves all visits of a participant. It is fitted to their events together and does not know which
visit is which: permuting samples or events changes nothing. Each sample is judged by itself all the same: one
whose bulk lies too far off has no share, and no part in the gate of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .density import DIGITS, Array, density, finite, significant
from .template import NORMAL, Template, corrected, landmarks

FEWEST = 1000  # pooled parent events below which no gate is fitted: assumption
TILT = 0.5  # how much of the second marker comes off the first, on a logarithmic scale: assumption
ADJUST = (2.0, 2.5, 3.0)  # kernels at which the foot of the shoulder is sought; the median counts
FOOT = 0.003  # share of events beyond which the far tail is too thin to show a shoulder: assumption
# Samples of one laboratory differ in their bulk by biology, too. Only what exceeds this many robust standard
# deviations of the bulk is taken for the instrument and followed (assumption: docs/cells-automatic.md).
SLACK = 0.25
FARTHEST = 2.0  # robust standard deviations of the bulk beyond which references do not speak for a sample
WIDEST = 2.0  # times wider or narrower bulk, likewise
APART = (
    0.5  # robust standard deviations between a sample's bulk and the gate's: beyond it a finding; assumption
)
FEWEST_ALONE = 50  # events below which no sample is judged by itself: assumption
NAMES = ("the first marker", "the second marker")
BACKGROUND = 0.5  # % of a control's events within the gate from which it is a finding: assumption
NORMAL_95 = 1.959964


@dataclass(frozen=True, eq=False)
class Membership:
    """Per event: whether it is a member, and the probability of that."""

    members: NDArray[np.bool_]
    probability: Array


@dataclass(frozen=True)
class Share:
    """Members in % of their parent, and how far that may be off.

    corrected: the percentage without the events that the border puts on the wrong side, by the
    probabilities of all events (`template.corrected`); None without a template, and less biased where
    the share differs from that of the references. error: standard error of percent in points,
    √(binomial² + gate²): binomial is that of counting; gate that of the border, itself √(events² +
    references²): `events` from the probabilities of events near it, Σ p (1 - p), and `references` from
    leaving each reference out in turn (jackknife), or without any from the places where other kernels
    see the shoulder begin. low, high: 95 %, normal, within 0 and 100. first_members: median of the
    first marker in members, None without any. All None with `reasons` where nothing is estimable.
    """

    members: int
    parents: int
    percent: float | None
    corrected: float | None
    binomial: float | None
    gate: float | None
    error: float | None
    low: float | None
    high: float | None
    first_members: float | None
    reasons: tuple[str, ...] = ()

    @property
    def estimable(self) -> bool:
        return not self.reasons


@dataclass(frozen=True)
class WithoutFirst:
    """The sensitivity population that does not ask for the first marker: events low in the second alone.

    A drug may raise the first marker by itself, and so move events over the border that are no more members
    than before. percent of the parent, its binomial standard error, and the first marker's median in them.
    """

    members: int
    parents: int
    percent: float | None
    binomial: float | None
    first: float | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """Of one sample: why a gate does not hold for it, and what a reader should know."""

    reasons: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Place:
    """Where the bulk of some samples lies: distance from the references' and how often as wide, by marker."""

    shift: tuple[float, float]
    marks: Sequence[tuple[Array, Array]]
    away: Array
    times: Array


@dataclass(frozen=True, eq=False)
class Gate:
    """The gate of one participant. Values are markers × events: the high marker, the low one, further ones.

    template: the border learnt from references, or None for the shoulder. shift: how far the sample's first
    two markers lie from the references. foot: where the shoulder begins in first - tilt × second; feet: as
    other kernels see it. ceiling: upper limit of the second marker for `without_first`. seen: `landmarks` of
    the first two markers of each sample, ascending. background: % of each control's events within the gate.
    bulk, spread: `landmarks` that a sample is compared with where there is no template. names: of the first
    two markers, in words. findings: what a reader should know. reasons: why there is no gate.
    """

    template: Template | None
    shift: tuple[float, float]
    foot: float | None
    feet: tuple[float, ...]
    width: float
    tilt: float
    ceiling: float | None
    samples: int
    seen: tuple[tuple[float, float], ...]
    background: tuple[float, ...] = ()
    findings: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    bulk: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    names: tuple[str, str] = NAMES

    @property
    def estimable(self) -> bool:
        return not self.reasons

    def judged(self, values: NDArray[Any]) -> Judgement:
        """What speaks against this gate in the events of one sample, looked at by itself."""
        array = _rows(values)
        if not array.shape[1]:  # its share says so
            return Judgement(self.reasons)
        if self.template is not None:
            place = _place([array], self.template)
            reasons = _few(array) or _far(place, self.names)
            left = 0.0 if place is None else place.away - np.array(self.shift) / self.template.spread
        elif self.bulk:
            away, times = _beside(_whole(array), (np.array(self.bulk), np.array(self.spread)))
            reasons, left = _few(array) or _aside(away, times, self.names), away
        else:
            return Judgement(self.reasons)
        if reasons or self.reasons:
            return Judgement(reasons or self.reasons)
        pairs = zip(self.names, np.broadcast_to(left, 2), strict=True)
        return Judgement(
            (),
            tuple(
                f"its bulk lies {far:+.2f} standard deviations from where the gate of all samples has it, "
                f"in {name}"
                for name, far in pairs
                if abs(far) > APART
            ),
        )

    def apply(self, values: NDArray[Any]) -> Membership:
        """The members among a parent's events. Raises ValueError without a gate or for values not finite."""
        if self.reasons:
            raise ValueError(f"no gate: {'; '.join(self.reasons)}")
        chance = self._probability(_rows(values), self.template, self.foot)
        return Membership(chance > 0.5, chance)

    def share(self, values: NDArray[Any]) -> Share:
        """Members in % of the parent's events, with its uncertainty. Raises ValueError if not finite."""
        array = _rows(values)
        count = array.shape[1]
        if reasons := self.reasons or (() if count else ("no parent events",)):
            return Share(0, count, None, None, None, None, None, None, None, None, reasons)
        found = self.apply(array)
        number = int(found.members.sum())
        part = number / count
        binomial = 100 * float(np.sqrt(part * (1 - part) / count))
        near = 100 * float(np.sqrt((found.probability * (1 - found.probability)).sum())) / count
        gate = float(np.hypot(near, self._borders(array)))
        error = float(np.hypot(binomial, gate))
        learnt = self.template
        return Share(
            number,
            count,
            significant(100 * part),
            None if learnt is None else significant(100 * corrected(found.probability, learnt.prior)),
            significant(binomial),
            significant(gate),
            significant(error),
            significant(max(0.0, 100 * part - NORMAL_95 * error)),
            significant(min(100.0, 100 * part + NORMAL_95 * error)),
            significant(float(np.median(array[0, found.members]))) if number else None,
        )

    def without_first(self, values: NDArray[Any]) -> WithoutFirst:
        """The events at or below the second marker's limit, whatever the first. Raises as `share`."""
        array = _rows(values)
        count = array.shape[1]
        if reasons := self.reasons or (() if count else ("no parent events",)):
            return WithoutFirst(0, count, None, None, None, reasons)
        assert self.ceiling is not None
        low = array[1] - self.shift[1] <= self.ceiling
        number = int(low.sum())
        part = number / count
        return WithoutFirst(
            number,
            count,
            significant(100 * part),
            significant(100 * float(np.sqrt(part * (1 - part) / count))),
            significant(float(np.median(array[0, low]))) if number else None,
        )

    def _probability(self, array: Array, template: Template | None, foot: float | None) -> Array:
        if template is not None:
            return template.probability(_moved(array, self.shift))
        assert foot is not None
        # An event as far from the foot as the kernel is wide is a member with probability .73.
        away = (array[0] - self.tilt * array[1] - foot) / self.width
        return np.asarray(np.round(1 / (1 + np.exp(-np.clip(away, -30, 30))), DIGITS))

    def _borders(self, array: Array) -> float:
        """Standard error in points of the border itself: jackknife over references, or spread of the feet."""
        if self.template is not None:
            others = [self._probability(array, one, None) for one in self.template.without]
            factor = len(others) - 1
        else:
            others = [self._probability(array, None, foot) for foot in self.feet]
            factor = 1
        if len(others) < 2:
            return 0.0
        percents = np.array([100 * float((one > 0.5).mean()) for one in others])
        return float(np.sqrt(factor * ((percents - percents.mean()) ** 2).mean()))


def fit(
    parents: Sequence[NDArray[Any]],
    template: Template | None = None,
    controls: Sequence[NDArray[Any]] = (),
    tilt: float = TILT,
    names: tuple[str, str] = NAMES,
) -> Gate:
    """One gate for all of a participant's samples.

    parents: of each visit the parent's events, markers × events, on the scale on which the template was
    learnt (logarithmic above zero: logicle, asinh), compensated. template: of references; without it the
    shoulder is cut, for which the first two markers alone count and `tilt` of the second comes off the first.
    controls: the same parent where the first marker was not stained; they do not move the gate but tell how
    much of it is background. names: of the first two markers, for messages. A sample whose bulk lies too far
    from that of the references, or without any from that of most other samples, has no part in the gate
    (`Gate.judged` says why). Not estimable with fewer than 1000 events together, where no sample is left, or
    where no shoulder shows. Raises ValueError for values not finite or
    another number of markers than the template's.
    """
    arrays = sorted((_rows(one) for one in parents), key=lambda one: (one.shape, np.sort(one).tobytes()))
    arrays = [one for one in arrays if one.shape[1]]
    for array in [*arrays, *(_rows(one) for one in controls)]:
        if template is not None and len(array) != template.markers:
            raise ValueError(f"{len(array)} markers, but the template has {template.markers}")
    total = sum(one.shape[1] for one in arrays)
    if total < FEWEST:
        return _none(template, tilt, len(arrays), f"too few events: {total}, at least {FEWEST} are needed")
    if template is None:
        against = _strangers(arrays, names)
    else:
        against = [_few(one) or _far(_place([one], template), names) for one in arrays]
    able = [one for one, why in zip(arrays, against, strict=True) if not why]
    if not able:
        every = tuple(dict.fromkeys(reason for why in against for reason in why))
        return replace(_none(template, tilt, len(arrays), ""), reasons=every, names=names)
    gate = _shoulder(able, tilt) if template is None else _carried(able, template, names)
    gate = replace(gate, names=names)
    if not gate.estimable or not controls:
        return gate
    return _controlled(gate, controls)


def _rows(values: NDArray[Any]) -> Array:
    array = finite(values)
    if array.ndim != 2 or len(array) < 2:
        raise ValueError(f"expected markers × events, two markers at least, got the shape {array.shape}")
    return array


def _moved(array: Array, shift: tuple[float, float]) -> Array:
    away = np.zeros(len(array))
    away[:2] = shift
    moved: Array = array - away[:, None]
    return moved


def _place(arrays: Sequence[Array], template: Template) -> _Place | None:
    """The bulk is what is no member, so shift and members are found in turn until neither moves; None where
    every event would be a member."""
    shift = (0.0, 0.0)
    for _ in range(50):
        members = [template.probability(_moved(one, shift)) > 0.5 for one in arrays]
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
    return _Place(shift, marks, away, spread / template.spread)


def _carried(arrays: Sequence[Array], template: Template, names: tuple[str, str]) -> Gate:
    """The template at the place where the bulk of these samples puts it."""
    place = _place(arrays, template)
    if place is None:
        return _none(template, TILT, len(arrays), "every event would be a member")
    findings = tuple(
        f"the gate follows the bulk, {distance:+.2f} standard deviations in {name}"
        for name, distance in zip(names, place.away, strict=True)
        if abs(distance) > SLACK
    )
    return Gate(
        template,
        place.shift,
        None,
        (),
        0.0,
        TILT,
        template.ceiling,
        len(arrays),
        _seen(place.marks),
        (),
        findings,
        _far(place, names),
    )


def _far(place: _Place | None, names: tuple[str, str]) -> tuple[str, ...]:
    """Why the references do not speak for these samples."""
    if place is None:
        return ("every event would be a member",)
    reasons = []
    for name, distance, times in zip(names, place.away, place.times, strict=True):
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


def _whole(array: Array) -> tuple[Array, Array]:
    return landmarks(array, np.zeros(array.shape[1], dtype=bool))


def _beside(one: tuple[Array, Array], other: tuple[Array, Array]) -> tuple[Array, Array]:
    """How far one bulk lies from another, in standard deviations of that, and how often as wide it is."""
    known = other[1] > 0  # a shoulder may have one marker only; the other is 0 in every event
    unit = np.where(known, other[1], 1.0)
    return np.where(known, (one[0] - other[0]) / unit, 0.0), np.where(known, one[1] / unit, 1.0)


def _strangers(arrays: Sequence[Array], names: tuple[str, str]) -> list[tuple[str, ...]]:
    """For each sample why it is not gated with the others: its bulk lies far from that of more than half."""
    marks = [None if _few(one) else _whole(one) for one in arrays]
    known = [mark for mark in marks if mark is not None]
    unit = np.median([mark[1] for mark in known], axis=0) if known else np.ones(2)
    found = []
    for array, mark in zip(arrays, marks, strict=True):
        if mark is None:
            found.append(_few(array))
            continue
        whys = [
            _aside(_beside(mark, (other[0], unit))[0], _beside(mark, other)[1], names)
            for other in known
            if other is not mark
        ]
        far = [why for why in whys if why]
        found.append(far[0] if 2 * len(far) > len(whys) else ())
    return found


def _aside(away: Array, times: Array, names: tuple[str, str]) -> tuple[str, ...]:
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


def _few(array: Array) -> tuple[str, ...]:
    count = array.shape[1]
    few = f"too few events: {count}, at least {FEWEST_ALONE} are needed"
    return (few,) if count < FEWEST_ALONE else ()


def _seen(marks: Iterable[tuple[Array, Array]]) -> tuple[tuple[float, float], ...]:
    return tuple(sorted((significant(float(mark[0][0])), significant(float(mark[0][1]))) for mark in marks))


def _firm(away: Array) -> Array:
    """Nothing up to SLACK, all from twice that on, and between them in proportion (firm shrinkage, Gao and
    Bruce 1997: Statistica Sinica 7:855)."""
    size = np.abs(away)
    part = np.where(size > 2 * SLACK, size, np.maximum(size - SLACK, 0) * 2)
    return np.asarray(np.sign(away) * part)


def _shoulder(arrays: Sequence[Array], tilt: float) -> Gate:
    """Where the logarithm of the density of first - tilt × second bends up most, right of its mode."""
    pooled = np.concatenate([one[:2] for one in arrays], axis=1)
    along = np.sort(pooled[0] - tilt * pooled[1])
    if along[0] == along[-1]:
        return _none(None, tilt, len(arrays), "all events have the same value")
    feet = [foot for adjust in ADJUST if (foot := _foot(along, adjust)) is not None]
    if not feet:
        return _none(
            None, tilt, len(arrays), "no shoulder: from its mode the density falls ever more steeply"
        )
    foot = significant(float(np.median(feet)))
    members = pooled[0] - tilt * pooled[1] > foot
    if not members.any() or members.all():
        return _none(None, tilt, len(arrays), "no shoulder: all events lie on one side")
    ceiling = significant(float(np.quantile(pooled[1, members], 0.95)))
    marks = (landmarks(one, own) for one in arrays if not (own := one[0] - tilt * one[1] > foot).all())
    wholes = [_whole(one) for one in arrays]
    bulk, wide = (np.median([one[part] for one in wholes], axis=0) for part in (0, 1))
    spread = NORMAL * float(np.median(np.abs(along - np.median(along))))
    return Gate(
        None,
        (0.0, 0.0),
        foot,
        tuple(sorted(significant(one) for one in feet)),
        significant(0.1 * spread) or 1e-9,
        tilt,
        ceiling,
        len(arrays),
        _seen(marks),
        (),
        ("no reference samples: the border is where the shoulder begins, not where a person would draw it",),
        bulk=tuple(bulk.tolist()),
        spread=tuple(wide.tolist()),
    )


def _foot(along: Array, adjust: float) -> float | None:
    found = density(along, adjust)
    beyond = 1 - np.searchsorted(along, found.x, side="right") / len(along)
    log = np.log(np.maximum(found.y, 1e-300))
    bend = np.gradient(np.gradient(log, found.x), found.x)
    allowed = (np.arange(len(log)) > found.y.argmax()) & (beyond > FOOT) & (bend > 0)
    if not allowed.any():
        return None
    return float(found.x[np.argmax(np.where(allowed, bend, -np.inf))])


def _controlled(gate: Gate, controls: Sequence[NDArray[Any]]) -> Gate:
    arrays = [_rows(one) for one in controls]
    within = [significant(100 * float(gate.apply(one).members.mean())) for one in arrays if one.shape[1]]
    high = [value for value in within if value > BACKGROUND]
    note = f"{max(high):.2g} % of a control's events lie within the gate: background" if high else ""
    findings = (*gate.findings, note) if note else gate.findings
    return replace(gate, background=tuple(sorted(within)), findings=findings)


def _none(template: Template | None, tilt: float, samples: int, reason: str) -> Gate:
    return Gate(template, (0.0, 0.0), None, (), 0.0, tilt, None, samples, (), reasons=(reason,))
