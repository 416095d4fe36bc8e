"""A small virtual trial on disk: one participant through the first course, and results kept of it."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from small_trial import small_trial, walking
from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol
from trialrun.record.trial import Trial
from trialrun.results.report import Asked, report

SOME = ("14.1.1", "14.1.4", "16.2.7.1")


record_walk = walking()


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    return load("vascu_il2")


@pytest.fixture(scope="session")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the small trial, not to be changed."""
    folder = tmp_path_factory.mktemp("walked") / "trial"
    small_trial(folder)
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
    asked = more.pop("asked", Asked("report", ("en",), ("html", "txt"), SOME))
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
