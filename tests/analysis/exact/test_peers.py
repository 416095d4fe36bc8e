"""What docs/statistics.md says of SciPy beside us: should SciPy change, the page must."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from estimable import sure
from trialrun.analysis.exact.correlation import kendall, spearman
from trialrun.analysis.exact.repeated import friedman, page
from trialrun.analysis.exact.two_sample import mann_whitney
from trialrun.analysis.signed_rank import signed_rank


def near(value: float) -> Any:
    return pytest.approx(value, abs=5.1e-5)


@pytest.mark.parametrize(
    ("name", "method", "theirs", "exact"),
    [
        ("wsr_ties_8", "exact", 0.0234, 0.03125),
        ("wsr_ties_zeros_10", "exact", 0.0371, 0.03125),
        ("wsr_n20_3zeros_sal", "auto", 0.00268, 0.00156),
        ("wsr_n20_3zeros_sal", "exact", 0.00365, 0.00156),
    ],
)
def test_wilcoxon(
    cases: Mapping[str, Mapping[str, Any]], name: str, method: Any, theirs: float, exact: float
) -> None:
    from scipy.stats import wilcoxon

    d = cases[name]["inputs"]["d"]
    with warnings.catch_warnings(action="ignore"):
        assert wilcoxon(d, zero_method="pratt", method=method).pvalue == near(theirs)
    assert sure(signed_rank(d)).p == near(exact)


def test_mann_whitney(cases: Mapping[str, Mapping[str, Any]]) -> None:
    from scipy.stats import mannwhitneyu

    pressure = cases["wmw_statxact_bloodp"]["inputs"]
    rotarod = {"trt": [18, 22, 75, 163, 271, *[300] * 7], "ctl": [300] * 12}
    for data, theirs, default, exact in (
        (pressure, 0.1040, 0.0981, 0.0989),
        (rotarod, 0.0887, 0.0165, 0.0373),
    ):
        assert mannwhitneyu(data["trt"], data["ctl"], method="exact").pvalue == near(theirs)
        assert mannwhitneyu(data["trt"], data["ctl"]).pvalue == near(default)
        assert sure(mann_whitney(data["trt"], data["ctl"])).p == near(exact)


def test_blocks_and_pairs(cases: Mapping[str, Mapping[str, Any]]) -> None:
    from scipy.stats import friedmanchisquare, kendalltau, page_trend_test, spearmanr

    blocks = np.array(cases["friedman_exact_small"]["inputs"]["m"])
    assert (friedmanchisquare(*blocks.T).pvalue, sure(friedman(blocks)).p) == (near(0.1054), 0.125)
    tied = [[1, 1, 2], [1, 2, 2], [1, 2, 3], [2, 2, 3]]
    assert page_trend_test(tied, method="exact").pvalue == near(0.0255)
    assert sure(page(tied)).p == near(0.0062)
    pairs = cases["spearman_exact_9"]["inputs"]
    assert spearmanr(pairs["x"], pairs["y"]).pvalue == near(0.00094)
    assert sure(spearman(pairs["x"], pairs["y"])).p == near(0.00203)
    x, y = [1, 2, 2, 3, 4], [1, 3, 2, 2, 5]
    with pytest.raises(ValueError, match="Ties found"):
        kendalltau(x, y, method="exact")
    assert (kendalltau(x, y).pvalue, sure(kendall(x, y)).p) == (near(0.1184), pytest.approx(0.2))
