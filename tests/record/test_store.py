import importlib.util
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import DatabaseError, IntegrityError

from trialrun.journal.anchor import Anchor, anchor, check
from trialrun.journal.append import append
from trialrun.journal.clock import SystemClock
from trialrun.journal.errors import Conflict, Damaged
from trialrun.journal.verify import verify
from trialrun.record import database
from trialrun.record.store import DjangoStore

_spec = importlib.util.spec_from_file_location(
    "store_contract", Path(__file__).parents[1] / "journal" / "contract.py"
)
contract = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(contract)
draft, put = contract.draft, contract.put


@pytest.fixture
def memory() -> Iterator[DjangoStore]:
    opened = database.memory()
    yield DjangoStore(opened)
    opened.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[DjangoStore]:
    opened = database.create(tmp_path / "trial", virtual=True)
    yield DjangoStore(opened)
    opened.close()


class TestInMemory(contract.StoreContract):
    @pytest.fixture
    def store(self, memory: DjangoStore) -> DjangoStore:
        return memory

    @pytest.fixture
    def real(self) -> Iterator[DjangoStore]:
        opened = database.memory(virtual=False)
        yield DjangoStore(opened)
        opened.close()


class TestOnDisk(contract.StoreContract, contract.ThreadContract):
    def leave(self, store: DjangoStore) -> None:
        store.database.close()

    @pytest.fixture
    def store(self, disk: DjangoStore) -> DjangoStore:
        return disk

    @pytest.fixture
    def real(self, tmp_path: Path) -> Iterator[DjangoStore]:
        opened = database.create(tmp_path / "real", virtual=False)
        yield DjangoStore(opened)
        opened.close()


def execute(store: DjangoStore, statement: str, *values: object) -> None:
    with store.database.connection.cursor() as cursor:
        cursor.execute(statement, values)


def elsewhere(work) -> None:
    """Run `work` in another thread, that is on another connection, and raise what it raises."""
    raised = []

    def run() -> None:
        try:
            work()
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def test_a_real_trial_is_written_by_the_systems_clock(tmp_path: Path) -> None:
    opened = database.create(tmp_path, virtual=False)
    store = DjangoStore(opened)
    [entry] = append(store, SystemClock(), [draft()], protocol="p")
    assert list(store.entries()) == [entry]
    opened.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET text = replace(text, 'anna', 'anne')",
        "UPDATE entry SET hash = hash",
        "UPDATE OR REPLACE entry SET id = 2 WHERE id = 1",
        "UPDATE OR IGNORE entry SET text = text || ' '",
        "DELETE FROM entry",
        "DELETE FROM entry WHERE id = 2",
        "REPLACE INTO entry (id, text, hash) SELECT 1, text, hash FROM entry WHERE id = 1",
        "INSERT OR REPLACE INTO entry (text, hash) SELECT replace(text, 'anna', 'anne'), hash FROM entry",
        """INSERT OR REPLACE INTO entry (text, hash)
           SELECT replace(text, '"k2"', '"k9"'), hash FROM entry WHERE id = 2""",
        """INSERT OR REPLACE INTO entry (text, hash)
           SELECT replace(text, '"sequence":2', '"sequence":3'), hash FROM entry WHERE id = 2""",
        """INSERT INTO entry (text, hash) SELECT text, hash FROM entry WHERE id = 1
           ON CONFLICT DO UPDATE SET hash = excluded.hash""",
        """INSERT INTO entry (text, hash)
           SELECT replace(replace(text, '"k2"', '"k9"'), '"sequence":2', '"sequence":9'), hash
           FROM entry WHERE id = 2""",
        """INSERT INTO entry (id, text, hash)
           SELECT -1, replace(text, 'P-001', 'P-007'), hash FROM entry WHERE id = 1""",
        """REPLACE INTO entry (id, text, hash)
           SELECT 1, replace(text, 'P-001', 'P-007'), hash FROM entry WHERE id = 1""",
        "INSERT INTO entry (text, hash) VALUES ('{}', printf('%%064d', 0))",
        "INSERT INTO entry (text, hash) VALUES ('not JSON', printf('%%064d', 0))",
        "INSERT OR REPLACE INTO origin (id, virtual) VALUES (1, 0)",
        "UPDATE origin SET virtual = 0",
        "DELETE FROM origin",
    ],
)
def test_the_database_itself_refuses_any_change(memory: DjangoStore, statement: str) -> None:
    put(memory, draft(), draft(key="k2"))
    before = list(memory.rows())
    with pytest.raises(DatabaseError):
        execute(memory, statement)
    assert list(memory.rows()) == before
    assert verify(memory.rows()) == []


def test_the_database_refuses_a_second_entry_with_one_number(memory: DjangoStore) -> None:
    entries = put(memory, draft())
    with pytest.raises(IntegrityError, match="append-only: this key is taken"):
        memory.write(entries)


def test_the_columns_are_what_the_text_says(memory: DjangoStore) -> None:
    [entry] = put(memory, draft())
    with memory.database.connection.cursor() as cursor:
        cursor.execute("SELECT chain, sequence, key, act, time, text, hash FROM entry")
        [found] = cursor.fetchall()
    assert found == (entry.chain, 1, "k1", "enter", entry.time, entry.text, entry.hash)


