"""Rules that fail a sample: each is shown what it is for, and what it must leave alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trialrun.cytometry.fcs.read import read
from trialrun.cytometry.manifest import Row
from trialrun.cytometry.populate import populate
from trialrun.cytometry.quality import Beside, Judged, beside, flow_anomalies, margin, quality
from trialrun.cytometry.quantity import Estimate
from trialrun.cytometry.sample import Channel, Sample
from trialrun.protocol.panel import Panel

EVENTS = 20_000


def panel(quality: dict[str, object], **more: object) -> Panel:
    said = {
        "title": "P", "from": "assumption", "reason": "test", "markers": {"A": "A-A"}, "compensation": "none",
        "transforms": {"default": {"linear": {"top": 4096}}},
        "populations": {"high": {"of": "all", "method": "rectangle", "within": {"A": [1000, None]}}},
        "quantities": {"n": {"count": "high"}}, "quality": quality, **more,
    }  # fmt: skip
    return Panel.model_validate(said)


def sample(time: np.ndarray | None = None, values: np.ndarray | None = None) -> Sample:
    stream = np.random.default_rng(3)
    time = np.sort(stream.uniform(0, 6000, EVENTS)) if time is None else time
    values = stream.normal(800, 100, EVENTS) if values is None else values
    channels = (Channel("A-A", "", 4096.0), Channel("Time", "", 262144.0))
    return Sample("a.fcs", "0", channels, np.stack([np.rint(values), np.floor(time)]).astype(np.float32), {})


def judged(rule: dict[str, object], one: Sample, row: Row | None = None) -> Judged:
    (populated,) = populate(panel({"rule": rule}), [one])
    (found,) = quality(populated, row or Row())
    return found


def test_an_even_flow_passes_and_a_clot_fails() -> None:
    rule = {"kind": "flow_rate", "at_most": 5}
    assert judged(rule, sample()).passed
    stream = np.random.default_rng(4)
    clot = np.concatenate([stream.uniform(0, 3000, 18_000), stream.uniform(3000, 6000, 2_000)])
    found = judged(rule, sample(np.sort(clot)))
    assert found.passed is False and found.outcome == "fail"
    assert found.value is not None and found.value > 5


def test_the_share_of_odd_flow_is_that_of_the_events_in_it() -> None:
    stream = np.random.default_rng(5)
    burst = np.concatenate([stream.uniform(0, 6000, 16_000), stream.uniform(1000, 1300, 4_000)])
    assert flow_anomalies(np.sort(burst), 5) == pytest.approx((4000 + 16_000 / 20) / 20_000, abs=0.03)


def test_a_signal_that_wanders_fails() -> None:
    rule = {"kind": "stability", "at_most": 10}
    assert judged(rule, sample()).passed
    values = np.random.default_rng(6).normal(800, 100, EVENTS)
    values[-5000:] += 200
    found = judged(rule, sample(values=values))
    assert found.passed is False
    assert found.value == pytest.approx(25, abs=3)


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        (np.zeros(EVENTS), "all events have the same time"),
        (np.arange(EVENTS) % 7.0, "the time goes back"),
    ],
)
def test_times_that_say_nothing_are_unknown_and_no_pass(time: np.ndarray, reason: str) -> None:
    found = judged({"kind": "flow_rate", "at_most": 5}, sample(time))
    assert found.passed is None and found.outcome == "unknown"
    assert reason in found.message


def test_a_file_without_time_is_unknown() -> None:
    one = sample()
    found = judged({"kind": "flow_rate", "at_most": 5}, replace(one, channels=one.channels[:1]))
    assert found.outcome == "unknown" and "no channel `Time`" in found.message


def test_events_at_the_end_of_a_channel_are_margins() -> None:
    values = np.random.default_rng(7).normal(800, 100, EVENTS)
    values[:3000] = 4095
    one = sample(values=values)
    assert margin(one, "A-A") == pytest.approx(0.15)
    assert judged({"kind": "margin", "at_most": 10}, one).passed is False
    assert judged({"kind": "margin", "at_most": 10}, sample()).passed


def test_too_few_events_of_a_parent() -> None:
    found = judged({"kind": "events", "of": "high", "at_least": 1000, "then": "warn"}, sample())
    assert found.outcome == "warn"
    assert "events of `high`, at least 1,000 are asked for" in found.message


def test_fresh_and_frozen_are_not_mixed() -> None:
    rule = {"kind": "storage", "only": "fresh"}
    assert judged(rule, sample(), Row({"storage": "fresh"})).passed
    assert judged(rule, sample(), Row({"storage": "frozen"})).outcome == "fail"
    assert judged(rule, sample()).outcome == "unknown"


def others(values: list[float], reference: str = "bridge") -> list[Beside]:
    return [
        Beside({("high", "A"): value}, {"n": Estimate(value)}, Row({"batch": str(i), "reference": reference}))
        for i, value in enumerate(values)
    ]


def test_a_sample_that_drifts_is_told_from_those_that_do_not() -> None:
    rules = panel({"drift": {"kind": "drift", "of": "high"}})
    found = [one[0].passed for one in beside(rules, others([0.5, 0.51, 0.49, 0.5, 0.8]))]
    assert found == [True, True, True, True, False]
    assert [one[0].passed for one in beside(rules, others([0.5, 0.9]))] == [None, None]


def test_a_bridging_control_beyond_two_deviations_fails_its_run() -> None:
    rules = panel(
        {"bridge": {"kind": "bridging", "reference": "bridge", "quantity": "n"}},
        references={"bridge": {"role": "bridging"}},
    )
    runs = others([10.0, 11.0, 9.0, 10.5, 9.5, 14.0])
    patient = Beside({}, {"n": Estimate(3.0)}, Row({"batch": "5"}))
    lone = Beside({}, {"n": Estimate(3.0)}, Row({"batch": "9"}))
    found = beside(rules, [*runs, patient, lone])
    assert [one[0].passed for one in found] == [True, True, True, True, True, False, False, None]
    assert "has no bridging control" in found[-1][0].message


def test_events_at_the_top_of_a_channel_are_among_those_that_another_program_takes_out(shared: Path) -> None:
    """PeacoQC's example, before and after it took out what lies at the margins (and more at the low end)."""
    before, after = (read(shared / f"data/cytometry/qc/{name}.fcs") for name in ("peaco111", "peaco111ct"))
    size, height = (channel.name for channel in before.channels[:2])
    left = set(zip(after.column(size).tolist(), after.column(height).tolist(), strict=True))
    top = before.column(size) >= before.channels[0].range - 1
    pairs = zip(before.column(size)[top].tolist(), before.column(height)[top].tolist(), strict=True)
    assert margin(before, size) == pytest.approx(top.mean()) == 0.005
    assert not left & set(pairs)


def test_real_events_are_judged(shared: Path) -> None:
    one = read(shared / "data/cytometry/qc/peaco111.fcs")
    rules = {
        "flow": {"kind": "flow_rate", "at_most": 5},
        "steady": {
            "kind": "stability",
            "at_most": 20,
        },  # a passage of 11.4 %, whether 4 or 6 deviations count
        "margin": {"kind": "margin", "at_most": 1},
    }
    logicle = {"default": {"logicle": {"top": 262144}}}
    names = ("B515-A", "R660-A", "V450-A", "G560-A", "R780-A", "V605-A")
    said = panel(rules, markers={"A": names[0], **{n[0:4]: n for n in names[1:]}}, transforms=logicle)
    (populated,) = populate(said, [one])
    judged = {rule.rule: rule for rule in quality(populated, Row())}
    assert {rule.outcome for rule in judged.values()} == {"passed"}
    assert judged["steady"].value == pytest.approx(11.37, abs=0.01)
