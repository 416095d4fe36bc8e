"""The reference study's outputs, whatever a trial holds on a day: no empty grid; all that is asked for."""

import datetime
import importlib.util
import json
import re
from pathlib import Path

import polars as pl
import pytest

from trialrun.analysis.ard import analyse_outputs, formatted
from trialrun.protocol.compile import load
from trialrun.report.display import Display, display

FACTS = {"model": "a model", "seed": 20260101, "cohort": "0123"}
NEVER = re.compile(r"\b(?:NaN|nan|None|null|inf|Infinity)\b|\[1(?:[.,]0*)?[,;–-] ?1(?:[.,]0*)?\]|\{\w+")


@pytest.fixture(scope="module")
def protocol():
    return load("vascu_il2")


@pytest.fixture(scope="module")
def finished(protocol):
    path = Path(__file__).parents[1] / "example_trial.py"
    spec = importlib.util.spec_from_file_location("example_trial", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.tables(protocol)


def none(tables):
    return {name: table.clear() for name, table in tables.items()}


def one(tables):
    first = tables["DM"].sort("RFXSTDTC", nulls_last=True)["USUBJID"][0]
    return {name: table.filter(pl.col("USUBJID") == first) for name, table in tables.items()}


def until(tables, day):
    """The rows of what had happened by a day, and participants without what came later."""
    found = {}
    for name, table in tables.items():
        dates = [column for column in table.columns if column in (f"{name}STDTC", f"{name}DTC")]
        when = pl.coalesce([*dates, pl.lit("")]).str.slice(0, 10) if dates else pl.lit("")
        found[name] = table.filter(when <= day)
    later = [column for column in found["DM"].columns if column.endswith("DTC")]
    people = found["DM"].filter(pl.col("RFICDTC").str.slice(0, 10) <= day)
    cut = [pl.when(pl.col(column).str.slice(0, 10) <= day).then(pl.col(column)) for column in later]
    found["DM"] = people.with_columns(cut)
    return found


STATES = {
    "finished": lambda tables: tables,
    "nobody": none,
    "one participant": one,
    "an early day": lambda tables: until(tables, day_between(tables)),
}


def day_between(tables):
    """Half way between the first consent and the last visit."""
    first = datetime.date.fromisoformat(tables["DM"]["RFICDTC"].min()[:10])
    last = datetime.date.fromisoformat(tables["SV"]["SVSTDTC"].max()[:10])
    return (first + (last - first) / 2).isoformat()


@pytest.fixture(scope="module", params=list(STATES))
def ard(request, protocol, finished):
    return analyse_outputs(STATES[request.param](finished), protocol.outputs, protocol, facts=FACTS)


def texts(shown: Display) -> list[str]:
    rows = [word for row in shown.rows for word in (*row.labels, *(cell.text for cell in row.cells))]
    heads = [word for head in shown.heads for word in (head.title, head.under)]
    return [shown.title, shown.subtitle, *shown.stub, *heads, *rows, *shown.footnotes, *shown.reasons]


def test_every_output_says_something_readable_on_any_day(ard):
    for output, planned in ard.outputs.items():
        for language in ("en", "fr"):
            shown = display(ard, output, language)
            assert [one for one in texts(shown) if NEVER.search(one)] == [], (output, language)
            if planned.kind != "figure":
                assert shown.rows, output
                assert any(word.strip() for row in shown.rows for word in row.labels) or any(
                    cell.text.strip() for row in shown.rows for cell in row.cells
                ), output


def test_both_languages_have_every_word(protocol):
    """A title in English alone is the same word in French: those that are, are few and known."""
    for output, planned in protocol.outputs.planned.items():
        said = [planned.title, *planned.footnotes, *([planned.empty] if planned.empty else [])]
        assert all({"en", "fr"} <= set(dict(text.by_language)) for text in said), output


def test_every_output_that_the_shells_ask_for_is_planned(protocol, shared):
    shells = json.loads((shared / "data" / "statistics" / "tlf_shells.json").read_text("utf-8"))
    assert [shell["id"] for shell in shells if shell["id"] not in protocol.outputs.planned] == []


# ---- what the tables should not hold ---------------------------------------------------------------


def cells(protocol, tables, *only):
    """(output, line, column, part) -> the text of the cell."""
    ard = analyse_outputs(tables, protocol.outputs, protocol, only, FACTS)
    return {
        (key, line.key, cell.column, cell.part): formatted(cell)
        for key in ard.outputs
        for line, held in ard.lines(key)
        for cell in held
    }


def laboratory(tables):
    """Everyone's liver tests before (high) and on the fifth day, bilirubin without its limit, creatinine."""
    given = (("ALT", 1, 500.0), ("ALT", 5, 30.0), ("BILI", 5, 12.0), ("CREAT", 5, 100.0))
    rows = [
        {"USUBJID": who, "LBSEQ": i, "LBTESTCD": test, "LBSTRESN": value, "LBDY": day, "TIMEPT": f"C1.D{day}",
         "LBBLFL": "Y" if day == 1 else None}
        for who in tables["EX"]["USUBJID"].unique(maintain_order=True)
        for i, (test, day, value) in enumerate(given)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema={name: tables["LB"].schema[name] for name in rows[0]}).select(
        *(
            pl.col(name) if name in rows[0] else pl.lit(None, kind).alias(name)
            for name, kind in tables["LB"].schema.items()
        )
    )


def test_an_assessment_that_was_entered_twice_is_counted_once(protocol, finished):
    finished = finished | {"LB": laboratory(finished)}

    def again(name, table):
        return pl.concat([table, table.with_columns(pl.col(f"{name}SEQ") + 10_000)])

    twice = {name: again(name, finished[name]) for name in ("LB", "VS", "MB", "RS", "IS", "FA", "CP")}
    only = ("14.1.5", "14.2.3.3", "14.3.4.1", "14.3.5.1", "F14.2.6")
    assert cells(protocol, finished | twice, *only) == cells(protocol, finished, *only)


def test_what_is_not_known_of_a_value_or_an_event_is_never_a_grade_of_zero_or_a_no(protocol, finished):
    people = finished["DM"].with_columns(SEX=pl.lit(None, pl.String))
    events = finished["AE"].with_columns(AETOXGR=pl.lit(None, finished["AE"].schema["AETOXGR"]))
    given = finished | {"DM": people, "AE": events, "LB": laboratory(finished)}
    found = cells(protocol, given, "14.3.4.2", "14.3.1.1")
    for test in ("=CREAT", "=BILI"):
        shift = {key: text for key, text in found.items() if test in key[1]}
        assert {text for key, text in shift.items() if key[3] != "unknown"} == {"0"}
        assert sum(int(text) for key, text in shift.items() if key[3] == "unknown") == 10
    assert found["14.3.1.1", ("unknown",), "all", "n"] == found["14.3.1.1", ("any",), "all", "n"]


def test_numbers_and_dates_that_are_none_are_missing(protocol, finished):
    values = finished["CP"].with_columns(CPSTRESN=pl.lit(float("nan")))
    visits = finished["SV"].with_columns(SVSTDTC=pl.lit("2008-02-31"))
    found = cells(protocol, finished | {"CP": values, "SV": visits}, "14.1.9", "14.2.2.1")
    assert found["14.2.2.1", ("treg", "treg", "=C1.D5", "n"), "all", ""] == "0"
    assert not any(NEVER.search(text) for text in found.values())


def test_a_value_before_the_first_injection_is_no_sign_of_harm(protocol, finished):
    found = cells(protocol, finished | {"LB": laboratory(finished)}, "14.3.4.3")
    assert found["14.3.4.3", ("liver_8",), "all", ""] == "0"


def test_whose_sex_is_not_known_stands_in_a_line_and_everyone_else_in_theirs(protocol, finished):
    first = pl.col("USUBJID") == finished["EX"]["USUBJID"][0]
    people = finished["DM"].with_columns(SEX=pl.when(~first).then(pl.col("SEX")))
    found = cells(protocol, finished | {"DM": people}, "14.1.4")
    sexes = {key[1][-1]: int(text.split()[0]) for key, text in found.items() if key[1][0] == "sex"}
    assert sexes["missing"] == 1
    assert sum(sexes.values()) == 10
    assert not any("missing" in key[1] for key in cells(protocol, finished, "14.1.4"))


def test_what_a_sentence_does_not_know_it_says(protocol, finished):
    events = finished["AE"].with_columns(AETOXGR=pl.lit(None, finished["AE"].schema["AETOXGR"]))
    told = [
        text
        for key, text in cells(protocol, finished | {"AE": events}, "D7").items()
        if key[1][-1].startswith("events")
    ]
    assert told and all(text.startswith("Grade not known") for text in told)
