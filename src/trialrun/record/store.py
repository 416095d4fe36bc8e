"""The entries of a trial in its database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from django.db import transaction

from trialrun.journal.anchor import TRIAL
from trialrun.journal.entry import Entry
from trialrun.journal.store import EMPTY, Head, Row, Store
from trialrun.record.database import Database, RecordError

_PAGE = 1000

# Read as bytes: what was damaged need not be UTF-8, and must still be told of.
_COLUMNS = "id, CAST(chain AS BLOB), sequence, CAST(text AS BLOB), CAST(hash AS BLOB)"

_CONTRADICTIONS = """SELECT CAST(chain AS BLOB), sequence FROM entry
    WHERE CASE WHEN json_valid(text) THEN (chain, sequence, key, act, time) IS NOT
        (text ->> 'chain', text ->> 'sequence', text ->> 'key', text ->> 'act', text ->> 'time')
    ELSE 1 END ORDER BY id"""


class DjangoStore(Store):
    """Entries in the table of a database (see `schema`)."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.virtual = database.virtual

    def lock(self, chains: Collection[str]) -> AbstractContextManager[None]:
        # SQLite has one writer at a time: BEGIN IMMEDIATE locks every chain. PostgreSQL: here
        # pg_advisory_xact_lock per chain, in order of its number, so that two acts cannot wait crosswise.
        return transaction.atomic(using=self.database.alias)

    def write(self, entries: Sequence[Entry]) -> None:
        with self.database.connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO entry (text, hash) VALUES (%s, %s)",
                [(entry.text, entry.hash) for entry in entries],
            )

    def head(self, chain: str) -> Head:
        found = self._select(
            "SELECT sequence, hash, time FROM entry WHERE chain = %s ORDER BY sequence DESC LIMIT 1", chain
        )
        return Head(*found[0]) if found else EMPTY

    def heads(self) -> dict[str, Head]:
        found = self._select(
            "SELECT chain, sequence, hash, time FROM entry JOIN "
            "(SELECT chain, max(sequence) AS sequence FROM entry GROUP BY chain) AS last "
            "USING (chain, sequence) ORDER BY chain"
        )
        return {chain: Head(*head) for chain, *head in found}

    def find(self, chain: str, key: str) -> Entry | None:
        found = self._select(
            f"SELECT {_COLUMNS} FROM entry WHERE chain = %s AND key = %s",  # noqa: S608  # our own columns
            chain,
            key,
        )
        return _row(*found[0]).entry if found else None

    def rows(self, after: int = 0) -> Iterator[Row]:
        query = f"SELECT {_COLUMNS} FROM entry WHERE id > %s ORDER BY id LIMIT %s"  # noqa: S608  # ditto
        while page := self._select(query, after, _PAGE):
            yield from (_row(*each) for each in page)
            after = page[-1][0]

    def links(self, chain: str, after: int = 0) -> Iterator[Row]:
        query = (
            f"SELECT {_COLUMNS} FROM entry WHERE chain = %s AND sequence > %s "  # noqa: S608  # ditto
            "ORDER BY sequence LIMIT %s"
        )
        while page := self._select(query, chain, after, _PAGE):
            yield from (_row(*each) for each in page)
            after = page[-1][2]

    def chain(self, chain: str, after: int = 0) -> Iterator[Entry]:
        """As every store's; raises RecordError for the trial chain if that is gone: no trial is without."""
        if chain == TRIAL and self.head(TRIAL) == EMPTY:
            raise RecordError(f"{self.database.alias}: the trial chain is missing; restore a backup")
        return super().chain(chain, after)

    def faults(self) -> list[str]:
        """What `journal.verify` cannot see, in plain words: damaged pages and indexes, and columns that do
        not say what their text says; empty if all is well.

        Raises django.db.DatabaseError where the file is too damaged to be read.
        """
        pages = [f"the file: {message}" for (message,) in self._select("PRAGMA integrity_check")]
        columns = [
            f"{_text(chain)}, entry {sequence}: the columns do not say what the text says"
            for chain, sequence in self._select(_CONTRADICTIONS)
        ]
        return [each for each in pages if each != "the file: ok"] + columns

    def _select(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        with self.database.connection.cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())


def _row(position: int, chain: bytes | None, sequence: object, text: bytes | None, hash: bytes | None) -> Row:
    number = sequence if isinstance(sequence, int) else -1  # a damaged page may hold anything
    return Row(position, _text(chain), number, text or b"", _text(hash))


def _text(stored: bytes | None) -> str:
    return (stored or b"").decode(errors="replace")
