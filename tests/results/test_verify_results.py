"""Kept results are computed again: what was tampered with is found, each number and each file."""

import shutil
from pathlib import Path

import polars as pl
import pytest
from record_walk import SetClock

from trialrun.analysis import ard_file
from trialrun.record.known import stand
from trialrun.record.trial import Trial
from trialrun.results.folder import SUMS, checksums
from trialrun.results.verify import NoResults, Verified, differences, verify_results


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), "utf-8", newline="")


def sealed(folder: Path) -> None:
    """Make the list of sums fit again, as someone who means harm would."""
    (folder / SUMS).write_text(checksums(folder), "utf-8", newline="")


def against(folder: Path, record: Path) -> Verified:
    trial = Trial.open(record, SetClock())
    try:
        stand(trial)
        return verify_results(folder, trial)
    finally:
        trial.close()


def wrong(found: Verified) -> dict[str, str]:
    return {fault.file: fault.wrong for fault in found.faults}


def test_untouched_results_are_the_same(results: Path, kept: Path) -> None:
    found = verify_results(results)
    assert (found.differences, found.faults, found.notes) == ([], [], [])
    assert found.same
    assert found.cells > 60
    assert found.files == len(checksums(results).splitlines())
    assert against(results, kept).same


def test_a_changed_number_is_named(results: Path) -> None:
    edit(results / "cells.csv", ",mean,58,", ",mean,57,")
    found = verify_results(results)
    [one] = found.differences
    assert (one.output, one.line, one.column, one.statistic) == ("14.1.4", "age / mean_sd", "all", "mean")
    assert (one.then, one.now) == ("57", "58")
    assert str(one) == "14.1.4 · age / mean_sd · all · mean: then 57, now 58"
    assert wrong(found) == {"cells.csv": "changed: its SHA-256 is not the one in SHA256SUMS"}


def test_a_line_that_was_taken_out_is_named(results: Path) -> None:
    now = ard_file.read_cells(results / "cells.csv")
    [one] = differences(now.filter(pl.int_range(pl.len()) != 4), now)
    assert one.then is None
    assert one.now is not None


def tamper(results: Path, table: str, change: pl.Expr) -> None:
    path = results / "tables" / f"{table}.parquet"
    found = pl.read_parquet(path).with_columns(change)
    found.write_parquet(path)


def test_a_changed_row_of_a_table_changes_what_comes_out(results: Path, kept: Path) -> None:
    tamper(results, "dm", pl.col("AGE") + 7)
    found = verify_results(results)
    told = {
        (one.line, one.statistic): (one.then, one.now) for one in found.differences if one.output == "14.1.4"
    }
    assert told["age / mean_sd", "mean"] == ("58", "65")
    assert "changed" in wrong(found)["tables/dm.parquet"]
    found = against(results, kept)
    assert found.differences == []
    assert "tables/dm.parquet" in wrong(found)


def test_a_changed_row_is_named_by_the_record_though_the_sums_were_made_to_fit(
    results: Path, kept: Path
) -> None:
    tamper(results, "dm", pl.col("AGE") + 7)
    sealed(results)
    found = against(results, kept)
    told = [str(one) for one in found.faults]
    assert "tables/dm.parquet: row 1, AGE: 65.0, and the record gives 58.0" in told
    assert wrong(found)[SUMS] == "no look in the trial's record has this hash"


@pytest.mark.parametrize("seal", [False, True])
def test_one_byte_of_a_document_is_found(results: Path, seal: bool) -> None:
    path = results / "report.html"
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(bytes(content))
    if seal:
        sealed(results)
    found = verify_results(results)
    expected = "not what these tables and this study give now" if seal else "changed: its SHA-256"
    assert wrong(found)["report.html"].startswith(expected)
    assert set(wrong(found)) == {"report.html"}
    assert found.differences == []


def test_any_other_file_is_found(results: Path) -> None:
    changed = ("ars.json", "rows.csv", "columns.json", "study/study.yaml")
    for name in changed:
        path = results / name
        path.write_bytes(path.read_bytes() + b"\n")
    (results / "note.txt").write_text("mine")
    (results / "report.txt").unlink()
    found = wrong(verify_results(results))
    assert set(found) == {*changed, "note.txt", "report.txt"}
    assert found["note.txt"] == "not listed in SHA256SUMS: it was added since"
    assert found["report.txt"] == "missing, though SHA256SUMS lists it"


def test_a_study_that_was_changed_is_found(results: Path, kept: Path) -> None:
    edit(results / "study" / "outputs.yaml", "at: [65]", "at: [50]")
    edit(results / "study" / "outputs.yaml", "[<65, '≥65']", "[<50, '≥50']")
    sealed(results)
    found = verify_results(results)
    assert {one.output for one in found.differences} == {"14.1.4"}
    assert "manifest.json" in wrong(found)


def test_what_cannot_be_read_is_a_fault(results: Path) -> None:
    """The sums and the numbers; and the software is another."""
    (results / SUMS).write_text("nothing\n")
    (results / "cells.csv").write_bytes(b"nothing")
    edit(results / "manifest.json", '"scipy": "', '"scipy": "0.')
    found = verify_results(results)
    assert not found.same
    assert wrong(found)[SUMS].startswith("cannot be read: not a list of sums")
    assert "its columns are not" in wrong(found)["cells.csv"]
    [note] = found.notes
    assert note.startswith("the software is another: scipy 0.")


def test_a_record_that_was_changed_since_is_found(results: Path, kept: Path, tmp_path: Path) -> None:
    """Results of another trial: same study, another participant."""
    edit(results / "manifest.json", '"length": ', '"length": 9')
    assert "participant:PSL-001 is another in the record of that day" in {
        one.wrong for one in against(results, kept).faults
    }


@pytest.mark.parametrize(
    "broken", ["no manifest", "no json", "no word", "no tables", "half a table", "no study"]
)
def test_where_nothing_can_be_compared_it_says_so(results: Path, broken: str) -> None:
    match broken:
        case "no manifest":
            (results / "manifest.json").unlink()
        case "no json":
            (results / "manifest.json").write_text("{")
        case "no word":
            edit(results / "manifest.json", '"as_of"', '"as_off"')
        case "no tables":
            shutil.rmtree(results / "tables")
        case "half a table":
            one = results / "tables" / "dm.parquet"
            one.write_bytes(one.read_bytes()[:100])
        case "no study":
            (results / "study" / "study.yaml").write_text("id: [")
    with pytest.raises(NoResults, match=r"manifest\.json|holds no table|cannot be read|does not compile"):
        verify_results(results)
