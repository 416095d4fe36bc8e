"""A virtual participant's specimen as a cytometer would see it: from the true cells to the events of a file.

Nothing of a virtual person's cells depends on who else is in the trial or on how it is run: each file has a
stream of its own, named by the panel and the timepoint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trialrun.cytometry.sample import Channel, Sample
from trialrun.cytometry.synthetic import Drawn, Instrument, Kind, draw
from trialrun.protocol.panel import Panel
from trialrun.simulate.cells import NONE, CellKind, Cells, Number
from trialrun.simulate.chance import Person

TOP = 262_143.0  # 18 bits, the linear scale of many analogue instruments
HEIGHT_ADDS = 0.1  # of the smaller of two pulses that pass at once; an assumption


@dataclass(frozen=True)
class Tube:
    """What is in one tube: kinds of cells with their true numbers, per µL, and what it is run on."""

    panel: Panel
    cells: Cells
    kinds: tuple[Kind, ...]
    instrument: Instrument

    def draw(self, person: Person, purpose: str) -> Drawn:
        """The events of the file."""
        return draw(self.instrument, self.kinds, self.cells.events, person.stream(purpose))

    @property
    def numbers(self) -> dict[str, float]:
        """Cells per µL by kind."""
        return {kind.name: kind.number for kind in self.kinds}

    @property
    def beads(self) -> float | None:
        """Counting beads per µL of blood."""
        return self.numbers[self.cells.beads] if self.cells.beads else None

    def truth(self) -> dict[str, float]:
        """The true value of each quantity of the panel that the cells' numbers and brightness give.

        A number of events is the instrument's; a median of cells of several kinds has no simple truth.
        """
        found = {}
        for name, quantity in self.panel.quantities.items():
            part = self._of(quantity.population)
            number = sum(kind.number for kind in part)
            if quantity.kind == "absolute":
                found[name] = number
            elif quantity.kind == "percent":
                whole = sum(kind.number for kind in self._of(str(quantity.of)))
                found |= {name: 100 * number / whole} if whole > 0 else {}
            elif quantity.kind == "median":
                channel = _channel(self.panel, self.cells, str(quantity.median))
                levels = {kind.at[channel] for kind in part if kind.number > 0}
                found |= {name: levels.pop()} if len(levels) == 1 else {}
        return found

    def _of(self, population: str) -> list[Kind]:
        """The kinds that are truly in a population of the panel, or in one below it."""
        return [kind for kind in self.kinds if population in _above(self.panel, self.cells.kinds[kind.name])]

    def stains(self) -> dict[str, str]:
        """$PnS by $PnN, of every stain."""
        stained = [name for name in self.panel.markers if name not in self.cells.pulses]
        return {_channel(self.panel, self.cells, name): self.panel.markers[name][0] for name in stained}


def tube(panel: Panel, cells: Cells, truth: Mapping[str, float], answers: Mapping[str, Any]) -> Tube:
    """The tube of a specimen. truth: the model's quantities when it was taken; answers: what the person is
    said to answer to the items of the panel's form."""
    kinds = tuple(_kind(panel, cells, name, kind, truth, answers) for name, kind in cells.kinds.items())
    return Tube(panel, cells, kinds, _instrument(panel, cells))


def sample(
    tube: Tube, drawn: Drawn, *, file: str, participant: str, specimen: str, seed: int, version: str
) -> Sample:
    """The file of a tube, which says of itself that it is virtual, of whom, of which specimen, from which
    seed, and what is truly in it. Its SHA-256 is empty: nothing is written yet."""
    stains = tube.stains()
    tops = dict.fromkeys(tube.instrument.channels, TOP + 1)
    channels = tuple(Channel(name, stains.get(name, ""), tops.get(name, 0.0)) for name in drawn.channels)
    truth = {name: round(value, 6) for name, value in tube.truth().items()}
    numbers = {name: round(number, 6) for name, number in tube.numbers.items()}
    said = {
        "VIRTUAL": "simulated events of a virtual participant, not observed",
        "VIRTUAL SEED": str(seed),
        "VIRTUAL TRUTH": json.dumps(truth, sort_keys=True),
        "VIRTUAL CELLS PER UL": json.dumps(numbers),
        "VIRTUAL EVENTS DRAWN": json.dumps(drawn.counts(tube.kinds)),
        "PARTICIPANT": participant,
        "$SMNO": specimen,
        "$CYT": "VIRTUAL",
        "$SYS": f"trialrun {version}",
        "$COM": "VIRTUAL: simulated, not observed",
        "$TIMESTEP": str(tube.instrument.step),
        "$SPILLOVER": _spillover(tube.instrument),
    }
    return Sample(file, "", channels, drawn.events, said)


def _spillover(instrument: Instrument) -> str:
    """The spill matrix as FCS 3.1 writes it: how many, their names, the rows one after the other."""
    values = [f"{value:.6g}" for row in instrument.spill for value in row]
    return ",".join([str(len(instrument.detectors)), *instrument.detectors, *values])


def _kind(
    panel: Panel,
    cells: Cells,
    name: str,
    kind: CellKind,
    truth: Mapping[str, float],
    answers: Mapping[str, Any],
) -> Kind:
    at = {}
    spread = {}
    for marker in panel.markers:
        channel = _channel(panel, cells, marker)
        level = cells.levels[marker][kind.shows.get(marker, NONE)]
        at[channel] = level * (truth[kind.follows[marker]] if marker in kind.follows else 1.0)
        spread[channel] = kind.spread.get(marker, cells.spread.get(marker, cells.usual))
    return Kind(name, _number(kind.number, truth, answers), at, spread, cells.usual, kind.single)


def _number(number: Number, truth: Mapping[str, float], answers: Mapping[str, Any]) -> float:
    value = truth[number.quantity] if number.quantity else float(number.number or 0.0)
    share = 1.0
    if number.share:
        share = float(answers[number.share]) / 100
    elif number.rest:
        share = 1 - float(answers[number.rest]) / 100
    return value * number.times * share


def _instrument(panel: Panel, cells: Cells) -> Instrument:
    """The channels in the order of the panel's markers; a dye is seen by its neighbours in that order."""
    channels = tuple(_channel(panel, cells, marker) for marker in panel.markers)
    detectors = tuple(_channel(panel, cells, m) for m in panel.markers if m not in cells.pulses)
    size = len(detectors)
    spill = np.eye(size) + cells.spill * (np.eye(size, k=1) + np.eye(size, k=-1) / 3)
    pulses = {_channel(panel, cells, name): pulse for name, pulse in cells.pulses.items()}
    return Instrument(
        channels,
        scatter={name: HEIGHT_ADDS if pulse.of else 1.0 for name, pulse in pulses.items()},
        follows={name: _channel(panel, cells, pulse.of) for name, pulse in pulses.items() if pulse.of},
        detectors=detectors,
        spill=tuple(tuple(row) for row in spill.tolist()),
        doublets=cells.doublets,
        top=TOP,
    )


def _channel(panel: Panel, cells: Cells, marker: str) -> str:
    """$PnN: of a pulse the first name that the panel knows it by; of a stain that name with -A, its area."""
    first = panel.markers[marker][0]
    return first if marker in cells.pulses else f"{first}-A"


def _above(panel: Panel, kind: CellKind) -> set[str]:
    """The populations that a kind is in, and all that they are parts of."""
    found: set[str] = set()
    waiting: list[str] = [*kind.within]
    while waiting:
        name = waiting.pop()
        if name in panel.populations and name not in found:
            found.add(name)
            waiting.append(panel.populations[name].of)
    return found
