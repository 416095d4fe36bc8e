"""Anchors: the length and head of every chain at one moment, kept in the trial chain and outside.

A chain cannot see that its own tail was cut, or that it was rewritten as a whole. An anchor can, as long
as a copy of it lies where the author of the change cannot reach.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from trialrun import __version__
from trialrun.journal.append import append
from trialrun.journal.canon import digest
from trialrun.journal.clock import Clock
from trialrun.journal.entry import Draft, Entry
from trialrun.journal.errors import Unstorable
from trialrun.journal.finding import Finding
from trialrun.journal.store import Store

TRIAL = "trial"
ACT = "anchor"
_TITLE = "trialrun anchor"
_LINE = re.compile(r"(?P<hash>[0-9a-f]{64}) (?P<length>[1-9][0-9]*) (?P<chain>\S+)")


@dataclass(frozen=True, slots=True)
class Anchor:
    """`time` of the anchor, and per chain its length and the hash of its last entry."""

    time: str
    heads: Mapping[str, tuple[int, str]]

    def text(self) -> str:
        """A small text to keep outside: a line per chain, `hash length chain`."""
        lines = [f"{hash} {length} {chain}" for chain, (length, hash) in sorted(self.heads.items())]
        return "\n".join([f"{_TITLE} {self.time}", *lines, ""])

    @classmethod
    def parse(cls, text: str) -> Anchor:
        """Read `text()` back. Raises Unstorable, with the line, if it is not an anchor or proves nothing."""
        title, *lines = text.splitlines() or [""]
        if not title.startswith(_TITLE + " "):
            raise Unstorable(
                f"line 1: expected `{_TITLE} TIME`, found `{title[:60]}`; is this the right file?"
            )
        heads: dict[str, tuple[int, str]] = {}
        for number, line in enumerate(lines, 2):
            found = _LINE.fullmatch(line)
            if not found:
                raise Unstorable(f"line {number}: expected `hash length chain`, found `{line[:90]}`")
            if found["chain"] in heads:
                raise Unstorable(
                    f"line {number}: {found['chain']} is listed twice; use the copy as it was made"
                )
            heads[found["chain"]] = (int(found["length"]), found["hash"])
        if TRIAL not in heads:
            missing = "does not list the trial chain" if heads else "lists no chain"
            raise Unstorable(f"the anchor {missing}: it was cut; use the copy as it was made")
        return cls(title.removeprefix(_TITLE + " "), heads)

    @classmethod
    def of(cls, entry: Entry) -> Anchor:
        """The anchor that an entry of the trial chain holds, the entry itself not counted."""
        heads = entry.payload["heads"]
        return cls(entry.time, {chain: (int(each["length"]), each["hash"]) for chain, each in heads.items()})


def anchor(
    store: Store,
    clock: Clock,
    *,
    key: str,
    actor: str,
    role: str,
    protocol: str,
    software: str = __version__,
) -> Anchor:
    """Write an anchor on the trial chain; the one returned, to be kept outside, counts that entry too.

    Repeating a key gives the anchor of the first time. Raises as `append` does.
    """
    with store.lock([TRIAL]):
        entry = store.find(TRIAL, key)
        if entry is None:
            ends = store.heads().items()
            heads = {chain: {"length": end.sequence, "hash": end.hash} for chain, end in ends}
            draft = Draft(TRIAL, key, actor, role, ACT, {"heads": heads})
            [entry] = append(store, clock, [draft], protocol=protocol, software=software)
    inner = Anchor.of(entry)
    return Anchor(inner.time, {**inner.heads, TRIAL: (entry.sequence, entry.hash)})


def check(anchor: Anchor, store: Store) -> list[Finding]:
    """What an anchor kept outside says against the store; empty if every chain still holds its entries."""
    findings = []
    for chain in sorted(anchor.heads):
        length, _ = anchor.heads[chain]
        row = next(store.links(chain, length - 1), None)
        kept = digest(row.text) if row and row.sequence == length else None
        if finding := compare(anchor, chain, kept, store.head(chain).sequence):
            findings.append(finding)
    first = {chain: next(store.chain(chain)) for chain in store.heads() if chain not in anchor.heads}
    findings += [found for chain, entry in first.items() if (found := unlisted(anchor, chain, entry.time))]
    return findings


def compare(anchor: Anchor, chain: str, kept: str | None, length: int) -> Finding | None:
    """One chain of `length` entries against an anchor; `kept`: the hash of the text at the anchored end."""
    counted, hash = anchor.heads[chain]
    if kept == hash:
        return None
    since = f"the anchor of {anchor.time}"
    if kept is None and length < counted:
        return Finding(chain, length + 1, f"gone: {since} counted {counted} entries, {length} are left")
    if kept is None:
        return Finding(chain, counted, f"missing, though {since} counted it")
    return Finding(chain, counted, f"rewritten: this entry or one before it is not what {since} saw")


def unlisted(anchor: Anchor, chain: str, begun: str) -> Finding | None:
    """A chain whose first entry says a time before the anchor's, which must then have counted it."""
    if chain in anchor.heads or begun >= anchor.time:
        return None
    since = f"the anchor of {anchor.time} does not list it"
    return Finding(chain, 1, f"added or back-dated: it says it began {begun}, but {since}")
