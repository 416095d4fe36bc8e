"""Numbers that rest on what a broken rule is about are not given, and a person's own are."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trialrun.cytometry.manifest import Row
from trialrun.cytometry.outcome import Adjusted, Looked, Outcome, packed, unpacked
from trialrun.cytometry.quality import Judged
from trialrun.cytometry.quantity import Estimate
from trialrun.cytometry.withhold import withheld
from trialrun.protocol.panel import Panel

PANEL = Panel.model_validate(
    {
        "title": {"en": "A tube"},
        "from": ("assumption",),
        "reason": "For the tests.",
        "markers": {"A": ("A-A",), "B": ("B-A",)},
        "compensation": "none",
        "populations": {
            "beads": {"of": "all", "method": "density", "by": "B", "keep": "high"},
            "t": {"of": "all", "method": "density", "by": "A", "keep": "high"},
            "part": {"of": "t", "method": "density", "by": "B", "keep": "high"},
            "rest": {"of": "all", "method": "boolean", "where": "NOT t"},
        },
        "counting": {"beads": "beads", "dual": "rest", "from": ("assumption",), "reason": "For the tests."},
        "quantities": {
            "t_count": {"absolute": "t"},
            "t_events": {"count": "t"},
            "part_percent": {"percent": "part", "of": "t"},
            "part_count": {"absolute": "part"},
            "rest_events": {"count": "rest"},
        },
        "quality": {
            "few": {"kind": "events", "of": "t", "at_least": 2000, "then": "withhold"},
            "beads": {"kind": "events", "of": "beads", "at_least": 500, "then": "withhold"},
            "cuts": {"kind": "cut", "then": "withhold"},
        },
    }
)
ALL = set(PANEL.quantities)


def outcome(*rules: Judged, counting: str = "beads") -> Outcome:
    estimates = {name: Estimate(5.0, "%", 4.0, 6.0, 50, 1000) for name in PANEL.quantities}
    file = Looked(Path("a.fcs"), "a.fcs", "1a2b", 10_000, {}, (), Row({"counting": counting}))
    return Outcome(file, {}, {}, {}, estimates, rules)


def broken(rule: str, *about: str, **changed: Any) -> Judged:
    return replace(Judged(rule, False, "it is odd", 1.0, about, "withhold"), **changed)


def left_out(one: Outcome) -> set[str]:
    return {name for name, value in withheld(PANEL, one).estimates.items() if value.value is None}


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        (broken("few", "t"), {"part_percent", "part_count"}),
        (broken("beads", "beads"), {"t_count", "part_count"}),
        (broken("cuts", "part"), {"part_percent", "part_count"}),
        (broken("cuts", "beads"), {"t_count", "part_count"}),
        (broken("cuts", "t"), ALL),
        (broken("cuts", "t", passed=None), set()),
        (broken("cuts", "t", passed=True), set()),
        (broken("cuts", "t", then="warn"), set()),
    ],
)
def test_only_what_rests_on_it_is_withheld(rule: Judged, names: set[str]) -> None:
    one = outcome(rule)
    assert left_out(one) == names
    assert withheld(PANEL, one).failed == ()


def test_cells_are_counted_by_what_the_manifest_says() -> None:
    assert left_out(outcome(broken("cuts", "beads"), counting="dual")) == set()
    assert left_out(outcome(broken("cuts", "beads"), counting="volume")) == set()


def test_a_reason_names_every_rule_and_nothing_else_of_the_number_stays() -> None:
    told = withheld(PANEL, outcome(broken("few", "t"), broken("cuts", "part", message="it lies off")))
    assert told.estimates["part_count"] == Estimate(None, "%", reason="few: it is odd; cuts: it lies off")
    assert told.estimates["rest_events"].value == 5
    one = outcome(broken("few", "t"))
    unknown = Estimate(None, "%", events=9, reason="`t` has no events")
    known = withheld(PANEL, replace(one, estimates={**one.estimates, "part_count": unknown}))
    assert known.estimates["part_count"] == Estimate(None, "%", reason="`t` has no events")


def test_a_persons_own_number_stays_and_one_that_they_did_not_change_does_not() -> None:
    one = outcome(broken("few", "t"))
    own = Estimate(7.0, "%", 6.0, 8.0, 70, 1000)
    told = withheld(PANEL, replace(one, adjusted=Adjusted({}, {}, {**one.estimates, "part_percent": own})))
    assert told.adjusted is not None
    assert told.estimates["part_percent"].value is None
    assert told.adjusted.estimates["part_percent"] == own
    assert told.adjusted.estimates["part_count"] == told.estimates["part_count"]


def test_what_a_rule_is_about_is_kept_with_the_outcome() -> None:
    one = outcome(broken("few", "t"))
    assert unpacked(one.file, packed(one)) == one
