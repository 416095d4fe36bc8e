"""Is the record what it was? The whole of it, read as it lies there, guards or no guards."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trialrun.conduct.verdict import Reason
from trialrun.journal.anchor import TRIAL, Anchor
from trialrun.journal.finding import Finding
from trialrun.journal.verify import verify as verify_journal
from trialrun.protocol.compile import load
from trialrun.protocol.problem import ProtocolError
from trialrun.protocol.protocol import Protocol
from trialrun.record import database, schema
from trialrun.record.projection import PREFIX, Projection
from trialrun.record.refusal import Refused
from trialrun.record.store import DjangoStore
from trialrun.record.trial import FILES, STUDY


@dataclass(frozen=True)
class Verified:
    """How much was looked at, and what is wrong: the first bad entry of each chain, then the rest.

    A finding that is about no entry (the file, a guard, the study) has the sequence 0.
    """

    chains: Mapping[str, int]
    findings: tuple[Finding, ...]

    @property
    def entries(self) -> int:
        return sum(self.chains.values())


def verify(folder: Path, anchors: tuple[Anchor, ...] = ()) -> Verified:
    """Check a trial's chains, guards, study, signatures and files; `anchors` are those kept outside.

    Raises Refused if the folder is no trial, or its record cannot be read at all.
    """
    file = (folder / database.FILE).resolve()
    try:
        guards, opened = _opened(file)
    except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
        there = Reason(
            "record", f"{file} cannot be read ({error})", "name the folder of a trial, or restore a backup"
        )
        raise Refused(f"Verifying {folder}", [there]) from error
    try:
        store = DjangoStore(opened)
        rows = list(store.rows())
        chains: dict[str, int] = {}
        for row in rows:
            chains[row.chain] = chains.get(row.chain, 0) + 1
        findings = verify_journal(rows, anchors)
        whole = set(chains) - {finding.chain for finding in findings}
        findings += [Finding(database.FILE, 0, f"not protected: {guard}") for guard in guards]
        findings += [Finding(database.FILE, 0, fault) for fault in store.faults()]
        findings += _content(folder, store, sorted(whole))
    finally:
        opened.close()
    return Verified(chains, tuple(findings))


def _opened(file: Path) -> tuple[list[str], database.Database]:
    """What is wrong with the guards, and the record opened whatever that is (`attach` would refuse)."""
    if not file.is_file():
        raise FileNotFoundError("it is not there")
    connection = sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True)
    try:
        guards = schema.faults(connection)
    finally:
        connection.close()
    return guards, database._connect(str(file), str(file), True)


def _content(folder: Path, store: DjangoStore, whole: list[str]) -> Iterator[Finding]:
    """What only shows once the entries are understood: the study, signatures, attached files."""
    if TRIAL not in whole:
        return
    try:
        protocol = load(folder / STUDY)
    except ProtocolError as error:
        yield Finding(STUDY, 0, f"the study does not compile ({error.problems[0]})")
        return
    if next(store.chain(TRIAL)).protocol != protocol.hash:
        yield Finding(STUDY, 0, "the study files are not those the trial was made with")
        return
    for chain in whole:
        if chain.startswith(PREFIX):
            yield from _participant(folder, protocol, store, chain)


def _participant(folder: Path, protocol: Protocol, store: DjangoStore, chain: str) -> Iterator[Finding]:
    known = Projection(protocol, chain.removeprefix(PREFIX))
    for entry in store.chain(chain):
        try:
            known.apply(entry)
        except (KeyError, ValueError, IndexError, TypeError, AttributeError) as error:
            yield Finding(chain, entry.sequence, f"not understood: {error!r}")
            return
    for signature in known.signatures:
        if not signature.faithful:
            yield Finding(chain, signature.sequence, "the signature is not bound to what it was put under")
    for sha256, about in known.files.items():
        kept = folder / FILES / sha256
        if not kept.is_file():
            yield Finding(chain, about["sequence"], f"the attached file {about['name']} is missing")
        elif hashlib.sha256(kept.read_bytes()).hexdigest() != sha256:
            yield Finding(chain, about["sequence"], f"the attached file {about['name']} was changed")
