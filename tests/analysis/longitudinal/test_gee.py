import numpy as np
import pytest

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.longitudinal.gee import Gee, gee
from trialrun.analysis.longitudinal.inference import Contrast

RANDOM = np.random.default_rng(4)
Y = RANDOM.normal([1, 2, 4], 1, size=(9, 3)) + RANDOM.normal(size=(9, 1))
X = np.broadcast_to(np.eye(3), (9, 3, 3))


def made(y=Y, x=X, **options) -> Gee:
    result = gee(y, x, **options)
    assert isinstance(result, Gee)
    return result


@pytest.mark.parametrize("correlation", ["independence", "exchangeable"])
def test_complete_means_have_closed_variances(correlation) -> None:
    """Leverage is 1/n: sums of squares over n squared, n (n - 1), and (n - 1) squared."""
    result = made(correlation=correlation)
    cross = np.cov(Y, rowvar=False) * 8
    np.testing.assert_allclose(result.beta, Y.mean(axis=0))
    np.testing.assert_allclose(result.variances["none"], cross / 81)
    np.testing.assert_allclose(result.variances["kauermann-carroll"], cross / (9 * 8))
    np.testing.assert_allclose(result.variances["mancl-derouen"], cross / 64)


def test_the_morel_variance_is_inflated_and_never_below_the_models_share() -> None:
    result = made()
    robust, naive = result.variances["none"], result.naive
    inflated = (26 / 24) * (9 / 8) * robust
    effect = max(1.0, np.trace(np.linalg.solve(naive, inflated)) / 3)
    np.testing.assert_allclose(result.variances["morel"], inflated + 0.5 * effect * naive)


def test_binomial_means_are_logits_of_the_proportions() -> None:
    y = (Y > 2).astype(float)
    result = made(y, family="binomial", correlation="independence")
    share = y.mean(axis=0)
    np.testing.assert_allclose(result.beta, np.log(share / (1 - share)))
    slope = share * (1 - share)
    np.testing.assert_allclose(np.diagonal(result.variances["none"]), 1 / (9 * slope))


def test_a_missing_value_is_left_out() -> None:
    y = Y.copy()
    y[0, 1] = np.nan
    result = made(y, correlation="independence")
    np.testing.assert_allclose(result.beta, np.nanmean(y, axis=0))


def test_a_contrast_is_read_on_participants_minus_means() -> None:
    row = made().contrast([-1, 1, 0])
    assert isinstance(row, Contrast)
    assert row.df == 6
    assert row.interval.method == "Mancl-DeRouen sandwich"
    assert row.estimate in row.interval
    assert made().cautions == ("robust-variance", "model-secondary")


def test_no_answer_has_a_reason() -> None:
    for y, family, reason in [
        (np.ones((9, 3)), "gaussian", "do not vary"),
        (np.zeros((9, 3)), "binomial", "do not vary"),
        (np.repeat([[0.0, 1.0, 1.0]], 9, axis=0), "binomial", "do not vary"),
        (np.column_stack([(Y > 2)[:, :2], np.ones(9)]).astype(float), "binomial", "every value of a mean"),
        (np.column_stack([Y[:, :2], np.full(9, np.nan)]), "gaussian", "no observation of its own"),
    ]:
        result = gee(y, X, family=family)
        assert isinstance(result, NotEstimable)
        assert reason in result.reason
    one = np.vstack([Y[:1], np.full((8, 3), np.nan)])
    one[1] = [np.nan, 2.0, 3.0]
    alone = gee(one, X)
    assert isinstance(alone, NotEstimable) or isinstance(alone.contrast([1, 0, 0]), NotEstimable)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="binomial values are 0 and 1"):
        gee(Y, X, family="binomial")
    with pytest.raises(ValueError, match="write one of exchangeable, independence"):
        gee(Y, X, correlation="ar1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a contrast has 3 weights"):
        made().contrast([1, 0])
    with pytest.raises(ValueError, match="write one of none"):
        made().contrast([1, 0, 0], correction="hc3")  # type: ignore[arg-type]
