"""borders.yaml: a border is whole, of this edition, and of the panel that names it, or it is refused."""

from pathlib import Path
from typing import Any

import pytest

from trialrun.protocol.border import EDITION, seal
from trialrun.protocol.compile import load
from trialrun.protocol.panels import Panels, load_panels
from trialrun.protocol.problem import Problem, ProtocolError
from trialrun.protocol.write import texts, written

PANEL = """\
panels:
  small:
    title: Small
    from: assumption
    reason: For the tests.
    markers: {CD3: VL6-H, CD25: [CD25, VL1-H], CD127: BL1-H, CD8: CD8}
    compensation: ours
    matrices: {ours: {detectors: [VL1-H, BL1-H], spill: {a: [1, 0.1], b: [0.2, 1]}}}
    transforms: {default: {asinh: {cofactor: 150}}}
    populations:
      t_cells: {of: all, method: density, by: CD3, keep: high, title: T cells}
      cd8: {of: t_cells, method: density, by: CD8, keep: high}
      rare: {of: t_cells, method: transitional, high: CD25, low: CD127, border: mine}
    quantities:
      rare_percent: {percent: rare, of: t_cells}
"""
FIT = {
    "references": 2,
    "share": 0.03,
    "bulk": [0.1, 0.3],
    "spread": [0.05, 0.04],
    "ceiling": 0.28,
    "knots": {"CD25": [0.1, 0.2, 0.3], "CD127": [0.1, 0.4]},
    "plane": [[-9.5, -9.5, -9.5], [-8, -8, -9], [2, 3, -8], [4, 5, -0.00000001]],
}
ASINH = {"asinh": {"cofactor": 150}}
BORDER: dict[str, Any] = {
    "method": "transitional",
    "edition": EDITION,
    "program": "trialrun 0.1.0",
    "of": "t_cells",
    "high": ["CD25"],
    "low": ["CD127"],
    "learnt_from": {"a.fcs": "1" * 64, "a-taken.fcs": "2" * 64},
    "learnt_with": {
        "markers": {"CD25": ["CD25", "VL1-H"], "CD127": ["BL1-H"], "CD3": ["VL6-H"]},
        "signal": "area",
        "compensation": "ours",
        "matrix": "0320d54d52d25c543b2510ef88857bf3f63d83873a91fe2a118c121ccfbe8acb",
        "transforms": {"CD25": ASINH, "CD127": ASINH, "CD3": ASINH},
        "populations": {"t_cells": {"of": "all", "method": "density", "by": "CD3", "keep": "high"}},
    },
    "agreement": {"a.fcs": 0.97},
    "fit": FIT,
    "without": [{**FIT, "references": 1}],
}


def border(**changes: Any) -> dict[str, Any]:
    one = {**BORDER, **changes}
    return one | {"sha256": seal(one)}


def panels(folder: Path, said: dict[str, Any] | str, old: str = "", new: str = "") -> Panels:
    """The panel beside a file of borders; `said`: the border `mine`, or the text of the file."""
    assert old in PANEL
    (folder / "panel.yaml").write_text(PANEL.replace(old, new, 1) if old else PANEL, "utf-8")
    text = said if isinstance(said, str) else written({"borders": {"mine": said}})
    (folder / "borders.yaml").write_text(text, "utf-8")
    return load_panels(folder / "panel.yaml")


def problems(folder: Path, said: dict[str, Any] | str, old: str = "", new: str = "") -> tuple[Problem, ...]:
    with pytest.raises(ProtocolError) as error:
        panels(folder, said, old, new)
    return error.value.problems


def test_a_border_is_read_by_the_panel_that_it_was_learnt_with(tmp_path: Path) -> None:
    found = panels(tmp_path, border())
    assert found.borders("small")["rare"].fit.plane[3] == (4, 5, -1e-8)
    assert found.training("small") == {"mine: a.fcs": "1" * 64, "mine: a-taken.fcs": "2" * 64}
    assert found.hash("small") != panels(tmp_path, border(program="trialrun 0.2.0")).hash("small")


@pytest.mark.parametrize(
    ("old", "new", "key", "message"),
    [
        ("CD127: BL1-H", "CD127: BL2-H", "CD127", "with `CD127: BL1-H`, and here it is `BL2-H`"),
        ("[CD25, VL1-H]", "[VL1-H, CD25]", "CD25", "with `CD25: [CD25, VL1-H]`"),
        ("CD3: VL6-H", "CD3: VL7-H", "CD3", "with `CD3: VL6-H`"),
        ("cofactor: 150}", "cofactor: 151}", "transforms", "{asinh: {cofactor: 150}}`, and here"),
        ("compensation: ours", "compensation: file", "compensation", "`compensation: ours`, and here"),
        ("[0.2, 1]", "[0.3, 1]", "ours", "with `ours: SHA-256 0320d54d52d2…`"),
        ("    matrices", "    signal: height\n    matrices", "signal", "with `signal: area`"),
        ("density, by: CD3", "tail, by: CD3", "t_cells", "`t_cells: {of: all, method: density, by: CD3"),
        ("of: t_cells, method: tra", "of: all, method: tra", "of", "`of: t_cells`, and here it is `all`"),
        ("low: CD127,", "low: CD8,", "low", "with `low: CD127`, and here it is `CD8`"),
        ("low: CD127,", "low: CD127, also: CD8,", "also", "and here it is `CD8`"),
    ],
)  # fmt: skip
def test_another_panel_is_refused(tmp_path: Path, old: str, new: str, key: str, message: str) -> None:
    found = problems(tmp_path, border(), old, new)
    told = [one for one in found if message in one.message]
    assert told and told[0].code == "border", found
    assert key in told[0].place.path
    assert told[0].place.file == "panel.yaml"
    assert told[0].place.line
    assert "learn it again" in (told[0].hint or "")


