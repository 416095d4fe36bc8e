"""What one participant may, must and must not do next, with the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from trialrun.conduct.cohort import Cohort
from trialrun.conduct.decision import judge
from trialrun.conduct.permission import may_include, may_inject
from trialrun.conduct.standing import DONE, FUTURE, MISSED, OPEN, VOID, Standing, standing
from trialrun.conduct.verdict import Reason
from trialrun.protocol.protocol import Timepoint

Status = Literal["due", "forbidden", "later", "done", "missed", "void"]
_STATUS: dict[int, Status] = {FUTURE: "later", OPEN: "due", DONE: "done", MISSED: "missed", VOID: "void"}


@dataclass(frozen=True)
class Act:
    """One act: what it is, when it may be done, where it stands, and why not where it may not."""

    kind: Literal["include", "form", "specimen", "injection", "decision"]
    name: str
    point: str
    title: str
    status: Status
    earliest: np.datetime64
    latest: np.datetime64
    reasons: tuple[Reason, ...] = ()


def acts(cohort: Cohort, one: int, now: np.datetime64, language: str = "en") -> list[Act]:
    """Every act of participant ``one`` at ``now`` (local), in the order of the plan.

    ``due`` acts may be done now; ``forbidden`` ones are in their window but a condition is not met,
    and ``reasons`` says which; ``later`` ones wait for their window.
    """
    moments = np.full(cohort.n, np.datetime64("NaT", "m"))
    moments[one] = now
    here = standing(cohort, moments)
    listed: list[Act] = []
    for point in cohort.protocol.timepoints.values():
        status = int(here.status(cohort, point.id, moments)[one])
        listed += _forms(cohort, here, point, status, one, language)
        listed += _specimens(cohort, here, point, status, one, language)
        if point.dose:
            listed.append(_injection(cohort, here, point, status, one, now, language))
        if point.kind == "decision":
            listed.append(_decision(cohort, here, point, status, one, now, language))
    return [_inclusion(cohort, one, now), *listed]


def due(cohort: Cohort, one: int, now: np.datetime64, language: str = "en") -> list[Act]:
    """The acts that may be done now."""
    return [act for act in acts(cohort, one, now, language) if act.status == "due"]


def _forms(cohort: Cohort, here: Standing, point: Timepoint, status: int, one: int, language: str) -> list[Act]:
    found = []
    for form in point.forms:
        if form not in cohort.sheets or form == cohort.protocol.study.recorded_on.injection:
            continue
        entered = not np.isnat(cohort.sheets[form].at(point.id)[one])
        # A visit that has begun is done as a whole, yet each of its forms is due until it is filled.
        stands: Status = "done" if entered else "due" if status == DONE else _STATUS[status]
        title = cohort.protocol.forms[form].title(language)
        found.append(Act("form", form, point.id, title, stands, here.earliest[point.id][one], here.latest[point.id][one]))
    return found


def _specimens(cohort: Cohort, here: Standing, point: Timepoint, status: int, one: int, language: str) -> list[Act]:
    found = []
    for specimen in point.specimens:
        drawn = not np.isnat(cohort.collected[specimen, point.id][one])
        stands: Status = "done" if drawn else "due" if status == DONE else _STATUS[status]
        title = cohort.protocol.study.specimens[specimen].title(language)
        found.append(Act("specimen", specimen, point.id, title, stands, here.earliest[point.id][one], here.latest[point.id][one]))
    return found


def _injection(cohort: Cohort, here: Standing, point: Timepoint, status: int, one: int, now: np.datetime64, language: str) -> Act:
    stands, reasons = _STATUS[status], ()
    if stands == "due":
        verdict = may_inject(cohort, point.id, np.array([one]), np.array([now]))
        reasons = verdict.reasons()
        stands = "forbidden" if reasons else "due"
    title = f"{point.label(language)}: {point.dose.amount:g} {point.dose.unit}" if point.dose else ""
    form = cohort.protocol.study.recorded_on.injection
    return Act("injection", form, point.id, title, stands, here.earliest[point.id][one], here.latest[point.id][one], reasons)


def _decision(cohort: Cohort, here: Standing, point: Timepoint, status: int, one: int, now: np.datetime64, language: str) -> Act:
    stands, reasons = _STATUS[status], ()
    if stands in ("due", "missed"):  # a decision that is late is still to be made
        judgement = judge(cohort, point.id, np.array([one]), np.array([now]))
        reasons = judgement.reasons()
        stands = "due" if judgement.ready[0] else "forbidden"
    title = point.label(language)
    return Act("decision", point.id, point.id, title, stands, here.earliest[point.id][one], here.latest[point.id][one], reasons)


def _inclusion(cohort: Cohort, one: int, now: np.datetime64) -> Act:
    nowhere = np.datetime64("NaT", "D")
    screening = next((p.id for p in cohort.protocol.visits if p.offset < 0), "")
    if not np.isnat(cohort.included[one]):
        return Act("include", "include", screening, "Inclusion", "done", nowhere, nowhere)
    reasons = may_include(cohort, np.array([one]), np.array([now])).reasons()
    return Act("include", "include", screening, "Inclusion", "forbidden" if reasons else "due", nowhere, nowhere, reasons)
