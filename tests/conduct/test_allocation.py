"""Arms: drawn from blocks that stay balanced, or led by a table, cohort by cohort."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from small_study import small
from trialrun.conduct.allocation import Place, allocate, closed
from trialrun.conduct.cohort import Cohort
from trialrun.conduct.enrolment import may_enrol
from trialrun.conduct.roll import Roll, join, roll
from trialrun.conduct.verdict import NO, UNKNOWN, YES, Reason
from trialrun.protocol.problem import ProtocolError
from trialrun.protocol.protocol import Protocol

NOW = np.datetime64("2020-03-02T10:00", "m")

TABLE = """allocation:
  method: table
  start: A
  cohort: 3
  counted: severe_events >= 1
  judged_at: LATE
  table:
    - {of: 3..3, counted: 0..0, next: higher, or_else: same}
    - {of: 3..3, counted: 1..1, next: same}
    - {of: 2..6, counted: 2..6, next: lower, exclude: true}
    - {of: 6..6, counted: 0..1, next: higher, or_else: stop}
  from: outline#1
"""


@pytest.fixture(scope="module")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    return small(tmp_path_factory.mktemp("blocked"))


def with_table(folder: Path, table: str) -> Protocol:
    blocks = "{method: blocks, ratio: {A: 1, B: 1}, blocks: [2, 4], strata: [site, sex], from: outline#1}"
    return small(
        folder, (f"allocation: {blocks}\n", table), ("allocation: randomised", "allocation: adaptive")
    )


@pytest.fixture(scope="module")
def tabled(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    return with_table(tmp_path_factory.mktemp("tabled"), TABLE)


def everyone(protocol: Protocol, n: int) -> Roll:
    """A roll of n people of whom nothing is known yet."""
    cohort = Cohort(protocol, n)
    who = np.arange(n)
    cohort.include(who, NOW + who.astype("timedelta64[m]"))
    return roll(cohort, who, np.full(n, NOW + np.timedelta64(100, "m")))


def included(protocol: Protocol, strata: list[str], chance: random.Random) -> list[Place]:
    """The places of people who come one after the other."""
    places: list[Place] = []
    for i, stratum in enumerate(strata):
        present = None
        if i:
            present = replace(
                everyone(protocol, i),
                stratum=np.array(strata[:i], dtype=object),
                arm=np.array([place.arm for place in places], dtype=object),
                block=np.array([place.block for place in places], dtype=np.int16),
            )
        place = allocate(protocol, present, stratum, chance.randrange)
        assert isinstance(place, Place)
        places.append(place)
    return places


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(["ONE / F", "ONE / M", "TWO / F"]), min_size=1, max_size=24), st.integers(0, 99)
)
def test_every_full_block_of_a_stratum_holds_each_arm_in_its_share(
    blocked: Protocol, strata: list[str], seed: int
) -> None:
    places = included(blocked, strata, random.Random(seed))
    for stratum in set(strata):
        mine = [place for place, of in zip(places, strata, strict=True) if of == stratum]
        while mine:
            size = mine[0].block
            block, mine = mine[:size], mine[size:]
            assert size in (2, 4)
            counts = Counter(place.arm for place in block)
            assert max(counts.values()) <= size // 2
            assert len(block) < size or counts == {"A": size // 2, "B": size // 2}


def test_either_arm_may_come_first(blocked: Protocol) -> None:
    first = {included(blocked, ["ONE / F"], random.Random(seed))[0].arm for seed in range(20)}
    assert first == {"A", "B"}


def cohort_of(protocol: Protocol, arms: str, counts: list[int], judged: list[bool] | None = None) -> Roll:
    done = np.array(judged or [True] * len(arms))
    return replace(
        everyone(protocol, len(arms)),
        arm=np.array(list(arms), dtype=object),
        judged=done,
        void=np.zeros(len(arms), dtype=bool),
        counts=np.array(counts, dtype=np.int8),
    )


@pytest.mark.parametrize(
    ("arms", "counts", "leads"),
    [
        ("A", [NO], "A"),  # the cohort is not full
        ("AAA", [NO] * 3, "B"),
        ("AAA", [YES, NO, NO], "A"),
        ("AAAAAA", [YES, NO, NO, NO, NO, NO], "B"),
        ("AAABBB", [NO] * 3 + [YES, YES, NO], "A"),
        ("AAABBB", [NO] * 6, "B"),  # beyond the last arm: the table says the same again
    ],
)
def test_the_table_leads_from_cohort_to_cohort(
    tabled: Protocol, arms: str, counts: list[int], leads: str
) -> None:
    assert allocate(tabled, cohort_of(tabled, arms, counts), "", lambda below: 0) == Place(leads)


def test_an_excluded_arm_is_never_used_again(tabled: Protocol) -> None:
    counts = [NO] * 3 + [YES, YES, NO] + [NO] * 3
    found = allocate(tabled, cohort_of(tabled, "AAABBBAAA", counts), "", lambda below: 0)
    assert isinstance(found, Reason)
    assert found.message == "inclusions end: 0 of 6 in the arm «Loading and maintenance»"


def test_too_much_on_the_lowest_arm_ends_inclusions(tabled: Protocol) -> None:
    found = allocate(tabled, cohort_of(tabled, "AAA", [YES, YES, NO]), "", lambda below: 0)
    assert isinstance(found, Reason)
    assert "inclusions end" in found.message


@pytest.mark.parametrize(
    ("counts", "judged", "says"),
    [
        ([NO, NO, NO], [True, True, False], "1 of the participants in the arm"),
        ([NO, UNKNOWN, NO], [True, True, True], "it is not known whether it counts"),
    ],
)
def test_a_full_cohort_is_waited_for(
    tabled: Protocol, counts: list[int], judged: list[bool], says: str
) -> None:
    present = cohort_of(tabled, "AAA", counts, judged)
    found = allocate(tabled, present, "", lambda below: 0)
    assert isinstance(found, Reason)
    assert says in found.message
    assert not may_enrol(tabled, present).permitted.all()


def test_a_count_without_a_line_is_no_permission(tabled: Protocol) -> None:
    found = allocate(tabled, cohort_of(tabled, "A" * 9, [NO] * 9), "", lambda below: 0)
    assert isinstance(found, Reason)
    assert found.message == "the table has no line for 0 of 9 in the arm «Loading and maintenance»"


def test_what_is_told_late_of_an_earlier_cohort_does_not_undo_where_the_trial_went(tabled: Protocol) -> None:
    one = cohort_of(tabled, "AAAB", [YES, NO, NO, NO])
    assert allocate(tabled, one, "", lambda below: 0) == Place("B")
    two = cohort_of(tabled, "AAAB", [YES, YES, NO, NO])
    found = allocate(tabled, two, "", lambda below: 0)
    assert isinstance(found, Reason)  # A is excluded, and so is everything above it


def test_a_dose_that_has_enough_takes_no_further_cohort(tmp_path: Path) -> None:
    protocol = with_table(tmp_path, TABLE.replace("  cohort: 3\n", "  cohort: 3\n  enough: 6\n"))
    counts = [NO] * 6 + [YES, YES, NO]  # the lower dose had six before the higher one was too much
    found = allocate(protocol, cohort_of(protocol, "A" * 6 + "BBB", counts), "", lambda below: 0)
    assert isinstance(found, Reason)
    assert "inclusions end" in found.message


def test_a_line_may_end_inclusions_and_exclude(tmp_path: Path) -> None:
    protocol = with_table(tmp_path, TABLE.replace("next: lower, exclude: true", "next: stop, exclude: true"))
    found = allocate(protocol, cohort_of(protocol, "AAABBB", [NO] * 3 + [YES, YES, NO]), "", lambda below: 0)
    assert isinstance(found, Reason)


def test_a_kind_that_is_full_closes_to_its_own_only(blocked: Protocol) -> None:
    present = replace(everyone(blocked, 5), kind=np.array(["F"] * 5, dtype=object))
    assert not may_enrol(blocked, present, "F").permitted.all()
    assert not may_enrol(blocked, present, None).permitted.all()  # not known of which kind
    assert may_enrol(blocked, present, "M").permitted.all()
    assert may_enrol(blocked, present).permitted.all()


def test_one_unnamed_arm_needs_no_allocation(protocol: Protocol) -> None:
    assert allocate(protocol, None, "", lambda below: 0) == Place()


def test_the_order_is_that_of_the_acts_whatever_the_clocks_say(blocked: Protocol) -> None:
    rolls = []
    for order, minute, arm in ((2, 1, "B"), (1, 9, "A"), (3, 1, "A")):  # back-dated, or another time zone
        cohort = Cohort(blocked, 1)
        when = np.array([NOW + np.timedelta64(minute, "m")])
        cohort.include(np.array([0]), when, arm, block=4, order=order)
        rolls.append(roll(cohort, np.array([0]), np.array([NOW])))
    assert join(rolls).arm.tolist() == ["A", "B", "A"]


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("S4.D1", "`S4.D1` is not a timepoint of the arm A"),
        ("EXTRA_1", "it has no planned day"),
        ("SEEN", "it has no planned day"),
        ("LATER", "there is no timepoint `LATER`"),
    ],
)
def test_everyone_can_be_judged_where_the_table_judges(tmp_path: Path, at: str, says: str) -> None:
    with pytest.raises(ProtocolError) as error:
        with_table(tmp_path, TABLE.replace("judged_at: LATE", f"judged_at: {at}"))
    assert says in str(error.value)


# ---- who is judged, from what was recorded ---------------------------------------------------------


def dosed(protocol: Protocol, *, seen: bool = True) -> Cohort:
    """Three included in A with all their doses, seen at LATE or not."""
    cohort, who = Cohort(protocol, 3), np.arange(3)
    then = np.full(3, NOW - np.timedelta64(200, "D"))
    cohort.enter("consent", "SCR", who, then, then, {"signed": [True] * 3})
    for one in who:
        cohort.include(np.array([one]), then[:1], "A")
    for point in protocol.doses:
        if point.of("A"):
            day = then + np.timedelta64(7 + point.offset, "D")
            cohort.enter("dose", point.id, who, day, day, {"given": [True] * 3, "dose": [40.0] * 3})
    if seen:
        late = then + np.timedelta64(7 + 56 + 28, "D")
        cohort.enter("check", "LATE", who, late, late, {"well": [True] * 3})
        cohort.enter("review", "LATE", who, late, late, {"reviewed": [True] * 3})
    return cohort


def led(protocol: Protocol, cohort: Cohort) -> Place | Reason:
    who = np.arange(cohort.n)
    return allocate(protocol, join([roll(cohort, who, np.full(cohort.n, NOW))]), "", lambda below: 0)


def test_a_cohort_that_was_seen_leads_to_the_next_arm(tabled: Protocol) -> None:
    assert led(tabled, dosed(tabled)) == Place("B")


def test_half_a_visit_judges_nobody(tabled: Protocol) -> None:
    cohort = dosed(tabled)
    cohort.sheets["review"].happened[:, cohort.sheets["review"].column["LATE"]] = np.datetime64("NaT", "m")
    who = np.arange(3)
    assert not roll(cohort, who, np.full(3, NOW - np.timedelta64(105, "D"))).judged.any()


def test_an_event_of_which_it_is_not_known_whether_it_counts_is_waited_for(tabled: Protocol) -> None:
    cohort = dosed(tabled)
    when = NOW - np.timedelta64(150, "D")
    row = {"term": "rash", "onset": str(when.astype("datetime64[D]")), "severe": None}
    cohort.write("event", 1, "1", when, when, row)
    found = led(tabled, cohort)
    assert isinstance(found, Reason)
    assert found.unknown


@pytest.mark.parametrize("why", ["never dosed", "not seen"])
def test_who_was_never_dosed_or_seen_makes_room_for_another(tabled: Protocol, why: str) -> None:
    cohort = dosed(tabled, seen=why != "not seen")
    if why == "never dosed":
        cohort.injections.values["given"][2] = 0
    now = np.full(3, NOW)
    found = roll(cohort, np.arange(3), now)
    assert found.void.tolist() == ([False, False, True] if why == "never dosed" else [True] * 3)
    assert led(tabled, cohort) == Place("A")


def test_a_stratum_that_is_not_known_draws_nothing(blocked: Protocol) -> None:
    found = allocate(blocked, None, None, lambda below: 0)
    assert isinstance(found, Reason)
    assert "the stratum is not known (site, sex)" in found.message


def test_nobody_begins_in_an_arm_that_is_excluded(tabled: Protocol) -> None:
    present = cohort_of(tabled, "AAABBB", [NO] * 3 + [YES, YES, NO], [True] * 5 + [False])
    assert closed(tabled, present, "B")
    assert not closed(tabled, present, "A")


def test_the_order_of_the_study_file_is_that_of_the_levels(tabled: Protocol, tmp_path: Path) -> None:
    assert tabled.arms == ("A", "B")
