"""The filtration rate against values worked by hand from the published equation."""

import numpy as np
import pytest

from trialrun.simulate.filtration import filtration_rate


@pytest.mark.parametrize(
    ("creatinine_mg", "age", "female", "rate"),
    [
        # 142 × (c/κ)^−1.2 × 0.9938^age (× 1.012), or with the power α where c is below κ
        (1.0, 50, False, 142 * (1 / 0.9) ** -1.2 * 0.9938**50),
        (1.0, 50, True, 142 * (1 / 0.7) ** -1.2 * 0.9938**50 * 1.012),
        (0.6, 30, False, 142 * (0.6 / 0.9) ** -0.302 * 0.9938**30),
        (0.5, 70, True, 142 * (0.5 / 0.7) ** -0.241 * 0.9938**70 * 1.012),
    ],
)
def test_the_equation(creatinine_mg: float, age: float, female: bool, rate: float) -> None:
    found = filtration_rate(np.array([creatinine_mg * 88.42]), np.array([age]), np.array([female]))
    assert found[0] == pytest.approx(rate)


def test_it_falls_with_creatinine_and_age() -> None:
    creatinine = np.linspace(30, 400, 60)
    same, women = np.full(60, 55.0), np.ones(60, dtype=bool)
    assert (np.diff(filtration_rate(creatinine, same, women)) < 0).all()
    assert (np.diff(filtration_rate(np.full(60, 80.0), np.linspace(20, 80, 60), women)) < 0).all()
