"""Outputs from a file: the CDISC pilot study's tables are reproduced cell by cell, by data alone."""

import re
from pathlib import Path

import pytest

from trialrun.analysis.ard import analyse_outputs
from trialrun.protocol.outputs import load_outputs
from trialrun.report.display import display
from trialrun.tables.sdtm import read

OUTPUTS = Path(__file__).parent / "outputs"
PUBLISHED = ("14-1.01", "14-2.01", "14-5.02")


@pytest.fixture(scope="module")
def tables(pilot):
    return read(pilot / "cdiscpilotsdtm").tables


@pytest.fixture(scope="module")
def ard(tables):
    return analyse_outputs(tables, load_outputs(OUTPUTS / "pilot.yaml"))


def published(path: Path) -> list[list[str]]:
    """The rows of a published table (RTF) as the text of their cells, blanks kept."""
    rows = []
    for row in re.findall(r"\\trowd.*?\\row", path.read_text("latin-1"), re.DOTALL):
        cells = [cell.split(r"\pard\intbl")[-1] for cell in re.split(r"\\cell(?![a-z])", row)[:-1]]
        rows.append([re.sub(r"\\[a-z]+-?\d* ?|[{}]", "", cell.replace(r"\line ", "\n")) for cell in cells])
    return rows


@pytest.mark.parametrize("number", PUBLISHED)
def test_a_published_table_is_reproduced_cell_by_cell_blanks_included(ard, shared, number):
    rows = published(shared / f"data/standards/pilot_tables/atorus_{number}.rtf")
    body = rows[3:] if number == "14-5.02" else rows[2:]
    shown = display(ard, number)
    ours = [
        ["  " * row.indent + row.labels[0], *row.labels[1:], *(cell.text for cell in row.cells)]
        for row in shown.rows
    ]
    width = len(shown.stub) + len(shown.heads)
    ours = [[*row, *[""] * (width - len(row))] for row in ours]
    # Between the systems the published tables have a line without anything, and one at the end of 14-2.01.
    assert [row for row in ours if any(row)] == [row for row in body if any(row)]
    heads = [one for one in rows[1] if one]
    assert heads == list(dict.fromkeys(head.under or head.title for head in shown.heads))
