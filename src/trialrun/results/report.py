"""Results of a trial on a day: from its record into a folder, and an entry that someone looked."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import mkdtemp

from trialrun.journal.entry import Entry
from trialrun.protocol.problem import Place, Problem, ProtocolError
from trialrun.record.known import known
from trialrun.record.look import Look
from trialrun.record.trial import Trial
from trialrun.results.folder import Made, Tell, make, planned, silent
from trialrun.results.wanted import Wanted
from trialrun.tables.build import Tables, build

REPORTS = "reports"


@dataclass(frozen=True)
class Reported:
    """A folder of results with the entry of the look at it, and the tables they are from."""

    folder: Path
    made: Made
    look: Entry
    tables: Tables


@dataclass(frozen=True)
class Asked:
    """Which pack, in which languages and formats, of which outputs (None: all)."""

    pack: str
    languages: tuple[str, ...]
    formats: tuple[str, ...]
    outputs: tuple[str, ...] | None = None


def report(
    trial: Trial,
    asked: Asked,
    *,
    by: str,
    key: str,
    day: date | None = None,
    folder: Path | None = None,
    tell: Tell = silent,
) -> Reported:
    """Make the results of a day (by default of today), whole or not at all, and write the look down.

    The entry comes before the folder has its name: nobody sees what is not in the ledger. Raises Refused for
    who may not look or a day without a record, ProtocolError for what is not planned or in the way.
    """
    planned(trial.protocol, asked.pack, asked.outputs)
    trial.may_look(asked.pack, False, by)
    found = known(trial, day)
    if folder is None:
        assert trial.folder is not None
        folder = trial.folder / REPORTS / f"{found.day}-{asked.pack}"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        hint = "Choose another folder with --out, or remove it."
        raise ProtocolError([Problem(Place(str(folder)), "is there already and not empty", hint)])
    tables = build(trial.protocol, found.facts)
    tell("tables", 1.0)
    wanted = Wanted(
        asked.pack, found.day.isoformat(), asked.languages, asked.formats, asked.outputs,
        trial.virtual, trial.seed, found.chains,
    )  # fmt: skip
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        made = make(trial.protocol, tables, wanted, aside, tell)
        look = trial.look(_look(wanted, made), by=by, key=key)
        aside.chmod(0o755)  # a temporary folder is its maker's alone
        if folder.exists():
            folder.rmdir()
        aside.replace(folder)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return Reported(folder, made, look, tables)


def _look(wanted: Wanted, made: Made) -> Look:
    return Look(
        wanted.pack,
        wanted.as_of,
        tuple(made.manifest["outputs"]),
        wanted.formats,
        wanted.languages,
        made.manifest["results"],
        hashlib.sha256(made.sums.encode()).hexdigest(),
        made.manifest["unblinded"],
    )
