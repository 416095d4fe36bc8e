"""What a store of entries can do. One contract test-suite runs against every store there is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from trialrun.journal.canon import digest
from trialrun.journal.entry import GENESIS, Entry
from trialrun.journal.errors import Damaged


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: its length, and hash and time of its last entry."""

    sequence: int = 0
    hash: str = GENESIS
    time: str = ""


EMPTY = Head()


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it lies in the store, believed by nobody yet.

    `position` counts all chains in order of storing, growing but perhaps with gaps; `chain` and
    `sequence` are what the store files it under; `text` is bytes, since damage need not be UTF-8.
    """

    position: int
    chain: str
    sequence: int
    text: bytes
    hash: str

    @property
    def entry(self) -> Entry:
        """The entry, if the text is the one that was hashed. Raises Damaged otherwise."""
        if digest(self.text) != self.hash:
            raise Damaged(
                f"entry {self.sequence} of {self.chain} was changed after it was stored: its hash does "
                "not match; run `trialrun verify` and restore a backup"
            )
        return Entry.parse(self.text.decode())


class Store(ABC):
    """Where entries lie. `append.append` is the only caller of `write`.

    A trial is real or virtual from the day it is made, and so is its store: `virtual` tells which.
    """

    virtual: bool

    @abstractmethod
    def lock(self, chains: Collection[str]) -> AbstractContextManager[None]:
        """One transaction that alone may extend `chains`, taken in order of id; all or nothing is kept.

        May be nested: an inner transaction is kept only if the outer one is.
        """

    @abstractmethod
    def write(self, entries: Sequence[Entry]) -> None:
        """Store sealed entries, within a lock on their chains."""

    @abstractmethod
    def head(self, chain: str) -> Head:
        """The end of one chain; `EMPTY` if nothing is on it."""

    @abstractmethod
    def heads(self) -> dict[str, Head]:
        """The end of every chain, in order of id."""

    @abstractmethod
    def find(self, chain: str, key: str) -> Entry | None:
        """The entry with this idempotency key, if it is there."""

    @abstractmethod
    def rows(self, after: int = 0) -> Iterator[Row]:
        """Everything as it lies there, in order of storing, after a position."""

    @abstractmethod
    def links(self, chain: str, after: int = 0) -> Iterator[Row]:
        """One chain as it lies there, in order of sequence, after a sequence number."""

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Every entry in order of storing, after a position. Raises Damaged at one that was changed."""
        return (row.entry for row in self.rows(after))

    def chain(self, chain: str, after: int = 0) -> Iterator[Entry]:
        """The entries of one chain, after a sequence number. Raises Damaged at one that was changed."""
        return (row.entry for row in self.links(chain, after))
