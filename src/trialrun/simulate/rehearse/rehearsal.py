"""A rehearsal: the best of courses, every departure from it that the rules suggest, then chance, until
nothing new is reached."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, zip_longest
from typing import Any

from trialrun.protocol.protocol import Protocol
from trialrun.simulate.rehearse.choice import Choices
from trialrun.simulate.rehearse.finding import Finding
from trialrun.simulate.rehearse.hope import Hope, hope
from trialrun.simulate.rehearse.reached import Reached
from trialrun.simulate.rehearse.shorten import Budget, shorten
from trialrun.simulate.rehearse.stage import Stage
from trialrun.simulate.rehearse.twist import Script, Twists, Walk
from trialrun.simulate.rehearse.verdicts import notes, verdicts

BATCH = 512
CHANCE = 256  # random participants at a time, shared out among the arms
FEW = 64  # but at least so many of one arm
PARTICIPANTS = 5000
MOST_TWISTS = 4
REPLAYS = 5  # of a history without some of its acts, for each participant allowed

Tell = Callable[[str, float], None]


@dataclass(frozen=True)
class Rehearsal:
    """findings: what is wrong, the dangerous first; pending: what was not reached yet, and would be wrong if
    it never were; notes: what only looks so; reached: the coverage; participants: how many walked;
    exhausted: whether it ended because nothing new was reached; shortened: whether every history is a
    shortest one."""

    protocol: Protocol
    hopes: Hope
    findings: tuple[Finding, ...]
    pending: tuple[Finding, ...]
    notes: tuple[str, ...]
    reached: Reached
    participants: int
    exhausted: bool
    shortened: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "study": self.protocol.id,
            "protocol_hash": self.protocol.hash,
            "findings": [one.as_json(self.protocol, self.hopes.answers) for one in self.findings],
            "not_reached_yet": [{"code": one.code, "place": one.place} for one in self.pending],
            "notes": list(self.notes),
            "participants": self.participants,
            "exhausted": self.exhausted,
            "shortened": self.shortened,
            "coverage": coverage(self.protocol, self.reached),
            "not_looked_at": list(NOT_LOOKED_AT),
        }


NOT_LOOKED_AT = (
    "the trial as a whole: staggered inclusions, suspensions of several participants, rooms and staff",
    "which arm comes next: blocks, the table of allocation, limits of strata (every arm is walked)",
    "the place of a dose, and whether specimens are drawn",
    "checks of the record: rights, limits of answers, reasons for corrections",
    "values that no rule reads, and more than four departures by one participant",
)


def rehearse(
    protocol: Protocol, seed: int = 1, participants: int = PARTICIPANTS, tell: Tell | None = None
) -> Rehearsal:
    """Rehearse a study: at most so many participants; the same seed gives the same rehearsal."""
    tell = tell or (lambda step, share: None)
    tell("hope", 0.0)
    choices = Choices(protocol)
    hopes = hope(protocol, choices, seed)
    tell("hope", 1.0)
    reached = Reached()
    stage = Stage(protocol, hopes, reached)
    arms = protocol.arms or (None,)
    stage.run([Walk(arm, ()) for arm in arms], probe=True)
    walks = _shared(protocol, [Twists(protocol, choices, hopes, arm) for arm in arms])
    walked, wanted = len(arms), max(min(len(walks), participants - len(arms)), 0)
    for some in _batches(walks[:wanted], arms):
        stage.run(some, probe=walked == len(arms))
        walked += len(some)
        tell("twists", walked / (wanted + len(arms)))
    more, exhausted = _by_chance(stage, walks, seed, participants - walked, tell)
    whole = exhausted and wanted == len(walks)
    listed = verdicts(protocol, reached)
    found = [one for one in listed if whole or one.seen]
    budget = Budget(REPLAYS * participants)
    return Rehearsal(
        protocol,
        hopes,
        tuple(_short(protocol, found, budget, tell)),
        tuple(one for one in listed if one not in found),
        tuple(notes(protocol, reached)) if whole else (),
        reached,
        walked + more,
        whole,
        budget.left > 0,
    )


def _shared(protocol: Protocol, twists: list[Twists]) -> list[Walk]:
    """Every arm departs from the plan; what the rules suggest is walked by the arm that has it, and where all
    arms have it by one of them in turn, each having a fair share."""
    common = {name for name, point in protocol.timepoints.items() if not point.arms}
    found: dict[Script, Walk] = {}
    own: list[Walk] = []
    for mine in twists:
        own += [Walk(mine.arm, script) for script in dict.fromkeys(mine.planned())]
    for some in zip_longest(*(dict.fromkeys(mine.directed()) for mine in twists)):
        for mine, script in zip(twists, some, strict=True):
            if script and all(twist.point in common for twist in script):
                found.setdefault(script, Walk(twists[len(found) % len(twists)].arm, script))
            elif script:
                own.append(Walk(mine.arm, script))
    return list(dict.fromkeys([*own, *found.values()]))


def _batches(walks: list[Walk], arms: Sequence[str | None]) -> Iterator[list[Walk]]:
    """Batches of one arm each, in turn."""
    theirs = [[walk for walk in walks if walk.arm == arm] for arm in arms]
    for start in range(0, max(map(len, theirs)), BATCH):
        yield from (some for some in (mine[start : start + BATCH] for mine in theirs) if some)


def _by_chance(stage: Stage, walks: list[Walk], seed: int, left: int, tell: Tell) -> tuple[int, bool]:
    """Several departures at once, drawn by chance: (how many walked, whether nothing new was left)."""
    chance, walked, quiet = random.Random(seed), 0, 0
    arms: tuple[str | None, ...] = stage.protocol.arms or (None,)
    pools = {arm: _pool(stage.protocol, walks, arm) for arm in arms}
    for arm in cycle(arms):
        size = min(max(CHANCE // len(arms), FEW), left - walked)
        if size <= 0 or not pools[arm]:
            return walked, False
        before = stage.reached.size()
        stage.run([Walk(arm, _several(pools[arm], chance)) for _ in range(size)])
        walked += size
        tell("chance", walked / left)
        quiet = 0 if stage.reached.size() > before else quiet + 1
        if quiet == len(arms):
            return walked, True
    return walked, False


def _pool(protocol: Protocol, walks: list[Walk], arm: str | None) -> list[Script]:
    """The scripts that an arm can walk."""
    theirs = {name for name, point in protocol.timepoints.items() if point.of(arm)}
    scripts = (walk.script for walk in walks if all(twist.point in theirs for twist in walk.script))
    return [script for script in scripts if script]


def _several(pool: list[Script], chance: random.Random) -> Script:
    """A few scripts as one."""
    some = chance.sample(pool, min(len(pool), chance.randint(2, MOST_TWISTS)))
    return tuple(twist for script in some for twist in script)


def _short(protocol: Protocol, found: list[Finding], budget: Budget, tell: Tell) -> Iterator[Finding]:
    """Every finding with its shortest history, as far as the budget reaches."""
    for k, finding in enumerate(found):
        tell("short", k / len(found))
        yield replace(finding, history=shorten(protocol, finding.history, budget))
    tell("short", 1.0)


def coverage(protocol: Protocol, reached: Reached) -> dict[str, Any]:
    """What was reached, for each timepoint, outcome, stop, rule and end: how many times."""

    def counted(*start: str) -> dict[str, int]:
        return {key[-1]: reached.counts[key] for key in reached.those(*start)}

    rules = [name for name in protocol.rules if name.split(".")[0] not in ("variables", "forms")]
    return {
        "timepoints": {point: counted("point", point) for point in protocol.timepoints},
        "outcomes": {name: counted("outcome", name) for name in protocol.decisions},
        "stops": counted("stop"),
        "rules": {name: counted("rule", name) for name in rules},
        "ends": counted("end"),
    }
