"""panel.yaml: what is wrong in it is said all at once, each with its line and cure; a panel is traced."""

import hashlib
from pathlib import Path

import pytest

from trialrun.protocol.compile import load
from trialrun.protocol.lineage import beneath, in_order, rests, shared_cuts
from trialrun.protocol.panels import Panels, compile_panels, load_panels
from trialrun.protocol.population import reads
from trialrun.protocol.problem import Problem, ProtocolError
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.source import parse
from trialrun.protocol.trace import elements
from trialrun.protocol.write import texts

PANEL = """\
panels:
  small:
    title: Small
    from: assumption
    reason: For the tests.
    markers: {size: FSC-A, height: FSC-H, CD3: [VL6-H, CD3], CD4: VL4-H, CD25: [CD25, VL1-H], CD127: BL1-H}
    compensation: file
    transforms: {default: {logicle: {top: 262144}}, size: linear, CD25: {asinh: {cofactor: 150}}}
    references: {bridge: {role: bridging}, fmo: {role: control}}
    populations:
      single: {of: all, method: singlets, by: [size, height]}
      t_cells: {of: single, method: density, by: CD3, keep: high}
      cd4: {of: t_cells, method: rectangle, within: {CD4: [1000, null]}}
      other: {of: t_cells, method: boolean, where: NOT cd4}
      activated: {of: cd4, method: control, by: CD25, keep: high, control: fmo}
      rare: {of: cd4, method: transitional, high: CD25, low: CD127}
    counting: {volume: true}
    quantities:
      rare_percent: {percent: rare, of: cd4}
      cd4_count: {absolute: cd4}
      intensity: {median: CD25, of: rare}
    quality:
      enough: {kind: events, of: cd4, at_least: 5000}
      bridge: {kind: bridging, reference: bridge, quantity: rare_percent}
"""


def panels(folder: Path, *changes: tuple[str, str]) -> Panels:
    text = PANEL
    for old, new in changes:
        assert text.count(old) == 1, f"`{old}` is not once in the panel"
        text = text.replace(old, new)
    path = folder / "small.yaml"
    path.write_text(text, "utf-8")
    return load_panels(path)


def problems(folder: Path, *changes: tuple[str, str]) -> tuple[Problem, ...]:
    with pytest.raises(ProtocolError) as error:
        panels(folder, *changes)
    return error.value.problems


