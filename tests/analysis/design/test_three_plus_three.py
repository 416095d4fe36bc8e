from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.analysis.design.escalation import Escalation
from trialrun.analysis.design.three_plus_three import (
    design,
    escalation_probability,
    lines,
    operating_characteristics,
)

rates = st.lists(st.floats(0, 1), min_size=1, max_size=4)


def test_published_three_plus_three(published: Mapping[str, Any]) -> None:
    table = published["three_plus_three"]
    assert escalation_probability(table["p"]) == pytest.approx(table["prob_escalate"], abs=5.1e-5)


@settings(max_examples=30)
@given(rates)
def test_without_return_the_selection_is_a_product(p: list[float]) -> None:
    chance, _ = operating_characteristics(p, then="stop")
    up = escalation_probability(p)
    # At the highest dose 0 of 3 goes on to six, and 1 more event may then be seen.
    q = 1 - p[-1]
    stays = q**3 * (q**3 + 3 * p[-1] * q**2) + 3 * p[-1] * q**2 * q**3
    passes = [*up[:-1], stays]
    expected = [prod(passes[: d + 1]) * (1 - (passes[d + 1] if d + 1 < len(p) else 0)) for d in range(len(p))]
    assert chance == pytest.approx([*expected, 1 - passes[0]], abs=1e-12)


@settings(max_examples=30)
@given(rates)
def test_every_end_is_one_of_the_design(p: list[float]) -> None:
    chance, ends = operating_characteristics(p)
    assert chance.sum() == pytest.approx(1) and ends.probability.sum() == pytest.approx(1)
    assert set(np.unique(ends.counts[..., 0])) <= {0, 3, 6}
    assert ends.expected_events == pytest.approx(ends.expected_treated * p)


def test_the_dose_that_was_come_back_to_is_completed() -> None:
    # Two doses: the lower is selected after 0 of 3, then 2 or 3 of the other, then at most 1 of 3 more.
    p, q = 0.2, 0.8
    chance, _ = operating_characteristics([p, 1.0])
    six = q**3 * (q**3 + 3 * p * q**2)
    again = 3 * p * q**2 * q**3
    assert chance == pytest.approx([six + again, 0, 1 - six - again])


def test_exact_and_simulated_agree() -> None:
    p = [0.1, 0.25, 0.5]
    exact = design(3).outcomes(p)
    simulated = design(3).simulate(p, trials=4000, seed=9)
    assert simulated.expected_treated == pytest.approx(exact.expected_treated, abs=0.15)
    assert simulated.method == "simulated, 4000 trials, seed 9"


def test_a_study_without_the_limit_of_six_gives_nine() -> None:
    # 1 of 3, 0 of 3, then two or more at the next dose: back at a dose that had six already.
    found = Escalation(lines(), cohort=3, n_max=18).outcomes([0.2, 1.0])
    nine = found.probability[found.counts[:, 0, 0] == 9].sum()
    assert nine == pytest.approx(3 * 0.2 * 0.8**2 * 0.8**3)
    assert design(2).outcomes([0.2, 1.0]).counts[..., 0].max() == 6


def test_after_two_events_a_trial_goes_lower_or_stops() -> None:
    with pytest.raises(ValueError, match="lower or stops"):
        lines(then="higher")
