import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.analysis.design.binomial import at_least, pmf
from trialrun.analysis.design.conditional_power import (
    conditional,
    conditional_binomial,
    predictive_binomial,
    predictive_normal,
)
from trialrun.analysis.design.predictive_probability import PredictiveDesign


def test_half_way_at_the_critical_value() -> None:
    # z = 1.96 at t = 1/2: B = 1.386, trend 2.772, so B(1) is normal around 2.772 with variance 1/2.
    assert conditional(1.96, 0.5, 1.96) == pytest.approx(0.8746, abs=1e-4)
    assert conditional(0, 0.5, 1.96, drift=0) == pytest.approx(0.00279, abs=1e-5)
    assert predictive_normal(1.96, 0.5, 1.96) == pytest.approx(0.7916, abs=1e-4)


def test_a_sure_prior_states_the_drift() -> None:
    sure = predictive_normal([0.5, 2.0], 0.4, 1.96, prior=(2.5, 1e-6))
    assert sure == pytest.approx(conditional([0.5, 2.0], 0.4, 1.96, drift=2.5))
    assert predictive_normal(1.0, 0.4, 1.96, prior=(0, 1e6)) == pytest.approx(
        predictive_normal(1.0, 0.4, 1.96)
    )


@given(st.floats(-3, 3), st.floats(0.05, 0.95))
def test_uncertainty_draws_power_to_one_half(z: float, t: float) -> None:
    sure, unsure = conditional(z, t, 1.96) - 0.5, predictive_normal(z, t, 1.96) - 0.5
    assert sure * unsure >= 0 and abs(unsure) <= abs(sure) + 1e-12


@given(st.integers(1, 15), st.floats(0, 1), st.data())
def test_the_mean_of_conditional_power_is_power(n_max: int, p: float, data: st.DataObject) -> None:
    n, needed = data.draw(st.integers(0, n_max)), data.draw(st.integers(0, n_max + 1))
    found = pmf(n, p) @ conditional_binomial(np.arange(n + 1), n, n_max, needed, p)
    assert found == pytest.approx(at_least(needed, n_max, p).item())


def test_predictive_power_is_the_predictive_probability() -> None:
    design = PredictiveDesign(40, 0.6, 0.9, 0.001, prior=(0.6, 0.4))
    assert predictive_binomial(16, 23, 40, design.needed, (0.6, 0.4)) == pytest.approx(
        design.probability(16, 23)
    )
    assert predictive_binomial(5, 6, 10, 5) == 1.0
    assert predictive_binomial(0, 6, 10, 5) == 0.0


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="fractions"):
        conditional(1, 1.0, 1.96)
    with pytest.raises(ValueError, match="0 <= x <= n <= n_max"):
        conditional_binomial(3, 2, 10, 5, 0.5)
    with pytest.raises(ValueError, match="0 <= x <= n <= n_max"):
        predictive_binomial(1, 12, 10, 5)
    with pytest.raises(ValueError, match="above 0"):
        predictive_normal(1, 0.5, 1.96, prior=(0, 0))
