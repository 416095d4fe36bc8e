"""Where in a file a panel's markers are: the channel, its compensation, its scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from trialrun.protocol.panel import Asinh, Log, Panel, Transform
from trialrun.protocol.panel import Linear as LinearScale

from . import transform as scale
from .compensation import Compensation, spillover
from .gates import Dimension
from .sample import Channel, Sample
from .transform import GatingError

SIGNALS: Mapping[str, str] = {"area": "-A", "height": "-H", "width": "-W"}
"""How the names of channels end by which a pulse is measured; usual on all instruments, in no standard."""


def channel(panel: Panel, marker: str, sample: Sample) -> Channel:
    """The channel of a marker: by `$PnN`, else by `$PnS`, the first of its names that the file has.

    Raises GatingError where there is none, or several that cannot be told apart.
    """
    for name in panel.markers[marker]:
        for one in sample.channels:
            if one.name == name:
                return one
        stained = [one for one in sample.channels if one.stain.casefold() == name.casefold()]
        signal = SIGNALS[panel.signal]
        chosen = [one for one in stained if one.name.endswith(signal)] or stained
        if len(chosen) == 1:
            return chosen[0]
        if chosen:
            listed = ", ".join(one.name for one in chosen)
            raise GatingError(f"several channels are stained with `{name}` ({listed}); name one of them")
    words = " or ".join(f"`{name}`" for name in panel.markers[marker])
    there = ", ".join(f"{one.name} ({one.stain})" if one.stain else one.name for one in sample.channels)
    raise GatingError(f"no channel is called or stained {words}, for {marker}; there are {there}")


class Scales:
    """The dimensions of a panel's markers in one sample, with the matrix read once."""

    def __init__(self, panel: Panel, sample: Sample) -> None:
        self.panel = panel
        self.sample = sample
        self.compensation = compensation(panel, sample)
        self._known: dict[str, Dimension] = {}

    def dimension(self, marker: str) -> Dimension:
        """The marker's channel, compensated where the matrix has it, on its scale. Raises GatingError."""
        if marker not in self._known:
            found = channel(self.panel, marker, self.sample)
            matrix = self.compensation
            if isinstance(matrix, Compensation) and matrix.index(found.name) is None:
                matrix = None
            made = transform(self.panel.transform(marker), found)
            self._known[marker] = Dimension(found.name, matrix, made)
        return self._known[marker]

    def linear(self, marker: str) -> Dimension:
        """The same, as values of the channel."""
        one = self.dimension(marker)
        return Dimension(one.channel, one.compensation)


def compensation(panel: Panel, sample: Sample) -> Compensation | Literal["file"] | None:
    """The matrix that a panel asks for. Raises GatingError where the file should have one and has not."""
    if panel.compensation == "none":
        return None
    if panel.compensation == "file":
        if spillover(sample) is None:
            raise GatingError(
                "it has no compensation matrix, and the panel says `compensation: file`; "
                "write the matrix under `matrices`, or `compensation: none` if the values are compensated"
            )
        return "file"
    matrix = panel.matrices[panel.compensation]
    rows = tuple(matrix.spill.values())
    return Compensation(matrix.detectors, tuple(matrix.spill), rows, panel.compensation)


def transform(said: Transform, of: Channel) -> scale.Transform:
    """A scale of the panel for one channel, whose range is its top where the panel gives none."""
    one = said.scale
    top = one.top or of.range
    if isinstance(one, Asinh) and one.cofactor is not None:
        # asinh(x / c) / (M ln 10) is Gating-ML's fasinh with A = 0 and T = c sinh(M ln 10)
        from math import log, sinh

        return scale.Asinh(one.cofactor * sinh(one.decades * log(10.0)), one.decades)
    if not top > 0:
        raise GatingError(f"the channel {of.name} has no range ($PnR); say the `top` of its scale")
    if isinstance(one, LinearScale):
        return scale.Linear(top, one.negative)
    if isinstance(one, Log):
        return scale.Log(top, one.decades)
    if isinstance(one, Asinh):
        return scale.Asinh(top, one.decades, one.negative)
    kind = scale.Hyperlog if said.kind == "hyperlog" else scale.Logicle
    return kind(top, one.width, one.decades, one.negative)
