"""What commands print where a terminal cannot show every character."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
