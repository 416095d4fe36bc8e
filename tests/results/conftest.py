"""A small virtual trial on disk: one participant through the first course, and results kept of it."""

import importlib.util
import shutil
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol
from trialrun.record.person import Person
from trialrun.record.trial import Trial
from trialrun.results.report import Asked, report

SOME = ("14.1.1", "14.1.4", "14.2.2.1", "16.2.7.1")
STATISTICIAN = Person("stat", "Sam Tistik", "statistician")


def _walking() -> ModuleType:
    if "record_walk" not in sys.modules:
        path = Path(__file__).parents[1] / "record" / "record_walk.py"
        spec = importlib.util.spec_from_file_location("record_walk", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules["record_walk"] = module
        spec.loader.exec_module(module)
    return sys.modules["record_walk"]


record_walk = _walking()


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    return load("vascu_il2")


@pytest.fixture(scope="session")
def walked(protocol: Protocol, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trial's folder: screened on 3 March 2008, dosed from 17 to 21 March, an event on the last day."""
    folder, clock = tmp_path_factory.mktemp("walked") / "trial", record_walk.SetClock()
    people = (*record_walk.PEOPLE, STATISTICIAN)
    trial = Trial.create(folder, protocol, virtual=True, clock=clock, seed=7, people=people)
    walk = record_walk.Walk(trial, clock)
    walk.first_course()
    walk.write("ae", "1", record_walk.later(4, 2), {**record_walk.EVENT, "onset": "2008-03-21"})
    trial.close()
    return folder


@pytest.fixture
def folder(walked: Path, tmp_path: Path) -> Path:
    """A copy of the trial that a test may change."""
    shutil.copytree(walked, tmp_path / "trial")
    return tmp_path / "trial"


@pytest.fixture(scope="session")
def kept(walked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trial's folder in which results of its last day are kept: ``reports/2008-03-21-report``."""
    copy = tmp_path_factory.mktemp("kept") / "trial"
    shutil.copytree(walked, copy)
    trial = Trial.open(copy, record_walk.SetClock())
    try:
        look(trial)
    finally:
        trial.close()
    return copy


@pytest.fixture
def results(kept: Path) -> Path:
    """A copy of the kept results that a test may change; always at one place, where its study is compiled."""
    copy = kept.parent / "results"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(kept / "reports" / "2008-03-21-report", copy)
    return copy


def look(trial: Trial, day: date | None = None, **more: object) -> object:
    from trialrun.record.known import stand

    stand(trial)
    asked = more.pop("asked", Asked("report", ("en", "fr"), ("txt",), SOME))
    return report(trial, asked, day=day, **{"by": "stat", "key": "look", **more})


@pytest.fixture
def looking(folder: Path) -> Callable[..., object]:
    """Make results of the trial: `looking(day, by=…)`."""

    def made(day: date | None = None, **more: object) -> object:
        trial = Trial.open(folder)
        try:
            return look(trial, day, **more)
        finally:
            trial.close()

    return made
