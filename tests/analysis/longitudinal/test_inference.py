import numpy as np
import pytest
from scipy import stats

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.longitudinal.fit import fit
from trialrun.analysis.longitudinal.inference import Contrast, FTest, adjusted, contrast, contrasts, f_test
from trialrun.analysis.longitudinal.repeated_anova import RepeatedAnova, repeated_anova
from trialrun.analysis.longitudinal.structure import structure

RANDOM = np.random.default_rng(20)
TWO = RANDOM.normal([3, 4], 1, size=(1, 10, 2)) + RANDOM.normal(size=(1, 10, 1))
FOUR = RANDOM.normal([1, 2, 2, 1], 1, size=(1, 9, 4)) + RANDOM.normal(size=(1, 9, 1))


def means(n: int, visits: int) -> np.ndarray:
    return np.broadcast_to(np.eye(visits), (n, visits, visits))


def fitted(name="unstructured", y=FOUR):
    return fit(y, means(*y.shape[1:]), structure(name, y.shape[2]))


def test_two_complete_visits_are_the_paired_t_test() -> None:
    row = contrast(fitted(y=TWO), [-1, 1])
    paired = stats.ttest_rel(TWO[0, :, 1], TWO[0, :, 0])
    assert isinstance(row, Contrast)
    assert row.df == pytest.approx(9, abs=1e-8)
    assert (row.t, row.p) == pytest.approx((paired.statistic, paired.pvalue), rel=1e-8)
    assert (row.interval.lower, row.interval.upper) == pytest.approx(paired.confidence_interval(), rel=1e-8)


def test_one_visit_is_the_t_test_of_one_sample() -> None:
    row = contrast(fitted(y=TWO[:, :, :1]), [1])
    alone = stats.ttest_1samp(TWO[0, :, 0], 0)
    assert isinstance(row, Contrast)
    assert (row.t, row.df, row.p) == pytest.approx((alone.statistic, 9, alone.pvalue))


def test_two_groups_of_one_visit_are_the_two_sample_t_test() -> None:
    arm = (np.arange(10) < 4).astype(float)
    x = np.stack([np.ones(10), arm], axis=-1)[:, None]
    row = contrast(fit(TWO[:, :, :1], x, structure("unstructured", 1)), [0, 1])
    both = stats.ttest_ind(TWO[0, arm == 1, 0], TWO[0, arm == 0, 0])
    assert isinstance(row, Contrast)
    assert (row.t, row.df, row.p) == pytest.approx((both.statistic, 8, both.pvalue))


@pytest.mark.parametrize("method", ["kenward-roger", "satterthwaite"])
@pytest.mark.parametrize("name", ["compound-symmetry", "random-intercept"])
def test_complete_compound_symmetry_is_the_repeated_measures_anova(name, method) -> None:
    anova = repeated_anova(FOUR[0])
    overall = f_test(fitted(name), np.eye(4)[1:] - np.eye(4)[0], method=method)
    assert isinstance(anova, RepeatedAnova)
    assert isinstance(overall, FTest)
    assert (overall.f, overall.p) == pytest.approx((anova.f, anova.p), rel=1e-7)
    assert (overall.numerator, overall.denominator) == pytest.approx(anova.df, rel=1e-7)
    assert overall.scaling == pytest.approx(1)


def test_complete_unstructured_is_hotellings_t_squared() -> None:
    differences = FOUR[0, :, 1:] - FOUR[0, :, :1]
    mean, n, k = differences.mean(axis=0), 9, 3
    t2 = n * mean @ np.linalg.solve(np.cov(differences, rowvar=False), mean)
    overall = f_test(fitted(), np.eye(4)[1:] - np.eye(4)[0])
    assert isinstance(overall, FTest)
    assert overall.f == pytest.approx(t2 * (n - k) / (k * (n - 1)), rel=1e-6)
    assert overall.denominator == pytest.approx(n - k, rel=1e-6)


def test_a_test_of_several_does_not_depend_on_how_they_are_written() -> None:
    y = FOUR.copy()
    y[0, 0, 2] = np.nan
    rows = np.eye(4)[1:] - np.eye(4)[0]
    mixed = np.array([[1, 1, 0], [0, 2, 1], [1, 0, 3]]) @ rows
    one, other = (f_test(fitted(y=y), each) for each in (rows, mixed))
    assert isinstance(one, FTest)
    assert isinstance(other, FTest)
    assert (one.f, one.denominator) == pytest.approx((other.f, other.denominator), rel=1e-6)
    single = f_test(fitted(y=y), rows[:1])
    row = contrast(fitted(y=y), rows[0])
    assert isinstance(single, FTest)
    assert isinstance(row, Contrast)
    assert (single.f, single.denominator, single.p) == pytest.approx((row.t**2, row.df, row.p))


def test_the_adjustment_never_shrinks_a_variance_of_this_model() -> None:
    y = FOUR.copy()
    y[0, 0, 2] = y[0, 3, 1] = np.nan
    fits = fitted(y=y)
    assert (np.diagonal(adjusted(fits)[0]) >= np.diagonal(fits.curvature.phi[0]) - 1e-12).all()


def test_a_trial_without_a_fit_has_no_contrast() -> None:
    fits = fitted(y=np.full((1, 9, 4), 2.0))
    for result in (contrast(fits, [1, 0, 0, 0]), f_test(fits, np.eye(4))):
        assert isinstance(result, NotEstimable)
        assert result.reason == "the values do not vary about their means"
    many = contrasts(fits, [1, 0, 0, 0])
    assert not many.estimable[0]
    assert np.isfinite(many.p).all()


def test_bad_input() -> None:
    fits = fitted()
    with pytest.raises(ValueError, match="a contrast has 4 weights"):
        contrast(fits, [1, -1])
    with pytest.raises(ValueError, match="depend on each other"):
        f_test(fits, [[1, 0, 0, 0], [2, 0, 0, 0]])
    with pytest.raises(ValueError, match="write one of kenward-roger"):
        contrast(fits, [1, 0, 0, 0], method="kr")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="normal distribution is not offered"):
        f_test(fits, np.eye(4), method="z")
    likelihood = fit(FOUR, means(9, 4), structure("unstructured", 4), reml=False)
    with pytest.raises(ValueError, match="defined for REML"):
        contrast(likelihood, [1, 0, 0, 0])
    assert isinstance(contrast(likelihood, [1, 0, 0, 0], method="satterthwaite"), Contrast)
