"""The entry table: made once, never altered, and guarded by the database itself.

Columns are generated from the text, so that none can contradict it. It is no Django model: a migration on
SQLite rebuilds the table it alters, and the triggers would be lost without a word.

On PostgreSQL: `id bigint GENERATED ALWAYS AS IDENTITY`, columns
`GENERATED ALWAYS AS ((text::json) ->> 'chain') STORED` (`::integer` for the sequence), one trigger function
that raises for UPDATE, DELETE and TRUNCATE, and no such right for the application's role. There is no
INSERT OR REPLACE. Ids follow the order of asking, not of committing, so a reader of `rows(after)` must not
pass an id that is still open.
"""

from __future__ import annotations

import sqlite3

SCHEMA = {
    "entry": """CREATE TABLE entry (
    id INTEGER PRIMARY KEY CHECK (id > 0),
    text TEXT NOT NULL,
    hash TEXT NOT NULL CHECK (length(hash) = 64),
    chain TEXT NOT NULL GENERATED ALWAYS AS (json_extract(text, '$.chain')) STORED,
    sequence INTEGER NOT NULL GENERATED ALWAYS AS (json_extract(text, '$.sequence')) STORED,
    key TEXT NOT NULL GENERATED ALWAYS AS (json_extract(text, '$.key')) STORED,
    act TEXT NOT NULL GENERATED ALWAYS AS (json_extract(text, '$.act')) STORED,
    time TEXT NOT NULL GENERATED ALWAYS AS (json_extract(text, '$.time')) STORED,
    UNIQUE (chain, sequence),
    UNIQUE (chain, key)
)""",
    # INSERT OR REPLACE deletes the row in its way without firing a delete trigger, so it is met before.
    "entry_insert": """CREATE TRIGGER entry_insert BEFORE INSERT ON entry BEGIN
    SELECT RAISE(ABORT, 'append-only: this position is taken') FROM entry WHERE id = NEW.id;
    SELECT RAISE(ABORT, 'append-only: this key is taken') FROM entry
        WHERE chain = json_extract(NEW.text, '$.chain') AND key = json_extract(NEW.text, '$.key');
    SELECT RAISE(ABORT, 'append-only: not the next number of its chain')
        WHERE json_extract(NEW.text, '$.sequence') IS NOT 1 + (SELECT coalesce(max(sequence), 0) FROM entry
            WHERE chain = json_extract(NEW.text, '$.chain'));
END""",
    "entry_update": """CREATE TRIGGER entry_update BEFORE UPDATE ON entry BEGIN
    SELECT RAISE(ABORT, 'append-only: an entry is never changed');
END""",
    "entry_delete": """CREATE TRIGGER entry_delete BEFORE DELETE ON entry BEGIN
    SELECT RAISE(ABORT, 'append-only: an entry is never deleted');
END""",
    "origin": """CREATE TABLE origin (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    virtual INTEGER NOT NULL CHECK (virtual IN (0, 1))
)""",
    "origin_insert": """CREATE TRIGGER origin_insert BEFORE INSERT ON origin
WHEN EXISTS (SELECT 1 FROM origin) BEGIN
    SELECT RAISE(ABORT, 'a trial is real or virtual for good');
END""",
    "origin_update": """CREATE TRIGGER origin_update BEFORE UPDATE ON origin BEGIN
    SELECT RAISE(ABORT, 'a trial is real or virtual for good');
END""",
    "origin_delete": """CREATE TRIGGER origin_delete BEFORE DELETE ON origin BEGIN
    SELECT RAISE(ABORT, 'a trial is real or virtual for good');
END""",
}

_FIRST = """SELECT CASE WHEN json_valid(text) THEN text ->> '$.act' END,
    CASE WHEN json_valid(text) THEN text ->> '$.payload.virtual' END
    FROM entry WHERE chain = 'trial' ORDER BY sequence LIMIT 1"""


def make(connection: sqlite3.Connection, *, virtual: bool) -> None:
    """Lay the tables and their guards, all or none, and stamp the trial real or virtual."""
    connection.execute("BEGIN")
    for statement in SCHEMA.values():
        connection.execute(statement)
    connection.execute("INSERT INTO origin (id, virtual) VALUES (1, ?)", [int(virtual)])
    connection.execute("COMMIT")


def tables(connection: sqlite3.Connection) -> bool:
    """Whether both tables are there, whatever they hold."""
    query = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('entry', 'origin')"
    return bool(connection.execute(query).fetchone()[0] == 2)


def faults(connection: sqlite3.Connection) -> list[str]:
    """What is missing, altered or added around the two tables; empty if all is as it was made."""
    found = dict(
        connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE tbl_name IN ('entry', 'origin') AND sql IS NOT NULL"
        )
    )
    missing = [f"`{name}` is missing" for name in SCHEMA if name not in found]
    altered = [f"`{name}` was altered" for name in SCHEMA if found.get(name, SCHEMA[name]) != SCHEMA[name]]
    return missing + altered + [f"`{name}` was added" for name in found if name not in SCHEMA]


def virtual(connection: sqlite3.Connection) -> bool | None:
    """Whether the trial was stamped virtual; None if the stamp is gone."""
    stamp = connection.execute("SELECT virtual FROM origin").fetchone()
    return None if stamp is None else bool(stamp[0])


def contradictions(connection: sqlite3.Connection) -> list[str]:
    """Where the stamp and the first entry of the trial do not say the same; empty if there is no such entry.

    The stamp is guarded, but not hashed: only the entry tells whether it was changed.
    """
    stamp = virtual(connection)
    if stamp is None:
        return ["it is stamped neither real nor virtual"]
    first = connection.execute(_FIRST).fetchone()
    if first is None:
        return []
    act, said = first
    if act != "create":
        return ["the trial chain does not begin with `create`"]
    if said not in (0, 1):
        return ["the trial's first entry does not say whether it is real or virtual"]
    words = {True: "virtual", False: "real"}
    wrong = f"it is stamped {words[stamp]}, but the trial's first entry says {words[bool(said)]}"
    return [] if bool(said) == stamp else [wrong]
