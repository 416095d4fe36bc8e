"""The named arrays that endpoints read. They do not know whether people were real.

Every array has a leading trial axis: T trials of n participants over P timepoints. A real trial is
the case T = 1, built from the tables by `from_tables`; a simulation fills the fields directly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.float64]  # SDTM study days (1 = first dose, no day 0); NaN = unknown or not happened
Numbers = NDArray[np.float64]
Codes = NDArray[np.int8]  # position in `labels`; -1 = unknown
Mask = NDArray[np.bool_]
Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Events:
    """What happened to each participant from the first dose on; all arrays are (T, n).

    happened: at least one event counts. first: study day of the first one, NaN if none happened or
    if its day is not known (`happened` tells them apart). count: how many count.
    """

    happened: Mask
    first: Days
    count: Counts


@dataclass(frozen=True, eq=False)
class Arrays:
    """One or many trials as arrays: T trials, n participants by USUBJID, P timepoints in order of the plan.

    subjects: (n,) names, for listings. points: (P,) timepoint ids ("C4.D5").
    present: (T, n) False for padding where trials differ in size; True for everyone screened.
    dosed: (T, n) received at least one injection. Study days are NaN for those who did not.
    doses: (T, n, P) amount given in the substance's unit; 0 = recorded as not given, NaN = not recorded
    or no dose planned there.
    days: (T, n, P) study day on which the timepoint took place; NaN where it did not.
    last_day: (T, n) last study day on which the participant was seen or is known of.
    ended: (T, n) position in `endings` of how participation ended; -1 = not ended.
    endings: the DSDECOD terms ("COMPLETED", "LOST TO FOLLOW-UP", "WITHDRAWAL BY SUBJECT", "DEATH", …).
    numbers: name ("LB.ALT") -> values (T, n, P) and mask, True where observed (values are NaN elsewhere).
    categories: name ("FA.KIDNEY") -> codes (T, n, P) and mask, True where observed (codes are -1 elsewhere).
    labels: name -> its codes, in the order of the form ("absent", "active", …; "N", "Y" for yes/no).
    occurrences: form id of a log ("flare", "rescue", "ae", …) or "death" -> Events.
    """

    subjects: tuple[str, ...]
    points: tuple[str, ...]
    present: Mask
    dosed: Mask
    doses: Numbers
    days: Days
    last_day: Days
    ended: Codes
    endings: tuple[str, ...]
    numbers: Mapping[str, tuple[Numbers, Mask]] = field(default_factory=dict)
    categories: Mapping[str, tuple[Codes, Mask]] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    occurrences: Mapping[str, Events] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, n, P)."""
        trials, participants, points = self.days.shape
        return trials, participants, points

    @property
    def attended(self) -> Mask:
        """(T, n, P) True where the timepoint took place."""
        return ~np.isnan(self.days)

    def point(self, name: str) -> int:
        """Position of a timepoint on the last axis."""
        return self.points.index(_known(name, self.points, "timepoint"))

    def parameter(self, name: str) -> tuple[Numbers, Mask]:
        """Values (T, n, P) of a measurement and the mask of those observed."""
        return self.numbers[_known(name, self.numbers, "measurement")]

    def states(self, name: str) -> tuple[Codes, Mask]:
        """Codes (T, n, P) of a categorical finding and the mask of those observed; see `among`."""
        return self.categories[_known(name, self.categories, "categorical finding")]

    def among(self, name: str, states: tuple[str, ...]) -> tuple[Mask, Mask]:
        """(T, n, P) True where the finding is one of `states` (unknown: False), and the mask of the known."""
        codes, mask = self.states(name)
        labels = self.labels[name]
        wanted = [labels.index(_known(state, labels, f"state of {name}")) for state in states]
        return np.isin(codes, wanted) & mask, mask

    def events(self, name: str) -> Events:
        """Events from the first dose on, by form id of the log ("flare") or "death"."""
        return self.occurrences[_known(name, self.occurrences, "event")]

    def ended_as(self, *terms: str) -> Mask:
        """(T, n) True where participation ended in one of these ways ("LOST TO FOLLOW-UP", "DEATH", …)."""
        wanted = [self.endings.index(_known(term, self.endings, "ending")) for term in terms]
        return np.isin(self.ended, wanted)


def _known(name: str, names: Mapping[str, object] | tuple[str, ...], what: str) -> str:
    """The name itself, or a KeyError that says which name was probably meant."""
    if name in names:
        return name
    near = get_close_matches(name, list(names), n=1)
    cure = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(names) or 'none'}"
    raise KeyError(f"no {what} `{name}`; {cure}")
