"""Conditions that exclude each other: what trying every value shows, and the units they are written in."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.protocol.lint.contradiction import groups, never
from trialrun.protocol.rule import And, Between, Compare, Constant, In, Node, Not, Or, Type, Variable, parse

NAMES = {
    "n": Type("number"),
    "t": Type("number", "Cel"),
    "k": Type("number", "kg"),
    "m": Type("number", "kg"),
    "b": Type("boolean"),
    "c": Type("choice", codes=("x", "y", "z")),
    "d": Type("date"),
    "u": Type("duration"),
}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("t >= '40 Cel' AND t < '39 Cel'", ["t >= '40 Cel' AND t < '39 Cel'"]),
        ("t >= '39 Cel' AND t < '40 Cel'", []),
        ("t > '39 Cel' AND t < '312.15 K'", ["t > '39 Cel' AND t < '312.15 K'"]),  # 39 °C
        ("t >= '39 Cel' AND t <= '312.15 K'", []),
        ("b AND NOT b", ["b AND NOT b"]),
        ("b AND n > 2 AND b = FALSE", ["b AND n > 2 AND b = FALSE"]),
        ("c IN ('x', 'y') AND c = 'z'", ["c IN ('x', 'y') AND c = 'z'"]),
        ("c IN ('x', 'y') AND c <> 'x'", []),
        ("c <> 'x' AND c <> 'y' AND c <> 'z'", ["c <> 'x' AND c <> 'y' AND c <> 'z'"]),
        ("n BETWEEN 5 AND 3", ["n BETWEEN 5 AND 3"]),
        ("n > 1 AND (n < 0 OR n < 1)", ["n > 1 AND (n < 0 OR n < 1)"]),
        ("n > 1 AND (n < 0 OR b)", []),
        ("b OR (n > 3 AND n < 2)", ["n > 3 AND n < 2"]),
        ("NOT (n > 3 OR n < 3) AND n <> 3", ["NOT (n > 3 OR n < 3) AND n <> 3"]),
        ("k > m AND m > k", ["k > m AND m > k"]),
        ("k > m AND k > '3 kg'", []),
        ("k - m >= '2000 g' AND k - m < '1 kg'", ["k - m >= '2000 g' AND k - m < '1 kg'"]),
        ("d > '2020-01-02' AND d < '2020-01-01'", ["d > '2020-01-02' AND d < '2020-01-01'"]),
        ("u >= '3 days' AND u < '48 hours'", ["u >= '3 days' AND u < '48 hours'"]),
        ("n IS NULL AND n IS NOT NULL", ["n IS NULL AND n IS NOT NULL"]),
        ("n IS NOT NULL AND n >= 1", []),
    ],
)
def test_what_is_never_true(rule: str, said: list[str]) -> None:
    assert list(groups(parse(rule, NAMES).tree, False)) == said


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("b OR NOT b", ["b OR NOT b"]),
        ("n >= 1 OR n < 2", ["n >= 1 OR n < 2"]),
        ("n >= 2 OR n < 1", []),
        ("c = 'x' OR c <> 'x'", ["c = 'x' OR c <> 'x'"]),
        ("c = 'x' OR c = 'y' OR c = 'z'", []),  # it asks that one is known
        ("n <> 1 OR n <> 2", ["n <> 1 OR n <> 2"]),
        ("n > 5 AND (b OR NOT b)", ["b OR NOT b"]),
    ],
)
def test_what_is_never_false(rule: str, said: list[str]) -> None:
    assert list(groups(parse(rule, NAMES).tree, True)) == said


N, B, C = (Variable(name, NAMES[name]) for name in "nbc")
SMALL = st.integers(0, 3)
PLAIN = st.one_of(
    st.just(B),
    st.builds(
        lambda op, value: Compare(op, N, _number(value)),
        st.sampled_from(["=", "<>", "<", "<=", ">", ">="]),
        SMALL,
    ),
    st.builds(lambda low, high: Between(N, _number(low), _number(high)), SMALL, SMALL),
    st.builds(
        lambda codes: In(C, tuple(Constant(f"'{one}'", one, Type("choice")) for one in codes)),
        st.lists(st.sampled_from("xyz"), min_size=1, max_size=2, unique=True),
    ),
)
RULES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(lambda parts: And(tuple(parts)), st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda parts: Or(tuple(parts)), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=6,
)
# Halves stand for what lies between whole numbers, -1 and 4 for what lies beyond.
WORLDS = [
    {"n": half / 2, "b": told, "c": code} for half in range(-2, 9) for told in (True, False) for code in "xyz"
]


def _number(value: int) -> Constant:
    return Constant(str(value), float(value), Type("number"))


def holds(node: Node, world: Mapping[str, object]) -> bool:
    """A rule in one world in which everything is known."""
    match node:
        case Variable(name):
            return bool(world[name])
        case Not(part):
            return not holds(part, world)
        case And(parts):
            return all(holds(part, world) for part in parts)
        case Or(parts):
            return any(holds(part, world) for part in parts)
        case Between():
            return all(holds(part, world) for part in node.comparisons)
        case In():
            return any(holds(part, world) for part in node.comparisons)
        case Compare(op, Variable(name), Constant(_, value)):
            here = world[name]
            return {
                "=": lambda: here == value,
                "<>": lambda: here != value,
                "<": lambda: here < value,
                "<=": lambda: here <= value,
                ">": lambda: here > value,
                ">=": lambda: here >= value,
            }[op]()
    raise TypeError(type(node).__name__)


@given(RULES)
def test_never_is_what_trying_every_value_shows(rule: Node) -> None:
    assert never(rule) is not any(holds(rule, world) for world in WORLDS)


@given(RULES)
def test_always_is_never_said_of_what_may_be_false(rule: Node) -> None:
    if never(rule, positive=False):
        assert all(holds(rule, world) for world in WORLDS)
