import pytest

from trialrun.analysis.longitudinal.type_one_error import FalsePositives, false_positives

NAMES = (
    "random-intercept, normal",
    "random-intercept, Kenward-Roger",
    "unstructured, normal",
    "unstructured, Satterthwaite",
    "unstructured, Kenward-Roger",
    "unstructured, else AR(1), Kenward-Roger",
    "paired t",
    "exact signed rank",
)


def rows(trials: int, seed: int) -> dict[tuple[str, int], FalsePositives]:
    return {(row.analysis, row.visit): row for row in false_positives(trials, seed=seed)}


def test_every_analysis_is_counted_and_a_seed_repeats_it() -> None:
    found = rows(60, seed=1)
    assert set(found) == {(name, visit) for name in NAMES for visit in (1, 2, 3)}
    assert found == rows(60, seed=1) != rows(60, seed=2)
    assert all(row.rejected <= row.tested <= row.trials == 60 for row in found.values())
    assert found["paired t", 1].tested == 60


def test_the_monte_carlo_error_is_that_of_a_proportion() -> None:
    row = FalsePositives("any", 1, 500, 400, 20)
    assert row.rate == 0.05
    assert row.se == pytest.approx((0.05 * 0.95 / 400) ** 0.5)
    assert FalsePositives("any", 1, 500, 0, 0).rate == 0


@pytest.mark.slow
def test_default_analyses_keep_their_level_and_the_others_do_not() -> None:
    """20000 trials: a rate of .05 has a Monte Carlo standard error of .0015."""
    found = rows(20_000, seed=20261126)
    for visit in (1, 2, 3):
        for name in ("unstructured, Kenward-Roger", "unstructured, else AR(1), Kenward-Roger"):
            assert 0.04 <= found[name, visit].rate <= 0.06
        exact = found["exact signed rank", visit]
        assert exact.rate + 2 * exact.se <= 0.05
        assert 0.045 <= found["paired t", visit].rate <= 0.055
        assert found["unstructured, normal", visit].rate > 0.08
        assert found["unstructured, Kenward-Roger", visit].tested > 0.93 * 20_000
    for method in ("normal", "Kenward-Roger"):
        for visit in (2, 3):
            assert found[f"random-intercept, {method}", visit].rate > 0.06
