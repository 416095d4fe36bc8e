from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.analysis.boundary import from_steps
from trialrun.analysis.design.delayed import Accrual, Counting, simulate, with_pending
from trialrun.analysis.design.toxicity import pocock

STRICT = from_steps([(2, 2), (5, 3)], 8)


def test_immediate_outcomes_are_none_pending() -> None:
    for counting in ("followed", "treated"):
        found = with_pending(STRICT, [0.1, 0.4], 0, counting=counting)
        plain = STRICT.operating_characteristics([0.1, 0.4])
        assert found.stop == pytest.approx(plain.stop)
        assert found.stop_early == pytest.approx(plain.stop_early)
        assert found.expected_treated == pytest.approx(plain.expected_treated)
        assert found.expected_events == pytest.approx(found.expected_treated * [0.1, 0.4])


@settings(max_examples=20)
@given(st.integers(0, 9), st.floats(0, 1), st.sampled_from(["followed", "treated"]))
def test_recursion_equals_enumeration(pending: int, p: float, counting: Counting) -> None:
    """Walk through every sequence of outcomes as it becomes known."""
    n_max, stop, mean, events = STRICT.n_max, 0.0, 0.0, 0.0
    for outcome in product((0, 1), repeat=n_max):
        chance = prod(p if event else 1 - p for event in outcome)
        treated, reached = n_max, False
        for known in range(1, n_max + 1):
            now = min(known + pending, n_max)
            if STRICT.reached(sum(outcome[:known]), known if counting == "followed" else now):
                treated, reached = now, True
                break
        stop += chance * reached
        mean += chance * treated
        events += chance * sum(outcome[:treated])
    found = with_pending(STRICT, p, pending, counting=counting)
    assert (found.stop, found.expected_treated, found.expected_events) == pytest.approx((stop, mean, events))


@given(st.integers(1, 20), st.integers(0, 5))
def test_the_more_are_pending_the_more_are_treated(n_max: int, pending: int) -> None:
    boundary = pocock(n_max, 0.1, 0.1)
    p = np.linspace(0, 1, 11)
    less, more = (with_pending(boundary, p, k) for k in (pending, pending + 1))
    assert (more.expected_treated >= less.expected_treated - 1e-12).all()
    assert more.stop == pytest.approx(less.stop)  # all become known in the end
    assert (with_pending(boundary, p, pending, counting="treated").stop <= less.stop + 1e-12).all()


@pytest.mark.parametrize("counting", ["followed", "treated"])
def test_simulation_meets_the_exact_answer(counting: Counting) -> None:
    # Followed for a moment: immediate outcomes.
    quick = Accrual(every=1.0, follow_up=1e-6, arrivals="regular")
    found = simulate(STRICT, [0.1, 0.4], quick, trials=4000, seed=3, counting=counting)
    exact = STRICT.operating_characteristics([0.1, 0.4])
    assert (np.abs(found.stop - exact.stop) < 4 * found.error + 1e-9).all()
    assert found.expected_treated == pytest.approx(exact.expected_treated, abs=0.15)
    assert found.method == "simulated, 4000 trials, seed 3"


def test_slow_outcomes_treat_everyone() -> None:
    slow = Accrual(every=1.0, follow_up=1e6)
    found = simulate(STRICT, 0.5, slow, trials=500, seed=1)
    assert found.expected_treated == pytest.approx(8, abs=0.05)
    assert found.stop > 0.7  # and stops too late


def test_events_are_known_sooner_than_their_absence() -> None:
    boundary, accrual = pocock(30, 0.1, 0.1), Accrual(every=1, follow_up=3)
    followed, treated = (
        simulate(boundary, 0.1, accrual, trials=4000, seed=1, counting=counting).stop
        for counting in ("followed", "treated")
    )
    assert followed > boundary.operating_characteristics(0.1).stop + 0.02
    assert followed > treated


def test_the_seed_makes_the_result() -> None:
    one, same, other = (
        simulate(STRICT, 0.3, Accrual(every=1, follow_up=3), trials=300, seed=seed) for seed in (1, 1, 2)
    )
    assert one.expected_events == same.expected_events
    assert one.expected_events != other.expected_events


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        with_pending(STRICT, 0.1, -1)
    with pytest.raises(ValueError, match="times must be positive"):
        Accrual(every=0, follow_up=1)
    with pytest.raises(ValueError, match="one trial or more"):
        simulate(STRICT, 1.2, Accrual(every=1, follow_up=1), seed=1)
