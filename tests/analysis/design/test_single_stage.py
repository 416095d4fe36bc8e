from collections.abc import Mapping
from math import comb
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.analysis.design.single_stage import a_hern, critical, designs, exact, fleming, settled, smallest

Cases = Mapping[str, Mapping[str, Any]]


def test_ph2single(cases: Cases) -> None:
    case, i = cases["ph2single"], cases["ph2single"]["inputs"]
    found = smallest(i["pu"], i["pa"], i["ep1"], i["ep2"], 3)
    assert [one.n for one in found] == case["expected"]["n"]
    assert [one.needed - 1 for one in found] == case["expected"]["r"]
    assert [one.size for one in found] == pytest.approx(case["expected"]["Type I error"], abs=1e-12)
    assert [1 - one.power for one in found] == pytest.approx(case["expected"]["Type II error"], abs=1e-12)


def test_power_exact_binom(cases: Cases) -> None:
    case, i = cases["power_exact_binom"], cases["power_exact_binom"]["inputs"]
    found = exact(i["n"], i["p0"], i["p1"], i["alpha"])
    assert found
    assert found.needed == case["expected"]["crit"]
    assert (found.size, found.power) == pytest.approx((case["expected"]["size"], case["expected"]["power"]))


@pytest.mark.parametrize(("key", "beta"), [("beta20", 0.2), ("beta10", 0.1)])
def test_published_ahern_2001(published: Mapping[str, Any], key: str, beta: float) -> None:
    for row in published["ahern_2001"]["rows"]:
        found = a_hern(row["p0"], row["p1"], 0.05, beta)
        assert [found.needed, found.n] == row[key], row


def test_power_falls_where_a_further_response_becomes_necessary() -> None:
    sizes = [one.n for one in designs(0.3, 0.7, 0.05, 0.2, n_max=40)]
    assert sizes[:3] == [10, 12, 13]
    last = settled(0.3, 0.7, 0.05, 0.2, n_max=40)
    assert last.n == min(n for n in sizes if set(range(n, 41)) <= set(sizes))


def test_fleming_does_not_keep_what_was_asked_for() -> None:
    found = fleming(0.2, 0.4, 0.05, 0.2)
    assert (found.n, found.needed) == (29, 10)
    assert found.power < 0.8 < a_hern(0.2, 0.4, 0.05, 0.2).power


@settings(max_examples=50)
@given(st.integers(1, 30), st.floats(0.01, 0.95), st.floats(0.001, 0.5))
def test_the_critical_number_is_the_first_that_keeps_the_size(n: int, p0: float, alpha: float) -> None:
    def tail(x: int) -> float:
        return sum(comb(n, k) * p0**k * (1 - p0) ** (n - k) for k in range(x, n + 1))

    found = critical(n, p0, alpha)
    if found is None:
        assert tail(n) > alpha * (1 - 1e-9)
    else:
        assert tail(found) <= alpha * (1 + 1e-9)
        assert tail(found - 1) > alpha * (1 - 1e-9)


def test_impossible_designs_are_refused() -> None:
    with pytest.raises(ValueError, match="0 < p0 < p1 < 1"):
        a_hern(0.4, 0.2, 0.05, 0.2)
    with pytest.raises(ValueError, match="raise n_max"):
        a_hern(0.2, 0.4, 0.05, 0.2, n_max=20)
    with pytest.raises(ValueError, match="not settled"):
        settled(0.2, 0.4, 0.05, 0.2, n_max=20)
    assert exact(2, 0.5, 0.7, 0.05) is None
