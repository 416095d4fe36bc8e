"""Tables of stained cells as laboratories write them, and what is wrong with some."""

from pathlib import Path

import pytest

from trialrun.cytometry.response.counts import read
from trialrun.cytometry.response.ics import Count, responses
from trialrun.cytometry.response.rows import TableError

HEAD = "participant,visit,subset,cytokine,stimulation,positive,parent"
LINES = ["01,W11,CD4,IFNg,NS3,60,80000", "01,W11,CD4,IFNg,core,,", "01,W11,CD4,IFNg,UnStimulated,4,82000"]


def write(folder: Path, *lines: str) -> Path:
    path = folder / "ics.csv"
    path.write_text("\n".join([HEAD, *lines]), encoding="utf-8")
    return path


def test_a_table_is_read_and_judged(tmp_path: Path) -> None:
    [stain] = read(write(tmp_path, *LINES))
    assert (stain.participant, stain.visit, stain.subset, stain.cytokine) == ("01", "W11", "CD4", "IFNg")
    assert stain.antigens == {"NS3": Count(60, 80_000), "core": None}
    assert stain.control == Count(4, 82_000)
    assert responses(stain.antigens, stain.control)["NS3"].positive is True


def test_two_spellings_of_the_control_are_one(tmp_path: Path) -> None:
    lines = [*LINES, "02,W11,CD4,IFNg,NS3,9,70000", "02,W11,CD4,IFNg,Unstimulated,3,70000"]
    assert [stain.control for stain in read(write(tmp_path, *lines))] == [Count(4, 82_000), Count(3, 70_000)]


@pytest.mark.parametrize(
    ("line", "column", "cause"),
    [
        ("01,W11,CD4,IFNg,ns3,1,80000", "stimulation", "stands on line 2 already"),
        ("01,W11,CD4,IFNg,medium,1,80000", "stimulation", "stands on line 4 already"),
        ("01,W11,CD4,IFNg,NS5,9,8", "positive", "more than their parent's 8"),
        ("01,W11,CD4,IFNg,NS5,-1,8", "positive", "-1 is not a count"),
        ("01,W11,CD4,IFNg,NS5,5,", "parent", "empty"),
        (",W11,CD4,IFNg,NS5,5,9", "participant", "empty"),
    ],
)
def test_a_defect_is_told_with_its_place_and_cure(tmp_path: Path, line: str, column: str, cause: str) -> None:
    with pytest.raises(TableError) as told:
        read(write(tmp_path, *LINES, line))
    [defect] = told.value.defects
    assert (defect.line, defect.column) == (5, column)
    assert cause in defect.cause and defect.cure
