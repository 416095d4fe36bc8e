"""Disposition, exposure and adverse events from tables alone: small tables by hand, and our own trial."""

import importlib.util
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.analysis.ard import analyse_outputs
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.summary import plain, summary
from trialrun.protocol.compile import load
from trialrun.tables.sdtm import adopt
from trialrun.tables.validate import validate


def part(code, rows, *names):
    records = [dict(zip(("USUBJID", *names), row, strict=True)) for row in rows]
    return pl.DataFrame(records, infer_schema_length=None).with_columns(
        STUDYID=pl.lit("S"), DOMAIN=pl.lit(code)
    )


DM = part(
    "DM",
    [
        ("1", "A", "Active", "A", "Active", None),
        ("2", "A", "Active", "P", "Placebo", None),
        ("3", "P", "Placebo", "P", "Placebo", "Y"),
        ("4", "P", "Placebo", None, None, None),
        ("5", "SCRNFAIL", "Screen Failure", "SCRNFAIL", "Screen Failure", None),
        ("6", None, None, None, None, None),
    ],
    "ARMCD", "ARM", "ACTARMCD", "ACTARM", "DTHFL",
)  # fmt: skip
EX = part(
    "EX",
    [
        ("1", "DRUG", 10.0, "mg", "QD", "2014-01-02", "2014-01-11"),
        ("1", "DRUG", 20.0, "mg", "BID", "2014-01-12", "2014-01-13"),
        ("2", "PLACEBO", 0.0, "mg", "QD", "2014-01-02", "2014-01-02"),
        ("3", "PLACEBO", 0.0, "mg", "QD", "2014-01-02", None),
        ("4", "DRUG", 0.0, "mg", "QD", "2014-01-02", "2014-01-02"),
    ],
    "EXTRT", "EXDOSE", "EXDOSU", "EXDOSFRQ", "EXSTDTC", "EXENDTC",
)  # fmt: skip
DS = part(
    "DS",
    [
        ("1", "PROTOCOL MILESTONE", "RANDOMIZED", "2014-01-01", "SCREENING"),
        ("1", "DISPOSITION EVENT", "COMPLETED", "2014-01-01", "SCREENING"),
        ("2", "DISPOSITION EVENT", "COMPLETED", "2014-01-03", "TREATMENT"),
        ("2", "DISPOSITION EVENT", "ADVERSE EVENT", "2014-02-03", "FOLLOW-UP"),
        ("3", "DISPOSITION EVENT", "DEATH", "2014-02-03", "TREATMENT"),
        ("5", "DISPOSITION EVENT", "SCREEN FAILURE", "2014-01-01", "SCREENING"),
    ],
    "DSCAT", "DSDECOD", "DSSTDTC", "EPOCH",
)  # fmt: skip
AE = part(
    "AE",
    [
        ("1", "SKIN", "RASH", "MILD", "N", None, "2014-01-01"),  # before the first dose
        ("1", "SKIN", "RASH", "MILD", "N", None, "2014-01"),  # perhaps before it
        ("1", "SKIN", "RASH", "SEVERE", "Y", None, "2014-01-05"),
        ("1", "SKIN", "ITCH", None, "N", None, None),
        ("2", "SKIN", "RASH", "MODERATE", "N", None, "2014-01-02"),
        ("3", "HEART", "ARREST", "SEVERE", "Y", "FATAL", "2014-02-03"),
        ("3", None, None, "SEVERE", None, None, "2014-02-03"),
        ("6", "SKIN", "RASH", "MILD", "N", None, "2014-01-05"),  # had no dose
    ],
    "AEBODSYS", "AEDECOD", "AESEV", "AESER", "AEOUT", "AESTDTC",
)  # fmt: skip


@pytest.fixture(scope="module")
def tables():
    return adopt({"dm": DM, "ex": EX, "ds": DS, "ae": AE}).tables


def titles(found):
    return [(column["title"], column["participants"]) for column in found["columns"]]


def test_everybody_stands_in_a_column_and_who_has_no_arm_under_why(tables):
    found = summary(tables)["disposition"]
    assert titles(found) == [
        ("Active", 2), ("Placebo", 2), ("NOT ASSIGNED", 1), ("Screen Failure", 1), (None, 6),
    ]  # fmt: skip
    assert [column["assigned"] for column in found["columns"]] == [True, True, False, False, True]


