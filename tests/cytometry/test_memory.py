"""What is freed is used again: columns ask nothing of the system that others gave back."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource
import numpy as np
from trialrun.cytometry.memory import reuse

def asked():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        [np.arange(60_000, dtype=np.float64) for _ in range(20)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if {reuse}:
    reuse()
asked()
print(asked())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the switch")
def test_columns_are_made_where_others_were() -> None:
    """Five times twenty columns of 117 pages ask for 11,700 pages, or for none."""
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(reuse=True)], capture_output=True, text=True, check=True
    )
    assert int(found.stdout) < 2_000


def test_a_system_without_the_switch_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    import ctypes

    from trialrun.cytometry.memory import reuse

    def missing(name: None) -> object:
        raise OSError("no such library")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    reuse.__wrapped__()
