"""The learnt borders of a study as compiled: whole, of this method, and of the panel that names them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trialrun.protocol.border import EDITION, Border, BorderFile, LearntWith, seal
from trialrun.protocol.element import Part
from trialrun.protocol.panel import Panel
from trialrun.protocol.population import Cut, Population, Transitional, reads
from trialrun.protocol.problem import Problem, ProtocolError, coded
from trialrun.protocol.shape import shape
from trialrun.protocol.source import Source, canonical

__all__ = [
    "AGAIN",
    "FILE",
    "LEARN",
    "UNREAD",
    "Borders",
    "compile_borders",
    "learnt_with",
    "unlike",
    "unnamed",
]

Path = tuple[str | int, ...]
FILE = "borders.yaml"
LEARN = f"`trialrun learn PANEL --out {FILE}`"
AGAIN = f"learn it again from the samples gated by hand: {LEARN}."


@dataclass(frozen=True)
class Borders:
    """The borders of a file.

    outdated: those of another edition of the method, with what is wrong. They do not keep a study from being
    read, since a record must open whatever program it meets; nothing is gated with them, and `check` refuses
    them. names: of all, also of those that cannot be used; None for a file that cannot be read.
    """

    borders: Mapping[str, Border]
    names: tuple[str, ...] | None
    source: Source = field(compare=False, repr=False)
    outdated: Mapping[str, Problem] = field(default_factory=dict, compare=False)

    def hash(self, name: str) -> str:
        """SHA-256 of what the file says of one."""
        return seal(self.source.content["borders"][name])


UNREAD = Borders({}, None, Source(FILE, {}))


def compile_borders(source: Source) -> tuple[Borders, list[Problem]]:
    """The borders of a file, and what is wrong with them."""
    said = source.content.get("borders")
    said = said if isinstance(said, dict) else {}
    outdated = {name: found for name, one in said.items() if (found := _outdated(source, name, one))}
    ours = {name: one for name, one in said.items() if name not in outdated}
    none = Borders({}, tuple(said), source, outdated)
    if outdated and not ours:
        return none, []
    try:
        content = {**source.content, "borders": ours} if ours else source.content
        file: BorderFile = shape(replace(source, content=content), BorderFile)
    except ProtocolError as error:
        cured = (replace(one, hint=one.hint or f"L{AGAIN[1:]}") for one in error.problems)
        return none, coded(cured, "shape")
    changed = [
        _problem(
            source,
            ("borders", name, "sha256"),
            f"the border `{name}` is not as it was learnt: something in it was changed since",
            f"Undo that, or {AGAIN}",
        )
        for name, border in file.borders.items()
        if border.sha256 != seal(said[name])
    ]
    return (none if changed else replace(none, borders=file.borders)), changed


def unnamed(borders: Borders, named: Collection[str]) -> Iterator[Problem]:
    """The borders that no population of a study names."""
    for name in borders.names or ():
        if name not in named:
            hint = f"Name it in panel.yaml (`method: transitional, border: {name}`), or delete it here."
            yield _problem(borders.source, ("borders", name), f"no population has the border `{name}`", hint)


def _problem(source: Source, path: Path, message: str, hint: str) -> Problem:
    place = source.key_place(path) if len(path) == 2 else source.place(path)
    return Problem(place, message, hint, "border")


def _outdated(source: Source, name: str, said: Any) -> Problem | None:
    """What is wrong with a border of another edition of the method, whose keys may be others too."""
    edition = said.get("edition") if isinstance(said, dict) else None
    if not isinstance(edition, int) or isinstance(edition, bool) or edition == EDITION:
        return None
    what = f"the border `{name}` was learnt by edition {edition} of its method, and this is edition {EDITION}"
    hint = f"L{AGAIN[1:]}" if edition < EDITION else f"Use a newer trialrun, or {AGAIN}"
    return _problem(source, ("borders", name, "edition"), what, hint)


# ---- of a panel -----------------------------------------------------------------------------------


def learnt_with(panel: Panel, population: Transitional) -> LearntWith:
    """What of a panel a border of this population hangs on."""
    parents: dict[str, Population] = {}
    waiting = list(reads(population))
    while waiting:
        name = waiting.pop(0)
        if name in panel.populations and name not in parents:
            parents[name] = panel.populations[name]
            waiting += reads(parents[name])
    named = [marker for one in (population, *parents.values()) for marker in one.markers]
    markers = [name for name in dict.fromkeys(named) if name in panel.markers]
    return LearntWith(
        markers={name: panel.markers[name] for name in markers},
        signal=panel.signal,
        compensation=panel.compensation,
        matrix=_matrix(panel),
        transforms={name: panel.transform(name) for name in markers},
        populations={name: _bare(one) for name, one in parents.items()},
    )


def _matrix(panel: Panel) -> str | None:
    if panel.compensation not in panel.matrices:
        return None
    one = panel.matrices[panel.compensation]
    said = [list(one.detectors), [[name, list(row)] for name, row in one.spill.items()]]
    return hashlib.sha256(canonical(said)).hexdigest()


def _bare(one: Population) -> Population:
    """A population without its words, sources and how it is drawn, which move no event."""
    bare: dict[str, Any] = {"title": None, "from_": (), "reason": None}
    return one.model_copy(update=bare | ({"against": None} if isinstance(one, Cut) else {}))


def unlike(panel: Panel, population: Transitional, border: Border) -> Iterator[tuple[Path, Path, str, str]]:
    """Where a panel says otherwise than that with which a border was learnt.

    Yields below the population and below the panel the path of each (one of them is empty), and what the
    panel says and what was said then.
    """
    for key in ("of", "high", "low", "also"):
        here, then = getattr(population, key), getattr(border, key)
        if here != then:
            yield (key,), (), _told(here), _told(then)
    ours, theirs = learnt_with(panel, population), border.learnt_with
    for key in ("signal", "compensation"):
        here, then = getattr(ours, key), getattr(theirs, key)
        if here != then:
            yield (), (key,), _told(here), _told(then)
    if ours.compensation == theirs.compensation and ours.matrix != theirs.matrix:
        here, then = (f"SHA-256 {str(one.matrix)[:12]}…" for one in (ours, theirs))
        yield (), ("matrices", panel.compensation), here, then
    for key in ("markers", "transforms", "populations"):
        now, before = getattr(ours, key), getattr(theirs, key)
        names = now.keys() | before.keys() if key == "populations" else now.keys() & before.keys()
        for name in sorted(names):  # a marker of one alone is of other cells or parents, of which it is told
            if now.get(name) != before.get(name):
                yield (), (key, name), _told(now.get(name)), _told(before.get(name))


def _told(value: Any) -> str:
    """A value in a line, as a study file would say it."""
    if value is None:
        return "nothing"
    if isinstance(value, tuple) and len(value) == 1:
        return str(value[0])
    if isinstance(value, Part):
        value = value.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    text = json.dumps(value, ensure_ascii=False).replace('"', "")
    return re.sub(r"\.0(?=[,}\]])", "", text)
