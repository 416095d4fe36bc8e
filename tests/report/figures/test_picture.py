"""The figures of the reference study: their words, their numbers, and what stands beside them."""

import re
from functools import cache

import pytest

from trialrun.analysis.ard import formatted
from trialrun.report.figures.picture import picture
from trialrun.report.figures.script import script
from trialrun.report.language import language

DRAWN = (
    *("F14.1.1", "F14.2.1", "F14.2.2", "F14.2.3", "F14.2.4", "F14.2.5", "F14.2.6", "F14.2.7", "F14.2.8"),
    *("F14.2.9", "F14.2.10", "F14.2.11", "F14.2.12", "F14.3.1", "F14.3.2", "F14.3.3", "F14.3.4"),
)
# What the example trial did not measure.
EMPTY = ("F14.2.7", "F14.2.8", "F14.2.11", "F14.3.3", "F14.3.4")


@pytest.fixture(scope="session")
def shown(ard):
    return cache(lambda output, language="en": picture(ard, output, language))


def test_every_figure_of_the_plan_is_there(protocol):
    assert tuple(key for key, one in protocol.outputs.planned.items() if one.kind == "figure") == DRAWN


@pytest.mark.parametrize("output", DRAWN)
def test_a_figure_is_drawn_with_its_words_and_its_table(shown, output):
    made = shown(output)
    assert made.svg.startswith("<svg") and "NaN" not in made.svg
    assert made.beside.heads and made.section == "14"
    if output in EMPTY:
        assert made.alt == language("en")("picture.nobody")
    else:
        assert re.search(r"\d", made.alt), "the words give numbers"
        assert made.beside.rows


@pytest.mark.parametrize("output", ["F14.2.4", "F14.2.9", "F14.3.1"])
def test_french_has_its_words_and_signs(shown, output):
    made = shown(output, "fr")
    assert made.title != shown(output).title
    assert made.spec["config"]["locale"]["number"]["decimal"] == ","
    assert not re.search(r">\d+\.\d+<", made.svg)


def test_words_give_the_cells(ard, shown):
    made = shown("F14.2.4")
    for line, cells in ard.lines("F14.2.4"):
        if line.key in (("estimate", "estimate"), ("estimate", "interval")):
            assert formatted(cells[0]) in made.alt


def test_every_value_drawn_is_a_cell_of_the_output(ard, shown):
    held = set(ard.of("F14.2.3")["value"].drop_nulls().to_list())
    [people] = [rows for rows in shown("F14.2.3").spec["datasets"].values() if "who" in rows[0]]
    assert people and {row["y"] for row in people} | {row["x"] for row in people} <= held


def test_marks_say_what_they_are_without_colour(shown):
    """Groups differ in shape, dash or sign as well as in colour."""
    [signs] = [rows for rows in shown("F14.2.9").spec["datasets"].values() if "sign" in rows[0]]
    assert {row["sign"] for row in signs} <= {"=", "+", "!", "○"}
    assert "strokeDash" in str(shown("F14.2.12").spec)
    assert "shape" in str(shown("F14.2.10").spec)


def test_the_script_is_whole_and_needs_nothing_from_outside():
    text = script()
    assert "</script" not in text and "<!--" not in text
    assert "ast: true" in text and "vegaEmbed" in text


@pytest.mark.slow
def test_the_kept_script_is_what_the_library_bundles():
    import vl_convert

    from trialrun.report.figures.script import SNIPPET, kept

    if vl_convert.__version__ != "1.9.0":
        pytest.skip("another version of vl-convert bundles other libraries")
    assert vl_convert.javascript_bundle(SNIPPET) == kept()
