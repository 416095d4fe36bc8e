"""Assays judged: what is valid, what is positive, and what must stay unknown."""

import math
from dataclasses import replace

import pytest

from trialrun.cytometry.response.elispot import Assay, Result, Rule, Wells, judge

GOOD = Assay(
    participant="01",
    visit="W11",
    plate="P1",
    antigens={"a": Wells((40, 44, 38)), "b": Wells((4, 6, 5))},
    controls=Wells((3, 5, 4, 6, 2, 4)),
    positive_controls={"mitogen": Wells(censored=(None, None, None))},
    viability=91,
)


def judged(**changes: object) -> Result:
    return judge(replace(GOOD, **changes))  # type: ignore[arg-type]


def test_a_good_assay_is_judged() -> None:
    found = judged()
    assert (found.valid, found.findings, found.background) == (True, (), 20)
    a, b = found.responses["a"], found.responses["b"]
    assert (a.sfc, a.net, a.positive) == (pytest.approx(203.33333), pytest.approx(183.33333), True)
    assert a.eq is not None and a.eq.p == pytest.approx(1 / 84)
    assert (b.net, b.positive, b.reason) == (5, False, None)
    assert found.total == pytest.approx(188.33333)


def test_a_response_has_to_be_large_as_well_as_significant() -> None:
    """Every well above every control, yet 50 per million, or twice the background."""
    small = judged(antigens={"a": Wells((13, 14, 15))})
    assert small.responses["a"].eq is not None and small.responses["a"].eq.p == pytest.approx(1 / 84)
    assert small.responses["a"].positive is False
    noisy = judged(antigens={"a": Wells((60, 62, 64))}, controls=Wells((30, 31, 29, 30, 32, 28)))
    assert (noisy.responses["a"].net, noisy.responses["a"].positive) == (160, False)
    exact = judged(antigens={"a": Wells((15, 15, 15))})  # exactly 55 above 20
    assert (exact.responses["a"].net, exact.responses["a"].positive) == (55, True)


def test_net_responses_below_the_background_keep_their_sign() -> None:
    found = judged(antigens={"a": Wells((40, 44, 36)), "b": Wells((1, 2, 0))})
    assert found.responses["b"].net == -15
    assert (found.total, found.total_above) == (165, 180)


def test_censored_wells_are_a_lower_bound_and_never_a_number() -> None:
    some = judged(antigens={"a": Wells((90,), censored=(None, None)), "b": Wells((4, 6, 5))})
    assert some.responses["a"].at_least and some.at_least
    assert (some.responses["a"].sfc, some.responses["a"].positive) == (450, True)
    limit = judged(antigens={"a": Wells(censored=(500, 500, 500))})
    assert (limit.responses["a"].sfc, limit.responses["a"].positive) == (2500, True)
    every = judged(antigens={"a": Wells(censored=(None,) * 3), "b": Wells((40, 44, 38))})
    assert (every.responses["a"].sfc, every.responses["a"].positive) == (None, None)
    assert "too numerous to count" in str(every.responses["a"].reason)
    assert every.responses["b"].positive is True
    assert every.total is None and "a: every well" in str(every.total_reason)


def test_a_lower_bound_that_is_not_positive_is_unknown_and_not_negative() -> None:
    found = judged(antigens={"a": Wells((4, 5), censored=(None,))}).responses["a"]
    assert (found.positive, found.reason) == (None, "1 well is too numerous to count")
    two = judged(antigens={"a": Wells((4,), censored=(None, None))}).responses["a"]
    assert two.reason == "2 wells are too numerous to count"


def test_wells_with_other_numbers_of_cells_are_compared_per_cell() -> None:
    whole = judged().responses["a"]
    half = judged(antigens={"a": Wells((20, 22, 19), cells=100_000), "b": GOOD.antigens["b"]}).responses["a"]
    assert half == whole


@pytest.mark.parametrize(
    ("changes", "valid", "finding"),
    [
        ({"viability": 79.9}, False, "viability 79.9 %, below 80 %"),
        ({"viability": None}, None, "viability is not known"),
        ({"positive_controls": {}}, None, "no positive control"),
        ({"positive_controls": {"mitogen": Wells((6, 5, 7))}}, False, "mitogen does not respond"),
        ({"positive_controls": {"mitogen": Wells(lost=3)}}, None, "mitogen was not read"),
        ({"controls": Wells((3, 5), censored=(None,))}, None, "control wells are too numerous to count"),
        ({"controls": Wells()}, None, "no control well"),
        (
            {"controls": Wells(), "positive_controls": {"mitogen": Wells((300,))}},
            None,
            "positive control mitogen cannot be judged without a background",
        ),
        ({"controls": Wells((0, 0, 0, 0, 0, 300))}, None, "the controls: replicates vary too much"),
    ],
)
def test_what_is_not_a_valid_assay_decides_nothing(
    changes: dict[str, object], valid: bool | None, finding: str
) -> None:
    found = judged(**changes)
    assert found.valid is valid
    assert any(finding in one for one in found.findings)
    for response in found.responses.values():
        assert response.positive is None
        assert response.reason


def test_replicates_that_lie_far_apart_are_not_used() -> None:
    apart = judged(antigens={"a": Wells((5, 90, 200))}).responses["a"]
    assert apart.net is None and "vary too much" in str(apart.reason)
    off = judge(replace(GOOD, antigens={"a": Wells((5, 90, 200))}), Rule(variance=None)).responses["a"]
    assert off.net is not None


def test_one_replicate_has_a_net_response_and_no_decision() -> None:
    found = judged(antigens={"a": Wells((60,))}).responses["a"]
    assert (found.net, found.positive) == (280, None)
    assert "7 ways" in str(found.reason)


def test_an_antigen_whose_wells_were_lost_is_not_estimable() -> None:
    found = judged(antigens={"a": Wells(lost=3), "b": Wells((4, 6, 5))})
    assert found.responses["a"].reason == "3 of 3 wells lost"
    assert found.responses["b"].positive is False
    assert found.total is None


def test_lost_wells_are_told_and_spoil_nothing() -> None:
    found = judged(
        antigens={"a": Wells((40, 44), lost=1), "b": Wells(lost=1)},
        controls=Wells((3, 5, 4, 6, 2), lost=1),
        positive_controls={"mitogen": Wells(censored=(None, None), lost=1)},
    )
    assert found.findings == (
        "background: 1 of 6 wells lost",
        "a: 1 of 3 wells lost",
        "b: 1 of 1 well lost",
        "mitogen: 1 of 3 wells lost",
    )
    assert found.valid is True and found.responses["a"].positive is True


def test_noughts_everywhere_are_no_response() -> None:
    found = judged(antigens={"a": Wells((0, 0, 0))}, controls=Wells((0,) * 6))
    assert (found.responses["a"].net, found.responses["a"].positive, found.total) == (0, False, 0)


def test_no_antigen_has_no_total() -> None:
    assert judged(antigens={}).total_reason == "no antigen"


@pytest.mark.parametrize("bad", [-1, 1.5, math.nan])
def test_what_is_not_a_count_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="not a number of spots"):
        Wells((3, bad))  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [0, -5, math.inf])
def test_cells_are_needed(bad: float) -> None:
    with pytest.raises(ValueError, match="cells"):
        Wells((3,), cells=bad)


def test_a_viability_beyond_percent_is_refused() -> None:
    with pytest.raises(ValueError, match="viability"):
        judged(viability=101)
