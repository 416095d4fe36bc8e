"""Real files of many instruments: read as others read them where they are right, or refused for a reason."""

import ast
import csv
from pathlib import Path

import numpy as np
import pytest

from trialrun.cytometry.fcs.error import FcsError
from trialrun.cytometry.fcs.linear import linear
from trialrun.cytometry.fcs.read import read, read_all

READERS = ("flowio", "flowio_ignore", "flowkit", "fcsparser", "readfcs", "FlowCal")
# Who is wrong about a file, and why; see docs/cells-reading.md.
WRONG = {
    "Accuri - C6.fcs": {"flowio_ignore": "takes TEXT's offsets, which lie in TEXT"},
    "Beckman Coulter - Cyan.fcs": {"flowio_ignore": "takes TEXT's offsets, which leave 46 bytes unread"},
    "data_start_offset_discrepancy_example.fcs": {"fcsparser": "takes HEADER's offsets, which lie in TEXT"},
}
REFUSED = {
    "corrupted.fcs": ("HEADER", "does not begin with FCS"),
    "sample_header.fcs": ("DATA", "the file is cut"),
}


def files(shared: Path) -> list[Path]:
    found = [
        path
        for path in sorted((shared / "data" / "cytometry").rglob("*"))
        if path.suffix.lower() in (".fcs", ".lmd", ".001", ".b08")
    ]
    assert len(found) >= 40
    return found


def others(shared: Path) -> dict[str, dict[str, str]]:
    with (shared / "data" / "cytometry" / "zoo" / "reader_results.csv").open(encoding="utf-8") as stream:
        return {row["file"].rpartition("/")[2]: row for row in csv.DictReader(stream)}


def test_every_file_is_read_or_refused_for_its_reason(shared: Path) -> None:
    refused = {}
    for path in files(shared):
        try:
            sample = read(path)
        except FcsError as error:
            refused[path.name] = error
            continue
        assert sample.events.shape == (len(sample.channels), sample.count)
        assert sample.count
        assert np.isfinite(sample.events).all()
        assert len(set(sample.names)) == len(sample.names)
    assert set(refused) == set(REFUSED)
    for name, (place, cause) in REFUSED.items():
        assert refused[name].place == place
        assert cause in refused[name].cause


def test_the_numbers_are_those_of_the_other_readers_where_they_are_right(shared: Path) -> None:
    known = others(shared)
    compared = 0
    for path in files(shared):
        row = known.get(path.name)
        if row is None or path.name in REFUSED:
            continue
        samples = read_all(path)
        sample = samples[0]
        shape = f"{sample.count}x{len(sample.channels)}"
        sums = ast.literal_eval(row["sums"]) if row["sums"] else {}
        ours = float(sample.events.sum(dtype=np.float64))
        for reader in READERS:
            assert row[reader].startswith("ERR") or row[reader] == shape
            if reader not in sums or reader == "flowkit":
                continue
            compared += 1
            right = reader not in WRONG.get(path.name, {})
            assert (ours == pytest.approx(sums[reader], abs=0.06)) == right, (path.name, reader)
        if "flowkit" in sums:  # which expands, divides and multiplies before it says "raw"
            compared += 1
            assert linear(sample).sum() == pytest.approx(sums["flowkit"], abs=0.06), path.name
    assert compared >= 50


def test_what_flowio_reads_without_an_option_is_equal_event_for_event(shared: Path) -> None:
    from flowio import FlowData

    compared = 0
    for path in files(shared):
        try:
            with path.open("rb") as stream:
                other = FlowData(stream).as_array(preprocess=False)
        except Exception:
            continue
        compared += 1
        assert np.array_equal(read(path).events, other.T), path.name
    assert compared >= 30


def test_the_lmd_file_holds_its_events_twice(shared: Path) -> None:
    path = shared / "data" / "cytometry" / "zoo" / "coulter.lmd"
    coarse, fine = read_all(path)
    assert (coarse.count, fine.count) == (18110, 18110)
    assert np.array_equal(np.floor(fine.column("FS") / 1024), coarse.column("FS Lin"))
    assert np.array_equal(read(path).events, fine.events)
    assert np.array_equal(read(path, data_set=1).events, coarse.events)


def test_events_of_a_child_gate_are_events_of_its_parent(shared: Path) -> None:
    folder = shared / "data" / "cytometry" / "treg_meyer"
    parent = {
        event.tobytes() for event in np.ascontiguousarray(read(folder / "Well_A01_CD3+CD4+.fcs").events.T)
    }
    child = np.ascontiguousarray(read(folder / "Well_A01_T_reg_naive.fcs").events.T)
    assert len(child) == 191
    assert all(event.tobytes() in parent for event in child)
