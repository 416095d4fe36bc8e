"""Whether the arms of a record are those that the study gives, as far as that shows without drawing again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from trialrun.conduct.allocation import allocate
from trialrun.conduct.roll import join, roll, strata
from trialrun.conduct.verdict import Reason
from trialrun.journal.entry import Entry
from trialrun.journal.finding import Finding
from trialrun.protocol.allocation import Blocks, Table
from trialrun.protocol.protocol import Protocol
from trialrun.record import local
from trialrun.record.projection import PREFIX, WHO, Projection


def misgiven(protocol: Protocol, entries: Iterable[Entry]) -> Iterator[Finding]:
    """What is wrong with the arms that inclusions gave.

    entries: those of all participants, in the order in which they were stored; every one can be applied.
    """
    allocation = protocol.study.allocation
    if allocation is None:
        return
    blocks, people = _Blocks(allocation) if isinstance(allocation, Blocks) else None, dict[str, Projection]()
    for entry in entries:
        subject = entry.chain.removeprefix(PREFIX)
        known = people.setdefault(subject, Projection(protocol, subject))
        if entry.act == "include":
            arm = entry.payload.get("arm")
            if arm not in protocol.arms:
                yield _found(entry, f"it gives the arm `{arm}`, which the study does not have")
                continue
            wrong = blocks.take(entry, known) if blocks else _by_table(entry, people)
            yield from (_found(entry, each) for each in wrong)
        known.apply(entry)


def _found(entry: Entry, message: str) -> Finding:
    return Finding(entry.chain, entry.sequence, message)


@dataclass
class _Blocks:
    """The open block of every stratum: its size, and the arms given from it."""

    allocation: Blocks
    open: dict[str, tuple[int, list[str]]] = field(default_factory=dict)

    def take(self, entry: Entry, known: Projection) -> Iterator[str]:
        """Take the place that an inclusion gave, and say what is wrong with it."""
        stratum = strata(known.cohort, WHO, local.wall(str(entry.happened)))[0] or ""
        said = entry.payload.get("stratum", stratum)
        if said != stratum:
            yield f"it names the stratum «{said}», and what was known gives «{stratum}»"
        arm, size = str(entry.payload["arm"]), entry.payload.get("block", 0)
        opened, given = self.open.get(said, (size, []))
        if size not in self.allocation.blocks:
            yield f"it names a block of {size}, and the study has blocks of {_listed(self.allocation)}"
            return
        if size != opened:
            yield f"it names a block of {size} while one of {opened} is open"
        times = opened // sum(self.allocation.ratio.values())
        if given.count(arm) >= self.allocation.ratio.get(arm, 0) * times:
            yield f"the arm `{arm}` has no place left in its block"
        given = [*given, arm]
        self.open[said] = opened, given
        if len(given) >= opened:
            del self.open[said]


def _listed(allocation: Blocks) -> str:
    return " or ".join(map(str, allocation.blocks))


def _by_table(entry: Entry, people: dict[str, Projection]) -> Iterator[str]:
    """What the table would have given then."""
    own = people[entry.chain.removeprefix(PREFIX)]
    if not isinstance(own.protocol.study.allocation, Table):
        return
    others = [one for one in people.values() if one is not own and not np.isnat(one.cohort.included[0])]
    rolls = [roll(one.cohort, WHO, local.stored(entry.time, one.zone)) for one in others]
    place = allocate(own.protocol, join(rolls) if rolls else None, "", lambda below: 0)
    arm = entry.payload["arm"]
    if isinstance(place, Reason):
        yield f"it gives the arm `{arm}`, and the table gave none then: {place.message}"
    elif place.arm != arm:
        yield f"it gives the arm `{arm}`, and the table gave `{place.arm}`"
