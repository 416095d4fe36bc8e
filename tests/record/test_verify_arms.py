"""The arms of a record are looked at between its chains: each forged one has its finding."""

from collections.abc import Callable
from pathlib import Path

import pytest

from arms_walk import PEOPLE, SetClock, at, included, said, screened
from small_study import BLOCKS, TABLE, small
from trialrun.journal.append import append
from trialrun.journal.entry import Draft
from trialrun.record.trial import Trial
from trialrun.record.verify import verify

ADAPTIVE = ((BLOCKS, TABLE), ("allocation: randomised", "allocation: adaptive"))
Made = Callable[..., Trial]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    def trial(*changes: tuple[str, str]) -> Trial:
        protocol = small(tmp_path / "study", *changes)
        return Trial.create(
            tmp_path / "trial", protocol, virtual=True, clock=SetClock(), seed=7, people=PEOPLE
        )

    return trial


def forged(trial: Trial, **payload: object) -> None:
    """An inclusion that no command made."""
    subject = screened(trial)
    at(trial, -1)
    happened = "2020-03-08T10:00[Europe/Paris]"
    content = {"request": "x", **payload}
    draft = Draft(
        f"participant:{subject}", "z", "anna", "investigator", "include", content,
        site="ONE", happened=happened,
    )  # fmt: skip
    append(trial.store, trial.clock, [draft], protocol=trial.protocol.hash)


def found(trial: Trial) -> list[str]:
    folder = trial.folder
    trial.close()
    assert folder is not None
    return [finding.wrong for finding in verify(folder).findings]


def test_arms_that_were_drawn_are_in_order(made: Made) -> None:
    trial = made()
    for sex in "FFFMM":
        included(trial, sex=sex)
    assert found(trial) == []


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ({}, "it gives the arm `None`, which the study does not have"),
        ({"arm": "B", "block": 3}, "it names a block of 3, and the study has blocks of 2 or 4"),
        ({"arm": "B", "block": 4}, "it names a block of 4 while one of 2 is open"),
        ({"arm": "A", "block": 2}, "the arm `A` has no place left in its block"),
    ],
)
def test_an_arm_that_no_draw_gives_is_found(made: Made, payload: dict[str, object], says: str) -> None:
    trial = made()
    included(trial, "A")  # the first of a block of 2
    forged(trial, **payload)
    assert found(trial) == [says]


def test_a_stratum_that_is_not_the_participants_is_found(made: Made) -> None:
    trial = made()
    included(trial, "A")
    forged(trial, arm="A", block=2, stratum="ONE / M")
    assert found(trial) == ["it names the stratum «ONE / M», and what was known gives «ONE / F»"]


def test_an_arm_that_the_table_does_not_give_is_found(made: Made) -> None:
    trial = made(*ADAPTIVE)
    subject = screened(trial)
    trial.include(subject, at(trial, -1), **said())
    forged(trial, arm="B")
    assert found(trial) == ["it gives the arm `B`, and the table gave `A`"]
