"""The page about a batch: what stands in it, in both languages, and that nothing of a file can do harm."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from trialrun.cytometry import batch_folder
from trialrun.cytometry.adjustment import read_adjustments
from trialrun.cytometry.batch import Batch, gate, portraits
from trialrun.cytometry.fcs.write import write
from trialrun.cytometry.manifest import Manifest, Row
from trialrun.cytometry.report.language import LANGUAGES
from trialrun.cytometry.report.page import page
from trialrun.cytometry.report.plot import ACROSS, DOWN, LEFT, TOP
from trialrun.cytometry.report.portrait import Portrait, unpacked
from trialrun.cytometry.sample import Channel, Sample
from trialrun.protocol.panels import load_panels

HOSTILE = "<script>alert('&')</script>"
PANEL = """\
panels:
  tube:
    title: {en: A tube, fr: Un tube}
    from: assumption
    reason: For the tests.
    markers: {A: A-A, B: B-A, C: "<img src=x onerror=alert(1)>"}
    compensation: none
    transforms: {default: {logicle: {top: 4096}}, B: linear}
    references: {donor: {role: bridging, from: assumption, reason: For the tests.}}
    populations:
      high: {of: all, method: density, by: A, keep: high, title: {en: High cells, fr: Cellules hautes}}
      both: {of: high, method: polygon, by: [A, B], corners: [[400, 400], [4e3, 400], [4e3, 800], [400, 800]]}
      mixed: {of: all, method: mixture, by: [A, B], high: A}
      none: {of: high, method: density, by: C, keep: high}
      dim: {of: all, method: density, by: A, keep: low, against: B}
      alone: {of: all, method: density, by: A, keep: low, against: C}
      either: {of: all, method: boolean, where: high OR mixed}
    quantities:
      high_percent: {percent: high, of: all}
      both_count: {count: both}
      none_percent: {percent: none, of: high}
    quality:
      many: {kind: events, of: both, at_least: 100000, from: assumption, reason: For the tests.}
      fresh: {kind: storage, only: fresh, from: assumption, reason: For the tests.}
"""
MANIFEST = {
    "1.fcs": {"participant": HOSTILE, "timepoint": "W1", "batch": "r1", "storage": "fresh"},
    "2.fcs": {"participant": HOSTILE, "timepoint": "W2", "batch": "r1"},
    "3.fcs": {"participant": HOSTILE, "timepoint": "W2", "batch": "r2"},
    "4.fcs": {"reference": "donor", "batch": "r1"},
    "5.fcs": {"reference": "donor", "batch": "r2"},
}
ADJUSTED = """\
adjustments:
  - sample: 1.fcs
    population: high
    gate: {method: rectangle, within: {A: [900, null]}}
    by: Anna <b>
    reason: It is <i>low</i>
  - sample: 1.fcs
    population: dim
    gate: {method: polygon, by: [B, A], corners: [[0, 0], [0, 100], [250, 100], [250, 0]]}
    by: Anna <b>
    reason: Only those that are dim in B as well.
  - sample: 1.fcs
    population: alone
    gate: {method: rectangle, within: {B: [null, 300]}}
    by: Anna <b>
    reason: By the other marker.
  - sample: 2.fcs
    population: dim
    gate: {method: rectangle, within: {A: [null, 500]}}
    by: Anna <b>
    reason: Nearly where it was.
