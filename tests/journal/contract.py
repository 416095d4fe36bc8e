"""What every store must do. A test module subclasses `StoreContract` and gives it a `store` fixture."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from trialrun.journal.append import append
from trialrun.journal.entry import GENESIS, Change, Draft, Entry
from trialrun.journal.errors import ClockStep, Conflict, KeyReused, Unstorable, WrongClock
from trialrun.journal.store import EMPTY, Head, Store
from trialrun.journal.verify import verify

PROTOCOL = "c0ffee" * 10 + "cafe"
START = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)


class SetClock:
    """A clock that shows what it is told."""

    def __init__(self, time: datetime = START) -> None:
        self.time = time

    def now(self) -> datetime:
        return self.time

    def turn(self, milliseconds: float) -> None:
        self.time += timedelta(milliseconds=milliseconds)


def draft(chain: str = "participant:P-001", key: str = "k1", **more: object) -> Draft:
    given = {"actor": "anna", "role": "investigator", "act": "enter", "site": "PSL"} | more
    return Draft(chain, key, **given)  # type: ignore[arg-type]


def put(store: Store, *drafts: Draft, clock: SetClock | None = None) -> list[Entry]:
    return append(store, clock or SetClock(), drafts, protocol=PROTOCOL, software="1.2.3")


def texts(store: Store) -> list[bytes]:
    return [row.text for row in store.rows()]


class StoreContract:
    """Needs fixtures `store` (empty, virtual) and `real` (empty, real)."""

    def test_an_entry_says_who_did_what_when_and_under_which_protocol(self, store: Store) -> None:
        change = Change("labs@W3.alt", 30, 34.5, "transcription error")
        happened = "2026-03-29T01:15[Europe/Paris]"
        [entry] = put(store, draft(payload={"form": "labs"}, changes=(change,), happened=happened))

        assert (entry.chain, entry.sequence, entry.key) == ("participant:P-001", 1, "k1")
        assert (entry.actor, entry.role, entry.site, entry.act) == ("anna", "investigator", "PSL", "enter")
        assert entry.time == "2026-03-29T00:30:00.000Z"
        assert entry.happened == happened
        assert entry.payload == {"form": "labs"}
        assert entry.changes == (change,)
        assert (entry.protocol, entry.software, entry.previous) == (PROTOCOL, "1.2.3", GENESIS)
        assert list(store.chain("participant:P-001")) == [entry]

    def test_a_chain_counts_from_one_and_links_each_entry_to_the_one_before(self, store: Store) -> None:
        entries = [put(store, draft(key=f"k{number}"))[0] for number in range(1, 5)]

        assert [entry.sequence for entry in entries] == [1, 2, 3, 4]
        assert [entry.previous for entry in entries] == [GENESIS, *(each.hash for each in entries[:-1])]
        assert list(store.chain("participant:P-001", after=2)) == entries[2:]
        assert verify(store.rows()) == []

    def test_several_chains_grow_apart_and_share_one_order_of_storing(self, store: Store) -> None:
        first = put(store, draft("user:anna", "a"), draft("site:PSL", "b"), draft("user:anna", "c"))
        [last] = put(store, draft("site:PSL", "d"))

        assert [(entry.chain, entry.sequence) for entry in first] == [
            ("user:anna", 1),
            ("site:PSL", 1),
            ("user:anna", 2),
        ]
        assert list(store.entries()) == [*first, last]
        positions = [row.position for row in store.rows()]
        assert list(store.entries(after=positions[1])) == [first[2], last]
        assert store.heads() == {
            "site:PSL": Head(2, last.hash, last.time),
            "user:anna": Head(2, first[2].hash, first[2].time),
        }

    def test_nothing_is_at_the_end_of_an_unknown_chain(self, store: Store) -> None:
        assert store.head("participant:P-009") == EMPTY
        assert store.heads() == {}
        assert store.find("participant:P-009", "k1") is None
        assert list(store.chain("participant:P-009")) == []
        assert list(store.rows()) == []
        assert put(store) == []

    def test_many_entries_come_back_whole(self, store: Store) -> None:
        put(store, *(draft(key=f"k{number}") for number in range(2345)))
        assert [entry.sequence for entry in store.entries()] == list(range(1, 2346))
        assert [entry.sequence for entry in store.chain("participant:P-001", 1100)] == list(range(1101, 2346))

    def test_the_same_act_sent_twice_is_stored_once(self, store: Store) -> None:
        sent = draft(payload={"dose": 1.5}, expected=0)
        first = put(store, sent)
        assert put(store, sent) == first
        assert put(store, replace(sent, key="k2", expected=None), sent)[1] == first[0]
        assert store.head("participant:P-001").sequence == 2

    def test_the_same_act_twice_in_one_call_is_stored_once(self, store: Store) -> None:
        one, other = put(store, draft(), draft())
        assert one == other
        assert len(texts(store)) == 1

    @pytest.mark.parametrize(
        "other",
        [
            {"act": "dose"},
            {"actor": "bea"},
            {"payload": {"n": True}},
            {"happened": "2026-03-28[Europe/Paris]"},
            {"changes": (Change("x", None, 1),)},
        ],
    )
    def test_a_key_never_stands_for_two_acts(self, store: Store, other: dict[str, object]) -> None:
        put(store, draft(payload={"n": 1}))
        with pytest.raises(KeyReused, match="`k1` already stands for entry 1 of participant:P-001"):
            put(store, draft(**{"payload": {"n": 1}} | other))
        assert len(texts(store)) == 1

    def test_a_key_belongs_to_its_chain(self, store: Store) -> None:
        put(store, draft("user:anna", "k1"), draft("user:bea", "k1", act="leave"))
        assert [store.find(chain, "k1").act for chain in ("user:anna", "user:bea")] == ["enter", "leave"]

    def test_an_author_who_looked_too_early_is_told(self, store: Store) -> None:
        put(store, draft())
        with pytest.raises(Conflict, match="has 1 entries, not the 0"):
            put(store, draft("user:anna", "a"), draft(key="k2", expected=0))
        assert len(texts(store)) == 1

    def test_expected_is_the_length_before_the_call(self, store: Store) -> None:
        put(store, draft())
        entries = put(store, draft(key="k2", expected=1), draft(key="k3", expected=1))
        assert [entry.sequence for entry in entries] == [2, 3]

    def test_all_drafts_are_stored_or_none(self, store: Store) -> None:
        put(store, draft())
        before = texts(store)
        with pytest.raises(Unstorable, match=r"payload\.dose: nan is not a number"):
            put(store, draft(key="k2"), draft("user:anna", "a", payload={"dose": float("nan")}))
        assert texts(store) == before

    def test_what_fails_inside_a_lock_takes_the_entries_with_it(self, store: Store) -> None:
        put(store, draft())
        before = texts(store)
        with pytest.raises(ZeroDivisionError), store.lock(["participant:P-001"]):
            put(store, draft(key="k2"), draft("user:anna", "a"))
            raise ZeroDivisionError
        assert texts(store) == before
        assert store.head("user:anna") == EMPTY
        assert store.find("participant:P-001", "k2") is None
        assert put(store, draft(key="k2"))[0].sequence == 2

    def test_a_refusal_inside_a_lock_leaves_the_rest_usable(self, store: Store) -> None:
        with store.lock(["participant:P-001"]):
            put(store, draft())
            with pytest.raises(Conflict):
                put(store, draft(key="k2", expected=0))
            put(store, draft(key="k3"))
        assert [entry.key for entry in store.entries()] == ["k1", "k3"]

    def test_a_clock_set_back_is_refused_on_the_chain_it_would_disorder(self, store: Store) -> None:
        clock = SetClock()
        put(store, draft(), clock=clock)
        put(store, draft(key="k2"), clock=clock)
        clock.turn(-1)
        with pytest.raises(ClockStep, match=r"59\.999Z, but participant:P-001 was last .* it was set back"):
            put(store, draft(key="k3"), clock=clock)
        put(store, draft("user:anna", "a"), clock=clock)
        assert [entry.key for entry in store.entries()] == ["k1", "k2", "a"]

    def test_a_step_within_one_millisecond_does_not_count(self, store: Store) -> None:
        clock = SetClock(START + timedelta(microseconds=900))
        put(store, draft(), clock=clock)
        clock.turn(-0.8)
        assert put(store, draft(key="k2"), clock=clock)[0].time == "2026-03-29T00:30:00.000Z"

    def test_a_clock_must_know_its_zone(self, store: Store) -> None:
        with pytest.raises(Unstorable, match="without a zone"):
            put(store, draft(), clock=SetClock(START.replace(tzinfo=None)))

    def test_only_a_virtual_trial_takes_another_clock(self, real: Store) -> None:
        with pytest.raises(WrongClock):
            put(real, draft())
        assert texts(real) == []

    def test_what_is_stored_shares_nothing_with_what_was_given(self, store: Store) -> None:
        payload = {"doses": [1.5]}
        [entry] = put(store, draft(payload=payload))
        payload["doses"].append(3)
        assert entry.payload == store.find(entry.chain, "k1").payload == {"doses": [1.5]}


class ThreadContract:
    """For stores that serve several threads at once; needs fixture `store`."""

    def leave(self, store: Store) -> None:
        """What a thread does with the store before it ends."""

    def test_writers_at_once_make_one_chain_without_gaps(self, store: Store) -> None:
        def write(name: str) -> None:
            for number in range(25):
                put(store, draft(key=f"{name}{number}"))
            self.leave(store)

        threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [entry.sequence for entry in store.chain("participant:P-001")] == list(range(1, 51))
        assert verify(store.rows()) == []
