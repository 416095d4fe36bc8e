"""Tables of stained cells as laboratories write them, and what is wrong with some."""

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.cytometry.response import counts
from trialrun.cytometry.response.counts import Stain
from trialrun.cytometry.response.ics import Count, responses
from trialrun.cytometry.response.rows import TableError

HEAD = "participant,visit,subset,cytokine,stimulation,positive,parent"
LINES = ["01,W11,CD4,IFNg,NS3,60,80000", "01,W11,CD4,IFNg,core,,", "01,W11,CD4,IFNg,UnStimulated,4,82000"]


def write(folder: Path, *lines: str, head: str = HEAD) -> Path:
    path = folder / "ics.csv"
    path.write_text("\n".join([head, *lines]), encoding="utf-8")
    return path


def read(path: Path) -> list[Stain]:
    return counts.read(path).found


def unread(path: Path) -> list[str]:
    return counts.read(path).unread


def test_a_table_is_read_and_judged(tmp_path: Path) -> None:
    [stain] = read(write(tmp_path, *LINES))
    assert (stain.participant, stain.visit, stain.subset, stain.cytokine) == ("01", "W11", "CD4", "IFNg")
    assert stain.antigens == {"NS3": Count(60, 80_000), "core": None}
    assert stain.control == Count(4, 82_000)
    assert responses(stain.antigens, stain.control)["NS3"].positive is True


def test_two_spellings_of_the_control_are_one(tmp_path: Path) -> None:
    lines = [*LINES, "02,W11,CD4,IFNg,NS3,9,70000", "02,W11,CD4,IFNg,Unstimulated,3,70000"]
    assert [stain.control for stain in read(write(tmp_path, *lines))] == [Count(4, 82_000), Count(3, 70_000)]


def test_a_name_is_one_however_it_is_spelt(tmp_path: Path) -> None:
    lines = [*LINES, "02,w11,CD4,IFNG,ns3,9,70000", "02,W11,cd4,IFNg,Unstimulated,3,70000"]
    content = counts.read(write(tmp_path, *lines))
    assert [(one.visit, one.subset, one.cytokine) for one in content.found] == [("W11", "CD4", "IFNg")] * 2
    assert list(content.found[1].antigens) == ["NS3"]
    assert content.spelt == [
        "visit W11, w11",
        "subset CD4, cd4",
        "cytokine IFNg, IFNG",
        "stimulation NS3, ns3",
        "stimulation UnStimulated, Unstimulated",
    ]