def test_the_columns_may_be_those_of_the_treatment_received(tables):
    found = summary(tables, "ACTARM")
    assert found["switched"] == 1
    assert titles(found["disposition"]) == [
        ("Active", 1), ("Placebo", 2), ("NOT ASSIGNED", 2), ("Screen Failure", 1), (None, 6),
    ]  # fmt: skip


def test_arms_stand_in_the_order_of_the_trial_design(tables):
    design = pl.DataFrame({"STUDYID": "S", "DOMAIN": "TA", "ARMCD": ["P", "A"], "ARM": ["Placebo", "Active"]})
    ordered = {**tables, **adopt({"ta": design}).tables}
    assert [title for title, _ in titles(summary(ordered)["exposure"])] == ["Placebo", "Active", None]


def test_disposition_is_the_last_word_about_participation(tables):
    found = summary(tables)["disposition"]
    assert found["counts"] == {
        "participants": [2, 2, 1, 1, 6],
        "dosed": [2, 1, 0, 0, 3],
        "completed": [0, 0, 0, 0, 0],  # having completed the screening is no end
        "ended": [1, 1, 0, 1, 3],
        "without": [1, 1, 1, 0, 3],
        "died": [0, 1, 0, 0, 1],
    }
    reasons = {one["reason"]: one["counts"] for one in found["reasons"]}
    assert reasons == {
        "ADVERSE EVENT": [1, 0, 0, 0, 1], "DEATH": [0, 1, 0, 0, 1], "SCREEN FAILURE": [0, 0, 0, 1, 1],
    }  # fmt: skip


def test_a_dose_of_placebo_is_a_dose_and_nothing_of_a_drug_is_none(tables):
    found = summary(tables)["exposure"]
    assert titles(found) == [("Active", 2), ("Placebo", 1), (None, 3)]
    assert found["days"] == [
        {"n": 2, "median": 6.5, "low": 1, "high": 12}, None, {"n": 2, "median": 6.5, "low": 1, "high": 12},
    ]  # fmt: skip
    drug, placebo = found["treatments"]
    assert (drug["treatment"], drug["unit"]) == ("DRUG", "mg")
    # 10 days of 10 mg once, 2 days of 20 mg twice
    assert drug["cumulative"] == [
        {"n": 1, "median": 180, "low": 180, "high": 180},
        None,
        drug["cumulative"][0],
    ]
    assert drug["doses"][0] == {"low": 10, "high": 20}
    assert [count["participants"] for count in placebo["counts"]] == [1, 1, 2]
    assert placebo["cumulative"][1] is None  # nobody's is known: an end is missing


@pytest.mark.parametrize(
    ("occurred", "amount", "dosed"),
    [
        ("Y", 5.0, True),
        ("Y", None, True),
        ("N", 5.0, False),
        (None, 5.0, True),
        (None, None, True),  # what is not known is not nothing
        (None, 0.0, False),
    ],
)
def test_who_was_dosed(tables, occurred, amount, dosed):
    one = part("EX", [("1", "DRUG", occurred, amount, "2014-01-02")], "EXTRT", "EXOCCUR", "EXDOSE", "EXSTDTC")
    found = summary({**tables, **adopt({"ex": one}).tables})
    assert found["disposition"]["counts"]["dosed"][-1] == dosed


def test_where_some_rows_are_said_to_be_given_the_others_are_not(tables):
    rows = [("1", "DRUG", "Y", 5.0, "2014-01-02"), ("2", "DRUG", None, 5.0, "2014-01-02")]
    some = part("EX", rows, "EXTRT", "EXOCCUR", "EXDOSE", "EXSTDTC")
    found = summary({**tables, **adopt({"ex": some}).tables})
    assert found["disposition"]["counts"]["dosed"][-1] == 1


def test_adverse_events_count_a_participant_once_and_start_with_the_first_dose(tables):
    found = summary(tables)["adverse_events"]

    def cells(counts):
        return [(count["participants"], count["events"]) for count in counts]

    assert titles(found) == [("Active", 2), ("Placebo", 1), (None, 3)]
    assert cells(found["any"]) == [(2, 4), (1, 2), (3, 6)]
    assert cells(found["serious"]) == [(1, 1), (1, 1), (2, 2)]
    assert cells(found["fatal"]) == [(0, 0), (1, 1), (1, 1)]
    assert (found["before"]["events"], found["others"]["events"]) == (1, 1)
    skin, unnamed, heart = found["systems"]
    assert [skin["name"], unnamed["name"], heart["name"]] == ["SKIN", None, "HEART"]
    assert cells(skin["counts"]) == [(2, 4), (0, 0), (2, 4)]
    assert [(one["name"], cells(one["counts"])[0]) for one in skin["terms"]] == [
        ("RASH", (2, 3)),
        ("ITCH", (1, 1)),
    ]
    assert found["severities"] == ["MILD", "MODERATE", "SEVERE"]
    assert skin["worst"] == [[0, 1, 1, 0], [0, 0, 0, 0], [0, 1, 1, 0]]


