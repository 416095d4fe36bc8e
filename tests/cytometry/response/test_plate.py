"""Plates as laboratories write them, and what is wrong with some, with line, column, cause and cure."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.cytometry.response import plate
from trialrun.cytometry.response.elispot import Assay, Wells
from trialrun.cytometry.response.plate import role
from trialrun.cytometry.response.rows import TableError, table

HEAD = "plate,well,participant,visit,stimulus,spots,cells,viability"
LINES = [
    *(f"P1,A{k},01,C1.D1,Core,{20 + k},200000,91" for k in range(1, 4)),
    *(f"P1,B{k},01,C1.D1,DMSO,{k},200000,91" for k in range(1, 7)),
    *(f"P1,C{k},01,C1.D1,PHA,TNTC,50000,91" for k in range(1, 4)),
]


def write(folder: Path, *lines: str, head: str = HEAD) -> Path:
    path = folder / "plate.csv"
    path.write_text("\n".join([head, *lines]), encoding="utf-8")
    return path


def read(path: Path) -> list[Assay]:
    return plate.read(path).found


def unread(path: Path) -> list[str]:
    return table(path, plate.COLUMNS).unread


def test_a_plate_is_read(tmp_path: Path) -> None:
    [assay] = read(write(tmp_path, *LINES))
    assert (assay.participant, assay.visit, assay.plate, assay.viability) == ("01", "C1.D1", "P1", 91)
    assert assay.antigens == {"Core": Wells((21, 22, 23))}
    assert assay.controls == Wells((1, 2, 3, 4, 5, 6))
    assert assay.positive_controls == {"PHA": Wells(censored=(None,) * 3, cells=50_000)}


def test_spreadsheets_write_semicolons_commas_and_other_heads(tmp_path: Path) -> None:
    head = "\ufeffPlate;Well;Patient ID;Visit;Antigen;Spots;Cells per well;Viability %;Reader\r"
    lines = ["P1;A01;01;W11;core;12;200000;91,5;x\r", "P1;A2;01;W11;CORE;>500;200000;91,5;x\r"]
    path = write(tmp_path, *lines, "", head=head.replace("Viability %", "viability percent"))
    [assay] = read(path)
    assert assay.viability == 91.5
    assert assay.antigens == {"core": Wells((12,), censored=(500,))}
    assert unread(path) == ["Reader"]


@pytest.mark.parametrize(
    ("column", "one", "other"),
    [
        ("visit", "Day -1", "Day 1"),
        ("participant", "1-12", "11-2"),
        ("plate", "P1", "P-1"),
        ("stimulus", "pool 1-2", "pool 12"),
    ],
)
def test_names_that_differ_by_a_sign_are_two(tmp_path: Path, column: str, one: str, other: str) -> None:
    """Wells of the day before treatment are not replicates of those of the day after it."""
    was = dict(zip(HEAD.split(","), LINES[0].split(","), strict=True))
    lines = [
        ",".join({**was, column: name, "well": f"H{k}"}.values()) for k, name in enumerate((one, other), 1)
    ]
    found = read(write(tmp_path, *lines))
    assert len(found) * len(found[0].antigens) == 2


def test_a_name_is_one_over_assays_and_visits_however_it_is_spelt(tmp_path: Path) -> None:
    """Else the change of a response from one visit to the next would not be known."""
    later = [line.replace("P1,", "p2,").replace("Core", "CORE").replace("C1.D1", "W11") for line in LINES]
    third = [line.replace("P1,", "P3,").replace("01,C1.D1", "01,c1.d1") for line in LINES]
    content = plate.read(write(tmp_path, *LINES, *(later[k].replace("p2", "P2") for k in range(12)), *third))
    assert [list(one.antigens) for one in content.found] == [["Core"]] * 3
    assert [one.visit for one in content.found] == ["C1.D1", "W11", "C1.D1"]
    assert content.spelt == ["visit C1.D1, c1.d1", "stimulus Core, CORE"]


def test_a_name_is_shown_as_it_is_most_often_written(tmp_path: Path) -> None:
    [assay] = read(write(tmp_path, LINES[0].replace("C1.D1,Core", "c1.d1,CORE"), *LINES[1:]))
    assert (assay.visit, list(assay.antigens)) == ("C1.D1", ["Core"])


@pytest.mark.parametrize(
    ("column", "one", "other"),
    [("visit", "Day 1", "Day1"), ("stimulus", "pool 1 2", "pool 12"), ("participant", "01 1", "0 11")],
)
def test_names_that_blanks_alone_part_are_refused(tmp_path: Path, column: str, one: str, other: str) -> None:
    was = dict(zip(HEAD.split(","), LINES[0].split(","), strict=True))
    lines = [
        ",".join({**was, column: name, "well": f"H{k}"}.values()) for k, name in enumerate((one, other), 1)
    ]
    with pytest.raises(TableError) as told:
        read(write(tmp_path, *lines))
    [defect] = told.value.defects
    assert (defect.line, defect.column) == (3, column)
    assert defect.cause == f"'{other}' and '{one}' on line 2 differ by blanks alone"


def test_wells_without_a_position_are_not_taken_for_one_well(tmp_path: Path) -> None:
    with pytest.raises(TableError) as told:
        read(write(tmp_path, *(f"P1,,{LINES[k][6:]}" for k in range(3))))
    assert {one.cause for one in told.value.defects} == {"the cell is empty"}


def test_what_cannot_be_seen_does_not_reach_the_terminal(tmp_path: Path) -> None:
    with pytest.raises(TableError) as told:
        read(write(tmp_path, "P1,D1,01,C1.D1,Core,\x1b[31m5,200000,91"))
    assert "\x1b" not in told.value.render()
    assert unread(write(tmp_path, "\x07,1", head="who\x1b[31m,plate")) == ["who\\x1b[31m"]


def test_case_and_blanks_of_heads_do_not_matter(tmp_path: Path) -> None:
    head = HEAD.replace("participant", " Participant").replace("spots", "SPOTS ").replace("well", "Well ID")
    path = write(tmp_path, *LINES, head=head)
    assert len(read(path)) == 1 and unread(path) == []


def test_whole_numbers_are_read_as_programs_write_them(tmp_path: Path) -> None:
    [assay] = read(
        write(tmp_path, *(line.replace(",21,", ",21.0,").replace(",22,", ",+22,") for line in LINES))
    )
    assert assay.antigens["Core"].spots == (21, 22, 23)


def test_a_head_that_is_nearly_one_is_not_passed_over(tmp_path: Path) -> None:
    """A misspelt viability would leave every assay not known to be valid, without a word why."""
    with pytest.raises(TableError, match="line 1: the column 'viabilty' is not known") as told:
        read(write(tmp_path, *LINES, head=HEAD.replace("viability", "viabilty")))
    assert "Head it viability" in told.value.render()  # type: ignore[attr-defined]


@pytest.mark.parametrize("head", ["spot", "Spots (mean)", "spots/well"])
def test_a_missing_column_is_told_with_the_head_that_is_near(tmp_path: Path, head: str) -> None:
    with pytest.raises(TableError) as told:
        read(write(tmp_path, *LINES, head=HEAD.replace("spots", head)))
    [defect] = told.value.defects
    assert (defect.column, defect.cause) == ("spots", "no column for the spots")
    assert defect.cure == f"Is it '{head}'? Head it spots."


def test_another_column_about_a_known_thing_is_only_told(tmp_path: Path) -> None:
    path = write(tmp_path, *(line + ",x" for line in LINES), head=HEAD + ",spots 2")
    assert len(read(path)) == 1 and unread(path) == ["spots 2"]


def test_a_column_without_a_head_is_told_where_it_holds_something(tmp_path: Path) -> None:
    full, bare = [line + ",x" for line in LINES], [line + "," for line in LINES]
    assert unread(write(tmp_path, *full, head=HEAD + ",")) == ["number 9, without a head"]
    assert unread(write(tmp_path, *bare, head=HEAD + ",")) == []


@pytest.mark.parametrize(
    "first", ["sep=;", "Run 12 of the reader,,,,,,,", "P1,A1,01,C1.D1,Core,4,200000,91", ""]
)
def test_a_file_without_heads_is_told_once(tmp_path: Path, first: str) -> None:
    with pytest.raises(TableError) as told:
        read(write(tmp_path, HEAD, *LINES, head=first))
    [defect] = told.value.defects
    assert (defect.line, defect.cause) == (1, "no head of a column is known here")
    assert "plate, well, participant" in defect.cure


def test_the_same_problem_is_told_once_with_its_lines(tmp_path: Path) -> None:
    bad = [*range(0, 3), 5, 7, 8]
    lines = [line.replace(",91", ",190" if k in bad else ",91") for k, line in enumerate(LINES)]
    with pytest.raises(TableError) as told:
        read(write(tmp_path, *lines))
    assert len(told.value.defects) == len(bad)
    first, cure = told.value.render().splitlines()
    assert first.startswith("plate.csv, lines 2-4, 7, 9-10, column viability: 190 is not")
    assert cure == "    Write 85 for 85 %."


def test_every_line_of_another_length_is_told(tmp_path: Path) -> None:
    with pytest.raises(TableError) as told:
        read(write(tmp_path, *(line + ",x" for line in LINES)))
    assert told.value.render().startswith("plate.csv, lines 2-13: 9 cells under 8 heads\n")


def test_problems_with_one_cure_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(TableError) as told:
        read(write(tmp_path, *LINES, *LINES))
    said = told.value.render().splitlines()
    assert "line 14, column well: well A1 of plate P1 stands on line 2 already" in said[0]
    assert said[-2:] == ["… and 7 more such lines: 19-25", "    Keep the line that is right."]
    assert len(said) == 7


def test_controls_are_known_however_they_are_spelt(tmp_path: Path) -> None:
    """In a published table two spellings of one control lose 17 of 21 patients."""
    assert {role(name) for name in ("UnStimulated", "Unstimulated", "un-stimulated", "DMSO")} == {
        "background"
    }
    assert (role("Anti-CD3"), role("NS3")) == ("positive", "antigen")
    named = [line + ",background" if "DMSO" in line else line + "," for line in LINES]
    [assay] = read(write(tmp_path, *(line.replace("DMSO", "diluent") for line in named), head=HEAD + ",role"))
    assert len(assay.controls) == 6


def test_a_positive_control_may_stand_for_the_whole_plate(tmp_path: Path) -> None:
    lines = [*LINES[:9], "P1,H1,,,CEF,300,200000,", "P2,H1,,,CEF,300,200000,"]
    [assay] = read(write(tmp_path, *lines))
    assert assay.positive_controls == {"CEF": Wells((300,))}


@pytest.mark.parametrize("said", ["", "lost", "Lost", "NA", "n/a", "ND", "-", "."])
def test_a_lost_well_is_not_a_nought(tmp_path: Path, said: str) -> None:
    [assay] = read(write(tmp_path, *LINES[1:], f"P1,A1,01,C1.D1,Core,{said},200000,91"))
    assert assay.antigens["Core"] == Wells((22, 23), lost=1)


@pytest.mark.parametrize(
    ("line", "column", "cause"),
    [
        ("P1,A1,01,C1.D1,Core,20,200000,91", "well", "stands on line 2 already"),
        ("P1,A01,01,C1.D1,Core,20,200000,91", "well", "stands on line 2 already"),
        *(
            (f"P1,D1,01,C1.D1,Core,{said},200000,91", "spots", f"'{said}' is not a count of spots")
            for said in ("-4", "1.5", "many", "nan", "NaN", "inf", "-Infinity", "40%", "1e3", "1.000", "0x1F")
        ),
        ("P1,D1,01,C1.D1,Core,5,200,91", "cells", "too few"),
        ("P1,D1,01,C1.D1,Core,5,,91", "cells", "empty"),
        ("P1,D1,01,C1.D1,Core,5,nan,91", "cells", "'nan' is not a number of cells"),
        ("P1,D1,01,C1.D1,Core,5,-200000,91", "cells", "'-200000' is not a number of cells"),
        ("P1,D1,01,C1.D1,Core,5,2e12,91", "cells", "too many"),
        ("P1,NA,01,C1.D1,Core,5,200000,91", "well", "empty"),
        ("P1,D1,01,C1.D1,Core\x1b[31m,5,200000,91", "stimulus", "what cannot be seen: U+001B"),
        ("P1,D1,01\u200b,C1.D1,Core,5,200000,91", "participant", "what cannot be seen: U+200B"),
        ("P1,D1,01,C1.D1,Core,5,100000,91", "cells", "replicates of Core differ"),
        ("P1,D1,01,C1.D1,Core,5,200000,85", "viability", "line 2 says otherwise"),
        ("P1,D1,01,C1.D1,Core,5,200000,0.9", "viability", "not a percentage"),
        ("P1,Z99,01,C1.D1,Core,5,200000,91", "well", "no well of a plate"),
        ("P1,D1,01,C1.D1,Core,5,200000,nan", "viability", "'nan' is not a number"),
        ("P1,D1,,C1.D1,Core,5,200000,91", "participant", "empty"),
        ("P1,D1,NaN,C1.D1,Core,5,200000,91", "participant", "'NaN' is no participant"),
        ("P1,D1,01,,Core,5,200000,91", "visit", "empty"),
        ("P1,D1,01,C1.D1,,5,200000,91", "stimulus", "empty"),
        ("P1,D1,01,C1.D1,Core,5,200000", None, "7 cells under 8 heads"),
        ("end of the file", None, "1 cell under 8 heads"),
    ],
)
def test_a_defect_is_told_with_its_place_and_cure(
    tmp_path: Path, line: str, column: str | None, cause: str
) -> None:
    with pytest.raises(TableError) as told:
        read(write(tmp_path, *LINES, line))
    [defect] = told.value.defects
    assert (defect.file, defect.line, defect.column) == ("plate.csv", 14, column)
    assert cause in defect.cause
    assert defect.cure.endswith(".")
    assert "plate.csv, line 14" in told.value.render()


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "no head of a column is known here"),
        (b"plate,well\nP1,A1", "no column for the participant"),
        (HEAD.encode(), "no line under the heads"),
        (HEAD.encode() + b",spots\n", "2 columns are the spots"),
        (HEAD.encode() + b",x" * 1000 + b"\n", "more than 1,000 columns"),
        (b"PK\x03\x04\x00\x00", "not a text file"),
        (HEAD.encode() + b"\nP1,A1,\xe9", "not UTF-8"),
        (HEAD.encode() + b'\nP1,"A1,01', "not CSV"),
        (HEAD.encode() + b"\nP1,H1,,,PHA,3,200000,", "every line is a positive control"),
    ],
)
def test_what_is_no_plate_is_refused(tmp_path: Path, content: bytes, cause: str) -> None:
    path = tmp_path / "plate.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=cause):
        read(path)


def test_no_table_is_longer_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trialrun.cytometry.response.rows.MOST_LINES", len(LINES) - 1)
    with pytest.raises(TableError, match="more than 11 lines"):
        read(write(tmp_path, *LINES))


@pytest.mark.parametrize("ask", [read, unread])
def test_a_file_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable) -> None:
    path, opened, was = write(tmp_path, *LINES), [], Path.read_bytes
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: pytest.fail("read in another way"))
    monkeypatch.setattr(Path, "read_bytes", lambda one: opened.append(one) or was(one))
    ask(path)
    assert opened == [path]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot be read"):
        read(tmp_path / "none.csv")


@settings(max_examples=40)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(f"{HEAD}\nP1,A1,{text}", encoding="utf-8", errors="replace")
    try:
        read(path)
    except TableError as error:
        assert error.defects
