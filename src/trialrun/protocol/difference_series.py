"""One edit of a series is told once: what changed alike in several of its members."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from trialrun.protocol.change import Change
from trialrun.protocol.text import Text

SERIES = {"visits": 2, "treatment": 3}
"""Section -> how long the path of one of its members is."""

_Key = tuple[object, ...]


def told_once(changes: Sequence[Change], called: Callable[[Change], Text]) -> list[Change]:
    """The changes, those that are one of a series told together at the place of the first.

    called: how the member is called that a change is about, as its sentence has it.
    """
    groups: dict[_Key, list[Change]] = {}
    for number, change in enumerate(changes):
        groups.setdefault(_key(change) or (number,), []).append(change)
    return [_together(group, called) if len(group) > 1 else group[0] for group in groups.values()]


def _key(change: Change) -> _Key | None:
    """What is alike in the members of a series: everything but their number."""
    depth, path = SERIES.get(change.path.split("/")[0], 0), change.path.split("/")
    if not depth or len(path) < depth or (path[0] == "treatment" and path[1] != "cycles"):
        return None
    stem = re.fullmatch(r"(\D+)\d+(\D.*)?", path[depth - 1])
    if not stem or change.example or change.tried:
        return None
    told = tuple(_unnumbered(words, stem[1]) for words in (change.old, change.new))
    return change.kind, change.act, stem[1], stem[2], tuple(path[depth:]), told, change.concerns


def _unnumbered(words: Text | None, stem: str) -> str:
    """A value without the numbers of the series: ``C1 + 14 days`` of C2 is ``C2 + 14 days`` of C3."""
    return re.sub(rf"\b{re.escape(stem)}\d+", stem, words("en")) if words else ""


def _together(group: list[Change], called: Callable[[Change], Text]) -> Change:
    first, last = group[0], group[-1]
    names, ends = called(first), called(last)

    def said(language: str) -> str:
        span = f"{names(language)} … {ends(language)}"
        return first.says(language).replace(names(language), span, 1)

    languages = first.says.languages
    notes = tuple(dict.fromkeys(note for note in _noted(group)))
    return replace(
        first, says=Text(tuple((code, said(code)) for code in languages)), notes=notes, until=last.until
    )


def _noted(group: list[Change]) -> Iterator[Text]:
    """Of the notes of all, those of the first and the last: what lies between moves alike."""
    yield from group[0].notes
    yield from group[-1].notes
