"""A replay gives what the commands gave, whatever was done."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_walk import EVENT, GIVEN, LABORATORY, PEOPLE, VITAL_SIGNS, SetClock, Walk, arrays, later

from trialrun.protocol.protocol import Protocol
from trialrun.record.projection import Projection
from trialrun.record.refusal import Refused
from trialrun.record.trial import Trial


def assert_replay_is_live(trial: Trial, subject: str) -> None:
    live = trial.projection(subject)
    again = Projection.replay(trial.protocol, subject, trial.store.chain(live.chain))
    before, after = arrays(live.cohort), arrays(again.cohort)
    assert before.keys() == after.keys()
    for name in before:
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)
    for name in ("sequence", "filled", "acts", "signatures", "files", "site", "zone"):
        assert getattr(live, name) == getattr(again, name), name


POINTS = ("SCR", "C1.D1", "C1.D2", "C1.D3", "C1.D8", "W11")
KINDS = (
    "vital_signs",
    "laboratory",
    "correct",
    "ae",
    "more",
    "dose",
    "skip",
    "decide",
    "sign",
    "collect",
    "tick",
)
steps = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(POINTS), st.integers(0, 90), st.integers(1, 5)),
    max_size=14,
)


def step(walk: Walk, kind: str, point: str, day: int, number: int) -> None:
    """One command, right or wrong."""
    trial, subject, when = walk.trial, walk.subject, later(day)
    walk.clock.set(when)
    event = {**EVENT, "grade": number, "category": "other", "onset": when.date()}
    skipped = {"given": False, "dose": 0, "reason_not_given": "toxicity"}
    commands: dict[str, Callable[[], object]] = {
        "vital_signs": lambda: walk.enter(
            "vital_signs", point, when, {**VITAL_SIGNS, "pulse": 70 + number}, reason="x"
        ),
        "laboratory": lambda: walk.enter("laboratory", point, when, {**LABORATORY, "alt": 40.0 + number}),
        "correct": lambda: walk.correct("vital_signs", point, {"pulse": 60 + number}, happened=when),
        "ae": lambda: walk.write("ae", str(number), when, event),
        "more": lambda: walk.write(
            "ae", str(number), when, {"outcome": "resolved", "ended": when.date()}, reason="x"
        ),
        "dose": lambda: walk.dose(point, when, GIVEN, deviation="by mistake" if number > 3 else None),
        "skip": lambda: walk.dose(point, when, skipped),
        "decide": lambda: walk.decide(when),
        "sign": lambda: trial.sign(subject, "vital_signs", point, "seen", by="anna", key=walk.key()),
        "collect": lambda: trial.collect(subject, "treg_blood", point, when, by="lab", key=walk.key()),
        "tick": trial.tick,
    }
    commands[kind]()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_a_replay_is_what_the_commands_left(
    protocol: Protocol, done: list[tuple[str, str, int, int]]
) -> None:
    clock = SetClock()
    walk = Walk(Trial.in_memory(protocol, clock=clock, people=PEOPLE), clock)
    walk.begin()
    for each in done:
        length = walk.trial.projection(walk.subject).sequence
        try:
            step(walk, *each)
        except Refused:
            assert walk.trial.projection(walk.subject).sequence == length
    assert_replay_is_live(walk.trial, walk.subject)


def test_another_process_that_wrote_is_caught_up_with(walk: Walk) -> None:
    walk.begin()
    other = Trial(walk.trial.protocol, walk.trial.store, walk.clock)
    walk.clock.set(later(1))
    other.enter(walk.subject, "vital_signs", "C1.D2", later(1), VITAL_SIGNS, by="nils", key="theirs")
    assert walk.trial.cohort(walk.subject).sheets["vital_signs"].value("pulse", "C1.D2")[0] == 72
    with pytest.raises(Refused, match="was entered for"):
        walk.enter("vital_signs", "C1.D2", later(1), VITAL_SIGNS)
    assert_replay_is_live(walk.trial, walk.subject)


def test_a_failure_after_the_entry_takes_entry_and_knowledge_back(
    walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk.begin()
    heads = walk.trial.store.heads()

    def broken(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(walk.trial, "_protect", broken)
        with pytest.raises(OSError, match="disk full"):
            walk.enter("vital_signs", "C1.D2", later(1), VITAL_SIGNS)
    assert walk.trial.store.heads() == heads
    assert np.isnan(walk.trial.cohort(walk.subject).sheets["vital_signs"].value("pulse", "C1.D2")[0])
    walk.enter("vital_signs", "C1.D2", later(1), VITAL_SIGNS)
    assert_replay_is_live(walk.trial, walk.subject)
