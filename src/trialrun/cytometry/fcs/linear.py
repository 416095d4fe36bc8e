"""The values of a sample on their linear scales, which is what some programs call raw."""

from __future__ import annotations

import numpy as np

from ..sample import Channel, Events, Sample
from .error import FcsError
from .number import decimal

PROVENANCE = "linear: $PnE expanded, divided by $PnG, Time × $TIMESTEP"


def linear(sample: Sample) -> Events:
    """Channels × events, float64: logarithmic amplification expanded, gain divided out, Time in seconds.

    A channel with $PnE f1,f2 of which f1 > 0 becomes f2 × 10^(f1 × value / $PnR), one with a gain is divided
    by it, and Time is multiplied by $TIMESTEP and has no gain (FCS 3.0, $PnE, $PnG, $TIMESTEP; FlowIO does
    the same). `sample.events` is not changed. Raises FcsError where $PnE or $TIMESTEP do not make sense.
    """
    rows = [on_scale(sample, row, values) for row, values in enumerate(sample.events)]
    return np.stack(rows).astype(np.float64, copy=False)


def on_scale(sample: Sample, row: int, values: Events) -> Events:
    """As `linear`, for some values of the channel in this row; themselves where that changes nothing."""
    channel = sample.channels[row]
    decades, least = channel.amplification
    if channel.name.upper() == "TIME":
        step = _step(sample)
        scaled = values if step == 1 else values.astype(np.float64) * step
    else:
        scaled = values
        if decades:
            with np.errstate(over="ignore"):
                wide = values.astype(np.float64)
                scaled = np.asarray(least * 10 ** (decades * wide / _range(sample, row, channel)))
        if channel.gain != 1:
            with np.errstate(divide="ignore", invalid="ignore"):
                scaled = scaled.astype(np.float64) / channel.gain
    if scaled is not values and not np.isfinite(scaled).all():
        raise FcsError(
            sample.file, "DATA", "a value is not finite on the linear scale", "Use the values of the file."
        )
    return scaled


def _step(sample: Sample) -> float:
    value = sample.keywords.get("$TIMESTEP", "").strip()
    step = decimal(value) if value else 1.0
    if step is None or step <= 0:
        raise FcsError(sample.file, "$TIMESTEP", f"{value!r} is no number of seconds", "Correct the keyword.")
    return step


def _range(sample: Sample, row: int, channel: Channel) -> float:
    kind = sample.keywords.get(f"$P{row + 1}DATATYPE", sample.keywords.get("$DATATYPE", "")).strip().upper()
    if kind != "I" or channel.range <= 0:
        raise FcsError(
            sample.file,
            f"$P{row + 1}E",
            f"logarithmic amplification of data type {kind} has no meaning",
            "Use the values of the file.",
        )
    return channel.range
