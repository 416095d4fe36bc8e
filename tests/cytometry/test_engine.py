"""The engine: its fast way is its exact way, it stays within the parent, and says what it cannot decide."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.cytometry import engine, flowjo
from trialrun.cytometry.columns import Columns
from trialrun.cytometry.compensation import Compensation
from trialrun.cytometry.engine import gate
from trialrun.cytometry.fcs.read import read
from trialrun.cytometry.gates import Boolean, Dimension, Ellipsoid, Operand, Polygon, Ratio, Rectangle
from trialrun.cytometry.hierarchy import Hierarchy, Population
from trialrun.cytometry.sample import Channel, Sample
from trialrun.cytometry.transform import Asinh, GatingError, Hyperlog, Linear, Log, Logicle, Transform

SCALES: list[Transform] = [
    Linear(262144, 1000),
    Log(262144, 5),
    Asinh(262144, 4.5, 1),
    Logicle(262144, 1, 4.5, 0),
    Logicle(262144, 0.3, 4, 0.5),
    Hyperlog(262144, 1, 4.5, 0),
]
MIXTURE = Compensation.square(("A", "B"), [[1, 0.2], [0.05, 1]])


def sample(events: int = 4000, **keywords: str) -> Sample:
    """Three channels: two lognormal about zero, and one that counts up."""
    chance = np.random.default_rng(7)
    stains = chance.lognormal(6, 2.5, (2, events)) * chance.choice([-0.05, 1, 1], (2, events))
    columns = np.vstack([stains, np.arange(events)]).astype(np.float32)
    return Sample("made.fcs", "", tuple(Channel(name) for name in "ABC"), columns, keywords)


def dimension(name: str, transform: Transform | None = None) -> Dimension:
    return Dimension(name, MIXTURE if name != "C" else None, transform)


numbers = st.floats(-0.2, 1.2).map(lambda number: round(number, 3))


@settings(max_examples=60)
@given(
    st.sampled_from(SCALES),
    st.sampled_from(SCALES),
    st.lists(st.tuples(numbers, numbers), min_size=3, max_size=9),
    st.booleans(),
)
def test_the_mesh_decides_as_asking_about_each_event_does(
    across: Transform, up: Transform, vertices: list[tuple[float, float]], complement: bool
) -> None:
    shape = Polygon((dimension("A", across), dimension("B", up)), tuple(vertices))
    hierarchy = Hierarchy([Population("in", shape, complement=complement)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "MESHED", 0)
        fast = gate(sample(), hierarchy)
    exact = gate(sample(), hierarchy, exact=True)
    assert np.array_equal(fast.events["in"], exact.events["in"])
    assert fast.undefined == exact.undefined


@settings(max_examples=60)
@given(st.sampled_from(SCALES), numbers, st.one_of(st.none(), numbers), st.booleans())
def test_a_bound_found_once_decides_as_transforming_each_event_does(
    scale: Transform, low: float, high: float | None, complement: bool
) -> None:
    shape = Rectangle((dimension("A", scale),), ((low, high),))
    upper = Rectangle((Dimension("B", None, scale),), ((None, low),))
    hierarchy = Hierarchy(
        [Population("in", shape, complement=complement), Population("below", upper, "in", complement)]
    )
    fast, exact = gate(sample(), hierarchy), gate(sample(), hierarchy, exact=True)
    assert all(np.array_equal(fast.events[name], exact.events[name]) for name in fast.events)
    assert fast.undefined == exact.undefined


def nested() -> Hierarchy:
    logicle = Logicle(262144, 1, 4.5, 0)
    flat = ((0.4, 0.4), (0.9, 0.4), (0.9, 0.95), (0.3, 0.9))
    round_ = Ellipsoid((dimension("A"), dimension("B")), (3000, 3000), ((1e7, 2e6), (2e6, 2e7)), 2)
    return Hierarchy(
        [
            Population("late", Rectangle((dimension("C"),), ((500, None),))),
            Population("poly", Polygon((dimension("A", logicle), dimension("B", logicle)), flat), "late"),
            Population("round", round_, "poly"),
            Population("either", Boolean("or", (Operand("round"), Operand("late", True))), "poly"),
            Population("rest", round_, "poly", complement=True),
        ]
    )


def test_populations_nest_and_a_complement_is_the_rest_of_its_parent() -> None:
    gated = gate(sample(), nested())
    exact = gate(sample(), nested(), exact=True)
    assert gated.counts == exact.counts
    assert 0 < gated.count("round") < gated.count("poly") < gated.count("late") == 3500
    assert np.array_equal(gated.events["either"], gated.events["round"])
    assert (
        gated.count("rest") + gated.count("round")
        == gated.count("poly")
        == gated.count(gated.hierarchy.by_name["rest"].parent)
    )
    for indices in gated.events.values():
        assert indices.dtype == np.int32 and (np.diff(indices) > 0).all()


def test_events_outside_the_parent_are_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    original = Columns._raw

    def spied(self: Columns, index: int) -> np.ndarray:
        seen.append((index, self.count))
        return original(self, index)

    monkeypatch.setattr(Columns, "_raw", spied)
    gate(sample(), nested())
    # C of all, then A and B of the 3500 in `late`, once each for all that follows.
    assert seen == [(2, 4000), (0, 3500), (1, 3500)]


def test_a_ratio_over_zero_is_neither_in_a_gate_nor_in_its_complement() -> None:
    shape = Rectangle((Dimension(Ratio("A", "C")),), ((0, None),))
    hierarchy = Hierarchy([Population("in", shape), Population("out", shape, complement=True)])
    for exact in (False, True):
        gated = gate(sample(), hierarchy, exact=exact)
        assert gated.undefined == {"in": 1, "out": 1}
        assert gated.count("in") + gated.count("out") == 3999


def test_values_are_brought_to_the_scale_of_their_channel_first() -> None:
    raw = np.array([[0, 512, 1023], [10, 20, 30], [1, 2, 3]], dtype=np.float32)
    channels = (Channel("L", range=1024, amplification=(4, 1)), Channel("G", gain=2), Channel("Time", gain=8))
    made = Sample("scaled.fcs", "", channels, raw, {"$TIMESTEP": "0.5", "$DATATYPE": "I"})
    for name, low, found in (("L", 100.0, 1), ("G", 10.0, 1), ("Time", 1.0, 1)):
        hierarchy = Hierarchy([Population("in", Rectangle((Dimension(name),), ((low, None),)))])
        assert gate(made, hierarchy).events["in"].tolist() == [found, 2]


@pytest.mark.parametrize(
    ("channel", "compensation", "told"),
    [
        ("D", None, r"population `p`: made.fcs: no channel is called `D`; there are A, B, C"),
        ("C", MIXTURE, "has no fluorochrome or detector `C`; it has A, B"),
        ("A", "file", "population `p`: made.fcs: SPILL: it does not begin with a number of channels"),
    ],
)
def test_what_the_sample_lacks_is_told(channel: str, compensation: object, told: str) -> None:
    shape = Rectangle((Dimension(channel, compensation),), ((0, None),))  # type: ignore[arg-type]
    with pytest.raises(GatingError, match=told):
        gate(sample(SPILL="x,1"), Hierarchy([Population("p", shape)]))


def test_flowjo_counts_are_met_where_it_counted(shared: Path) -> None:
    pytest.importorskip("flowkit")
    folder = shared / "data/cytometry/simple"
    samples = {path.name: read(path) for path in folder.glob("*.fcs")}
    met = {}
    for path in sorted(folder.glob("*.wsp")):
        for workspace in flowjo.read(path):
            gated = gate(samples[workspace.sample], workspace.hierarchy)
            assert gated.total == workspace.total
            met[path.stem] = {name: (gated.count(name), count) for name, count in workspace.counts.items()}
    assert met.pop("simple_poly_and_rect") == {}  # FlowJo had not counted
    # FlowJo stored 0 here; the file's own name says that 50 points lie in the polygon.
    assert met.pop("simple_poly_and_rect_v2_poly50") == {"poly1": (50, 0), "rect1": (0, 0)}
    assert len(met) == 5
    assert all(ours == theirs for counts in met.values() for ours, theirs in counts.values())


def test_a_workspace_is_read_without_its_files(shared: Path) -> None:
    pytest.importorskip("flowkit")
    found = flowjo.read(shared / "data/cytometry/eqapol_8color_ics/8_color_ICS.wsp")
    assert [len(one.hierarchy.populations) for one in found] == [14, 14, 14]
    third = next(one for one in found if "E03" in one.sample)
    assert third.counts["CD4+/IFNg+"] == 607
    assert third.hierarchy.path("CD4+/IFNg+")[:3] == ("Time", "Singlets", "aAmine-")


def test_without_flowkit_a_workspace_is_refused_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lab.wsp"
    pytest.importorskip("flowkit")
    path.write_text("<Workspace/>")
    with pytest.raises(GatingError, match=r"lab\.wsp: FlowKit cannot read the workspace"):
        flowjo.read(path)
    monkeypatch.setitem(sys.modules, "flowkit", None)
    with pytest.raises(GatingError, match=r"not installed; run: pip install 'trialrun\[flowjo\]'"):
        flowjo.read(path)
    path.write_text('<!DOCTYPE w [<!ENTITY a SYSTEM "file:///etc/passwd">]><Workspace>&a;</Workspace>')
    with pytest.raises(GatingError, match="declares a document type"):
        flowjo.read(path)
