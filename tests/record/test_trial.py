"""A trial on disk: made whole, opened with its own study, verified to the byte."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from record_walk import PEOPLE, VITAL_SIGNS, SetClock, Walk, later

from trialrun import __version__
from trialrun.cli import main
from trialrun.protocol.protocol import Protocol
from trialrun.record.person import Person
from trialrun.record.refusal import Refused
from trialrun.record.trial import Trial
from trialrun.record.verify import verify


@pytest.fixture
def disk(protocol: Protocol, tmp_path: Path) -> Iterator[Walk]:
    clock = SetClock()
    trial = Trial.create(tmp_path / "trial", protocol, virtual=True, clock=clock, seed=7, people=PEOPLE)
    yield Walk(trial, clock)
    trial.close()


def folder(walk: Walk) -> Path:
    assert walk.trial.folder is not None
    return walk.trial.folder


def tamper(walk: Walk, *statements: str) -> None:
    """Change the record as someone with the file in hands would."""
    walk.trial.close()
    connection = sqlite3.connect(folder(walk) / "record.sqlite3")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_trial_says_what_it_is(disk: Walk) -> None:
    first = next(disk.trial.store.chain("trial"))
    assert first.act == "create"
    assert first.payload == {"study": "VASCU-IL2", "version": "1.0", "virtual": True, "seed": 7}
    assert (first.protocol, first.software) == (disk.trial.protocol.hash, __version__)
    assert (disk.trial.virtual, disk.trial.seed) == (True, 7)
    assert sorted(each.name for each in folder(disk).iterdir() if "sqlite3-" not in each.name) == [
        "files",
        "record.sqlite3",
        "study",
    ]


def test_a_trial_is_opened_as_it_was_left(disk: Walk) -> None:
    disk.first_course()
    facts = disk.trial.facts()
    disk.trial.close()
    again = Trial.open(folder(disk), disk.clock)
    assert again.protocol.hash == disk.trial.protocol.hash
    assert again.facts().values.equals(facts.values)
    assert again.facts().acts.equals(facts.acts)
    assert again.facts().subjects.rows() == [("PSL-001", "PSL", True, "participant:PSL-001#1")]
    disk.clock.set(later(7))
    again.enter("PSL-001", "vital_signs", "C1.D8", later(7), VITAL_SIGNS, by="nils", key="after")
    again.close()


def test_a_trial_is_made_once(disk: Walk) -> None:
    with pytest.raises(Refused, match="is not empty → a trial is made once"):
        Trial.create(folder(disk), disk.trial.protocol, virtual=True)


def test_a_trial_that_cannot_be_made_leaves_nothing(
    protocol: Protocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("trialrun.record.trial._begin", broken)
    with pytest.raises(OSError, match="disk full"):
        Trial.create(tmp_path / "trial", protocol, virtual=True)
    assert list(tmp_path.iterdir()) == []


def test_a_real_trial_takes_no_other_clock_and_no_seed(protocol: Protocol, tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        Trial.create(tmp_path / "t", protocol, virtual=False, clock=SetClock(), seed=3)
    assert caught.value.names() == ("clock", "seed")
    with pytest.raises(Refused, match="takes the system's clock only"):
        Trial.in_memory(protocol, virtual=False, clock=SetClock())
    trial = Trial.create(tmp_path / "t", protocol, virtual=False, people=PEOPLE)
    assert (trial.virtual, trial.enrol("PSL", by="anna", key="a")) == (False, "PSL-001")
    assert trial.facts().subjects["virtual"].to_list() == [False]
    trial.close()
    with pytest.raises(Refused, match="takes the system's clock only"):
        Trial.open(tmp_path / "t", SetClock())


def test_a_trial_keeps_to_the_study_it_was_made_with(disk: Walk) -> None:
    disk.trial.close()
    study = folder(disk) / "study" / "study.yaml"
    study.write_text(study.read_text("utf-8").replace("planned: 10", "planned: 11"), "utf-8")
    with pytest.raises(Refused, match="not those the trial was made with → restore them"):
        Trial.open(folder(disk), disk.clock)
    [finding] = verify(folder(disk)).findings
    assert str(finding).startswith("study: the study files are not those")


def test_people_are_registered_once_and_for_ever(walk: Walk) -> None:
    trial = walk.trial
    eve = Person("eve", "Eve Petit", "pharmacist")
    entry = trial.register(eve, by="anna", key="eve")
    assert trial.register(eve, by="anna", key="eve") == entry
    assert trial.person("eve") == eve
    with pytest.raises(Refused, match="`eve` stands for Eve Petit, pharmacist → an id is never given again"):
        trial.register(Person("eve", "Eve Other", "nurse"), by="anna", key="other")
    with pytest.raises(Refused) as caught:
        trial.register(Person("a b", " ", "king"), by="nobody", key="k")
    assert caught.value.names() == ("actor", "user", "name", "role")
    with pytest.raises(Refused, match="`anna` is given to two people"):
        Trial.in_memory(trial.protocol, people=[PEOPLE[0], PEOPLE[0]])


def test_a_file_lies_under_its_hash_and_its_loss_is_found(disk: Walk) -> None:
    disk.begin()
    entry = disk.trial.attach(disk.subject, "scan.pdf", b"%PDF", later(0, 1), by="anna", key="f")
    kept = folder(disk) / "files" / hashlib.sha256(b"%PDF").hexdigest()
    assert kept.read_bytes() == b"%PDF" == disk.trial.file(entry.payload["sha256"])
    assert verify(folder(disk)).findings == ()
    kept.write_bytes(b"%PDX")
    [finding] = verify(folder(disk)).findings
    assert str(finding) == f"{entry.chain}, entry {entry.sequence}: the attached file scan.pdf was changed"
    kept.unlink()
    assert "is missing" in verify(folder(disk)).findings[0].wrong


def test_a_whole_trial_is_said_to_be_whole(disk: Walk) -> None:
    disk.begin()
    disk.trial.sign(disk.subject, "consent", "SCR", "I am responsible", by="anna", key="s")
    count = sum(1 for _ in disk.trial.store.entries())
    disk.trial.close()
    done = CliRunner().invoke(main, ["verify", str(folder(disk))])
    assert done.exit_code == 0
    assert done.output.startswith(f"{count} entries on 6 chains, all whole\nno anchor was given: ")


def test_a_changed_byte_is_named_though_its_guard_was_dropped(disk: Walk) -> None:
    disk.begin()
    [entry] = [e for e in disk.trial.store.chain("participant:PSL-001") if e.act == "dose"]
    tamper(
        disk,
        "DROP TRIGGER entry_update",
        "UPDATE entry SET text = replace(text, '\"new\":1.5', '\"new\":1.6') WHERE act = 'dose'",
    )
    done = CliRunner().invoke(main, ["verify", str(folder(disk))])
    assert done.exit_code == 1
    assert done.output.splitlines()[:-1] == [
        f"participant:PSL-001, entry {entry.sequence}: text changed: its hash does not match",
        "record.sqlite3: not protected against change: `entry_update` is missing",
    ]
    done = CliRunner().invoke(main, ["verify", str(folder(disk)), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.output)["findings"][0]["sequence"] == entry.sequence


def test_a_tail_that_was_cut_shows_against_an_anchor_kept_outside(disk: Walk, tmp_path: Path) -> None:
    disk.begin()
    kept = tmp_path / "anchor.txt"
    kept.write_text(disk.trial.anchor(by="anna", key="day 1").text(), "utf-8")
    last = disk.trial.projection(disk.subject).sequence
    tamper(disk, "DROP TRIGGER entry_delete", "DELETE FROM entry WHERE act IN ('dose', 'anchor')")
    assert all(f.chain == "record.sqlite3" for f in verify(folder(disk)).findings)
    done = CliRunner().invoke(main, ["verify", str(folder(disk)), "--anchor", str(kept)])
    assert done.exit_code == 1
    assert f"participant:PSL-001, entry {last}: gone" in done.output
    kept.write_text("no anchor", "utf-8")
    assert CliRunner().invoke(main, ["verify", str(folder(disk)), "--anchor", str(kept)]).exit_code == 2


def test_a_forged_signature_is_found(disk: Walk) -> None:
    """One that the journal holds whole, but that was not bound to what stood on the form."""
    from trialrun.journal.append import append
    from trialrun.journal.entry import Draft

    disk.begin()
    payload = {"form": "consent", "place": "SCR", "meaning": "seen", "name": "Anna", "hash": "0" * 64}
    draft = Draft("participant:PSL-001", "forged", "anna", "investigator", "sign", payload, site="PSL")
    [entry] = append(disk.trial.store, disk.clock, [draft], protocol=disk.trial.protocol.hash)
    assert not disk.trial.signatures("PSL-001")[0].valid
    [finding] = verify(folder(disk)).findings
    assert (finding.sequence, finding.wrong) == (
        entry.sequence,
        "the signature is not bound to what it was put under",
    )


def test_what_is_no_trial_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["verify", str(tmp_path)])
    assert done.exit_code == 1
    assert "cannot be read (it is not there) → name the folder of a trial" in done.stderr
