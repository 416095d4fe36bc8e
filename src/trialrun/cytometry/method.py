"""Gates that are found in the events: for each word of a panel the function that finds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from trialrun.protocol import population as said
from trialrun.protocol.panel import Panel
from trialrun.protocol.population import Population

from .gates import Boolean, Mask, Shape
from .transform import GatingError

if TYPE_CHECKING:
    from .mixture import Mixture
    from .singlets import Singlets
    from .template import Template
    from .transitional import Gate, Share

Values = NDArray[np.float64]
Range = tuple[float, float]


class NotEstimable(Exception):
    """What cannot be found in these events, with the reason in words."""


class Found(Protocol):
    """A gate as a method found it."""

    def holds(self, values: Values) -> Mask:
        """Which events it holds. values: markers × events on their scales, in the order of `markers`."""

    def told(self) -> dict[str, Any]:
        """What was found, on the scales, for a record of it in JSON."""


@dataclass(frozen=True)
class Edge:
    """A value on a marker's scale; it belongs to the high side. apart: how clean the cut is, 0 to 1; aside:
    the numbers of the samples that it was found without; against: of each of all these samples why it does
    not serve; tail: whether it is the foot of a peak; unfit: why it does not serve the sample that it was
    judged in, or any; divided: that half of them differ, whether it serves them or not."""

    at: float
    keep: str
    apart: float | None = None
    findings: tuple[str, ...] = ()
    aside: tuple[int, ...] = ()
    against: tuple[str, ...] = ()
    tail: bool = False
    unfit: str = ""
    divided: str = ""

    def holds(self, values: Values) -> Mask:
        (row,) = values
        held: Mask = row >= self.at if self.keep == "high" else row < self.at
        return held

    def judged(self, values: Values, number: int | None = None) -> Edge:
        """With what is found of it in one sample; number: of that among those that it was found in."""
        from . import pool

        if number is not None and self.against:
            return self._found(self.against[number], number in self.aside)
        if self.apart is None:  # of a control: no sample's density has part in it
            return self
        look = pool.against_tail if self.tail else pool.against
        return self._found(look(pool.alone(values[0]), self.at, self.apart), False)

    def _found(self, why: str, aside: bool) -> Edge:
        if aside:
            why = WITHOUT.format(why or UNLIKE)
            return replace(self, findings=(why,), unfit=why)
        return replace(self, findings=(*self.findings, why), unfit=why) if why else self

    def told(self) -> dict[str, Any]:
        found = {"at": self.at, "keep": self.keep, "apart": self.apart}
        return {**found, "findings": list(self.findings)} if self.findings else found


@dataclass(frozen=True)
class Component:
    """The events that are at least so probably of one component of a mixture."""

    mixture: Mixture
    number: int
    probability: float

    def holds(self, values: Values) -> Mask:
        held: Mask = self.mixture.posterior(values)[self.number] >= self.probability
        return held

    def told(self) -> dict[str, Any]:
        one = self.mixture
        return {
            "component": self.number + 1,
            "weights": one.weights.tolist(),
            "means": one.means.tolist(),
            "covariances": one.covariances.tolist(),
        }


@dataclass(frozen=True)
class Single:
    """The events whose area is what their height foretells."""

    line: Singlets

    def holds(self, values: Values) -> Mask:
        return self.line.members(*values)

    def told(self) -> dict[str, Any]:
        return {"intercept": self.line.intercept, "slope": self.line.slope, "width": self.line.width}


@dataclass(frozen=True)
class Border:
    """The events beyond a border in no valley: one learnt from references, or where a shoulder begins."""

    population: said.Transitional
    gate: Gate

    def holds(self, values: Values) -> Mask:
        return self.gate.apply(self._axes(values)).members

    def judged(self, values: Values, number: int | None = None) -> Border:
        """As it holds for one sample, with what is found in that alone; number: of that among those that it
        was found in. Raises NotEstimable."""
        own = self.gate.judged(self._axes(values), number)
        if own.reasons:
            raise NotEstimable(own.reasons[0])  # one is enough, and a page can translate it
        findings = tuple(dict.fromkeys((*self.gate.findings, *own.findings)))
        return replace(self, gate=replace(self.gate, findings=findings))

    def taken(self, values: Values) -> tuple[Mask, Share]:
        """The members among these events, in % of them, and how far that may be off."""
        axes = self._axes(values)
        found = self.gate.apply(axes)
        return found.members, self.gate.share(axes, found)

    def told(self) -> dict[str, Any]:
        one = self.gate
        found: dict[str, Any] = {"seen": [list(pair) for pair in one.seen], "findings": list(one.findings)}
        if one.template is None:
            return {"foot": one.foot, "feet": list(one.feet), "tilt": one.tilt, **found}
        return {"references": one.template.references, "shift": list(one.shift), **found}

    def _axes(self, values: Values) -> Values:
        return values if self.gate.template is not None else shoulder(self.population, values)


@dataclass(frozen=True)
class Imported:
    """A gate of a Gating-ML file, asked about events by the engine."""

    shape: Shape
    file: str
    gate: str

    def holds(self, values: Values) -> Mask:
        raise NotImplementedError("the dimensions of this gate are its own")

    def told(self) -> dict[str, Any]:
        return {"file": self.file, "gate": self.gate}


def imported(panel: Panel, folder: Path) -> dict[str, Imported | str]:
    """By population the gate that another file says, or why it cannot be used."""
    from .gating_ml import read

    found: dict[str, Imported | str] = {}
    for name, one in panel.populations.items():
        if not isinstance(one, said.GatingML):
            continue
        try:
            known = read(folder / one.file).by_name
        except (GatingError, OSError) as error:
            found[name] = f"{one.file} cannot be used: {error}"
            continue
        if one.gate not in known:
            found[name] = f"{one.file} has no gate `{one.gate}`; it has {', '.join(known)}"
        elif isinstance(known[one.gate].gate, Boolean) or known[one.gate].complement:
            found[name] = f"`{one.gate}` is made from other gates; write it as `method: boolean`"
        else:
            found[name] = Imported(cast(Shape, known[one.gate].gate), one.file, one.gate)
    return found


def shoulder(population: said.Transitional, values: Values) -> Values:
    """Two axes for a shoulder: the mean of the high markers, and that of the low ones (0 for none)."""
    names = markers(population)
    rows = (
        [values[names.index(name)] for name in population.high],
        [values[names.index(name)] for name in population.low],
    )
    high, low = (np.mean(some, axis=0) if some else np.zeros(values.shape[1]) for some in rows)
    return np.stack([high, low]) if rows[0] else np.stack([-low, high])


def markers(population: Population) -> tuple[str, ...]:
    """The markers that a method looks at, in the order of its values: of a border the first that is high
    and the first that is low before all others."""
    if isinstance(population, said.Transitional):
        high, low = population.high, population.low
        return (*high[:1], *low[:1], *high[1:], *low[1:], *population.also)
    by = getattr(population, "by", ())
    return (by,) if isinstance(by, str) else tuple(by)


def find(
    population: Population,
    parts: Sequence[Values],
    between: Range,
    template: Template | None = None,
) -> Found:
    """The gate of a population in the events of its parent, pooled over samples.

    parts: of each sample markers × events on their scales, finite; between: where a cut may lie, on the
    scale; template: the border of a population that is trained on references. Raises NotEstimable.
    """
    if isinstance(population, said.Transitional):
        return _border(population, parts, template)
    if isinstance(population, said.Density):
        return _valley(population, parts, between)
    if isinstance(population, said.Tail):
        return _tail(population, parts, between)
    values = np.concatenate(parts, axis=1)
    match population:
        case said.Control():
            return _percentile(population, values[0])
        case said.Singlets():
            return _single(population, values)
        case said.Mixture():
            return _component(population, values)
    raise NotEstimable(f"the method `{population.method}` cannot be used here")


WITHOUT = "{}; the cut was found without this sample"
UNLIKE = "its peaks are not those of the other samples"
FEWER = "the cut was found without {} of {} samples, which it does not serve"
DIVIDED = "of {} samples {} would by themselves be cut elsewhere: look at this gate in each of them"


def _valley(population: said.Density, parts: Sequence[Values], between: Range) -> Edge:
    from .pool import pooled

    found = pooled([part[0] for part in parts], between)
    cut, aside = found.cut, found.aside
    if cut.threshold is None:
        raise NotEstimable("; ".join(cut.reasons))
    findings = [FEWER.format(len(aside), len(parts))] if aside else []
    divided = DIVIDED.format(len(parts), found.elsewhere) if 2 * found.elsewhere >= len(parts) else ""
    said = (*findings, divided) if divided else tuple(findings)
    # Which half it serves says nothing of which is off: if it does not serve one, it serves none for certain.
    unfit = divided if any(found.against) else ""
    return Edge(
        cut.threshold, population.keep, cut.separation, said, aside, found.against, False, unfit, divided
    )


def _tail(population: said.Tail, parts: Sequence[Values], between: Range) -> Edge:
    """The tail on the side of the cells that are looked for; the rest are the peak."""
    from .density import tail
    from .pool import against_tail, alone

    side = "right" if population.keep == "high" else "left"
    cut = tail(np.concatenate(parts, axis=1)[0], side, population.tolerance)  # type: ignore[arg-type]
    if cut.threshold is None or cut.separation is None:
        raise NotEstimable("; ".join(cut.reasons))
    at = min(max(cut.threshold, between[0]), between[1])
    against = tuple(against_tail(alone(part[0]), at, cut.separation) for part in parts)
    return Edge(at, population.keep, cut.separation, (), (), against, tail=True)


BEYOND = 10  # events of a control beyond its cut, from where on chance moves it little; an assumption


def _percentile(population: said.Control, row: Values) -> Edge:
    from .density import FEWEST, significant

    if len(row) < FEWEST:
        raise NotEstimable(f"the control has {len(row)} events of the parent, at least {FEWEST} are needed")
    at = significant(float(np.percentile(row, population.percentile)))
    beyond = min(population.percentile, 100 - population.percentile) / 100 * len(row)
    if beyond >= BEYOND:
        return Edge(at, population.keep)
    few = (
        f"the control has {len(row)} events of the parent, of which {beyond:.3g} lie beyond the cut: "
        "acquire more"
    )
    return Edge(at, population.keep, None, (few,))


def _single(population: said.Singlets, values: Values) -> Single:
    from .singlets import fit

    lit = values[:, values[1] > 0]  # what has no height is no cell
    line = fit(lit[0], lit[1], population.level)
    if not line.estimable:
        raise NotEstimable("; ".join(line.reasons))
    return Single(line)


def _component(population: said.Mixture, values: Values) -> Component:
    """The component that lies highest and lowest where the panel says so, else the largest."""
    from .mixture import fit

    found = fit(values, population.components)
    if not found.estimable:
        raise NotEstimable("; ".join(found.reasons))
    if not population.high and not population.low:
        return Component(found, int(np.argmax(found.weights)), population.probability)
    signs = [(name in population.high) * 1.0 - (name in population.low) * 1.0 for name in population.by]
    spread = values.std(axis=1)
    score = (found.means / spread * np.array(signs)).sum(axis=1)
    return Component(found, int(np.argmax(score)), population.probability)


def _border(population: said.Transitional, parts: Sequence[Values], template: Template | None) -> Border:
    from .transitional import fit

    if template is None:
        parts = [shoulder(population, values) for values in parts]
    return Border(population, fit(parts, template, names=_named(population, template)))


def _named(population: said.Transitional, template: Template | None) -> tuple[str, str]:
    """The first two axes of a border in words: markers of a learnt one, their means of a shoulder."""
    if template is not None:
        first, second = markers(population)[:2]
        return first, second
    high, low = " + ".join(population.high), " + ".join(population.low)
    return (high, low) if high else (low, high)
