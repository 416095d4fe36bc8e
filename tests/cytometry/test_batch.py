"""Many files: the same numbers however they are run, one gate for a participant, nothing done twice."""

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from trialrun.cytometry import batch_folder
from trialrun.cytometry.batch import Batch, gate
from trialrun.cytometry.fcs.write import write
from trialrun.cytometry.manifest import read_manifest
from trialrun.cytometry.sample import Channel, Sample
from trialrun.protocol.panels import Panels, load_panels
from trialrun.protocol.problem import ProtocolError

PANEL = """\
panels:
  tube:
    title: A tube
    from: assumption
    reason: For the tests.
    markers: {A: A-A, B: B-A}
    compensation: none
    references: {plain: {role: control}}
    populations:
      high: {of: all, method: density, by: A, keep: high}
      bright: {of: high, method: control, by: B, keep: high, control: plain}
    counting: {volume: true}
    quantities:
      high_percent: {percent: high, of: all}
      high_count: {absolute: high}
      bright_percent: {percent: bright, of: high}
"""


def sample(seed: int, high: float = 1000, share: float = 0.3) -> Sample:
    stream = np.random.default_rng(seed)
    number = int(1000 * share)
    a = np.concatenate([stream.normal(high, 60, number), stream.normal(200, 60, 1000 - number)])
    b = stream.normal(300, 50, 1000)
    events = np.rint(np.stack([a, b])).astype(np.float32)
    return Sample("", "", tuple(Channel(name, "", 4096.0) for name in ("A-A", "B-A")), events, {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "panel.yaml").write_text(PANEL, "utf-8")
    for number in range(4):
        write(tmp_path / f"{number}.fcs", sample(number, 1000 + 40 * number, 0.1 * (number + 1)))
    return tmp_path


def panels(folder: Path) -> Panels:
    return load_panels(folder / "panel.yaml")


def run(
    folder: Path, names: Sequence[str] = "0123", manifest: str = "", cores: int = 1, out: Path | None = None
) -> Batch:
    said = panels(folder)
    rows = None
    if manifest:
        (folder / "manifest.csv").write_text(manifest, "utf-8")
        rows = read_manifest(folder / "manifest.csv", said.panels)
    return gate([folder / f"{name}.fcs" for name in names], said, "tube", manifest=rows, cores=cores, out=out)


OF_ONE = "file,participant,timepoint\n0.fcs,P1,V1\n1.fcs,P1,V2\n2.fcs,P1,V3\n3.fcs,P2,V1\n"


def test_over_several_cores_and_in_any_order_the_numbers_are_the_same(folder: Path) -> None:
    one = batch_folder.provenance(run(folder))
    assert batch_folder.provenance(run(folder, "3120", cores=2)) == one


def test_visits_of_a_participant_share_their_gate_and_nobody_elses(folder: Path) -> None:
    found = [one.gates["high"]["at"] for one in run(folder, manifest=OF_ONE).outcomes]
    assert found[0] == found[1] == found[2] != found[3]
    alone = [one.gates["high"]["at"] for one in run(folder).outcomes]
    assert len(set(alone)) == 4
    assert alone[3] == found[3]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("=1+1.fcs", "'=1+1.fcs"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "\t'=1"),
        ("a;=1+1", "a;'=1+1"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("+HYPERLINK(A1)", "'+HYPERLINK(A1)"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("-7", "-7"),
        ("+PMA.fcs", "+PMA.fcs"),
        ("CD4-", "CD4-"),
        ("a=b", "a=b"),
        (-0.5, -0.5),
        (None, None),
    ],
)
def test_what_a_spreadsheet_would_compute_is_text_and_what_it_would_not_stays(
    said: object, written: object
) -> None:
    assert batch_folder.inert(said) == written


def test_no_cell_of_the_table_is_a_formula(folder: Path) -> None:
    write(folder / "=1+1.fcs", sample(1))
    manifest = 'file,participant,timepoint,batch\n=1+1.fcs,=HYPERLINK("x"),-7,@B\n'
    batch = run(folder, ["=1+1"], manifest)
    rows = list(csv.DictReader(batch_folder.table(batch).splitlines()))
    names = {tuple(row[key] for key in ("file", "participant", "timepoint", "batch")) for row in rows}
    assert names == {("'=1+1.fcs", '\'=HYPERLINK("x")', "-7", "'@B")}
    assert batch_folder.provenance(batch)["files"][0]["file"] == "=1+1.fcs"


def test_the_gate_does_not_know_which_visit_came_first(folder: Path) -> None:
    exchanged = OF_ONE.replace("V1\n1", "V9\n1").replace("V3", "V1")
    there, again = run(folder, manifest=OF_ONE), run(folder, manifest=exchanged)
    assert [one.estimates for one in there.outcomes] == [one.estimates for one in again.outcomes]


def test_what_is_finished_is_not_done_again(folder: Path) -> None:
    out = folder / "out"
    first = run(folder, "012", out=out)
    assert (first.resumed, len(first.outcomes)) == (0, 3)
    second = run(folder, out=out)
    assert (second.resumed, len(second.outcomes)) == (3, 4)
    assert batch_folder.table(second) == batch_folder.table(run(folder))
    text = (folder / "panel.yaml").read_text("utf-8")
    (folder / "panel.yaml").write_text(text.replace("title: A tube", "title: Another tube"), "utf-8")
    assert run(folder, out=out).resumed == 0


def test_what_is_kept_and_damaged_is_done_again(folder: Path) -> None:
    out = folder / "out"
    run(folder, out=out)
    for path in (out / ".parts").glob("*.json"):
        path.write_text("[{", "utf-8")
    assert run(folder, out=out).resumed == 0


@pytest.mark.parametrize("cores", [1, 2])
def test_one_bad_file_stops_nobody(folder: Path, cores: int) -> None:
    (folder / "4.fcs").write_bytes(b"FCS3.1" + b"\xff" * 100)
    lone = sample(9)
    write(folder / "5.fcs", replace(lone, channels=lone.channels[:1], events=lone.events[:1]))
    found = run(folder, "012345", cores=cores)
    assert [one.name for one in found.failures] == ["4.fcs"]
    lacking = found.outcomes[-1]
    assert lacking.estimates["high_percent"].value is not None
    assert lacking.estimates["bright_percent"].value is None


def test_the_same_bytes_are_counted_once(folder: Path) -> None:
    (folder / "4.fcs").write_bytes((folder / "0.fcs").read_bytes())
    found = run(folder, "04")
    assert len(found.outcomes) == 1
    assert "the same bytes as 0.fcs" in found.failures[0].reason


def test_a_control_makes_a_gate_and_no_result(folder: Path) -> None:
    found = run(folder, "012", manifest="file,reference\n0.fcs,plain\n")
    assert [one.file.name for one in found.outcomes] == ["1.fcs", "2.fcs"]
    assert [one.name for one in found.controls] == ["0.fcs"]
    value = found.outcomes[0].estimates["bright_percent"].value
    assert value is not None and value < 3  # the control's 99.5th percentile, of the same stain
    without = run(folder, "12").outcomes[0].estimates["bright_percent"]
    assert without.value is None and "no sample of the control" in (without.reason or "")


@pytest.mark.parametrize("changed", ["0", "1"])
def test_a_file_or_control_that_changes_meanwhile_gives_no_numbers(folder: Path, changed: str) -> None:
    def change(step: str, share: float) -> None:
        if step == "read" and share == 1:
            write(folder / f"{changed}.fcs", sample(99))

    said = panels(folder)
    (folder / "manifest.csv").write_text("file,reference\n0.fcs,plain\n", "utf-8")
    manifest = read_manifest(folder / "manifest.csv", said.panels)
    paths = [folder / f"{name}.fcs" for name in "012"]
    found = gate(paths, said, "tube", manifest=manifest, tell=change)
    lost = ["1.fcs", "2.fcs"] if changed == "0" else ["1.fcs"]  # without its control no file is gated
    assert [one.name for one in found.failures] == lost
    assert all("it was changed while it was gated" in one.reason for one in found.failures)


def test_a_number_that_is_not_estimable_says_why(folder: Path) -> None:
    manifest = "file,counting,dilution\n0.fcs,volume,2\n"
    found = run(folder, "01", manifest=manifest).outcomes
    assert "$VOL" in (found[0].estimates["high_count"].reason or "")
    assert "give a manifest" in (found[1].estimates["high_count"].reason or "")


def test_provenance_names_the_file_the_panel_and_the_code(folder: Path) -> None:
    found = run(folder, "0")
    told = json.loads(json.dumps(batch_folder.provenance(found)))
    source = found.source(found.outcomes[0])
    assert told["panel_sha256"] == panels(folder).hash("tube") == source["panel"]
    assert told["files"][0]["sha256"] == source["sha256"]
    assert told["engine"] == source["engine"]
    assert "$PnG" in told["raw"]


@pytest.mark.parametrize(
    ("manifest", "message", "line"),
    [
        ("name\n0.fcs\n", "has no column `file`", 1),
        ("file,storage\n0.fcs,warm\n", "`warm` is not a right `storage`", 2),
        ("file,counting\n0.fcs,beads\n", "is empty, and cells are counted by beads", 2),
        ("file,counting,dilution\n0.fcs,volume,0\n", "`0` is not a number above 0", 2),
        ("file,reference\n0.fcs,plane\n", "there is no reference `plane`", 2),
        ("file,panel\n0.fcs,tubes\n", "there is no panel `tubes`", 2),
        ("file\n0.fcs\n0.fcs\n", "`0.fcs` is there twice", 3),
    ],
)
def test_a_wrong_manifest_is_told_with_its_line(folder: Path, manifest: str, message: str, line: int) -> None:
    with pytest.raises(ProtocolError) as error:
        run(folder, manifest=manifest)
    told = [one for one in error.value.problems if message in one.message]
    assert told and told[0].place.line == line


FEW = "    quality:\n      enough: {kind: events, of: all, at_least: 900}\n"


def test_a_sample_that_fails_moves_no_gate_of_the_others(folder: Path) -> None:
    (folder / "panel.yaml").write_text(PANEL + FEW, "utf-8")
    odd = sample(9, 500)
    write(folder / "odd.fcs", replace(odd, events=odd.events[:, ::2]))
    others = "file,participant\n0.fcs,P1\n1.fcs,P1\n"
    alone = run(folder, "01", others)
    names = ["0", "1", "odd"]
    out = folder / "out"
    (folder / "manifest.csv").write_text(others + "odd.fcs,P1\n", "utf-8")
    said = panels(folder)
    manifest = read_manifest(folder / "manifest.csv", said.panels)
    files = [folder / f"{name}.fcs" for name in names]
    found = gate(files, said, "tube", manifest=manifest, out=out)
    assert [one.file.name for one in found.outcomes if one.failed] == ["odd.fcs"]
    assert [one.estimates for one in found.outcomes[:2]] == [one.estimates for one in alone.outcomes]
    assert found.outcomes[2].gates == found.outcomes[0].gates
    again = gate(files, said, "tube", manifest=manifest, out=out, membership=False)
    assert again.resumed == 3
    assert again.outcomes == found.outcomes


def test_files_that_are_not_admitted_have_no_part_in_any_gate(folder: Path) -> None:
    said = panels(folder)
    (folder / "manifest.csv").write_text(OF_ONE, "utf-8")
    manifest = read_manifest(folder / "manifest.csv", said.panels)
    files = [folder / f"{name}.fcs" for name in "0123"]
    found = gate(
        files, said, "tube", manifest=manifest, admit=lambda some: [one for one in some if one.name < "2"]
    )
    assert found.outcomes == run(folder, "01", OF_ONE).outcomes
    assert found.failures == ()


def test_what_manifest_and_file_say_of_each_other_is_told(folder: Path) -> None:
    plain = sample(1)
    said = {"PARTICIPANT": "P9", "$SMNO": "L1", "SPILL": "2,A-A,B-A,1,0.1,0,1"}
    write(folder / "0.fcs", replace(plain, keywords=said))
    found = run(folder, "01", "file,participant,specimen\n0.fcs,P1,L1\n7.fcs,P1,L2\n")
    findings = [one.file.findings for one in found.outcomes]
    assert findings[0][0].startswith(
        "it carries a compensation matrix, and the panel says `compensation: none`"
    )
    assert findings[0][1:] == ("the manifest says participant `P1`, and the file's keyword PARTICIPANT `P9`",)
    assert findings[1] == ("the manifest has no row of it; it is taken for what its keywords say",)
    assert found.notes == ("it has rows of files that were not given (1): 7.fcs",)


def clouds(seed: int, *parts: tuple[float, int]) -> Sample:
    """A sample with so many events about each value of A."""
    stream = np.random.default_rng(seed)
    a = np.concatenate([stream.normal(at, 40, number) for at, number in parts])
    return replace(sample(seed), events=np.rint(np.stack([a, a])).astype(np.float32))


def together(folder: Path, out: Path | None = None, membership: bool = False) -> Batch:
    """Two samples, and one that has enough only where the gate of the first lies without it."""
    quality = "    quality:\n      enough: {kind: events, of: high, at_least: 200}\n"
    (folder / "panel.yaml").write_text(PANEL + quality, "utf-8")
    for name, parts in {
        "a": ((200, 100), (1000, 900)), "b": ((200, 100), (1000, 900)), "odd": ((500, 1700), (680, 300)),
    }.items():  # fmt: skip
        write(folder / f"{name}.fcs", clouds(ord(name[0]), *parts))
    (folder / "manifest.csv").write_text("file,participant\na.fcs,P1\nb.fcs,P2\nodd.fcs,P1\n", "utf-8")
    said = panels(folder)
    manifest = read_manifest(folder / "manifest.csv", said.panels)
    files = [folder / f"{name}.fcs" for name in ("a", "b", "odd")]
    return gate(files, said, "tube", manifest=manifest, out=out, membership=membership)


def test_a_sample_that_failed_has_failed_whatever_the_gates_of_the_others_make_of_it(folder: Path) -> None:
    a, _, odd = together(folder).outcomes
    assert (odd.counts["high"] or 0) >= 200
    (reason,) = odd.failed
    assert "at least 200 are asked for; that was in gates found with it" in reason
    assert a.failed == ()
    assert a.file.findings == ("its gates were found without odd.fcs, which fails by rule",)


def test_tables_are_of_the_round_that_the_numbers_are_of(folder: Path) -> None:
    out = folder / "out"
    together(folder, out)
    found = together(folder, out, membership=True)  # now the tables are asked for
    assert found.resumed == 0
    for one in found.outcomes:
        table = pl.read_parquet(out / "membership" / f"{one.file.name}.parquet")
        assert table["high"].sum() == one.counts["high"]
    assert together(folder, out, membership=True).resumed == 3
    assert together(folder, out).resumed == 3
    for drawn in (out / ".parts").glob("portraits-*"):
        shutil.rmtree(drawn)
    assert together(folder, out).resumed == 0
    again = together(folder, out, membership=True)
    table = pl.read_parquet(out / "membership" / "odd.fcs.parquet")
    assert table["high"].sum() == again.outcomes[2].counts["high"]


def test_a_row_is_of_one_file(folder: Path) -> None:
    for name in "xy":
        (folder / name).mkdir()
        write(folder / name / "0.fcs", sample(len(name) + ord(name)))
    files = [folder / "x" / "0.fcs", folder / "y" / "0.fcs"]
    said = panels(folder)

    def rows(manifest: str) -> Batch:
        (folder / "manifest.csv").write_text(manifest, "utf-8")
        return gate(files, said, "tube", manifest=read_manifest(folder / "manifest.csv", said.panels))

    one = rows("file,participant\n0.fcs,P1\n")
    assert one.notes == ("`0.fcs` could be any of several files: write the folder too",)
    assert [outcome.file.row["participant"] for outcome in one.outcomes] == ["", ""]
    two = rows("file,participant\nx/0.fcs,P1\ny/0.fcs,P2\n")
    assert [outcome.file.row["participant"] for outcome in two.outcomes] == ["P1", "P2"]
    assert two.notes == ()
