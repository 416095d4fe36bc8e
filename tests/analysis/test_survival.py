"""Kaplan-Meier and cumulative incidence: exact where there are no events, and never [1, 1]."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimable import ends, sure
from trialrun.analysis import proportion
from trialrun.analysis.cumulative_incidence import cumulative_incidence
from trialrun.analysis.estimate import Interval, NotEstimable
from trialrun.analysis.survival import Scale, kaplan_meier

PEOPLE = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=12)
CAUSES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=12)
SCALES: list[Scale] = ["log-log", "log", "plain", "exact"]
# Freireich et al, Blood 1963;21:699: weeks of remission under 6-MP.
REMISSION = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
RELAPSED = [1] * 9 + [0] * 12


def by_hand(people: list[tuple[int, bool]], t: float) -> float:
    s = 1.0
    for time in sorted({u for u, event in people if event and u <= t}):
        s *= 1 - sum(u == time and event for u, event in people) / sum(u >= time for u, _ in people)
    return s


@given(PEOPLE, st.sampled_from(SCALES), st.integers(0, 8))
def test_survival_is_the_product_and_its_interval_holds_it(
    people: list[tuple[int, bool]], scale: Scale, t: int
) -> None:
    times, events = zip(*people, strict=True)
    curve = sure(kaplan_meier(times, events, scale=scale))
    found = curve.at(t)
    if isinstance(found, NotEstimable):
        assert t > max(times) and by_hand(people, t) > 1e-12
        return
    assert found.estimate == pytest.approx(by_hand(people, t), abs=1e-12)
    lower, upper = ends(found.interval)
    assert 0 <= lower <= found.estimate + 1e-12 and found.estimate - 1e-12 <= upper <= 1
    assert lower < upper
    assert np.isfinite([curve.lower, curve.upper, curve.se]).all()
    median = curve.quantile()
    if not isinstance(median.estimate, NotEstimable):
        assert median.interval.lower <= median.estimate <= median.interval.upper


@given(st.integers(1, 15), st.data())
def test_without_censoring_exact_is_clopper_pearson(n: int, data: st.DataObject) -> None:
    times = data.draw(st.lists(st.integers(1, 5), min_size=n, max_size=n))
    curve, t = sure(kaplan_meier(times, [1] * n, scale="exact")), data.draw(st.integers(0, 6))
    alive = sum(time > t for time in times)
    expected = ends(proportion.interval(alive, n))
    assert ends(sure(curve.at(t)).interval) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("scale", SCALES)
def test_no_events_is_never_certainty(scale: Scale) -> None:
    curve = sure(kaplan_meier([9] * 10, [0] * 10, scale=scale))
    assert ends(sure(curve.at(9)).interval) == pytest.approx([0.025 ** (1 / 10), 1])
    assert sure(curve.at(9)).interval.method == "beta product, exact"
    median = curve.quantile()
    assert median.estimate == NotEstimable("survival stays above 0.5")
    assert ends(median.interval) == [9, np.inf]
    assert curve.at(9.5) == NotEstimable("nobody was followed so long")


def test_everyone_with_the_event() -> None:
    curve = sure(kaplan_meier([1, 2, 3, 4], [1] * 4))
    assert ends(sure(curve.at(4)).interval) == pytest.approx([0, 1 - 0.025**0.25])
    assert sure(curve.at(99)).estimate == 0
    assert curve.quantile().estimate == 2.5  # S is 1/2 from 2 until 3
    one = sure(kaplan_meier([5], [1]))
    assert (ends(sure(one.at(5)).interval), one.quantile().estimate) == ([0, pytest.approx(0.975)], 5)


def test_remission_as_printed() -> None:
    """S(10) = .753 (.0963), S(23) = .448 (.1346), median 23, as every textbook has it."""
    curve = sure(kaplan_meier(REMISSION, RELAPSED))
    for t, s, se in ((6, 0.857, 0.0764), (10, 0.753, 0.0963), (23, 0.448, 0.1346)):
        assert (sure(curve.at(t)).estimate, sure(curve.at(t)).se) == pytest.approx((s, se), abs=5.1e-4)
    assert curve.quantile().estimate == 23


def test_one_sided_bounds() -> None:
    two = sure(kaplan_meier(REMISSION, RELAPSED, level=0.9))
    for side in ("lower", "upper"):
        one = sure(kaplan_meier(REMISSION, RELAPSED, side=side))  # type: ignore[arg-type]
        assert getattr(sure(one.at(10)).interval, side) == pytest.approx(
            getattr(sure(two.at(10)).interval, side)
        )


@given(CAUSES, st.integers(0, 8))
def test_causes_add_up_to_what_is_not_survival(people: list[tuple[int, int]], t: int) -> None:
    times, status = zip(*people, strict=True)
    both = [sure(cumulative_incidence(times, status, cause=cause)).at(t) for cause in (1, 2)]
    alive = sure(kaplan_meier(times, [each > 0 for each in status])).at(t)
    if isinstance(alive, NotEstimable):
        assert all(isinstance(each, NotEstimable) for each in both)
        return
    assert sum(sure(each).estimate for each in both) + alive.estimate == pytest.approx(1)
    for each in both:
        lower, upper = ends(sure(each).interval)
        assert 0 <= lower <= sure(each).estimate + 1e-12 <= upper + 2e-12 <= 1 + 3e-12
        assert lower < upper and sure(each).variance >= 0


def test_one_cause_is_kaplan_meier() -> None:
    only = sure(cumulative_incidence(REMISSION, RELAPSED))
    assert sure(only.at(10)).estimate == pytest.approx(
        1 - sure(sure(kaplan_meier(REMISSION, RELAPSED)).at(10)).estimate
    )
    none = sure(cumulative_incidence([9] * 10, [0] * 10))
    assert ends(sure(none.at(9)).interval) == pytest.approx([0, 1 - 0.025**0.1])


def test_bad_times() -> None:
    for curve in (kaplan_meier, cumulative_incidence):
        assert curve([], []) == NotEstimable("no observations")
        assert (
            curve([np.nan], [1]) == curve([1], [np.nan]) == NotEstimable("a value is missing or not finite")
        )
        for times, status in (([-1], [1]), ([1], [0.5]), ([1, 2], [1])):
            with pytest.raises(ValueError, match="each time must be at least 0"):
                curve(times, status)
    with pytest.raises(ValueError, match="scale 'arcsine' is unknown"):
        kaplan_meier([1], [1], scale="arcsine")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="quantile 1"):
        sure(kaplan_meier([1], [1])).quantile(1)
    assert isinstance(sure(sure(kaplan_meier([0], [1])).at(0)).interval, Interval)
