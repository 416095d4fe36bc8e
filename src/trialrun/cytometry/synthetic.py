"""Events of a virtual specimen, drawn from the cells that are truly in it.

A cell's signal is log-normal around the median of its kind, with a small share of events spread twice as
wide; detectors see each other's light (the spill matrix), count photons and add their own noise; some events
are two cells at once. The values are whole numbers of an instrument's linear scale, so that the last bit of
a computation never shows. The shape of all this is an assumption: it is for testing a pipe whose truth is
known, and says nothing about real cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

WIDE_SHARE, WIDE = 0.03, 2.0  # assumption: the share of events in the tails, and how much wider they are
HEIGHT_NOISE = 0.15  # assumption: how much of a cell's spread its height has beside its area
NOTHING = 1.0  # the median of a channel that a kind does not name


@dataclass(frozen=True)
class Kind:
    """Events that look alike, `number` of them in each µL of blood (or as many beads, or debris).

    at: the median of each channel by name, on the linear scale; spread: the standard deviation of the natural
    logarithm, by channel, `usual` where it names none; single: whether it never sticks to another (beads).
    """

    name: str
    number: float
    at: Mapping[str, float]
    spread: Mapping[str, float] = field(default_factory=dict)
    usual: float = 0.3
    single: bool = False


@dataclass(frozen=True)
class Instrument:
    """What a tube is run on.

    channels: in the order of the file, without time. scatter: how each pulse channel of light scatter adds up
    when two cells pass at once, as a share of the smaller (an area adds up whole; a height hardly does).
    follows: the height of a pulse by the area that it follows.
    detectors and spill: the light of the row's dye in the column's detector (ones on the diagonal).
    photon: electrons for each unit of signal, whose noise is its square root; noise: standard deviation of
    the electronics; top: the largest value.
    """

    channels: tuple[str, ...]
    scatter: Mapping[str, float] = field(default_factory=dict)
    follows: Mapping[str, str] = field(default_factory=dict)
    detectors: tuple[str, ...] = ()
    spill: tuple[tuple[float, ...], ...] = ()
    photon: float = 0.1
    noise: float = 40.0
    top: float = 262_143.0
    doublets: float = 0.03
    seconds: float = 60.0
    time: str = "Time"
    step: float = 0.01


@dataclass(frozen=True)
class Drawn:
    """channels × events in file order, time last, and of which kind each event is (-1: two cells at once)."""

    channels: tuple[str, ...]
    events: NDArray[np.float32]
    kind: NDArray[np.int16]

    def counts(self, kinds: Sequence[Kind]) -> dict[str, int]:
        """How many single events of each kind were drawn."""
        return {one.name: int((self.kind == place).sum()) for place, one in enumerate(kinds)}


def draw(instrument: Instrument, kinds: Sequence[Kind], events: int, stream: np.random.Generator) -> Drawn:
    """`events` events in the order in which they came, from the cells' own numbers.

    Raises ValueError for numbers that are unknown, negative or all zero.
    """
    numbers = np.array([one.number for one in kinds], dtype=np.float64)
    if not np.isfinite(numbers).all() or (numbers < 0).any() or not numbers.sum() > 0:
        raise ValueError("the cells of a specimen must have known numbers, not below 0, and not all 0")
    counts = stream.multinomial(events, numbers / numbers.sum())
    light = _signals(instrument, kinds, counts, stream)
    kind = np.repeat(np.arange(len(kinds), dtype=np.int16), counts)
    light, kind = _stuck(instrument, kinds, light, kind, stream)
    order = stream.permutation(light.shape[1])
    seen = _seen(instrument, light[:, order], stream)
    time = np.sort(stream.random(light.shape[1])) * (instrument.seconds / instrument.step)
    found = np.empty((len(instrument.channels) + 1, light.shape[1]), dtype=np.float32)
    found[:-1] = np.clip(np.rint(seen), -instrument.top, instrument.top)
    found[-1] = np.floor(time)
    return Drawn((*instrument.channels, instrument.time), found, kind[order])


def _signals(
    instrument: Instrument, kinds: Sequence[Kind], counts: Counts, stream: np.random.Generator
) -> Array:
    """channels × events: what each event truly emits, kind after kind."""
    width = len(instrument.channels)
    light = np.empty((width, int(counts.sum())))
    begin = 0
    for one, count in zip(kinds, counts.tolist(), strict=True):
        part = light[:, begin : begin + count]
        begin += count
        stream.standard_normal(out=(z := np.empty((width, count))))
        z[:, stream.random(count) < WIDE_SHARE] *= WIDE
        spread = np.array([one.spread.get(name, one.usual) for name in instrument.channels])
        median = np.array([one.at.get(name, NOTHING) for name in instrument.channels])
        _together(instrument, z)
        np.exp(z * spread[:, None], out=part)
        part *= median[:, None]
    return light


def _together(instrument: Instrument, z: Array) -> None:
    """The pulse channels of one cell say the same of its size: area and height differ by little."""
    for height, area in instrument.follows.items():
        row = instrument.channels.index(height)
        z[row] = z[instrument.channels.index(area)] + HEIGHT_NOISE * z[row]


def _stuck(
    instrument: Instrument,
    kinds: Sequence[Kind],
    light: Array,
    kind: NDArray[np.int16],
    stream: np.random.Generator,
) -> tuple[Array, NDArray[np.int16]]:
    """Two cells at once, in place of the two: their light adds up, their pulses as `scatter` says."""
    single = np.array([one.single for one in kinds])[kind]
    able = stream.permutation(np.flatnonzero(~single))
    pairs = int(instrument.doublets * len(able) / 2)
    first, second = able[:pairs], able[pairs : 2 * pairs]
    both = light[:, first] + light[:, second]
    for name, share in instrument.scatter.items():
        row = instrument.channels.index(name)
        larger = np.maximum(light[row, first], light[row, second])
        both[row] = larger + share * (both[row] - larger)
    light[:, first] = both
    kind[first] = -1
    keep = np.ones(light.shape[1], dtype=bool)
    keep[second] = False
    return light[:, keep], kind[keep]


def _seen(instrument: Instrument, light: Array, stream: np.random.Generator) -> Array:
    """What the detectors make of it: spill, photon noise, electronic noise."""
    if instrument.detectors:
        rows = [instrument.channels.index(name) for name in instrument.detectors]
        light[rows] = np.array(instrument.spill).T @ light[rows]
        z = stream.standard_normal((len(rows), light.shape[1]))
        light[rows] += z * np.sqrt(instrument.noise**2 + np.abs(light[rows]) / instrument.photon)
    return light
