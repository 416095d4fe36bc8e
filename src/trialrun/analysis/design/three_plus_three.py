"""Three by three: up after 0 of 3 or 1 of 6 with a dose-limiting event, down or out after 2.

Storer, Biometrics 1989;45:925. The dose of choice is the highest at which at most 1 of 6 had one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.design.binomial import rates
from trialrun.analysis.design.escalation import Escalation, Line, Move, Outcomes

_Floats = NDArray[np.float64]


def escalation_probability(p: ArrayLike) -> _Floats:
    """P(going on from a dose at which events have probability `p`): 0 of 3, or 1 of 3 and then 0 of 3."""
    rate = rates(p)
    none = (1 - rate) ** 3
    return np.asarray(none + 3 * rate * (1 - rate) ** 2 * none)


def lines(*, then: Move = "lower") -> tuple[Line, ...]:
    """The table: four lines, and one for a dose that was come back to when it had six already.

    `then` is what follows 2 events at a dose: "lower" completes six at the dose below, "stop" ends there.
    """
    if then not in get_args(Move) or then in ("higher", "same"):
        raise ValueError(f"after two events a trial goes lower or stops, not {then}")
    found = (
        Line((3, 3), (0, 0), "higher", or_else="same"),
        Line((3, 3), (1, 1), "same"),
        Line((3, 6), (2, 6), then, exclude=then == "lower"),  # a dose that ends the trial need not be closed
        Line((6, 6), (0, 1), "higher"),
    )
    back = (Line((9, 9), (3, 9), "lower", exclude=True), Line((9, 9), (0, 2), "stop"))
    return (*found, *back) if then == "lower" else found


def design(doses: int, *, then: Move = "lower", start: int = 0) -> Escalation:
    """The classical design: never more than six at a dose (what a study does without that: `lines`)."""
    return Escalation(lines(then=then), cohort=3, n_max=6 * doses, start=start, enough=6)


def operating_characteristics(
    p: Sequence[float], *, then: Move = "lower", start: int = 0
) -> tuple[_Floats, Outcomes]:
    """P(each dose is selected) and last P(none is), at rates `p`; and every end of the trial. Exact."""
    found = design(len(p), then=then, start=start).outcomes(p)
    return found.of(selected(found)), found


def selected(outcomes: Outcomes) -> NDArray[np.int64]:
    """The highest dose given, below the first with 2 events or more; -1 for none."""
    n, events = outcomes.counts[..., 0], outcomes.counts[..., 1]
    closed = (events >= 2) & (events > n / 6)
    doses = np.arange(n.shape[1])
    limit = np.where(closed.any(axis=1), closed.argmax(axis=1), n.shape[1])
    open_ = (n > 0) & (doses < limit[:, np.newaxis])
    return np.asarray(np.where(open_.any(axis=1), n.shape[1] - 1 - open_[:, ::-1].argmax(axis=1), -1))
