"""How samples agree that should: replicates of one specimen, and one bridging control in several runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from .seen import Seen


@dataclass(frozen=True)
class Agreement:
    """One quantity in samples that should agree. sd, cv: None with fewer than two values, cv (%) also where
    the mean is not above 0."""

    values: tuple[float | None, ...]

    @property
    def known(self) -> list[float]:
        return [value for value in self.values if value is not None]

    @property
    def mean(self) -> float | None:
        return fmean(self.known) if self.known else None

    @property
    def sd(self) -> float | None:
        return stdev(self.known) if len(self.known) > 1 else None

    @property
    def cv(self) -> float | None:
        if self.sd is None or self.mean is None or self.mean <= 0:
            return None
        return 100 * self.sd / self.mean


@dataclass(frozen=True)
class Alike:
    """Samples that should agree; `quantities` holds one Agreement per quantity."""

    samples: tuple[Seen, ...]
    quantities: dict[str, Agreement]


def replicates(samples: Iterable[Seen]) -> list[Alike]:
    """Samples of the same specimen, else of the same participant and visit, where there are several."""

    def key(one: Seen) -> tuple[str, str, str]:
        return one.participant, one.row["timepoint"], one.row["specimen"]

    return _alike([one for one in samples if one.participant and one.row["timepoint"]], key)


def bridging(samples: Iterable[Seen]) -> list[Alike]:
    """Samples of the same reference, where there are several."""
    return _alike([one for one in samples if one.row["reference"]], lambda one: (one.row["reference"],))


def _alike(samples: Sequence[Seen], key: object) -> list[Alike]:
    groups: dict[object, list[Seen]] = {}
    for one in samples:
        groups.setdefault(key(one), []).append(one)  # type: ignore[operator]
    return [
        Alike(
            tuple(some),
            {name: Agreement(tuple(one.estimates[name].value for one in some)) for name in some[0].estimates},
        )
        for some in groups.values()
        if len(some) > 1
    ]
