"""The shortest history that still shows a finding: acts are dropped as long as the last one ends the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialrun.protocol.plan import ANY_TIME
from trialrun.protocol.protocol import Protocol
from trialrun.simulate.rehearse.diary import DAY
from trialrun.simulate.rehearse.history import History, Step
from trialrun.simulate.rehearse.play import Play
from trialrun.simulate.rehearse.reached import Reached

Kept = NDArray[np.bool_]
UNBOUNDED = 1_000_000  # replays
SIZES = (64, 16, 4, 1)  # acts that are dropped together, the many first


@dataclass
class Budget:
    """How many more replays are allowed; at or below zero, histories stay as long as they are by then."""

    left: int


def shorten(protocol: Protocol, history: History, budget: Budget | None = None) -> History:
    """A shortest history in this sense: no single act can be left out (1-minimal), if the budget allows.

    What the rules did by themselves is no act, and follows again from the acts that stay.
    """
    budget = budget or Budget(UNBOUNDED)
    acts = tuple(step for step in history if step.does != "stop")
    if not acts or not acts[-1].codes:
        return history
    wanted = acts[-1].codes
    for size in SIZES:
        while budget.left > 0:
            fewer = _fewer(protocol, acts, wanted, size, budget)
            if len(fewer) == len(acts):
                break
            acts = fewer
    return tuple(_replay(protocol, acts, np.ones((1, len(acts)), dtype=bool)).steps[0])


def _fewer(protocol: Protocol, acts: History, wanted: frozenset[str], size: int, budget: Budget) -> History:
    """Drop every piece of this many acts that can go, as many together as can."""
    pieces = [range(k, min(k + size, len(acts) - 1)) for k in range(0, len(acts) - 1, size)]
    alone = [
        piece
        for piece, holds in zip(pieces, _hold(protocol, acts, [[p] for p in pieces], wanted), strict=True)
        if holds
    ]
    budget.left -= len(pieces) + len(alone)
    together = [alone[: k + 1] for k in range(len(alone))]
    best = max((k for k, holds in enumerate(_hold(protocol, acts, together, wanted)) if holds), default=None)
    dropped = set() if best is None else {j for piece in together[best] for j in piece}
    return tuple(step for j, step in enumerate(acts) if j not in dropped)


def _hold(protocol: Protocol, acts: History, drops: list[list[range]], wanted: frozenset[str]) -> list[bool]:
    """Whether the last act still ends the same without these pieces."""
    if not drops:
        return []
    kept = np.ones((len(drops), len(acts)), dtype=bool)
    for row, pieces in enumerate(drops):
        for piece in pieces:
            kept[row, piece.start : piece.stop] = False
    play = _replay(protocol, acts, kept)
    return [_last(steps).codes == wanted if steps else False for steps in play.steps]


def _last(steps: list[Step]) -> Step:
    return next((step for step in reversed(steps) if step.does != "stop"), steps[-1])


def _replay(protocol: Protocol, acts: History, kept: Kept) -> Play:
    """The same acts at the same moments, by variants that each leave some out: kept (variants, acts)."""
    arm = next((step.answers.get("arm") for step in acts if step.does == "include"), None)
    play, today = Play(protocol, [0] * len(kept), Reached(), [arm] * len(kept)), None
    everyone = np.arange(len(kept))
    for j, step in enumerate(acts):
        if step.when // DAY != today:
            today = step.when // DAY
            morning = np.datetime64(today * DAY + 6 * 60, "m")
            play.tick(everyone, np.full(len(kept), morning))
        who = np.flatnonzero(kept[:, j])
        if len(who):
            _act(play, step, who)
    return play


def _act(play: Play, step: Step, who: NDArray[np.int64]) -> None:
    when = np.full(len(who), np.datetime64(step.when, "m"))
    values = {name: one for name, one in step.values if name}
    if step.does in ("fill", "end"):
        play.fill(step.name, step.point or ANY_TIME, who, when, [values] * len(who))
    elif step.does == "write":
        for one in who.tolist():
            happened = step.when - step.told * DAY
            play.write(step.name, one, happened, step.told, values, step.answers[""])
        play.protect(who, when, (step.name,))
    elif step.does == "include":
        play.include(who, when)
    elif step.does == "dose":
        play.dose(step.point, who, when)
    elif step.does == "withhold":
        play.withhold(step.point, who, when, [values] * len(who))
    elif step.does == "decide":
        play.decide(step.name, who, when)
