"""What each key of a study folder means, in a sentence: for errors, and for the schema that editors read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

import yaml
from pydantic import BaseModel

__all__ = ["sentence"]


def sentence(model: type[BaseModel], key: str) -> str | None:
    """What a key of a model means; a model has the keys of those it comes from."""
    for kind in model.__mro__:
        if said := _sentences().get(kind.__name__, {}).get(key):
            return said
    return None


@cache
def _sentences() -> Mapping[str, Mapping[str, str]]:
    """The sentences by class and key."""
    file = resources.files("trialrun.protocol") / "keys.yaml"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, dict[str, str]] = yaml.load(file.read_text("utf-8"), Loader=loader)  # noqa: S506
    return {kind: {str(key): str(said) for key, said in keys.items()} for kind, keys in found.items()}
