"""Results on disk: what is read is what was written, to the last digit and the last null."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import example_trial
from trialrun.analysis import ard_file
from trialrun.analysis.ard import Ard, analyse_outputs
from trialrun.analysis.outputs.recorded import SCHEMA
from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol

TEXT = st.none() | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\0"), max_size=8)


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load("vascu_il2")


@pytest.fixture(scope="module")
def ard(protocol: Protocol) -> Ard:
    some = ["14.1.1", "14.2.1.1", "16.2.7.1", "F14.2.4"]
    return analyse_outputs(example_trial.tables(protocol), protocol.outputs, protocol, some)


def test_results_come_back_equal(ard: Ard, protocol: Protocol, tmp_path: Path) -> None:
    ard_file.save(ard, tmp_path)
    again = ard_file.load(tmp_path, ard.outputs)
    assert again.cells.equals(ard.cells, null_equal=True)
    assert again.rows.equals(ard.rows)
    assert (again.hash, again.columns, again.headers) == (ard.hash, ard.columns, ard.headers)
    assert again.outputs == ard.outputs


def test_sources_are_told_once_and_in_order(ard: Ard) -> None:
    """Whatever the threads gathered first."""
    told = [one.to_list() for one in ard.cells["sources"] if one is not None]
    assert max(map(len, told)) > 10
    assert told == [sorted(set(one)) for one in told]


def test_the_bytes_are_the_same_again(ard: Ard, protocol: Protocol, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    ard_file.save(ard, tmp_path / "a")
    ard_file.save(ard_file.load(tmp_path / "a", protocol.outputs.planned), tmp_path / "b")
    for name in (ard_file.CELLS, ard_file.ROWS, ard_file.COLUMNS):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(TEXT, st.none() | st.floats(allow_nan=False), st.none() | st.sets(st.integers(0, 60))),
        max_size=5,
    )
)
def test_any_cells_come_back_equal(tmp_path_factory: pytest.TempPathFactory, rows: list) -> None:
    empty = dict.fromkeys(SCHEMA)
    told = [
        {**empty, "text": text, "value": value, "part": text, "sources": some and sorted(some)}
        for text, value, some in rows
    ]
    cells = pl.DataFrame(told, schema=SCHEMA, orient="row")
    path = tmp_path_factory.mktemp("cells") / ard_file.CELLS
    ard_file._write(cells, path)
    assert ard_file.read_cells(path).equals(cells, null_equal=True)


@pytest.mark.parametrize(
    ("numbers", "text"), [([], ""), ([4], "4"), ([1, 2, 3], "1-3"), ([0, 2, 3, 9], "0 2-3 9")]
)
def test_rows_are_told_as_ranges(numbers: list[int], text: str) -> None:
    assert ard_file.ranges(tuple(numbers)) == text


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe", None])
def test_what_holds_no_results_is_said(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / ard_file.CELLS
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ard_file.NotResults, match=r"cells\.csv"):
        ard_file.read_cells(path)


def test_a_number_that_is_none_is_said(ard: Ard, tmp_path: Path) -> None:
    ard_file.save(ard, tmp_path)
    path = tmp_path / ard_file.CELLS
    path.write_text(path.read_text("utf-8").replace(",N,10,", ",N,ten,", 1), "utf-8")
    with pytest.raises(ard_file.NotResults, match="ten"):
        ard_file.read_cells(path)


def test_outputs_that_are_not_planned_are_said(ard: Ard, protocol: Protocol, tmp_path: Path) -> None:
    ard_file.save(ard, tmp_path)
    with pytest.raises(ard_file.NotResults, match=r"14\.1\.1"):
        ard_file.load(tmp_path, {})
