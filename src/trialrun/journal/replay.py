"""Rebuilding state from entries, old shapes of payload included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from trialrun.journal.entry import Entry

State = TypeVar("State")

Upcasters = Mapping[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]]
"""(act, version of its payload) → the payload in the next version's shape. No `version` in it means 1."""


def replay(
    entries: Iterable[Entry],
    fold: Callable[[State, Entry], State],
    start: State,
    upcasters: Upcasters | None = None,
) -> State:
    """`start` folded with every entry in turn, each first brought to the newest shape of its act."""
    state = start
    for entry in entries:
        state = fold(state, upcast(entry, upcasters or {}))
    return state


def upcast(entry: Entry, upcasters: Upcasters) -> Entry:
    """The entry with its payload in the newest shape; hash and text stay those that were stored."""
    payload = entry.payload
    while change := upcasters.get((entry.act, version := payload.get("version", 1))):
        payload = change(dict(payload)) | {"version": version + 1}
    return entry if payload is entry.payload else replace(entry, payload=payload)