def test_a_panel_alone_is_read(tmp_path: Path) -> None:
    panel = panels(tmp_path).panels["small"]
    assert panel.markers["CD3"] == ("VL6-H", "CD3")
    assert panel.transform("CD4").kind == "logicle"
    assert panel.transform("size").kind == "linear"
    assert panel.transform("CD25").scale.cofactor == 150
    assert panel.quantities["intensity"].population == "rare"
    assert in_order(panel) == ("single", "t_cells", "cd4", "other", "activated", "rare")
    assert reads(panel.populations["other"]) == ("t_cells", "cd4")


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("by: CD3,", "by: CD33,", "there is no marker `CD33`", "Did you mean `CD3`?"),
        ("high: CD25, low", "high: CD26, low", "there is no marker `CD26`", "Did you mean `CD25`?"),
        ("by: CD3,", "by: CD3, against: CD44,", "there is no marker `CD44`", "Did you mean `CD4`?"),
        ("by: CD3,", "by: CD3, against: CD3,", "`CD3` cannot be drawn against itself", "another marker"),
        ("{CD4: [1000", "{CD44: [1000", "there is no marker `CD44`", "Did you mean `CD4`?"),
        ("of: single,", "of: singel,", "there is no population `singel`", "Did you mean `single`?"),
        ("method: density", "method: densty", "`densty` is not a right `method`", "Did you mean `density`?"),
        ("by: CD3, keep: high", "by: CD3, kep: high", "the key `kep` is not known", "Did you mean `keep`?"),
        ("NOT cd4}", "NOT cd5}", "in the rule: there is no population cd5", "Did you mean cd4?"),
        ("NOT cd4}", "NOT rare AND NOT other}", "`other` is made from itself", "Let the first"),
        ("compensation: file", "compensation: fiel", "there is no compensation", "Did you mean `file`?"),
        ("CD25: {asinh", "CD255: {asinh", "there is no marker `CD255`", "Did you mean `CD25`?"),
        ("control: fmo}", "control: bridge}", "there is no reference with `role:", "Known here: fmo."),
        ("{percent: rare,", "{percent: other,", "`other` is no part of `cd4`", "It is of t_cells of single"),
        ("{percent: rare,", "{percent: all,", "`all` is no part of `cd4`", "It is of all"),
        ("reference: bridge,", "reference: bridges,", "there is no reference", "Did you mean `bridge`?"),
        ("quantity: rare_percent", "quantity: rar", "there is no quantity `rar`", "Known here"),
        ("    counting: {volume: true}\n", "", "nothing says how cells are counted", "counting:"),
        ("[1000, null]", "[null, null]", "`CD4` has neither", "Write e.g. [1000, null]."),
        ("events, of: cd4, at_least: 5000", "cut, of: [t_cells, cd5]", "no population `cd5`", "Known here"),
        ("events, of: cd4, at_least: 5000", "cut, of: cd4", "`cd4` is not cut by", "Known here: t_cells."),
        ("quantity: rare_percent", "quantity: rare_percent, then: withhold", "which number", "events and"),
        ("[1000, null]", "[nan, null]", "this must be a number, not `nan`", ""),
        ("[1000, null]", "[9, 1]", "the bounds of `CD4` end before they begin", "smaller first"),
        ("CD127: BL1-H", "CD127: VL4-H", "`VL4-H` is said to be both CD4 and CD127", "under one"),
        ("logicle: {top: 262144}", "logicle: {width: 3}", "there is no such logicle scale", "at most half"),
        ("{absolute: cd4}", "{absolute: cd4, of: rare}", "`of` belongs to", "Write only absolute: cd4"),
        ("{absolute: cd4}", "{absolute: cd4, fills: x}", "the panel has no form to fill", "form: NAME"),
        ("reason: For the tests.", "reason: ' '", "an assumption needs a `reason`", "say"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_place_and_cure(
    tmp_path: Path, old: str, new: str, message: str, hint: str
) -> None:
    found = problems(tmp_path, (old, new))
    line = PANEL[: PANEL.index(old)].count("\n") + 1
    told = [one for one in found if message in one.message]
    assert told, found
    assert hint.lower() in (told[0].hint or "").lower()
    assert told[0].place.file == "small.yaml"
    if "assumption" not in message and new:
        assert told[0].place.line == line


def test_a_rule_about_shared_cuts_looks_at_those_that_a_quantity_hangs_on(tmp_path: Path) -> None:
    rule = ("{kind: events, of: cd4, at_least: 5000}", "{kind: cut, then: warn}")
    assert shared_cuts(panels(tmp_path, rule).panels["small"]) == ("t_cells",)
    (wrong,) = problems(
        tmp_path, rule, ("density, by: CD3, keep: high", "rectangle, within: {CD3: [9, null]}")
    )
    assert "no quantity hangs on" in wrong.message


def test_numbers_that_rest_on_a_population_are_those_of_it_and_of_what_is_made_from_it(
    tmp_path: Path,
) -> None:
    more = "intensity: {median: CD25, of: rare}"
    added = """
      level: {median: CD25, of: cd4}
      cd4_percent: {percent: cd4, of: single}
      others: {percent: other, of: t_cells}"""
    panel = panels(tmp_path, (more, more + added)).panels["small"]
    cells = panel.quantities.items()

    def under(name: str, reference: str | None = None) -> set[str]:
        return {key for key, one in cells if beneath(panel, one, name, reference)}

    def on(name: str, reference: str | None = None) -> set[str]:
        return {key for key, one in cells if rests(panel, one, [name], reference)}

    assert under("cd4") == {"rare_percent", "intensity", "level"}
    assert under("cd4", "cd4") == under("cd4"), "how many it has itself stays"
    assert under("other", "other") == {"cd4_count"}, "it is counted by them"
    assert under("t_cells") == set(panel.quantities)
    assert on("cd4") == set(panel.quantities), "what is not in it is made from it too"
    assert on("rare") == {"rare_percent", "intensity"}
    assert on("other") == {"others"} and on("other", "other") == {"others", "cd4_count"}


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, ("by: CD3,", "by: CD33,"), ("{percent: rare", "{percent: rar"))
    assert len(found) == 2


