from pathlib import Path

import pytest

from trialrun.analysis.longitudinal.type_one_error import (
    FalsePositives,
    false_positives,
    false_positives_overall,
)

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


def test_the_tests_of_all_visits_are_counted() -> None:
    found = {row.analysis: row for row in false_positives_overall(20, seed=1)}
    assert len(found) == 6
    assert {row.visit for row in found.values()} == {0}
    assert found["ANOVA-type statistic, Box"].rejected <= found["ANOVA-type statistic"].rejected
    assert found["unstructured, Kenward-Roger"].tested <= 20


def test_the_monte_carlo_error_is_that_of_a_proportion() -> None:
    row = FalsePositives("any", 1, 500, 400, 20)
    assert row.rate == 0.05
    assert row.se == pytest.approx((0.05 * 0.95 / 400) ** 0.5)
    assert FalsePositives("any", 1, 500, 0, 0).rate == 0


@pytest.fixture(scope="module")
def many() -> dict[tuple[str, int], FalsePositives]:
    """20000 trials: a rate of .05 has a Monte Carlo standard error of .0015. Visit 0 is all at once."""
    single = false_positives(20_000, seed=20261126)
    overall = false_positives_overall(20_000, seed=20261126)
    return {(row.analysis, row.visit): row for row in (*single, *overall)}


@pytest.mark.slow
def test_default_analyses_keep_their_level_and_the_others_do_not(many) -> None:
    for visit in (1, 2, 3):
        for name in ("unstructured, Kenward-Roger", "unstructured, else AR(1), Kenward-Roger"):
            assert 0.04 <= many[name, visit].rate <= 0.06
        exact = many["exact signed rank", visit]
        assert exact.rate + 2 * exact.se <= 0.05
        assert 0.045 <= many["paired t", visit].rate <= 0.055
        assert many["unstructured, normal", visit].rate > 0.08
        assert many["unstructured, Kenward-Roger", visit].tested > 0.93 * 20_000
    for method in ("normal", "Kenward-Roger"):
        for visit in (2, 3):
            assert many[f"random-intercept, {method}", visit].rate > 0.06


@pytest.mark.slow
def test_the_documented_rates_are_those_measured(many) -> None:
    """To six trials in 20000: which side a p at the edge falls on, the processor may decide."""
    page = (Path(__file__).parents[3] / "docs/statistics-longitudinal.md").read_text(encoding="utf-8")
    found = 0
    for line in filter(lambda line: line.startswith("| "), page.splitlines()):
        name, *rates, tested = [cell.strip() for cell in line.strip("|").split("|")]
        visits = (1, 2, 3) if len(rates) == 3 else (0,)
        if (name, visits[0]) not in many:
            continue
        found += 1
        for visit, rate in zip(visits, rates, strict=True):
            assert many[name, visit].rate == pytest.approx(float(rate), abs=3e-4)
            assert many[name, visit].tested == pytest.approx(int(tested), abs=10)
    assert found == len(NAMES) + 6
