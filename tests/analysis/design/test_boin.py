from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.analysis.design.beta_binomial import posterior_above
from trialrun.analysis.design.boin import Boin, isotonic


def test_boin_030(cases: Mapping[str, Mapping[str, Any]]) -> None:
    i, expected = cases["boin_030"]["inputs"], cases["boin_030"]["expected"]
    ours = Boin(i["target"])
    assert (ours.lambda_e, ours.lambda_d) == pytest.approx(
        (expected["lambda_e"], expected["lambda_d"]), abs=1e-12
    )
    table = ours.decisions(i["ncohort"] * i["cohortsize"], i["cohortsize"])
    assert [[d.n, d.up, d.down, d.out] for d in table] == np.transpose(expected["table"]).tolist()


def test_published_boin_boundaries(published: Mapping[str, Any]) -> None:
    for row in published["boin"]["lambda"]:
        ours = Boin(row["target"])
        found = (ours.lambda_e, ours.lambda_d)
        assert found == pytest.approx((row["lambda_e"], row["lambda_d"]), abs=5.1e-4), row


def test_published_boin_decision_tables(published: Mapping[str, Any]) -> None:
    for table in published["boin"]["decision_tables"]:
        decisions = [Boin(table["target"]).decision(n) for n in table["n"]]
        assert [d.up for d in decisions] == table["escalate_if_le"]
        assert [d.down for d in decisions] == table["deescalate_if_ge"]
        assert [d.out for d in decisions] == table["eliminate_if_ge"]


def test_a_dose_may_be_closed_where_it_is_first_left() -> None:
    # Of three participants two: P(rate > 0.2 | data) = 0.973; with a target of 0.3 it is 0.916.
    assert (Boin(0.2).decision(3).out, Boin(0.3).decision(3).out) == (2, 3)
    assert Boin(0.3).decision(2).out is None


@given(st.floats(0.05, 0.6), st.integers(1, 40))
def test_decisions_are_in_order(target: float, n: int) -> None:
    ours = Boin(target)
    now, after = ours.decision(n), ours.decision(n + 1)
    assert -1 <= now.up < now.down <= (n + 1 if now.out is None else now.out)
    assert now.up <= after.up <= now.up + 1
    assert now.up / n <= ours.lambda_e + 1e-9
    if now.out is not None:
        assert posterior_above(now.out, n, target) > 0.95 >= posterior_above(now.out - 1, n, target)


@given(st.floats(0.1, 0.5), st.integers(1, 4), st.booleans())
def test_the_lines_say_what_the_decisions_say(target: float, cohort: int, ends: bool) -> None:
    ours = Boin(target)
    trial = ours.escalation(12, cohort, enough=12 if ends else None)
    for decision in ours.decisions(12, cohort):
        for x in range(decision.n + 1):
            line = trial.line(decision.n, x)
            assert line
            out = decision.out is not None and x >= decision.out
            assert trial.excludes(decision.n, x) == out
            if ends and decision.n + cohort > 12 and not out:
                assert line.next == "stop"
            else:
                expected = "lower" if x >= decision.down else "higher" if x <= decision.up else "same"
                assert line.next == expected


def test_the_dose_closest_to_the_target_is_selected_most_often() -> None:
    ours = Boin(0.3)
    found = ours.escalation(24, 3).outcomes([0.05, 0.3, 0.6])
    chance = found.of(ours.selected(found))
    assert chance.sum() == pytest.approx(1) and chance.argmax() == 1
    assert found.expected_treated.sum() <= 24 + 1e-9
    simulated = ours.escalation(24, 3).simulate([0.05, 0.3, 0.6], trials=3000, seed=2)
    assert simulated.of(ours.selected(simulated)) == pytest.approx(chance, abs=0.04)


def test_nothing_is_selected_where_the_lowest_dose_is_closed() -> None:
    ours = Boin(0.25)
    found = ours.escalation(12, 3).outcomes([1.0, 1.0])
    assert found.of(ours.selected(found)).tolist() == [0, 0, 1]
    assert found.expected_treated.tolist() == [3, 0]


def test_isotonic_regression_is_the_closest_rising_sequence() -> None:
    values, weights = np.array([0.2, 0.1, 0.4, 0.3]), np.array([1.0, 3.0, 1.0, 1.0])
    found = isotonic(values, weights)
    assert found == pytest.approx([0.125, 0.125, 0.35, 0.35])
    grid = np.linspace(0, 0.5, 21)
    others = (np.array(y) for y in product(grid, repeat=4) if list(y) == sorted(y))
    least = min(float(weights @ (values - y) ** 2) for y in others)
    assert weights @ (values - found) ** 2 <= least + 1e-12


@pytest.mark.parametrize(
    "wrong", [{"target": 0.8}, {"target": 0.3, "safe": 0.4}, {"target": 0.3, "certainty": 1}]
)
def test_wrong_designs_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="safe < target < toxic"):
        Boin(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="1 or more"):
        Boin(0.3).decision(0)
