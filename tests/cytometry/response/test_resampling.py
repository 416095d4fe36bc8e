"""DFR(eq) and DFR(2x) against the twelve references, against brute force, and where nothing can be said."""

import csv
import math
from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.cytometry.response.resampling import MOST_WELLS, dfr_2x, dfr_eq

Wells = dict[str, list[float]]


@pytest.fixture(scope="module")
def moodie(shared: Path) -> dict[str, Wells]:
    """The wells of each subject by antigen, the controls among them as `negctl`."""
    found: dict[str, Wells] = {}
    with (shared / "data/cytometry/elispot/moodie.csv").open() as file:
        for row in csv.DictReader(file):
            wells = [float(row[f"a{k}"]) for k in range(1, 7) if row[f"a{k}"] != "NA"]
            found.setdefault(row["id"], {})[row["antigen"]] = wells
    return found


@pytest.fixture(scope="module")
def references(shared: Path) -> list[dict[str, str]]:
    with (shared / "data/cytometry/elispot/dfr_moodie_reference.csv").open() as file:
        return list(csv.DictReader(file))


def antigens(wells: Wells) -> Wells:
    return {name: counts for name, counts in wells.items() if name != "negctl"}


def test_dfr_eq_is_equal_to_the_twelve_references(
    moodie: dict[str, Wells], references: list[dict[str, str]]
) -> None:
    assert len(references) == 12
    for row in references:
        wells = moodie[row["id"]]
        found = dfr_eq(antigens(wells), wells["negctl"])[row["antigen"]]
        assert found.p == pytest.approx(float(row["p_DFReq"]), abs=1e-8)
        assert found.statistic == pytest.approx(float(row["diff"]), rel=1e-7)
        assert found.relabellings == int(row["n_perm"])
        assert (found.p <= 0.05) is (row["pos_eq"] == "True")


def test_dfr_2x_agrees_with_the_twelve_references_within_their_thousand_draws(
    moodie: dict[str, Wells], references: list[dict[str, str]]
) -> None:
    for row in references:
        wells = moodie[row["id"]]
        found = dfr_2x(antigens(wells), wells["negctl"])[row["antigen"]]
        assert found.p is not None and found.statistic is not None
        error = math.sqrt(max(found.p * (1 - found.p), 1e-4) / 1000)
        assert abs(found.p - float(row["p_DFR2x"])) < 4 * error
        assert 10**found.statistic * 2 == pytest.approx(float(row["geomean_ratio"]), rel=1e-6)
        assert found.offset == 0
        assert (found.p <= 0.05) is (row["pos_2x"] == "True")


def test_dfr_2x_of_subject_2_is_exact_where_the_seed_decided(moodie: dict[str, Wells]) -> None:
    wells = moodie["2"]
    assert dfr_2x(antigens(wells), wells["negctl"])["flu"].p == pytest.approx(0.0456, abs=5e-5)


def test_dfr_2x_is_the_bootstrap_gone_through_draw_by_draw() -> None:
    """Two antigens of two wells and three controls: 4 × 4 × 27 draws, each written out."""
    wells, controls = {"a": [9.0, 30.0], "b": [12.0, 14.0]}, [3.0, 8.0, 5.0]
    logs, base = {name: np.log10(x) for name, x in wells.items()}, np.log10(controls)
    t = {name: x.mean() - base.mean() - math.log10(2) for name, x in logs.items()}
    first, second = sorted(t, key=lambda name: -t[name])
    most, alone = [], []
    for a, b, c in product(
        product(range(2), repeat=2), product(range(2), repeat=2), product(range(3), repeat=3)
    ):
        below = base[list(c)].mean() - base.mean()
        drawn = {
            "a": logs["a"][list(a)].mean() - logs["a"].mean() - below,
            "b": logs["b"][list(b)].mean() - logs["b"].mean() - below,
        }
        most.append(max(drawn.values()) >= t[first] - 1e-12)
        alone.append(drawn[second] >= t[second] - 1e-12)
    found = dfr_2x(wells, controls, fewest=10)
    assert found[first].p == pytest.approx(np.mean(most), rel=1e-7)
    assert found[second].p == pytest.approx(max(np.mean(most), np.mean(alone)), rel=1e-7)


