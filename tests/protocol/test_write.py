"""A protocol written out and compiled again is the same protocol."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_study import WORDS, rules, studies

from trialrun.protocol.compile import bundled, load
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule import Type, text_of
from trialrun.protocol.rule import parse as parse_rule
from trialrun.protocol.source import parse
from trialrun.protocol.write import WIDTH, texts, written


def compiled(files: dict[str, str]) -> Protocol:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, "utf-8")
        return load(folder)


def content(protocol: Protocol) -> object:
    """All that a protocol says, order included, rules by their trees."""
    rules = [(name, rule.tree) for name, rule in protocol.rules.items()]
    named = (protocol.forms, protocol.variables, protocol.timepoints, protocol.types)
    whole = (protocol.study, protocol.sources, protocol.model, protocol.outputs)
    return rules, [list(one.items()) for one in named], whole


@pytest.mark.parametrize("name", bundled())
def test_a_bundled_study_written_out_compiles_to_the_same_protocol(name: str) -> None:
    first = load(name)
    files = texts(first)
    again = compiled(files)
    assert content(again) == content(first)
    assert texts(again) == files
    assert compiled(texts(again)).hash == again.hash


@settings(max_examples=25)
@given(studies())
def test_a_random_study_is_stable(study: dict[str, Any]) -> None:
    """Compile → text → compile, from files that were never written by `texts`."""
    first = compiled({name: written(file) for name, file in study.items()})
    files = texts(first)
    again = compiled(files)
    assert content(again) == content(first)
    assert texts(again) == files


ITEMS = {
    "weight": {"type": "number", "unit": "kg"},
    "count": {"type": "integer", "unit": "none"},
    "ill": {"type": "boolean"},
    "sex": {"type": "choice", "codes": {"M": "Man", "F": "Woman"}},
    "day": {"type": "date"},
    "note": {"type": "text"},
}
TYPES = {
    "weight": Type("number", "kg"),
    "count": Type("number"),
    "ill": Type("boolean"),
    "sex": Type("choice", codes=("M", "F")),
    "day": Type("date"),
    "note": Type("text"),
}


@given(rules(ITEMS, 4))
def test_a_random_rule_is_stable(text: str) -> None:
    tree = parse_rule(text, TYPES).tree
    assert parse_rule(text_of(tree), TYPES).tree == tree
    assert text_of(parse_rule(text_of(tree), TYPES).tree) == text_of(tree)


SCALARS = WORDS | st.booleans() | st.none() | st.integers(-(10**14), 10**14) | st.floats(-1e9, 1e9)
AWKWARD = st.one_of(
    st.sampled_from(list("~#'\"{|>?=-\\")),
    st.sampled_from(["no", "null", "1e3", "0x10", "010", "1_000", ".5", "2008-03-01", "<<", "true", ""]),
    st.sampled_from(
        ["{a", "[a", "&a", "*a", "!a", "%a", "@a", "`a", "- a", "a: b", "# a", "a\nb", " a", "a ", "a, b"]
    ),
)
KEYS = st.text("abcXYZ_.0123456789 -", min_size=1, max_size=12) | AWKWARD
TREES = st.recursive(
    SCALARS | AWKWARD, lambda one: st.lists(one, max_size=4) | st.dictionaries(KEYS, one, max_size=4)
)


@settings(max_examples=150)
@given(st.dictionaries(KEYS, TREES, min_size=1, max_size=4))
def test_what_is_written_is_read(tree: dict[str, Any]) -> None:
    assert parse(written(tree), "study.yaml").content == tree


def test_short_things_stand_on_one_line_and_long_ones_below_each_other(protocol: Protocol) -> None:
    files = texts(protocol)
    assert "    half: {dose: 1.5, from: registry#11}\n" in files["study.yaml"]
    assert "  age: {item: demography.age, at: [SCR]}\n" in files["variables.yaml"]
    assert "    require: age BETWEEN '18 a' AND '75 a'\n" in files["study.yaml"]
    long = [line for text in files.values() for line in text.splitlines() if len(line) > WIDTH + 20]
    assert long == []
