"""What the tests of the protocol ask for: the bundled study, and copies of it that may be spoiled."""

import shutil
from pathlib import Path

import pytest

from trialrun.protocol.compile import bundled, load
from trialrun.protocol.protocol import Protocol


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    return load("vascu_il2")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A copy of the bundled study."""
    folder = tmp_path / "study"
    shutil.copytree(bundled()["vascu_il2"], folder)
    return folder
