"""The items of MIFlowCyt, as far as files, manifest and panel tell them.

The standard is Lee 2008, doi:10.1002/cyto.a.20623; the numbers of items are those of the journal's checklist,
doi:10.1002/cyto.a.20941. Whether what a file says is true is not verified, and what nobody wrote down is said
to be missing. Operator, investigator and free words on the source of a specimen ($OP, $EXP, $SRC) are left
out: they may name people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from trialrun.protocol.panel import Panel

from .seen import Seen

T = TypeVar("T")

INSTRUMENT = (
    "$CYT",
    "$CYTSN",
    "$SYS",
    "CREATOR",
    "IC$PRODUCTNAME",
    "IC$PRODUCTVERSION",
    "IC$LASERCONFIGURATION",
)
CHANNEL = ("V", "F", "L", "O", "G", "E")
"""Of a channel: voltage, filter, excitation in nm and mW, gain, amplification (FCS 3.1, 3.2.20)."""
UNSAID = ("", "1", "1.0", "0,0", "0.0,0.0")
"""Nothing, no gain, and linear amplification."""


@dataclass(frozen=True)
class Reagent:
    """A marker: the names that the panel knows it by, and the channels and stains that files have for it."""

    marker: str
    names: tuple[str, ...]
    channels: tuple[str, ...]
    stains: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]


def instrument(samples: Iterable[Seen]) -> dict[str, list[str]]:
    """By keyword what the files say of the instrument and its software, each value once."""
    samples = list(samples)
    found = {name: _values(samples, name) for name in INSTRUMENT}
    return {name: values for name, values in found.items() if values}


def dates(samples: Iterable[Seen]) -> list[str]:
    """The days of acquisition ($DATE), as the files write them, each once."""
    return _values(samples, "$DATE")


def reagents(panel: Panel, samples: Sequence[Seen]) -> list[Reagent]:
    found = []
    for marker, names in panel.markers.items():
        pairs = [(one, said) for one in samples if (said := one.portrait.sources.get(marker))]
        settings = [
            (f"$Pn{letter}", value)
            for one, source in pairs
            for letter in CHANNEL
            if (value := one.keywords.get(f"$P{source.number}{letter}", "").strip()) not in UNSAID
        ]
        channels, stains = (_once(getattr(said, part) for _, said in pairs) for part in ("name", "stain"))
        found.append(Reagent(marker, tuple(names), channels, stains, _once(settings)))
    return found


def _values(samples: Iterable[Seen], keyword: str) -> list[str]:
    return list(_once(said for one in samples if (said := one.keywords.get(keyword, "").strip())))


def _once(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(value for value in dict.fromkeys(values) if value)
