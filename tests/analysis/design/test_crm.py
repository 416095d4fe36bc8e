from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.analysis.design.crm import Crm, skeleton

SIX = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7)


def test_crm_dfcrm(cases: Mapping[str, Mapping[str, Any]]) -> None:
    i, expected = cases["crm_dfcrm"]["inputs"], cases["crm_dfcrm"]["expected"]
    found = Crm(tuple(i["prior"]), i["target"]).fit(i["level"], i["y"])
    assert found.recommended == expected["mtd"]
    assert found.estimate == pytest.approx(expected["est"], abs=1e-6)
    assert found.rates == pytest.approx(expected["ptox"], abs=1e-6)


def test_without_data_the_skeleton_stands() -> None:
    for model in ("empiric", "logistic"):
        found = Crm(SIX, 0.2, model).fit([], [])
        assert found.rates == pytest.approx(SIX)
        assert (found.recommended, found.deviation) == (3, pytest.approx(1.34**0.5, abs=1e-6))


def test_the_posterior_is_that_of_quadrature() -> None:
    from scipy.integrate import quad

    model = Crm(SIX, 0.2, "logistic", spread=0.8, intercept=2.0)

    def density(b: float) -> float:
        rate = model.rates(b)
        return float(rate[2] * (1 - rate[2]) ** 3 * rate[4] * np.exp(-0.5 * (b / 0.8) ** 2))

    total, first = quad(density, -6, 6)[0], quad(lambda b: b * density(b), -6, 6)[0]
    found = model.fit([3, 3, 3, 3, 5], [0, 1, 0, 0, 1])
    assert found.estimate == pytest.approx(first / total, abs=1e-6)


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=20), st.integers(1, 6))
def test_another_event_never_raises_the_dose(seen: list[tuple[int, bool]], level: int) -> None:
    model = Crm(SIX, 0.25)
    levels, events = [pair[0] for pair in seen], [pair[1] for pair in seen]
    fits = [model.fit([*levels, level], [*events, event]) for event in (False, True)]
    assert fits[1].recommended <= fits[0].recommended
    assert (fits[1].rates >= fits[0].rates - 1e-12).all()
    assert (np.diff(fits[0].rates) >= 0).all()


def test_skeletons_by_indifference_intervals() -> None:
    found = skeleton(0.25, 0.05, 3, 5)
    assert found[2] == 0.25 and list(found) == sorted(found)
    # Where a curve through two neighbours has one at target - 0.05, the other is at target + 0.05.
    slopes = [np.log(np.log(0.2) / np.log(p)) for p in found[:-1]]
    assert [p ** np.exp(b) for p, b in zip(found[1:], slopes, strict=True)] == pytest.approx([0.3] * 4)


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="rates that rise"):
        Crm((0.2, 0.1), 0.2)
    with pytest.raises(ValueError, match="from 1 to 6"):
        Crm(SIX, 0.2).fit([0, 7], [0, 0])
    with pytest.raises(ValueError, match="0 < target < 1"):
        Crm(SIX, 1.0)
    with pytest.raises(ValueError, match="halfwidth"):
        skeleton(0.1, 0.2, 1, 3)
