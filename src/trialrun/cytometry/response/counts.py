"""A laboratory's table of stained cells: a line per well → the wells of each participant, visit and cytokine.

Columns: participant, visit, subset (the parent), cytokine, stimulation, positive, parent; and role (antigen,
background, positive) where the usual names of controls do not tell it. A well that was lost has a word of
LOST in both counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trialrun.cytometry.response.ics import Count
from trialrun.cytometry.response.plate import ROLES, role
from trialrun.cytometry.response.rows import Content, Row, TableError, key, spelt, table

COLUMNS: dict[str, tuple[str, ...]] = {
    "participant": ("subject", "subject_id", "patient", "patient_id", "pid", "donor"),
    "visit": ("timepoint", "time_point"),
    "subset": ("population", "tcellsubset"),
    "cytokine": ("marker",),
    "stimulation": ("stimulus", "antigen", "pool", "peptide"),
    "positive": ("cytnum", "positive_events"),
    "parent": ("parent_events", "total"),
    "role": ("kind",),
}
GROUP = ("participant", "visit", "subset", "cytokine")
NEEDED = (*GROUP, "stimulation", "positive", "parent")


@dataclass(frozen=True, slots=True)
class Stain:
    """The wells that are judged together. A count is None where the well was lost."""

    participant: str
    visit: str
    subset: str
    cytokine: str
    antigens: Mapping[str, Count | None]
    control: Count | None
    positive_controls: Mapping[str, Count | None]


def read(path: Path) -> Content[Stain]:
    """The stains of a file, in the order in which they begin there. Raises TableError with every defect."""
    whole = table(path, COLUMNS)
    lines = whole.rows(NEEDED)
    alike = spelt(lines, (*GROUP, "stimulation"))
    groups: dict[tuple[str, ...], list[tuple[Row, str, str, Count | None]]] = {}
    for row in lines:
        group = tuple(key(row.text(name)) for name in GROUP)
        stimulation = row.text("stimulation")
        purpose = row.text("role", needed=False).lower() or role(stimulation)
        if purpose not in ROLES:
            row.refuse("role", f"'{purpose[:40]}' is not a role", f"Write one of {', '.join(ROLES)}.")
        groups.setdefault(group, []).append((row, stimulation, purpose, _count(row)))
    stains = [_stain(group) for group in groups.values()]
    if defects := [defect for row in lines for defect in row.defects]:
        raise TableError(defects)
    return Content(stains, whole.unread, alike)


def _count(row: Row) -> Count | None:
    positive, parent = row.count("positive"), row.count("parent")
    if positive is None or parent is None:
        if (positive is None) != (parent is None) and not row.defects:
            lacking = "positive" if positive is None else "parent"
            row.refuse(lacking, "no count beside the other", "Write both counts, or lost in both cells.")
        return None
    if positive > parent:
        cause = f"{positive} positive events are more than their parent's {parent}"
        row.refuse("positive", cause, "Write the events of the parent population under parent.")
        return None
    return Count(positive, parent)


def _stain(group: list[tuple[Row, str, str, Count | None]]) -> Stain:
    found: dict[str, dict[str, tuple[Row, str, Count | None]]] = {one: {} for one in ROLES}
    for row, stimulation, purpose, count in group:
        name = "" if purpose == "background" else key(stimulation)
        wells = found.setdefault(purpose, {})
        if name in wells:
            cause = f"{stimulation or 'the well'} stands on line {wells[name][0].line} already"
            row.refuse("stimulation", cause, "Keep one line for each stimulation; add up replicate wells.")
        wells.setdefault(name, (row, stimulation, count))
    first = group[0][0]
    control = found["background"].get("")
    return Stain(
        participant=first.text("participant", needed=False),
        visit=first.text("visit", needed=False),
        subset=first.text("subset", needed=False),
        cytokine=first.text("cytokine", needed=False),
        antigens={said: count for _, said, count in found["antigen"].values()},
        control=control[2] if control else None,
        positive_controls={said: count for _, said, count in found["positive"].values()},
    )
