"""Populations as components of a mixture."""

import numpy as np
import pytest

from trialrun.cytometry import mixture

RANDOM = np.random.default_rng(7)
TWO = np.concatenate([RANDOM.normal(0, 1, 3000), RANDOM.normal(8, 1, 1000)])


@pytest.mark.parametrize("freedom", [np.inf, 4.0])
def test_a_mixture_finds_what_was_mixed_in_any_order(freedom: float) -> None:
    values = np.stack([TWO, TWO / 2 + np.random.default_rng(8).normal(0, 1, len(TWO))])
    found = mixture.fit(values, 2, freedom)
    assert found.weights == pytest.approx([0.75, 0.25], abs=0.02)
    assert found.means[:, 0] == pytest.approx([0, 8], abs=0.15)
    again = mixture.fit(values[:, ::-1], 2, freedom)
    assert (again.means == found.means).all() and again.likelihood == found.likelihood
    assert found.posterior(values).sum(axis=0) == pytest.approx(1)


def test_bic_chooses_and_a_mixture_says_why_not() -> None:
    assert len(mixture.choose(TWO[None, :], (1, 2, 3)).weights) == 2
    cut = mixture.threshold(TWO)
    assert cut.threshold is not None and 3 < cut.threshold < 5
    assert mixture.threshold(np.random.default_rng(9).normal(0, 1, 2000)).reasons == (
        "one component fits as well as two",
    )
    assert "too few" in mixture.fit(TWO[None, :30], 2).reasons[0]


def test_no_numbers_are_made_of_nothing() -> None:
    flat = np.stack([TWO, np.ones(len(TWO))])
    assert "same value" in mixture.fit(flat, 2).reasons[0]
    assert "too few" in mixture.threshold(TWO[:10]).reasons[0]
    with pytest.raises(ValueError, match="not finite"):
        mixture.fit(np.full((1, 100), np.inf), 1)
    with pytest.raises(ValueError, match="number of components"):
        mixture.choose(TWO[None, :], ())
