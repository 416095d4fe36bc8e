"""The parameters of a data set: how the numbers of each channel are stored, and what they are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..sample import Channel
from .error import FcsError
from .number import decimal, integer

Kind = Literal["I", "F", "D"]
WIDTHS: Mapping[Kind, int] = {"F": 4, "D": 8}


@dataclass(frozen=True)
class Parameter:
    """kind: $DATATYPE or $PnDATATYPE. width: bytes. mask: the bits that $PnR leaves (integers only)."""

    kind: Kind
    width: int
    mask: int
    channel: Channel


def parameters(keywords: Mapping[str, str], file: str) -> tuple[list[Parameter], list[str]]:
    """The parameters in their order, and what was odd about them. Raises FcsError."""
    count = whole(keywords, "$PAR", file)
    # Each has its own $PnB: more than TEXT can name are refused before anything is made of that size.
    if not 1 <= count <= len(keywords):
        raise FcsError(
            file,
            "$PAR",
            f"it says {count} parameters, and TEXT has {len(keywords)} keywords",
            "Export it again.",
        )
    findings: list[str] = []
    found = [_parameter(keywords, number, file, findings) for number in range(1, count + 1)]
    if f"$P{count + 1}B" in keywords:
        findings.append(f"TEXT describes parameter {count + 1}, but $PAR is {count}")
    return _distinct(found, findings), findings


def whole(keywords: Mapping[str, str], keyword: str, file: str) -> int:
    """The integer of a keyword that must be there."""
    value = keywords.get(keyword)
    if value is None:
        raise FcsError(
            file, keyword, "TEXT does not have it", "The file is damaged or incomplete; export it again."
        )
    number = integer(value)
    if number is None:
        raise FcsError(
            file, keyword, f"{value!r} is not a whole number", "Correct the keyword or export it again."
        )
    return number


def _parameter(keywords: Mapping[str, str], number: int, file: str, findings: list[str]) -> Parameter:
    kind = _kind(keywords, number, file)
    key = f"$P{number}B"
    bits = whole(keywords, key, file)
    if kind in WIDTHS and bits != 8 * WIDTHS[kind]:
        raise FcsError(
            file,
            key,
            f"it says {bits} bits, but data type {kind} has {8 * WIDTHS[kind]}",
            "Export the file again.",
        )
    if bits % 8 or not 8 <= bits <= 64:
        raise FcsError(
            file,
            key,
            f"integers of {bits} bits are not whole bytes, and how their bits are packed is not certain",
            "Export the file with 16 or 32 bits, or as floating point.",
        )
    channel = Channel(
        name=keywords.get(f"$P{number}N", "").strip() or f"P{number}",
        stain=keywords.get(f"$P{number}S", "").strip(),
        range=_range(keywords, number, kind, file, findings),
        gain=_gain(keywords, number, file),
        amplification=_amplification(keywords, number, file, findings),
    )
    if channel.amplification[0] and kind != "I":
        findings.append(
            f"$P{number}E says logarithmic, which floating point cannot be: the values are as stored"
        )
    if not keywords.get(f"$P{number}N", "").strip():
        findings.append(f"$P{number}N is missing: the channel is called {channel.name}")
    # Bits above $PnR, rounded up to a power of 2, are not data (FCS 3.0, 3.3; FCS 3.1, 3.3).
    mask = min((1 << (int(channel.range) - 1).bit_length()) - 1, (1 << bits) - 1) if kind == "I" else 0
    return Parameter(kind, bits // 8, mask, channel)


def _kind(keywords: Mapping[str, str], number: int, file: str) -> Kind:
    key = f"$P{number}DATATYPE" if f"$P{number}DATATYPE" in keywords else "$DATATYPE"
    match keywords.get(key, "").strip().upper():
        case "I":
            return "I"
        case "F":
            return "F"
        case "D":
            return "D"
        case "A":
            raise FcsError(
                file, key, "the events are text (A), deprecated since FCS 3.1", "Export as FCS 3.1."
            )
        case "":
            raise FcsError(file, key, "TEXT does not say how numbers are stored", "Export the file again.")
        case other:
            raise FcsError(file, key, f"{other!r} is none of I, F and D", "Export the file again.")


def _range(keywords: Mapping[str, str], number: int, kind: Kind, file: str, findings: list[str]) -> float:
    key = f"$P{number}R"
    value = decimal(keywords.get(key, ""))
    if value is not None and value >= 1:
        return value
    if kind == "I":
        raise FcsError(
            file,
            key,
            f"{keywords.get(key)!r} is no range, so that it is not known which bits are data",
            "Correct the keyword or export the file as floating point.",
        )
    if value is None or value < 0:
        findings.append(f"{key} is missing or no range: the range of the channel is not known")
    return max(value or 0.0, 0.0)


def _gain(keywords: Mapping[str, str], number: int, file: str) -> float:
    key = f"$P{number}G"
    value = keywords.get(key, "").strip()
    gain = decimal(value) if value else 1.0
    if gain is None or gain < 0:
        raise FcsError(file, key, f"{value!r} is no gain", "Correct the keyword or export the file again.")
    return gain or 1.0  # 0 means that there was no amplifier


def _amplification(
    keywords: Mapping[str, str], number: int, file: str, findings: list[str]
) -> tuple[float, float]:
    key = f"$P{number}E"
    value = keywords.get(key, "").strip()
    if not value:
        findings.append(f"{key} is missing: the channel is taken as linear")
        return 0.0, 0.0
    parts = [decimal(part) for part in value.split(",")]
    if len(parts) != 2 or parts[0] is None or parts[1] is None or min(parts[0], parts[1]) < 0:
        raise FcsError(
            file, key, f"{value!r} is not two numbers, decades and least value", "Correct it or export again."
        )
    decades, least = parts[0], parts[1]
    if not decades:
        return 0.0, 0.0
    return decades, least or 1.0  # a least value of 0 is read as 1, as FlowIO does


def _distinct(found: list[Parameter], findings: list[str]) -> list[Parameter]:
    """Channels of the same name get their numbers, all of them, so that none is taken for the other."""
    names = Counter(parameter.channel.name for parameter in found)
    doubles = sorted(name for name, count in names.items() if count > 1)
    if not doubles:
        return found
    findings.append(f"$PnN names several channels {', '.join(doubles)}: each has its number behind its name")
    return [
        Parameter(
            each.kind,
            each.width,
            each.mask,
            Channel(
                f"{each.channel.name} [P{number}]" if each.channel.name in doubles else each.channel.name,
                each.channel.stain,
                each.channel.range,
                each.channel.gain,
                each.channel.amplification,
            ),
        )
        for number, each in enumerate(found, 1)
    ]
