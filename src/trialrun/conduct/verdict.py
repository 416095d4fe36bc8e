"""Whether an act is permitted, condition by condition, and why not where it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trialrun.protocol.chain import Mask

YES, NO, UNKNOWN = 1, 0, -1


@dataclass(frozen=True)
class Reason:
    """Why an act is refused: the condition's id, what it says, the values found, and the cure."""

    condition: str
    message: str
    cure: str
    unknown: bool = False
    values: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return f"{self.message} → {self.cure}"


@dataclass(frozen=True)
class Condition:
    """One condition of an act for M participants: YES, NO or UNKNOWN each.

    final: where it is not met nothing can change that, and other reasons no longer matter.
    """

    id: str
    state: NDArray[np.int8]
    why: Callable[[int, bool], Reason] = field(repr=False)
    final: bool = False

    def reason(self, row: int) -> Reason:
        return self.why(row, bool(self.state[row] == UNKNOWN))


@dataclass(frozen=True)
class Verdict:
    """All conditions of an act; it is permitted where every one of them is YES."""

    conditions: tuple[Condition, ...]

    @property
    def permitted(self) -> Mask:
        return np.asarray(np.logical_and.reduce([c.state == YES for c in self.conditions]))

    def reasons(self, row: int = 0) -> tuple[Reason, ...]:
        """Why it is not permitted, in the order of the conditions; what nothing can cure is said alone."""
        unmet = [c for c in self.conditions if c.state[row] != YES]
        return tuple(c.reason(row) for c in [c for c in unmet if c.final] or unmet)


Words = str | Callable[[int], str]
"""The same for everyone, or made for one row."""


def plain(id: str, holds: Mask, message: Words, cure: Words, *, final: bool = False) -> Condition:
    """A condition that is always known."""

    def why(row: int, unknown: bool) -> Reason:
        return Reason(id, _said(message, row), _said(cure, row))

    return Condition(id, np.asarray(holds).astype(np.int8), why, final)


def _said(words: Words, row: int) -> str:
    return words if isinstance(words, str) else words(row)
