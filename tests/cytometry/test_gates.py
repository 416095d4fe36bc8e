"""Gates on their borders and those that cannot be; populations that cannot be ordered."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.cytometry.gates import (
    Boolean,
    Dimension,
    Divider,
    Ellipsoid,
    Gate,
    Operand,
    Polygon,
    Quadrant,
    Rectangle,
)
from trialrun.cytometry.hierarchy import Hierarchy, Population
from trialrun.cytometry.transform import GatingError

A, B, C = (Dimension(name) for name in "ABC")
SQUARE = ((0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0))


def columns(*points: tuple[float, ...]) -> list[np.ndarray]:
    return list(np.array(points, dtype=np.float64).T)


def test_a_rectangle_holds_its_least_and_not_its_greatest() -> None:
    gate = Rectangle((A,), ((1.0, 2.0),))
    assert gate.contains(columns((0.999,), (1,), (1.999,), (2,))).tolist() == [False, True, True, False]
    assert Rectangle((A,), ((None, 2.0),)).contains(columns((-1e9,), (2,))).tolist() == [True, False]


def test_a_polygon_that_crosses_itself_is_empty_where_it_overlaps() -> None:
    star = tuple((np.sin(turn * 4 * np.pi / 5), np.cos(turn * 4 * np.pi / 5)) for turn in range(5))
    gate = Polygon((A, B), star)
    assert gate.contains(columns((0, 0), (0, 0.8), (1, 1))).tolist() == [False, True, False]


@given(st.lists(st.tuples(st.floats(-1, 3), st.floats(-1, 3)), min_size=1, max_size=30))
def test_a_square_polygon_is_a_rectangle(points: list[tuple[float, float]]) -> None:
    inside = Polygon((A, B), SQUARE).contains(columns(*points))
    strictly = [0 < x < 2 and 0 < y < 2 for x, y in points]
    within = [0 <= x <= 2 and 0 <= y <= 2 for x, y in points]
    assert all(a <= b <= c for a, b, c in zip(strictly, inside.tolist(), within, strict=True))


def test_an_ellipsoid_holds_its_border_in_three_dimensions() -> None:
    ball = Ellipsoid((A, B, C), (1, 2, 3), ((4, 0, 0), (0, 4, 0), (0, 0, 4)), 1)
    assert ball.contains(columns((3, 2, 3), (1, 2, 5), (1, 2, 5.001), (2, 3, 4))).tolist() == [
        True,
        True,
        False,
        True,
    ]


@given(st.floats(-0.9, 0.9), st.integers(0, 2**32 - 1))
def test_the_box_of_an_ellipsoid_holds_all_of_it(correlation: float, seed: int) -> None:
    gate = Ellipsoid((A, B), (5, -3), ((4, 6 * correlation), (6 * correlation, 9)), 2.5)
    points = list(np.random.default_rng(seed).normal((5, -3), (4, 6), (200, 2)).T)
    box = Rectangle((A, B), gate.box).contains(points)
    assert not (gate.contains(points) & ~box).any()


def test_quadrants_share_out_the_plane() -> None:
    across, up = Divider("x", A, (1.0, 5.0)), Divider("y", B, (2.0,))
    parts = [Quadrant("q", ((across, x), (up, y))) for x in (0, 3, 7) for y in (0, 3)]
    chance = np.random.default_rng(5).uniform(-1, 8, (2, 300))
    points = [np.append(column, [1.0, 5.0]) for column in chance]
    assert (sum(part.contains(points).astype(int) for part in parts) == 1).all()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Rectangle((A, B), ((0, 1),)), "bounds for each dimension"),
        (lambda: Rectangle((A,), ((None, None),)), "a bound in each dimension"),
        (lambda: Rectangle((A,), ((float("nan"), None),)), "must be finite"),
        (lambda: Polygon((A, B), SQUARE[:2]), "three corners or more"),
        (lambda: Ellipsoid((A,), (1,), ((1,),), 1), "two dimensions or more"),
        (lambda: Ellipsoid((A, B), (1, 1), ((1, 1), (1, 1)), 1), "singular"),
        (lambda: Ellipsoid((A, B), (1, 1), ((1, 0), (0, 1)), 0), "must be above 0"),
        (lambda: Boolean("and", (Operand("a"),)), "`and` takes two populations or more"),
        (lambda: Boolean("not", (Operand("a"), Operand("b"))), "`not` takes one population"),
    ],
)
def test_a_gate_that_cannot_be_is_refused(make: object, told: str) -> None:
    with pytest.raises(GatingError, match=told):
        make()  # type: ignore[operator]


def population(name: str, parent: str | None = None, gate: Gate | None = None) -> Population:
    return Population(name, gate or Rectangle((A,), ((0, None),)), parent)


def test_populations_come_in_any_order_and_are_evaluated_after_what_they_need() -> None:
    both = Boolean("and", (Operand("c"), Operand("b")))
    tree = Hierarchy(
        [population("d", gate=both), population("c", "b"), population("b", "a"), population("a")]
    )
    names = [one.name for one in tree.order]
    assert names.index("a") < names.index("b") < names.index("c") < names.index("d")
    assert tree.path("c") == ("a", "b", "c")
    assert [one.name for one in tree.children(None)] == ["d", "a"]


@pytest.mark.parametrize(
    ("populations", "told"),
    [
        ([population("a"), population("a")], "`a` is there twice"),
        ([population("a", "b")], "population `a`: there is no population `b`; there are a"),
        ([population("a", "b"), population("b", "a")], "in a circle"),
        ([population("a", gate=Boolean("not", (Operand("a"),)))], "in a circle: a → a"),
    ],
)
def test_a_tree_that_cannot_be_is_refused(populations: list[Population], told: str) -> None:
    with pytest.raises(GatingError, match=told):
        Hierarchy(populations)


def test_a_very_deep_tree_is_no_trouble() -> None:
    tree = Hierarchy(population(str(level), str(level - 1) if level else None) for level in range(3000))
    assert len(tree.path("2999")) == 3000
