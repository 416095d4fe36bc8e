"""What `demo` refuses before anything runs, and what its closing screen offers."""

import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from trialrun.cli import main
from trialrun.cli.demo import _close
from trialrun.cli.terminal import program
from trialrun.demo import demonstration
from trialrun.demo.demonstration import Demonstration
from trialrun.protocol.compile import load


@pytest.mark.parametrize("below", ["", "x", "x/y"])
def test_out_that_is_a_file_is_said(tmp_path: Path, below: str) -> None:
    file = tmp_path / "file"
    file.write_text("kept", "utf-8")
    result = CliRunner().invoke(main, ["demo", "--out", str(file / below)])
    assert result.exit_code == 1
    assert f"Error: {file} is a file, not a folder. Choose another folder with --out." in result.stderr
    assert file.read_text("utf-8") == "kept"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody can write")
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_out_that_cannot_be_written_is_said(form: list[str]) -> None:
    result = CliRunner().invoke(main, ["demo", "--out", "/proc/x", *form])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the trial cannot be written to /proc/x: No such file or directory" in result.stderr


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(demonstration, "_begun", full)
    result = CliRunner().invoke(main, ["demo", "--out", str(tmp_path / "x")])
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seed", ["-1", "4294967296"])
def test_a_seed_out_of_range_is_wrong_usage(seed: str) -> None:
    assert CliRunner().invoke(main, ["demo", "--seed", seed]).exit_code == 2


def test_a_command_is_shown_as_it_was_called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = tmp_path / "a place" / "trialrun"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n", "utf-8")
    tool.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(tool)])
    monkeypatch.setenv("PATH", "")
    assert program() == f"'{tool}'"
    monkeypatch.setenv("PATH", str(tool.parent))
    assert program() == "trialrun"


def test_the_tool_of_this_environment_goes_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(Path(sys.prefix) / "bin" / "trialrun")])
    monkeypatch.setenv("PATH", "")
    assert program() == "trialrun"


def test_what_to_try_next_can_be_copied(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("trialrun.cli.demo._headlines", lambda made: [])
    folder = Path("/a/folder/with a space/and/a/long/long/long/long/long/long/long/long/name")
    _close(Demonstration(folder, load("vascu_il2"), {}, 1, 1, ()), 1.0)
    lines = capsys.readouterr().out.splitlines()
    assert f"    trialrun verify '{folder}' --anchor '{folder}/anchor.txt'" in lines
    assert f"    trialrun demo --seed 2 --out '{folder}-2'" in lines
    assert f"    trialrun calendar '{folder}/study' --start 2008-03-03" in lines
