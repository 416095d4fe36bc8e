"""A folder of results: numbers, the tables and the study they are from, documents, and the hash of each file.

    manifest.json             of what, as of when, by which software
    cells.csv, rows.csv       the Analysis Results Dataset, and the rows behind it; columns.json, its columns
    ars.json                  the same as a CDISC ARS reporting event
    report.html, report.pdf   the documents, in each language
    tables/, study/           what everything is made from
    SHA256SUMS                of every other file, as sha256sum writes it

The same tables, study and software give the same bytes.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trialrun.analysis import ard_file
from trialrun.analysis.ard import Ard, analyse_outputs
from trialrun.analysis.log import Tables
from trialrun.exchange.ars import reporting_event, text
from trialrun.protocol.file import sha256
from trialrun.protocol.problem import Problem, ProtocolError, suggestion
from trialrun.protocol.protocol import Protocol
from trialrun.report.figures.vega import Vega
from trialrun.report.pack import planned as packed
from trialrun.results.documents import REPORT, documents
from trialrun.results.wanted import STUDY, TABLES, Wanted
from trialrun.tables import files

MANIFEST, ARS, SUMS = "manifest.json", "ars.json", "SHA256SUMS"
_SUM = re.compile(r"(?P<sha256>[0-9a-f]{64})  (?P<name>[\w.-][\w./-]*)")

Tell = Callable[[str, float], None]


def silent(step: str, share: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Made:
    """A folder that was made: its results, its manifest, and the text of its SHA256SUMS."""

    ard: Ard
    manifest: dict[str, Any]
    sums: str


def planned(protocol: Protocol, pack: str, only: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """The outputs of a pack, or some of them, in the order of the file. Raises NoPack, and ProtocolError
    for an output that is not planned."""
    known = protocol.reported.planned
    strange = [one for one in only or () if one not in known]
    if strange:
        where = protocol.reported.source.place(("outputs",))
        hints = {one: suggestion(one, known) or "Name one that is planned." for one in strange}
        raise ProtocolError([Problem(where, f"there is no output `{one}`", hints[one]) for one in strange])
    needed = None if pack == REPORT else packed(protocol, pack)
    if only is not None and needed is not None:
        only = tuple({*only, *needed})  # a pack's words need its outputs
    wanted = only if only is not None else needed
    return tuple(one for one in known if wanted is None or one in wanted)


def make(protocol: Protocol, tables: Tables, wanted: Wanted, folder: Path, tell: Tell = silent) -> Made:
    """Analyse the tables and write everything into a new or empty folder.

    tell is called with a step and its share done (0 to 1). Raises ProtocolError.
    """
    outputs = planned(protocol, wanted.pack, wanted.outputs)
    tables = dict(sorted(tables.items()))  # as they are read from a folder
    folder.mkdir(parents=True, exist_ok=True)
    files.write(tables, folder / TABLES)
    (folder / STUDY).mkdir(exist_ok=True)
    for name, content in protocol.files.items():
        (folder / STUDY / name).write_text(content, "utf-8", newline="")
    with uncollected(), Vega() as vega:  # which starts while the numbers are computed
        ard = analyse_outputs(tables, protocol.reported, protocol, outputs, wanted.facts)
        tell("analysis", 1.0)
        manifest = wanted.manifest(protocol, ard)

        def write_numbers() -> None:
            ard_file.save(ard, folder)
            _write(
                json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True) + "\n", folder / MANIFEST
            )
            _write(text(reporting_event(ard, protocol, wanted.languages[0])), folder / ARS)

        for name, printed in documents(protocol, ard, tables, wanted, vega, write_numbers).items():
            (folder / name).write_bytes(printed)
    tell("report", 1.0)
    sums = checksums(folder)
    (folder / SUMS).write_text(sums, "utf-8", newline="")
    return Made(ard, manifest, sums)


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the collector of circles: everything made here is kept until the end, and looking through it
    again and again took a sixth of the time."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _write(content: str, path: Path) -> None:
    path.write_text(content, "utf-8", newline="")


# ---- hashes --------------------------------------------------------------------------------------


def names(folder: Path) -> list[str]:
    """Every file of a folder but its list of sums, in order."""
    found = (file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    return sorted(name for name in found if name != SUMS)


def checksums(folder: Path) -> str:
    """The SHA-256 of every file, as sha256sum writes it."""
    return "".join(f"{sha256(folder / name)}  {name}\n" for name in names(folder))


def listed(folder: Path) -> dict[str, str]:
    """File -> SHA-256, as the folder's list says. ValueError if it is no such list."""
    lines = (folder / SUMS).read_text("utf-8").splitlines()
    found = [_SUM.fullmatch(line) for line in lines]
    sums = {one["name"]: one["sha256"] for one in found if one}
    if len(sums) < len(lines):
        raise ValueError("not a list of sums as sha256sum writes it, each file once")
    return sums
