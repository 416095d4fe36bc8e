import importlib.util
from pathlib import Path

from trialrun.journal.entry import Entry
from trialrun.journal.memory import MemoryStore
from trialrun.journal.replay import replay, upcast

_spec = importlib.util.spec_from_file_location("store_contract", Path(__file__).parent / "contract.py")
contract = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(contract)

UPCASTERS = {
    ("dose", 1): lambda payload: {"amount": payload["dose"]},
    ("dose", 2): lambda payload: {"amount": {"value": payload["amount"], "unit": "MIU"}},
}


def amounts(state: tuple[object, ...], entry: Entry) -> tuple[object, ...]:
    return (*state, entry.payload.get("amount"))


def test_entries_rebuild_the_state_whatever_the_shape_of_their_day() -> None:
    store = MemoryStore()
    contract.put(
        store,
        contract.draft(key="1", act="dose", payload={"dose": 1.5}),
        contract.draft(key="2", act="dose", payload={"amount": 3, "version": 2}),
        contract.draft(key="3", act="dose", payload={"amount": {"value": 3, "unit": "MIU"}, "version": 3}),
        contract.draft(key="4", act="note", payload={"dose": "none"}),
    )
    entries = list(store.chain("participant:P-001"))
    early, late = {"value": 1.5, "unit": "MIU"}, {"value": 3, "unit": "MIU"}
    assert replay(entries, amounts, (), UPCASTERS) == (early, late, late, None)
    assert replay(entries, amounts, ()) == (None, 3, late, None)


def test_an_upcast_entry_keeps_its_text_and_hash_and_the_stored_one_its_payload() -> None:
    [entry] = contract.put(MemoryStore(), contract.draft(act="dose", payload={"dose": 1.5}))
    newest = upcast(entry, UPCASTERS)
    assert (newest.text, newest.hash) == (entry.text, entry.hash)
    assert newest.payload == {"amount": {"value": 1.5, "unit": "MIU"}, "version": 3}
    assert entry.payload == {"dose": 1.5}
    assert upcast(newest, UPCASTERS) is newest
