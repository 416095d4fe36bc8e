"""The second engine: its script redoes every kind of analysis, agrees, and finds a number that is wrong."""

import os
import re
from pathlib import Path

import polars as pl
import pytest

from trialrun.analysis.ard import Ard, analyse_outputs
from trialrun.exchange import crosscheck
from trialrun.exchange.r_method import by_method, catalogue, function
from trialrun.exchange.r_script import arguments, literal, plan, script
from trialrun.protocol.outputs import load_outputs

AGES = [34, 51, 47, 62, 58, 29, 44, 70, 39, 55, 48, 61]
DAYS = [10, 12, 12, 15, 20, 21, 25, 30, 33, 40, 40, 41]
WELL = ["Y", "N", "Y", "Y", "N", "N", "Y", "N", "Y", "N", "N", "N"]


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    who = [f"P{i:02}" for i in range(12)]
    people = pl.DataFrame(
        {
            "USUBJID": who,
            "ARM": ["A", "B"] * 6,
            "SEX": list("FMFFMFMMFFMF"),
            "AGE": AGES,
            "DAY": DAYS,
            "WELL": WELL,
        }
    )
    events = [(one, term, i) for i, one in enumerate(who) for term in ("Ache", "Rash")[: i % 3]]
    rows = [
        (one, visit, test, round(value, 2))
        for i, one in enumerate(who)
        for j, visit in enumerate(("V1", "V2", "V3"))
        for test, value in (
            ("LEVEL", 5 + i * 0.7 + j * (1 + i % 4) * 0.9),
            ("SCORE", (i * 3 + j * (i % 3)) % 5),
        )
        if (i, j) != (4, 2)
    ]
    return {
        "DM": people,
        "AE": pl.DataFrame(events, schema=["USUBJID", "AEDECOD", "AESEQ"], orient="row"),
        "LB": pl.DataFrame(rows, schema=["USUBJID", "VISIT", "LBTESTCD", "LBSTRESN"], orient="row"),
    }


@pytest.fixture(scope="module")
def ard(tables: dict[str, pl.DataFrame]) -> Ard:
    return analyse_outputs(tables, load_outputs(Path(__file__).with_name("crosscheck.yaml")))


@pytest.fixture(scope="module")
def r() -> str:
    found = crosscheck.rscript()
    if found is None:
        where = "CI" if os.environ.get("CI") else "this machine"
        pytest.skip(f"R is not installed: on {where} the second engine was not run, only its script was made")
    return found


def test_every_file_of_r_has_what_its_head_promises() -> None:
    for one in catalogue().values():
        assert 0 < one.tolerance <= 1e-4
        assert set(one.needs) <= set(catalogue())
        for method in one.methods:
            assert re.search(rf"\b{function(method)} <-", one.text), method


def test_every_method_of_these_analyses_is_redone(ard: Ard) -> None:
    made = plan(ard)
    methods = {one.partition("/")[0] for one in ard.cells["method"].drop_nulls()}
    assert {call.method for call in made.calls} == methods
    assert made.left_out == {}
    assert set(by_method()) - methods == {
        "proportion_without_event", "organ_response", "organs", "imputation", "boundary", "ancova",
        "operating_characteristics", "known", "worst",
        "holm", "hochberg", "hommel", "bh", "by", "cmh-general", "cmh-means", "cmh-correlation",
    }  # fmt: skip


def test_the_script_is_complete_and_the_same_each_time(ard: Ard) -> None:
    text = script(plan(ard), "T")
    assert text == script(plan(ard), "T")
    for opening, closing in ("()", "{}", "[]"):
        bare = re.sub(r'"(\\.|[^"\\])*"|#.*', "", text)
        assert bare.count(opening) == bare.count(closing)
    called = set(re.findall(r"^redo\(\"[\w-]+\", (redo_\w+),", text, re.MULTILINE))
    assert all(f"{name} <-" in text for name in called)
    assert "NaN" not in text and "None" not in text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1.0, 2.5, None], "c(1, 2.5, NA)"),
        ([[1, 2], [3, 4]], "list(c(1, 2), c(3, 4))"),
        ([], "numeric(0)"),
        (True, "TRUE"),
        ('a "b"', '"a \\"b\\""'),
        ({"x": [1]}, "list(x = c(1))"),
    ],
)
def test_data_are_written_as_r_reads_them(value: object, said: str) -> None:
    assert literal(value) == said


def test_what_is_not_there_is_not_an_argument() -> None:
    assert arguments({"x": 1, "family": None}) == "x = 1"


def test_r_agrees(ard: Ard, r: str) -> None:
    found = crosscheck.run(plan(ard), "T", r)
    assert [one for one in found.compared if one.wrong] == []
    assert found.share > 0.93
    assert {one.method for one in found.by_method() if one.agree == 0} == set()


def test_a_planted_error_is_found(ard: Ard, r: str) -> None:
    place = (
        (pl.col("path") == '["age","mean_sd"]') & (pl.col("statistic") == "sd") & (pl.col("column") == "A")
    )
    value = pl.when(place).then(pl.col("value") * (1 + 1e-6)).otherwise("value")
    wrong = ard.cells.filter(pl.col("output") == "1").with_columns(value=value)
    found = crosscheck.run(plan(ard, wrong), "T", r)
    [one] = found.wrong
    assert (one.place, one.statistic, one.verdict) == ("1 age / mean_sd [A]", "sd", "differs")


def test_a_number_of_ours_where_r_has_none_differs(ard: Ard, r: str) -> None:
    row = pl.col("path") == '["well","wald"]'
    none = ard.cells.filter(row & (pl.col("column") == "A"), pl.col("statistic") == "lower")
    claimed = none.with_columns(value=pl.lit(None, pl.Float64), not_estimable=pl.lit("none"))
    [one] = crosscheck.run(plan(ard, claimed), "T", r).wrong
    assert one.ours is None and one.r is not None


def test_what_r_prints_is_read_back() -> None:
    text = (
        '"method","place","statistic","ours","r","difference","tolerance","verdict"\n'
        '"size","1 N [A]","N","6","6","0","1e-09","agrees"\n'
        '"size","1 N [B]","N","6","","","1e-09","no counterpart"\n'
    )
    found = crosscheck.Crosschecked(crosscheck.read(text), {"figure": 2})
    assert (found.share, found.wrong) == (0.25, ())
    [figure, size] = found.by_method()
    assert (figure.not_crosschecked, size.agree, size.not_crosschecked) == (2, 1, 1)
    with pytest.raises(ValueError, match="crosscheck"):
        crosscheck.read("Error in library(survival)")
