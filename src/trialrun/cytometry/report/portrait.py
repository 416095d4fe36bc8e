"""What a page shows of one sample: its numbers and drawings, without its events.

A process that holds the events makes it, so that a batch of any size needs no more memory for its page than
the drawings take. Samples that were gated together are drawn together, on the same axes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trialrun.cytometry.columns import Columns
from trialrun.cytometry.columns import Source as Named
from trialrun.cytometry.fcs.error import FcsError
from trialrun.cytometry.gates import Dimension
from trialrun.cytometry.method import Edge, markers
from trialrun.cytometry.populate import Populated
from trialrun.cytometry.transform import GatingError
from trialrun.protocol import population as said
from trialrun.protocol.lineage import in_order
from trialrun.protocol.panel import Panel
from trialrun.protocol.population import ALL, Population, reads

from .axis import Axis, window
from .outline import Outline, of_events, of_shape
from .plot import dots, lines
from .plot import field as drawn

Values = NDArray[np.float64]
Window = tuple[float, float]


@dataclass(frozen=True)
class Picture:
    """A drawing: `svg` is what stands within it.

    axes: the titles of those that it has; further: markers that its gate reads and the drawing cannot show.
    by_hand: channels of a gate that a person drew elsewhere than on these axes. cut: of a gate on one marker
    that the data drew, where, as a channel value; apart: how clean, 0 to 1.
    """

    svg: str
    axes: tuple[str, ...]
    further: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    cut: float | None = None
    apart: float | None = None


@dataclass(frozen=True)
class Source:
    """Where in a file a marker is: the number of its channel, its `$PnN` and its `$PnS`."""

    number: int
    name: str
    stain: str


@dataclass(frozen=True)
class Portrait:
    """sources: by marker that the file has; pictures: by population; back: by final population, what of it
    lies over the picture of each gate above it."""

    sources: Mapping[str, Source]
    pictures: Mapping[str, Picture]
    back: Mapping[str, Mapping[str, str]]


def portray(samples: Sequence[tuple[Populated, Populated | None]]) -> list[Portrait]:
    """The portraits of samples that were gated together, in their order, each with what a person changed."""
    scaled = [_Scaled(automatic) for automatic, _ in samples]
    windows = _windows(scaled)
    return [
        _portrait(columns, by_hand, windows) for columns, (_, by_hand) in zip(scaled, samples, strict=True)
    ]


def packed(one: Portrait) -> dict[str, Any]:
    """A portrait as JSON."""
    return asdict(one)


def unpacked(content: Mapping[str, Any]) -> Portrait:
    """A portrait from what `packed` made of it. Raises KeyError or TypeError for anything else."""
    lists = ("axes", "further", "by_hand")
    pictures = {
        name: Picture(**{**one, **{key: tuple(one[key]) for key in lists}})
        for name, one in content["pictures"].items()
    }
    sources = {name: Source(**one) for name, one in content["sources"].items()}
    return Portrait(sources, pictures, content["back"])


def final(panel: Panel) -> tuple[str, ...]:
    """The populations that are reported and lie above at most one other that is: what is above more is a
    step on the way to them."""
    reported = {one.population for one in panel.quantities.values()} - {ALL}
    above = Counter(name for one in reported for name in ancestors(panel, one)[:-1])
    return tuple(name for name in in_order(panel) if name in reported and above[name] < 2)


def ancestors(panel: Panel, name: str) -> list[str]:
    """A population with all above it, from the first gate down; those that a rule combines before it."""
    one = panel.populations[name]
    combined = [part for part in reads(one) if part in panel.populations and part != one.of]
    above = [] if one.of == ALL else ancestors(panel, one.of)
    return [*above, *(part for part in combined if part not in above), name]


# ---- one sample -----------------------------------------------------------------------------------


class _Scaled:
    """The columns of a sample on the scales of its panel, each made once."""

    def __init__(self, populated: Populated) -> None:
        self.populated = populated
        self._columns = Columns(Named(populated.sample))
        self._kept: dict[str, NDArray[np.float32] | None] = {}

    def column(self, marker: str) -> NDArray[np.float32] | None:
        """All events of the sample in a marker; None where the file has it not."""
        if marker not in self._kept:
            try:
                dimension = self.dimension(marker)
                self._kept[marker] = self._columns.scaled(dimension).astype(np.float32)
            except (GatingError, FcsError):
                self._kept[marker] = None
        return self._kept[marker]

    def dimension(self, marker: str) -> Dimension:
        return self.populated.scales.dimension(marker)

    def within(self, name: str, shown: Sequence[str]) -> list[Values] | None:
        """The markers of a population's events; None where it or one of them is not known."""
        if name in self.populated.reasons:
            return None
        columns = [self.column(marker) for marker in shown]
        if any(column is None for column in columns):
            return None
        rows = slice(None) if name == ALL else self.populated.events[name]
        return [column[rows].astype(np.float64) for column in columns if column is not None]


