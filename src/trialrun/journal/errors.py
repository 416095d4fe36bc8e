"""What the journal refuses, by name."""

from __future__ import annotations


class JournalError(Exception):
    """Anything the journal refuses; nothing was stored."""

    def render(self) -> str:
        """The message, ready for a terminal."""
        return str(self)


class Unstorable(JournalError, ValueError):
    """A draft holds something that has no canonical text, or breaks a rule of the entry."""


class Conflict(JournalError):
    """The chain moved on after the author last looked at it."""


class KeyReused(JournalError):
    """An idempotency key already belongs to an entry with another content."""


class ClockStep(JournalError):
    """The clock shows a time before that of the chain's last entry."""


class WrongClock(JournalError):
    """A real trial was given a clock other than the system's."""


class Damaged(JournalError):
    """A stored text is not what was hashed, or is not an entry."""
