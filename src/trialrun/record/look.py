"""A look at results: who saw which of them, and when. Every look is an entry of the trial's chain."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from trialrun.journal.entry import Entry

ACT = "look"
PACKS = ("report", "board", "sponsor")
"""What has a right of its own: the study report, the safety board's pack, the sponsor's page. Any other pack
is for those who may see the report."""


@dataclass(frozen=True)
class Look:
    """What was looked at.

    as_of: the day whose knowledge it is, ISO 8601; results: SHA-256 of every cell; sums: SHA-256 of the
    folder's SHA256SUMS, which names every file; unblinded: results by arm of a masked trial are among it.
    """

    pack: str
    as_of: str
    outputs: tuple[str, ...]
    formats: tuple[str, ...]
    languages: tuple[str, ...]
    results: str
    sums: str
    unblinded: bool = False

    def payload(self) -> dict[str, Any]:
        return {name: list(said) if isinstance(said, tuple) else said for name, said in asdict(self).items()}

    def words(self) -> dict[str, str]:
        """The same as texts: what must be equal for a repeated key to mean a repeated look."""
        return {
            name: " ".join(said) if isinstance(said, tuple) else str(said)
            for name, said in asdict(self).items()
        }

    @classmethod
    def of(cls, entry: Entry) -> Look:
        """The look that an entry of the trial's chain tells of."""
        said: dict[str, Any] = {each.name: entry.payload[each.name] for each in fields(cls)}
        told: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in said.items()}
        return cls(**told)


@dataclass(frozen=True)
class Looked:
    """A look with who and when: number on the trial's chain, UTC time, user id, name, role."""

    sequence: int
    time: str
    user: str
    name: str
    role: str
    look: Look
