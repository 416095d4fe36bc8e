"""The reference study's outputs, whatever a trial holds on a day: no empty grid; all that is asked for."""

import datetime
import importlib.util
import json
import re
from pathlib import Path

import polars as pl
import pytest

from trialrun.analysis.ard import analyse_outputs
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
