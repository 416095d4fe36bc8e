"""A store that lives as long as the process: for tests, and the yardstick for the others."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from trialrun.journal.entry import Entry
from trialrun.journal.store import EMPTY, Head, Row, Store


class MemoryStore(Store):
    """Entries in lists. One lock serves all chains."""

    def __init__(self, *, virtual: bool = True) -> None:
        self.virtual = virtual
        self._rows: list[Row] = []
        self._chains: defaultdict[str, list[Row]] = defaultdict(list)
        self._keys: dict[tuple[str, str], Row] = {}
        self._lock = threading.RLock()

    @contextmanager
    def lock(self, chains: Collection[str]) -> Iterator[None]:
        with self._lock:
            mark = len(self._rows)
            try:
                yield
            except BaseException:
                self._forget(mark)
                raise

    def _forget(self, mark: int) -> None:
        while len(self._rows) > mark:
            entry = self._rows.pop().entry
            self._chains[entry.chain].pop()
            del self._keys[entry.chain, entry.key]

    def write(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            row = Row(len(self._rows) + 1, entry.chain, entry.sequence, entry.text.encode(), entry.hash)
            self._rows.append(row)
            self._chains[entry.chain].append(row)
            self._keys[entry.chain, entry.key] = row

    def head(self, chain: str) -> Head:
        if not self._chains.get(chain):
            return EMPTY
        row = self._chains[chain][-1]
        return Head(row.sequence, row.hash, row.entry.time)

    def heads(self) -> dict[str, Head]:
        return {chain: self.head(chain) for chain, rows in sorted(self._chains.items()) if rows}

    def find(self, chain: str, key: str) -> Entry | None:
        row = self._keys.get((chain, key))
        return row.entry if row else None

    def rows(self, after: int = 0) -> Iterator[Row]:
        return iter(self._rows[after:])

    def links(self, chain: str, after: int = 0) -> Iterator[Row]:
        return iter(self._chains.get(chain, [])[after:])
