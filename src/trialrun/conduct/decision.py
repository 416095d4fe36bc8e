"""Decisions with named outcomes: which outcome the rules give, or what is still waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trialrun.conduct import words
from trialrun.conduct.cohort import Cohort, Index, Times, day
from trialrun.conduct.permission import consented, latest, open_, run_out, spread
from trialrun.conduct.reading import View, judged
from trialrun.conduct.standing import held, hold_ends, standing
from trialrun.conduct.verdict import NO, UNKNOWN, YES, Condition, Reason, Verdict, plain
from trialrun.protocol.chain import Mask

WAITS = -1
NOT_ASKED = ""


@dataclass(frozen=True)
class Judgement:
    """What the rules say for M participants, and whether it may be decided now.

    outcome: its position among the outcomes (WAITS = none yet); frames: outcome -> the values its rule read;
    unknown: the outcome that each waits to be judged ('' = none).
    """

    decision: str
    outcome: NDArray[np.int8]
    verdict: Verdict
    frames: dict[str, pl.DataFrame]
    unknown: NDArray[np.object_]
    view: View

    @property
    def ready(self) -> Mask:
        return np.asarray(self.verdict.permitted & (self.outcome != WAITS))

    @property
    def waiting(self) -> tuple[tuple[Reason, ...], ...]:
        """What is not known, for each participant."""
        return tuple(self.waits(row) for row in range(len(self.outcome)))

    def waits(self, row: int = 0) -> tuple[Reason, ...]:
        """The outcome that cannot be judged yet, and what to fill in."""
        name = str(self.unknown[row])
        if name == NOT_ASKED:
            return ()
        id, frame = f"decisions.{self.decision}.{name}", self.frames[name]
        names = words.unknown(self.view.protocol.rules[id], frame, row)
        title = self.view.protocol.decisions[self.decision].outcomes[name].text()
        values = tuple(frame.row(row, named=True).items())
        message = f"«{title}» cannot be judged: not known ({words.listed(names)})"
        return (Reason(id, message, words.cure(self.view, names, row), True, values),)

    def reasons(self, row: int = 0) -> tuple[Reason, ...]:
        """Why it may not be decided now; a decision that will never be made waits for nothing."""
        against = self.verdict.reasons(row)
        final = {c.id for c in self.verdict.conditions if c.final}
        return against if any(r.condition in final for r in against) else (*against, *self.waits(row))

    def values(self, row: int = 0) -> dict[str, Any]:
        """Every value the rules read, as it was known: what a decision keeps.

        A value that only counts for what protects, because it is not proven whole, is kept as well.
        """
        kept: dict[str, Any] = {}
        for frame in self.frames.values():
            for name, value in frame.row(row, named=True).items():
                if name and kept.get(name) is None:
                    kept[name] = value
        return kept


def judge(cohort: Cohort, decision: str, who: Index, now: Times, entered: Times | None = None) -> Judgement:
    """Read the outcomes from top to bottom; the first whose rule holds is it.

    Outcomes that stop or hold act on what is known so far; those that let treatment go on need
    complete values and stay shut otherwise. An outcome that is not known ends the reading: it waits.
    entered: when the decision is written down (local, len(who),), if later than ``now``: a hold that has run
    out by then, and a stop, cannot be undone by dating a decision back.
    """
    outcomes = cohort.protocol.decisions[decision].outcomes
    chosen = np.full(len(who), WAITS, dtype=np.int8)
    unknown = np.full(len(who), NOT_ASKED, dtype=object)
    left = np.ones(len(who), dtype=bool)
    frames: dict[str, pl.DataFrame] = {}
    for position, (name, outcome) in enumerate(outcomes.items()):
        if outcome.otherwise:
            chosen[left] = position
            break
        permits = outcome.effect == "continue"
        view = View(cohort, who, now, decision, "complete" if permits else "so far")
        frames[name], said = judged(view, cohort.protocol.rules[f"decisions.{decision}.{name}"])
        chosen[left & (said == YES)] = position
        unknown[left & (said == UNKNOWN)] = name
        left &= said == NO
    stops = np.array([outcome.effect == "stop" for outcome in outcomes.values()] + [False])[chosen]
    view = View(cohort, who, now, decision, "complete")
    return Judgement(
        decision, chosen, _may_decide(view, decision, stops, latest(now, entered)), frames, unknown, view
    )


def _may_decide(view: View, decision: str, stops: Mask, entered: Times) -> Verdict:
    """The participant, the moment and the forms; a stop is never made to wait for the last two."""
    cohort, who, now = view.cohort, view.who, view.now
    stopped, dosed = cohort.stopped[who], cohort.first_injection[who] <= now
    made = (cohort.outcome[decision][who] >= 0) & ~held(cohort, decision)[who]
    conditions = [
        open_(cohort, who, now),
        plain("decided", ~made, "the decision has been made", "a decision is not made twice", final=True),
        plain(
            "stopped",
            ~(stopped <= entered),
            "injections were stopped",
            "nothing is left to decide",
            final=True,
        ),
        consented(cohort, who, now),
        plain("dosed", dosed, "no injection has been given", "there is nothing to decide yet"),
        *_moment(view, decision, stops, entered),
    ]
    return Verdict((*conditions, *_needs(view, decision, stops)))


def _moment(view: View, decision: str, stops: Mask, entered: Times) -> list[Condition]:
    """Not before its days, and not after a hold has run out; late it is still made."""
    cohort, who, today = view.cohort, view.who, day(view.now)
    here = standing(cohort, spread(cohort, who, view.now))
    first, last = here.earliest[decision][who], here.latest[decision][who]
    until = hold_ends(cohort, decision)[who]
    over = run_out(cohort, decision, who, entered)
    return [
        plain(
            "window",
            ~(today < first) | stops,
            lambda row: f"it is decided from {first[row]} to {last[row]}, not on {today[row]}",
            lambda row: f"wait until {first[row]}",
        ),
        plain(
            f"decisions.{decision}.hold",
            ~over | stops,
            lambda row: f"the hold ended on {until[row]} without a decision that lets treatment go on",
            "injections are stopped; follow-up goes on",
        ),
    ]


def _needs(view: View, decision: str, stops: Mask) -> list[Condition]:
    """Every form that the decision needs is filled, before it and not long before it."""
    within = view.protocol.decisions[decision].within
    conditions = []
    for form in view.protocol.decisions[decision].needs:
        happened = view.cohort.sheets[form].at(decision)[view.who]
        there = happened <= view.now
        age = (view.now - happened) / np.timedelta64(1, "h")
        fresh = ~there | (age <= within.hours)
        title = view.protocol.forms[form].title()
        lacks, old = f"«{title}» is not filled", f"«{title}» is older than {_hours(within.hours)}"
        conditions.append(plain(f"needs.{form}", there | stops, lacks, f"fill «{title}» at {decision}"))
        conditions.append(plain(f"fresh.{form}", fresh | stops, old, f"fill «{title}» at {decision} again"))
    return conditions


def _hours(hours: float) -> str:
    return f"{hours:g} hours"
