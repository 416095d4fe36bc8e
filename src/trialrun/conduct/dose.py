"""How much is given: a fixed amount, or so much per kg or m² of the participant."""

from __future__ import annotations

import numpy as np
import polars as pl

from trialrun.conduct.cohort import Cohort, Index, Numbers, Times
from trialrun.conduct.reading import read
from trialrun.protocol.protocol import Dose


def doses(cohort: Cohort, point: str, who: Index) -> list[Dose | None]:
    """The planned dose of each of ``who`` at a timepoint, by arm."""
    planned = cohort.protocol.timepoints[point]
    return [planned.dose_of(cohort.arm_of(one)) for one in who.tolist()]


def amounts(cohort: Cohort, point: str, who: Index, now: Times) -> Numbers:
    """How much each of ``who`` (M,) is to be given at ``point``, in the substance's unit.

    NaN where it depends on a measure that is not known at ``now`` (M,), or comes to nothing.
    """
    planned = cohort.protocol.timepoints[point]
    if planned.dose is not None and not planned.doses and planned.dose.per is None:
        return np.full(len(who), planned.dose.amount)
    wanted = doses(cohort, point, who)
    names = {dose.of for dose in wanted if dose and dose.of}
    measures = read(cohort, names, who, now, point, "complete") if names else pl.DataFrame()
    found = np.full(len(who), np.nan)
    for dose in {dose for dose in wanted if dose}:
        mine = np.array([one == dose for one in wanted])
        found[mine] = amount(dose, measures[dose.of].to_numpy()[mine] if dose.of else np.ones(mine.sum()))
    return found


def amount(dose: Dose, measure: Numbers) -> Numbers:
    """The amounts (M,) for kilograms or square metres ``measure`` (M,); NaN where not known.

    Rounded to the nearest multiple of ``round``, a half up, and then at most ``at_most``. An amount that
    rounds to 0 is no dose: NaN.
    """
    if dose.per is None:
        return np.full(len(measure), dose.amount)
    given = np.where(measure > 0, dose.amount * measure, np.nan)
    if dose.round:
        # Decimal limits are met exactly: 0.15 / 0.05 is 3, though binary division falls short of it.
        given = np.round(np.floor(np.round(given / dose.round, 9) + 0.5) * dose.round, 9)
        given = np.where(given > 0, given, np.nan)
    return np.asarray(np.minimum(given, dose.at_most) if dose.at_most else given)
