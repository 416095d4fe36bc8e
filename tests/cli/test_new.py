"""The commands that begin a study: new and schema."""

import json
import os
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from trialrun.cli import main
from trialrun.cli.schema import FILES
from trialrun.protocol.compile import load
from trialrun.protocol.lint import lint
from trialrun.protocol.schema import SCHEMAS
from trialrun.protocol.source import read
from trialrun.protocol.trace import assumptions


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(one) for one in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize("arms", [1, 2])
@pytest.mark.parametrize("languages", ["en", "en,fr", "fr"])
def test_a_new_study_compiles_as_it_is(tmp_path: Path, arms: int, languages: str) -> None:
    folder = tmp_path / "my trial"
    title = 'A "small" trial: {of} # it'
    result = run("new", folder, "--arms", arms, "--languages", languages, "--title", title)
    assert result.exit_code == 0
    study = load(folder)
    assert study.id == "MY-TRIAL"
    assert study.study.title(languages[-2:]) == title
    assert study.study.languages == tuple(languages.split(","))
    assert study.study.design.arms == arms
    if languages == "en":
        assert lint(study) == []


def test_its_placeholders_are_assumptions_to_be_decided(tmp_path: Path) -> None:
    run("new", tmp_path / "x")
    reasons = [one["reason"] for one in assumptions(load(tmp_path / "x"))]
    assert sum(reason.startswith("To be decided: ") for reason in reasons) >= 10
    assert run("check", tmp_path / "x").exit_code == 0


def test_it_is_short_enough_to_be_read_and_tells_an_editor_its_schema(tmp_path: Path) -> None:
    run("new", tmp_path / "x")
    later = ("panel", "borders")  # what is gated, if cells are studied
    for name in [one for one in SCHEMAS if one not in later]:
        lines = (tmp_path / "x" / f"{name}.yaml").read_text("utf-8").splitlines()
        assert len(lines) < 130
        where = lines[0].removeprefix("# yaml-language-server: $schema=")
        schema = json.loads((tmp_path / "x" / where).read_text("utf-8"))
        jsonschema.validate(read(tmp_path / "x" / f"{name}.yaml").content, schema)


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    assert run("new", tmp_path / "x").exit_code == 0
    assert load(tmp_path / "x")


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "notes.txt").write_text("mine")
    result = run("new", tmp_path / "x")
    assert result.exit_code == 1
    assert "exists and is not empty" in result.stderr
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["notes.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine")
    result = run("new", tmp_path / "x")
    assert (result.exit_code, (tmp_path / "x").read_text()) == (1, "mine")
    assert "is not a folder" in result.stderr


def test_nothing_half_written_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("trialrun.protocol.skeleton.write_schemas", full)
    result = run("new", tmp_path / "x")
    assert result.exit_code == 1
    assert "cannot be made: No space left on device" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        ("--languages", "english"),
        ("--languages", "en,en"),
        ("--arms", "3"),
        ("--title", "  "),
        ("--title", "a\nb"),
    ],
)
def test_wrong_usage(tmp_path: Path, wrong: tuple[str, str]) -> None:
    assert run("new", tmp_path / "x", *wrong).exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_the_command_knows_the_files_that_have_a_schema() -> None:
    assert tuple(SCHEMAS) == FILES


@pytest.mark.parametrize("name", FILES)
def test_a_schema_is_printed(name: str) -> None:
    assert json.loads(run("schema", name).output)["title"] == f"{name}.yaml"


def test_schemas_are_written(tmp_path: Path) -> None:
    assert run("schema", "--out", tmp_path / "s").exit_code == 0
    assert {path.name for path in (tmp_path / "s").iterdir()} == {f"{name}.schema.json" for name in FILES}
    assert run("schema", "forms", "--out", tmp_path / "one").exit_code == 0
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["forms.schema.json"]


def test_schema_needs_to_know_which() -> None:
    assert run("schema").exit_code == 2
    assert run("schema", "studies").exit_code == 2
