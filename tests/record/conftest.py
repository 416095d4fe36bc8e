"""What the tests of the record share: `record_walk`, importable by that name, and a walk not yet begun."""

import importlib.util
import sys
from pathlib import Path

import pytest

from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol
from trialrun.record.trial import Trial

_spec = importlib.util.spec_from_file_location("record_walk", Path(__file__).parent / "record_walk.py")
record_walk = importlib.util.module_from_spec(_spec)
sys.modules["record_walk"] = record_walk
_spec.loader.exec_module(record_walk)


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    return load("vascu_il2")


@pytest.fixture
def walk(protocol: Protocol) -> "record_walk.Walk":
    clock = record_walk.SetClock()
    trial = Trial.in_memory(protocol, virtual=True, clock=clock, people=record_walk.PEOPLE)
    return record_walk.Walk(trial, clock)
