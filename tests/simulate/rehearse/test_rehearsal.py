"""The bundled study rehearsed, and the promises of a rehearsal."""

from collections.abc import Callable

import pytest

from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol
from trialrun.simulate.rehearse.rehearsal import coverage, rehearse
from trialrun.simulate.rehearse.shorten import Budget, shorten

FEW = 150


@pytest.fixture(scope="module")
def bundled() -> Protocol:
    return load("vascu_il2")


@pytest.mark.slow
@pytest.mark.parametrize("study", ["transreg_like", "dilfrequency_like", "parallel_blank"])
def test_the_other_bundled_studies_are_clean(study: str) -> None:
    rehearsal = rehearse(load(study), participants=60_000)
    assert [(one.code, one.place, one.message) for one in rehearsal.findings] == []
    assert rehearsal.exhausted


def test_a_rehearsal_cut_short_accuses_nobody_of_what_it_did_not_reach() -> None:
    rehearsal = rehearse(load("parallel_blank"), participants=FEW)
    assert not rehearsal.exhausted
    assert rehearsal.findings == rehearsal.notes == ()
    assert rehearsal.pending
    assert rehearsal.as_json()["not_reached_yet"][0].keys() == {"code", "place"}


def test_the_budget_bounds_the_shortening_too(study: Callable[..., Protocol]) -> None:
    protocol = study(("study.yaml", "hold: weakness, unknown: hold", "hold: weakness, unknown: continue"))
    [finding] = [one for one in rehearse(protocol, participants=200).findings if one.code == "blind"]
    longer = (*finding.history[:1], *finding.history)
    spent, ample = Budget(1), Budget(1000)
    assert len(shorten(protocol, longer, spent)) > len(shorten(protocol, longer, ample))
    assert spent.left <= 0 < ample.left


@pytest.mark.slow
def test_the_bundled_study_is_clean(bundled: Protocol) -> None:
    rehearsal = rehearse(bundled)
    assert [(one.code, one.place, one.message) for one in rehearsal.findings] == []
    assert rehearsal.exhausted
    reached = coverage(bundled, rehearsal.reached)
    assert all("done" in one for one in reached["timepoints"].values())
    assert all({"yes", "no"} <= set(said) for name, said in reached["rules"].items() if said)
    assert {f"stops.{name}" for name in bundled.study.stops} <= set(reached["stops"])


def test_nothing_unsafe_is_permitted_to_the_first_few_of_the_bundled_study(bundled: Protocol) -> None:
    rehearsal = rehearse(bundled, participants=FEW)
    assert rehearsal.hopes.unmet == ()
    assert not rehearsal.exhausted
    assert [one for one in rehearsal.findings if one.code in ("unsafe", "blind", "dead-end", "windows")] == []


def test_the_same_seed_gives_the_same_rehearsal(study: Callable[..., Protocol]) -> None:
    protocol = study(("study.yaml", "hold: weakness, unknown: hold", "hold: weakness, unknown: continue"))
    once, again = (rehearse(protocol, seed=5, participants=200).as_json() for _ in range(2))
    assert once == again


def test_a_history_cannot_be_shorter(study: Callable[..., Protocol]) -> None:
    protocol = study(("study.yaml", "hold: weakness, unknown: hold", "hold: weakness, unknown: continue"))
    [finding] = [one for one in rehearse(protocol, participants=200).findings if one.code == "blind"]
    assert shorten(protocol, finding.history) == finding.history
    assert {step.name for step in finding.history if step.does == "fill"} == {
        "consent",
        "demography",
        "diary",
    }
