"""What the tests of the bundled studies share: a small trial of the blank two-arm study, recorded."""

import datetime
import shutil

import polars as pl
import pytest

from trialrun.demo.crowd import Recorded
from trialrun.demo.ledger import STAFF, VirtualClock
from trialrun.protocol.compile import bundled, load
from trialrun.protocol.protocol import Protocol
from trialrun.record.trial import Trial
from trialrun.simulate.trial import arrivals, conduct
from trialrun.tables.build import build


@pytest.fixture(scope="session")
def blank() -> Protocol:
    return load("parallel_blank")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    """The blank two-arm study with a dozen participants."""
    folder = tmp_path_factory.mktemp("studies") / "small"
    shutil.copytree(bundled()["parallel_blank"], folder)
    text = (folder / "study.yaml").read_text("utf-8")
    assert "planned: 40" in text
    (folder / "study.yaml").write_text(text.replace("planned: 40", "planned: 12"), "utf-8")
    return load(folder)


@pytest.fixture(scope="session")
def recorded(small: Protocol) -> Recorded:
    """Its virtual trial, through the record's commands."""
    clock = VirtualClock(datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC))
    trial = Trial.in_memory(small, virtual=True, clock=clock, seed=5, people=STAFF)
    crowd = Recorded(trial, clock, 5)
    conduct(small, arrivals(small, 5), crowd)
    return crowd


@pytest.fixture(scope="session")
def tables(small: Protocol, recorded: Recorded) -> dict[str, pl.DataFrame]:
    return build(small, recorded.trial.facts())
