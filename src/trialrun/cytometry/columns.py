"""The values of one population in one channel or dimension, each made when first asked for and then kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
from numpy.typing import NDArray

from .compensation import Compensation, combine, spillover
from .fcs.linear import on_scale
from .gates import Dimension, Ratio
from .sample import Events, Sample
from .transform import GatingError

Positions = NDArray[np.intp]


class Source:
    """A sample seen through names: which column a dimension means, found once per sample."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self._names: dict[str, int] = {}
        for label in (
            [one.name for one in sample.channels],
            [one.stain for one in sample.channels],
            [one.name.replace("/", "_") for one in sample.channels],  # so FlowJo writes names
        ):
            for index, name in enumerate(label):
                self._names.setdefault(name, index)
        self._file: Compensation | None = None
        self._file_read = False

    def index(self, name: str) -> int:
        if name and name in self._names:
            return self._names[name]
        raise GatingError(
            f"{self.sample.file}: no channel is called `{name}`; there are {', '.join(self.sample.names)}"
        )

    def dye(self, dimension: Dimension) -> tuple[Compensation, int] | None:
        """The matrix and the dye in it that the dimension means; None where it means a channel as it is."""
        assert isinstance(dimension.channel, str)
        matrix = dimension.compensation
        if matrix is None:
            return None
        if isinstance(matrix, Compensation):
            if (at := matrix.index(dimension.channel)) is not None:
                return matrix, at
            raise GatingError(
                f"compensation `{matrix.name}` has no fluorochrome or detector `{dimension.channel}`; "
                f"it has {', '.join(matrix.fluorochromes)}"
            )
        if not self._file_read:
            self._file, self._file_read = spillover(self.sample), True
        if self._file is None:  # Gating-ML 2.0: "FCS" means uncompensated where the file has no matrix
            return None
        at = self._file.index(self.sample.names[self.index(dimension.channel)])
        return None if at is None else (self._file, at)


class Columns:
    """Columns of the events at `rows` of the sample (None: all), a part of those of `above`."""

    def __init__(self, source: Source, above: Columns | None = None, within: Positions | None = None) -> None:
        self.source = source
        self.above = above
        self._within = within
        self.rows: Positions | None = None
        if above is not None and within is not None:
            self.rows = within if above.rows is None else above.rows[within]
        self.count = source.sample.count if self.rows is None else len(self.rows)
        self._kept: dict[Hashable, Events] = {}

    def channel(self, name: str) -> Events:
        """A channel on its own scale (gain, log amplification, time step), as Gating-ML asks first."""
        index = self.source.index(name)
        return self._keep(("channel", index), lambda: on_scale(self.source.sample, index, self._raw(index)))

    def linear(self, dimension: Dimension) -> Events:
        """The dimension before its transform: compensated, or a ratio (NaN where its denominator is 0)."""
        if isinstance(dimension.channel, Ratio):
            ratio = dimension.channel
            return self._keep(ratio, lambda: self._ratio(ratio))
        dye = self.source.dye(dimension)
        if dye is None:
            return self.channel(dimension.channel)
        matrix, at = dye
        return self._keep((id(matrix), at), lambda: self._dye(matrix, at))

    def scaled(self, dimension: Dimension, at: Positions | None = None) -> NDArray[np.float64]:
        """The dimension on its scale, float64; of the events at these positions only, if given."""
        linear = self.linear(dimension)
        values = (linear if at is None else linear[at]).astype(np.float64, copy=False)
        return values if dimension.transform is None else dimension.transform.apply(values)

    def _raw(self, index: int) -> Events:
        column: Events = self.source.sample.events[index]
        return column if self.rows is None else column[self.rows]

    def _dye(self, matrix: Compensation, at: int) -> Events:
        return combine([(self.channel(detector), factor) for detector, factor in matrix.terms[at]])

    def _ratio(self, ratio: Ratio) -> Events:
        above = self.channel(ratio.numerator).astype(np.float64) - ratio.b
        below = self.channel(ratio.denominator).astype(np.float64) - ratio.c
        undefined = below == 0
        return np.where(undefined, np.nan, ratio.a * (above / np.where(undefined, 1.0, below)))

    def _keep(self, key: Hashable, make: Callable[[], Events]) -> Events:
        if key not in self._kept:
            known = self._known(key)
            self._kept[key] = make() if known is None else known
        return self._kept[key]

    def _known(self, key: Hashable) -> Events | None:
        """The column if it was made before, here or for events that these are a part of."""
        if key in self._kept:
            return self._kept[key]
        if self.above is None or (column := self.above._known(key)) is None:
            return None
        part: Events = column if self._within is None else column[self._within]
        return part
