"""The JSON Schema of study files: it takes what compiles, marks what does not, and says each key."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from random_study import studies

from trialrun.protocol.compile import REQUIRED, bundled
from trialrun.protocol.schema import SCHEMAS, schema
from trialrun.protocol.source import parse, read
from trialrun.protocol.write import written


def errors(name: str, content: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(schema(name))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(content)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize("study", bundled())
@pytest.mark.parametrize("name", SCHEMAS)
def test_the_bundled_studies_are_valid(study: str, name: str) -> None:
    path = bundled()[study] / f"{name}.yaml"
    if path.exists() or f"{name}.yaml" in REQUIRED:
        assert errors(name, read(path).content) == []


@settings(max_examples=15)
@given(studies())
def test_a_random_study_that_compiles_is_valid(study: dict[str, Any]) -> None:
    for file, content in study.items():
        assert errors(file.removesuffix(".yaml"), parse(written(content), file).content) == []


def keys(name: str) -> Iterator[tuple[str, str, Any]]:
    made = schema(name)
    for part, held in {name: made, **made.get("$defs", {})}.items():
        yield from ((part, key, said) for key, said in held.get("properties", {}).items())


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_is_explained(name: str) -> None:
    """A key that is new to the models is given its sentence in ``keys.yaml``."""
    unsaid = [f"{part}.{key}" for part, key, said in keys(name) if not said.get("description")]
    assert unsaid == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_key_speaks_of_how_the_program_is_made(name: str) -> None:
    for part, key, said in keys(name):
        assert not {"title", "default"} & set(said), f"{part}.{key}"
        assert len(said["description"]) <= 130


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("treatment", "cycle_length"), "3 fortnights"),
        (("treatment", "cycles", "C1", "doses"), "five"),
        (("visits", "SCR", "window"), "3 days"),
        (("visits", "W11", "after"), "C4 plus 14"),
        (("design", "masking"), "blinded"),
        (("design", "arms"), 0),
        (("title",), {"english": "x"}),
        (("title",), ""),
        (("sites", "PSL", "country"), "France"),
        (("epochs", "screening", "from"), "hearsay"),
        (("epochs", "screening", "reason"), ""),
        (("epochs", "not a name"), {"title": "x", "from": "registry#1"}),
        (("endpoints", "tolerance", "kind"), "survival"),
    ],
)
def test_a_wrong_word_is_marked(path: tuple[str, ...], wrong: object) -> None:
    content = deepcopy(read(bundled()["vascu_il2"] / "study.yaml").content)  # a text is parsed once, for all
    here = content
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = wrong
    assert errors("study", content)