def test_a_gate_of_another_file_is_known_by_its_hash(tmp_path: Path) -> None:
    gates = tmp_path / "gates.xml"
    gates.write_bytes(b"<gates/>")
    digest = hashlib.sha256(b"<gates/>").hexdigest()
    named = "method: gating_ml, file: gates.xml, gate: G1, sha256: {}}}"
    old = "method: rectangle, within: {CD4: [1000, null]}}"
    assert panels(tmp_path, (old, named.format(digest)))
    (wrong,) = problems(tmp_path, (old, named.format("0" * 64)))
    assert digest in (wrong.hint or "")
    gates.unlink()
    (wrong,) = problems(tmp_path, (old, named.format(digest)))
    assert wrong.message == "`gates.xml` cannot be read"


def test_the_hash_of_a_panel_is_of_what_it_says(tmp_path: Path) -> None:
    found = panels(tmp_path).hash("small")
    assert found == panels(tmp_path, ("panels:\n", "# a comment\npanels:\n")).hash("small")
    assert found != panels(tmp_path, ("at_least: 5000", "at_least: 5001")).hash("small")


# ---- of a study -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference() -> Protocol:
    return load("vascu_il2")


def study(reference: Protocol, old: str, new: str) -> list[Problem]:
    text = reference.files["panel.yaml"]
    assert old in text
    source = parse(text.replace(old, new, 1), "panel.yaml")
    _, wrong = compile_panels(source, Path(), reference.study, reference.forms)
    return wrong


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("specimen: treg_blood", "specimen: treg_bloods", "there is no specimen", "mean `treg_blood`?"),
        ("specimen: treg_blood", "specimen: pbmc", "no activity asks for the form", "ask for both"),
        ("form: cytometry", "form: cytometrie", "there is no form", "Did you mean `cytometry`?"),
        ("fills: treg_count", "fills: treg_counts", "there is no number item", "Did you mean `treg_count`?"),
        ("fills: treg_count", "fills: activated_cd8", "`activated_cd8` is in %, and this", "the same unit"),
        ("fills: treg_count", "fills: cd4_count", "is filled by regulatory.quantities.treg_count", "one"),
        ("density, by: CD3, against: grain, keep: high",
         f"gating_ml, file: x.xml, gate: g, sha256: {'0' * 64}",
         "a study consists of its YAML files", "Write the gate in the words"),
    ],
)  # fmt: skip
def test_a_panel_is_held_against_its_study(
    reference: Protocol, old: str, new: str, message: str, hint: str
) -> None:
    told = [one for one in study(reference, old, new) if message in one.message]
    assert told
    assert hint in (told[0].hint or "")
    assert told[0].place.file == "panel.yaml"
    assert told[0].place.line


def test_the_reference_study_fills_every_number_of_its_form(reference: Protocol) -> None:
    protocol = reference
    assert protocol.panels is not None
    panel = protocol.panels.panels["regulatory"]
    filled = {one.fills for one in panel.quantities.values()}
    assert set(protocol.forms["cytometry"].items) - filled == {"hours_since_injection"}
    assert len(in_order(panel)) == len(panel.populations)


def test_a_panel_is_traced_and_written(reference: Protocol) -> None:
    protocol = reference
    traced = elements(protocol)
    assert traced["panels/regulatory"].from_ == ("registry#6", "registry#15", "assumption")
    assert traced["panels/regulatory/populations/regulatory"].assumed
    assert "panels:" in texts(protocol)["panel.yaml"]


