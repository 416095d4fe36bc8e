"""One entry: an accepted act, who did it, when, and which items it changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from trialrun.journal.canon import canonical, digest, parse
from trialrun.journal.errors import Damaged, Unstorable
from trialrun.journal.moment import bounds

GENESIS = "0" * 64
"""The `previous` of a chain's first entry."""

_CHAIN = re.compile(r"[a-z]+(:\S+)?")


@dataclass(frozen=True, slots=True)
class Change:
    """One item's change; `old` is None for a first value, `reason` says why a value was replaced."""

    item: str
    old: Any
    new: Any
    reason: str | None = None

    def body(self) -> dict[str, Any]:
        return {"item": self.item, "old": self.old, "new": self.new, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Draft:
    """An act not yet stored, as its author hands it over.

    chain     the subject: "trial", "site:PSL", "user:anna", "participant:P-001"
    key       idempotency key chosen by the caller, unique on the chain
    happened  when it took place (see `moment`), or None if storing it is the act
    payload   typed JSON: text, int, float, bool, None, list, dict
    expected  the chain's length when the author looked; None if it does not matter

    Raises Unstorable for an ill-formed chain, an empty key, actor, role or act, and an impossible time.
    """

    chain: str
    key: str
    actor: str
    role: str
    act: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    site: str | None = None
    happened: str | None = None
    expected: int | None = None

    def __post_init__(self) -> None:
        if not _CHAIN.fullmatch(self.chain):
            raise Unstorable(f"`{self.chain}` is not a chain; write it like trial or participant:P-001")
        for name in ("key", "actor", "role", "act"):
            if not getattr(self, name):
                raise Unstorable(f"{self.chain}: the {name} of an entry may not be empty")
        if self.happened is not None:
            bounds(self.happened)

    def content(self) -> dict[str, Any]:
        """What must be equal for a repeated key to mean a repeated act."""
        return {
            "act": self.act,
            "actor": self.actor,
            "changes": [change.body() for change in self.changes],
            "happened": self.happened,
            "payload": dict(self.payload),
        }


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored act: the reading of one canonical text.

    chain, sequence    subject of the chain, and the entry's number on it from 1
    key                idempotency key, unique on the chain
    time               when it was stored: UTC, milliseconds, ISO 8601 with Z
    happened           when it took place, on the site's clock (see `moment`), or None
    actor, role, site  who, as what, where (None for acts of no site)
    act, payload       what, as typed JSON
    changes            the items it changed
    protocol, software content hash of the protocol and version of the program that accepted it
    previous, hash     hash of the entry before (`GENESIS` for the first) and of this text
    text               the canonical text: everything but the hash
    """

    chain: str
    sequence: int
    key: str
    time: str
    happened: str | None
    actor: str
    role: str
    site: str | None
    act: str
    payload: dict[str, Any]
    changes: tuple[Change, ...]
    protocol: str
    software: str
    previous: str
    hash: str
    text: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Entry:
        """The entry that `text` says; its hash is computed. Raises Damaged if it is not an entry."""
        try:
            body = parse(text)
            changes = tuple(Change(**change) for change in body.pop("changes"))
            return cls(**body, changes=changes, hash=digest(text), text=text)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise Damaged(f"this text is not an entry ({error}): {text[:80]}…") from error

    def content(self) -> dict[str, Any]:
        """What must be equal for a repeated key to mean a repeated act."""
        return {
            "act": self.act,
            "actor": self.actor,
            "changes": [change.body() for change in self.changes],
            "happened": self.happened,
            "payload": self.payload,
        }

    def body(self) -> dict[str, Any]:
        """Everything but the hash, as JSON."""
        body = {name: getattr(self, name) for name in _BODY}
        return body | {"changes": [change.body() for change in self.changes]}


_BODY = [each.name for each in fields(Entry) if each.name not in ("hash", "text")]


def seal(draft: Draft, *, sequence: int, time: str, protocol: str, software: str, previous: str) -> Entry:
    """The entry of a draft at its place on the chain. Raises Unstorable if it has no canonical text."""
    body = draft.content() | {
        "chain": draft.chain,
        "key": draft.key,
        "previous": previous,
        "protocol": protocol,
        "role": draft.role,
        "sequence": sequence,
        "site": draft.site,
        "software": software,
        "time": time,
    }
    # Read back from its own text: what the caller holds is what is stored, and shares nothing with the draft.
    return Entry.parse(canonical(body))