def test_tables_without_exposure_or_events_say_what_they_can(tables):
    found = summary({"DM": tables["DM"]})
    assert found["exposure"]["columns"] == []
    assert found["exposure"]["treatments"] == []
    assert found["adverse_events"] is None
    assert found["disposition"]["counts"]["without"] == [2, 2, 1, 1, 6]


def test_tables_without_demographics_are_refused():
    with pytest.raises(ValueError, match="the tables have no DM"):
        summary({})


WHOLE = {"DM": DM, "EX": EX, "DS": DS, "AE": AE}


@pytest.mark.parametrize(
    ("name", "variable"), [(code, each) for code in WHOLE for each in WHOLE[code].columns]
)
def test_whatever_variable_is_missing_the_rest_is_counted(tables, name, variable):
    without = {**tables, name: tables[name].drop(variable)}
    validate(without)
    if (name, variable) == ("DM", "USUBJID"):
        with pytest.raises(ValueError, match="nobody is known"):
            summary(without)
        return
    assert summary(without)["disposition"]["counts"]["participants"][-1] == 6


@given(
    st.lists(st.tuples(st.sampled_from("123456"), st.sampled_from("AB"), st.sampled_from("xy")), max_size=20)
)
def test_counts_add_up(events):
    rows = [(who, system, term, "MILD", "N", None, "2014-03-01") for who, system, term in events]
    data = {"dm": DM, "ex": EX}
    if rows:
        data["ae"] = part("AE", rows, "AEBODSYS", "AEDECOD", "AESEV", "AESER", "AEOUT", "AESTDTC")
    found = summary(adopt(data).tables)["adverse_events"]
    if not rows:
        assert found is None
        return
    whole = found["any"]
    assert whole[-1]["events"] + found["others"]["events"] == len(rows)
    for place, column in enumerate(found["columns"]):
        systems = [system["counts"][place] for system in found["systems"]]
        assert sum(count["events"] for count in systems) == whole[place]["events"]
        assert all(count["participants"] <= column["participants"] for count in systems)
        assert sum(found["worst"][place]) == whole[place]["participants"]
        for system in found["systems"]:
            terms = [term["counts"][place]["events"] for term in system["terms"]]
            assert sum(terms) == system["counts"][place]["events"]


def test_our_own_trial_gives_the_same_numbers_as_its_report():
    path = Path(__file__).parents[1] / "example_trial.py"
    spec = importlib.util.spec_from_file_location("example_trial", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    protocol = load("vascu_il2")
    tables = example.tables(protocol)
    found = summary(tables)
    ard = analyse_outputs(tables, protocol.reported, protocol, ["14.1.1", "14.3.1.1", "14.1.8"])

    def counted(output: str, line: str) -> dict[str, float]:
        rows = ard.of(output).filter(pl.col("path") == f'["{line}"]')
        return dict(rows.select("statistic", "value").iter_rows())

    steps, events = found["disposition"]["counts"], found["adverse_events"]
    assert steps["participants"][-1] == counted("14.1.1", "screened")["n"]
    assert steps["dosed"][-1] == counted("14.1.1", "dosed")["n"]
    assert found["virtual"]
    assert len(events["columns"]) == 1  # one arm is one column: no total beside it
    for name in ("any", "serious"):
        told = counted("14.3.1.1", name)
        assert events[name] == [{"participants": told["n"], "events": told["events"]}]
    [drug] = found["exposure"]["treatments"]
    assert drug["cumulative"][0]["high"] == 52.5


@pytest.mark.parametrize("wrong", [float("nan"), object()])
def test_what_is_no_result_is_refused(wrong: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        plain({"x": [wrong]})


def test_numbers_are_rounded_half_away_and_an_infinite_bound_is_null() -> None:
    found = plain({"x": (0.0000005, 2 / 3, float("inf")), "y": NotEstimable("no pairs")})
    assert found == {"x": [0.000001, 0.666667, None], "y": {"not_estimable": "no pairs"}}
