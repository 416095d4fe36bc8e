"""The items of MIFlowCyt, as far as files, manifest and panel tell them (Lee 2008, doi:10.1002/cyto.a.20623).

Numbers and titles of the items are those of the journal's checklist (doi:10.1002/cyto.a.20941). Whether what a
file says is true is not verified, and what nobody wrote down is said to be missing. Operator, investigator and
the free words on the source of a specimen ($OP, $EXP, $SRC) are left out: they may name people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from trialrun.protocol.panel import Panel

from .portrait import Portrait

T = TypeVar("T")

INSTRUMENT = ("$CYT", "$CYTSN", "$SYS", "CREATOR", "IC$PRODUCTNAME", "IC$PRODUCTVERSION", "IC$LASERCONFIGURATION")
CHANNEL = ("V", "F", "L", "O", "G", "E")
"""Of a channel: voltage, filter, wavelengths and power of excitation, gain, amplification (FCS 3.1, 3.2.20)."""


@dataclass(frozen=True)
class Reagent:
    """A marker: the names that the panel knows it by, and the channels and stains that files have for it."""

    marker: str
    names: tuple[str, ...]
    channels: tuple[str, ...]
    stains: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]


def instrument(samples: Iterable[Portrait]) -> dict[str, list[str]]:
    """By keyword what the files say of the instrument and its software, each value once."""
    samples = list(samples)
    found = {name: _values(samples, name) for name in INSTRUMENT}
    return {name: values for name, values in found.items() if values}


def dates(samples: Iterable[Portrait]) -> list[str]:
    """The days of acquisition ($DATE), as the files write them, each once."""
    return _values(samples, "$DATE")


def reagents(panel: Panel, samples: Sequence[Portrait]) -> list[Reagent]:
    found = []
    for marker, names in panel.markers.items():
        pairs = [(one, one.names[marker]) for one in samples if marker in one.names]
        stains, settings = [], []
        for one, channel in pairs:
            number = next(place for place, some in enumerate(one.channels, 1) if some.name == channel)
            stains.append(one.channels[number - 1].stain)
            for letter in CHANNEL:
                value = one.keywords.get(f"$P{number}{letter}", "").strip()
                if value and value not in ("0,0", "1.0", "1"):
                    settings.append((f"$P{letter}".replace("P", "Pn"), value))
        found.append(
            Reagent(marker, tuple(names), _once(pair[1] for pair in pairs), _once(stains), _once(settings))
        )
    return found


def _values(samples: Iterable[Portrait], keyword: str) -> list[str]:
    return list(_once(said for one in samples if (said := one.keywords.get(keyword, "").strip())))


def _once(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(value for value in dict.fromkeys(values) if value)
