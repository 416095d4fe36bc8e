"""A laboratory's ELISpot plates: one line per well → the assays of participants and visits.

Columns: plate, well, participant, visit, stimulus, spots, cells (per well), and where known viability
(percent, of the visit's cells) and role (antigen, background, positive), which else is told from the usual
names of controls. A positive control without participant and visit stands for the whole plate. A well that
was lost has an empty count, or a word of LOST.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path

from trialrun.cytometry.response.elispot import CELLS, Assay, Wells
from trialrun.cytometry.response.rows import MANY, Defect, Row, TableError, rows

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
LOST = {"", "lost", "na", "n/a", "nd", "-", "."}  # not "nan": it is what is left of a failed computation
NEAR = 0.8  # as difflib measures it: heads that are likelier a slip than another thing
SHOWN = 5  # lines of one kind of problem; of the others only the numbers are told
FEWEST_CELLS = 1000  # a well has some 10,000 to 400,000; fewer is a number of thousands
MOST_CELLS = 10_000_000  # more than any well holds (an assumption)


class PlateError(TableError):
    """A plate cannot be used. Each problem is told once, with all of its lines; each cure once."""

    def render(self) -> str:
        causes: dict[tuple[str | None, str], dict[str, list[Defect]]] = {}
        for one in self.defects:
            causes.setdefault((one.column, one.cure), {}).setdefault(one.cause, []).append(one)
        said = [line for (_, cure), alike in causes.items() for line in (*_alike(alike), f"    {cure}")]
        return "\n".join(map(_visible, said))


def _alike(causes: dict[str, list[Defect]]) -> list[str]:
    """The lines that tell of defects with one column and cure."""
    told = list(causes.values())
    said = []
    for same in told[:SHOWN]:
        lines = sorted({one.line for one in same if one.line})
        plural = "s" if len(lines) > 1 else ""
        place = f", line{plural} {_ranges(lines)}" if lines else ""
        column = f", column {same[0].column}" if same[0].column else ""
        said.append(f"{same[0].file}{place}{column}: {same[0].cause}")
    rest = sorted({one.line for same in told[SHOWN:] for one in same if one.line})
    if rest:
        said.append(f"… and {len(rest):,} more such line{'s' if len(rest) > 1 else ''}: {_ranges(rest)}")
    return said


def _ranges(lines: Sequence[int]) -> str:
    """3, 4, 5, 9 → "3-5, 9"; at most so many as anyone reads."""
    runs = [[line for _, line in run] for _, run in groupby(enumerate(lines), lambda one: one[1] - one[0])]
    said = [f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    return ", ".join([*said[:MANY], *([f"… ({len(lines):,} lines)"] if len(said) > MANY else [])])


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


def _visible(text: str) -> str:
    """Text without what a terminal would obey."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _key(name: str) -> str:
    """A name without case. Its signs stay: day -1 is not day 1."""
    return " ".join(name.casefold().split())


def plain(name: str) -> str:
    """A name without case, blanks and signs: "Un-Stimulated" and "unstimulated" are one."""
    return "".join(re.findall(r"\w", name.casefold())).replace("_", "")


def role(name: str) -> str:
    """What a stimulus is for, by the usual names of controls."""
    said = plain(name)
    return "background" if said in BACKGROUND else "positive" if said in POSITIVE else "antigen"


def read(path: Path) -> list[Assay]:
    """The assays of a file, in the order in which they begin there.

    Raises TableError with every defect: its line, column, cause and cure.
    """
    lines = _lines(path)
    wells = [_well(row) for row in lines]
    _twice(wells)
    groups: dict[tuple[str, str, str], list[_Well]] = {}
    shared: dict[str, list[_Well]] = {}
    for well in wells:
        if well.role == "positive" and not well.participant and not well.visit:
            shared.setdefault(_key(well.plate), []).append(well)
        else:
            key = _key(well.plate), _key(well.participant), _key(well.visit)
            groups.setdefault(key, []).append(well)
    assays = [_assay(group, shared.get(key[0], [])) for key, group in groups.items()]
    if defects := [defect for row in lines for defect in row.defects]:
        raise PlateError(defects)
    if not assays:
        cause = "every line is a positive control of a plate"
        raise PlateError([Defect(path.name, None, None, cause, "Write the wells of participants.")])
    return assays


def unread(path: Path) -> list[str]:
    """The heads of a readable file's columns that are not read, as they are written there."""
    heads, *lines = _table(path)
    found = []
    for k, head in enumerate(heads, 1):
        if not head.strip() and any(line[k - 1].strip() for line in lines if len(line) == len(heads)):
            found.append(f"number {k}, without a head")
        elif head.strip() and _column(head) is None:
            found.append(_visible(head.strip()))
    return found


