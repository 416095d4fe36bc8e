from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.analysis.design.group_sequential import (
    Spending,
    crossing,
    drift_for_power,
    obrien_fleming_constant,
    pocock_constant,
    spending_bounds,
    spent,
    wang_tsiatis,
)


def test_gs_constants_JT(cases: Mapping[str, Mapping[str, Any]]) -> None:
    case, published = cases["gs_constants_JT"], cases["gs_constants_JT"]["published"]
    looks = case["inputs"]["K"]
    # The reference engine was asked for one side of 0.025; the book states two sides of 0.05.
    assert [pocock_constant(k, 0.025, sides=1) for k in looks] == pytest.approx(
        case["expected"]["C_P"], abs=1e-6
    )
    assert [obrien_fleming_constant(k, 0.025, sides=1) for k in looks] == pytest.approx(
        case["expected"]["C_B"], abs=1e-6
    )
    assert [pocock_constant(k) for k in looks] == pytest.approx(published["C_P"], abs=5.1e-4)
    assert [obrien_fleming_constant(k) for k in looks] == pytest.approx(published["C_B"], abs=5.1e-4)


@pytest.mark.parametrize("alpha", ["0.01", "0.05", "0.10"])
def test_published_jennison_turnbull(published: Mapping[str, Any], alpha: str) -> None:
    table = published["jennison_turnbull"]
    for k, c_p, c_b in zip(table["K"], table["C_P"][alpha], table["C_B"][alpha], strict=True):
        assert pocock_constant(k, float(alpha)) == pytest.approx(c_p, abs=5.1e-4)
        assert obrien_fleming_constant(k, float(alpha)) == pytest.approx(c_b, abs=5.1e-4)


def test_lan_demets_bounds_at_five_equal_looks() -> None:
    # Two-sided 0.05: as widely tabulated, e.g. in the documentation of the programs ld98 and gsDesign.
    t = [0.2, 0.4, 0.6, 0.8, 1.0]
    assert spending_bounds(t, 0.05) == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-4)
    found = spending_bounds(t, 0.05, "pocock")
    assert found == pytest.approx([2.4380, 2.4268, 2.4101, 2.3966, 2.3859], abs=2e-4)


@settings(max_examples=15)
@given(
    st.lists(st.floats(0.05, 0.95), max_size=4, unique_by=lambda t: round(t, 2)),
    st.floats(0.005, 0.2),
    st.sampled_from(["obrien-fleming", "pocock", "power", "hwang-shih-decani"]),
    st.sampled_from([1, 2]),
)
def test_what_is_spent_is_crossed(early: list[float], alpha: float, kind: Spending, sides: Any) -> None:
    t = [*sorted(early), 1.0]
    bounds = spending_bounds(t, alpha, kind, parameter=2.0, sides=sides)
    finite = np.where(np.isfinite(bounds), bounds, 9.0).tolist()
    above, below = crossing(finite, t, lower=[-z for z in finite] if sides == 2 else None)
    planned = spent(kind, alpha / sides, t, 2.0)
    assert above.cumsum() == pytest.approx(planned, abs=1e-7)
    assert below.sum() == pytest.approx(above.sum() if sides == 2 else 0, abs=1e-9)
    assert planned[-1] == pytest.approx(alpha / sides)


def test_integration_agrees_with_simulation() -> None:
    t, upper, lower = np.array([0.3, 0.5, 1.0]), [2.2, 2.1, 1.9], [-0.5, 0.0, 0.5]
    found = np.stack(crossing(upper, t.tolist(), lower=lower, drift=1.5))
    steps = np.random.default_rng(5).normal(
        1.5 * np.diff(t, prepend=0), np.diff(t, prepend=0) ** 0.5, (200_000, 3)
    )
    z = steps.cumsum(axis=1) / t**0.5
    going, simulated = np.ones(len(z), dtype=bool), []
    for k in range(3):
        high, low = going & (z[:, k] > upper[k]), going & (z[:, k] < lower[k])
        simulated.append([high.mean(), low.mean()])
        going &= ~high & ~low
    assert np.abs(found.T - simulated).max() < 0.004


def test_close_looks_keep_the_size() -> None:
    t = [0.1, 0.101, 0.5, 0.999, 1.0]
    constant, bounds = wang_tsiatis(t, 0.05, 0.5)
    above, below = crossing(bounds.tolist(), t, lower=(-bounds).tolist())
    assert above.sum() + below.sum() == pytest.approx(0.05)
    assert wang_tsiatis([0.1, 0.5, 1.0], 0.05, 0.5)[0] == pytest.approx(constant, abs=0.02)


def test_looks_cost_information() -> None:
    constant = pocock_constant(5)
    drift = drift_for_power([constant] * 5, [0.2, 0.4, 0.6, 0.8, 1.0], 0.9)
    # Jennison and Turnbull 2000, Table 2.2: R_P(5, 0.05, 0.1) = 1.207
    assert (drift / (1.959964 + 1.281552)) ** 2 == pytest.approx(1.207, abs=1e-3)


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="numbers that rise"):
        crossing([2, 2], [0.5, 0.5])
    with pytest.raises(ValueError, match="one upper and one lower"):
        crossing([2], [0.5, 1.0])
    with pytest.raises(ValueError, match="0 < alpha < 1"):
        pocock_constant(3, 1.0)
    with pytest.raises(ValueError, match="the last look"):
        wang_tsiatis([0.5, 0.9], 0.05, 0.5)
    with pytest.raises(ValueError, match="needs a parameter"):
        spent("power", 0.05, [0.5])
    with pytest.raises(ValueError, match="write one of"):
        spent("fast", 0.05, [0.5])  # type: ignore[arg-type]
