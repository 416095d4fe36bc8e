"""What `check` can say: a code for each, with what it means, why it matters, how to mend it, an example."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from trialrun.protocol.protocol import Protocol


@dataclass(frozen=True)
class Example:
    """A few lines of a study file: ``now`` triggers the code, ``was`` does not."""

    file: str
    was: str
    now: str


@dataclass(frozen=True)
class Found:
    """One place of a study to which a code applies, and how the study itself resolves it (None = open)."""

    path: str
    message: str
    resolution: str | None = None


Look = Callable[[Protocol], Iterator[Found]]


@dataclass(frozen=True)
class Code:
    """One thing that `check` can say.

    ``look`` finds it in a compiled protocol; what has none is an error of the compiler, which places it in
    its file. What is ``narrow`` is about rules that protect, and is accepted at one place only.
    """

    name: str
    means: str
    matters: str
    mend: str
    example: Example
    look: Look | None = None
    narrow: bool = False

    @property
    def kind(self) -> Literal["error", "finding"]:
        return "finding" if self.look else "error"

    def as_json(self) -> dict[str, object]:
        example = self.example
        return {
            "code": self.name,
            "kind": self.kind,
            "means": self.means,
            "matters": self.matters,
            "mend": self.mend,
            "example": {"file": example.file, "triggers": example.now, "does_not": example.was},
        }


def finding(
    name: str,
    *,
    means: str,
    matters: str,
    mend: str,
    was: str,
    now: str,
    file: str = "study.yaml",
    narrow: bool = False,
) -> Callable[[Look], Code]:
    """Gives a function that looks at a protocol its code and its explanation."""

    def named(look: Look) -> Code:
        return Code(name, means, matters, mend, Example(file, was, now), look, narrow)

    return named
