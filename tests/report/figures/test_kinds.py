"""A figure of each kind of nobody, of one participant and of several."""

from pathlib import Path

import polars as pl
import pytest

from trialrun.analysis.ard import analyse_outputs
from trialrun.protocol.outputs import load_outputs
from trialrun.report.figures.picture import picture
from trialrun.report.language import language

OUTPUTS = load_outputs(Path(__file__).parent / "every.yaml")
TEXTS = ("USUBJID", "VISIT", "STATE", "AETERM", "AETOXGR")
NUMBERS = ("AGE", "LBSEQ", "LBDY", "LBSTRESN", "AESEQ", "AESTDY", "AEENDY")
TYPES = {**dict.fromkeys(TEXTS, pl.String), **dict.fromkeys(NUMBERS, pl.Float64)}
NOBODY = language("en")("picture.nobody")


def tables(count):
    """So many participants with three values each, a day later each, and one event."""
    people = [f"S-{i:03}" for i in range(1, count + 1)]
    values = [
        {"USUBJID": who, "LBSEQ": float(i), "LBDY": float(day), "LBSTRESN": 1.0 + i * place, "VISIT": f"V{i}"}
        | {"STATE": "high" if i == place % 3 else "low"}
        for place, who in enumerate(people, 1)
        for i, day in enumerate((1, 8, 15))
    ]
    events = [
        {"USUBJID": who, "AESEQ": 1.0, "AETERM": "Fever", "AESTDY": 3.0, "AEENDY": 5.0, "AETOXGR": "2"}
        for who in people
    ]
    ages = [{"USUBJID": who, "AGE": 50.0 + 10 * i} for i, who in enumerate(people)]
    return {name: made(rows) for name, rows in {"DM": ages, "LB": values, "AE": events}.items()}


def made(rows):
    """A table, with the types of all columns even if it is empty."""
    schema = {name: kind for name, kind in TYPES.items() if not rows or name in rows[0]}
    return pl.DataFrame(rows, schema)


@pytest.fixture(scope="module")
def ards():
    return {count: analyse_outputs(tables(count), OUTPUTS) for count in (0, 1, 3)}


@pytest.mark.parametrize("output", OUTPUTS.planned)
def test_of_nobody_says_so(ards, output):
    shown = picture(ards[0], output)
    assert shown.alt == NOBODY
    assert NOBODY in shown.svg


@pytest.mark.parametrize("output", OUTPUTS.planned)
@pytest.mark.parametrize("count", [1, 3])
def test_of_one_and_of_several_draws_what_is_there(ards, output, count):
    shown = picture(ards[count], output)
    assert shown.alt != NOBODY and NOBODY not in shown.svg
    assert "NaN" not in shown.svg and "undefined" not in shown.svg
    assert shown.spec["datasets"]


def test_a_picture_is_the_same_each_time(ards):
    assert picture(ards[3], "profiles") == picture(ards[3], "profiles")


def test_a_column_of_text_cannot_be_placed():
    file = OUTPUTS.file.outputs["profiles"]
    drawn = file.rows["drawn"].model_copy(update={"y": "VISIT"})
    planned = file.model_copy(update={"rows": {**file.rows, "drawn": drawn}})
    ard = analyse_outputs(tables(1), OUTPUTS, only=["profiles"])
    object.__setattr__(ard, "outputs", {"profiles": planned})
    with pytest.raises(
        ValueError, match="`VISIT` of the row `each` holds `V0`; a figure can place numbers only"
    ):
        picture(ard, "profiles")


def test_numbers_of_the_flow_are_those_of_its_rows(ards):
    assert "Everyone (n = 3)" in picture(ards[3], "flow").svg
    assert "Old (n = 1)" in picture(ards[3], "flow").svg
