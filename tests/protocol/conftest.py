"""What the tests of the protocol ask for: the bundled study, and copies of it that may be spoiled."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

from trialrun.protocol.compile import bundled, load
from trialrun.protocol.protocol import Protocol

for _name in ("mutations", "mutation_table", "random_study"):  # importable by name from the tests here
    _spec = importlib.util.spec_from_file_location(_name, Path(__file__).parent / f"{_name}.py")
    sys.modules[_name] = _module = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(_module)


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    return load("vascu_il2")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A copy of the bundled study."""
    folder = tmp_path / "study"
    shutil.copytree(bundled()["vascu_il2"], folder)
    return folder
