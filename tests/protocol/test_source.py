from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from trialrun.protocol.problem import Place, Problem, ProtocolError, nearest
from trialrun.protocol.source import canonical, ordered, parse, read


def content(text: str) -> Any:
    return parse(text, "study.yaml").content


def problem(text: str) -> Problem:
    with pytest.raises(ProtocolError) as caught:
        parse(text, "study.yaml")
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("True", "True"),
        ("12", 12),
        ("-12", -12),
        ("0", 0),
        ("010", "010"),
        ("12:30", "12:30"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("2008-03-01", "2008-03-01"),
        ("12345678901234567890", "12345678901234567890"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("C1 + 21 days", "C1 + 21 days"),
    ],
)
def test_a_scalar_is_read_by_the_core_rules_only(written: str, meant: object) -> None:
    value = content(f"a: {written}")["a"]
    assert (value, type(value)) == (meant, type(meant))


def test_every_key_and_value_has_its_place() -> None:
    source = parse("one:\n  two: [a, b]\n  three: x\n", "f.yaml")
    assert source.place(("one", "two", 1)) == Place("f.yaml", 2, 12, ("one", "two", 1))
    assert source.key_place(("one", "three")) == Place("f.yaml", 3, 3, ("one", "three"))
    assert source.place(("one", "four")).line == 2  # the parent's
    assert source.place(("nowhere",)).line == 1


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("rule: age > 17 AND sox = 'F'", 1, 20),
        ("rule: \"age > 17 AND sox = 'F'\"", 1, 21),
        ("rule: 'age > 17 AND sox = ''F'''", 1, 21),
        ("rule: >-\n  age > 17\n  AND sox = 'F'\n", 3, 7),
        ("rule: |-\n  age > 17 AND sox = 'F'\n", 2, 16),
        ("rule: age > 17\n  AND sox = 'F'\n", 2, 7),
        ("a: {rule: \"age > 17 AND sox = 'F'\"}", 1, 25),
    ],
)
def test_a_character_of_a_text_has_a_place_however_it_is_written(text: str, line: int, column: int) -> None:
    source = parse(text, "f.yaml")
    path = ("a", "rule") if "a" in source.content else ("rule",)
    words = source.content["a"]["rule"] if "a" in source.content else source.content["rule"]
    found = source.place_within(path, words, words.index("sox"))
    assert (found.line, found.column) == (line, column)


@given(
    st.lists(st.sampled_from(["age", "AND", "'18 a'", ">=", "(", ")"]), min_size=1, max_size=12), st.data()
)
def test_in_a_folded_block_a_word_is_found_on_its_line(words: list[str], data: st.DataObject) -> None:
    breaks = data.draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words)))
    body = "  " + "".join(word + ("\n  " if line else " ") for word, line in zip(words, breaks, strict=True))
    text = f"rule: >-\n{body.rstrip()}\n"
    source = parse(text, "f.yaml")
    meant = source.content["rule"]
    offset = 0
    for i, word in enumerate(words):
        place = source.place_within(("rule",), meant, offset)
        assert place.line == 2 + sum(breaks[:i])
        offset += len(word) + 1


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "`a` is said twice, first on line 1"),
        ("a: &x 1\nb: *x\n", 1, "anchors and aliases"),
        ("a: !!python/object:os.system x\n", 1, "tags are not used"),
        ("a: 1\n---\nb: 2\n", 2, "one document"),
        ("a:\n\t- b\n", 2, "a tab stands where spaces should"),
        ("a: b: c\n", 1, "a second `: ` stands in one line"),
        ("a: 'b\nc: d\n", 1, "a quote is opened here and not closed"),
        ('a: "b\nc: d\ne: "f"\n', 1, "a quote is opened here and not closed"),
        ("a: [b, c\nd: e\n", 1, "[ is opened here and not closed"),
        ("a: {b: c\nd: e\n", 1, "{ is opened here and not closed"),
        ("a: 1\n  b: 2\n", 2, "this line is indented too far"),
        ("a:\n    b: 1\n  c: 2\n", 3, "does not fit under the lines above"),
        ("? [a]\n: 1\n", 1, "a key must be a word"),
        ("- a\n- b\n", 1, "must consist of `key: value` lines"),
        ("", 1, "must consist of `key: value` lines"),
        ("just words\n", 1, "must consist of `key: value` lines"),
        ("a: 1e400\n", 1, "too large for a number"),
        ("a: " + "[" * 40 + "]" * 40, 1, "nested more than 30 levels"),
    ],
)
def test_what_is_refused_says_where_and_why(text: str, line: int, says: str) -> None:
    found = problem(text)
    assert (found.place.line, says in found.message) == (line, True), str(found)
    assert found.hint


def test_a_control_character_is_refused() -> None:
    assert "a character that cannot be seen" in problem("a: \x07\n").message


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_problems(text: str) -> None:
    try:
        parse(text, "f.yaml")
    except ProtocolError as error:
        assert error.problems


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="cannot be read: No such file"):
        read(tmp_path / "study.yaml")


def test_problems_come_once_and_in_file_order() -> None:
    late, early = Problem(Place("b.yaml", 9, 1), "late"), Problem(Place("a.yaml", 3, 1), "early", "Do this.")
    error = ProtocolError([late, early, late])
    assert error.problems == (early, late)
    assert error.render() == "a.yaml:3:1: early\n    Do this.\nb.yaml:9:1: late\n2 problems."
    assert ProtocolError([late]).render().endswith("1 problem.")


def test_a_problem_as_json() -> None:
    assert Problem(Place("a.yaml", 3, 1, ("x", 0)), "early", "Do this.", "plan").as_json() == {
        "code": "plan",
        "file": "a.yaml",
        "line": 3,
        "column": 1,
        "path": "x.0",
        "message": "early",
        "hint": "Do this.",
    }


@pytest.mark.parametrize(
    ("word", "meant"), [("scr", "SCR"), ("tolerence_C1", "tolerance_C1"), ("w37", "W37"), ("zebra", None)]
)
def test_the_nearest_word_forgives_letter_case(word: str, meant: str | None) -> None:
    assert nearest(word, ["SCR", "W37", "tolerance_C1"]) == meant


WORDS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
SAID = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@example([-0.0, 1e21, 1e-7, 0.1, 5.0, '\x7f\x00\u2028"\\'])
@given(SAID)
def test_what_a_file_says_is_the_canonical_json_of_the_standard(said: Any) -> None:
    assert canonical(ordered(said)) == rfc8785.dumps(ordered(said))
