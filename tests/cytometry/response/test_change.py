"""Change over visits: against the statistics written out, against brute force, and where it is unknown."""

import math
from dataclasses import replace
from itertools import combinations, product
from statistics import NormalDist, fmean

import numpy as np
import pytest

from trialrun.cytometry.response.change import (
    Stained,
    adjusted,
    spot_change,
    stained_change,
    summed,
)
from trialrun.cytometry.response.elispot import Assay, Rule, Wells, judge
from trialrun.cytometry.response.ics import Count, newcombe


def visit(stimulated: int, control: int, parent: int = 80_000) -> Stained:
    return Stained(Count(stimulated, parent), Count(control, parent))


def test_the_three_p_are_those_of_the_statistic_written_out() -> None:
    """The example of the authors' functions: controls 8/93883 and 43/212650, 31/69540 then 85/93562."""
    n00, m00, n10, m10, n0, m0, n1, m1 = 8, 93_883, 43, 212_650, 31, 69_540, 85, 93_562

    def z(a: int, big_a: int, b: int, big_b: int, fp: float, fq: float, fn: float) -> float:
        one, two = (a / big_a - fp) / (1 - fn - fp), (b / big_b - fq) / (1 - fn - fq)
        pool = (big_a * one + big_b * two) / (big_a + big_b)
        return (two - one) / math.sqrt(pool * (1 - pool) * (1 / big_a + 1 / big_b))

    p = {0.05: [], 0.01: []}
    norm = NormalDist()
    for fp in np.linspace(0, n00 / m00 - 1e-6, 21):
        for fq in np.linspace(0, n10 / m10 - 1e-6, 21):
            for fn in np.linspace(0, 1 - max(n00 / m00, n10 / m10) - 1e-6, 21):
                agree = abs(z(n00, m00, n10, m10, fp, fq, fn))
                for error, inside in p.items():
                    if agree <= norm.inv_cdf(1 - error / 2):
                        inside.append(1 - norm.cdf(z(n0, m0, n1, m1, fp, fq, fn)))
    plain = 1 - norm.cdf(z(n0, m0, n1, m1, 0, 0, 0))
    expected = plain, min(max(plain, min(p[0.05])), max(p[0.05])), max(p[0.01]) + 0.01
    earlier = Stained(Count(n0, m0), Count(n00, m00))
    later = Stained(Count(n1, m1), Count(n10, m10))
    assert adjusted(earlier, later, alpha=0.05, boos=0.01) == pytest.approx(expected, rel=1e-6)


def test_a_run_whose_controls_rose_too_makes_no_responder() -> None:
    apparent = stained_change(visit(20, 10), visit(90, 80))
    assert apparent.unadjusted is not None and apparent.minimal is not None and apparent.maximal is not None
    assert apparent.unadjusted < 1e-8
    assert apparent.maximal > 0.05
    assert apparent.unadjusted <= apparent.minimal <= apparent.maximal
    assert apparent.net == 0
    real = stained_change(visit(20, 10), visit(90, 11))
    assert real.maximal is not None and real.maximal < 0.011
    assert real.net == pytest.approx(0.08625) and real.interval is not None and real.interval[0] > 0


def test_controls_without_a_positive_cell_change_nothing() -> None:
    found = stained_change(visit(20, 0), visit(90, 0))
    assert found.unadjusted == found.minimal == found.maximal
    assert stained_change(visit(0, 3), visit(0, 4)).maximal == 1
    assert stained_change(visit(0, 0), visit(0, 0)).net == 0
    assert stained_change(visit(80_000, 80_000), visit(80_000, 80_000)).maximal == 1
    assert stained_change(visit(3, 30), visit(0, 0)).unadjusted == pytest.approx(0.958, abs=1e-3)


def test_the_interval_of_one_visit_without_response_is_newcombes() -> None:
    big = 10**9
    earlier = Stained(Count(0, big), Count(0, big))
    later = visit(40, 5)
    found = stained_change(earlier, later)
    assert found.interval == pytest.approx(
        [100 * bound for bound in newcombe(later.stimulated, later.control)], rel=1e-3
    )


def test_a_missing_visit_or_too_few_cells_are_not_estimable() -> None:
    assert stained_change(None, visit(1, 1)).reason == "no earlier visit"
    assert stained_change(visit(1, 1), None).reason == "no later visit"
    few = stained_change(visit(1, 1, 900), visit(1, 1))
    assert few.net is None and "900 parent events" in str(few.reason)


def assay(visit: str, a: tuple[int, ...], b: tuple[int, ...], controls: tuple[int, ...]) -> Assay:
    return Assay(
        "01", visit, "P1", {"a": Wells(a), "b": Wells(b)}, Wells(controls), {"m": Wells((200,) * 3)}, 90
    )


BEFORE = assay("C1.D1", (20, 25, 22), (9, 6, 8), (3, 4, 5))
AFTER = assay("W11", (31, 35, 38), (9, 12, 10), (4, 4, 6))


