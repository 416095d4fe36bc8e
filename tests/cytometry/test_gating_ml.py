"""Gating-ML: the 51 truth files of its compliance set, what comes back from export, what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trialrun.cytometry import gating_ml, gating_ml_export
from trialrun.cytometry.engine import gate
from trialrun.cytometry.fcs.read import read
from trialrun.cytometry.flowjo import OffsetLog
from trialrun.cytometry.gates import Dimension, Rectangle
from trialrun.cytometry.hierarchy import Hierarchy, Population
from trialrun.cytometry.sample import Sample
from trialrun.cytometry.transform import GatingError

# Two gates of the set are not in its collective file; one of them is called otherwise there.
APART = {
    "gml_ellipsoid3d_gate.xml": {},
    "gml_parent_quadrant_rect_gate.xml": {"ParRectangle1": "ParQuadRect"},
}


@pytest.fixture(scope="module")
def compliance(shared: Path) -> Path:
    return shared / "data/cytometry/gate_ref"


@pytest.fixture(scope="module")
def sample(compliance: Path) -> Sample:
    return read(compliance / "data1.fcs")


@pytest.fixture(scope="module")
def truth(compliance: Path) -> dict[str, np.ndarray]:
    files = compliance.glob("truth/Results_*.txt")
    return {path.stem.removeprefix("Results_"): np.loadtxt(path, dtype=bool) for path in files}


@pytest.mark.parametrize("exact", [False, True], ids=["fast", "exact"])
def test_all_51_truth_files_are_met_event_by_event(
    compliance: Path, sample: Sample, truth: dict[str, np.ndarray], exact: bool
) -> None:
    met = set()
    for file, renamed in {"gml_all_gates.xml": {}, **APART}.items():
        gated = gate(sample, gating_ml.read(compliance / "gml" / file), exact=exact)
        for name, events in gated.events.items():
            expected = truth[renamed.get(name, name)]
            assert np.array_equal(events, np.flatnonzero(expected)), name
            met.add(renamed.get(name, name))
    assert met == set(truth)
    assert len(met) == 51


@pytest.mark.parametrize("file", ["gml_all_gates.xml", *APART])
def test_what_is_exported_reads_back_to_the_same_populations(compliance: Path, file: str) -> None:
    hierarchy = gating_ml.read(compliance / "gml" / file)
    document = gating_ml_export.dumps(hierarchy)
    again = gating_ml.loads(document.encode())
    assert again.by_name == hierarchy.by_name
    assert gating_ml_export.dumps(again) == document


def test_a_complement_is_exported_as_what_is_not_in_its_gate(sample: Sample) -> None:
    low = Rectangle((Dimension("FSC-H"),), ((None, 60.0),))
    hierarchy = Hierarchy([Population("all", low), Population("rest", low, "all", complement=True)])
    again = gating_ml.loads(gating_ml_export.dumps(hierarchy).encode())
    assert [one.name for one in again.populations] == ["all", "rest (inside)", "rest"]
    assert gate(sample, again).count("rest") == gate(sample, hierarchy).count("rest") == 0


def test_another_reader_counts_the_same(compliance: Path, sample: Sample, tmp_path: Path) -> None:
    flowkit = pytest.importorskip("flowkit")
    hierarchy = gating_ml.read(compliance / "gml/gml_all_gates.xml")
    written = tmp_path / "again.xml"
    written.write_text(gating_ml_export.dumps(hierarchy), encoding="utf-8")
    theirs = (
        flowkit.parse_gating_xml(str(written)).gate_sample(flowkit.Sample(compliance / "data1.fcs")).report
    )
    counts = dict(zip(theirs.gate_name, theirs["count"], strict=True))
    ours = gate(sample, hierarchy).counts
    assert all(counts[name] == count for name, count in ours.items())


def test_a_scale_that_the_standard_lacks_is_not_exported() -> None:
    shape = Rectangle((Dimension("A", None, OffsetLog(1, 4)),), ((0.5, None),))
    with pytest.raises(
        GatingError, match=r"population `p`: Gating-ML 2\.0 has no scale like FlowJo's OffsetLog"
    ):
        gating_ml_export.dumps(Hierarchy([Population("p", shape)]))


HEAD = f"""<g:Gating-ML xmlns:g="{gating_ml.GATING}" xmlns:t="{gating_ml.TRANSFORMS}"
 xmlns:d="{gating_ml.DATATYPES}">
