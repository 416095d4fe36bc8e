"""What a laboratory says of its files, as spreadsheets write it."""

from pathlib import Path

import pytest

from trialrun.cytometry.manifest import COLUMNS, Manifest, Row, read_manifest
from trialrun.protocol.problem import ProtocolError

LINES = [["file", "participant", "counting", "cells_per_ul", "note"], ["a.fcs", "P1", "dual", "1500", "x"]]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_table_is_read_however_it_was_saved(
    tmp_path: Path, separator: str, encoding: str, ending: str
) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(ending.join([separator.join(line) for line in LINES] + [""]).encode(encoding))
    row = read_manifest(path, {}).rows["a.fcs"]
    assert (row["participant"], row.counting, row.number("cells_per_ul")) == ("P1", "dual", 1500)
    assert row["note"] == "x" and row["timepoint"] == "" and row.number("beads") is None
    assert set(LINES[0]) - {"note"} <= set(COLUMNS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no column `file`"),
        (b"file\n\xff\xfe\n", "is not UTF-8 text"),
        (b"file,file\na,b\n", "the column `file` is there twice"),
        (b"file\na.fcs,b\n", "has more cells than there are columns"),
        (b"file,participant\n,P1\n", "there is no file name"),
        (b"file,counting,cells_per_ul\na,dual,nan\n", "`nan` is not a number above 0"),
        (b"file,counting,cells_per_ul\na,dual,1e999\n", "is not a number above 0"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(content)
    with pytest.raises(ProtocolError) as error:
        read_manifest(path, {})
    assert any(message in one.message for one in error.value.problems)


def test_a_manifest_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="cannot be read"):
        read_manifest(tmp_path / "none.csv", {})


def test_headings_are_read_however_people_write_them_and_what_is_not_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("File,Participant,Blood UL,remark,Hours\na.fcs,P1,50,x,2\nb.fcs,P2,50,,\n", "utf-8")
    found = read_manifest(path, {}, ("hours",))
    row = found.rows["a.fcs"]
    assert (row["participant"], row["blood_ul"], row["hours"], found.unread) == ("P1", "50", "2", ("remark",))
    there = {"a.fcs": Path("a.fcs")}
    assert found.notes(there) == (
        "it has rows of files that were not given (1): b.fcs",
        "nothing reads its columns remark",
    )
    path.write_text("sep=;\nfile;participant\na.fcs;P1\n", "utf-8")
    assert read_manifest(path, {}).rows["a.fcs"] == Row({"file": "a.fcs", "participant": "P1"}, 3)
    path.write_text("file,particpant\na.fcs,P1\n", "utf-8")
    with pytest.raises(ProtocolError, match="Did you mean `participant`"):
        read_manifest(path, {})


def test_a_row_that_was_not_used_is_told_whether_or_not_it_came_from_a_file() -> None:
    manifest = Manifest({"a.fcs": Row({}), "b.fcs": Row({})})
    assert manifest.notes({"a.fcs": Path("a.fcs")}) == (
        "it has rows of files that were not given (1): b.fcs",
    )


def test_a_reason_is_more_than_a_word(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("file,accept\na.fcs,yes\nb.fcs,the label was left from before\n", "utf-8")
    with pytest.raises(ProtocolError) as error:
        read_manifest(path, {})
    assert [one.message for one in error.value.problems] == ["`yes` is no reason"]
