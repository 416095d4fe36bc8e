"""The reference of the study language names every key that a study file may have."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from trialrun.protocol.compile import OPTIONAL, REQUIRED

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "study-language.md"


def models(annotation: Any, seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """Every model that a value may hold, at any depth, each once."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in seen:
        seen.add(annotation)
        yield annotation
        for field in annotation.model_fields.values():
            yield from models(field.annotation, seen)
    for inner in get_args(annotation):
        yield from models(inner, seen)


def keys(file: str) -> set[str]:
    found = models(REQUIRED[file], set())
    return {field.alias or name for model in found for name, field in model.model_fields.items()}


@pytest.fixture(scope="module")
def words() -> set[str]:
    """Every word that stands in code style on the page, or begins a `key: value` there."""
    code = re.findall(r"`([^`\n]+)`", PAGE.read_text("utf-8"))
    return {word for piece in code for word in re.findall(r"\w+", piece)}


@pytest.mark.parametrize("file", REQUIRED)
def test_every_key_is_in_the_reference(file: str, words: set[str]) -> None:
    assert keys(file) - words == set()


def test_the_keys_are_found_at_every_depth() -> None:
    assert {"id", "stagger", "until", "outcomes", "for", "estimand", "intercurrent", "secondary_at"} <= keys(
        "study.yaml"
    )
    assert {"items", "only_if", "from"} <= keys("forms.yaml")


def test_every_file_has_its_place() -> None:
    text = PAGE.read_text("utf-8")
    for file in (*REQUIRED, *OPTIONAL):
        assert re.search(rf"^## .*{re.escape(file)}", text, re.MULTILINE), file
