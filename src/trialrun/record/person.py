"""Who may act on a trial: people by their user id, each with a name and a role."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trialrun.conduct.verdict import Reason

ROLES = (
    "investigator", "nurse", "pharmacist", "laboratory", "adjudicator", "data manager", "monitor",
    "statistician", "board",
)  # fmt: skip
# Who may do which act; what is not named is refused. Monitors and data managers never enter or change
# clinical values (ICH E6(R3); ISO 14155 9.2.4.5), and the deciding acts are the investigator's.
_FILLING = frozenset({"enter", "write", "correct", "attach", "sign"})
_LOOKING = frozenset({"look:report", "look:board", "look:sponsor"})
RIGHTS: dict[str, frozenset[str]] = {
    "investigator": _FILLING | _LOOKING | {"enrol", "include", "collect", "dose", "decide", "user", "anchor"},
    "nurse": _FILLING | {"enrol", "collect", "dose"},
    "pharmacist": _FILLING,
    "laboratory": _FILLING | {"collect"},
    "adjudicator": _FILLING,
    "data manager": frozenset({"user", "anchor", "look:sponsor"}),
    "monitor": frozenset({"anchor", "look:sponsor"}),
    "statistician": _LOOKING | {"anchor"},
    "board": frozenset({"look:board"}),
}

# Who may see results by arm while a masked trial runs: those who do not treat or monitor participants
# (ICH E9, 4.5 and 4.6).
UNMASKED = frozenset({"statistician", "board"})

# Whose forms (`by` in the study files) each role fills: its own, and those that it may stand in for.
# Adjudicated answers are left to the adjudicators.
FILLS: dict[str, frozenset[str]] = {
    "investigator": frozenset({"investigator", "nurse", "pharmacist", "laboratory", "participant"}),
    "nurse": frozenset({"nurse", "laboratory", "participant"}),
    "pharmacist": frozenset({"pharmacist"}),
    "laboratory": frozenset({"laboratory"}),
    "adjudicator": frozenset({"adjudicator"}),
}

SYSTEM = "system"
"""Who acts when the program does by itself: a stop that a rule demands, a hold that runs out."""


@dataclass(frozen=True, slots=True)
class Person:
    """A user: the id that entries name, never given to anyone else, and who that is."""

    id: str
    name: str
    role: str

    @property
    def chain(self) -> str:
        return f"user:{self.id}"

    def faults(self) -> list[Reason]:
        """What keeps this person from being registered, whoever else is there."""
        found = []
        if not re.fullmatch(r"[^\s:]+", self.id) or self.id == SYSTEM:
            found.append(
                Reason(
                    "user",
                    f"`{self.id}` is not a user id",
                    "write one without spaces or colons, and not `system`",
                )
            )
        if not self.name.strip():
            found.append(Reason("name", f"{self.id} has no name", "give the name that signatures show"))
        if self.role not in ROLES:
            found.append(
                Reason("role", f"there is no role `{self.role}`", f"write one of {', '.join(ROLES)}")
            )
        return found
