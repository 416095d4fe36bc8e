"""The second reading says what `conduct`'s columns say, whatever the rule and the values."""

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from trialrun.protocol.rule import Type, parse
from trialrun.protocol.rule_columns import evaluate
from trialrun.simulate.rehearse.logic import says

NAMES = {
    "a": Type("boolean"),
    "b": Type("boolean"),
    "x": Type("number", "g/L"),
    "y": Type("number", "mg/dL"),
    "code": Type("choice", codes=("one", "two")),
    "length": Type("duration"),
}
SCHEMA = {
    "a": pl.Boolean, "b": pl.Boolean, "x": pl.Float64, "y": pl.Float64,
    "code": pl.String, "length": pl.Float64,
}  # fmt: skip
CLAUSES = st.sampled_from(
    [
        "a", "NOT b", "x >= '0.05 g/L'", "x < y", "y - x > '5 mg/dL'", "code = 'one'", "code IN ('two')",
        "x IS NULL", "length <= '72 hours'", "x BETWEEN '1 g/L' AND '3 g/L'", "y / y >= 1", "1.5 * x <= y",
        "CASE WHEN a THEN x > '1 g/L' ELSE b END", "length > '2 weeks'",
    ]
)  # fmt: skip
RULES = st.recursive(
    CLAUSES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"({two[0]} AND {two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} OR {two[1]})"),
        inner.map(lambda one: f"NOT ({one})"),
    ),
    max_leaves=6,
)
NUMBERS = st.none() | st.sampled_from([0.0, 0.05, 1.0, 2.0, 3.0, 5.0, 14.0, 100.0, 105.0])


@given(
    text=RULES,
    values=st.fixed_dictionaries(
        {
            "a": st.none() | st.booleans(),
            "b": st.none() | st.booleans(),
            "x": NUMBERS,
            "y": NUMBERS,
            "code": st.none() | st.sampled_from(["one", "two"]),
            "length": NUMBERS,
        }
    ),
)
def test_two_readings_agree(text: str, values: dict[str, Any]) -> None:
    rule = parse(text, NAMES)
    frame = pl.DataFrame({name: [one] for name, one in values.items()}, schema=SCHEMA)
    assert says(rule, values) == evaluate({"rule": rule}, frame)["rule"][0]
