"""One change from a protocol to another, in words: what, of which kind, and for whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from trialrun.protocol.text import Text

Kind = Literal[
    "safety", "eligibility", "treatment", "schedule", "data", "analysis", "sources", "administrative"
]
Stage = Literal["candidate", "screened", "treatment", "follow_up"]
Act = Literal["appears", "vanishes", "changes", "renamed"]

KINDS: tuple[Kind, ...] = get_args(Kind)
STAGES: tuple[Stage, ...] = get_args(Stage)
"""Not yet screened; screened and not yet dosed; from the first to the last dose; after it."""

NOBODY: tuple[Stage, ...] = ()
NOT_INCLUDED = STAGES[:2]
NOT_FOLLOWED = STAGES[:3]


@dataclass(frozen=True)
class Example:
    """Values for which the old and the new protocol differ, and what each says.

    values: (variable, value with its unit); telling: those that are out of the ordinary.
    """

    values: tuple[tuple[str, Text], ...]
    telling: frozenset[str]
    old: Text
    new: Text

    def as_json(self, language: str) -> dict[str, Any]:
        values = {name: value(language) for name, value in self.values}
        return {"values": values, "old": self.old(language), "new": self.new(language)}


@dataclass(frozen=True)
class Change:
    """What is different at one place.

    path: where it stands (``visits/W25/window``; ``plan/…`` for what follows from several places);
    concerns: the stages of those whom it touches (none: nobody's course changes); until: among them, those
    who have not passed this; notes: what else to know; old, new: the value before and now, of one that
    was there before or is now; example: values for which both decide differently;
    tried: how many were tried for that (0: it was not a matter of values).
    """

    kind: Kind
    act: Act
    path: str
    says: Text
    concerns: tuple[Stage, ...] = NOBODY
    until: Text | None = None
    notes: tuple[Text, ...] = ()
    old: Text | None = None
    new: Text | None = None
    example: Example | None = None
    tried: int = 0

    def as_json(self, language: str) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "act": self.act,
            "path": self.path,
            "says": self.says(language),
            "concerns": list(self.concerns),
            "until": self.until(language) if self.until else None,
            "old": self.old(language) if self.old else None,
            "new": self.new(language) if self.new else None,
            "notes": [note(language) for note in self.notes],
            "example": self.example.as_json(language) if self.example else None,
            "tried": self.tried,
        }


def gravest(kinds: Iterable[Kind], otherwise: Kind) -> Kind:
    """Of several kinds, the one that comes first in KINDS."""
    return min(kinds, key=KINDS.index, default=otherwise)
