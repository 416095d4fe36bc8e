"""`trialrun check --explain`: what a code means, at a terminal and for programs."""

import json

import pytest
from click.testing import CliRunner, Result

from trialrun.cli import main
from trialrun.protocol.lint.registry import CODES


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", *arguments])


def test_a_code_is_explained() -> None:
    result = run("--explain", "never-significant")
    assert result.exit_code == 0
    for words in ("finding", "Why it matters.", "How to mend it.", "    at_least: 5\n", "    at_least: 7\n"):
        assert words in result.output


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
def test_every_explanation_fits_a_terminal(code: object) -> None:
    for line in run("--explain", str(getattr(code, "name", ""))).output.splitlines():
        assert len(line) <= 80 or line.startswith("    "), line  # a line of YAML is never broken


def test_all_codes_are_listed() -> None:
    output = run("--explain", "all").output
    assert all(code.name in output for code in CODES)
    assert output.index("Errors") < output.index("blind-protection") < output.index("Findings")


def test_explanations_for_programs() -> None:
    found = json.loads(run("--explain", "blood", "--json").output)
    assert set(found) == {"code", "kind", "means", "matters", "mend", "example"}
    assert (found["code"], found["kind"]) == ("blood", "finding")
    assert [one["code"] for one in json.loads(run("--explain", "all", "--json").output)] == [
        code.name for code in CODES
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--explain", "blod"), "Did you mean `blood`?"),
        (("--explain", "xyzzy"), "check --explain all"),
        ((), "Give a STUDY to check, or --explain CODE."),
        (("vascu_il2", "--explain", "blood"), "Give a STUDY to check, or --explain CODE."),
    ],
)
def test_wrong_usage_is_told(arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.output
