"""Events from bytes: event after event, the parameters of each in their order (list mode)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..sample import Events
from .error import FcsError
from .number import integer
from .parameter import Parameter

BLOCK = 8192  # events; a block of all channels stays in the processor's cache while its columns are read
LARGEST = 2**53  # the integers up to here are all exact in float64
SINGLE = 2**24  # and up to here in float32


def little_endian(value: str, widths: set[int], file: str) -> bool:
    """The order of bytes: $BYTEORD counts up (little-endian) or down. Raises FcsError for any other order."""
    if widths == {1}:
        return True
    order = [integer(part) for part in value.split(",")]
    up = list(range(1, len(order) + 1))
    if len(order) > 1 and order in (up, up[::-1]):
        return order == up
    raise FcsError(
        file,
        "$BYTEORD",
        f"{value!r} is neither ascending (1,2,3,4) nor descending (4,3,2,1)"
        if value
        else "TEXT does not have it",
        "Export the file again, little-endian.",
    )


def decoded(
    data: memoryview, parameters: Sequence[Parameter], count: int, little: bool, file: str
) -> tuple[Events, list[str]]:
    """Channels × events, float32 where that is exact; and findings. Raises FcsError for NaN and infinity."""
    single = all(each.kind == "F" or (each.kind == "I" and each.mask < SINGLE) for each in parameters)
    events: Events = np.empty((len(parameters), count), np.float32 if single else np.float64)
    masked = [0] * len(parameters)
    for first, block in _blocks(data, parameters, count, little):
        last = first + len(block)
        for row, each in enumerate(parameters):
            values = _values(block, row, each, little)
            if each.kind == "I":
                kept = values & values.dtype.type(each.mask) if each.mask < 256**each.width - 1 else values
                masked[row] += int(np.count_nonzero(kept != values))
                if each.mask > LARGEST and (kept > LARGEST).any():
                    raise _unusable(file, each, first, kept > LARGEST, "is too large to be exact (2^53)")
                events[row, first:last] = kept
            else:
                finite = np.isfinite(values)
                if not finite.all():
                    raise _unusable(file, each, first, ~finite, "is no number (NaN or infinite)")
                events[row, first:last] = values
    cut = [f"{each.channel.name} ({many})" for each, many in zip(parameters, masked, strict=True) if many]
    findings = (
        [f"bits above $PnR are set and, as the standard says, not read: {', '.join(cut)}"] if cut else []
    )
    return events if single else _narrowed(events), findings


def strange(data: memoryview, parameters: Sequence[Parameter], count: int, little: bool) -> int:
    """How many values are beyond belief: bits above $PnR, no number, or a size that no detector gives."""
    found = 0
    for _, block in _blocks(data, parameters, count, little):
        for row, each in enumerate(parameters):
            values = _values(block, row, each, little)
            if each.kind == "I":
                found += int(np.count_nonzero(values > values.dtype.type(each.mask)))
            else:
                size = np.abs(values)
                usual = (size == 0) | ((size > 1e-12) & (size < 1e12))
                found += int(np.count_nonzero(~usual))
    return found


def _blocks(
    data: memoryview, parameters: Sequence[Parameter], count: int, little: bool
) -> list[tuple[int, NDArray[Any]]]:
    """Views of the events, some thousands at a time, with the number of the first."""
    widths = [each.width for each in parameters]
    offsets = [sum(widths[:row]) for row in range(len(widths))]
    record = np.dtype(
        {
            "names": [str(row) for row in range(len(widths))],
            "formats": [_format(each, little) for each in parameters],
            "offsets": offsets,
            "itemsize": sum(widths),
        }
    )
    records = np.frombuffer(data, record, count) if count else np.empty(0, record)
    return [(first, records[first : first + BLOCK]) for first in range(0, count, BLOCK)]


def _format(each: Parameter, little: bool) -> str:
    if each.kind == "I" and each.width not in (1, 2, 4, 8):
        return f"({each.width},)u1"
    return f"{'<' if little else '>'}{'u' if each.kind == 'I' else 'f'}{each.width}"


def _values(block: NDArray[Any], row: int, each: Parameter, little: bool) -> NDArray[Any]:
    values: NDArray[Any] = block[str(row)]
    if values.ndim == 1:
        return values
    # Integers of 3, 5, 6 or 7 bytes, which no machine has.
    places = range(each.width) if little else reversed(range(each.width))
    whole = np.zeros(len(values), np.uint64)
    for column, place in enumerate(places):
        whole |= values[:, column].astype(np.uint64) << np.uint64(8 * place)
    return whole


def _narrowed(events: Events) -> Events:
    """As float32, if no value changes by it."""
    narrow = np.empty(events.shape, np.float32)
    with np.errstate(over="ignore", under="ignore"):
        for row, values in enumerate(events):
            narrow[row] = values
            if not np.array_equal(narrow[row], values):
                return events
    return narrow


def _unusable(file: str, each: Parameter, first: int, where: NDArray[np.bool_], why: str) -> FcsError:
    number = first + int(np.argmax(where)) + 1
    return FcsError(
        file,
        "DATA",
        f"event {number} of channel {each.channel.name} {why}",
        "Export the file again without it.",
    )
