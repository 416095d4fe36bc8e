"""Is the journal what it was? The first bad entry of every chain, from the rows as they lie there.

A chain attests its own entries and their order, not the order between chains, nor its own tail: a tail
that was cut, or a chain rewritten as a whole, shows only against an anchor.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from trialrun.journal.anchor import ACT, TRIAL, Anchor, compare, unlisted
from trialrun.journal.canon import canonical, digest
from trialrun.journal.entry import GENESIS, Entry
from trialrun.journal.errors import Damaged, Unstorable
from trialrun.journal.finding import Finding
from trialrun.journal.store import Row

_TYPES = dict.fromkeys(("chain", "key", "time", "actor", "role", "act", "protocol", "previous"), str) | {
    "payload": dict
}


def verify(rows: Iterable[Row], anchors: Iterable[Anchor] = ()) -> list[Finding]:
    """The first bad entry of every chain, in order of chain; empty if all is well.

    `rows` in order of storing, as `Store.rows()` gives them. The anchors in the trial chain are
    checked too, and `anchors` kept outside with them.
    """
    chains: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        chains[row.chain].append(row)
    findings = {chain: finding for chain, links in chains.items() if (finding := _first(links))}
    inner, unread = _inner(chains.get(TRIAL, []))
    if unread and TRIAL not in findings:
        findings[TRIAL] = unread
    for anchor in [*inner, *anchors]:
        for chain, (length, _) in anchor.heads.items():
            links = chains.get(chain, [])
            kept = next((digest(row.text) for row in links if row.sequence == length), None)
            if chain not in findings and (finding := compare(anchor, chain, kept, len(links))):
                findings[chain] = finding
        for chain in chains.keys() - findings.keys() - anchor.heads.keys():
            entry, _ = _read(chains[chain][0])
            if entry and (finding := unlisted(anchor, chain, entry.time)):
                findings[chain] = finding
    return [findings[chain] for chain in sorted(findings)]


def _first(links: Sequence[Row]) -> Finding | None:
    """The first bad entry of one chain."""
    numbers = {row.sequence for row in links}
    previous, time = GENESIS, ""
    for number, row in enumerate(links, 1):
        if row.sequence != number:
            late = number in numbers or row.sequence < number
            wrong = f"out of order: number {row.sequence} is stored before it" if late else "missing"
            return Finding(row.chain, number, wrong)
        entry, wrong = _read(row)
        if entry is None:
            return Finding(row.chain, number, wrong)
        if entry.previous != previous:
            return Finding(row.chain, number, "link broken: it does not name the hash of the entry before it")
        if entry.time < time:
            return Finding(row.chain, number, f"out of order: its time {entry.time} is before {time}")
        previous, time = entry.hash, entry.time
    return None


def _read(row: Row) -> tuple[Entry | None, str]:
    """The entry of a row, or what is wrong with the row alone."""
    if digest(row.text) != row.hash:
        return None, "text changed: its hash does not match"
    try:
        entry = Entry.parse(row.text.decode())
        if canonical(entry.body()) != entry.text:
            return None, "text not canonical: it was not written by the journal"
    except (Damaged, Unstorable, UnicodeDecodeError):
        return None, "not an entry: it was not written by the journal"
    if not all(isinstance(getattr(entry, name), kind) for name, kind in _TYPES.items()):
        return None, "not an entry: its parts are not of their types"
    if (entry.chain, entry.sequence) != (row.chain, row.sequence):
        return None, f"filed wrongly: its text says entry {entry.sequence} of {entry.chain}"
    return entry, ""


def _inner(links: Sequence[Row]) -> tuple[list[Anchor], Finding | None]:
    """The anchors in the trial chain, as far as they can be believed, and the first that is none."""
    anchors, unread = [], None
    for entry in (entry for row in links if (entry := _read(row)[0])):
        if entry.act != ACT:
            continue
        try:
            anchors.append(Anchor.of(entry))
        except (KeyError, TypeError, ValueError, AttributeError):
            unread = unread or Finding(
                entry.chain, entry.sequence, "not an anchor: it holds no lengths and heads"
            )
    return anchors, unread
