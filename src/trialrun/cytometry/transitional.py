"""A rare population without a valley: high in one marker, low in another, on the shoulder of the bulk.

Neither marker parts such a population from its parent, so a density has no minimum to cut at. With reference
samples of the laboratory the border is the one that its people draw (`template`); it is carried over to a
participant by the bulk of his events. Without any, the shoulder itself is cut where it begins.

One gate serves all visits of a participant. It is fitted to their events together and does not know which
visit is which: permuting samples or events changes nothing. Each sample is judged by itself all the same: one
whose bulk lies too far off has no share, and no part in the gate of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bulk import (
    SLACK,
    Bulk,
    Mark,
    beside,
    divided,
    moved,
    placed,
    strangers,
    too_far,
    too_few,
    unlike,
    whole,
)
from .density import DIGITS, Array, density, finite, significant
from .template import NORMAL, Template, corrected, landmarks

FEWEST = 1000  # pooled parent events below which no gate is fitted: assumption
TILT = 0.5  # how much of the second marker comes off the first, on a logarithmic scale: assumption
ADJUST = (2.0, 2.5, 3.0)  # kernels at which the foot of the shoulder is sought; the median counts
FOOT = 0.003  # share of events beyond which the far tail is too thin to show a shoulder: assumption
APART = 0.5  # robust standard deviations of a sample's bulk from the gate's, beyond it a finding: assumption
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
class Gate:
    """The gate of one participant. Values are markers × events: the high marker, the low one, further ones.

    template: the border learnt from references, or None for the shoulder. shift: how far the sample's first
    two markers lie from the references. foot: where the shoulder begins in first - tilt × second; feet: as
    other kernels see it. ceiling: upper limit of the second marker for `without_first`. seen: `landmarks` of
    the first two markers of each sample, ascending. background: % of each control's events within the gate.
    bulk, spread: `landmarks` that a sample is compared with where there is no template; peers: those of all
    samples where no more than half lie together; alone: by number of a sample its bulk, compared with that of
    the references. names: of the first two markers, in words. findings: what a reader should know. reasons:
    why there is no gate.
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
    peers: tuple[Mark, ...] = ()
    alone: Mapping[int, Bulk | None] = field(default_factory=dict)
    names: tuple[str, str] = NAMES

    @property
    def estimable(self) -> bool:
        return not self.reasons

    def judged(self, values: NDArray[Any], number: int | None = None) -> Judgement:
        """What speaks against this gate in the events of one sample, looked at by itself. number: of that
        sample among those that the gate was fitted to, so that its bulk is not sought again."""
        array = _rows(values)
        if not array.shape[1]:  # its share says so
            return Judgement(self.reasons)
        if self.template is not None:
            known = number is not None and number in self.alone
            bulk = self.alone[number] if known else placed([array], self.template)  # type: ignore[index]
            reasons = too_few(array) or too_far(bulk, self.names)
            left = 0.0 if bulk is None else bulk.away - np.array(self.shift) / self.template.spread
        elif self.bulk:
            away, times = beside(whole(array), (np.array(self.bulk), np.array(self.spread)))
            reasons, left = too_few(array) or unlike(away, times, self.names), away
        elif self.peers:
            reasons, left = too_few(array) or divided(whole(array), self.peers, self.names), 0.0
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

    def share(self, values: NDArray[Any], members: Membership | None = None) -> Share:
        """Members in % of the parent's events, with its uncertainty. members: what `apply` says of these
        events, if that is known. Raises ValueError if not finite."""
        array = _rows(values)
        count = array.shape[1]
        if reasons := self.reasons or (() if count else ("no parent events",)):
            return Share(0, count, None, None, None, None, None, None, None, None, reasons)
        found = members or self.apply(array)
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
            return template.probability(moved(array, self.shift))
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
    rows = [_rows(one) for one in parents]
    order = sorted(
        (number for number, one in enumerate(rows) if one.shape[1]),
        key=lambda number: (rows[number].shape, np.sort(rows[number]).tobytes()),
    )
    arrays = [rows[number] for number in order]
    for array in [*arrays, *(_rows(one) for one in controls)]:
        if template is not None and len(array) != template.markers:
            raise ValueError(f"{len(array)} markers, but the template has {template.markers}")
    total = sum(one.shape[1] for one in arrays)
    if total < FEWEST:
        return _none(template, tilt, len(arrays), f"too few events: {total}, at least {FEWEST} are needed")
    alone: dict[int, Bulk | None] = {}
    if template is None:
        against = strangers(arrays, names)
    else:
        alone = {number: placed([rows[number]], template) for number in order}
        against = [too_few(rows[number]) or too_far(alone[number], names) for number in order]
    able = [number for number, why in zip(order, against, strict=True) if not why]
    if not able:
        every = tuple(dict.fromkeys(reason for why in against for reason in why))
        peers = tuple(whole(one) for one in arrays if template is None and not too_few(one))
        gate = replace(_none(template, tilt, len(arrays), ""), reasons=every, peers=peers)
    elif template is None:
        gate = _shoulder([rows[number] for number in able], tilt)
    else:
        served = [rows[number] for number in able]
        bulk = placed(served, template) if len(able) > 1 else alone[able[0]]
        gate = _carried(bulk, len(able), template, names)
    gate = replace(gate, names=names, alone=alone)
    if not gate.estimable or not controls:
        return gate
    return _controlled(gate, controls)


def _rows(values: NDArray[Any]) -> Array:
    array = finite(values)
    if array.ndim != 2 or len(array) < 2:
        raise ValueError(f"expected markers × events, two markers at least, got the shape {array.shape}")
    return array


def _carried(bulk: Bulk | None, samples: int, template: Template, names: tuple[str, str]) -> Gate:
    """The template at the place where the bulk of so many samples puts it."""
    if bulk is None:
        return _none(template, TILT, samples, "every event would be a member")
    findings = tuple(
        f"the gate follows the bulk, {distance:+.2f} standard deviations in {name}"
        for name, distance in zip(names, bulk.away, strict=True)
        if abs(distance) > SLACK
    )
    return Gate(
        template,
        bulk.shift,
        None,
        (),
        0.0,
        TILT,
        template.ceiling,
        samples,
        _seen(bulk.marks),
        (),
        findings,
        too_far(bulk, names),
    )


def _seen(marks: Iterable[tuple[Array, Array]]) -> tuple[tuple[float, float], ...]:
    return tuple(sorted((significant(float(mark[0][0])), significant(float(mark[0][1]))) for mark in marks))


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
    wholes = [whole(one) for one in arrays]
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