def test_words_and_other_populations_may_change(tmp_path: Path) -> None:
    assert panels(tmp_path, border(), "title: T cells", "title: T lymphocytes, from: doi:10.1/x")
    assert panels(tmp_path, border(), "by: CD8, keep: high", "by: CD8, keep: low")
    assert panels(tmp_path, border(), "density, by: CD3,", "density, by: CD3, against: CD8,")


@pytest.mark.parametrize(
    ("changes", "key", "message"),
    [
        ({"bulk": [0.1, ".nan"]}, 1, "this must be a number"),
        ({"bulk": ["nan", 0.1]}, 0, "this must be a number"),
        ({"ceiling": "inf"}, "ceiling", "this must be a number"),
        ({"bulk": [0.1]}, "bulk", "has too few values"),
        ({"spread": [0.1, 0]}, 1, "this must be more than 0"),
        ({"share": 1}, "share", "this must be less than 1"),
        ({"plane": FIT["plane"][:3]}, "fit", "the plane needs 4 rows of 3 numbers"),  # type: ignore[index]
        ({"knots": {"CD25": [0.1, 0.1, 0.3], "CD127": [0.1, 0.4]}}, "fit", "knots of `CD25` do not ascend"),
        ({"knots": {"CD25": [0.1, 0.2, 0.3], "CD8": [0.1, 0.4]}}, "mine", "the knots are of CD25, CD8"),
        ({"further": {"CD8": [1, 2]}}, "fit", "`further` needs as many numbers as knots, none"),
    ],
)
def test_bad_numbers_are_told_with_their_place(
    tmp_path: Path, changes: dict[str, Any], key: str | int, message: str
) -> None:
    told = [one for one in problems(tmp_path, border(fit=FIT | changes)) if message in one.message]
    assert told
    assert key in told[0].place.path
    assert told[0].place.file == "borders.yaml"
    assert told[0].place.line
    assert told[0].hint


def test_a_number_that_is_missing_is_named(tmp_path: Path) -> None:
    without = {key: value for key, value in FIT.items() if key != "ceiling"}
    (wrong,) = problems(tmp_path, border(fit=without))
    assert wrong.message == "`ceiling` is missing in `fit`"


def test_a_change_by_hand_is_seen(tmp_path: Path) -> None:
    text = written({"borders": {"mine": border()}})
    (wrong,) = problems(tmp_path, text.replace("ceiling: 0.28", "ceiling: 0.29", 1))
    assert "something in it was changed since" in wrong.message
    assert wrong.place.path == ("borders", "mine", "sha256") and wrong.place.line
    assert "trialrun learn" in (wrong.hint or "")
    assert panels(tmp_path, "# a remark\n" + text.replace(": [", ":   ["))  # layout is no content


@pytest.mark.parametrize(
    ("edition", "cure"), [(EDITION - 1, "Learn it again"), (EDITION + 1, "newer trialrun")]
)
def test_another_edition_is_refused(tmp_path: Path, edition: int, cure: str) -> None:
    (wrong,) = problems(tmp_path, {"method": "transitional", "edition": edition, "older": "keys"})
    assert f"edition {edition} of its method, and this is edition {EDITION}" in wrong.message
    assert cure in (wrong.hint or "")


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("border: mine", "border: mime", "there is no border `mime` in borders.yaml", "Did you mean `mine`?"),
        ("border: mine", "border: mine, trained_on: x", "learnt before or now, not both", "Keep `border`"),
        ("low: CD127, border", "border", "high in and one that they are low in", "Write both"),
    ],
)
def test_what_a_population_says_of_its_border_is_checked(
    tmp_path: Path, old: str, new: str, message: str, hint: str
) -> None:
    told = [one for one in problems(tmp_path, border(), old, new) if message in one.message]
    assert told and hint in (told[0].hint or "")


def test_a_panel_without_borders_does_not_read_the_file_beside_it(tmp_path: Path) -> None:
    assert panels(tmp_path, "nothing: good", "border: mine", "title: Rare")
    (wrong,) = problems(tmp_path, ": : :")
    assert wrong.place.file == "borders.yaml"


# ---- of a study -----------------------------------------------------------------------------------


def study(folder: Path, **said: dict[str, Any]) -> Path:
    """The reference study with borders that nothing in its panel names."""
    for name, text in load("vascu_il2").files.items():
        (folder / name).write_text(text, "utf-8")
    (folder / "borders.yaml").write_text(written({"borders": said}), "utf-8")
    return folder


def test_a_border_that_nobody_names_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError) as error:
        load(study(tmp_path, mine=border()))
    (wrong,) = error.value.problems
    assert wrong.message == "no population has the border `mine`"
    assert (wrong.place.file, wrong.place.line) == ("borders.yaml", 2)


def test_a_study_with_an_old_border_opens_and_names_it(tmp_path: Path) -> None:
    """A record must open under a newer program; `check` and gating refuse the border."""
    folder = study(tmp_path, mine={"edition": EDITION + 1})
    panel = folder / "panel.yaml"
    text = panel.read_text("utf-8").replace("low: CD127\n", "low: CD127\n        border: mine\n", 1)
    panel.write_text(text, "utf-8")
    found = load(folder)
    assert found.panels is not None
    assert found.panels.outdated("regulatory").keys() == {"regulatory"}
    assert texts(found)["borders.yaml"].startswith("borders:")
