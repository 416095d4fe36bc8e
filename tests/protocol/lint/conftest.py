"""A small study in which nothing is wrong, and copies of it with one edit."""

import shutil
from pathlib import Path

import pytest

CLEAN = Path(__file__).parent / "clean"


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """A copy of a study that has no errors and no findings."""
    folder = tmp_path / "clean"
    shutil.copytree(CLEAN, folder)
    return folder
