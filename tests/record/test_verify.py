"""Damage that every chain bears alone, and that shows only between them: each attack has its finding."""

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from record_walk import PEOPLE, SetClock, Walk

from trialrun.cli import main
from trialrun.journal.anchor import Anchor
from trialrun.journal.canon import canonical, digest, parse
from trialrun.protocol.protocol import Protocol
from trialrun.record import database, schema
from trialrun.record.refusal import Refused
from trialrun.record.trial import Trial
from trialrun.record.verify import SUMS, checksums, verify

PERSON = "participant:PSL-001"
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def disk(protocol: Protocol, tmp_path: Path) -> Iterator[Walk]:
    clock = SetClock()
    trial = Trial.create(tmp_path / "trial", protocol, virtual=True, clock=clock, seed=7, people=PEOPLE)
    yield Walk(trial, clock)
    trial.close()


@pytest.fixture(scope="module")
def begun(protocol: Protocol, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trial that has begun, in which nothing is wrong; not to be changed."""
    clock, folder = SetClock(), tmp_path_factory.mktemp("begun") / "trial"
    trial = Trial.create(folder, protocol, virtual=True, clock=clock, seed=7, people=PEOPLE)
    Walk(trial, clock).begin()
    trial.close()
    assert verify(folder).findings == ()
    return folder


@pytest.fixture
def folder(begun: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(begun, tmp_path / "trial"))


def attack(folder: Path, change: Callable[[sqlite3.Connection], object]) -> None:
    """Change the record with its guards taken off, and put them back."""
    connection = sqlite3.connect(folder / database.FILE, isolation_level=None)
    guards = {name: text for name, text in schema.SCHEMA.items() if text.startswith("CREATE TRIGGER")}
    for name in guards:
        connection.execute(f"DROP TRIGGER {name}")
    change(connection)
    for text in guards.values():
        connection.execute(text)
    connection.close()


def run(statement: str) -> Callable[[sqlite3.Connection], object]:
    return lambda connection: connection.execute(statement)


def rewrite(chain: str, edit: Edit) -> Callable[[sqlite3.Connection], object]:
    """A chain edited throughout and hashed anew, so that it is whole by itself."""

    def change(connection: sqlite3.Connection) -> None:
        query = "SELECT id, text FROM entry WHERE chain = ? ORDER BY sequence"
        rows, previous = connection.execute(query, [chain]).fetchall(), "0" * 64
        for position, text in rows:
            body = parse(text)
            edit(body)
            new = canonical(body | {"previous": previous})
            previous = digest(new)
            connection.execute("DELETE FROM entry WHERE id = ?", [position])
            connection.execute("INSERT INTO entry VALUES (?, ?, ?)", [position, new, previous])

    return change


def copied(connection: sqlite3.Connection) -> None:
    """A forged participant: the chain of the first under another number."""
    previous = "0" * 64
    query = "SELECT text FROM entry WHERE chain = ? ORDER BY sequence"
    for (text,) in connection.execute(query, [PERSON]).fetchall():
        new = canonical(parse(text) | {"chain": "participant:PSL-099", "previous": previous})
        previous = digest(new)
        connection.execute("INSERT INTO entry (text, hash) VALUES (?, ?)", [new, previous])


def when(name: str, **changes: Any) -> Edit:
    return lambda body: body.update(changes) if body["act"] == name else None


def real(body: dict[str, Any]) -> None:
    if body["act"] == "create":
        body["payload"]["virtual"] = False


DAMAGE: dict[str, tuple[Callable[[sqlite3.Connection], object], str, str]] = {
    "flipped": (run("UPDATE origin SET virtual = 0"), "record.sqlite3", "stamped real, but .* says virtual"),
    "stampless": (run("DELETE FROM origin"), "record.sqlite3", "neither real nor virtual"),
    "create flipped": (rewrite("trial", real), "record.sqlite3", "stamped virtual, but .* says real"),
    "emptied": (run("DELETE FROM entry"), "record.sqlite3", "no entry"),
    "no trial": (run("DELETE FROM entry WHERE chain = 'trial'"), "trial", "chain is missing"),
    "no create": (rewrite("trial", when("create", act="other")), "record.sqlite3", "not begin with `create`"),
    "no site": (run("DELETE FROM entry WHERE chain = 'site:PSL'"), PERSON, "site:PSL did not enrol"),
    "no participant": (
        run(f"DELETE FROM entry WHERE chain = '{PERSON}'"),
        "site:PSL",
        f"{PERSON} is missing",
    ),
    "no user": (run("DELETE FROM entry WHERE chain = 'user:nils'"), PERSON, "`nils` .* not registered"),
    "a ghost": (rewrite(PERSON, when("dose", actor="ghost")), PERSON, "`ghost` .* not registered"),
    "another role": (rewrite(PERSON, when("dose", role="monitor")), PERSON, "not registered .* as monitor"),
    "another key": (rewrite("site:PSL", when("enrol", key="new")), PERSON, "site:PSL did not enrol"),
    "too early": (
        rewrite("user:nils", when("user", time="2030-01-01T00:00:00.000Z")),
        PERSON,
        "`nils` .* not registered",
    ),
    "system as nurse": (rewrite(PERSON, when("dose", actor="system")), PERSON, "`system` .* as nurse"),
    "another protocol": (rewrite(PERSON, lambda body: body.update(protocol="f" * 64)), PERSON, "protocol"),
    "a forged person": (copied, "participant:PSL-099", "not begin with this .* enrolment"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_that_leaves_each_chain_whole_is_found(folder: Path, name: str) -> None:
    change, chain, wrong = DAMAGE[name]
    attack(folder, change)
    pattern = re.compile(wrong)
    assert [each for each in verify(folder).findings if each.chain == chain and pattern.search(each.wrong)]


@pytest.mark.parametrize(
    "name", ["flipped", "stampless", "create flipped", "emptied", "no trial", "no create"]
)
def test_a_trial_whose_first_entry_was_touched_is_not_opened(folder: Path, name: str) -> None:
    attack(folder, DAMAGE[name][0])
    with pytest.raises(database.RecordError, match="restore a backup"):
        Trial.open(folder, SetClock())


def test_the_study_is_checked_though_the_trial_chain_is_gone(folder: Path) -> None:
    attack(folder, DAMAGE["no trial"][0])
    (folder / "study" / "study.yaml").write_text("id: [", "utf-8")
    assert "study" in {finding.chain for finding in verify(folder).findings}


@pytest.mark.parametrize("content", [b"", b"no database, though it is long enough to be looked at" * 20])
def test_another_file_in_the_place_of_the_record_is_refused(folder: Path, content: bytes) -> None:
    for file in folder.glob("record.sqlite3*"):
        file.unlink()
    (folder / database.FILE).write_bytes(content)
    with pytest.raises(Refused, match=r"record\.sqlite3 cannot be read"):
        verify(folder)
    done = CliRunner().invoke(main, ["verify", str(folder)])
    assert (done.exit_code, "cannot be read" in done.stderr) == (1, True)


def test_a_chain_that_an_anchor_outside_should_have_seen_is_found(disk: Walk) -> None:
    disk.begin()
    kept = disk.trial.anchor(by="anna", key="a")
    heads = {chain: head for chain, head in kept.heads.items() if chain != PERSON}
    disk.trial.close()
    assert disk.trial.folder is not None
    assert verify(disk.trial.folder, (kept,)).findings == ()
    [finding] = verify(disk.trial.folder, (Anchor(kept.time, heads),)).findings
    assert (finding.chain, finding.sequence) == (PERSON, 1)
    assert "does not list it" in finding.wrong


def test_verify_says_what_it_could_not_see(disk: Walk, tmp_path: Path) -> None:
    disk.begin()
    kept = tmp_path / "anchor.txt"
    kept.write_text(disk.trial.anchor(by="anna", key="a").text(), "utf-8")
    disk.trial.close()
    said = "shows only against an anchor kept outside"
    assert said in CliRunner().invoke(main, ["verify", str(disk.trial.folder)]).output
    assert (
        said not in CliRunner().invoke(main, ["verify", str(disk.trial.folder), "--anchor", str(kept)]).output
    )


@pytest.fixture
def summed(folder: Path) -> Path:
    (folder / "tables").mkdir()
    for name in ("report.pdf", "report.html", "report.fr.html", "tables/DM.parquet", "tables/AE.parquet"):
        (folder / name).write_bytes(name.encode())
    (folder / SUMS).write_text(checksums(folder), "utf-8")
    return folder


def test_the_outputs_are_checked_against_their_sums(summed: Path) -> None:
    lines = (summed / SUMS).read_text("utf-8").splitlines()
    names = ["report.fr.html", "report.html", "report.pdf", "tables/AE.parquet", "tables/DM.parquet"]
    assert [line[64:] for line in lines] == [f"  {name}" for name in names]
    found = verify(summed)
    assert (found.findings, found.files) == ((), 5)
    done = CliRunner().invoke(main, ["verify", str(summed)])
    assert f"5 files are as {SUMS} says" in done.output


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("report.pdf", b"{}", "changed"),
        ("tables/AE.parquet", None, "missing"),
        ("tables/XX.parquet", b"new", "not listed"),
        (SUMS, b"", "not listed"),
        (SUMS, b"\xff", "not a list of sums"),
        (SUMS, b"abc  report.pdf\n", "not a list of sums"),
        (SUMS, b"0" * 64 + b"  ../secret\n", "not a list of sums"),
    ],
)
def test_an_output_that_differs_is_named(summed: Path, name: str, content: bytes | None, wrong: str) -> None:
    (summed / name).unlink(missing_ok=True)
    if content is not None:
        (summed / name).write_bytes(content)
    findings = verify(summed).findings
    assert wrong in findings[0].wrong
    if name != SUMS:
        assert [finding.chain for finding in findings] == [name]
