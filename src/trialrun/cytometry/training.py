"""Borders learnt from a laboratory's own gates: which events of a parent a person took."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trialrun.protocol.panel import ByHand, Panel
from trialrun.protocol.population import Transitional

from .columns import Columns, Source
from .fcs.error import FcsError
from .fcs.read import read
from .marker import Scales
from .method import markers
from .sample import Sample
from .template import Reference, Template, learn
from .transform import GatingError

Mark = NDArray[np.bool_]


def templates(panel: Panel, folder: Path) -> dict[str, Template | str]:
    """By population that is trained on samples gated by hand, its border, or the reason why there is none.

    folder: from where the panel names its files.
    """
    found: dict[str, Template | str] = {}
    for name, one in panel.populations.items():
        if isinstance(one, Transitional) and one.trained_on:
            try:
                found[name] = learn([reference(panel, one, said, folder) for said in samples(panel, one)])
            except (GatingError, FcsError, ValueError) as error:
                found[name] = f"nothing can be learnt from its references: {error}"
    return found


def samples(panel: Panel, population: Transitional) -> tuple[ByHand, ...]:
    """The samples gated by hand from which a population's border is learnt."""
    return tuple(one for name in population.trained_on for one in panel.references[name].samples)


def reference(panel: Panel, population: Transitional, said: ByHand, folder: Path) -> Reference:
    """One sample gated by hand, as the panel compensates and scales it.

    Raises FcsError for a file that cannot be read, GatingError for one that lacks a marker or whose events
    are not in the parent.
    """
    parent = read(folder / said.parent)
    held = np.zeros(parent.count, dtype=bool)
    for name in said.members:
        held |= rows_in(parent, read(folder / name))
    scales, columns = Scales(panel, parent), Columns(Source(parent))
    values = np.stack([columns.scaled(scales.dimension(marker)) for marker in markers(population)])
    known = np.isfinite(values).all(axis=0)
    return Reference(values[:, known], held[known])


def rows_in(parent: Sample, member: Sample) -> Mark:
    """Which events of the parent are those of the member, each value of them the same to the last bit."""
    if parent.names != member.names:
        raise GatingError(f"{member.file} has other channels than {parent.file}; export both from one file")
    wide = np.float64  # of what is float32 in one and float64 in the other, the values are the same
    rows = {row.tobytes() for row in np.ascontiguousarray(member.events.T, dtype=wide)}
    mine = [row.tobytes() for row in np.ascontiguousarray(parent.events.T, dtype=wide)]
    if missing := len(rows.difference(mine)):
        raise GatingError(
            f"{missing} of {len(rows)} events of {member.file} are not in {parent.file}; "
            "export parent and members from one file, with the values as they were measured"
        )
    return np.array([row in rows for row in mine], dtype=bool)
