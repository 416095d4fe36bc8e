"""What commands print where a terminal cannot show every character."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from trialrun.cli.terminal import console

PLATE = """plate,well,participant,visit,stimulus,spots,cells,viability
P1,A1,José,W11,core,>50,200000,90
P1,A2,José,W11,core,>50,200000,90
"""


def trialrun(*words: str, encoding: str) -> subprocess.CompletedProcess[bytes]:
    """A command in a process of its own, whose output has this encoding."""
    call = [sys.executable, "-c", "from trialrun.cli import main; main(prog_name='trialrun')", *words]
    return subprocess.run(call, capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding})


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    path = tmp_path / "plate.csv"
    path.write_text(PLATE, encoding="utf-8")
    return path


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:surrogateescape"])
def test_what_a_terminal_cannot_show_is_spelt(plate: Path, encoding: str) -> None:
    """A bound stays a bound, and no name becomes another."""
    done = trialrun("elispot", str(plate), encoding=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    said = done.stdout.decode(encoding.partition(":")[0])
    assert "SFC/10^6" in said and ">= 250" in said and " - " in said
    assert ("José" if encoding == "latin-1" else r"Jos\xe9") in said


@pytest.mark.parametrize(
    ("command", "table"),
    [
        ("ics", "cytokine,subset,stimulation,positive,parent\nJosé,W11,IFNg,CD4,core,lost,lost"),
        ("suppression", "ratio,divided\nJosé,W11,1:2,lost\nJosé,W11,0,80"),
    ],
)
def test_other_tables_are_spelt_as_well(tmp_path: Path, command: str, table: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"participant,visit,{table}\n", encoding="utf-8")
    done = trialrun(command, str(path), encoding="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"Jos\xe9" in done.stdout and b" - " in done.stdout


def test_a_terminal_that_shows_everything_is_left_alone(plate: Path) -> None:
    said = trialrun("elispot", str(plate), encoding="utf-8").stdout.decode()
    assert "SFC/10⁶" in said and "≥ 250" in said and "José" in said


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_whole_in_any_encoding(plate: Path, encoding: str) -> None:
    done = trialrun("elispot", str(plate), "--json", encoding=encoding)
    [assay] = json.loads(done.stdout)["assays"]
    assert assay["participant"] == "José"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("command", ["gate", "report"])
def test_a_help_page_does_not_crash(command: str, encoding: str) -> None:
    done = trialrun(command, "--help", encoding=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Usage: trialrun" in done.stdout


def test_a_terminal_obeys_nothing_that_a_file_says(capsys: pytest.CaptureFixture) -> None:
    """A name may clear the screen, hide what follows or turn it round."""
    out = console()
    table = Table("Head\x1b[2J")
    table.add_row("a\x1b]0;name.fcs")
    out.print(table, Text("b\x1b[8m\u202e", "bold"), "José 1\u202f000 ≥ 5 \u00a0%")
    said = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\u202e"} & set(said)
    for words in (r"Head\x1b[2J", r"a\x1b]0;name.fcs", r"b\x1b[8m\u202e", "José 1\u202f000 ≥ 5 \u00a0%"):
        assert words in said


def test_an_error_obeys_nothing_either(tmp_path: Path) -> None:
    done = trialrun("gate", str(tmp_path), "--panel", str(tmp_path / "a\x1b[2J.yaml"), encoding="utf-8")
    assert done.returncode and b"\x1b" not in done.stderr + done.stdout
