"""Where an injection is given: fixed by the study, or by the decision that the study names."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trialrun.conduct.cohort import Cohort, Index


def setting(cohort: Cohort, point: str, who: Index) -> NDArray[np.object_]:
    """The setting of the injection planned at ``point`` for each of ``who`` ('' = not decided yet)."""
    planned = cohort.protocol.timepoints[point]
    decision = cohort.protocol.study.treatment.cycles[str(planned.cycle)].setting_decision
    if decision is None:
        return np.full(len(who), planned.setting, dtype=object)
    outcomes = cohort.protocol.decisions[decision].outcomes
    names = [
        outcome.setting or name if outcome.effect == "continue" else "" for name, outcome in outcomes.items()
    ]
    return np.array([*names, ""], dtype=object)[cohort.outcome[decision][who]]


def places(cohort: Cohort, point: str, who: Index) -> list[tuple[str, ...]]:
    """The codes of the places where each of ``who`` may have the injection planned at ``point``: those of the
    setting, and of the place that the course gives to that day (none while the setting is not decided)."""
    treatment, planned = cohort.protocol.study.treatment, cohort.protocol.timepoints[point]
    allowed = treatment.places.allowed if treatment.places else {}
    of_day = allowed.get(planned.place, ()) if planned.place else None
    return [
        tuple(code for code in allowed.get(kind, ()) if of_day is None or code in of_day)
        for kind in setting(cohort, point, who).tolist()
    ]
