"""Reference answers that no one here computed; read where they lie, never copied."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def cases(shared: Path) -> Mapping[str, Mapping[str, Any]]:
    """Cases by id, each with `inputs`, `expected` and `abs_tol`."""
    document = json.loads((shared / "data/statistics/reference_cases.json").read_text(encoding="utf-8"))
    return {case["id"]: case for case in document["cases"]}


@pytest.fixture(scope="session")
def published(shared: Path) -> Mapping[str, Any]:
    """Published tables by name."""
    return json.loads((shared / "data/statistics/published_tables.json").read_text(encoding="utf-8"))
