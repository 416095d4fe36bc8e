"""Tables of suppression assays as laboratories write them, and what is wrong with some."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.cytometry.response.coculture import Coculture, read
from trialrun.cytometry.response.rows import TableError

HEAD = "participant,visit,ratio,divided"
LINES = ["01,W11,0,81", "01,W11,0,79", "01,W11,1:1,24", "01,W11,1:2,lost", "01,W11,1:2,44"]


def write(folder: Path, *lines: str, head: str = HEAD) -> Path:
    path = folder / "wells.csv"
    path.write_text("\n".join([head, *lines]), encoding="utf-8")
    return path


def test_a_table_is_read_by_participant_and_visit(tmp_path: Path) -> None:
    content = read(write(tmp_path, *LINES, "01,w11,1:1,26", "02,W11,alone,70"))
    first, second = content.found
    assert first == Coculture("01", "W11", "", "divided", {1.0: (24, 26), 0.5: (None, 44), 0.0: (81, 79)})
    assert list(first.wells) == [1.0, 0.5, 0.0]
    assert second.wells == {0.0: (70,)}
    assert content.spelt == ["visit W11, w11"]


@pytest.mark.parametrize(
    ("said", "ratio"),
    [
        ("1:2", 0.5),
        (" 1 : 2 ", 0.5),
        ("1/16", 0.0625),
        ("0,25", 0.25),
        ("2.5e-1", 0.25),
        ("2:1", 2.0),
        ("1", 1.0),
        ("0:1", 0.0),
        ("Alone", 0.0),
        ("1:3", 0.33333333),
    ],
)
def test_a_ratio_is_regulatory_cells_to_responders(tmp_path: Path, said: str, ratio: float) -> None:
    [one] = read(write(tmp_path, f"01;W11;{said};40", head=HEAD.replace(",", ";"))).found
    assert one.wells == {ratio: (40,)}


def test_plates_of_one_visit_are_judged_apart(tmp_path: Path) -> None:
    lines = [f"P{plate},A{k},{line}" for plate in (1, 2) for k, line in enumerate(LINES, 1)]
    found = read(write(tmp_path, *lines, head=f"plate,well,{HEAD}")).found
    assert [one.plate for one in found] == ["P1", "P2"]
    assert found[0].wells == found[1].wells


def test_a_division_index_is_read_as_well(tmp_path: Path) -> None:
    [one] = read(write(tmp_path, "01,W11,0,1.5", head="participant,visit,ratio,Division index")).found
    assert (one.measure, one.wells) == ("division_index", {0.0: (1.5,)})


@pytest.mark.parametrize(
    ("line", "column", "cause"),
    [
        ("01,W11,1:0,40", "ratio", "'1:0' is no ratio of cells"),
        ("01,W11,01:02:00,40", "ratio", "'01:02:00' is no ratio"),
        ("01,W11,-1:2,40", "ratio", "'-1:2' is no ratio"),
        ("01,W11,nan,40", "ratio", "'nan' is no ratio"),
        ("01,W11,1e99,40", "ratio", "'1e99' is no ratio"),
        ("01,W11,,40", "ratio", "empty"),
        ("01,W11,1:1,140", "divided", "'140' is no percentage from 0 to 100"),
        ("01,W11,1:1,-4", "divided", "'-4' is no percentage"),
        ("01,W11,1:1,nan", "divided", "'nan' is not a number"),
        ("01,,1:1,40", "visit", "empty"),
    ],
)
def test_a_defect_is_told_with_its_place_and_cure(tmp_path: Path, line: str, column: str, cause: str) -> None:
    with pytest.raises(TableError) as told:
        read(write(tmp_path, *LINES, line))
    problems = [one for one in told.value.defects if cause in one.cause]
    assert [(one.line, one.column) for one in problems] == [(7, column)]
    assert all(one.line == 7 and one.cure for one in told.value.defects)


@pytest.mark.parametrize(
    ("head", "cause"),
    [
        ("participant,visit,ratio,cells", "no column for the division"),
        ("participant,visit,divided,division_index", "no column for the ratio"),
        ("participant,visit,ratio,divided,division_index", "both divided and division_index are there"),
        ("participant,visit,ratio,divisoin_index", "the column 'divisoin_index' is not known"),
    ],
)
def test_one_measure_is_needed(tmp_path: Path, head: str, cause: str) -> None:
    with pytest.raises(TableError) as told:
        read(write(tmp_path, ",".join("1" for _ in head.split(",")), head=head))
    assert cause in told.value.render()


@pytest.mark.parametrize("said", ["40", "1.2%"])
def test_a_percentage_is_no_division_index(tmp_path: Path, said: str) -> None:
    with pytest.raises(TableError, match="is no division index from 0 to 10"):
        read(write(tmp_path, f"01,W11,0,{said}", head="participant,visit,ratio,division_index"))


@pytest.mark.parametrize(
    ("head", "before", "of"),
    [("well", "A1", "participant 01 visit W11"), ("plate,well", "P1,A1", "plate P1")],
)
def test_a_well_that_is_given_twice_is_refused(tmp_path: Path, head: str, before: str, of: str) -> None:
    lines = [f"{before},01,W11,0,81", f"{before.replace('A1', 'a01')},01,W11,0,81"]
    with pytest.raises(TableError) as told:
        read(write(tmp_path, *lines, head=f"{head},{HEAD}"))
    assert f"line 3, column well: well A01 of {of} stands on line 2 already" in told.value.render()


@settings(max_examples=40)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any_wells.csv"
    path.write_text(f"{HEAD}\n01,W11,{text}", encoding="utf-8", errors="replace")
    try:
        read(path)
    except TableError as error:
        assert error.defects
