"""Anchors: the length and head of every chain at one moment, kept in the trial chain and outside.

A chain cannot see that its own tail was cut, or that it was rewritten as a whole. An anchor can, as long
as a copy of it lies where the author of the change cannot reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trialrun import __version__
from trialrun.journal.append import append
from trialrun.journal.canon import digest
from trialrun.journal.clock import Clock
from trialrun.journal.entry import GENESIS, Draft, Entry
from trialrun.journal.errors import Unstorable
from trialrun.journal.finding import Finding
from trialrun.journal.store import Store

TRIAL = "trial"
ACT = "anchor"
_TITLE = "trialrun anchor"


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
        """Read `text()` back. Raises Unstorable, with the line, if it is not an anchor."""
        title, *lines = text.splitlines() or [""]
        if not title.startswith(_TITLE + " "):
            raise Unstorable(
                f"line 1: expected `{_TITLE} TIME`, found `{title[:60]}`; is this the right file?"
            )
        heads = {}
        for number, line in enumerate(lines, 2):
            match line.split(" "):
                case [hash, length, chain] if len(hash) == len(GENESIS) and length.isdecimal():
                    heads[chain] = (int(length), hash)
                case _:
                    raise Unstorable(f"line {number}: expected `hash length chain`, found `{line[:90]}`")
        return cls(title.removeprefix(_TITLE + " "), heads)

    @classmethod
    def of(cls, entry: Entry) -> Anchor:
        """The anchor that an entry of the trial chain holds, the entry itself not counted."""
        heads = entry.payload["heads"]
        return cls(entry.time, {chain: (each["length"], each["hash"]) for chain, each in heads.items()})


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