"""


def sample(seed: int) -> Sample:
    stream = np.random.default_rng(seed)
    a = np.concatenate([stream.normal(1000, 80, 300), stream.normal(100, 50, 700)])
    b = np.concatenate([stream.normal(600, 60, 300), stream.normal(100, 30, 700)])
    events = np.rint(np.stack([a, b, np.arange(1000) * 1.0])).astype(np.float32)
    channels = tuple(
        Channel(name, stain, 4096.0) for name, stain in (("A-A", HOSTILE), ("B-A", ""), ("Time", ""))
    )
    return Sample("", "", channels, events, {"VIRTUAL": "yes", "$DATE": "03-MAR-2008", "$CYT": HOSTILE})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    (folder / "panel.yaml").write_text(PANEL, "utf-8")
    (folder / "adjustments.yaml").write_text(ADJUSTED, "utf-8")
    for number in range(1, 6):
        write(folder / f"{number}.fcs", sample(number))
    (folder / "6.fcs").write_bytes(b"FCS3.1")
    return folder


@pytest.fixture(scope="module")
def batch(folder: Path) -> Batch:
    panels = load_panels(folder / "panel.yaml")
    files = [folder / f"{number}.fcs" for number in range(1, 7)]
    by_hand = read_adjustments(
        folder / "adjustments.yaml", panels.panels["tube"], [path.name for path in files]
    )
    rows = Manifest({name: Row(said, line) for line, (name, said) in enumerate(MANIFEST.items(), 2)})
    found = gate(files, panels, "tube", manifest=rows, adjustments=by_hand, out=folder / "out")
    batch_folder.write(found, folder / "out")
    return found


@pytest.fixture(scope="module")
def drawn(batch: Batch, folder: Path) -> dict[str, Portrait]:
    kept = portraits(folder / "out")
    return {
        one.file.name: unpacked(json.loads((kept / f"{one.file.sha256}.json").read_text("utf-8")))
        for one in batch.outcomes
    }


@pytest.fixture(params=LANGUAGES)
def html(request: pytest.FixtureRequest, batch: Batch, folder: Path) -> str:
    return (folder / "out" / f"report.{request.param}.html").read_text("utf-8")


class Read(HTMLParser):
    """The tags of a page, with their attributes, and those that were not closed."""

    VOID = ("meta", "br", "img", "input", "link", "hr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_each_of_its_parts_is_named(html: str) -> None:
    read = Read(html)
    assert read.open == []
    ids = [said["id"] for _, said in read.tags if "id" in said]
    assert len(ids) == len(set(ids))
    asked = {said["href"] for tag, said in read.tags if tag in ("a", "use")}
    assert {str(one)[1:] for one in asked} <= set(ids)
    for tag, said in read.tags:
        if tag == "svg" and said.get("role") == "img":
            assert said["aria-label"]


def test_nothing_comes_from_outside_nothing_runs_and_nothing_of_a_file_is_markup(html: str) -> None:
    read = Read(html)
    assert not {"script", "img", "b2", "i", "iframe", "link", "object"} & {tag for tag, _ in read.tags}
    for _, said in read.tags:
        assert "style" not in said and not any(name.startswith("on") for name in said)
        for name in ("href", "src"):
            assert str(said.get(name, "#")).startswith(("#", "data:image/png;base64,"))
    (policy,) = [said["content"] for _, said in read.tags if "http-equiv" in said]
    assert "default-src 'none'" in str(policy) and "unsafe" not in str(policy)
    assert "&lt;script&gt;" in html


def test_a_page_says_in_its_language_what_is_virtual_what_fails_and_why(batch: Batch, folder: Path) -> None:
    english, french = ((folder / "out" / f"report.{code}.html").read_text("utf-8") for code in ("en", "fr"))
    assert "Virtual samples: simulated, not observed" in english
    assert "Échantillons virtuels\u00a0: simulés, non observés" in french
    assert re.search(r"\d+ events of `both`, at least 100,000 are asked for", english)
    assert re.search(
        r"\d+ événements de «\u00a0both\u00a0»\u202f; au moins 100\u202f000 sont demandés", french
    )
    assert "le manifeste ne dit pas s'il était frais ou congelé".replace("'", "&#39;") in french
    assert "High cells" in english and "Cellules hautes" in french and "Cellules hautes" not in english
    assert "6.fcs" in english  # not gated, and told
    for one in batch.outcomes:
        assert one.file.sha256 in english
    assert batch.hash in english


def test_the_languages_have_the_same_words() -> None:
    from trialrun.cytometry.report.language import language

    english, french = (language(code).words for code in LANGUAGES)
    assert english.keys() == french.keys()
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", french[key])), key
    with pytest.raises(ValueError, match="not written in `de`"):
        language("de")


def test_the_same_batch_gives_the_same_bytes(batch: Batch, drawn: dict[str, Portrait], folder: Path) -> None:
    again = page(batch, dict(reversed(drawn.items())), "fr")
    assert again == (folder / "out" / "report.fr.html").read_text("utf-8")


def test_a_cut_is_drawn_where_the_threshold_is(batch: Batch, drawn: dict[str, Portrait]) -> None:
    for one in batch.outcomes:
        picture = drawn[one.file.name].pictures["high"]
        assert picture.cut is not None and 250 < picture.cut < 800
        # on an axis between two labelled decades, the cut lies between their ticks
        x = float(re.findall(r'class="gate" d="M([\d.]+)', picture.svg)[0])
        place = {
            label: float(at)
            for at, label in re.findall(r'class="middle" x="([\d.]+)" y="[\d.]+">([^<]+)<', picture.svg)
        }
        assert place["10²"] < x < place["10³"]


def box(svg: str, kind: str) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of a closed line of a drawing."""
    (path,) = re.findall(rf'<path class="{kind}" d="M([^"]+)z"', svg)
    numbers = [float(number) for number in path.split()]
    return min(numbers[::2]), max(numbers[::2]), min(numbers[1::2]), max(numbers[1::2])


