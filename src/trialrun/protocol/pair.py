"""Two versions of a protocol side by side, by the names of the new one.

A name that changed while all else about it stayed is a rename.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trialrun.protocol.content import Content, Path, content
from trialrun.protocol.element import Part
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rename import Renames


@dataclass(frozen=True)
class Pair:
    """Two protocols, and what each says by the names of the new one."""

    old: Protocol
    new: Protocol
    renames: Renames
    before: Content
    after: Content

    @property
    def protocols(self) -> tuple[Protocol, Protocol]:
        return self.old, self.new

    def element(self, path: Path) -> Part | None:
        return self.after.elements.get(path) or self.before.elements.get(path)

    def was(self, path: Path) -> Path:
        """A path by its old names."""
        real: Path = ()
        for i, name in enumerate(path):
            names = {new: old for old, new in self.renames.names.get(path[:i], {}).items()}
            real = (*real, names.get(name, name))
        return real


def pair(old: Protocol, new: Protocol) -> Pair:
    """Two protocols side by side, with the names that changed."""
    renames, after = Renames(), content(new)
    while True:
        before = content(old, renames)
        found = list(_renamed(before, after))
        if not found:
            return Pair(old, new, renames, before, after)
        for path, name in found:
            renames.add(path[:-1], path[-1], name)


def _renamed(before: Content, after: Content) -> Iterator[tuple[Path, str]]:
    """(old path, new name) of members that are the same but for their name, where no other could be meant."""
    gone = [path for path in before.elements if path not in after.elements]
    come = [path for path in after.elements if path not in before.elements]
    for path in gone:
        alike = [other for other in come if _same(before, path, after, other)]
        if len(alike) == 1 and sum(_same(before, one, after, alike[0]) for one in gone) == 1:
            yield path, alike[0][-1]


def _same(before: Content, path: Path, after: Content, other: Path) -> bool:
    return path[:-1] == other[:-1] and before.under(path) == after.under(other)