def test_the_change_of_the_summed_net_response_is_tested_over_every_deal() -> None:
    found = spot_change(judge(BEFORE), judge(AFTER))

    def net(x: Assay) -> float:
        return sum(fmean(w.spots) for w in x.antigens.values()) - 2 * fmean(x.controls.spots)

    observed = net(AFTER) - net(BEFORE)
    assert found.change is not None and found.change.value == pytest.approx(5 * observed)
    deals = []
    for first, second in ((BEFORE.antigens[k], AFTER.antigens[k]) for k in "ab"):
        deals.append([(first.spots + second.spots, set(chosen)) for chosen in combinations(range(6), 3)])
    deals.append([(BEFORE.controls.spots + AFTER.controls.spots, set(c)) for c in combinations(range(6), 3)])
    hits = 0
    for deal in product(*deals):
        change = [
            fmean(w[i] for i in range(6) if i not in early) - fmean(w[i] for i in early) for w, early in deal
        ]
        hits += abs(change[0] + change[1] - 2 * change[2]) >= abs(observed) - 1e-9
    assert (found.p, found.relabellings) == (pytest.approx(hits / 8000), 8000)
    assert found.change.interval[0] < found.change.value < found.change.interval[1]
    back = spot_change(judge(AFTER), judge(BEFORE))
    assert back.p == found.p and back.change is not None and back.change.value == -found.change.value


def test_four_antigens_in_triplicate_with_six_controls_are_gone_through_at_once() -> None:
    four = {name: Wells((20 + k, 25, 22)) for k, name in enumerate("abcd")}
    later = {name: Wells((20, 24, 23 + k)) for k, name in enumerate("abcd")}
    first = replace(BEFORE, antigens=four, controls=Wells((3, 4, 5, 3, 4, 5)))
    second = replace(AFTER, antigens=later, controls=Wells((3, 4, 5, 4, 3, 5)))
    found = spot_change(judge(first), judge(second))
    assert found.relabellings == 20**4 * math.comb(12, 6)
    assert found.p is not None and found.p > 0.5


def test_nothing_changed_where_the_wells_are_the_same() -> None:
    found = spot_change(judge(BEFORE), judge(replace(BEFORE, visit="W11")))
    assert found.change is not None
    assert (found.change.value, found.p) == (0, 1)
    noughts = Assay("01", "x", "P1", {"a": Wells((0, 0, 0))}, Wells((0, 0, 0)), {"m": Wells((200,) * 3)}, 90)
    empty = spot_change(judge(noughts), judge(noughts))
    assert empty.change is not None and empty.p == 1
    assert empty.change.interval[0] < -1 and empty.change.interval[1] > 1  # noughts are not certainty


def test_an_antigen_is_one_in_both_visits_however_it_is_spelt() -> None:
    other = replace(AFTER, antigens={"B": AFTER.antigens["b"], "A": AFTER.antigens["a"]}, plate="p1")
    assert spot_change(judge(BEFORE), judge(other)) == spot_change(judge(BEFORE), judge(AFTER))
    signed = replace(AFTER, antigens={"a": AFTER.antigens["a"], "b+": AFTER.antigens["b"]})
    reason = spot_change(judge(BEFORE), judge(signed)).reason
    assert reason == "the antigens of the two visits differ: b, b+ in one of them only"


def test_too_many_deals_are_told_with_what_can_be_done() -> None:
    wells = tuple(range(20, 29))
    one, other = assay("C1.D1", wells, wells, wells), assay("W11", wells, wells, wells)
    found = spot_change(judge(one, Rule(relabellings=0)), judge(other, Rule(relabellings=0)))
    assert found.change is not None and found.p is None
    assert found.p_reason is not None and "or test fewer antigens at once" in found.p_reason


def test_two_plates_have_a_change_and_no_test() -> None:
    found = spot_change(judge(BEFORE), judge(replace(AFTER, plate="P2")))
    assert found.change is not None and found.p is None
    assert "two plates, P1 and P2" in str(found.p_reason)


def test_a_visit_that_is_missing_or_not_valid_is_not_estimable() -> None:
    assert spot_change(None, judge(AFTER)).reason == "no earlier visit"
    assert spot_change(judge(BEFORE), None).reason == "no later visit"
    failed = spot_change(judge(BEFORE), judge(replace(AFTER, viability=60)))
    assert failed.change is None and "not valid: viability 60 %" in str(failed.reason)


def test_a_censored_well_has_no_interval_and_no_change() -> None:
    full = judge(replace(AFTER, antigens={"a": Wells((90,), (None, None)), "b": Wells((9, 12, 10))}))
    assert summed(full) is None
    assert "too numerous to count" in str(spot_change(judge(BEFORE), full).reason)
    whole = summed(judge(BEFORE))
    assert whole is not None and whole.interval[0] < whole.value == judge(BEFORE).total < whole.interval[1]


def test_two_participants_are_not_compared() -> None:
    with pytest.raises(ValueError, match="two participants"):
        spot_change(judge(BEFORE), judge(replace(AFTER, participant="02")))
