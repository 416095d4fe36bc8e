"""A sample as an FCS 3.1 file."""

from __future__ import annotations

import io
import re
from array import array
from pathlib import Path

import numpy as np

from trialrun.protocol.file import whole

from ..sample import Channel, Sample
from .error import FcsError

# What describes how the file stores its numbers is said anew.
STORAGE = re.compile(
    r"\$(BEGIN|END)(DATA|STEXT|ANALYSIS)|\$(BYTEORD|DATATYPE|MODE|NEXTDATA|PAR|TOT|UNICODE)"
    r"|\$P\d+(B|E|G|N|R|S|DATATYPE)"
)
DELIMITER = "/"


def write(path: Path, sample: Sample) -> None:
    """Write the events (float32), channels and keywords of a sample, through FlowIO.

    What is read back has the same channels, the same events to the last bit, and the same keywords but for
    those on storage and those without a value; a keyword that begins with $ and is not of the standard loses
    the $. Raises FcsError, and writes nothing, for what the format cannot hold.
    """
    from flowio import create_fcs  # type: ignore[import-untyped]

    events = _single(path, sample)
    metadata = {
        keyword: _checked(path, keyword, value)
        for keyword, value in sample.keywords.items()
        if value.strip() and not STORAGE.fullmatch(keyword)
    }
    for number, channel in enumerate(sample.channels, 1):
        metadata[f"P{number}G"] = _number(channel.gain)
        metadata[f"P{number}R"] = _number(_range(sample, number - 1, channel))
    buffer = io.BytesIO()
    create_fcs(
        buffer,
        events,
        [_checked(path, "$PnN", channel.name) for channel in sample.channels],
        opt_channel_names=[_checked(path, "$PnS", channel.stain) for channel in sample.channels],
        metadata_dict=metadata,
    )
    with whole(path) as part:
        part.write_bytes(buffer.getvalue())


def _single(path: Path, sample: Sample) -> array[float]:
    """Event after event, as FlowIO wants them."""
    if any(channel.amplification[0] for channel in sample.channels):
        raise FcsError(str(path), "$PnE", "floating point cannot be logarithmic", "Write the linear values.")
    if not sample.channels or len(sample.channels) != len(sample.events):
        raise FcsError(str(path), "DATA", "channels and events do not match", "Give each channel its values.")
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        single = sample.events.astype(np.float32)
    if not np.array_equal(single, sample.events) or not np.isfinite(single).all():
        raise FcsError(
            str(path), "DATA", "a value is no finite number of single precision", "Round it to float32 first."
        )
    flat = array("f")
    flat.frombytes(np.ascontiguousarray(single.T).tobytes())
    return flat


def _checked(path: Path, keyword: str, value: str) -> str:
    """A value the reader gets back as it is: the standard forbids a delimiter at its beginning."""
    if value.startswith(DELIMITER) or keyword.startswith(DELIMITER) or "\0" in value:
        raise FcsError(
            str(path),
            keyword,
            f"{value!r} cannot be written: it begins with {DELIMITER}",
            "Change the value.",
        )
    return value


def _range(sample: Sample, row: int, channel: Channel) -> float:
    """$PnR: that of the channel, or the least whole number above its values."""
    if channel.range > 0 or not sample.count:
        return channel.range or 1.0
    return float(max(np.floor(sample.events[row].max()) + 1, 1))


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