def test_a_byte_edited_behind_the_triggers_is_named(disk: DjangoStore) -> None:
    put(disk, *(draft(key=f"k{number}") for number in range(5)), draft("user:anna", "a"))
    execute(disk, "DROP TRIGGER entry_update")
    execute(disk, "UPDATE entry SET text = replace(text, 'investigator', 'investigatos') WHERE id = 3")
    [finding] = verify(disk.rows())
    assert (finding.chain, finding.sequence) == ("participant:P-001", 3)
    assert "hash does not match" in finding.wrong
    with pytest.raises(Damaged, match="entry 3 of participant:P-001 was changed"):
        list(disk.entries())


def test_a_byte_edited_in_the_file_is_named(tmp_path: Path) -> None:
    """Even one that is no longer UTF-8."""
    opened = database.create(tmp_path, virtual=True)
    put(DjangoStore(opened), draft(), draft(key="k2", payload={"note": "unmistakable"}), draft(key="k3"))
    opened.close()
    file = tmp_path / database.FILE
    content = file.read_bytes()
    assert content.count(b"unmistakable") == 1
    file.write_bytes(content.replace(b"unmistakable", b"unmi\xfftakable"))

    opened = database.attach(tmp_path)
    [finding] = verify(DjangoStore(opened).rows())
    assert (finding.chain, finding.sequence) == ("participant:P-001", 2)
    opened.close()


def test_a_column_edited_in_the_file_is_named(tmp_path: Path) -> None:
    """The text is whole, so the chain is; but a query by act would miss the entry."""
    opened = database.create(tmp_path, virtual=True)
    store = DjangoStore(opened)
    put(store, draft(), draft(key="k2", act="unblind"), draft(key="k3"))
    assert store.faults() == []
    opened.close()
    file = tmp_path / database.FILE
    content = file.read_bytes()
    place = content.index(b"unblind2026-03-29")  # the columns act and time
    file.write_bytes(content[:place] + b"unblond" + content[place + 7 :])

    assert verify(store.rows()) == []
    assert store.faults() == ["participant:P-001, entry 2: the columns do not say what the text says"]
    opened.close()


def test_an_entry_deleted_behind_the_triggers_is_named(disk: DjangoStore) -> None:
    put(disk, *(draft(key=f"k{number}") for number in range(5)))
    execute(disk, "DROP TRIGGER entry_delete")
    execute(disk, "DELETE FROM entry WHERE id = 4")
    assert [(each.sequence, each.wrong) for each in verify(disk.rows())] == [(4, "missing")]


def test_a_tail_cut_behind_the_triggers_shows_against_an_anchor_kept_outside(disk: DjangoStore) -> None:
    put(disk, *(draft(key=f"k{number}") for number in range(5)))
    clock = contract.SetClock()
    kept = anchor(disk, clock, key="day 1", actor="system", role="system", protocol="p").text()
    put(disk, draft(key="later"))
    assert check(Anchor.parse(kept), disk) == []

    execute(disk, "DROP TRIGGER entry_delete")
    execute(disk, "DELETE FROM entry WHERE id > 4")
    assert verify(disk.rows()) == []
    found = [(each.chain, each.sequence) for each in check(Anchor.parse(kept), disk)]
    assert found == [("participant:P-001", 5), ("trial", 1)]


def test_an_anchor_looks_at_the_text_not_at_the_hash_beside_it(disk: DjangoStore) -> None:
    put(disk, draft())
    kept = anchor(disk, contract.SetClock(), key="a", actor="system", role="system", protocol="p")
    execute(disk, "DROP TRIGGER entry_update")
    execute(disk, "UPDATE entry SET text = replace(text, 'anna', 'anne') WHERE id = 1")
    assert [(each.chain, each.sequence) for each in check(kept, disk)] == [("participant:P-001", 1)]


def test_two_connections_on_one_chain_conflict(disk: DjangoStore) -> None:
    put(disk, draft())
    seen = disk.head("participant:P-001").sequence

    def write(key: str) -> None:
        try:
            put(disk, draft(key=key, expected=seen))
        finally:
            disk.database.close()

    elsewhere(lambda: write("theirs"))
    with pytest.raises(Conflict):
        write("ours")
    with pytest.raises(Conflict):
        elsewhere(lambda: write("later"))
    assert [entry.key for entry in disk.entries()] == ["k1", "theirs"]


def test_a_writer_waits_for_the_other_and_then_sees_what_it_wrote(disk: DjangoStore) -> None:
    put(disk, draft())
    started = threading.Event()
    raised = []

    def write() -> None:
        started.set()
        try:
            put(disk, draft(key="theirs", expected=1))
        except Conflict as error:
            raised.append(error)
        finally:
            disk.database.close()

    other = threading.Thread(target=write)
    with disk.lock(["participant:P-001"]):
        other.start()
        started.wait()
        other.join(0.1)
        assert other.is_alive()
        put(disk, draft(key="ours", expected=1))
    other.join()
    assert len(raised) == 1
    assert [entry.key for entry in disk.entries()] == ["k1", "ours"]
