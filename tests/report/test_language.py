"""The words of the report: catalogues that say the same things, numbers as each language writes them."""

import datetime
import re

import pytest

from trialrun.report.language import LANGUAGES, language

EN, FR = language("en"), language("fr")
NBSP = "\N{NO-BREAK SPACE}"


def test_every_catalogue_has_the_same_keys_and_the_same_places_to_fill() -> None:
    assert set(EN.words) == set(FR.words)
    for key in EN.words:
        places = [set(re.findall(r"\{(\w+)\}", language(code).words[key])) for code in LANGUAGES]
        assert places[0] == places[1], key


def test_numbers() -> None:
    assert (EN.number(-1.25, 1), FR.number(-1.25, 1)) == ("−1.3", "−1,3")
    assert FR.number(52.5) == "52,5"
    assert EN.significant(12.345) == "12.3"
    assert EN.significant(0.01234) == "0.0123"
    assert EN.significant(-204) == "−204"
    assert EN.significant(0) == "0"
    assert EN.significant(6, finest=1) == "6.0"


def test_percentages_and_p() -> None:
    assert (EN.percent(8, 10), FR.percent(8, 10)) == ("80%", f"80{NBSP}%")
    assert FR.share(0.4439, 1) == f"44,4{NBSP}%"
    assert EN.p(0.0039) == f"P{NBSP}={NBSP}0.004"
    assert FR.p(0.0001) == f"P{NBSP}<{NBSP}0,001"


def test_dates_lists_and_plurals() -> None:
    assert EN.date(datetime.date(2009, 9, 1)) == "1 September 2009"
    assert FR.date(datetime.date(2009, 9, 1)) == "1er septembre 2009"
    assert EN.listed(["a", "b", "c"]) == "a, b and c"
    assert EN.plural("fact.arms", 2) == "2 groups"


def test_french_signs_do_not_begin_a_line() -> None:
    for key, said in FR.words.items():
        if key != "banner":
            assert not re.search(r" [;:!?%]", said), key


def test_a_key_that_is_not_there_names_its_catalogue() -> None:
    with pytest.raises(KeyError, match=r"languages/fr\.yaml has no `nothing`"):
        FR("nothing")


def test_french_counts_millions_from_two_on() -> None:
    assert language("fr").unit(1.5, "millions d'UI") == "million d'UI"
    assert language("fr").unit(3, "millions d'UI") == "millions d'UI"
    assert language("en").unit(1, "million IU") == "million IU"
