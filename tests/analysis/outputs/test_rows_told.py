"""Tests as columns, sentences about rows, rates by time at risk, visits due, facts, what is to come."""

import datetime
from itertools import product

import numpy as np
import polars as pl
import pytest

from trialrun.analysis.ard import analyse_outputs
from trialrun.analysis.boundary import from_steps
from trialrun.analysis.exact.rate import intervals
from trialrun.analysis.outputs import due
from trialrun.analysis.outputs.wording import date_in_words
from trialrun.protocol.compile import load
from trialrun.protocol.outputs import load_outputs
from trialrun.report.display import display
from trialrun.tables.schema import domains

FILE = """
participants: DM
tables:
  WIDE: {rows: LB, spread: {column: LBTESTCD, value: LBSTRESN, tests: [ALT, AST]}, each: [VISIT]}
outputs:
  R:
    kind: table
    title: Rates
    rows:
      any:
        count: AE
        time: YEARS
        format: '{events} in {time:.1}: {rate:.3} ({lower:.3} to {upper:.3})'
  W:
    kind: listing
    title: Wide
    rows:
      all:
        listing: WIDE
        sort: [USUBJID, VISIT]
        columns: {USUBJID: {title: Who}, VISIT: {title: Visit}, ALT: {title: ALT}, AST: {title: AST}}
  N:
    kind: table
    title: Narratives
    page: participant
    empty: {en: Nothing to tell., fr: Rien à relater.}
    rows:
      events:
        narrative: AE
        title: '{AETERM}'
        sentences:
          - {text: {en: 'On {AESTDTC}: grade {GRADE:.1}.', fr: 'Le {AESTDTC} : grade {GRADE:.1}.'}}
          - {text: {en: It was serious., fr: Il est grave.}, where: AESER = 'Y'}
  F: {kind: table, title: Facts, rows: {run: {facts: {seed: Seed, model: Model}}}}
"""


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    path = tmp_path_factory.mktemp("outputs") / "outputs.yaml"
    path.write_text(FILE, "utf-8")
    return load_outputs(path)


@pytest.fixture(scope="module")
def tables():
    dm = pl.DataFrame({"USUBJID": ["A", "B"], "YEARS": [0.5, 1.5]})
    ae = pl.DataFrame(
        {"USUBJID": ["B", "A", "B"], "AETERM": ["Cough", "Fever", "Rash"], "AESER": ["N", None, "Y"],
         "AESTDTC": ["2020-02-01", "2020-01-01T09:00", "2020-03"], "GRADE": [1.0, 2.0, 3.0]}
    )  # fmt: skip
    lb = pl.DataFrame(
        {"USUBJID": ["A", "A", "A", "B"], "VISIT": ["1"] * 4, "LBTESTCD": ["ALT", "AST", "ALT", "AST"],
         "LBSTRESN": [10.0, 20.0, 11.0, None]}
    )  # fmt: skip
    return {"DM": dm, "AE": ae, "LB": lb}


def rows(ard, output, language="en"):
    shown = display(ard, output, language)
    return [[*row.labels, *(cell.text for cell in row.cells)] for row in shown.rows]


def test_a_rate_has_the_exact_interval_of_its_events_and_time(tables, outputs):
    exact = intervals(3, 2.0)
    [[_, text]] = rows(analyse_outputs(tables, outputs, only=["R"]), "R")
    assert text == f"3 in 2.0: 1.500 ({exact.lower:.3f} to {exact.upper:.3f})"


def test_without_time_at_risk_a_rate_is_not_estimable(tables, outputs):
    still = {**tables, "DM": tables["DM"].with_columns(YEARS=pl.lit(0.0))}
    ard = analyse_outputs(still, outputs, only=["R"])
    assert "no time at risk" in ard.cells["not_estimable"].drop_nulls().to_list()
    assert rows(ard, "R") == [["any", "NE"]]


def test_tests_become_columns_and_each_value_keeps_its_row(tables, outputs):
    ard = analyse_outputs(tables, outputs, only=["W"])
    assert rows(ard, "W") == [["A", "1", "11", "20"], ["B", "1", "", ""]]
    [(_, cells), _] = ard.lines("W")
    behind = {cell.column: ard.sources(cell.id)["id"].to_list() for cell in cells}
    assert behind["ALT"] == ["LB/A/3"]
    assert behind["AST"] == ["LB/A/2"]


