"""The main job, end to end: check, recruit, run day by day through the record, analyse, report."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from trialrun.analysis.ard import Ard
from trialrun.demo.crowd import Recorded
from trialrun.demo.laboratory import Compared, Laboratory
from trialrun.demo.ledger import STAFF, VirtualClock
from trialrun.protocol.compile import load
from trialrun.protocol.problem import Place, Problem, ProtocolError
from trialrun.protocol.protocol import Protocol
from trialrun.record.trial import Trial
from trialrun.record.verify import SUMS, checksums, verify
from trialrun.report.finding import Finding, counted, findings, plain_text
from trialrun.report.language import language
from trialrun.results.documents import REPORT, usual
from trialrun.results.report import Asked, report
from trialrun.simulate.population import population
from trialrun.simulate.trial import arrivals, conduct
from trialrun.tables import files
from trialrun.tables.validate import validate

Tell = Callable[[str, float], None]
DISPOSITION = "10.1"  # the section of ICH E3


def silent(step: str, share: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Demonstration:
    """What a demonstration leaves: the folder, and the figures for the closing screen."""

    folder: Path
    protocol: Protocol
    ard: Ard
    entries: int
    rows: int
    defects: tuple[str, ...]
    cells: tuple[Compared, ...] = ()
    """The quantities that were gated, against their truth."""
    files: int = 0
    """From which they came into the record."""
    warnings: Mapping[str, int] = field(default_factory=dict)
    """Rules of the panels that files break and pass, and how many do."""
    withholding: Mapping[str, int] = field(default_factory=dict)
    """Rules of the panels that take some numbers of files, and of how many."""
    left_out: tuple[str, ...] = ()
    """Files that a rule of quality fails, and why: as in any laboratory, no defect of the record."""


def demonstrate(study: str, out: Path, seed: int, tell: Tell = silent) -> Demonstration:
    """Run a study on virtual people into a new folder, whole or not at all.

    tell is called with a step and its share done (0 to 1). Raises ProtocolError.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        hint = "Choose another folder with --out, or remove it."
        raise ProtocolError([Problem(Place(str(out)), "is there already and not empty", hint)])
    protocol = load(study)
    population(protocol)
    tell("check", 1.0)
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        shutil.rmtree(aside)
        trial, clock = _begun(protocol, aside, seed)
        with Laboratory(trial) as laboratory:
            _conducted(trial, clock, seed, laboratory, tell)
        made = _reported(trial, aside, tell)
        failed = [one for one in laboratory.findings if one.kind == "failed"]
        wrong = [one for one in laboratory.findings if one.kind != "failed"]
        made = replace(
            made,
            folder=out,
            defects=(*made.defects, *map(str, wrong)),
            cells=tuple(laboratory.compared.values()),
            files=laboratory.landed,
            warnings=dict(laboratory.warnings),
            withholding=dict(laboratory.withholding),
            left_out=tuple(map(str, failed)),
        )
        if out.exists():
            out.rmdir()
        aside.replace(out)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return made


def _reported(trial: Trial, folder: Path, tell: Tell) -> Demonstration:
    """Tables, analysis and report of a finished trial, which is closed, and what is wrong with any of it."""
    protocol = trial.protocol
    asked = Asked(REPORT, protocol.study.languages, usual())
    reported = report(trial, asked, by="investigator", key="results", tell=tell)
    trial.close()
    tables = reported.tables
    defects = validate(tables, protocol)
    files.write(tables, folder / "tables")
    for document in sorted(reported.folder.glob(f"{REPORT}.*")):
        shutil.copyfile(document, folder / document.name)
    (folder / SUMS).write_text(checksums(folder), "utf-8", newline="")
    verified = verify(folder)
    wrong = tuple(str(finding) for finding in verified.findings)
    tell("verify", 1.0)
    rows = sum(len(table) for table in tables.values())
    ard = reported.made.ard
    return Demonstration(folder, protocol, ard, verified.entries, rows, (*map(str, defects), *wrong))


def run(protocol: Protocol, folder: Path, seed: int, tell: Tell = silent) -> Trial:
    """Run one virtual trial through the record's commands; the trial is left open.

    There are no files of cells: the model answers the forms that a demonstration gates.
    """
    trial, clock = _begun(protocol, folder, seed)
    _conducted(trial, clock, seed, None, tell)
    return trial


def _begun(protocol: Protocol, folder: Path, seed: int) -> tuple[Trial, VirtualClock]:
    """A new trial, on the day before the first of its people comes."""
    first = arrivals(protocol, seed)[0].item()
    midnight = datetime.datetime.combine(first, datetime.time(), datetime.UTC)
    clock = VirtualClock(midnight - datetime.timedelta(days=1))
    return Trial.create(folder, protocol, virtual=True, clock=clock, seed=seed, people=STAFF), clock


def _conducted(
    trial: Trial, clock: VirtualClock, seed: int, laboratory: Laboratory | None, tell: Tell
) -> None:
    protocol = trial.protocol
    coming = arrivals(protocol, seed)
    crowd = Recorded(trial, clock, seed, laboratory=laboratory)
    length = _expected_days(protocol)

    def progress(date: np.datetime64) -> None:
        tell("run", min(0.99, float((date - coming[0]) / np.timedelta64(1, "D")) / length))

    conduct(protocol, coming, crowd, progress)
    crowd.finish()
    clock.set(clock.now() + datetime.timedelta(days=1))
    anchor = trial.anchor(by="investigator", key="last anchor")
    assert trial.folder is not None
    (trial.folder / "anchor.txt").write_text(anchor.text(), "utf-8")
    tell("run", 1.0)


def _expected_days(protocol: Protocol) -> float:
    """About how long the trial lasts: inclusion and one participation."""
    milestones = (protocol.study.timeline.get(name) for name in ("inclusion", "participation"))
    return sum(found.lasts.days for found in milestones if found and found.lasts) or 365.25


def summary(made: Demonstration) -> dict[str, Any]:
    """The demonstration as data."""
    return {
        "study": made.protocol.id,
        "protocol_hash": made.protocol.hash,
        "folder": str(made.folder),
        "entries": made.entries,
        "rows": made.rows,
        "defects": list(made.defects),
        "results": made.ard.hash,
        "cells": [one.summary() for one in made.cells],
        "cells_warned": dict(made.warnings),
        "cells_withheld": dict(made.withholding),
        "cells_left_out": list(made.left_out),
        "people": people(made),
        "endpoints": [
            {"endpoint": one.name, "level": one.level, "title": one.title, "says": says}
            for one, says in told(made)
        ],
    }


def people(made: Demonstration) -> list[str]:
    """How many came how far, in words: the counts of the disposition."""
    english = language("en")
    keys = [key for key, one in made.ard.outputs.items() if one.section == DISPOSITION]
    return [plain_text(said) for key in keys[:1] for said in counted(made.ard, key, english)]


def told(made: Demonstration) -> list[tuple[Finding, list[str]]]:
    """The endpoints with their sentences, in English."""
    found = findings(made.protocol, made.ard, language("en"))
    return [(one, [plain_text(said) for said in one.sentences]) for one in found]
