import sqlite3
from pathlib import Path

import pytest

from trialrun.record import database
from trialrun.record.database import FILE, RecordError
from trialrun.record.schema import SCHEMA


def edit(folder: Path, statement: str) -> None:
    connection = sqlite3.connect(folder / FILE)
    connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize("virtual", [True, False])
def test_a_trial_stays_what_it_was_made(tmp_path: Path, virtual: bool) -> None:
    made = database.create(tmp_path / "a" / "trial", virtual=virtual)
    made.close()
    opened = database.attach(tmp_path / "a" / "trial")
    assert made == opened
    assert opened.virtual is virtual
    assert [path.name for path in (tmp_path / "a" / "trial").iterdir()] == [FILE]


@pytest.mark.parametrize(("virtual", "level"), [(False, 2), (True, 1)])
def test_a_real_trial_survives_a_power_cut(tmp_path: Path, virtual: bool, level: int) -> None:
    opened = database.create(tmp_path, virtual=virtual)
    with opened.connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous")
        assert cursor.fetchone() == (level,)
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone() == ("wal",)
    opened.close()


def test_several_trials_are_open_in_one_process(tmp_path: Path) -> None:
    opened = [database.create(tmp_path / name, virtual=True) for name in "ab"]
    opened += [database.memory(), database.memory()]
    assert len({each.alias for each in opened}) == 4
    for number, each in enumerate(opened):
        with each.connection.cursor() as cursor:
            cursor.execute("CREATE TABLE own (number)")
            cursor.execute("INSERT INTO own VALUES (%s)", [number])
    for number, each in enumerate(opened):
        with each.connection.cursor() as cursor:
            cursor.execute("SELECT number FROM own")
            assert cursor.fetchall() == [(number,)]
        each.close()


def test_a_record_is_made_once(tmp_path: Path) -> None:
    database.create(tmp_path, virtual=True).close()
    with pytest.raises(RecordError, match="there already"):
        database.create(tmp_path, virtual=False)


def test_a_folder_without_a_record_is_no_trial(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"holds no record\.sqlite3"):
        database.attach(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"this is not a database, though it is long enough to look at" * 9])
def test_another_file_is_no_record(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(RecordError, match="restore a backup"):
        database.attach(tmp_path)


@pytest.mark.parametrize("trigger", [name for name in SCHEMA if "_" in name])
def test_a_record_without_a_guard_is_not_opened(tmp_path: Path, trigger: str) -> None:
    database.create(tmp_path, virtual=True).close()
    edit(tmp_path, f"DROP TRIGGER {trigger}")
    with pytest.raises(RecordError, match=f"not protected against change: `{trigger}` is missing"):
        database.attach(tmp_path)


@pytest.mark.parametrize(
    ("statements", "fault"),
    [
        (
            [
                "DROP TRIGGER entry_update",
                "CREATE TRIGGER entry_update BEFORE UPDATE ON entry BEGIN SELECT 1; END",
            ],
            "`entry_update` was altered",
        ),
        (["ALTER TABLE entry ADD COLUMN note"], "`entry` was altered"),
        (
            ["CREATE TRIGGER more AFTER INSERT ON entry BEGIN SELECT 1; END"],
            "`more` was added",
        ),
    ],
)
def test_a_record_whose_guards_were_altered_is_not_opened(
    tmp_path: Path, statements: list[str], fault: str
) -> None:
    database.create(tmp_path, virtual=True).close()
    for statement in statements:
        edit(tmp_path, statement)
    with pytest.raises(RecordError, match=fault):
        database.attach(tmp_path)


def test_settings_that_come_too_late_are_refused() -> None:
    database.configure()
    with pytest.raises(RuntimeError, match="configured already"):
        database.configure(DEBUG=True)
