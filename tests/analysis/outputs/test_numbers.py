"""Summaries of numbers, and what has no summary."""

from pathlib import Path

import polars as pl
import pytest

from trialrun.analysis.ard import Ard, analyse_outputs
from trialrun.analysis.estimate import NotEstimable
from trialrun.protocol.outputs import load_outputs

PLANNED = """
outputs:
  '1':
    kind: table
    title: Laboratory
    rows:
      value: {summary: LB.LBSTRESN, where: "LBTESTCD = 'CRYO'", statistics: [n, mean], each: [VISIT]}
"""


@pytest.fixture
def ard(tmp_path: Path) -> Ard:
    (tmp_path / "outputs.yaml").write_text(PLANNED)
    people = pl.DataFrame({"USUBJID": ["1", "2"]})
    found = pl.DataFrame(
        {
            "USUBJID": ["1", "2", "1", "2"],
            "LBTESTCD": ["CRYO"] * 4,
            "VISIT": ["A", "A", "B", "B"],
            "LBSTRESN": [0.5, 0.7, 0.5, 700.0],
            "LBSTRESU": ["g/L", "g/L", "g/L", "mg/L"],
        }
    )
    return analyse_outputs({"DM": people, "LB": found}, load_outputs(tmp_path / "outputs.yaml"))


def test_values_in_one_unit_have_a_mean(ard: Ard) -> None:
    found = {line.key[-2:]: cells[0].values for line, cells in ard.lines("1")}
    assert found["=A", "mean"]["mean"] == pytest.approx(0.6)


def test_values_in_several_units_are_counted_and_never_averaged(ard: Ard) -> None:
    found = {line.key[-2:]: cells[0].values for line, cells in ard.lines("1")}
    assert found["=B", "n"]["n"] == 2
    assert found["=B", "mean"]["mean"] == NotEstimable("values in different units: g/L, mg/L")


def test_several_values_of_a_participant_in_a_line_are_said_so(tmp_path: Path) -> None:
    (tmp_path / "outputs.yaml").write_text(PLANNED)
    found = pl.DataFrame(
        {
            "USUBJID": ["1", "1", "2", "1"],
            "LBTESTCD": ["CRYO"] * 4,
            "VISIT": ["A", "A", "A", "B"],
            "LBSTRESN": [0.5, 0.7, 0.5, 0.3],
        }
    )
    people = pl.DataFrame({"USUBJID": ["1", "2"]})
    ard = analyse_outputs({"DM": people, "LB": found}, load_outputs(tmp_path / "outputs.yaml"))
    noted = {line.key[-2:]: bool(line.notes) for line, _ in ard.lines("1")}
    assert noted["=A", "n"] and not noted["=B", "n"]
