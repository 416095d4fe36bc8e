"""The same results give the same bytes, whatever the process has around it.

Each variant is a process of its own: hash seed, time zone, locale, numbers of threads, and which instructions
of the processor numpy may use are read at its start.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import example_trial
from trialrun.protocol.compile import bundled, load
from trialrun.results.documents import FORMATS, there
from trialrun.results.folder import SUMS, names
from trialrun.tables import files

MAKE = """
import sys
from pathlib import Path
from trialrun.protocol.compile import load
from trialrun.results.folder import make
from trialrun.results.wanted import Wanted
from trialrun.tables import files
study, tables, out, formats, *outputs = sys.argv[1:]
some = tuple(outputs) or None
wanted = Wanted("report", "2009-06-30", ("en", "fr"), tuple(formats.split(",")), some, True, 7)
make(load(study), files.read(Path(tables)), wanted, Path(out))
"""
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
PLAIN = {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
OTHER = {"PYTHONHASHSEED": "4711", "TZ": "Pacific/Auckland", "LC_ALL": "fr_FR.UTF-8"}


def without_features() -> str:
    """Every optional group of instructions that numpy uses here: leaving them out is refused for others."""
    found = np._core._multiarray_umath
    return " ".join(one for one in found.__cpu_dispatch__ if found.__cpu_features__.get(one))


def threads(count: int) -> dict[str, str]:
    return dict.fromkeys(THREADS, str(count))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study and the tables of the example trial: ten people, and every end point."""
    folder = tmp_path_factory.mktemp("source")
    shutil.copytree(bundled()["vascu_il2"], folder / "study")
    files.write(example_trial.tables(load(folder / "study")), folder / "tables")
    return folder


def made(source: Path, out: Path, around: dict[str, str], formats: str, *outputs: str) -> dict[str, str]:
    """File -> SHA-256 of results that a new process makes."""
    code = [sys.executable, "-W", "error", "-c", MAKE]
    arguments = [str(source / "study"), str(source / "tables"), str(out), formats, *outputs]
    path = os.pathsep.join(one for one in sys.path if one)
    done = subprocess.run(
        [*code, *arguments], env=os.environ | {"PYTHONPATH": path} | around, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in [*names(out), SUMS]}


def test_the_bytes_do_not_depend_on_the_process(source: Path, tmp_path: Path) -> None:
    around = [
        PLAIN | threads(1),
        OTHER | threads(2) | {"NPY_DISABLE_CPU_FEATURES": without_features()},
    ]
    asked = ("html,txt", "14.1.1", "14.1.4", "14.2.1.1", "16.2.7.1")
    with ThreadPoolExecutor(2) as side_by_side:
        one, other = side_by_side.map(
            lambda place: made(source, tmp_path / str(place), around[place], *asked), range(2)
        )
    assert one == other
    assert {"report.html", "report.fr.html", "cells.csv", "ars.json", "tables/dm.parquet"} <= set(one)


EVERY = ",".join(one for one in FORMATS if there(one))
VARIANTS = {
    "hash seed": {"PYTHONHASHSEED": "4711"},
    "time zone": {"TZ": "Pacific/Auckland"},
    "time zone west": {"TZ": "America/Los_Angeles"},
    "locale": {"LC_ALL": "fr_FR.UTF-8", "LANG": "fr_FR.UTF-8"},
    "locale C": {"LC_ALL": "C", "PYTHONUTF8": "0"},
    "one thread": threads(1),
    "four threads": threads(4),
    "plain instructions": {"NPY_DISABLE_CPU_FEATURES": without_features()},
    "old BLAS kernels": {"OPENBLAS_CORETYPE": "Nehalem"},
    "everything": OTHER | threads(3) | {"NPY_DISABLE_CPU_FEATURES": without_features()},
}


@pytest.fixture(scope="module")
def usual(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return made(source, tmp_path_factory.mktemp("usual") / "out", PLAIN, EVERY)


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_output_and_document_is_the_same(
    source: Path, tmp_path: Path, usual: dict[str, str], variant: str
) -> None:
    there = made(source, tmp_path / "out", PLAIN | VARIANTS[variant], EVERY)
    assert {name: there.get(name) for name in usual} == usual