def test_the_published_table_with_two_spellings_of_its_control_loses_nobody(
    shared: Path, tmp_path: Path
) -> None:
    with (shared / "data/cytometry/ics_counts/compass_ics.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert {"UnStimulated", "Unstimulated"} < {row["Stimulation"] for row in table}
    parent = "S/Avid-/L/CD3+/CD4+,Count"
    lines = [f"{row['PATIENT ID']},1,CD4,any,{row['Stimulation']},0,{row[parent]}" for row in table]
    stains = read(write(tmp_path, *lines))
    assert len(stains) == len({row["PATIENT ID"] for row in table}) == 21
    assert all(stain.control and list(stain.antigens) == ["ESAT6/CFP10"] for stain in stains)


@pytest.mark.parametrize(
    ("column", "one", "other"),
    [
        ("participant", "1-12", "11-2"),
        ("visit", "Day -1", "Day 1"),
        ("subset", "CD4+", "CD4-"),
        ("cytokine", "IFNg+IL2-", "IFNg-IL2+"),
        ("stimulation", "pool 1-2", "pool 12"),
    ],
)
def test_names_that_differ_by_a_sign_are_two(tmp_path: Path, column: str, one: str, other: str) -> None:
    was = dict(zip(HEAD.split(","), LINES[0].split(","), strict=True))
    stains = read(write(tmp_path, *(",".join({**was, column: name}.values()) for name in (one, other))))
    assert len(stains) * len(stains[0].antigens) == 2


@pytest.mark.parametrize("said", ["", "lost", "Lost", "NA", "n/a", "ND", "-", "."])
def test_a_lost_well_is_told_and_no_nought(tmp_path: Path, said: str) -> None:
    [stain] = read(write(tmp_path, *LINES[::2], f"01,W11,CD4,IFNg,core,{said},{said}"))
    assert stain.antigens["core"] is None
    assert responses(stain.antigens, stain.control)["core"].reason == "the stimulated well was lost"


def test_a_missing_column_is_told_with_the_head_that_is_near(tmp_path: Path) -> None:
    with pytest.raises(TableError) as told:
        read(write(tmp_path, *LINES, head=HEAD.replace("cytokine", "Cytokines")))
    [defect] = told.value.defects
    assert (defect.column, defect.cure) == ("cytokine", "Is it 'Cytokines'? Head it cytokine.")


def test_columns_that_are_not_read_are_told(tmp_path: Path) -> None:
    path = write(tmp_path, *(line + ",x,y" for line in LINES), head=HEAD + ",Operator,")
    assert unread(path) == ["Operator", "number 9, without a head"]
    assert len(read(path)) == 1


def test_the_same_problem_is_told_once_with_its_lines(tmp_path: Path) -> None:
    with pytest.raises(TableError) as told:
        read(write(tmp_path, *(f"0{k},W11,CD4,IFNg,NS3,nan,80000" for k in range(3))))
    first, cure = told.value.render().splitlines()
    assert first == "ics.csv, lines 2-4, column positive: 'nan' is not a count"
    assert cure == "    Write a whole number from 0, or lost."


def test_counts_are_read_as_programs_write_them(tmp_path: Path) -> None:
    lines = ["01;W11;CD4;IFNg;NS3;60,0;8E+04", "01;W11;CD4;IFNg;core;+6;1,2e5"]
    [stain] = read(write(tmp_path, *lines, head=HEAD.replace(",", ";")))
    assert stain.antigens == {"NS3": Count(60, 80_000), "core": Count(6, 120_000)}


@pytest.mark.parametrize("said", ["80,000", "80.000", "40%", "nan", "inf", "1,5"])
def test_no_other_number_is_taken_for_a_count(tmp_path: Path, said: str) -> None:
    """80,000 is not 80, nor a share a count."""
    with pytest.raises(TableError) as told:
        read(write(tmp_path, f"01;W11;CD4;IFNg;NS3;4;{said}", head=HEAD.replace(",", ";")))
    [defect] = told.value.defects
    assert (defect.column, defect.cause) == ("parent", f"'{said}' is not a count")


@pytest.mark.parametrize(
    ("line", "column", "cause"),
    [
        ("01,W11,CD4,IFNg,ns3,1,80000", "stimulation", "stands on line 2 already"),
        ("01,W11,CD4,IFNg,medium,1,80000", "stimulation", "stands on line 4 already"),
        ("01,W11,CD4,IFNg,NS5,9,8", "positive", "more than their parent's 8"),
        ("01,W11,CD4,IFNg,NS5,-1,8", "positive", "'-1' is not a count"),
        ("01,W11,CD4,IFNg,NS5,5,", "parent", "no count"),
        ("01,W11,CD4,IFNg,NS5,lost,8", "positive", "no count"),
        (",W11,CD4,IFNg,NS5,5,9", "participant", "empty"),
        ("nan,W11,CD4,IFNg,NS5,5,9", "participant", "'nan' is no participant"),
        ("01\u200b,W11,CD4,IFNg,NS5,5,9", "participant", "what cannot be seen: U+200B"),
    ],
)
def test_a_defect_is_told_with_its_place_and_cure(tmp_path: Path, line: str, column: str, cause: str) -> None:
    with pytest.raises(TableError) as told:
        read(write(tmp_path, *LINES, line))
    [defect] = told.value.defects
    assert (defect.line, defect.column) == (5, column)
    assert cause in defect.cause and defect.cure


@settings(max_examples=40)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any_counts.csv"
    path.write_text(f"{HEAD}\n01,W11,CD4,IFNg,NS3,{text}", encoding="utf-8", errors="replace")
    try:
        read(path)
    except TableError as error:
        assert error.defects
