"""Decisions with named outcomes: which outcome the rules give, or what is still waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trialrun.conduct.cohort import Cohort, Index, Times, day
from trialrun.conduct.permission import _consented, _open, _spread
from trialrun.conduct.reading import answers, read
from trialrun.conduct.standing import held, standing
from trialrun.conduct.verdict import NO, UNKNOWN, YES, Condition, Reason, Verdict, plain
from trialrun.protocol.rule import Rule
from trialrun.protocol.rule_columns import missing

WAITS = -1


@dataclass(frozen=True)
class Judgement:
    """What the rules say for M participants: an outcome's position (WAITS = none yet), and whether it may be decided now."""

    decision: str
    outcome: NDArray[np.int8]
    verdict: Verdict
    frames: dict[str, pl.DataFrame]
    waiting: tuple[tuple[Reason, ...], ...]

    @property
    def ready(self) -> NDArray[np.bool_]:
        return self.verdict.permitted & (self.outcome != WAITS)

    def reasons(self, row: int = 0) -> tuple[Reason, ...]:
        return (*self.verdict.reasons(row), *self.waiting[row])

    def values(self, row: int = 0) -> dict[str, Any]:
        """Every value the rules read, as it was known: what a decision keeps."""
        return {name: value for frame in self.frames.values() for name, value in frame.row(row, named=True).items() if name}


def judge(cohort: Cohort, decision: str, who: Index, now: Times) -> Judgement:
    """Read the outcomes from top to bottom; the first whose rule holds is it.

    Outcomes that stop or hold act on what is known so far; those that let treatment go on need
    complete values and stay shut otherwise.
    """
    outcomes = cohort.protocol.decisions[decision].outcomes
    chosen = np.full(len(who), WAITS, dtype=np.int8)
    open_ = np.ones(len(who), dtype=bool)
    missed: list[list[Reason]] = [[] for _ in who]
    frames: dict[str, pl.DataFrame] = {}
    for position, (name, outcome) in enumerate(outcomes.items()):
        if outcome.otherwise:
            chosen[open_] = position
            break
        rule = cohort.protocol.rules[f"decisions.{decision}.{name}"]
        knowledge = "complete" if outcome.effect == "continue" else "so far"
        frames[name] = read(cohort, rule.reads, who, now, decision, knowledge)  # type: ignore[arg-type]
        said = answers(rule, frames[name])
        chosen[open_ & (said == YES)] = position
        for row in np.nonzero(open_ & (said == UNKNOWN))[0]:
            missed[row].append(_unknown(decision, name, rule, frames[name][int(row)]))
        open_ &= said == NO
    stops = np.array([outcome.effect == "stop" for outcome in outcomes.values()] + [False])
    verdict = _may_decide(cohort, decision, who, now, stops[chosen])
    return Judgement(decision, chosen, verdict, frames, tuple(map(tuple, missed)))


def _unknown(decision: str, outcome: str, rule: Rule, frame: pl.DataFrame) -> Reason:
    names = missing(rule, frame)
    listed = ", ".join(names)
    return Reason(f"decisions.{decision}.{outcome}", f"«{outcome}» cannot be judged: not known ({listed})", f"enter what {listed} needs", True)


def _may_decide(cohort: Cohort, decision: str, who: Index, now: Times, stops: NDArray[np.bool_]) -> Verdict:
    """The moment and the forms; a stop is never made to wait for them."""
    here = standing(cohort, _spread(cohort, who, now))
    today = day(now)
    first, last = here.earliest[decision][who], here.latest[decision][who]
    holding = held(cohort, decision)[who]
    made = (cohort.outcome[decision][who] >= 0) & ~holding
    early = ~np.isnat(first) & (today < first) & ~stops
    anchored = ~np.isnat(cohort.first_injection[who])
    conditions = [
        _consented(cohort, who),
        _open(cohort, who),
        plain("dosed", anchored, "no injection has been given", "nothing to decide yet"),
        plain("decided", ~made, "the decision has been made", "a decision is not made twice"),
        plain("stopped", np.isnat(cohort.stopped[who]), "injections were stopped", "nothing is left to decide"),
        plain("window", ~early, lambda row: f"{decision} is decided from {first[row]} to {last[row]}, not on {today[row]}", "wait for its day"),
    ]
    return Verdict((*conditions, *_needs(cohort, decision, who, now, stops)))


def _needs(cohort: Cohort, decision: str, who: Index, now: Times, stops: NDArray[np.bool_]) -> list[Condition]:
    within = cohort.protocol.decisions[decision].within
    conditions = []
    for form in cohort.protocol.decisions[decision].needs:
        happened = cohort.sheets[form].at(decision)[who]
        age = (now - happened) / np.timedelta64(1, "h")
        title = cohort.protocol.forms[form].title()
        there = ~np.isnat(happened) | stops
        fresh = np.isnat(happened) | (age <= within.hours) | stops
        conditions.append(plain(f"needs.{form}", there, f"«{title}» is not filled", f"fill {form} at {decision}"))
        conditions.append(plain(f"fresh.{form}", fresh, f"«{title}» is older than {within}", f"fill {form} again"))
    return conditions
