"""What a rehearsal found wrong: an act that should not be permitted, or something that nobody reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trialrun.protocol.protocol import Protocol
from trialrun.simulate.rehearse.history import History, as_json, rows

Usual = Mapping[tuple[str, str], Any]


SEEN = ("unsafe", "blind", "dead-end")
"""The kinds that one history proves; the others say of everyone that they never did."""


@dataclass(frozen=True)
class Finding:
    """code: the kind; place: the element of the study; history: how someone got there, the last act being
    the one that shows it (empty where nobody can have one)."""

    code: str
    place: str
    message: str
    history: History = ()

    @property
    def seen(self) -> bool:
        """Whether a history shows it; all else is that nobody did something, and more may yet."""
        return self.code in SEEN

    def as_json(self, protocol: Protocol, usual: Usual) -> dict[str, Any]:
        return {
            "code": self.code,
            "place": self.place,
            "message": self.message,
            "calendar": rows(protocol, self.history, usual),
            "history": as_json(self.history),
        }