def test_a_written_panel_is_the_same_panel(tmp_path: Path, reference: Protocol) -> None:
    protocol = reference
    for name, text in texts(protocol).items():
        (tmp_path / name).write_text(text, "utf-8")
    again = load(tmp_path)
    assert again.panels is not None and protocol.panels is not None
    assert again.panels.file == protocol.panels.file


def test_a_panel_cites_what_its_study_has(tmp_path: Path, reference: Protocol) -> None:
    for name, text in reference.files.items():
        (tmp_path / name).write_text(text.replace("[registry#6, registry#15,", "[registry#66,"), "utf-8")
    with pytest.raises(ProtocolError) as error:
        load(tmp_path)
    told = [one for one in error.value.problems if one.place.file == "panel.yaml"]
    assert [one.message for one in told] == ["there is no statement `registry#66` in sources.yaml"]


PLATE = """\
assays:
  cells:
    title: Cells
    method: elispot
    specimen: pbmc
    form: elispot
    from: assumption
    reason: For the tests.
    antigens: {core: [core, core pool], ns3: NS3}
    fills: {core: {spots: core}, total_net: {total: above}}
"""


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("{spots: core}", "{spots: cor}", "there is no antigen `cor`", "Did you mean `core`?"),
        ("{spots: core}", "{net: background}", "there is no antigen `background`", "core, ns3"),
        ("{spots: core}", "{spots: core, net: core}", "one of spots, net, total, percent", "one of them"),
        ("ns3: NS3", "cor: core  POOL", "`core  POOL` is said to be both core and cor", "under one"),
        (
            "core: [core, core pool]",
            "core: NS3, x: core",
            "`core` is said to be both core and x",
            "under one",
        ),
        ("ns3: NS3", "ns3: CORE", "`CORE` is said to be both core and ns3", "under one"),
        ("ns3: NS3", "background: NS3", "are the wells without antigen", "another name"),
        ("{total: above}", "{total: over}", "", "above"),
        ("{total: above}", "{spots: core}", "`total_net` is answered by what answers `core`", "one item"),
        ("    fills:", "    valid: {viability: 0.8}\n    fills:", "a viability of 0.8 is one of 0.8 %", "80"),
        ("method: elispot", "method: elisa", "", "elispot"),
        ("assays:", "asays:", "the key `asays` is not known", "Did you mean `assays`?"),
    ],
)
def test_what_is_wrong_with_an_assay_is_told(
    tmp_path: Path, old: str, new: str, message: str, hint: str
) -> None:
    path = tmp_path / "panel.yaml"
    path.write_text(PLATE, "utf-8")
    assert list(load_panels(path).assays) == ["cells"]
    path.write_text(PLATE.replace(old, new, 1), "utf-8")
    with pytest.raises(ProtocolError) as error:
        load_panels(path)
    told = [one for one in error.value.problems if message in one.message]
    assert told and hint in f"{told[0].message} {told[0].hint}", error.value.problems


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        (
            "      core: {spots: core}\n",
            "      cor: {spots: core}\n",
            "there is no number item",
            "mean `core`?",
        ),
        ('{suppression: "1:1"}', '{suppression: "1:0"}', "`1:0` is no ratio of cells", "1:2"),
        ("{percent: viable}", "{spots: background}", "`viability` is in %, and this answer", "the same unit"),
        ("    form: elispot\n", "    form: elispots\n", "there is no form", "mean `elispot`?"),
        (
            "    specimen: pbmc\n",
            "    specimen: treg_blood\n",
            "no activity asks for the form",
            "ask for both",
        ),
    ],
)
def test_an_assay_is_held_against_its_study(
    reference: Protocol, old: str, new: str, message: str, hint: str
) -> None:
    told = [one for one in study(reference, old, new) if message in one.message]
    assert told and hint in (told[0].hint or ""), told
