"""What is known of one file when it was gated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .manifest import Row
from .quality import Judged
from .quantity import Estimate

__all__ = ["Adjusted", "Looked", "Outcome"]

Medians = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Looked:
    """A file before it is gated: its name among the others, its SHA-256, its keywords, what was odd."""

    path: Path
    name: str
    sha256: str
    events: int
    keywords: Mapping[str, str]
    findings: tuple[str, ...] = ()
    row: Row = field(default_factory=Row)


@dataclass(frozen=True)
class Adjusted:
    """What a person's gates change: whose and why by population, and every quantity with them."""

    gates: Mapping[str, Mapping[str, str]]
    counts: Mapping[str, int | None]
    estimates: Mapping[str, Estimate]


@dataclass(frozen=True)
class Outcome:
    """One file gated.

    counts: events by population, None where it is not known; reasons: why. gates: by population what its
    method found, as numbers on the scales. estimates: by quantity, from automatic gates alone, without a
    value where one is withheld. medians: by population and marker, for the rules that compare samples.
    """

    file: Looked
    counts: Mapping[str, int | None]
    reasons: Mapping[str, str]
    gates: Mapping[str, Any]
    estimates: Mapping[str, Estimate]
    quality: tuple[Judged, ...]
    medians: Medians = field(default_factory=dict)
    adjusted: Adjusted | None = None

    @property
    def failed(self) -> tuple[str, ...]:
        """Why the sample fails by the panel's rules; empty if it does not."""
        return tuple(f"{one.rule}: {one.message}" for one in self.quality if one.outcome == "fail")

    @property
    def empty(self) -> bool:
        """Whether it gives no number at all."""
        return all(one.value is None for one in self.estimates.values())

    @property
    def values(self) -> dict[str, float | None]:
        """By quantity its automatic value, None where it is not estimable."""
        return {name: one.value for name, one in self.estimates.items()}


def packed(one: Outcome) -> dict[str, Any]:
    """An outcome as JSON, but for the file, which is looked at each time."""
    return {
        "counts": dict(one.counts),
        "reasons": dict(one.reasons),
        "gates": dict(one.gates),
        "estimates": {name: asdict(value) for name, value in one.estimates.items()},
        "quality": [asdict(rule) for rule in one.quality],
        "medians": [[*key, value] for key, value in one.medians.items()],
        "adjusted": asdict(one.adjusted) if one.adjusted else None,
    }


def unpacked(file: Looked, content: Mapping[str, Any]) -> Outcome:
    """The outcome of a file from what `packed` made of it."""
    adjusted = content["adjusted"]
    return Outcome(
        file,
        content["counts"],
        content["reasons"],
        content["gates"],
        _estimates(content["estimates"]),
        tuple(Judged(**{**rule, "about": tuple(rule["about"])}) for rule in content["quality"]),
        {(of, marker): value for of, marker, value in content["medians"]},
        Adjusted(adjusted["gates"], adjusted["counts"], _estimates(adjusted["estimates"]))
        if adjusted
        else None,
    )


def _estimates(content: Mapping[str, Any]) -> dict[str, Estimate]:
    return {name: Estimate(**value) for name, value in content.items()}
