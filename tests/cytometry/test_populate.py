"""Populations found in the events: one gate for all samples, and borders learnt from gates by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.cytometry.fcs.write import write
from trialrun.cytometry.manifest import Row
from trialrun.cytometry.method import imported
from trialrun.cytometry.populate import adjusted, populate
from trialrun.cytometry.quantity import quantity
from trialrun.cytometry.sample import Channel, Sample
from trialrun.cytometry.training import rows_in, templates
from trialrun.cytometry.transform import GatingError
from trialrun.protocol.panel import Panel, Quantity
from trialrun.protocol.population import Rectangle

NAMES = ("A-A", "B-A", "C-A")
TRAINED = {"of": "all", "method": "transitional", "high": "A", "low": "B", "trained_on": "ours"}


def panel(populations: dict[str, object], **more: object) -> Panel:
    first = next(iter(populations))
    said = {
        "title": "P", "from": "assumption", "reason": "test", "compensation": "none",
        "markers": {"A": "A-A", "B": "B-A", "C": "C-A"},
        "transforms": {"default": {"linear": {"top": 4096}}},
        "populations": populations, "quantities": {"n": {"count": first}}, **more,
    }  # fmt: skip
    return Panel.model_validate(said)


def sample(seed: int = 1, count: int = 2000, share: float = 0.2, digest: str = "") -> Sample:
    """Two clouds in A; B is low in those that are high in A; C is noise."""
    stream = np.random.default_rng(seed)
    high = int(count * share)
    a = np.concatenate([stream.normal(1500, 100, high), stream.normal(600, 100, count - high)])
    b = np.concatenate([stream.normal(500, 90, high), stream.normal(900, 90, count - high)])
    events = np.rint(np.stack([a, b, stream.normal(700, 80, count)])).astype(np.float32)
    channels = tuple(Channel(name, "", 4096.0) for name in NAMES)
    return Sample(f"{seed}.fcs", digest or str(seed), channels, events, {})


DENSITY = {"high": {"of": "all", "method": "density", "by": "A", "keep": "high"}}


def test_each_method_finds_the_cells() -> None:
    said = panel(
        {
            **DENSITY,
            "tail": {"of": "all", "method": "tail", "by": "A", "keep": "high"},
            "mixed": {"of": "all", "method": "mixture", "by": ["A", "B"], "high": "A", "low": "B"},
            "edge": {"of": "all", "method": "rectangle", "within": {"A": [1050, None]}},
            "corner": {"of": "all", "method": "quadrant", "at": {"A": 1050, "B": 700},
                       "keep": {"A": "high", "B": "low"}},
            "drawn": {"of": "all", "method": "polygon", "by": ["A", "B"],
                      "corners": [[1050, 0], [4000, 0], [4000, 4000], [1050, 4000]]},
            "round": {"of": "all", "method": "ellipsoid", "by": ["A", "B"], "center": [1500, 500],
                      "covariance": [[0.0006, 0], [0, 0.0005]], "distance": 16},
            "rest": {"of": "all", "method": "boolean", "where": "NOT high"},
            "both": {"of": "edge", "method": "boolean", "where": "corner AND drawn"},
        }
    )  # fmt: skip
    (one,) = populate(said, [sample()])
    assert not one.reasons
    for name in said.populations:
        expected = 1600 if name == "rest" else 400
        assert abs((one.count(name) or 0) - expected) <= 16, name
        assert (np.diff(one.events[name]) > 0).all() and one.events[name].dtype == np.int32


@given(order=st.permutations(range(3)), shuffled=st.randoms(use_true_random=False))
@settings(max_examples=10)
def test_the_order_of_samples_and_of_events_changes_no_gate(order: list[int], shuffled: object) -> None:
    said = panel({**DENSITY, "rare": {"of": "all", "method": "transitional", "high": "A", "low": "B"}})
    samples = [sample(number) for number in range(3)]
    stream = np.random.default_rng(shuffled.getrandbits(32))  # type: ignore[attr-defined]
    mixed = [replace(samples[i], events=stream.permutation(samples[i].events, axis=1)) for i in order]
    there, again = populate(said, samples), populate(said, mixed)
    assert [there[i].count("high") for i in order] == [one.count("high") for one in again]
    assert there[0].found["high"] == again[0].found["high"]
    assert there[0].found["rare"].told() == again[0].found["rare"].told()


def test_why_a_population_is_not_known_reaches_its_children() -> None:
    said = panel({**DENSITY, "child": {"of": "high", "method": "rectangle", "within": {"B": [0, None]}}})
    one = sample(share=0.0)
    flat = replace(one, events=np.full_like(one.events, 7))
    (found,) = populate(said, [flat])
    assert found.count("high") is None and found.count("child") is None
    assert "same value" in found.reason("child") and "`high`" in found.reason("child")


def test_a_sample_without_a_marker_does_not_take_it_from_the_others() -> None:
    lone = sample(2)
    lacking = replace(lone, channels=(Channel("X-A"), *lone.channels[1:]))
    first, second = populate(panel(DENSITY), [lacking, sample()])
    assert "for A" in first.reasons["high"]
    assert second.count("high") == 400


def test_a_gate_by_hand_moves_its_children_and_nothing_else() -> None:
    low = {"of": "all", "method": "density", "by": "B", "keep": "low"}
    said = panel(
        {**DENSITY, "low": low, "child": {"of": "high", "method": "density", "by": "C", "keep": "high"}}
    )
    (one,) = populate(said, [sample()])
    gate = Rectangle.model_validate({"of": "all", "method": "rectangle", "within": {"A": [1500, None]}})
    other = adjusted(one, {"high": gate})
    assert (other.count("high") or 0) < 250
    assert one.count("high") == 400
    assert (other.events["low"] == one.events["low"]).all()


GATE = """<?xml version="1.0"?>
<gating:Gating-ML xmlns:gating="http://www.isac-net.org/std/Gating-ML/v2.0/gating"
 xmlns:data-type="http://www.isac-net.org/std/Gating-ML/v2.0/datatypes">
 <gating:RectangleGate gating:id="High">
 <gating:dimension gating:compensation-ref="uncompensated" gating:min="1050">
 <data-type:fcs-dimension data-type:name="A-A"/></gating:dimension></gating:RectangleGate>
