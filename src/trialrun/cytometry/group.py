"""The samples that share their gates, from their files to their numbers: the work of one process."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trialrun.protocol.file import whole
from trialrun.protocol.panel import Panel

from .adjustment import Adjustment
from .fcs.error import FcsError
from .fcs.read import read
from .fcs.spill import uncompensated
from .marker import Scales
from .method import Imported
from .outcome import Adjusted, Looked, Outcome
from .populate import Populated, adjusted, populate
from .quality import medians, quality
from .quantity import quantities
from .sample import Sample
from .template import Template
from .transform import GatingError

__all__ = ["Failure", "Group", "gated", "look"]

UNCOMPENSATED = (
    "it carries a compensation matrix, and the panel says `compensation: none`: its values are gated as they "
    "are; write `compensation: file` unless they are compensated already"
)


@dataclass(frozen=True)
class Failure:
    """A file that was not gated, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Group:
    """Samples that share their gates.

    controls: by the name of a reference, its files. templates: learnt borders. gates: of other files.
    adjustments: by name of a file. aside: the SHA-256 of files that no gate is found in. membership: the
    folder for tables of which event is in which population, None for none; portraits: that for what the
    report draws.
    """

    panel: Panel
    files: tuple[Looked, ...]
    controls: Mapping[str, tuple[Looked, ...]] = field(default_factory=dict)
    templates: Mapping[str, Template | str] = field(default_factory=dict)
    gates: Mapping[str, Imported | str] = field(default_factory=dict)
    adjustments: Mapping[str, tuple[Adjustment, ...]] = field(default_factory=dict)
    aside: frozenset[str] = frozenset()
    membership: Path | None = None
    portraits: Path | None = None

    def portrait(self, file: Looked) -> Path | None:
        """Where the drawings of a file are kept for the report."""
        return self.portraits / f"{file.sha256}.json" if self.portraits is not None else None

    def table(self, file: Looked) -> Path | None:
        """Where it is kept which event of a file is in which population; a file that goes by its path is told
        apart by its hash from one that has that name."""
        flat = file.name.strip("/").replace("/", "_")
        flat += f".{file.sha256[:12]}" if "/" in file.name else ""
        return self.membership / f"{flat}.parquet" if self.membership is not None else None

    def written(self, file: Looked) -> tuple[Path, ...]:
        """What is kept of a file."""
        return tuple(path for path in (self.table(file), self.portrait(file)) if path is not None)


def look(path: Path, name: str, raw: bool = False) -> Looked | Failure:
    """A file as it says of itself what it is. raw: its values will be gated as they are."""
    try:
        sample = read(path)
    except (FcsError, MemoryError) as error:
        return Failure(name, _said(error, path))
    findings = sample.findings
    if raw and uncompensated(sample):
        findings = (*findings, UNCOMPENSATED)
    return Looked(path, name, sample.sha256, sample.count, sample.keywords, findings)


def gated(group: Group) -> list[Outcome | Failure]:
    """Gate a group: for each file, in their order, what came out or why nothing did.

    A file that cannot be used changes nothing for the others.
    """
    done: dict[str, Outcome | Failure] = {}
    samples: dict[str, Sample] = {}
    for file in group.files:
        try:
            sample = _again(file)
            Scales(group.panel, sample)
        except (FcsError, GatingError, MemoryError) as error:
            done[file.name] = Failure(file.name, _said(error, file.path))
        else:
            samples[file.name] = sample
    try:
        controls = {name: [_again(one) for one in some] for name, some in group.controls.items()}
    except (FcsError, MemoryError) as error:
        return [done.get(file.name) or Failure(file.name, f"its control: {error}") for file in group.files]
    found = populate(group.panel, list(samples.values()), controls, group.templates, group.gates, group.aside)
    files = [file for file in group.files if file.name in samples]
    others = [_by_hand(file, one, group) for file, one in zip(files, found, strict=True)]
    for file, one, other in zip(files, found, others, strict=True):
        done[file.name] = _outcome(file, one, other, group)
    if group.portraits is not None:
        portrayed(group, files, list(zip(found, others, strict=True)))
    return [done[file.name] for file in group.files]


def _again(file: Looked) -> Sample:
    """A file that was looked at before. Raises FcsError, also where its bytes are now others."""
    sample = read(file.path)
    if sample.sha256 != file.sha256:
        cause = "it was changed while it was gated, or two machines see two files there"
        raise FcsError(str(file.path), "file", cause, "Gate it again.")
    return sample


def _said(error: Exception, path: Path) -> str:
    """The reason, without the path, which stands before it."""
    if isinstance(error, MemoryError):
        return "there is not enough memory for it; gate with fewer cores"
    return str(error).removeprefix(f"{path}: ")


def _by_hand(file: Looked, one: Populated, group: Group) -> Populated | None:
    changes = group.adjustments.get(file.name, ())
    drawn = {change.population: change.drawn(group.panel) for change in changes}
    return adjusted(one, drawn) if changes else None


def _outcome(file: Looked, one: Populated, other: Populated | None, group: Group) -> Outcome:
    by_hand = None
    if other is not None:
        changes = group.adjustments[file.name]
        gates = {change.population: {"by": change.by, "reason": change.reason} for change in changes}
        by_hand = Adjusted(gates, _counts(other), quantities(other, file.row))
    if (table := group.table(file)) is not None:
        keep(one, other, table)
    return Outcome(
        file,
        _counts(one),
        one.reasons,
        {name: found.told() for name, found in one.found.items()},
        quantities(one, file.row),
        tuple(quality(one, file.row)),
        medians(one),
        by_hand,
    )


def _counts(one: Populated) -> dict[str, int | None]:
    return {name: one.count(name) for name in one.panel.populations}


def keep(automatic: Populated, by_hand: Populated | None, path: Path) -> None:
    """Write which event is in which population: a row for each event of the file, in its order, and a column
    for each population, empty where that is not known; those gated by hand are `NAME (adjusted)`."""
    import polars as pl

    columns = {}
    for one, label in ((automatic, "{}"), (by_hand, "{} (adjusted)")):
        for name in one.panel.populations if one else ():
            assert one is not None
            if name in one.reasons:
                columns[label.format(name)] = pl.Series([None] * one.sample.count, dtype=pl.Boolean)
                continue
            held = np.zeros(one.sample.count, dtype=bool)
            held[one.events[name]] = True
            columns[label.format(name)] = pl.Series(held)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        pl.DataFrame(columns).write_parquet(part)


def portrayed(
    group: Group, files: Sequence[Looked], samples: Sequence[tuple[Populated, Populated | None]]
) -> None:
    """Keep what the report draws of each file."""
    from .report.portrait import packed, portray

    for file, one in zip(files, portray(samples), strict=True):
        path = group.portrait(file)
        assert path is not None
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            part.write_text(json.dumps(packed(one), ensure_ascii=False), "utf-8")
