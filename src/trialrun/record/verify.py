"""Is the record what it was? The whole of it, read as it lies there, guards or no guards."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trialrun.conduct.verdict import Reason
from trialrun.journal.anchor import TRIAL, Anchor
from trialrun.journal.entry import Entry
from trialrun.journal.finding import Finding
from trialrun.journal.store import Row
from trialrun.journal.verify import verify as verify_journal
from trialrun.protocol.compile import load
from trialrun.protocol.file import sha256
from trialrun.protocol.problem import ProtocolError
from trialrun.protocol.protocol import Protocol
from trialrun.record import database
from trialrun.record.arms import misgiven
from trialrun.record.person import SYSTEM
from trialrun.record.projection import PREFIX, Projection
from trialrun.record.refusal import Refused
from trialrun.record.store import DjangoStore
from trialrun.record.trial import FILES, STUDY

SITE = "site:"
SUMS = "SHA256SUMS"
OUTPUTS = ("report*.*", "tables/*.parquet")
_SUM = re.compile(r"(?P<sha256>[0-9a-f]{64})  (?P<name>[\w.-][\w./-]*)")

Chains = Mapping[str, Sequence[Entry]]
"""The entries of every chain that is whole by itself."""


@dataclass(frozen=True)
class Verified:
    """How much was looked at, and what is wrong: the first bad entry of each chain, then the rest.

    chains: entries per chain; files: how many outputs SHA256SUMS lists, None where there is no such file.
    A finding that is about no entry (the file, a guard, the study, an output) has the sequence 0.
    """

    chains: Mapping[str, int]
    findings: tuple[Finding, ...]
    files: int | None = None

    @property
    def entries(self) -> int:
        return sum(self.chains.values())


def verify(folder: Path, anchors: tuple[Anchor, ...] = ()) -> Verified:
    """Check a trial's chains, each by itself and against the others, and its guards, study, signatures and
    files; `anchors` are those kept outside.

    Raises Refused if the folder is no trial, or its record cannot be read at all.
    """
    try:
        rows, faults = _read(folder)
    except database.UNREADABLE as error:
        message = f"{folder / database.FILE} cannot be read ({error})"
        there = Reason("record", message, "name the folder of a trial, or restore a backup")
        raise Refused(f"Verifying {folder}", [there]) from error
    lengths = Counter(row.chain for row in rows)
    findings = verify_journal(rows, anchors)
    bad = {finding.chain for finding in findings}
    whole: dict[str, list[Entry]] = {}
    for row in rows:
        if row.chain not in bad:
            whole.setdefault(row.chain, []).append(row.entry)
    findings += [Finding(database.FILE, 0, fault) for fault in faults]
    findings += _begun(lengths)
    protocol, faulty = _study(folder, whole)
    findings += faulty
    made = whole[TRIAL][0].protocol if TRIAL in whole else protocol.hash if protocol else None
    findings += _strange(whole, made)
    told = len(findings)
    for chain in sorted(whole):
        if protocol and chain.startswith(PREFIX):
            findings += _participant(folder, protocol, chain, whole[chain])
    if protocol and len(findings) == told and not any(chain.startswith(PREFIX) for chain in bad):
        findings += misgiven(protocol, (row.entry for row in rows if row.chain.startswith(PREFIX)))
    findings += _crossed(whole, set(lengths))
    files, changed = _outputs(folder)
    return Verified(lengths, (*findings, *changed), files)


def _read(folder: Path) -> tuple[list[Row], list[str]]:
    """Every row as it lies there, and what is wrong around the rows."""
    opened, faults = database.inspect(folder)
    try:
        store = DjangoStore(opened)
        return list(store.rows()), faults + store.faults()
    finally:
        opened.close()


def _begun(lengths: Mapping[str, int]) -> Iterator[Finding]:
    """Every trial has entries, and a chain of its own."""
    if not lengths:
        yield Finding(database.FILE, 0, "it holds no entry, and a trial is made with some")
    elif TRIAL not in lengths:
        yield Finding(TRIAL, 0, "the chain is missing, and every trial is made with it")


def _study(folder: Path, whole: Chains) -> tuple[Protocol | None, list[Finding]]:
    """The study in the folder, if it is the one that the trial was made with."""
    try:
        protocol = load(folder / STUDY)
    except ProtocolError as error:
        return None, [Finding(STUDY, 0, f"the study does not compile ({error.problems[0]})")]
    except (OSError, UnicodeDecodeError) as error:
        return None, [Finding(STUDY, 0, f"the study cannot be read ({error})")]
    if TRIAL in whole and whole[TRIAL][0].protocol != protocol.hash:
        return None, [Finding(STUDY, 0, "the study files are not those the trial was made with")]
    return protocol, []


def _participant(folder: Path, protocol: Protocol, chain: str, entries: Sequence[Entry]) -> Iterator[Finding]:
    """What only shows once the entries are understood: signatures and attached files."""
    known = Projection(protocol, chain.removeprefix(PREFIX))
    for entry in entries:
        try:
            known.apply(entry)
        except (KeyError, ValueError, IndexError, TypeError, AttributeError) as error:
            yield Finding(chain, entry.sequence, f"not understood: {error!r}")
            return
    for signature in known.signatures:
        if not signature.faithful:
            yield Finding(chain, signature.sequence, "the signature is not bound to what it was put under")
    for digest, about in known.files.items():
        kept = folder / FILES / digest
        if not kept.is_file():
            yield Finding(chain, about["sequence"], f"the attached file {about['name']} is missing")
        elif sha256(kept) != digest:
            yield Finding(chain, about["sequence"], f"the attached file {about['name']} was changed")


# ---- between the chains ----------------------------------------------------------------------------------


def _strange(whole: Chains, made: str | None) -> Iterator[Finding]:
    """The first entry of each chain that was accepted under another protocol than the trial's."""
    for chain in sorted(whole):
        if found := next((entry for entry in whole[chain] if made and entry.protocol != made), None):
            yield Finding(chain, found.sequence, "its protocol is not the one the trial was made with")