def test_a_cut_is_drawn_against_the_marker_that_the_panel_names(drawn: dict[str, Portrait]) -> None:
    for portrait in drawn.values():
        picture = portrait.pictures["dim"]
        assert picture.axes == ("A (A-A)", "B (B-A)") and picture.cut is not None
        left, right, top, bottom = box(picture.svg, "gate")
        assert left == LEFT and right < LEFT + ACROSS  # what is dim, whatever B is
        assert (top, bottom) == (TOP, TOP + DOWN)
        assert portrait.pictures["alone"].axes == ("A (A-A)",)  # no file has C
        assert portrait.pictures["alone"].cut == picture.cut


def test_a_gate_by_hand_is_drawn_on_the_markers_that_it_reads(html: str, drawn: dict[str, Portrait]) -> None:
    """A polygon that names its markers the other way round is turned; one of other markers is told."""
    svg = drawn["1.fcs"].pictures["dim"].svg
    left, right, top, bottom = box(svg, "hand")
    assert left < right < box(svg, "gate")[1] - 10  # A ends at 100, and the cut lies at 250 or more
    assert 0.5 < (top - TOP) / DOWN < 0.8 < (bottom - TOP) / DOWN  # B, on a linear axis to 900, at 250
    elsewhere = drawn["1.fcs"].pictures["alone"]
    assert elsewhere.by_hand == ("B-A",) and 'class="hand"' not in elsewhere.svg
    assert "B-A" in html and html.count("not drawn here") + html.count("pas tracée ici") == 2
    assert drawn["2.fcs"].pictures["dim"].by_hand == ()


def test_a_gate_by_hand_that_moves_no_number_says_so(html: str) -> None:
    part = html[html.index('id="hand"') : html.index('id="gates"')]
    assert part.count("<table>") == 1
    assert "Every number stays as it was." in part or "Aucun nombre n&#39;en est changé." in part


def test_gates_on_two_markers_are_closed_lines_within_the_field(drawn: dict[str, Portrait]) -> None:
    for portrait in drawn.values():
        for name in ("both", "mixed"):
            paths = re.findall(r'<path class="gate" d="M([^"]+)z"', portrait.pictures[name].svg)
            assert paths, name
            x = [float(number) for path in paths for number in path.split()[::2]]
            assert LEFT <= min(x) < max(x) <= LEFT + ACROSS
            assert "data:image/png;base64," in portrait.pictures[name].svg
        assert "either" not in portrait.pictures and "none" not in portrait.pictures
        assert set(portrait.back["both"]) == {"high", "both"}


def test_what_a_person_moved_is_drawn_beside_the_automatic_gate(
    html: str, drawn: dict[str, Portrait]
) -> None:
    assert 'class="hand"' in drawn["1.fcs"].pictures["high"].svg
    assert 'class="hand"' not in drawn["2.fcs"].pictures["high"].svg
    part = html[html.index('id="hand"') : html.index('id="gates"')]
    assert part.count("<tr>") >= 4 and "–</td>" not in part  # what hangs on no gate that was moved is known
    assert "It is &lt;i&gt;low&lt;/i&gt;" in html and "Anna &lt;b&gt;" in html


def test_replicates_and_bridging_controls_stand_side_by_side(batch: Batch, html: str) -> None:
    part = html[html.index('id="agreement"') : html.index('id="hand"')]
    assert part.count("<table>") == 2
    for name in ("2.fcs", "3.fcs"):
        assert name in part


def test_a_file_without_drawings_still_has_its_numbers(batch: Batch) -> None:
    bare = page(batch, {}, "en")
    assert "30" in bare and "<symbol" not in bare
