import json
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.journal.canon import canonical, digest
from trialrun.journal.entry import GENESIS, Change, Draft, Entry, seal
from trialrun.journal.errors import Damaged, Unstorable

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e30, 1e30) | text
payloads = st.dictionaries(text, scalars | st.lists(scalars, max_size=3), max_size=4)
changes = st.lists(st.builds(Change, text, scalars, scalars, st.none() | text), max_size=3).map(tuple)


def sealed(draft: Draft) -> Entry:
    return seal(
        draft,
        sequence=1,
        time="2026-01-05T09:00:00.000Z",
        protocol="p",
        software="1",
        previous=GENESIS,
    )


@settings(max_examples=100)
@given(payloads, changes)
def test_a_stored_text_read_back_is_the_same_entry(
    payload: dict[str, object], changes: tuple[Change, ...]
) -> None:
    draft = Draft("trial", "k", "anna", "monitor", "note", payload, changes)
    entry = sealed(draft)
    assert Entry.parse(entry.text) == entry
    assert entry.payload == payload
    assert entry.changes == changes
    assert canonical(entry.body()) == entry.text
    assert entry.hash == digest(entry.text)


def test_the_text_is_everything_but_the_hash() -> None:
    entry = sealed(Draft("trial", "k", "anna", "monitor", "note", changes=(Change("x", 1, 2, "typo"),)))
    assert json.loads(entry.text) == {
        "act": "note",
        "actor": "anna",
        "chain": "trial",
        "changes": [{"item": "x", "new": 2, "old": 1, "reason": "typo"}],
        "happened": None,
        "key": "k",
        "payload": {},
        "previous": GENESIS,
        "protocol": "p",
        "role": "monitor",
        "sequence": 1,
        "site": None,
        "software": "1",
        "time": "2026-01-05T09:00:00.000Z",
    }


def test_an_entry_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        sealed(Draft("trial", "k", "anna", "monitor", "note")).actor = "bea"


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"chain": "P-001 "}, "`P-001 ` is not a chain"),
        ({"chain": "participant:"}, "is not a chain"),
        ({"chain": "participant:P 1"}, "is not a chain"),
        ({"chain": "user:a\n"}, "is not a chain"),
        ({"key": ""}, "the key of an entry may not be empty"),
        ({"actor": ""}, "the actor of"),
        ({"role": ""}, "the role of"),
        ({"act": ""}, "the act of"),
        ({"happened": "yesterday"}, "`yesterday` is not a moment"),
    ],
)
def test_an_ill_formed_draft_is_refused(wrong: dict[str, str], fault: str) -> None:
    good = {"chain": "trial", "key": "k", "actor": "anna", "role": "monitor", "act": "note"}
    with pytest.raises(Unstorable, match=fault):
        Draft(**(good | wrong))


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"changes":[]}', '{"changes":[1]}', "[" * 9999])
def test_a_text_that_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(Damaged, match="not an entry"):
        Entry.parse(text)
