"""Are kept results what their tables give? Made again, and compared cell by cell and byte by byte."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from trialrun.analysis import ard_file
from trialrun.analysis.log import Tables
from trialrun.protocol.compile import load
from trialrun.protocol.file import sha256
from trialrun.protocol.problem import ProtocolError
from trialrun.record.known import known
from trialrun.record.refusal import Refused
from trialrun.record.trial import Trial
from trialrun.results.folder import MANIFEST, SUMS, listed, make, names
from trialrun.results.wanted import STUDY, TABLES, Wanted, software
from trialrun.tables import files
from trialrun.tables.build import build

KEY = ("output", "line", "column", "part", "statistic")
SHOWN = ("value", "text", "not_estimable")


@dataclass(frozen=True)
class Difference:
    """A cell that is otherwise: where it stands, what was written then, and what comes out now (None: it is
    not there)."""

    output: str
    line: str
    column: str
    statistic: str
    then: str | None
    now: str | None

    def __str__(self) -> str:
        where = " · ".join(one for one in (self.output, self.line, self.column, self.statistic) if one)
        return f"{where}: then {_or_nothing(self.then)}, now {_or_nothing(self.now)}"


@dataclass(frozen=True)
class Fault:
    """A file that is not what it should be, and why."""

    file: str
    wrong: str

    def __str__(self) -> str:
        return f"{self.file}: {self.wrong}"


@dataclass
class Verified:
    """How many cells and files were compared, what differs, and what is worth knowing (`notes`)."""

    cells: int = 0
    files: int = 0
    differences: list[Difference] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        return not self.differences and not self.faults


class NoResults(Exception):
    """A folder that holds no results, or whose results cannot be made again."""

    def render(self) -> str:
        return str(self)


def verify_results(folder: Path, trial: Trial | None = None) -> Verified:
    """Make the results of a folder again, from its own tables and study, or from a trial's record as of the
    folder's day, and compare. Raises NoResults where there is nothing to compare."""
    manifest = _manifest(folder)
    found = Verified()
    found.faults += _sums(folder, found)
    made = software()
    changed = [f"{name} {manifest['software'].get(name)} → {now}" for name, now in made.items()
               if manifest["software"].get(name) != now]  # fmt: skip
    if changed:
        found.notes.append(f"the software is another: {', '.join(changed)}")
    with TemporaryDirectory(prefix="trialrun-") as aside:
        _again(folder, manifest, trial, Path(aside) / "again", found)
    return found


def _again(folder: Path, manifest: dict[str, Any], trial: Trial | None, again: Path, found: Verified) -> None:
    """Make the folder again and note every difference."""
    wanted, tables = Wanted.of(manifest), _tables(folder, found)
    try:
        protocol = load(folder / STUDY)
    except (ProtocolError, OSError) as error:
        raise NoResults(f"{folder / STUDY} does not compile: {error}") from error
    if trial is not None:
        tables, protocol = _of_record(trial, manifest, folder, tables, found), trial.protocol
    if not tables:
        why = "; ".join(map(str, found.faults)) or "it holds no table"
        raise NoResults(f"{folder / TABLES}: nothing can be computed again: {why}")
    try:
        made = make(protocol, tables, wanted, again)
    except ProtocolError as error:
        found.faults.append(Fault(TABLES, f"the results cannot be computed from it: {error}"))
        return
    if made.manifest["results"] != manifest["results"]:
        found.faults.append(
            Fault(MANIFEST, f"results {manifest['results'][:16]}… are now {made.ard.hash[:16]}…")
        )
    try:
        then = ard_file.read_cells(folder / ard_file.CELLS)
        found.cells = then["statistic"].drop_nulls().len()
        found.differences += differences(then, made.ard.cells)
    except ard_file.NotResults as error:
        found.faults.append(Fault(ard_file.CELLS, str(error)))
    told = {fault.file for fault in found.faults}
    for name in names(again):
        there = folder / name
        if name not in told and there.is_file() and there.read_bytes() != (again / name).read_bytes():
            found.faults.append(Fault(name, "not what these tables and this study give now"))


# ---- the folder by itself ------------------------------------------------------------------------


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise NoResults(f"{folder} holds no {MANIFEST}: name a folder that `trialrun report` made")
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
        Wanted.of(manifest)
        dict(manifest["software"])
        str(manifest["results"])[:1]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoResults(f"{path} is not a manifest of results ({error}); it was changed") from error
    return manifest


