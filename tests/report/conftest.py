"""The report of the example trial, in both languages."""

import importlib.util
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from example_document import document as example_document
from trialrun.analysis.ard import Ard, analyse_outputs
from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol
from trialrun.report.document import Document


@pytest.fixture(scope="session")
def example() -> ModuleType:
    path = Path(__file__).parents[1] / "example_trial.py"
    spec = importlib.util.spec_from_file_location("example_trial", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    return load("vascu_il2")


@pytest.fixture(scope="session")
def tables(protocol: Protocol, example: ModuleType) -> dict[str, pl.DataFrame]:
    return example.tables(protocol)


@pytest.fixture(scope="session", params=["en", "fr"])
def spoken(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def ard(protocol: Protocol, tables: dict[str, pl.DataFrame]) -> Ard:
    return analyse_outputs(tables, protocol.outputs, protocol)


FEW = ("14.1.1", "14.1.4", "14.2.2.1", "14.2.2.3", "14.2.3.1", "14.3.1.3", "16.2.7.1")


@pytest.fixture(scope="session")
def few(protocol: Protocol, tables: dict[str, pl.DataFrame]) -> Ard:
    """Some outputs of each kind, which are soon made."""
    return analyse_outputs(tables, protocol.outputs, protocol, FEW)


@pytest.fixture(scope="session")
def document(few: Ard, spoken: str) -> Document:
    """A block of each kind, and some outputs."""
    return example_document(few, spoken)