def _crossed(whole: Chains, there: set[str]) -> Iterator[Finding]:
    """Where a chain does not bear another out; one that is bad by itself is no witness against others."""
    for chain in sorted(whole):
        if found := next(filter(None, (_unknown(entry, whole, there) for entry in whole[chain])), None):
            yield found
        if chain.startswith(PREFIX):
            yield from _enrolled(chain, whole, there)
        elif chain.startswith(SITE):
            for entry in whole[chain]:
                if entry.act == "enrol" and (named := f"{PREFIX}{entry.payload.get('subject')}") not in there:
                    yield Finding(chain, entry.sequence, f"{named} is missing, though it was enrolled here")


def _unknown(entry: Entry, whole: Chains, there: set[str]) -> Finding | None:
    """An actor who was not registered, in that role, when the entry was stored."""
    known = f"user:{entry.actor}"
    if entry.actor == SYSTEM or (known in there and known not in whole):
        registered = entry.actor != SYSTEM or entry.role == SYSTEM
    else:
        registered = any(
            each.act == "user" and each.payload.get("role") == entry.role and each.time <= entry.time
            for each in whole.get(known, ())
        )
    wrong = f"`{entry.actor}` was not registered by {entry.time} as {entry.role}"
    return None if registered else Finding(entry.chain, entry.sequence, wrong)


def _enrolled(chain: str, whole: Chains, there: set[str]) -> Iterator[Finding]:
    """A participant begins with an enrolment, which the chain of the site holds too."""
    first = whole[chain][0]
    site = f"{SITE}{first.site}"
    if first.act != "enrol" or first.payload.get("subject") != chain.removeprefix(PREFIX):
        yield Finding(chain, 1, "it does not begin with this participant's enrolment")
    elif (site in whole or site not in there) and not any(_same(first, each) for each in whole.get(site, ())):
        yield Finding(chain, 1, f"{site} did not enrol this participant so")


def _same(one: Entry, other: Entry) -> bool:
    """The two entries that one act of enrolling makes, each on its chain."""
    names = ("act", "key", "time", "actor", "role", "site", "payload")
    return all(getattr(one, name) == getattr(other, name) for name in names)


# ---- what was made from the record -----------------------------------------------------------------------


def checksums(folder: Path) -> str:
    """The SHA-256 of every output in a trial's folder, as sha256sum writes it, in order of name."""
    return "".join(f"{sha256(folder / name)}  {name}\n" for name in _there(folder))


def _there(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for shape in OUTPUTS for file in folder.glob(shape))


def _outputs(folder: Path) -> tuple[int | None, list[Finding]]:
    """How many outputs the folder's list of sums names, and which are not what they were when it was made."""
    if not (folder / SUMS).is_file():
        return None, []
    lines = (folder / SUMS).read_text("utf-8", errors="replace").splitlines()
    found = [match for line in lines if (match := _SUM.fullmatch(line))]
    sums = {match["name"]: match["sha256"] for match in found if ".." not in match["name"].split("/")}
    if len(sums) < len(lines):
        return len(sums), [Finding(SUMS, 0, "not a list of sums as sha256sum writes it, each file once")]
    findings = []
    for name in sorted({*sums, *_there(folder)}):
        if name not in sums:
            findings.append(Finding(name, 0, f"not listed in {SUMS}: it was added since"))
        elif not (folder / name).is_file():
            findings.append(Finding(name, 0, f"missing, though {SUMS} lists it"))
        elif sha256(folder / name) != sums[name]:
            findings.append(Finding(name, 0, f"changed: its SHA-256 is not the one in {SUMS}"))
    return len(sums), findings
