"""A laboratory's table of suppression assays: a line per well → how far responders divide at each ratio.

Columns: participant, visit, ratio, and either divided (percent of the responders put in) or division_index;
where known plate and well. A ratio is regulatory cells to responders: 1:2, or 0.5; responders alone are 0.
A well that was lost has an empty measure, or a word of LOST.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trialrun.cytometry.response.number import rounded
from trialrun.cytometry.response.rows import (
    LOST,
    Content,
    Defect,
    Row,
    TableError,
    key,
    once,
    spelt,
    table,
)
from trialrun.cytometry.response.suppression import LEAST, Curve, curve

COLUMNS: dict[str, tuple[str, ...]] = {
    "participant": ("participant_id", "subject", "subject_id", "patient", "patient_id", "donor"),
    "visit": ("timepoint", "time_point"),
    "ratio": (),
    "divided": ("divided_percent", "percent_divided", "divided_pct"),
    "division_index": ("divisionindex",),
    "plate": ("plate_id",),
    "well": ("position", "well_id"),
}
NEEDED = ("participant", "visit", "ratio")
MEASURES = {"divided": 100.0, "division_index": 10.0}  # the most; a dye shows some eight divisions
ALONE = 0.0
EXTREMES = 1e-4, 100.0  # beyond which no assay mixes cells (an assumption)
NUMBER = r"\d+(?:\.\d+)?"


@dataclass(frozen=True, slots=True)
class Coculture:
    """The wells that are judged together. plate: "" where the file has none.

    measure: the column, divided or division_index. wells: its values by ratio, highest first; those of
    responders alone at 0. A value is None where the well was lost.
    """

    participant: str
    visit: str
    plate: str
    measure: str
    wells: Mapping[float, tuple[float | None, ...]]


def judge(one: Coculture, dividing: float | None = None) -> Curve:
    """The curve of an assay. dividing: the least mean of responders alone, by default that of its measure."""
    counted = {ratio: [value for value in values if value is not None] for ratio, values in one.wells.items()}
    alone = counted.pop(ALONE, [])
    return curve(counted, alone, dividing=LEAST[one.measure] if dividing is None else dividing)


def read(path: Path) -> Content[Coculture]:
    """The assays of a file, in the order in which they begin there. Raises TableError with every defect."""
    whole = table(path, COLUMNS)
    lines = whole.rows(NEEDED)
    columns = lines[0].cells.keys()
    measure = _measure(path.name, [one for one in MEASURES if one in columns])
    group = ("participant", "visit", "plate") if "plate" in columns else ("participant", "visit")
    alike = spelt(lines, group)
    found: dict[tuple[str, ...], dict[float, list[float | None]]] = {}
    names: dict[tuple[str, ...], list[str]] = {}
    for row in lines:
        said = [row.text(name) for name in group]
        whose = tuple(map(key, said))
        names.setdefault(whose, said)
        row.well(needed=False)
        ratio, value = _ratio(row), _value(row, measure)
        if ratio is not None:
            found.setdefault(whose, {}).setdefault(ratio, []).append(value)
    once(lines, group[2:] or group)
    if defects := [defect for row in lines for defect in row.defects]:
        raise TableError(defects)
    cultures = []
    for whose, wells in found.items():
        participant, visit, plate = [*names[whose], ""][:3]
        ordered = {ratio: tuple(wells[ratio]) for ratio in sorted(wells, reverse=True)}
        cultures.append(Coculture(participant, visit, plate, measure, ordered))
    return Content(cultures, whole.unread, alike)


def _measure(file: str, there: list[str]) -> str:
    if len(there) == 1:
        return there[0]
    cause = "no column for the division" if not there else f"both {' and '.join(there)} are there"
    cure = f"Write one column headed {' or '.join(MEASURES)}." if not there else "Keep the one to be judged."
    raise TableError([Defect(file, 1, None, cause, cure)])


def _ratio(row: Row) -> float | None:
    said = row.text("ratio").replace(" ", "").lower()
    plain = said.replace(",", ".") if row.comma else said
    ratio = None
    if plain == "alone":
        ratio = ALONE
    elif found := re.fullmatch(rf"({NUMBER})[:/]({NUMBER})", plain):
        ratio = float(found[1]) / float(found[2]) if float(found[2]) else None
    elif re.fullmatch(rf"{NUMBER}(?:e[+-]?\d{{1,2}})?", plain):
        ratio = float(plain)
    if ratio is not None and (ratio == ALONE or EXTREMES[0] <= ratio <= EXTREMES[1]):
        return rounded(ratio)
    if said and said != "nan":  # which was refused as no name
        cure = "Write 1:2 for one regulatory cell to two responders, 0 for responders alone."
        row.refuse("ratio", f"'{said[:40]}' is no ratio of cells", cure)
    return None


def _value(row: Row, measure: str) -> float | None:
    said = "".join(row.cells[measure].split())
    if said.lower() in LOST:
        return None
    value, most = row.number(measure), MEASURES[measure]
    if value is None:
        return None
    if not 0 <= value <= most or (measure != "divided" and "%" in said):
        what, cure = ("percentage", "62 for 62 %") if measure == "divided" else ("division index", "1.5")
        row.refuse(measure, f"'{said[:40]}' is no {what} from 0 to {most:g}", f"Write {cure}, or lost.")
        return None
    return value