def test_narratives_say_what_holds_under_each_participant(tables, outputs):
    ard = analyse_outputs(tables, outputs, only=["N"])
    assert rows(ard, "N") == [
        ["A"], ["Fever", "On 1 January 2020: grade 2.0."],
        ["B"], ["Cough", "On 1 February 2020: grade 1.0."],
        ["Rash", "On 2020-03: grade 3.0. It was serious."],
    ]  # fmt: skip
    assert rows(ard, "N", "fr")[1] == ["Fever", "Le 1er janvier 2020 : grade 2,0."]


def test_where_there_is_nothing_a_sentence_stands(tables, outputs):
    ard = analyse_outputs({name: table.clear() for name, table in tables.items()}, outputs)
    assert rows(ard, "N", "fr") == [["Rien à relater."]]
    assert rows(ard, "W") == [["Nothing was recorded."]]
    assert rows(ard, "R") == [["There is no participant in this set."]]


def test_facts_are_told_of_those_given(tables, outputs):
    given = analyse_outputs(tables, outputs, only=["F"], facts={"seed": 7})
    assert rows(given, "F") == [["Seed", "7"]]
    assert rows(analyse_outputs(tables, outputs, only=["F"]), "F") == [["Nothing was recorded."]]


def test_a_partial_date_stays_as_it_is():
    assert date_in_words("2020-05", "fr") == "2020-05"


# ---- what is to come -----------------------------------------------------------------------------


def test_from_the_start_what_is_ahead_is_the_boundary_s_own_probability():
    boundary = from_steps([(2, 2), (5, 3)], 10)
    for rate in (0.1, 0.3):
        assert boundary.ahead(0, 0, 0, rate) == pytest.approx(boundary.stop_probabilities(rate).sum())
    assert boundary.ahead(10, 2, 0, 0.9) == 0
    assert boundary.ahead(4, 2, 0, 0.1) == 1


@pytest.mark.parametrize("belief", [0.3, (0.6, 1.4)])
def test_what_is_ahead_is_the_sum_over_all_outcomes(belief):
    boundary, n, events, pending = from_steps([(2, 2), (5, 3)], 6), 3, 1, 1
    total = 0.0
    for outcome in product((0, 1), repeat=pending + boundary.n_max - n):
        chance, happened, reached = 1.0, events, False
        for step, one in enumerate(outcome):
            seen = n - pending + step
            p = belief if isinstance(belief, float) else (belief[0] + happened) / (sum(belief) + seen)
            chance *= p if one else 1 - p
            happened += one
            reached |= bool(boundary.reached(happened, max(n, seen + 1)))
        total += chance * reached
    assert boundary.ahead(n, events, pending, belief) == pytest.approx(total)


# ---- visits due ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def begun():
    """The reference study, and one participant who began and of whom nothing more was seen."""
    protocol = load("vascu_il2")
    empty = {code: one.empty() for code, one in domains(protocol).items()}
    person = {"USUBJID": "A", "RFXSTDTC": "2020-01-06T10:00", "RFICDTC": "2020-01-02", "SRC": "1"}
    seen = {"USUBJID": "A", "TIMEPT": "C1.D1", "SVSTDTC": "2020-01-06T09:00", "SRC": "2"}

    def added(code, row):
        return pl.concat(
            [empty[code], pl.DataFrame([row], schema_overrides=empty[code].schema)], how="diagonal"
        )

    return protocol, {**empty, "DM": added("DM", person), "SV": added("SV", seen)}


def status(begun, day):
    protocol, tables = begun
    found = due.tables(protocol, tables, day)["VISITS"]
    return dict(found.select("TIMEPT", "STATUS").iter_rows())


def test_a_visit_is_later_then_open_then_missed(begun):
    """C1.D8 is day 8, one day either way: 12 to 14 January."""
    assert [status(begun, f"2020-01-{day}")["C1.D8"] for day in (11, 12, 14, 15)] == [
        "later",
        "open",
        "open",
        "missed",
    ]
    assert status(begun, "2020-01-11")["C1.D1"] == "done"


def test_a_course_that_did_not_begin_in_its_window_is_no_longer_expected(begun):
    assert status(begun, "2020-01-28")["C2.D1"] == "open"
    assert "C2.D1" not in status(begun, "2020-03-01")


def test_nobody_has_visits_due_and_no_day_to_count_to(begun):
    protocol, tables = begun
    assert due.tables(protocol, {name: one.clear() for name, one in tables.items()})["VISITS"].is_empty()
    assert due.cut_off(tables) == "2020-01-06"
    assert due.cut_off(tables, datetime.date(2021, 1, 1)) == "2021-01-01"


def test_probabilities_never_leave_zero_and_one():
    boundary = from_steps([(1, 1)], 5)
    assert np.isclose(boundary.ahead(0, 0, 0, 0.5), 1 - 0.5**5)
