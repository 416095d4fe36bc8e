import importlib.util
from pathlib import Path

import pytest

from trialrun.journal.memory import MemoryStore

_spec = importlib.util.spec_from_file_location("store_contract", Path(__file__).parent / "contract.py")
contract = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(contract)


class TestMemoryStore(contract.StoreContract, contract.ThreadContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    @pytest.fixture
    def real(self) -> MemoryStore:
        return MemoryStore(virtual=False)
