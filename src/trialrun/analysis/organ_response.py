"""The share of participants whose organs, involved at baseline, respond.

A participant has a complete response when every involved organ responds and a partial one when the
stated fraction does. An organ that is worse, or involved though it was not at baseline, means none;
so does rescue, death or a visit not seen. Without an involved organ there is nothing to respond.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.estimate import Intervals
from trialrun.analysis.proportion import interval

_Ints = NDArray[np.int64]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Organs:
    """What is known of the organs: masks (trials, n, organs).

    ``involved`` is at baseline. At the visit: ``responds``, ``against`` (worse, or newly involved), ``seen``.
    """

    involved: _Mask
    responds: _Mask
    against: _Mask
    seen: _Mask


@dataclass(frozen=True, eq=False)
class OrganResponse:
    """Responses in every trial: masks (trials, n), counts (trials,).

    ``evaluable`` are members with an involved organ at baseline and an assessment that is due.
    ``proportion`` is of complete or partial responses among them.
    """

    evaluable: _Mask
    organs: Organs
    complete: _Mask
    partial: _Mask
    missing: _Mask
    pending: _Mask
    nothing_involved: _Mask
    proportion: Intervals

    @property
    def response(self) -> _Mask:
        return self.complete | self.partial

    @property
    def n(self) -> _Ints:
        return np.asarray(self.evaluable.sum(axis=-1))

    @property
    def responders(self) -> _Ints:
        return np.asarray(self.response.sum(axis=-1))


def organ_response(
    organs: Organs,
    members: _Mask,
    *,
    failed: _Mask,
    pending: _Mask,
    partial: float,
    level: float = 0.95,
) -> OrganResponse:
    """Classify the members (trials, n).

    ``failed`` (trials, n) had rescue or died by the visit; ``pending`` are not due yet and are left out
    unless they failed. An involved organ that was not seen does not respond, and a participant
    none of whose involved organs was seen is missing: no response.
    """
    count = organs.involved.sum(axis=-1)
    responding = (organs.involved & organs.responds & organs.seen).sum(axis=-1)
    none = failed | (organs.against & organs.seen).any(axis=-1)
    waits = members & pending & ~failed & (count > 0)
    evaluable = members & (count > 0) & ~waits
    complete = evaluable & ~none & (responding == count)
    # Exact in integers and halves; the slack is for fractions such as 2/3.
    some = evaluable & ~none & ~complete & (responding > 0) & (responding >= partial * count - 1e-9)
    missing = evaluable & ~failed & ~(organs.involved & organs.seen).any(axis=-1)
    return OrganResponse(
        evaluable=evaluable,
        organs=organs,
        complete=complete,
        partial=some,
        missing=missing,
        pending=waits,
        nothing_involved=members & (count == 0),
        proportion=interval(
            np.asarray((complete | some).sum(axis=-1)), np.asarray(evaluable.sum(axis=-1)), level=level
        ),
    )