def _windows(samples: Iterable[_Scaled]) -> dict[str, Window]:
    """What part of each marker's scale is shown."""
    samples = list(samples)
    found = {}
    for marker in samples[0].populated.panel.markers if samples else ():
        columns = [column for one in samples if (column := one.column(marker)) is not None]
        if columns:
            found[marker] = window([column.astype(np.float64) for column in columns])
    return found


def _portrait(scaled: _Scaled, by_hand: Populated | None, windows: Mapping[str, Window]) -> Portrait:
    panel, sample = scaled.populated.panel, scaled.populated.sample
    pictures = {}
    for name, population in panel.populations.items():
        if (picture := _picture(name, population, scaled, windows, by_hand)) is not None:
            pictures[name] = picture
    sources = {}
    for marker in windows:
        if scaled.column(marker) is not None:
            number = sample.names.index(str(scaled.dimension(marker).channel))
            sources[marker] = Source(number + 1, sample.names[number], sample.channels[number].stain)
    return Portrait(
        sources, pictures, {name: _back(name, scaled, windows, pictures) for name in final(panel)}
    )


def _shown(population: Population, scaled: _Scaled) -> tuple[str, ...]:
    """The markers of a population's picture, two at most; none for a rule over other populations."""
    against = population.against if isinstance(population, said.Cut) else None
    there = against is not None and scaled.column(against) is not None
    return (*_read(population), *((against,) if against and there else ()))[:2]


def _read(population: Population) -> tuple[str, ...]:
    match population:
        case said.Rectangle():
            return tuple(population.within)
        case said.Quadrant():
            return tuple(population.keep)
        case said.Boolean() | said.GatingML():
            return ()
    return markers(population)


def _picture(
    name: str,
    population: Population,
    scaled: _Scaled,
    windows: Mapping[str, Window],
    by_hand: Populated | None,
) -> Picture | None:
    """The gate of a population in its parent; None where there is nothing to draw it in."""
    names, read = _shown(population, scaled), _read(population)
    parent = scaled.within(population.of, names) if names else None
    if parent is None:
        return None
    axes = _axes(scaled, names, windows)
    outline = _outline(name, population, scaled.populated, axes)
    svg = drawn(axes, parent, outline)
    if len(axes) > 1 and not outline and (members := scaled.within(name, names)):
        svg += dots(axes, members)
    elsewhere: tuple[str, ...] = ()
    if by_hand is not None:
        moved = _outline(name, population, by_hand, axes)
        svg += lines(axes, moved, "hand") if moved != outline else ""
        if not moved and name in by_hand.gates:
            elsewhere = tuple(str(one.channel) for one in by_hand.gates[name].dimensions)
    titles = tuple(axis.title for axis in axes)
    found = scaled.populated.found.get(name)
    cut = apart = None
    if isinstance(found, Edge):
        cut = float(f"{axes[0].transform.inverse(np.array([found.at]))[0]:.8g}")
        apart = found.apart
    return Picture(svg, titles, read[2:], elsewhere, cut, apart)


def _axes(scaled: _Scaled, names: Sequence[str], windows: Mapping[str, Window]) -> list[Axis]:
    found = []
    for marker in names:
        dimension = scaled.dimension(marker)
        assert dimension.transform is not None
        found.append(Axis(marker, str(dimension.channel), dimension.transform, *windows[marker]))
    return found


def _outline(name: str, population: Population, populated: Populated, axes: Sequence[Axis]) -> Outline:
    """The gate on these axes; none where it is not known, or reads more than they show."""
    ends = [(axis.low, axis.high) for axis in axes]
    if name in populated.reasons:
        return Outline()
    if name in populated.gates:
        channels = [axis.channel for axis in axes]
        return of_shape(populated.gates[name], channels, [axis.transform for axis in axes], ends)
    found = populated.found.get(name)
    if found is None or len(_read(population)) > len(axes):
        return Outline()
    return of_events(found.holds, ends)


def _back(
    name: str, scaled: _Scaled, windows: Mapping[str, Window], pictures: Mapping[str, Picture]
) -> dict[str, str]:
    """Where the events of a population lie in the picture of each gate above it, and in its own."""
    panel = scaled.populated.panel
    found = {}
    for gate in ancestors(panel, name):
        if gate not in pictures:
            continue
        names = _shown(panel.populations[gate], scaled)
        if (members := scaled.within(name, names)) is not None:
            found[gate] = dots(_axes(scaled, names, windows), members)
    return found
