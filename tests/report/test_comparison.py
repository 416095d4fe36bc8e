"""What the report says of two arms follows from the numbers, in both languages."""

from typing import Any

import pytest

from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol
from trialrun.report.baseline import baseline
from trialrun.report.language import language
from trialrun.report.statement import Statement, statement

NBSP = "\N{NO-BREAK SPACE}"


@pytest.fixture(scope="module")
def blank() -> Protocol:
    return load("parallel_blank")


def interval(lower: float, upper: float) -> dict[str, Any]:
    return {"lower": lower, "upper": upper, "level": 0.95, "method": "any"}


def change(estimate: float, **more: Any) -> dict[str, Any]:
    found = {"scale": "linear", "at": "W8", "n": 10, "unpaired": 0, "at_least": 4, "rose": 2, "fell": 8}
    found |= {"unchanged": 0, "estimate": estimate, "interval": interval(estimate - 3, estimate + 3)}
    return found | {"test": {"not_estimable": "the arms are compared with each other"}, **more}


def score(p: float = 0.01, **more: Any) -> dict[str, Any]:
    test = {"n": [10, 9], "w": 60.0, "p": p, "minimum_p": 0.0001}
    there = {"arms": ["active", "placebo"], "scale": "linear", "at_least": 4, "n": [10, 9]}
    there |= {"estimate": -8.5, "interval": interval(-14, -2), "test": test}
    arms = {"active": change(-12.25, unpaired=1), "placebo": change(-4)}
    return {"kind": "paired_change", "level": "primary", "arms": arms, "comparison": there | more}


def told(protocol: Protocol, found: dict[str, Any], family: Any = None, code: str = "en") -> Statement:
    results = {"endpoints": {"score": found}, "multiplicity": family}
    return statement(protocol, results, "score", language(code))


def family(p: float, adjusted: float) -> dict[str, Any]:
    return {"endpoints": {"score": {"p": p, "adjusted": adjusted, "rejected": adjusted <= 0.05}}}


def test_the_card_shows_the_difference_and_each_arm(blank: Protocol) -> None:
    said = told(blank, score(), family(0.01, 0.02))
    assert (said.estimate, said.of) == ("−8.5", "Substance X minus Placebo")
    assert said.interval == "95% interval −14.0 to −2.0"
    assert said.test == f"P{NBSP}={NBSP}0.010 (0.020 after Holm)"
    assert [arm[:2] for arm in said.arms] == [("Substance X", "−12.3"), ("Placebo", "−4.0")]


def test_the_verdict_is_that_of_the_adjusted_p(blank: Protocol) -> None:
    rejected = " ".join(told(blank, score(0.03), family(0.03, 0.04)).sentences)
    kept = " ".join(told(blank, score(0.03), family(0.03, 0.06)).sentences)
    assert "The groups differ" in rejected
    assert "exact rank-sum test" in rejected
    assert "No difference between the groups is shown" in kept
    assert "The groups differ" in " ".join(told(blank, score(0.03)).sentences)


def test_what_is_left_out_is_told_by_arm(blank: Protocol) -> None:
    said = told(blank, score()).sentences
    assert "Dosed, without a pair of values, and left out: 1 (Substance X)." in said
    assert any(
        "Substance X: a rise in 2, a fall in 8; Placebo: a rise in 2, a fall in 8" in one for one in said
    )


def test_a_test_that_could_not_succeed_is_told(blank: Protocol) -> None:
    test = {"n": [2, 2], "w": 3.0, "p": 0.333, "minimum_p": 0.333}
    assert "With these numbers no P below 0.333 was possible." in told(blank, score(test=test)).sentences


def test_nothing_to_compare_is_told(blank: Protocol) -> None:
    none = {"not_estimable": "a group without values"}
    said = told(blank, score(estimate=none, interval=none, test=none, n=[0, 9]))
    assert (said.estimate, said.interval, said.test) == ("not estimable", "no interval", "not tested")
    assert "Substance X and Placebo cannot be compared" in said.sentences[0]


def test_without_a_comparison_the_arms_stand_alone(blank: Protocol) -> None:
    found = score()
    del found["comparison"]
    said = told(blank, found)
    assert (said.estimate, said.interval, said.test, said.of) == ("by group", "", "not tested", "")
    assert len(said.arms) == 2


def test_in_french(blank: Protocol) -> None:
    said = told(blank, score(), code="fr")
    assert (said.estimate, said.of) == ("−8,5", "Substance X moins Placebo")
    assert said.sentences[0].startswith("À S8, la variation, Substance X moins Placebo, était de −8,5")
    assert "Les groupes diffèrent" in said.sentences[1]


def test_proportions_differ_by_percentage_points(blank: Protocol) -> None:
    def part(x: int, n: int) -> dict[str, Any]:
        share = {"x": x, "n": n, "estimate": x / n, "interval": interval(0.2, 0.8)}
        events = {"ae": {"composite": False}, "death": {"composite": True}}
        return {"without_event": share, "lost_counted_as_events": 0, "pending": 0, "by_event": events,
                "event_rate_upper": interval(0, 0.5)}  # fmt: skip

    there = {"arms": ["active", "placebo"], "x": [6, 8], "n": [10, 10], "estimate": -0.2,
             "interval": interval(-0.5, 0.2), "test": {"p": 0.63}}  # fmt: skip
    found = {"kind": "proportion_without_event", "level": "secondary", "comparison": there,
             "arms": {"active": part(6, 10), "placebo": part(8, 10)}}  # fmt: skip
    results = {"endpoints": {"without_event": found}, "multiplicity": None}
    said = statement(blank, results, "without_event", language("en"))
    assert said.estimate == "−20.0 percentage points"
    assert said.interval == "95% interval −50.0 to +20.0"
    assert any("Fisher's exact test" in one for one in said.sentences)
    assert "Counted as events: adverse event or death." in said.sentences


def test_baseline_has_a_column_for_each_arm(blank: Protocol) -> None:
    def arm(n: int, median: Any, women: int) -> dict[str, Any]:
        age = {"n": n, "median": median, "lower": 40.0, "upper": 60.5}
        choices = {"SEX": {"counts": {"F": women, "M": 0}, "unknown": n - women},
                   "severity": {"counts": {"mild": 0, "severe": n}, "unknown": 0}}  # fmt: skip
        return {"n": n, "numbers": {"AGE": age}, "choices": choices}

    found = {"active": arm(10, 52.0, 10), "placebo": arm(8, {"not_estimable": "no values"}, 6)}
    rows = baseline(blank, found, language("en"))
    assert rows.head[1:] == ("Substance X", "Placebo")
    assert ("Age (years): median (quartiles)", "52.0 (40.0 to 60.5)", "–") in rows.body
    assert ("Sex: Woman", "10 (100%)", "6 (75%)") in rows.body
    assert ("Sex: not known", "0", "2") in rows.body
    assert not any("Man" in row[0] or "Mild" in row[0] for row in rows.body)