"""


def ranged(more: str = "", bounds: str = 'g:min="1"') -> str:
    dimension = f'<g:dimension {bounds}><d:fcs-dimension d:name="A"/></g:dimension>'
    return f'<g:RectangleGate g:id="p" {more}>{dimension}</g:RectangleGate>'


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            ranged(bounds='g:min="low"'),
            r"bad.xml, line 3, <dimension>: attribute `min` is `low`, expected a number",
        ),
        (ranged(bounds='g:min="nan"'), "`nan`, expected a number"),
        (ranged(bounds=""), "line 3, <RectangleGate>: a rectangle needs a bound in each dimension"),
        (ranged('g:parent_id="q"'), "population `p`: there is no population `q`; there are p"),
        (ranged('g:parent_id="p"'), "in a circle: p → p"),
        (ranged() + "\n" + ranged(), "population `p` is there twice"),
        (
            ranged(bounds='g:min="1" g:transformation-ref="T"'),
            "there is no transformation `T`; there are none",
        ),
        (ranged(bounds='g:min="1" g:compensation-ref="M"'), "there is no spectrumMatrix `M`; there are none"),
        (
            '<t:transformation t:id="T"><t:flog t:T="0" t:M="4"/></t:transformation>',
            "T and M must be above 0",
        ),
        (
            '<t:transformation t:id="T"><t:spline/></t:transformation>',
            "<spline>: is no scale of Gating-ML 2.0",
        ),
        (
            '<g:BooleanGate g:id="b"><g:xor/></g:BooleanGate>',
            "a Boolean gate holds one of <and>, <or>, <not>",
        ),
        ('<g:PolygonGate g:id="p"/>', "a polygon has 2 dimensions, this has 0"),
        ("<unclosed>", "line 4: not well-formed XML"),
    ],
)
def test_a_faulty_document_is_refused_with_its_place(body: str, told: str) -> None:
    with pytest.raises(GatingError, match=told):
        gating_ml.loads(f"{HEAD}{body}\n</g:Gating-ML>".encode(), "bad.xml")


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY % a SYSTEM "http://example.org/a.dtd"> %a;',
    ],
)
def test_entities_are_refused_before_they_are_read(declared: str) -> None:
    with pytest.raises(GatingError, match="declares a document type or an entity"):
        gating_ml.loads(f"<!DOCTYPE g [{declared}]>{HEAD}</g:Gating-ML>".encode())


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (b"", "no element found"),
        (b"\xff\xfe\x00", "not well-formed"),
        (b'<?xml version="1.0" encoding="nope"?><a/>', "its encoding cannot be read"),
        (b"<a>" * 50_000, "not well-formed"),
        (b"<a>" * 50_000 + b"</a>" * 50_000, "is <a>, not <Gating-ML>"),
    ],
)
def test_what_is_no_document_is_refused(document: bytes, told: str) -> None:
    with pytest.raises(GatingError, match=told):
        gating_ml.loads(document)


def test_a_sample_without_events_has_empty_populations(compliance: Path, sample: Sample) -> None:
    empty = replace(sample, events=sample.events[:, :0])
    hierarchy = gating_ml.read(compliance / "gml/gml_all_gates.xml")
    for exact in (False, True):
        assert set(gate(empty, hierarchy, exact=exact).counts.values()) == {0}


def test_another_document_is_refused() -> None:
    with pytest.raises(GatingError, match=r"is <html>, not <Gating-ML> of version 2\.0"):
        gating_ml.loads(b"<html/>")
