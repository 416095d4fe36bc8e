"""Spillover between detectors, taken out again: one matrix, inverted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .fcs.spill import spill
from .sample import Sample
from .transform import GatingError

Matrix = NDArray[np.float64]

# Float32 events carry about seven digits; past this condition number none of them is left after compensation.
WORST_CONDITION = 1e6


@dataclass(frozen=True)
class Compensation:
    """The share of each fluorochrome's light in each detector: fluorochromes (rows) × detectors (columns).

    An event's dyes are `detectors @ inverse`. With more detectors than dyes (spectral) that is the solution
    by least squares, as Gating-ML 2.0's spectrumMatrix asks. Raises GatingError for one of another shape,
    or that cannot be undone.
    """

    detectors: tuple[str, ...]
    fluorochromes: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    name: str = "compensation"

    def __post_init__(self) -> None:
        dyes, detectors = len(self.fluorochromes), len(self.detectors)
        self._demand(
            dyes > 0 and len(self.matrix) == dyes and all(len(row) == detectors for row in self.matrix),
            f"expected {dyes} rows (fluorochromes) of {detectors} numbers (detectors)",
        )
        self._demand(dyes <= detectors, f"{dyes} fluorochromes cannot be told apart by {detectors} detectors")
        for kind, names in (("detector", self.detectors), ("fluorochrome", self.fluorochromes)):
            twice = sorted({name for name in names if names.count(name) > 1})
            self._demand(not twice, f"{kind} {', '.join(twice)} is named twice")
        spread = np.array(self.matrix)
        self._demand(bool(np.isfinite(spread).all()), "every number must be finite")
        scales = np.linalg.svd(spread, compute_uv=False)
        if not scales[-1] * WORST_CONDITION > scales[0]:
            raise GatingError(
                f"compensation `{self.name}`: the matrix cannot be undone (its condition number is above "
                f"{WORST_CONDITION:g}): two fluorochromes have nearly the same spectrum, or a row is empty; "
                "compute it again from the single-stained controls"
            )

    @classmethod
    def square(
        cls, names: Sequence[str], matrix: Matrix | Sequence[Sequence[float]], name: str = "compensation"
    ) -> Compensation:
        """One dye per detector, called as its detector is."""
        rows = tuple(tuple(float(share) for share in row) for row in matrix)
        return cls(tuple(names), tuple(names), rows, name)

    @cached_property
    def inverse(self) -> Matrix:
        """Detectors × fluorochromes. By elimination in a fixed order: the same bits anywhere."""
        spread = np.array(self.matrix)
        if len(self.fluorochromes) == len(self.detectors):
            return _solve(spread, np.eye(len(spread)))
        gram = (spread[:, None, :] * spread[None, :, :]).sum(axis=2)
        return np.ascontiguousarray(_solve(gram, spread).T)

    @cached_property
    def terms(self) -> tuple[tuple[tuple[str, float], ...], ...]:
        """For each fluorochrome the detectors that count for it, each with its factor, in their order."""
        return tuple(
            tuple(
                (detector, float(factor))
                for detector, factor in zip(self.detectors, column, strict=True)
                if factor
            )
            for column in self.inverse.T
        )

    def index(self, name: str) -> int | None:
        """Which dye `name` means: a fluorochrome, or else the detector at its place."""
        if name in self.fluorochromes:
            return self.fluorochromes.index(name)
        if name in self.detectors[: len(self.fluorochromes)]:
            return self.detectors.index(name)
        return None

    def apply(self, values: NDArray[np.floating]) -> Matrix:
        """Detectors × events to fluorochromes × events, float64."""
        rows = {detector: values[row] for row, detector in enumerate(self.detectors)}
        return np.stack([combine([(rows[name], factor) for name, factor in terms]) for terms in self.terms])

    def _demand(self, holds: bool, rule: str) -> None:
        if not holds:
            raise GatingError(f"compensation `{self.name}`: {rule}")


def combine(terms: Sequence[tuple[NDArray[np.floating], float]]) -> NDArray[np.float64]:
    """The sum of columns times factors, in this order, without BLAS: no event's bits hang on other events."""
    total: NDArray[np.float64] = np.multiply(terms[0][0], terms[0][1], dtype=np.float64)
    part = np.empty_like(total)
    for column, factor in terms[1:]:
        np.multiply(column, factor, out=part, dtype=np.float64)
        total += part
    return total


def spillover(sample: Sample) -> Compensation | None:
    """The matrix that the file carries, or None. Raises FcsError where it has one that cannot be used."""
    found = spill(sample)
    return None if found is None else Compensation.square(*found, name=f"{sample.file}: its spillover")


def _solve(left: Matrix, right: Matrix) -> Matrix:
    """X with left @ X = right, by Gauss-Jordan elimination with partial pivoting."""
    size = len(left)
    work = np.hstack([left, right]).astype(np.float64)
    for column in range(size):
        pivot = column + int(np.argmax(np.abs(work[column:, column])))
        work[[column, pivot]] = work[[pivot, column]]
        work[column] /= work[column, column]
        others = np.arange(size) != column
        work[others] -= work[others, column][:, None] * work[column]
    return np.ascontiguousarray(work[:, size:])
