import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.analysis.design.two_stage import TwoStage, search

Cases = Mapping[str, Mapping[str, Any]]


def parts(design: TwoStage) -> list[int]:
    return [design.r1, design.n1, design.r, design.n]


def test_simon_20_40(cases: Cases) -> None:
    case, i = cases["simon_20_40"], cases["simon_20_40"]["inputs"]
    found = search(i["pu"], i["pa"], i["ep1"], i["ep2"], n_max=60)
    for kind in ("optimal", "minimax"):
        design, expected = getattr(found, kind), case["expected"][kind]
        assert parts(design) == expected[:4]
        actual = (float(design.expected_n(0.2)), float(design.early(0.2)))
        assert actual == pytest.approx(expected[4:], abs=1e-9)


def row_id(row: int) -> str:
    return f"row{row}"


@pytest.mark.parametrize("row", range(51), ids=row_id)
def test_published_simon_1989(published: Mapping[str, Any], row: int) -> None:
    wanted = published["simon_1989"]["rows"][row]
    largest = wanted["optimal"]["n"]
    found = search(wanted["p0"], wanted["p1"], wanted["alpha"], wanted["beta"], n_max=largest + 1)
    for kind in ("optimal", "minimax"):
        design, expected = getattr(found, kind), wanted[kind]
        assert parts(design) == [expected[key] for key in ("r1", "n1", "r", "n")]
        assert design.expected_n(wanted["p0"]) == pytest.approx(expected["EN"], abs=0.0501)
        assert design.early(wanted["p0"]) == pytest.approx(expected["PET"], abs=0.00501)


@settings(max_examples=10)
@given(st.floats(0.05, 0.5), st.floats(0.25, 0.4), st.floats(0.03, 0.2), st.floats(0.1, 0.3))
def test_no_design_beats_those_found(p0: float, gain: float, alpha: float, beta: float) -> None:
    n_max = 12
    p1 = p0 + gain
    kept = []
    for n in range(2, n_max + 1):
        for n1 in range(1, n):
            for r1 in range(n1):
                for r in range(r1, n):
                    design = TwoStage(r1, n1, r, n)
                    size, power = design.reject([p0, p1]).tolist()
                    if size <= alpha and power >= 1 - beta:
                        kept.append((n, float(design.expected_n(p0))))
                        break  # a greater r keeps the same expected n
    if not kept:
        with pytest.raises(ValueError, match="raise n_max"):
            search(p0, p1, alpha, beta, n_max=n_max)
        return
    found = search(p0, p1, alpha, beta, n_max=n_max)
    assert float(found.optimal.expected_n(p0)) == pytest.approx(min(en for _, en in kept))
    assert (found.minimax.n, float(found.minimax.expected_n(p0))) == pytest.approx(min(kept))
    for design in found.designs:
        size, power = design.reject([p0, p1])
        assert size <= alpha + 1e-12 and power >= 1 - beta - 1e-12


def test_admissible_designs_are_best_for_their_weights() -> None:
    found = search(0.2, 0.4, 0.05, 0.2, n_max=60)
    kinds = found.admissible
    assert kinds[0][0] == found.minimax and kinds[-1][0] == found.optimal
    assert (kinds[0][2], kinds[-1][1]) == (1.0, 0.0)
    for design, low, high in kinds:
        w = (low + high) / 2
        costs = [w * one.n + (1 - w) * float(one.expected_n(0.2)) for one in found.designs]
        assert w * design.n + (1 - w) * float(design.expected_n(0.2)) == pytest.approx(min(costs))


def test_rejection_is_as_enumerated() -> None:
    design, rates = TwoStage(1, 4, 3, 9), np.array([0.1, 0.5])
    found = np.zeros(2)
    for number in range(2**9):
        outcome = [number >> k & 1 for k in range(9)]
        if sum(outcome[:4]) > 1 and sum(outcome) > 3:
            found += rates ** sum(outcome) * (1 - rates) ** (9 - sum(outcome))
    assert design.reject(rates) == pytest.approx(found)


def test_a_search_to_sixty_is_quick() -> None:
    began = time.process_time()
    search(0.3, 0.5, 0.05, 0.1, n_max=60)
    assert time.process_time() - began < 1


def test_impossible_designs_are_refused() -> None:
    with pytest.raises(ValueError, match="0 < p0 < p1 < 1"):
        search(0.4, 0.4, 0.05, 0.2)
    with pytest.raises(ValueError, match="0 <= r1 <= n1 < n"):
        TwoStage(3, 10, 5, 10)
