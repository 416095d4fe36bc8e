"""The small words of a study file, each through the annotation that the models use."""

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from trialrun.protocol import text
from trialrun.protocol.text import Anchor, Doses, Limits, Span, Text, Volume, Window


def read(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "written", "meant"),
    [
        (text.Length, "21 days", Span(21)),
        (text.Length, "1 week", Span(7)),
        (text.Length, "72 hours", Span(3)),
        (text.Length, "0.5 days", Span(0.5)),
        (text.Tolerance, "±3 days", Window(3, 3)),
        (text.Tolerance, "±3", Window(3, 3)),
        (text.Tolerance, "±1 weeks", Window(7, 7)),
        (text.Tolerance, "-0/+7 days", Window(0, 7)),
        (text.Tolerance, "-14 / +13 days", Window(14, 13)),
        (text.Counted, "C1 + 21 days", Anchor("C1", 21, 21)),
        (text.Counted, "C1 + 18..21 days", Anchor("C1", 18, 21)),
        (text.Counted, "C1 + 3 weeks", Anchor("C1", 21, 21)),
        (text.Counted, "last dose + 28 days", Anchor("last dose", 28, 28)),
        (text.DoseCount, "5 daily", Doses(5)),
        (text.DoseCount, "13 every 14 days", Doses(13, 14)),
        (text.Range, "30..45", Limits(30, 45)),
        (text.Range, "-1.5 .. 0.5", Limits(-1.5, 0.5)),
        (text.Millilitres, "10 mL", Volume(10)),
        (text.Day, "2008-02-29", datetime.date(2008, 2, 29)),
        (text.Several, "one", ("one",)),
        (text.Several, ["one", "two"], ("one", "two")),
        (text.Words, "Pulse", Text((("en", "Pulse"),))),
        (text.Words, 5, Text((("en", "5"),))),
        (text.Words, {"en": "Pulse", "fr": "Pouls"}, Text((("en", "Pulse"), ("fr", "Pouls")))),
    ],
)
def test_a_word_is_read_and_read_again(kind: Any, written: object, meant: object) -> None:
    assert read(kind, written) == meant
    assert read(kind, meant) == meant


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        *(
            (text.Length, one)
            for one in ("", "21", "days", "21 fortnights", "-3 days", "1.5 months", None, [1])
        ),
        *((text.Tolerance, one) for one in ("3 days", "+7", "±", "±1.5 days", "-3 days", None)),
        *(
            (text.Counted, one)
            for one in ("C1", "C1 + 21", "C1 - 3 days", "C1 + 21..18 days", "last dose", 21)
        ),
        *((text.DoseCount, one) for one in ("5", "0 daily", "5 every 0 days", "401 daily", "daily")),
        *((text.Range, one) for one in ("30", "30-45", "45..30", "..45", None)),
        *((text.Millilitres, one) for one in ("10", "10 ml", "10 L", "-1 mL")),
        *((text.Day, one) for one in ("2008-02-30", "2008-3-1", "20080301", 2008, 0, "today")),
        *(
            (text.Words, one)
            for one in ("", "  ", None, {}, 1.5, True, {"en": ""}, {"english": "x"}, {"en": 1}, [])
        ),
    ],
)
def test_a_wrong_word_says_what_would_be_right(kind: Any, written: object) -> None:
    with pytest.raises(ValidationError) as caught:
        read(kind, written)
    [error] = caught.value.errors()
    assert error["type"] == "value_error"
    said = error["msg"].removeprefix("Value error, ")
    assert any(word in said for word in ("write", "ends", "put", "goes", "between quotes")), said


def test_a_comma_inside_braces_is_explained() -> None:
    """{en: Skin, nerve, fr: Peau} is read by YAML as three keys."""
    with pytest.raises(ValidationError, match="`nerve and gut` follows a comma"):
        read(text.Words, {"en": "Skin", "nerve and gut": None, "fr": "Peau"})


def test_months_stay_months() -> None:
    span = read(text.Length, "18 months")
    assert (span.months, str(span)) == (18, "18 months")
    assert span.days == pytest.approx(547.86, abs=0.01)  # 18/12 of the mean Gregorian year


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Span(1), "1 day"),
        (Span(21), "21 days"),
        (Span(1 / 6), "4 hours"),
        (Window(), "on the day"),
        (Window(3, 3), "±3 days"),
        (Window(0, 7), "-0/+7 days"),
        (Window(0, 0.5), "-0/+12 hours"),
        (Anchor("C1", 18, 21), "C1 + 18..21 days"),
        (Anchor("C1", 21, 21), "C1 + 21 days"),
        (Doses(5), "5 daily"),
        (Doses(13, 14), "13 every 14 days"),
        (Limits(0.5, 30), "0.5..30"),
        (Volume(10), "10 mL"),
    ],
)
def test_a_value_is_said_as_it_is_written(value: object, said: str) -> None:
    assert str(value) == said


def test_a_window_in_french() -> None:
    assert [Window(a, b).words("fr") for a, b in ((0, 0), (3, 3), (0, 7))] == [
        "le jour même",
        "±3 jours",
        "-0/+7 jours",
    ]


@given(st.integers(0, 400), st.integers(0, 400))
def test_what_is_said_can_be_read(low: int, high: int) -> None:
    low, high = sorted((low, high))
    for kind, value in (
        (text.Range, Limits(low, high)),
        (text.Counted, Anchor("C1", low, high)),
        (text.Length, Span(low)),
    ):
        assert read(kind, str(value)) == value
    if low + high:
        assert read(text.Tolerance, str(Window(low, high))) == Window(low, high)


def test_words_fall_back_to_english_then_to_the_first() -> None:
    assert Text((("fr", "Pouls"), ("en", "Pulse")))("de") == "Pulse"
    assert Text((("fr", "Pouls"),))("de") == "Pouls"
    assert Text((("fr", "Pouls"), ("en", "Pulse"))).languages == ("fr", "en")
