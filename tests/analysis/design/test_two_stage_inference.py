from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.analysis.design.binomial import pmf
from trialrun.analysis.design.two_stage import TwoStage
from trialrun.analysis.design.two_stage_inference import infer, unbiased


def outcomes(design: TwoStage, p: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """P(x responses in all, at the end of the trial), x = 0 … n."""
    first = pmf(design.n1, p)
    after = np.zeros(design.n1 + 1)
    after[design.r1 + 1 :] = first[design.r1 + 1 :]
    found = np.convolve(after, pmf(design.n - design.n1, p))
    found[: design.r1 + 1] += first[: design.r1 + 1]
    return found


@st.composite
def two_stages(draw: st.DrawFn) -> TwoStage:
    n1 = draw(st.integers(2, 8))
    r1 = draw(st.integers(0, n1 - 1))
    n = draw(st.integers(n1 + 1, 16))
    return TwoStage(r1, n1, draw(st.integers(r1, n)), n)


def test_simon_inference(cases: Mapping[str, Mapping[str, Any]]) -> None:
    i, expected = cases["simon_inference"]["inputs"], cases["simon_inference"]["expected"]
    found = infer(TwoStage(i["r1"], i["n1"], i["r"], i["n"]), i["x"], i["pu"], level=0.9)
    assert found.unbiased == pytest.approx(expected["pumvue"], abs=1e-12)
    assert found.p == pytest.approx(expected["p.value"], abs=1e-12)
    assert found.koyama_chen.lower == pytest.approx(expected["5% LCL"], abs=1e-4)
    assert found.koyama_chen.upper == pytest.approx(expected["95% UCL"], abs=1e-4)
    assert found.interval.lower == found.koyama_chen.lower
    assert found.interval.upper > found.koyama_chen.upper


@settings(max_examples=40)
@given(two_stages(), st.floats(0.02, 0.98))
def test_the_estimate_is_unbiased(design: TwoStage, p: float) -> None:
    estimates = [unbiased(design, x) for x in range(design.n + 1)]
    assert outcomes(design, p) @ estimates == pytest.approx(p)


@settings(max_examples=20)
@given(two_stages(), st.floats(0.05, 0.95), st.sampled_from([0.8, 0.9, 0.95]))
def test_the_interval_covers(design: TwoStage, p: float, level: float) -> None:
    covered = [p in infer(design, x, 0.5, level=level).interval for x in range(design.n + 1)]
    assert outcomes(design, p) @ covered >= level - 1e-9


@settings(max_examples=20)
@given(two_stages(), st.floats(0.05, 0.95), st.floats(0.01, 0.5))
def test_the_test_keeps_its_size(design: TwoStage, p0: float, alpha: float) -> None:
    p = np.array([infer(design, x, p0).p for x in range(design.n + 1)])
    assert (np.diff(p) <= 1e-12).all()
    assert outcomes(design, p0)[p <= alpha].sum() <= alpha + 1e-9


def test_the_design_and_the_p_value_agree_at_its_limit() -> None:
    design = TwoStage(3, 13, 12, 43)
    assert infer(design, 13, 0.2).p == pytest.approx(design.reject(0.2).item())


def test_the_ends_of_the_scale() -> None:
    design = TwoStage(1, 5, 3, 9)
    none, everyone = infer(design, 0, 0.3), infer(design, 9, 0.3)
    assert (none.stage, none.n, none.unbiased, none.p, none.interval.lower) == (1, 5, 0, 1, 0)
    assert (everyone.stage, everyone.unbiased, everyone.interval.upper) == (2, 1, 1)
    with pytest.raises(ValueError, match="0 <= x <= n"):
        infer(design, 10, 0.3)
