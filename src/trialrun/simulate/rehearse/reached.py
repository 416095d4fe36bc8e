"""What a rehearsal has reached: timepoints, outcomes, stops, what every rule said, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from trialrun.conduct.verdict import NO, UNKNOWN, YES
from trialrun.simulate.rehearse.history import History, Step

Key = tuple[str, ...]
ANSWERS = {YES: "yes", NO: "no", UNKNOWN: "unknown"}


@dataclass(frozen=True)
class Evidence:
    """The history of someone who got there, and how many of its acts it took; ``script`` is that person's."""

    steps: list[Step]
    length: int
    twists: int

    @property
    def history(self) -> History:
        return tuple(self.steps[: self.length])

    def simpler(self, other: Evidence) -> bool:
        return (self.length, self.twists) < (other.length, other.twists)


@dataclass
class Reached:
    """found: what was reached -> the simplest evidence of it; counts: how many times."""

    found: dict[Key, Evidence] = field(default_factory=dict)
    counts: dict[Key, int] = field(default_factory=dict)

    def note(self, key: Key, evidence: Evidence, times: int = 1) -> None:
        self.counts[key] = self.counts.get(key, 0) + times
        if key not in self.found or evidence.simpler(self.found[key]):
            self.found[key] = evidence

    def __contains__(self, key: Key) -> bool:
        return key in self.found

    def those(self, *start: str) -> list[Key]:
        """The keys that begin so, in order."""
        return sorted(key for key in self.found if key[: len(start)] == start)

    def said(self, rule: str) -> set[str]:
        """What a rule was seen to say: some of yes, no, unknown."""
        return {key[2] for key in self.those("rule", rule)}

    def size(self) -> int:
        """How much was reached; refusals, which only tell how near one was, do not count."""
        return sum(key[0] != "refused" for key in self.found)
