import numpy as np
import pytest

from trialrun.conduct.cohort import encode


def test_values_are_numbers_and_unknown_is_nan(protocol):
    sex, given = protocol.item("demography", "sex"), protocol.item("injection", "given")
    onset, grade = protocol.item("ae", "onset"), protocol.item("ae", "grade")
    np.testing.assert_array_equal(encode(sex, ["F", None, "M"]), [1, np.nan, 0])
    np.testing.assert_array_equal(encode(given, [True, False, None]), [1, 0, np.nan])
    np.testing.assert_array_equal(
        encode(onset, ["1970-01-02", np.datetime64("1970-01-03"), None]), [1, 2, np.nan]
    )
    np.testing.assert_array_equal(encode(grade, [3, float("nan"), float("inf")]), [3, np.nan, np.nan])
    np.testing.assert_array_equal(encode(protocol.item("ae", "term"), ["words"]), [np.nan])


def test_a_code_that_is_not_there_is_refused(story):
    with pytest.raises(ValueError, match="'X' is not one of its codes M, F"):
        encode(story.protocol.item("demography", "sex"), "X")
    with pytest.raises(ValueError, match="'nose' is not one of its codes"):
        story.event(3, system="nose")


def test_items_not_named_keep_what_they_have(story):
    story.fill("vital_signs", "C1.D1", 0)
    when = story.at(1)
    story.cohort.enter("vital_signs", "C1.D1", story.everyone, when, when, {"pulse": 80})
    sheet = story.cohort.sheets["vital_signs"]
    assert (sheet.value("spo2", "C1.D1")[0], sheet.value("pulse", "C1.D1")[0]) == (98, 80)
    assert sheet.at("C1.D1")[0] == when[0]


def test_a_row_goes_on_and_keeps_when_it_happened(people):
    story = people(3)
    story.event(3, one=1, row="a")
    assert story.cohort.logs["ae"].running()
    story.row("ae", 5, one=1, row="a", ended=story.date(5), outcome="resolved")
    log = story.cohort.logs["ae"]
    [row] = log.rows
    assert (row["happened"], row["outcome"], row["grade"]) == (story.at(3)[0], "resolved", 1.0)
    assert not log.running()
    log.move(1, "a", story.at(2)[0])
    assert log.table(np.array([1])).moment[0] == story.at(2)[0]


def test_the_rows_of_a_few_are_those_of_all(people):
    story = people(9)
    for one in range(9):
        story.event(one, one=one, grade=1 + one % 5)
    log = story.cohort.logs["ae"]
    few = log.table(np.array([7, 2]))  # read from the rows: nothing is kept yet
    everyone = log.table(np.arange(9))
    kept = everyone.keep(np.isin(everyone.participant, [2, 7]))
    assert few.columns.equals(kept.columns)
    np.testing.assert_array_equal(few.participant, kept.participant)
    assert log.table(np.array([7, 2])).columns.equals(few.columns)
    assert len(log.table(np.zeros(0, dtype=int))) == 0


def test_a_stop_is_latched(people):
    story = people(2)
    story.cohort.stop(np.array([1]), "stops.flare", story.at(4)[1:])
    story.cohort.stop(story.everyone, "stops.pregnant", story.at(9))
    assert list(story.cohort.stop_rule) == ["stops.pregnant", "stops.flare"]
    assert list(story.cohort.stopped) == [story.at(9)[0], story.at(4)[0]]


def test_a_decision_that_waits_is_not_recorded(story):
    with pytest.raises(ValueError, match="tolerance_C1 has no outcome -1"):
        story.cohort.decide("tolerance_C1", story.everyone, np.array([-1], dtype=np.int8), story.at(19))
    assert np.isnat(story.cohort.decided["tolerance_C1"]).all()


def test_participation_ends_once_with_the_status_of_that_day(story):
    status = list(story.protocol.item("end_of_participation", "status").codes)
    assert story.cohort.end_status[0] == ""
    story.fill("end_of_participation", "W37", 259, status=status[0])
    story.fill("end_of_participation", "any time", 100, status=status[-1])
    assert story.cohort.ended[0] == story.at(100, 9)[0]
    assert story.cohort.end_status[0] == status[-1]


def test_who_has_any_injection_is_dosed(story):
    story.inject("C1.D1", 0, given=False, reason_not_given="patient")
    assert np.isnat(story.cohort.first_injection[0])
    story.inject("C1.D2", 1)
    assert story.cohort.first_injection[0] == story.cohort.last_injection[0] == story.at(1)[0]
    assert np.isnat(story.cohort.begun("C1")[0])
