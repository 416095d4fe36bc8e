"""A laboratory's ELISpot plates: one line per well → the assays of participants and visits.

Columns: plate, well, participant, visit, stimulus, spots, cells (per well), and where known viability
(percent, of the visit's cells) and role (antigen, background, positive), which else is told from the usual
names of controls. A positive control without participant and visit stands for the whole plate. A well that
was lost has an empty count, or a word of LOST.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from trialrun.cytometry.response.elispot import CELLS, Assay, Wells
from trialrun.cytometry.response.rows import LOST, Content, Defect, Row, TableError, key, once, spelt, table

COLUMNS: dict[str, tuple[str, ...]] = {
    "plate": ("plate_id",),
    "well": ("position", "well_id"),
    "participant": ("participant_id", "subject", "subject_id", "usubjid", "patient", "patient_id", "donor"),
    "visit": ("timepoint", "time_point"),
    "stimulus": ("stimulation", "antigen", "antigen_control", "pool", "peptide"),
    "spots": ("count", "sfc", "spot_count"),
    "cells": ("cells_per_well", "cells_well"),
    "viability": ("viability_percent", "viability_pct"),
    "role": ("kind",),
}
NEEDED = ("plate", "well", "participant", "visit", "stimulus", "spots", "cells")
NAMES = ("plate", "participant", "visit", "stimulus")
BACKGROUND = {
    *("dmso", "medium", "media", "mock", "negctl", "neg", "negative", "negativecontrol", "nopeptide"),
    *("background", "unstimulated", "unstim", "nostim"),
}
POSITIVE = {
    *("pha", "cef", "ceft", "cefx", "cefta", "cd3", "anticd3", "okt3", "pma", "pmaionomycin", "sea", "seb"),
    *("cona", "mitogen", "positive", "positivecontrol", "posctl"),
}
ROLES = ("antigen", "background", "positive")
CENSORED = {"tntc", "-1", "toonumeroustocount", "confluent"}
FEWEST_CELLS = 1000  # a well has some 10,000 to 400,000; fewer is a number of thousands
MOST_CELLS = 10_000_000  # more than any well holds (an assumption)


@dataclass(frozen=True, slots=True)
class _Well:
    row: Row
    plate: str
    participant: str
    visit: str
    stimulus: str
    role: str
    spots: int | None
    censored: bool
    cells: float | None
    viability: float | None


def plain(name: str) -> str:
    """A name without case, blanks and signs: "Un-Stimulated" and "unstimulated" are one."""
    return "".join(re.findall(r"\w", name.casefold())).replace("_", "")


def role(name: str) -> str:
    """What a stimulus is for, by the usual names of controls."""
    said = plain(name)
    return "background" if said in BACKGROUND else "positive" if said in POSITIVE else "antigen"


def read(path: Path) -> Content[Assay]:
    """The assays of a file, in the order in which they begin there.

    Raises TableError with every defect: its line, column, cause and cure.
    """
    whole = table(path, COLUMNS)
    lines = whole.rows(NEEDED)
    alike = spelt(lines, NAMES)
    wells = [_well(row) for row in lines]
    once(lines, NAMES[:1])
    groups: dict[tuple[str, str, str], list[_Well]] = {}
    shared: dict[str, list[_Well]] = {}
    for well in wells:
        if well.role == "positive" and not well.participant and not well.visit:
            shared.setdefault(key(well.plate), []).append(well)
        else:
            whose = key(well.plate), key(well.participant), key(well.visit)
            groups.setdefault(whose, []).append(well)
    assays = [_assay(group, shared.get(whose[0], [])) for whose, group in groups.items()]
    if defects := [defect for row in lines for defect in row.defects]:
        raise TableError(defects)
    if not assays:
        cause = "every line is a positive control of a plate"
        raise TableError([Defect(path.name, None, None, cause, "Write the wells of participants.")])
    return Content(assays, whole.unread, alike)


def _well(row: Row) -> _Well:
    stimulus = row.text("stimulus")
    purpose = row.text("role", needed=False).lower() or role(stimulus)
    if purpose not in ROLES:
        row.refuse("role", f"'{purpose[:40]}' is not a role", f"Write one of {', '.join(ROLES)}.")
    row.well()
    alone = purpose == "positive" and not any(row.text(one, needed=False) for one in ("participant", "visit"))
    spots, censored = _spots(row)
    viability = row.number("viability")
    if viability is not None and viability != 0 and not 1 < viability <= 100:
        row.refuse("viability", f"{viability:g} is not a percentage of viable cells", "Write 85 for 85 %.")
        viability = None
    return _Well(
        row,
        row.text("plate"),
        row.text("participant", needed=not alone),
        row.text("visit", needed=not alone),
        stimulus,
        purpose,
        spots,
        censored,
        _cells(row),
        viability,
    )


def _spots(row: Row) -> tuple[int | None, bool]:
    """The count, or the least count of a well too numerous to count; both None and False of a lost well."""
    said = "".join(row.cells["spots"].split())
    if said.lower() in CENSORED:
        return None, True
    if found := re.fullmatch(r"(?:>=?|≥)(\d{1,7})", said):
        return int(found[1]), True
    if said.lower() in LOST:
        return None, False
    if found := re.fullmatch(r"\+?(\d{1,7})(?:[.,]0)?", said):
        return int(found[1]), False
    cure = "Write a whole number from 0, TNTC for too many to count, or lost."
    row.refuse("spots", f"'{said[:40]}' is not a count of spots", cure)
    return None, False


def _cells(row: Row) -> float | None:
    said = "".join(row.cells["cells"].split())
    cure = "Write the number itself, as 200000."
    if not said:
        row.refuse("cells", "the cell is empty", "Write the cells per well on every line.")
    elif not re.fullmatch(r"\d{1,15}(?:[.,]0)?|\d(?:\.\d+)?[eE]\+?\d{1,2}", said):
        row.refuse("cells", f"'{said[:40]}' is not a number of cells", cure)
    elif (cells := float(said.replace(",", "."))) < FEWEST_CELLS or cells > MOST_CELLS:
        row.refuse(
            "cells", f"{cells:g} cells per well are too {'few' if cells < MOST_CELLS else 'many'}", cure
        )
    else:
        return cells
    return None


def _assay(wells: list[_Well], shared: list[_Well]) -> Assay:
    by_role: dict[str, dict[str, list[_Well]]] = {one: {} for one in ROLES}
    for well in [*wells, *shared]:
        name = "" if well.role == "background" else key(well.stimulus)
        by_role.setdefault(well.role, {}).setdefault(name, []).append(well)
    viabilities = [well for well in wells if well.viability is not None]
    for well in viabilities[1:]:
        if well.viability != viabilities[0].viability:
            cause = f"{well.viability:g} %, where line {viabilities[0].row.line} says otherwise of this visit"
            well.row.refuse("viability", cause, "Write one viability for a participant's visit.")
    controls = by_role["background"]
    return Assay(
        participant=wells[0].participant,
        visit=wells[0].visit,
        plate=wells[0].plate,
        antigens={group[0].stimulus: _wells(group) for group in by_role["antigen"].values()},
        controls=_wells(controls[""]) if controls else Wells(),
        positive_controls={group[0].stimulus: _wells(group) for group in by_role["positive"].values()},
        viability=viabilities[0].viability if viabilities else None,
    )


def _wells(group: list[_Well]) -> Wells:
    said = [well for well in group if well.cells is not None]
    for well in said[1:]:
        if well.cells != said[0].cells:
            cause = f"replicates of {well.stimulus} differ in their cells per well"
            well.row.refuse("cells", cause, f"Line {said[0].row.line} has other cells; mend one of them.")
    counted = tuple(well.spots for well in group if well.spots is not None and not well.censored)
    censored = tuple(well.spots for well in group if well.censored)
    lost = len(group) - len(counted) - len(censored)
    cells = said[0].cells if said else None
    return Wells(counted, censored, lost, cells or CELLS)
