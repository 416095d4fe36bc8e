"""The table of docs/cells-reading.md is what readers do: ours run here, the others as they were recorded."""

import ast
import csv
from pathlib import Path

import numpy as np
import pytest

from trialrun.cytometry.fcs.error import FcsError
from trialrun.cytometry.fcs.linear import linear
from trialrun.cytometry.fcs.read import read_all

PAGE = Path(__file__).parents[2] / "docs" / "cells-reading.md"
READERS = {
    "flowio": "FlowIO",
    "flowio_ignore": "FlowIO, offsets ignored",
    "flowkit": "FlowKit",
    "fcsparser": "fcsparser",
    "readfcs": "readfcs",
    "FlowCal": "FlowCal",
}
HEAD = f"| file | ours | {' | '.join(READERS.values())} |\n|{'---|' * (len(READERS) + 2)}\n"


def rows(shared: Path) -> list[str]:
    folder = shared / "data" / "cytometry"
    with (folder / "zoo" / "reader_results.csv").open(encoding="utf-8") as stream:
        known = {row["file"].rpartition("/")[2]: row for row in csv.DictReader(stream)}
    paths = {path.name: path for path in sorted(folder.rglob("*")) if path.name in known}
    return [row(paths[name], known[name]) for name in sorted(paths, key=str.lower)]


def row(path: Path, known: dict[str, str]) -> str:
    sums = ast.literal_eval(known["sums"]) if known["sums"] else {}
    try:
        samples = read_all(path)
    except FcsError as error:
        ours, cells = f"refused: {error.place}", [cell(known[one], None, None) for one in READERS]
    else:
        first = samples[0]
        ours = f"{first.count} × {len(first.channels)}" + (
            f", {len(samples)} sets" if len(samples) > 1 else ""
        )
        stored, scaled = float(first.events.sum(dtype=np.float64)), None
        if "flowkit" in sums:
            scaled = float(linear(first).sum())
        cells = [cell(known[one], sums.get(one), scaled if one == "flowkit" else stored) for one in READERS]
    return f"| {path.name} | {ours} | {' | '.join(cells)} |\n"


def cell(said: str, theirs: float | None, ours: float | None) -> str:
    if said.startswith("ERR"):
        return "–"
    if theirs is None:
        return "(=)"  # as many events and channels; their sum was not recorded
    return "=" if ours == pytest.approx(theirs, abs=0.06) else "**other numbers**"


def test_the_table_is_what_the_readers_do(shared: Path) -> None:
    table = HEAD + "".join(rows(shared))
    assert table in PAGE.read_text(encoding="utf-8"), f"the table of {PAGE.name} should be:\n\n{table}"
