"""The outputs file: what is wrong with it is told at its place, whatever the tables will be."""

import pytest

from trialrun.protocol.compile import bundled, load
from trialrun.protocol.endpoint import Estimand
from trialrun.protocol.outputs import compile_outputs, load_outputs, placeholders
from trialrun.protocol.problem import ProtocolError
from trialrun.protocol.source import parse

HEAD = """by: ARM
sets:
  SAF: {title: Safety, where: SEX = 'F'}
outputs:
  '1':
    kind: table
    title: T
    set: SAF
    rows:
"""


def told(text):
    return compile_outputs(parse(text, "outputs.yaml"), ["tolerance"])[1]


@pytest.mark.parametrize(
    ("row", "message", "hint"),
    [
        ("a: {sumary: AGE}", "this needs one verb, and has none", "e.g. {summary: AGE}"),
        ("a: {summary: AGE, count: DM}", "has count and summary", "Write one of count"),
        ("a: {summary: AGE, decimal: 3}", "the key `decimal` is not known", "`decimals`"),
        ("a: {summary: AGE, statistics: 3}", "must hold `name: …` lines", ""),
        ("a: {summary: AGE, statistics: {n: {formt: x}}}", "the key `formt`", "`format`"),
        ("a: {summary: AGE, each: {VISIT: {byy: 3}}}", "the key `byy`", "`by`"),
        ("a: {summary: A-GE}", "`A-GE` cannot name a column", "AE.AEDECOD"),
        ("a: {count: DM, where: SEX == 'F'}", "== is not allowed in a rule", "Write = once"),
        ("a: {count: DM, of: AGE >}", "the rule ends after >", ""),
        ("a: {count: DM, format: '{n} ({percent'}", "has braces that name no statistic", "{percent:.1}"),
        ("a: {count: DM, compare: [p]}", "there is no comparison `p`", ""),
        ("a: {hierarchy: AE}", "`levels` is missing", ""),
        ("a: {listing: AE, columns: {}}", "must not be empty", ""),
        ("a: {endpoint: tolerence}", "there is no endpoint `tolerence`", "`tolerance`"),
        ("a: {organs: tolerence}", "there is no endpoint `tolerence`", "`tolerance`"),
        ("a: {boundary: flares}", "there is no suspension rule `flares`", ""),
        ("a: {proportion: SEX == 'F'}", "== is not allowed in a rule", "Write = once"),
        ("a: {proportion: SEX = 'F', prior: [1]}", "`prior` has too few values, 1", ""),
        ("a: {survival: AGE, event: SEX =}", "the rule ends after =", ""),
        ("a: {survival: AGE, event: SEX = 'F', scale: loglog}", "`loglog`", "`log-log`"),
        ("a: {count: DM, indent: 9}", "must be at most 6", ""),
        ("a:", "must hold `key: value` lines", ""),
    ],
)
def test_a_row_that_cannot_be_is_told_once_at_its_line(row, message, hint):
    [problem] = told(f"{HEAD}      {row}\n")
    assert (problem.place.file, problem.place.line) == ("outputs.yaml", 10)
    assert message in problem.message
    assert hint in (problem.hint or "")


OUTPUTS = "outputs: {'1': {kind: table, title: T, rows: {a: {count: DM}}}}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("outputs: {}", "must not be empty"),
        (
            "outputs: {'1 2': {kind: table, title: T, rows: {a: {count: DM}}}}",
            "`1 2` cannot number an output",
        ),
        ("outputs: {'1': {kind: tabel, title: T, rows: {a: {count: DM}}}}", "`tabel` is not a right `kind`"),
        ("outputs: {'1': {kind: table, title: T, set: S, rows: {a: {count: DM}}}}", "no analysis set `S`"),
        (f"{OUTPUTS}derive: {{x: {{cut: AGE, at: [3, 2], titles: [a, b, c]}}}}", "the limits do not rise"),
        (f"{OUTPUTS}derive: {{x: {{cut: AGE, at: [3], titles: [a]}}}}", "1 limits make 2 groups, not 1"),
        (f"{OUTPUTS}derive: {{x: {{first: A, last: B}}}}", "has first and last"),
        (f"{OUTPUTS}derive: {{x: {{value: a +}}}}", "the rule ends after +"),
        (f"{OUTPUTS}derive: {{x: {{cases: {{A: a b}}}}}}", "in the rule"),
        (
            "outputs: {'1': {kind: table, title: T, space: PARM, rows: {a: {count: DM, each: PARAM}}}}",
            "no line is repeated for `PARM`",
        ),
        (
            "outputs: {'1': {kind: table, title: T, formats: {counts: {format: x}}, rows: {a: {count: DM}}}}",
            "no kind of cell `counts`",
        ),
        (
            "outputs: {'1': {kind: table, title: T, compare: {p: {title: p}}, rows: {a: {count: DM}}}}",
            "this says no test",
        ),
        (
            "outputs: {'1': {kind: table, title: T, by: {column: A, header: '{x}'}, rows: {a: {count: DM}}}}",
            "a group has no `x`",
        ),
    ],
)
def test_what_cannot_be_is_told(text, message):
    [problem] = told(text)
    assert problem.place.line == len(text.strip().splitlines())
    assert message in problem.message


def test_a_file_on_its_own_is_read_or_refused_whole(tmp_path):
    path = tmp_path / "any.yaml"
    path.write_text(OUTPUTS)
    assert list(load_outputs(path).planned) == ["1"]
    path.write_text(OUTPUTS.replace("DM", "D M"))
    with pytest.raises(ProtocolError, match=r"any.yaml:1"):
        load_outputs(path)
    with pytest.raises(ProtocolError, match="cannot be read"):
        load_outputs(tmp_path / "none.yaml")


def test_names_alone_say_the_same_as_names_with_nothing_more():
    short, long = (
        compile_outputs(parse(f"{HEAD}      a: {{summary: AGE, each: {each}}}", "outputs.yaml"))[0]
        for each in ("[VISIT]", "{VISIT: {}}")
    )
    assert short is not None and short == long


def test_the_holes_of_a_pattern():
    found = placeholders("{n:3} ({percent:5.1<}%) [{events}] {p:.3<>~}")
    assert found == [
        ("n", "3", "", ""),
        ("percent", "5", "1", "<"),
        ("events", "", "", ""),
        ("p", "", "3", "<>~"),
    ]


@pytest.mark.parametrize("name", bundled())
def test_planned_outputs_of_bundled_studies_have_words_in_each_language(name):
    protocol = load(name)
    for output in protocol.outputs.planned.values() if protocol.outputs else ():
        assert set(protocol.study.languages) <= set(output.title.languages)


@pytest.mark.parametrize(
    "strategy", ["treatment policy", "hypothetical, left out", "composite", "while alive"]
)
def test_a_strategy_of_the_guideline_is_taken(strategy):
    assert Estimand(**{**ESTIMAND, "intercurrent": {"death": strategy}}).strategy("death") == strategy


def test_a_strategy_that_is_misspelt_is_refused_and_not_taken_for_none():
    with pytest.raises(
        ValueError, match="`hypotetical` is no strategy for `death`; begin with treatment policy"
    ):
        Estimand(**{**ESTIMAND, "intercurrent": {"death": "hypotetical"}})


ESTIMAND = dict.fromkeys(("population", "treatment", "variable", "summary"), "All")
