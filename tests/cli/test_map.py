import subprocess
import sys
import time
from collections.abc import Iterator
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from trialrun import __version__
from trialrun.cli import ENTRIES, Entry, main

HEAVY = ("numpy", "polars", "scipy", "django", "pydantic", "yaml", "sqlglot", "rich", "jinja2", "altair")


class BadInput(Exception):
    def render(self) -> str:
        return "study.yaml:3:5: unknown unit 'mgg'; write 'mg'"


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A command `probe` on the map, whose module is made here."""
    module = ModuleType("probe_module")
    monkeypatch.setitem(sys.modules, "probe_module", module)
    monkeypatch.setitem(ENTRIES, "probe", Entry("probe_module:command", "Probe."))
    yield module


def test_help_is_the_map() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for name, entry in ENTRIES.items():
        assert f"  {name}" in result.output
        assert entry.help in " ".join(result.output.split())


@pytest.mark.parametrize("name", ENTRIES)
def test_a_line_of_help_fits_a_terminal(name: str) -> None:
    entry = ENTRIES[name]
    assert len(entry.help) <= 66
    assert entry.help.endswith(".")


def test_help_imports_only_click() -> None:
    code = (
        "import sys; from trialrun.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"print('heavy:', *sorted(set({HEAVY}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy:"


def test_help_is_immediate() -> None:
    """Best of five, under 0.3 s: a map that has to be waited for is not consulted."""
    command = [sys.executable, "-c", "from trialrun.cli import main; main()", "--help"]

    def seconds() -> float:
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(5)) < 0.3


def test_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.output) == (0, f"trialrun, version {__version__}\n")


def test_an_unknown_command_suggests_the_nearest() -> None:
    result = CliRunner().invoke(main, ["chekc"])
    assert result.exit_code == 2
    assert "Did you mean 'check'?" in result.output


def test_an_unknown_option_is_wrong_usage() -> None:
    assert CliRunner().invoke(main, ["--verzion"]).exit_code == 2


def test_a_command_is_called_with_its_arguments(probe: ModuleType) -> None:
    @click.command()
    @click.argument("study")
    def command(study: str) -> None:
        click.echo(f"got {study}")

    probe.command = command  # type: ignore[attr-defined]
    assert CliRunner().invoke(main, ["probe", "x"]).output == "got x\n"
    assert CliRunner().invoke(main, ["probe"]).exit_code == 2


def test_an_input_error_renders_itself_and_exits_1(probe: ModuleType) -> None:
    @click.command()
    def command() -> None:
        raise BadInput

    probe.command = command  # type: ignore[attr-defined]
    result = CliRunner().invoke(main, ["probe"])
    assert result.exit_code == 1
    assert result.stderr == "study.yaml:3:5: unknown unit 'mgg'; write 'mg'\n"
    assert result.stdout == ""


def test_a_bug_keeps_its_traceback(probe: ModuleType) -> None:
    @click.command()
    def command() -> None:
        raise ZeroDivisionError

    probe.command = command  # type: ignore[attr-defined]
    assert isinstance(CliRunner().invoke(main, ["probe"]).exception, ZeroDivisionError)


def test_a_target_that_is_no_command_is_refused(probe: ModuleType) -> None:
    probe.command = print  # type: ignore[attr-defined]
    assert isinstance(CliRunner().invoke(main, ["probe"]).exception, TypeError)
