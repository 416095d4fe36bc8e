"""The events of one FCS file, as its bytes hold them, with what the file says of its channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Events = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Channel:
    """A parameter: ``$PnN``, ``$PnS``, ``$PnR``, ``$PnG``, and ``$PnE`` as decades and least value."""

    name: str
    stain: str = ""
    range: float = 0.0
    gain: float = 1.0
    amplification: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Sample:
    """The events of one data set of one FCS file.

    events: channels × events, each channel contiguous, the numbers of the file as they stand (not divided
    by the gain, not expanded from logarithmic amplification, Time not multiplied by ``$TIMESTEP``); float32
    where that holds every value of the file, else float64. Never NaN or infinite.
    keywords: as in the file, names in upper case. findings: what was odd about the file and yet beyond doubt.
    """

    file: str
    sha256: str
    channels: tuple[Channel, ...]
    events: Events
    keywords: Mapping[str, str]
    findings: tuple[str, ...] = field(default=())

    @property
    def count(self) -> int:
        return int(self.events.shape[1])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(channel.name for channel in self.channels)

    def column(self, name: str) -> Events:
        """The values of a channel by its ``$PnN``. Raises KeyError."""
        for index, channel in enumerate(self.channels):
            if channel.name == name:
                values: Events = self.events[index]
                return values
        raise KeyError(name)
