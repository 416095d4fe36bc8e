"""What is wrong with a chain, and where it begins."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """The first bad entry of a chain, in plain words; sequence 0 where it is about no entry."""

    chain: str
    sequence: int
    wrong: str

    def __str__(self) -> str:
        if not self.sequence:
            return f"{self.chain}: {self.wrong}"
        return f"{self.chain}, entry {self.sequence}: {self.wrong}"