def _lines(path: Path) -> list[Row]:
    """The lines of the file. A head that is nearly that of a column is refused, not passed over."""
    try:
        lines = rows(path, COLUMNS, NEEDED)
    except TableError as error:
        raise PlateError(_hinted(path, error.defects)) from error
    heads = _table(path)[0]
    lacking = [name for name in COLUMNS if name not in map(_column, heads)]
    near = {name: _near(name, heads) for name in lacking}
    defects = [
        Defect(
            path.name,
            1,
            None,
            f"the column '{head[:40]}' is not known",
            f"Head it {name}, or otherwise if it is something else.",
        )
        for name, head in near.items()
        if head
    ]
    if defects:
        raise PlateError(defects)
    return lines


def _hinted(path: Path, defects: Sequence[Defect]) -> list[Defect]:
    """The defects of a file's heads, with the head that may be meant where a column lacks."""
    if any(one.line != 1 or one.column is None for one in defects):
        return list(defects)
    heads = next(iter(_table(path)), [])
    if not any(map(_column, heads)) and not any(_near(name, heads) for name in COLUMNS):
        names = ", ".join(NEEDED)
        cure = f"Begin the file with a line of heads, between commas, semicolons or tabs: {names}."
        return [Defect(path.name, 1, None, "no head of a column is known here", cure)]
    hinted = []
    for one in defects:
        there = one.column in map(_column, heads)  # twice, then
        head = None if there else _near(str(one.column), heads) or _longer(str(one.column), heads)
        hinted.append(replace(one, cure=f"Is it '{head[:40]}'? Head it {one.column}.") if head else one)
    return hinted


def _table(path: Path) -> list[list[str]]:
    """The cells of a file that `rows` can read, its heads too."""
    text = path.read_text(encoding="utf-8-sig")
    separator = max(",;\t", key=text.partition("\n")[0].count)
    return list(csv.reader(text.splitlines(keepends=True), delimiter=separator))


def _bare(head: str) -> str:
    return "_".join(re.findall(r"\w+", head.lower()))


def _column(head: str) -> str | None:
    return next((name for name, others in COLUMNS.items() if _bare(head) in (name, *others)), None)


def _near(name: str, heads: Iterable[str]) -> str | None:
    """The head that is no column's, but nearly this one's."""
    known = [name, *COLUMNS[name]]
    strange = [head.strip() for head in heads if _column(head) is None]
    return next((head for head in strange if get_close_matches(_bare(head), known, 1, NEAR)), None)


def _longer(name: str, heads: Iterable[str]) -> str | None:
    """The head that is no column's, but begins with the name of this one."""
    strange = (head.strip() for head in heads if _column(head) is None)
    return next((head for head in strange if _bare(head).startswith(f"{name}_")), None)


def _well(row: Row) -> _Well:
    for column, cell in row.cells.items():
        if odd := next((one for one in " ".join(cell.split()) if not one.isprintable()), None):
            row.refuse(column, f"holds what cannot be seen: U+{ord(odd):04X}", "Type the cell anew.")
    stimulus = row.text("stimulus")
    purpose = row.text("role", needed=False).lower() or role(stimulus)
    if purpose not in ROLES:
        row.refuse("role", f"'{purpose[:40]}' is not a role", f"Write one of {', '.join(ROLES)}.")
    if not re.fullmatch(r"[A-Pa-p](0?[1-9]|1\d|2[0-4])", position := row.text("well")) and position:
        row.refuse("well", f"'{position[:40]}' is no well of a plate", "Write a letter and a number, as A1.")
    alone = purpose == "positive" and not any(row.text(one, needed=False) for one in ("participant", "visit"))
    spots, censored = _spots(row)
    viability = row.number("viability")
    if viability is not None and not 1 < viability <= 100:
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


def _twice(wells: Iterable[_Well]) -> None:
    """A well that is given twice is refused: nobody can tell which count is right."""
    first: dict[tuple[str, str], int] = {}
    for well in wells:
        position = well.row.text("well", needed=False).upper()
        key = _key(well.plate), f"{position[:1]}{position[1:].lstrip('0')}"
        if not position or well.row.line == (line := first.setdefault(key, well.row.line)):
            continue
        cause = f"well {position} of plate {well.plate} stands on line {line} already"
        well.row.refuse("well", cause, "Keep the line that is right.")


def _assay(wells: list[_Well], shared: list[_Well]) -> Assay:
    by_role: dict[str, dict[str, list[_Well]]] = {one: {} for one in ROLES}
    for well in [*wells, *shared]:
        name = "" if well.role == "background" else _key(well.stimulus)
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
