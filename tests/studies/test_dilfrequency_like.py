"""Dose and interval per cohort: the calendars of the six regimens, and where the table leads."""

import datetime
from types import SimpleNamespace

import numpy as np
import pytest

from trialrun.conduct.allocation import Place, allocate
from trialrun.conduct.dose import amount
from trialrun.conduct.verdict import NO, YES, Reason
from trialrun.protocol.calendar import calendar
from trialrun.protocol.compile import load
from trialrun.protocol.lint import lint
from trialrun.protocol.protocol import Protocol

MONDAY = datetime.date(2014, 12, 1)
REGIMENS = {
    "R1": (0.20, 10),
    "R2": (0.20, 5),
    "R3": (0.20, 3),
    "R4": (0.28, 3),
    "R5": (0.20, 2),
    "R6": (0.28, 2),
}
LAST = 43  # the study day after which no regimen has an injection
TROUGH = 31


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load("dilfrequency_like")


@pytest.mark.parametrize("arm", list(REGIMENS))
def test_each_regimen_has_its_dose_and_interval(protocol: Protocol, arm: str) -> None:
    level, every = REGIMENS[arm]
    rows = calendar(protocol, MONDAY, arm=arm)
    doses = [row for row in rows if row["kind"] == "dose"]
    assert [row["day"] for row in doses] == list(range(1, LAST + 1, every))
    assert {row["dose"] for row in doses} == {level}
    assert TROUGH in [row["day"] for row in doses]
    follow_up = next(row for row in rows if row["id"] == "FU")
    assert follow_up["day"] == doses[-1]["day"] + 28
    title = protocol.study.arms[arm].title()
    assert f"{level:.2f}" in title
    assert f"every {every} days" in title


def test_regimens_go_from_the_least_to_the_most(protocol: Protocol) -> None:
    weekly = [7 * level / every for level, every in REGIMENS.values()]
    assert weekly == sorted(weekly)
    assert protocol.arms == tuple(REGIMENS)


def test_doses_by_body_surface_are_measurable_and_capped(protocol: Protocol) -> None:
    dose = protocol.timepoints["T4.D1"].dose
    assert dose is not None
    given = amount(dose, np.array([1.5, 1.83, 2.9]))
    np.testing.assert_array_equal(given, [0.42, 0.51, 0.7])


# ---- the table -----------------------------------------------------------------------------------


def led(protocol: Protocol, reached: dict[str, list[bool]]) -> list[str]:
    """The arms that follow one another when participants of each arm reach the rise in this order."""
    left = {arm: list(said) for arm, said in reached.items()}
    arms: list[str] = []
    counts: list[int] = []
    while len(arms) < protocol.study.enrolment.planned:
        roll = SimpleNamespace(
            included=np.arange(len(arms)),
            arm=np.array(arms, dtype=object),
            judged=np.ones(len(arms), dtype=bool),
            void=np.zeros(len(arms), dtype=bool),
            counts=np.array(counts, dtype=np.int8),
        )
        roll.of = lambda mask, whole=roll: whole  # all of them may be counted
        place = allocate(protocol, roll if arms else None, "", lambda below: 0)  # type: ignore[arg-type]
        if isinstance(place, Reason):
            return arms
        assert isinstance(place, Place)
        assert place.arm is not None
        arms.append(place.arm)
        counts.append(YES if left[place.arm].pop(0) else NO)
    return arms


LEARNING = [arm for arm in REGIMENS for _ in range(2)]
NEVER, ALWAYS, HALF = [False] * 30, [True] * 30, [True, False] * 15


def test_two_of_each_learn_and_the_middle_is_confirmed(protocol: Protocol) -> None:
    found = led(protocol, dict.fromkeys(REGIMENS, HALF))
    assert found == [*LEARNING, *["R3"] * 8]


def test_too_few_lead_higher_and_too_many_lower(protocol: Protocol) -> None:
    higher = led(protocol, {**dict.fromkeys(REGIMENS, HALF), "R3": NEVER})
    assert higher == [*LEARNING, *["R3"] * 8, *["R4"] * 8]
    lower = led(protocol, {**dict.fromkeys(REGIMENS, HALF), "R3": ALWAYS})
    assert lower == [*LEARNING, *["R3"] * 8, *["R2"] * 8]


def test_beyond_the_last_regimen_inclusions_end(protocol: Protocol) -> None:
    assert led(protocol, dict.fromkeys(REGIMENS, ALWAYS)) == [
        *LEARNING,
        *["R3"] * 8,
        *["R2"] * 8,
        *["R1"] * 8,
    ]
    up = led(protocol, dict.fromkeys(REGIMENS, NEVER))
    assert up == [*LEARNING, *["R3"] * 8, *["R4"] * 8, *["R5"] * 8]


def test_between_two_regimens_inclusions_end(protocol: Protocol) -> None:
    found = led(protocol, {**dict.fromkeys(REGIMENS, HALF), "R3": NEVER, "R4": ALWAYS})
    assert found == [*LEARNING, *["R3"] * 8, *["R4"] * 8, *["R3"] * 2]


def test_nothing_is_found_wrong(protocol: Protocol) -> None:
    assert [one for one in lint(protocol) if one.resolution is None] == []
