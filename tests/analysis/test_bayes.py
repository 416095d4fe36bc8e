import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimable import ends
from trialrun.analysis.bayes import posterior
from trialrun.analysis.estimate import NotEstimable

COUNTS = st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
PRIOR = st.sampled_from([0.3, 0.5, 1.0, 2.0, 7.5])


@given(COUNTS, PRIOR, PRIOR, st.sampled_from([0.5, 0.9, 0.95]))
def test_the_shortest_interval_is_the_shortest(
    counts: tuple[int, int], a: float, b: float, level: float
) -> None:
    found = posterior(*counts, a, b)
    inner = found.highest_density(level)
    if isinstance(inner, NotEstimable):
        assert found.a < 1 and found.b < 1
        return
    lower, upper = ends(inner)
    assert found.below(upper) - found.below(lower) == pytest.approx(level, abs=1e-9)
    widths = [found.quantile(q + level) - found.quantile(q) for q in np.linspace(0, 1 - level, 41)]
    assert upper - lower <= min(widths) + 1e-9
    low, high = ends(found.equal_tail(level))
    assert found.below(low) == pytest.approx((1 - level) / 2) == found.above(high)


@given(COUNTS, PRIOR, PRIOR, st.floats(0, 1))
def test_events_and_non_events_mirror(counts: tuple[int, int], a: float, b: float, p: float) -> None:
    x, n = counts
    one, other = posterior(x, n, a, b), posterior(n - x, n, b, a)
    assert one.below(p) + one.above(p) == pytest.approx(1)
    assert one.above(p) == pytest.approx(other.below(1 - p), abs=1e-9)
    assert (one.mean, one.median) == pytest.approx((1 - other.mean, 1 - other.median))


def test_ends_of_the_scale() -> None:
    assert ends(posterior(0, 10).highest_density())[0] == 0
    assert ends(posterior(10, 10).highest_density())[1] == 1
    assert posterior(0, 0, 0.5, 0.5).highest_density() == NotEstimable("the density is high at both ends")
    assert ends(posterior(0, 0).highest_density()) == pytest.approx([0.025, 0.975])
    assert posterior(3, 9).below(-1) == 0 and posterior(3, 9).above(2) == 0


@pytest.mark.parametrize(
    "wrong", [(3, 2, 1, 1), (-1, 2, 1, 1), (1, 2, 0, 1), (1, 2, 1, np.inf), (0.5, 2, 1, 1)]
)
def test_impossible_counts_and_priors(wrong: tuple[int, int, float, float]) -> None:
    with pytest.raises(ValueError, match=r"participants|prior"):
        posterior(*wrong)
    with pytest.raises(ValueError, match="does not lie"):
        posterior(1, 2).quantile(1.1)