</gating:Gating-ML>"""


def test_a_gate_of_another_file_is_used(tmp_path: Path) -> None:
    (tmp_path / "g.xml").write_text(GATE, "utf-8")
    named = {"of": "all", "method": "gating_ml", "file": "g.xml", "sha256": "0" * 64}
    said = panel({"high": {**named, "gate": "High"}, "none": {**named, "gate": "Hihg"}})
    (one,) = populate(said, [sample()], gates=imported(said, tmp_path))
    assert one.count("high") == 400
    assert "no gate `Hihg`" in one.reason("none")


# ---- references gated by hand ---------------------------------------------------------------------


def by_hand(folder: Path, seed: int, share: float = 0.2) -> dict[str, object]:
    """A parent and its members, where a person took what is above a line."""
    parent = sample(seed, share=share)
    held = parent.events[0] > parent.events[1] + 100
    write(folder / f"{seed}.fcs", parent)
    write(folder / f"{seed}-taken.fcs", replace(parent, events=parent.events[:, held]))
    return {"parent": f"{seed}.fcs", "members": f"{seed}-taken.fcs"}


def trained(samples: list[dict[str, object]], **more: object) -> Panel:
    references = {"ours": {"role": "training", "samples": samples}}
    others = {
        "copy": {"of": "all", "method": "boolean", "where": "rare"},
        "below": {"of": "rare", "method": "rectangle", "within": {"A": [0, 10000]}},
    }
    return panel({"rare": {**TRAINED, **more}, **others}, references=references)


def test_a_border_is_learnt_from_what_a_person_took(tmp_path: Path) -> None:
    said = trained([by_hand(tmp_path, 1), by_hand(tmp_path, 2)], also="C")
    one = sample(3)
    (found,) = populate(said, [one], templates=templates(said, tmp_path))
    truth = one.events[0] > one.events[1] + 100
    held = np.zeros(one.count, dtype=bool)
    held[found.events["rare"]] = True
    assert 2 * (held & truth).sum() / (held.sum() + truth.sum()) > 0.98
    assert found.error("rare") > 0
    assert found.error("copy") == pytest.approx(found.error("rare"))
    assert found.error("below") == pytest.approx(found.error("rare"))
    assert found.error("below", "rare") == 0
    share = Quantity.model_validate({"percent": "rare", "of": "all"})
    estimate = quantity(found, share, Row())
    assert estimate.corrected == found.shares["rare"].corrected
    assert estimate.corrected == pytest.approx(100 * truth.mean(), rel=0.05)


def test_a_sample_is_no_two_references(tmp_path: Path) -> None:
    one = by_hand(tmp_path, 1)
    reason = templates(trained([one, one]), tmp_path)["rare"]
    assert "two references have the same events" in str(reason)


def test_references_that_cannot_be_used_are_told_and_nothing_else_is_taken(tmp_path: Path) -> None:
    lone = by_hand(tmp_path, 1)
    other = by_hand(tmp_path, 2)
    said = trained([{**lone, "members": other["members"]}])
    learnt = templates(said, tmp_path)
    assert "are not in 1.fcs" in str(learnt["rare"])
    (found,) = populate(said, [sample(3)], templates=learnt)
    assert found.count("rare") is None and "nothing can be learnt" in found.reason("rare")


def test_members_of_other_channels_are_refused() -> None:
    one = sample()
    with pytest.raises(GatingError, match="other channels"):
        rows_in(one, replace(one, channels=one.channels[::-1]))
    assert rows_in(one, replace(one, events=one.events[:, :5])).sum() == 5
