"""Why a command was refused: every reason at once, each with its cure."""

from __future__ import annotations

from collections.abc import Iterable

from trialrun.conduct.verdict import Reason


class Refused(Exception):
    """A command that was not accepted; nothing was stored and nothing was changed."""

    def __init__(self, command: str, reasons: Iterable[Reason]) -> None:
        self.command = command
        self.reasons = tuple(reasons)
        super().__init__(self.render())

    def render(self) -> str:
        """The command, and a line for each reason with its cure."""
        lines = [f"  - {reason.message} → {reason.cure}" for reason in self.reasons]
        return "\n".join([f"{self.command} is refused; nothing was stored.", *lines])

    def names(self) -> tuple[str, ...]:
        """The conditions that were not met, by their ids."""
        return tuple(reason.condition for reason in self.reasons)
