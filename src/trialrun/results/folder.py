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

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trialrun.analysis import ard_file
from trialrun.analysis.ard import Ard, analyse_outputs
from trialrun.analysis.log import Tables
from trialrun.exchange.ars import reporting_event
from trialrun.protocol.problem import Place, Problem, ProtocolError, suggestion
from trialrun.protocol.protocol import Protocol
from trialrun.results.documents import documents
from trialrun.results.wanted import Wanted
from trialrun.tables import files

MANIFEST, ARS, SUMS = "manifest.json", "ars.json", "SHA256SUMS"
TABLES, STUDY = "tables", "study"
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


def planned(protocol: Protocol, only: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """The outputs of a study, or some of them. ProtocolError where nothing is planned, or not this."""
    if protocol.outputs is None:
        hint = "Write one: docs/outputs.md says how."
        where = Place(f"{protocol.id}/outputs.yaml")
        raise ProtocolError([Problem(where, "the study plans no outputs: it has no outputs.yaml", hint)])
    known = protocol.outputs.planned
    strange = [one for one in only or () if one not in known]
    if strange:
        where = protocol.outputs.source.place(("outputs",))
        problems = [
            Problem(
                where, f"there is no output `{one}`", suggestion(one, known) or "Name one that is planned."
            )
            for one in strange
        ]
        raise ProtocolError(problems)
    return tuple(one for one in known if only is None or one in only)


def make(protocol: Protocol, tables: Tables, wanted: Wanted, folder: Path, tell: Tell = silent) -> Made:
    """Analyse the tables and write everything into a new or empty folder.

    tell is called with a step and its share done (0 to 1). Raises ProtocolError.
    """
    planned(protocol, wanted.outputs)
    assert protocol.outputs is not None
    folder.mkdir(parents=True, exist_ok=True)
    files.write(tables, folder / TABLES)
    (folder / STUDY).mkdir(exist_ok=True)
    for name, content in protocol.files.items():
        (folder / STUDY / name).write_text(content, "utf-8", newline="")
    ard = analyse_outputs(tables, protocol.outputs, protocol, wanted.outputs)
    ard_file.save(ard, folder)
    tell("analysis", 1.0)
    manifest = wanted.manifest(protocol, ard)
    _json(manifest, folder / MANIFEST)
    _json(reporting_event(ard, protocol, wanted.languages[0]), folder / ARS)
    for name, printed in documents(protocol, ard, tables, wanted).items():
        (folder / name).write_bytes(printed)
    tell("report", 1.0)
    sums = checksums(folder)
    (folder / SUMS).write_text(sums, "utf-8", newline="")
    return Made(ard, manifest, sums)


def _json(content: Any, path: Path) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=path.name == MANIFEST)
    path.write_text(text + "\n", "utf-8", newline="")


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


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