def _sums(folder: Path, found: Verified) -> Iterator[Fault]:
    """Each file whose hash is not that of the list, and each that the list does not know."""
    try:
        sums = listed(folder)
    except (OSError, ValueError) as error:
        yield Fault(SUMS, f"cannot be read: {error}")
        return
    found.files = len(sums)
    there = set(names(folder))
    for name in sorted(there | set(sums)):
        if name not in sums:
            yield Fault(name, f"not listed in {SUMS}: it was added since")
        elif name not in there:
            yield Fault(name, f"missing, though {SUMS} lists it")
        elif sha256(folder / name) != sums[name]:
            yield Fault(name, f"changed: its SHA-256 is not the one in {SUMS}")


def _tables(folder: Path, found: Verified) -> Tables:
    try:
        return files.read(folder / TABLES)
    except (OSError, pl.exceptions.PolarsError) as error:
        found.faults.append(Fault(TABLES, f"cannot be read: {str(error).partition(chr(10))[0]}"))
        return {}


# ---- against the record --------------------------------------------------------------------------


def _of_record(
    trial: Trial, manifest: Mapping[str, Any], folder: Path, kept: Tables, found: Verified
) -> Tables:
    """The tables as the record gives them for the folder's day; what of the folder does not fit is noted."""
    try:
        now = known(trial, date.fromisoformat(manifest["as_of"]))
    except (Refused, ValueError) as error:
        raise NoResults(f"the trial has no record of {manifest['as_of']}: {error}") from error
    if manifest["protocol"] != trial.protocol.hash:
        found.faults.append(Fault(MANIFEST, "its protocol is not the one that the trial was made with"))
    ends = {chain: {"length": length, "hash": end} for chain, (length, end) in now.chains.items()}
    for chain in sorted({*ends, *manifest["record"]}):
        if ends.get(chain) != manifest["record"].get(chain):
            found.faults.append(Fault(MANIFEST, f"{chain} is another in the record of that day"))
    looked = {one.look.sums for one in trial.looks()}
    sums = folder / SUMS
    if sums.is_file() and sha256(sums) not in looked:
        found.faults.append(Fault(SUMS, "no look in the trial's record has this hash"))
    tables = build(trial.protocol, now.facts)
    for code in sorted({*tables, *kept}):
        found.faults += [
            Fault(f"{TABLES}/{code.lower()}.parquet", wrong)
            for wrong in _rows(kept.get(code), tables.get(code))
        ]
    return tables


def _rows(kept: pl.DataFrame | None, now: pl.DataFrame | None) -> Iterator[str]:
    """How a kept table differs from that of the record, row by row."""
    if kept is None or now is None:
        yield "the record gives no such table" if now is None else "missing, though the record gives it"
        return
    if kept.schema != now.schema:
        yield "its columns are not those that the record gives"
        return
    if kept.height != now.height:
        yield f"{kept.height} rows, and the record gives {now.height}"
        return
    for number, (before, after) in enumerate(zip(kept.iter_rows(), now.iter_rows(), strict=True), 1):
        for name, then, there in zip(kept.columns, before, after, strict=True):
            if then != there:
                yield f"row {number}, {name}: {then!r}, and the record gives {there!r}"


# ---- cell by cell --------------------------------------------------------------------------------


def differences(then: pl.DataFrame, now: pl.DataFrame) -> list[Difference]:
    """Every statistic that is otherwise in two sets of cells (`analysis.ard.SCHEMA`), in their order."""
    before, after = _by_place(then), _by_place(now)
    found = []
    for key in dict.fromkeys([*before, *after]):
        one, other = before.get(key), after.get(key)
        if one == other:
            continue
        row = one or other
        assert row is not None
        line = " / ".join(json.loads(row["path"])) if row["path"] else ""
        column = " ".join(part for part in (row["column"], row["part"]) if part)
        if one is None or other is None or any(one[name] != other[name] for name in SHOWN):
            found.append(
                Difference(row["output"], line, column, row["statistic"] or "", _shown(one), _shown(other))
            )
        else:
            name = next(name for name in row if one[name] != other[name])
            what = f"{row['statistic'] or ''} ({name})".strip()
            found.append(
                Difference(row["output"], line, column, what, _short(one[name]), _short(other[name]))
            )
    return found


def _by_place(cells: pl.DataFrame) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {tuple(row[name] for name in KEY): row for row in cells.iter_rows(named=True)}


def _shown(row: Mapping[str, Any] | None) -> str | None:
    if row is None:
        return None
    if row["not_estimable"] is not None:
        return f"not estimable ({row['not_estimable']})"
    return (
        row["text"] if row["text"] is not None else f"{row['value']:.12g}" if row["value"] is not None else ""
    )


def _short(value: Any) -> str:
    text = ard_file.ranges(tuple(value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _or_nothing(text: str | None) -> str:
    return "nothing" if text is None else text or "words alone"
