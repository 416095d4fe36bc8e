import importlib.util
import sys
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from trialrun.analysis.arrays import from_tables
from trialrun.protocol.compile import load
from trialrun.tables.build import build

_spec = importlib.util.spec_from_file_location(
    "facts_book", Path(__file__).parent.parent / "tables" / "conftest.py"
)
book = sys.modules["facts_book"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(book)

ONE, TWO, THREE = range(3)


@pytest.fixture(scope="module")
def protocol():
    return load("vascu_il2")


@pytest.fixture
def three(protocol):
    return book.three_participants(protocol)


@pytest.fixture(scope="module")
def tables(protocol):
    return build(protocol, book.three_participants(protocol).facts())


@pytest.fixture(scope="module")
def arrays(protocol, tables):
    return from_tables(protocol, tables)


def test_a_real_trial_is_the_case_of_one(arrays, protocol):
    assert arrays.shape == (1, 3, len(protocol.timepoints))
    assert arrays.points == tuple(protocol.timepoints)
    assert arrays.subjects == tuple(f"VASCU-IL2-PSL-00{n}" for n in (1, 2, 3))
    assert arrays.present.tolist() == arrays.dosed.tolist() == [[True] * 3]


def test_every_endpoint_finds_what_it_reads(arrays, protocol):
    for endpoint in protocol.study.endpoints.values():
        if endpoint.kind == "paired_change":
            assert arrays.parameter(endpoint.parameter)[0].shape == arrays.shape
        if endpoint.kind == "organ_response":
            for organ, response in endpoint.organs.items():
                assert arrays.among(organ, response)[0].shape == arrays.shape
        if endpoint.kind == "proportion_without_event":
            assert all(arrays.events(name).count.shape == (1, 3) for name in endpoint.events)


def test_a_measurement_with_its_mask(arrays):
    values, mask = arrays.parameter("CP.TREGCD4")
    screening, first, primary = (arrays.point(name) for name in ("SCR", "C1.D1", "C4.D5"))
    assert values[0, ONE, [screening, first, primary]].tolist() == [2.5, 3.0, 7.5]
    assert mask[0, :, first].tolist() == [True, True, False]
    assert mask[0, :, primary].tolist() == [True, False, False]
    assert np.isnan(values[~mask]).all()
    assert np.isfinite(values[mask]).all()


def test_a_result_not_done_is_masked(arrays):
    values, mask = arrays.parameter("IS.HCVSPOT")
    assert mask[0, :, arrays.point("C1.D1")].tolist() == [True, True, False]
    assert np.isnan(values[0, THREE, arrays.point("C1.D1")])


def test_states_are_codes_in_the_order_of_the_form(arrays):
    codes, mask = arrays.states("FA.PURPURA")
    week_11 = arrays.point("W11")
    assert arrays.labels["FA.PURPURA"][codes[0, ONE, week_11]] == "resolved"
    assert arrays.labels["FA.PURPURA"][codes[0, TWO, week_11]] == "absent"
    assert (codes[0, THREE, week_11], mask[0, THREE, week_11]) == (-1, False)


def test_unknown_is_among_no_states(arrays):
    found, mask = arrays.among("FA.PURPURA", ("resolved", "absent"))
    week_11 = arrays.point("W11")
    assert found[0, :, week_11].tolist() == mask[0, :, week_11].tolist() == [True, True, False]


def test_yes_and_no_are_states(arrays):
    found, mask = arrays.among("VS.NEWSIGN", ("Y",))
    assert not found.any()
    assert mask[0, ONE, arrays.point("C1.D1")]


def test_a_refused_flare_does_not_count_and_a_waiting_one_does(arrays):
    flare = arrays.events("flare")
    assert flare.happened.tolist() == [[False, True, False]]
    assert flare.count.tolist() == [[0, 1, 0]]
    assert flare.first[0, TWO] == 23
    assert np.isnan(flare.first[0, [ONE, THREE]]).all()


def test_events_of_one_table_are_told_apart_by_their_form(arrays):
    assert arrays.events("rescue").first[0, TWO] == 24
    assert not arrays.events("concomitant").happened.any()
    assert arrays.events("ae").count.tolist() == [[1, 0, 0]]


def test_what_came_before_the_first_dose_does_not_count(arrays, tables):
    assert tables["CM"].filter(CMCAT="Earlier treatment lines").height == 1
    assert not arrays.events("prior_therapy").happened.any()


def test_an_event_of_unknown_day_counts(three, protocol):
    three.fill(
        "PSL-003",
        "flare",
        None,
        datetime.fromisoformat("2010-03-09T00:00"),
        "f9",
        organ="gut",
        major=False,
        onset="?unknown",
        adjudicated=True,
    )
    flare = from_tables(protocol, build(protocol, three.facts())).events("flare")
    assert flare.happened[0, THREE]
    assert flare.count[0, THREE] == 1
    assert np.isnan(flare.first[0, THREE])


@pytest.mark.parametrize(("day", "counts"), [(date(2010, 2, 28), False), (date(2010, 3, 1), True)])
def test_the_day_of_the_first_dose_is_the_first_that_counts(three, protocol, day, counts):
    three.fill(
        "PSL-001",
        "rescue",
        None,
        datetime.fromisoformat("2010-03-02T00:00"),
        "r9",
        medicine="steroid",
        started=day,
    )
    rescue = from_tables(protocol, build(protocol, three.facts())).events("rescue")
    assert rescue.happened[0, ONE] == counts
    assert not counts or rescue.first[0, ONE] == 1


def test_death_from_the_end_of_participation_and_from_an_event(arrays, three, protocol):
    assert arrays.events("death").happened.tolist() == [[False, True, False]]
    assert arrays.events("death").first[0, TWO] == 150
    answers = three.answers("ae") | {"outcome": "fatal", "onset": date(2010, 5, 1), "ended": date(2010, 5, 2)}
    three.fill("PSL-003", "ae", None, datetime.fromisoformat("2010-05-03T00:00"), "a9", **answers)
    death = from_tables(protocol, build(protocol, three.facts())).events("death")
    assert death.happened.tolist() == [[False, True, True]]
    assert death.first[0, THREE] == 63
    assert death.count.max() == 1


def test_doses_given_not_given_and_not_recorded(arrays):
    doses = arrays.doses[0]
    assert np.nansum(doses[ONE]) == 5 * 1.5 + 15 * 3
    assert doses[TWO, arrays.point("C2.D1")] == 3
    assert doses[TWO, arrays.point("C2.D2")] == 0
    assert np.isnan(doses[TWO, arrays.point("C2.D3")])
    assert np.isnan(doses[:, arrays.point("W11")]).all()


def test_days_and_follow_up(arrays):
    assert arrays.days[0, ONE, arrays.point("SCR")] == -14
    assert arrays.days[0, :, arrays.point("C1.D1")].tolist() == [1, 1, 1]
    assert arrays.days[0, ONE, arrays.point("W37")] == 260
    assert arrays.attended[0, :, arrays.point("W19")].tolist() == [True, True, False]
    assert arrays.last_day.tolist() == [[260, 150, 81]]


def test_a_laboratory_some_days_ahead_does_not_move_the_day_of_the_dose(three, protocol):
    for row in three.values:
        if row["form"] == "laboratory" and row["point"] == "C1.D1":
            row["happened"] = datetime.fromisoformat("2010-02-27T09:00")
    arrays = from_tables(protocol, build(protocol, three.facts()))
    assert arrays.days[0, :, arrays.point("C1.D1")].tolist() == [1, 1, 1]


def test_how_participation_ended(arrays):
    assert arrays.ended_as("LOST TO FOLLOW-UP").tolist() == [[False, False, True]]
    assert arrays.ended_as("COMPLETED", "DEATH").tolist() == [[True, True, False]]
    assert not arrays.ended_as("WITHDRAWAL BY SUBJECT").any()


def test_who_was_never_dosed_has_no_days_and_no_events(three, protocol):
    book.screen(three, "PSL-004")
    three.fill(
        "PSL-004",
        "flare",
        None,
        datetime.fromisoformat("2010-03-09T00:00"),
        "f9",
        organ="gut",
        major=False,
        onset=date(2010, 3, 9),
        adjudicated=None,
    )
    arrays = from_tables(protocol, build(protocol, three.facts()))
    assert arrays.dosed.tolist() == [[True, True, True, False]]
    assert np.isnan(arrays.days[0, 3]).all()
    assert not arrays.events("flare").happened[0, 3]
    assert arrays.ended[0, 3] == -1


def test_the_order_of_rows_does_not_show(arrays, protocol, tables):
    again = from_tables(
        protocol, {code: table.sample(fraction=1, shuffle=True, seed=3) for code, table in tables.items()}
    )
    assert again.subjects == arrays.subjects
    for name, (values, mask) in arrays.numbers.items():
        assert np.array_equal(again.numbers[name][0], values, equal_nan=True)
        assert np.array_equal(again.numbers[name][1], mask)
    assert np.array_equal(again.days, arrays.days, equal_nan=True)


def test_no_participant_makes_empty_arrays(protocol):
    arrays = from_tables(protocol, build(protocol, book.Book(protocol).facts()))
    assert arrays.shape == (1, 0, len(protocol.timepoints))
    assert arrays.parameter("CP.TREGCD4")[0].size == 0


def test_tables_that_are_absent_hold_nothing(protocol, tables):
    arrays = from_tables(protocol, {"DM": tables["DM"], "EX": tables["EX"]})
    assert arrays.dosed.all()
    assert not arrays.parameter("CP.TREGCD4")[1].any()
    assert not arrays.events("flare").happened.any()
    assert arrays.events("death").happened.tolist() == [[False, True, False]]


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda a: a.parameter("CP.TREGCD"), "no measurement `CP.TREGCD`; did you mean `CP.TREGCD4`"),
        (lambda a: a.states("FA.PURPRA"), "did you mean `FA.PURPURA`"),
        (lambda a: a.among("FA.PURPURA", ("resolvd",)), "did you mean `resolved`"),
        (lambda a: a.events("flares"), "did you mean `flare`"),
        (lambda a: a.point("C5.D1"), "no timepoint `C5.D1`; did you mean"),
        (lambda a: a.ended_as("LOST"), "no ending `LOST`"),
    ],
)
def test_an_unknown_name_is_told_with_the_one_meant(arrays, ask, answer):
    with pytest.raises(KeyError) as told:
        ask(arrays)
    assert answer in str(told.value)


def test_the_arrays_of_a_simulation_may_hold_many_trials(arrays):
    from dataclasses import replace

    many = replace(arrays, days=np.repeat(arrays.days, 5, axis=0))
    assert many.shape == (5, 3, len(arrays.points))
    assert many.attended.shape == many.shape