counts = st.lists(st.integers(0, 60), min_size=3, max_size=4)


@given(counts, counts, st.lists(st.integers(0, 20), min_size=3, max_size=4))
def test_dfr_eq_of_one_antigen_is_the_permutation_test(
    a: list[int], b: list[int], controls: list[int]
) -> None:
    found = dfr_eq({"a": a}, controls)["a"]
    pool, n = [*a, *controls], len(a)
    most = sum(
        sum(pool[i] for i in chosen) >= sum(a) for chosen in combinations(range(len(pool)), n)
    ) / math.comb(len(pool), n)
    assert found.p == pytest.approx(most, rel=1e-7)
    both = dfr_eq({"a": a, "b": b}, controls)
    assert both["a"].p is not None and found.p is not None
    assert both["a"].p >= found.p - 1e-8  # adjusting never makes smaller
    assert both == dict(reversed(list(dfr_eq({"b": b, "a": a}, controls).items())))


def test_an_antigen_that_lost_a_well_is_still_tested_with_the_others() -> None:
    found = dfr_eq({"a": [40, 50, 60], "b": [30, 45]}, [1, 2, 3, 2, 1, 0])
    assert found["a"].p == pytest.approx(1 / 84)
    assert found["b"].p == pytest.approx(1 / 28)
    assert found["b"].relabellings == 28


@pytest.mark.parametrize(
    ("wells", "controls", "reason"),
    [
        ([50], [1, 2, 3, 2, 1, 0], "7 ways, at least 20"),
        ([50, 60], [1, 2], "6 ways"),
        ([50, 60, 70], [], "no control well"),
        ([], [1, 2, 3], "no well with the antigen"),
        ([50], [1], "1 antigen well and 1 control well can be relabelled in 2 ways, at least 20 are needed"),
        ([50, 60], [1, 2], "as 3 wells of each have"),
        (
            [9] * 12,
            [1] * 12,
            "12 antigen wells and 12 control wells can be relabelled in more than 300,000 ways",
        ),
        ([9] * 12, [1] * 12, "keep at most 10 of each, chosen blind to their counts"),
    ],
)
def test_too_few_wells_or_too_many_are_not_estimable(
    wells: list[float], controls: list[float], reason: str
) -> None:
    for found in (dfr_eq({"a": wells}, controls)["a"], dfr_2x({"a": wells}, controls)["a"]):
        assert found.p is None and found.statistic is None
        assert reason in str(found.reason)


def test_replicates_that_can_be_drawn_in_too_many_ways_are_told_with_a_cure() -> None:
    reason = str(dfr_2x({"a": [9] * 11}, [1, 2])["a"].reason)
    assert reason.startswith("11 replicates can be drawn in more than 300,000 ways")
    assert "keep at most 10 of each" in reason


@pytest.mark.parametrize("test", [dfr_eq, dfr_2x])
def test_as_many_wells_as_are_told_can_be_tested(test: Callable[..., dict[str, Any]]) -> None:
    assert test({"a": [9.0] * MOST_WELLS}, [1.0] * MOST_WELLS)["a"].p is not None


def test_all_noughts_are_not_a_response() -> None:
    assert dfr_eq({"a": [0, 0, 0]}, [0] * 6)["a"].p == 1
    found = dfr_2x({"a": [0, 0, 0]}, [0] * 6)["a"]
    assert (found.p, found.offset) == (1, 1)


@pytest.mark.parametrize("bad", [math.nan, -1, math.inf])
def test_what_is_not_a_count_is_refused(bad: float) -> None:
    for test in (dfr_eq, dfr_2x):
        with pytest.raises(ValueError, match="not a count"):
            test({"a": [bad, 1, 2]}, [1, 2, 3])
        with pytest.raises(ValueError, match="the controls"):
            test({"a": [1, 1, 2]}, [1, bad, 3])


def test_a_nought_needs_an_offset() -> None:
    with pytest.raises(ValueError, match="offset"):
        dfr_2x({"a": [0, 1, 2]}, [1, 2, 3], offset=0)
