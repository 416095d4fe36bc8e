"""A virtual site: it keeps to the protocol, and each person's story is what a physician would expect."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from trialrun.conduct.cohort import Cohort, day
from trialrun.conduct.setting import setting
from trialrun.protocol.protocol import Protocol
from trialrun.simulate.chance import Person
from trialrun.simulate.ledger import Row, in_turn
from trialrun.simulate.site import Site

HOUR = np.timedelta64(1, "h")
DAY = np.timedelta64(1, "D")


@pytest.fixture(scope="module")
def cohort(site: Site) -> Cohort:
    return site.cohort


def weekday(times: np.ndarray) -> np.ndarray:
    """0 is Monday."""
    return (day(times).astype(np.int64) + 3) % 7


def known(times: np.ndarray) -> np.ndarray:
    return times[~np.isnat(times)]


def everything(cohort: Cohort, one: int) -> dict[str, Any]:
    """All that is known of a person, comparable."""
    facts: dict[str, Any] = {}
    for name, sheet in cohort.sheets.items():
        facts[f"{name} happened"] = sheet.happened[one].astype(np.int64).tolist()
        for item, values in sheet.values.items():
            facts[f"{name}.{item}"] = [None if value != value else value for value in values[one]]
    for name, log in cohort.logs.items():
        facts[name] = [{**row, "participant": 0} for row in log.rows if row["participant"] == one]
    for name, times in {**cohort.collected, "included": cohort.included, "stopped": cohort.stopped}.items():
        facts[str(name)] = int(times[one].astype(np.int64))
    facts["decisions"] = [int(outcome[one]) for outcome in cohort.outcome.values()]
    return facts


# ---- chance belongs to the person ----------------------------------------------------------------


def test_one_alone_is_the_same_as_in_a_batch(site: Site, batch: Callable[[Sequence[Person]], Site]) -> None:
    alone = batch([Person(7, 0, 31)]).cohort
    assert everything(alone, 0) == everything(site.cohort, 31)
    assert len(everything(alone, 0)["ae"]) > 0


def test_the_order_of_people_does_not_matter(batch: Callable[[Sequence[Person]], Site]) -> None:
    people = [Person(7, 0, number) for number in (3, 8, 11, 40)]
    forth, back = batch(people).cohort, batch(people[::-1]).cohort
    for k in range(4):
        assert everything(forth, k) == everything(back, 3 - k)


# ---- the protocol --------------------------------------------------------------------------------


def test_everyone_comes_to_an_end(cohort: Cohort) -> None:
    assert not np.isnat(cohort.ended).any()
    ends = set(cohort.end_status)
    assert {"completed", "screen_failure", "died"} <= ends
    assert (cohort.end_status == "completed").mean() > 0.5
    excluded = cohort.sheets["exclusions"].value("excluding_disease", "SCR") == 1
    assert (cohort.end_status[excluded] == "screen_failure").all()
    assert np.isnat(cohort.included[excluded]).all()


def test_doses_are_those_planned_in_the_setting_decided(protocol: Protocol, cohort: Cohort) -> None:
    everyone = np.arange(cohort.n)
    sheet = cohort.injections
    places = list(protocol.item("injection", "place").codes)
    for point in protocol.doses:
        given = cohort.given(point.id)
        assert given.sum() > 30
        assert (sheet.value("dose", point.id)[given] == point.dose.amount).all()
        where = setting(cohort, point.id, everyone)[given]
        place = np.array([places[int(code)] for code in sheet.value("place", point.id)[given]])
        assert (place[where == "hospital"] == "hospital").all()
        assert not (place[where == "ambulatory"] == "hospital").any()


def test_nobody_is_injected_after_a_stop_or_twice_a_day(cohort: Cohort) -> None:
    times = np.where(
        cohort.injections.values["given"] == 1, cohort.injections.happened, np.datetime64("NaT", "m")
    )
    assert not (times > cohort.stopped[:, None]).any()
    assert (~np.isnat(cohort.stopped)).sum() >= 5
    for mine in times:
        days = day(known(mine))
        assert len(set(days)) == len(days)


def test_a_dose_that_is_not_given_says_why(protocol: Protocol, cohort: Cohort) -> None:
    reasons = list(protocol.item("injection", "reason_not_given").codes)
    vital = cohort.sheets["vital_signs"]
    found = set()
    for point in protocol.doses:
        withheld = np.flatnonzero(cohort.injections.value("given", point.id) == 0)
        for one in withheld:
            why = reasons[int(cohort.injections.value("reason_not_given", point.id)[one])]
            found.add(why)
            gained = vital.value("weight", point.id)[one] - vital.value("weight", f"{point.cycle}.D1")[one]
            sign = (
                vital.value("temperature", point.id)[one] >= 38.5
                or vital.value("systolic", point.id)[one] < 90
                or vital.value("spo2", point.id)[one] < 92
                or vital.value("new_sign", point.id)[one] == 1
                or gained >= 2
            )
            assert (why == "toxicity") == sign, (point.id, one)
    assert found == {"toxicity", "logistic"}


# ---- hours and days ------------------------------------------------------------------------------


def test_blood_for_the_cells_is_drawn_before_the_dose(protocol: Protocol, cohort: Cohort) -> None:
    """At most 4 hours before the first injection of a course and 2 before the fifth, from the same visit."""
    for point, most in (("C1.D1", 4), ("C4.D1", 4), ("C1.D5", 2), ("C4.D5", 2)):
        drawn, given = cohort.collected["treg_blood", point], cohort.injected(point)
        both = ~np.isnat(drawn) & ~np.isnat(given)
        before = (given - drawn)[both] / HOUR
        assert both.sum() > 30
        assert ((before > 0) & (before <= most)).all()
        np.testing.assert_array_equal(cohort.sheets["cytometry"].at(point)[both], drawn[both])


def test_courses_begin_on_mondays_and_visits_keep_to_working_days(cohort: Cohort) -> None:
    courses = np.concatenate([known(cohort.begun(cycle)) for cycle in cohort.protocol.cycles])
    assert (weekday(courses) == 0).mean() > 0.97
    visits = np.concatenate(
        [known(cohort.sheets["bvas"].at(point)) for point in ("SCR", "W11", "W19", "W37")]
    )
    assert (weekday(visits) < 5).all()
    assert len(set(weekday(visits).tolist())) >= 3


def test_visits_are_in_the_morning_one_after_the_other(cohort: Cohort) -> None:
    for name, sheet in cohort.sheets.items():
        if name == "end_of_participation":
            continue
        times = known(sheet.happened.ravel())
        minutes = (times - day(times)).astype("timedelta64[m]").astype(int)
        assert (minutes >= 8 * 60).all()
        assert (minutes <= 15 * 60).all()
    same_day = day(cohort.decided["tolerance_C1"]) == day(cohort.begun("C2"))
    assert not (cohort.decided["tolerance_C1"] > cohort.injected("C2.D1"))[same_day].any()


def test_visits_stay_within_their_windows(protocol: Protocol, cohort: Cohort) -> None:
    bvas = cohort.sheets["bvas"]
    for point, days in (("W11", 3), ("W14", 3), ("W19", 7), ("W37", 7)):
        planned = day(cohort.begun("C4")) + int(protocol.timepoints[point].anchor.offset)
        apart = np.abs((day(bvas.at(point)) - planned) / DAY)
        assert np.nanmax(apart) <= days
        assert len(set(apart[~np.isnan(apart)].tolist())) > 1


def test_few_follow_up_visits_are_missed_and_never_the_last(cohort: Cohort) -> None:
    completed = cohort.end_status == "completed"
    for point in ("W11", "W14", "W19", "W25", "W31"):
        missed = np.isnat(cohort.sheets["bvas"].at(point)[completed]).mean()
        assert missed < 0.12
    assert not np.isnat(cohort.sheets["bvas"].at("W37")[completed]).any()


# ---- persons -------------------------------------------------------------------------------------


def test_only_women_are_tested_for_pregnancy_before_every_course(protocol: Protocol, cohort: Cohort) -> None:
    sex = cohort.sheets["demography"].value("sex", "SCR")
    women = sex == list(protocol.item("demography", "sex").codes).index("F")
    tests = cohort.sheets["pregnancy"]
    assert np.isnat(tests.happened[~women]).all()
    for cycle in protocol.cycles:
        given = women & ~np.isnat(cohort.begun(cycle))
        assert not np.isnat(tests.at(f"{cycle}.D1")[given]).any()


def test_events_are_written_when_they_begin_and_closed_when_they_end(cohort: Cohort) -> None:
    rows = cohort.logs["ae"].rows
    assert len(rows) > 500
    for row in rows:
        one, onset = row["participant"], np.datetime64(row["onset"], "D")
        assert onset == day(row["happened"])
        assert row["happened"] > cohort.included[one]
        if row["ended"] is not None and row["outcome"] == "resolved":
            assert np.datetime64(row["ended"], "D") > onset
            assert row["recorded"] >= np.datetime64(row["ended"], "D")
        if row["outcome"] == "ongoing":
            assert not np.isnat(cohort.ended[one])
    related = [row for row in rows if row["related"]]
    assert {row["action"] for row in related} == {"none", "held", "stopped"}
    assert {row["action"] for row in rows if not row["related"]} == {"none"}


def test_a_reaction_follows_an_injection(cohort: Cohort) -> None:
    for row in cohort.logs["ae"].rows:
        if row["related"]:
            given = cohort.injections.happened[row["participant"]]
            assert (row["happened"] - known(given) == 8 * HOUR).sum() == 1


def test_a_flare_shows_at_the_next_examination_and_is_treated_if_major(
    batch: Callable[[Sequence[Person]], Site],
) -> None:
    cohort = batch([Person(21, 0, number) for number in range(160)]).cohort
    seen = 0
    for row in cohort.logs["flare"].rows:
        one, began = row["participant"], row["happened"]
        assert began > cohort.first_injection[one]
        rescued = [r for r in cohort.logs["rescue"].rows if r["participant"] == one]
        assert len(rescued) == row["major"]
        assert not row["major"] or not np.isnat(cohort.stopped[one])
        looks = cohort.sheets["organs"].happened[one]
        within = np.flatnonzero((looks > row["recorded"]) & (looks < began + 42 * DAY))
        for column in within:
            state = cohort.sheets["organs"].values[row["organ"]][one, column]
            codes = list(cohort.protocol.item("organs", row["organ"]).codes)
            assert codes[int(state)] in ("new", "worse")
            point = cohort.sheets["organs"].points[column]
            if point in cohort.sheets["flare_assessment"].points:
                assert cohort.sheets["flare_assessment"].value("suspected", point)[one] == 1
            seen += 1
    assert seen >= 3


def test_a_forgotten_form_makes_the_decision_wait(site: Site) -> None:
    cohort = site.cohort
    review, laboratory = (cohort.sheets[name].at("tolerance_C1") for name in ("ae_review", "laboratory"))
    forgotten = day(review) > day(laboratory)
    assert 0 < forgotten.sum() < 15
    decided = cohort.decided["tolerance_C1"]
    assert (day(decided)[forgotten] >= day(review)[forgotten]).all()


# ---- rows ----------------------------------------------------------------------------------------


def test_rows_take_turns() -> None:
    now = np.datetime64("2008-03-03T22:00", "m")
    rows = [Row(who, id, now, now, {}) for who, id in ((2, "a"), (2, "b"), (1, "c"), (2, "d"))]
    assert [[row.id for row in turn] for turn in in_turn(rows)] == [["a", "c"], ["b"], ["d"]]
    assert list(in_turn([])) == []
