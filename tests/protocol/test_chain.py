import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.protocol.chain import Days, chain, study_day
from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol

START = np.array(["2008-03-03", "2009-12-28"], dtype="datetime64[D]")
CYCLES = ("C1", "C2", "C3", "C4")
PROTOCOL = load("vascu_il2")


def days(*dates: str) -> Days:
    return np.array(dates, dtype="datetime64[D]")


def offsets(dates: dict[str, Days], start: Days = START) -> dict[str, list[int]]:
    return {
        name: [int(n) for n in (date - start).astype(int)]
        for name, date in dates.items()
        if not np.isnat(date).any()
    }


def hangs_on(name: str) -> set[str]:
    """The cycles whose actual day 1 a timepoint's date is counted from, directly or not."""
    found: set[str] = set()
    anchor = PROTOCOL.timepoints[name].anchor
    while anchor is not None and anchor.after in PROTOCOL.cycles:
        found.add(anchor.after)
        anchor = PROTOCOL.timepoints[f"{anchor.after}.D1"].anchor
    return found


def test_on_time_every_date_is_its_planned_offset(protocol: Protocol) -> None:
    dates = chain(protocol, START)
    assert list(dates) == list(protocol.timepoints)
    assert offsets(dates) == {name: [point.offset] * 2 for name, point in protocol.timepoints.items()}


@settings(deadline=None)  # a busy machine is no failure
@given(st.sampled_from(CYCLES), st.integers(-5, 30))
def test_a_course_that_slips_takes_with_it_what_hangs_on_it_and_nothing_else(cycle: str, slip: int) -> None:
    before = chain(PROTOCOL, START)
    happened = before[f"{cycle}.D1"] + np.array([slip, 0])
    after = chain(PROTOCOL, START, {f"{cycle}.D1": happened})
    for name in PROTOCOL.timepoints:
        if name == "SAFETY":
            continue
        moved = [int(n) for n in (after[name] - before[name]).astype(int)]
        assert moved == [slip if cycle in hangs_on(name) else 0, 0], name


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.integers(0, 10), min_size=4, max_size=4))
def test_slips_of_several_courses_add_up(slips: list[int]) -> None:
    start = START[:1]
    actual: dict[str, Days] = {}
    for cycle, slip in zip(CYCLES, slips, strict=True):
        actual[f"{cycle}.D1"] = chain(PROTOCOL, start, actual)[f"{cycle}.D1"] + slip
    [last] = offsets({"W37": chain(PROTOCOL, start, actual)["W37"]}, start)["W37"]
    assert last == PROTOCOL.timepoints["W37"].offset + sum(slips)


def test_a_late_single_dose_moves_nothing_else(protocol: Protocol) -> None:
    before = chain(protocol, START)
    after = chain(protocol, START, {"C1.D3": before["C1.D3"] + 1})
    assert offsets(after) == offsets(before)


def test_what_has_not_happened_is_planned(protocol: Protocol) -> None:
    dates = chain(protocol, START, {"C2.D1": days("2008-03-28", "NaT")})
    assert list(dates["C3.D1"]) == list(days("2008-04-18", "2010-02-08"))


def test_a_void_course_sends_its_visits_to_the_other_anchor(protocol: Protocol) -> None:
    dates = chain(protocol, START, {"C1.D1": START + 2}, void={"C4": np.array([True, False])})
    assert offsets(dates)["W11"] == [2 + 77, 2 + 63 + 14]
    assert offsets(dates)["W37"] == [2 + 259, 2 + 63 + 196]


def test_the_safety_visit_counts_from_the_last_dose(protocol: Protocol) -> None:
    dates = chain(protocol, START, last_dose=days("2008-03-07", "NaT"))
    assert dates["SAFETY"][0] == np.datetime64("2008-04-04")
    assert offsets(dates)["SAFETY"][1] == 67 + 28  # while more doses are to come: from the last one planned


def test_an_unknown_start_gives_unknown_dates(protocol: Protocol) -> None:
    assert all(np.isnat(date).all() for date in chain(protocol, days("NaT")).values())


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_a_batch_of_any_size(protocol: Protocol, size: int) -> None:
    start = np.full(size, np.datetime64("2008-03-03"), dtype="datetime64[D]")
    assert all(date.shape == (size,) for date in chain(protocol, start).values())


def test_the_study_day_has_no_zero() -> None:
    dates = days("2008-03-01", "2008-03-02", "2008-03-03", "2008-03-04", "NaT")
    first = np.full(5, np.datetime64("2008-03-03"), dtype="datetime64[D]")
    np.testing.assert_array_equal(study_day(dates, first), [-2, -1, 1, 2, np.nan])
