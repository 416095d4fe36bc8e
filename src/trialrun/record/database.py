"""Where a trial's record lies: `record.sqlite3` in the trial's folder, opened through Django.

Django is configured once per process and knows no database then; each trial that is made or opened
becomes one more connection, named after its file. Every thread gets a connection of its own.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from trialrun.record import schema

FILE = "record.sqlite3"

# A writer waits this long for another before it gives up: longer than any act, shorter than patience.
_PATIENCE = 20  # seconds; assumed

# In WAL mode FULL syncs at every commit, so that an act once accepted outlives a power cut; NORMAL only
# at checkpoints, and a power cut may take the last acts but never corrupts (https://sqlite.org/pragma.html,
# synchronous). A virtual trial can be run again.
_SYNCHRONOUS = {False: "FULL", True: "NORMAL"}

# What reading a damaged file may raise, directly or through Django. Python fails to decode SQLite's own
# message when that quotes a damaged name.
UNREADABLE = (OSError, sqlite3.Error, DatabaseError, UnicodeDecodeError)

_memory = count(1)


class RecordError(Exception):
    """A trial's record cannot be made or opened."""

    def render(self) -> str:
        """The message, ready for a terminal."""
        return str(self)


@dataclass(frozen=True, slots=True)
class Database:
    """An open record: the alias of its Django connection, and whether the trial is virtual."""

    alias: str
    virtual: bool

    @property
    def connection(self) -> BaseDatabaseWrapper:
        """This thread's connection."""
        return connections[self.alias]

    def close(self) -> None:
        """Close this thread's connection; one in memory is gone for good, one on disk opens again on use."""
        connection = self.connection
        connection.close()
        if connection.connection is not None:  # Django keeps a database in memory open
            connection.connection.close()
            connection.connection = None


def configure(**more: Any) -> None:
    """Set Django up, once per process; `more` settings (the web's) must come with the first call."""
    if settings.configured and more:
        raise RuntimeError("Django is configured already; call configure(…) before opening a trial")
    if not settings.configured:
        defaults = {"INSTALLED_APPS": ["trialrun.record"], "USE_TZ": True, "TIME_ZONE": "UTC"}
        settings.configure(**(defaults | more))
    if not apps.ready:
        django.setup()


def create(folder: Path, *, virtual: bool) -> Database:
    """Make the record of a new trial, real or virtual for good. Raises RecordError if one is there."""
    file = folder / FILE
    if file.exists():
        raise RecordError(f"{file} is there already: a record is made once; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as aside:  # so that the record is there whole or not at all
        draft = Path(aside) / FILE
        connection = sqlite3.connect(draft, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            schema.make(connection, virtual=virtual)
        finally:
            connection.close()
        draft.rename(file)
    return attach(folder)


def attach(folder: Path) -> Database:
    """Open the record of a trial. Raises RecordError if there is none, or if anything is wrong around it."""
    if not (folder / FILE).is_file():
        raise RecordError(f"{folder} holds no {FILE}: it is not a trial; make one first")
    try:
        opened, faults = inspect(folder)
    except UNREADABLE as error:
        raise RecordError(f"{folder / FILE} cannot be read ({error}); restore a backup") from error
    if faults:
        raise RecordError(f"{opened.alias}: {'; '.join(faults)}; restore a backup")
    return opened


def inspect(folder: Path) -> tuple[Database, list[str]]:
    """Open a record whatever is wrong with its guards and its stamp, and say what is: to verify it.

    Raises one of UNREADABLE if it cannot be read at all.
    """
    file = (folder / FILE).resolve()
    virtual, faults = _looked_at(file)
    return _connect(str(file), str(file), virtual), faults


def _looked_at(file: Path) -> tuple[bool, list[str]]:
    """Whether the record is virtual, and what is wrong around its entries."""
    if not file.is_file():
        raise FileNotFoundError("it is not there")
    connection = sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True)
    try:
        if not schema.tables(connection):
            raise sqlite3.DatabaseError("it is empty, or another program's")
        guards = [f"not protected against change: {fault}" for fault in schema.faults(connection)]
        return bool(schema.virtual(connection)), guards + schema.contradictions(connection)
    finally:
        connection.close()


def memory(*, virtual: bool = True) -> Database:
    """A record in memory, of this thread only: for tests."""
    database = _connect(f"memory-{next(_memory)}", ":memory:", virtual)
    database.connection.ensure_connection()
    schema.make(database.connection.connection, virtual=virtual)
    return database


def _connect(alias: str, name: str, virtual: bool) -> Database:
    configure()
    options = {
        "timeout": _PATIENCE,
        # A transaction that begins with a read and then writes could find that another wrote in between.
        "transaction_mode": "IMMEDIATE",
        "init_command": f"PRAGMA synchronous = {_SYNCHRONOUS[virtual]}",
    }
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": options}
    connections.settings[alias] = connections.configure_settings({"default": {}, alias: database})[alias]
    return Database(alias, virtual)
