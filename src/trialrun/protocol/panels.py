"""The panels as compiled: what the file says, held against itself, the study and the files beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from stat import S_ISREG
from typing import Any

from trialrun.protocol import assays
from trialrun.protocol.assay import Assay
from trialrun.protocol.border import Border
from trialrun.protocol.borders import AGAIN, FILE, LEARN, UNREAD, Borders, compile_borders, unlike
from trialrun.protocol.file import sha256
from trialrun.protocol.form import Form
from trialrun.protocol.lineage import ancestors, circular, shared, shared_cuts, within
from trialrun.protocol.panel import (
    DEFAULT,
    Bridging,
    Drift,
    Events,
    Panel,
    PanelFile,
    Reference,
    SharedCut,
)
from trialrun.protocol.population import ALL, Boolean, Control, GatingML, Transitional, reads
from trialrun.protocol.problem import Problem, ProtocolError, coded, suggestion
from trialrun.protocol.rule import BOOLEAN, RuleError, parse
from trialrun.protocol.shape import shape
from trialrun.protocol.sheet import Sheet
from trialrun.protocol.source import Source, canonical, ordered, read
from trialrun.protocol.study import StudyFile
from trialrun.protocol.unit import same

__all__ = ["LARGEST_FILE", "Panels", "compile_panels", "load_panels"]

Path = tuple[str | int, ...]
LARGEST_FILE = 50_000_000  # bytes of a Gating-ML file; real ones have a thousandth of that
UNITS = {"percent": "%", "count": "{events}", "absolute": "/uL"}
"""Kind of quantity -> the unit that it is in; an intensity has none of its own."""


@dataclass(frozen=True)
class Panels(Sheet):
    """The panels and assays of a study, or of a file of its own."""

    file: PanelFile
    folder: FilePath = field(compare=False)
    learnt: Borders | None = field(default=None, repr=False)

    @property
    def panels(self) -> Mapping[str, Panel]:
        return self.file.panels

    @property
    def assays(self) -> Mapping[str, Assay]:
        return self.file.assays

    def hash_assay(self, name: str) -> str:
        """SHA-256 of what the file says of an assay."""
        return hashlib.sha256(canonical(ordered(self.source.content["assays"][name]))).hexdigest()

    def hash(self, name: str) -> str:
        """SHA-256 of what the file says of a panel, and of the files and borders that it names."""
        said: Any = ordered(self.source.content["panels"][name])
        if files := self.training(name):
            said = [said, files]
        if self.learnt is not None and (named := self.named(name)):
            said = [said, {key: self.learnt.hash(border) for key, border in named.items()}]
        return hashlib.sha256(canonical(said)).hexdigest()

    def training(self, name: str) -> dict[str, str]:
        """The files of a panel's samples gated by hand, each with its SHA-256: those beside it, and those
        from which its borders were learnt, whose names begin with the border's. Raises OSError."""
        found = {}
        for reference in self.panels[name].references.values():
            for file in reference.files:
                found[file] = sha256(self.folder / file)
        for key, border in self.borders(name).items():
            of = self.named(name)[key]
            found |= {f"{of}: {file}": digest for file, digest in border.learnt_from.items()}
        return found

    def named(self, name: str) -> dict[str, str]:
        """By population of a panel, the name of its border, if it has one."""
        populations = self.panels[name].populations.items()
        return {key: one.border for key, one in populations if isinstance(one, Transitional) and one.border}

    def borders(self, name: str) -> dict[str, Border]:
        """By population of a panel, the border that it names, if that can be used."""
        known = self.learnt.borders if self.learnt is not None else {}
        return {key: known[border] for key, border in self.named(name).items() if border in known}

    def outdated(self, name: str) -> dict[str, Problem]:
        """By population of a panel, what is wrong with a border that another edition of the method learnt."""
        known = self.learnt.outdated if self.learnt is not None else {}
        return {key: known[border] for key, border in self.named(name).items() if border in known}


def load_panels(path: str | FilePath) -> Panels:
    """A panel file on its own; raises ProtocolError with every problem found."""
    source = _read(FilePath(path))
    folder = FilePath(path).parent
    borders, wrong = _beside(folder / FILE)
    panels, problems = compile_panels(source, folder, borders=borders)
    if panels is not None:
        problems += wrong if any(map(panels.named, panels.panels)) else []
        problems += [one for name in panels.panels for one in panels.outdated(name).values()]
    if problems or panels is None:
        raise ProtocolError(problems)
    return panels


def _beside(path: FilePath) -> tuple[Borders | None, list[Problem]]:
    """The borders beside a panel file, and what is wrong with them."""
    try:
        return compile_borders(_read(path)) if path.exists() else (None, [])
    except ProtocolError as error:
        return UNREAD, list(error.problems)


def _read(path: FilePath) -> Source:
    try:
        return read(path)
    except ProtocolError as error:
        raise ProtocolError(coded(error.problems, "text")) from None


def compile_panels(
    source: Source,
    folder: FilePath,
    study: StudyFile | None = None,
    forms: Mapping[str, Form] | None = None,
    borders: Borders | None = None,
) -> tuple[Panels | None, list[Problem]]:
    """The panels of a file and what is wrong with them; without a study, its names are not looked for."""
    try:
        file: PanelFile = shape(source, PanelFile)
    except ProtocolError as error:
        return None, coded(error.problems, "shape")
    panels = Panels(source, file, folder, borders)
    problems: list[Problem] = []
    for name, panel in file.panels.items():
        path: Path = ("panels", name)
        problems += _markers(panels, panel, path)
        problems += _populations(panels, panel, path)
        problems += _quantities(panels, panel, path)
        problems += _quality(panels, panel, path)
        problems += _files(panels, panel, path, alone=study is None)
        if study is not None:
            problems += _of_the_study(panels, panel, path, study, forms or {})
    for name, assay in file.assays.items():
        problems += assays.wrong(panels, name, assay)
        if study is not None:
            problems += assays.of_the_study(panels, name, assay, study, forms or {})
    if study is not None:
        problems += _filled_once(panels)
    return panels, problems


# ---- markers and populations ----------------------------------------------------------------------


def _markers(panels: Panels, panel: Panel, path: Path) -> Iterator[Problem]:
    """What a panel says of markers and references that are not there."""
    for name in panel.transforms:
        if name not in panel.markers and name != DEFAULT:
            yield panels.unknown((*path, "transforms", name), "marker", name, [*panel.markers, DEFAULT])
    known = ["file", "none", *panel.matrices]
    if panel.compensation not in known:
        yield panels.unknown((*path, "compensation"), "compensation", panel.compensation, known)
    taken: dict[str, str] = {}
    for name, channels in panel.markers.items():
        for i, channel in enumerate(channels):
            if channel in taken:
                what = f"`{channel}` is said to be both {taken[channel]} and {name}"
                hint = "Write each channel under one marker."
                yield panels.problem((*path, "markers", name, i), what, hint)
            taken.setdefault(channel, name)


def _populations(panels: Panels, panel: Panel, path: Path) -> Iterator[Problem]:
    """Every parent, marker, rule and reference that a population names."""
    known = [ALL, *panel.populations]
    path = (*path, "populations")
    for name, one in panel.populations.items():
        here = (*path, name)
        if name == ALL:
            yield panels.problem(
                here, "`all` is every event of the file", "Give the population another name."
            )
        if one.of not in known:
            others = [other for other in known if other != name]
            yield panels.unknown((*here, "of"), "population", one.of, others)
        for where, marker in one.named():
            if marker not in panel.markers:
                yield panels.unknown((*here, *where), "marker", marker, panel.markers)
        if isinstance(one, Boolean):
            yield from _rule(panels, panel, here, one)
        if isinstance(one, Control):
            yield from _reference(panels, panel, (*here, "control"), one.control, "control")
        if isinstance(one, Transitional):
            for i, trained in enumerate(one.trained_on):
                yield from _reference(panels, panel, (*here, "trained_on", i), trained, "training")
            yield from _border(panels, panel, path[:-1], name, one)
    for name in circular(panel):
        parents = " and ".join(f"`{one}`" for one in reads(panel.populations[name]))
        what = f"`{name}` is made from itself, by way of {parents}"
        yield panels.problem((*path, name, "of"), what, "Let the first population be `of: all`.")


def _rule(panels: Panels, panel: Panel, here: Path, one: Boolean) -> Iterator[Problem]:
    try:
        parse(one.where, dict.fromkeys(panel.populations, BOOLEAN))
    except RuleError as error:
        for found in error.problems:
            place = panels.source.place_within((*here, "where"), one.where, found.offset)
            hint = found.hint and f"{found.hint[0].upper()}{found.hint[1:]}"
            hint = hint if hint is None or hint[-1] in ".?" else f"{hint}."
            if hint and "variables.yaml" in hint:
                hint = f"Populations of this panel: {', '.join(panel.populations)}."
            message = found.message.replace("variable", "population")
            yield Problem(place, f"in the rule: {message}", hint, found.code)


def _reference(panels: Panels, panel: Panel, path: Path, name: str, role: str) -> Iterator[Problem]:
    known = [key for key, one in panel.references.items() if one.role == role]
    if name not in known:
        yield panels.unknown(path, f"reference with `role: {role}` called", name, known)


def _border(panels: Panels, panel: Panel, path: Path, name: str, one: Transitional) -> Iterator[Problem]:
    """A border that is not there, or was learnt with a panel that said otherwise."""
    if one.border is None:
        return
    here, of = (*path, "populations", name), str(path[-1])
    names = panels.learnt.names if panels.learnt is not None else ()
    if names is None:
        return
    if one.border not in names:
        hint = suggestion(one.border, names) or f"Learn it from samples gated by hand: {LEARN}."
        yield panels.problem((*here, "border"), f"there is no border `{one.border}` in {FILE}", hint, "name")
    elif border := panels.borders(of).get(name):
        for below, beside, now, then in unlike(panel, one, border):
            at = (*here, *below) if below else (*path, *beside)
            what = f"the border `{one.border}` was learnt with `{at[-1]}: {then}`, and here it is `{now}`"
            yield panels.problem(at, what, f"Write it as it was, or {AGAIN}", "border")


# ---- quantities and quality -----------------------------------------------------------------------


def _quantities(panels: Panels, panel: Panel, path: Path) -> Iterator[Problem]:
    known = [ALL, *panel.populations]
    for name, one in panel.quantities.items():
        here = (*path, "quantities", name)
        for key in ("percent", "count", "absolute", "of"):
            said = getattr(one, key)
            if said is not None and said not in known:
                yield panels.unknown((*here, key), "population", said, known)
        if one.median is not None and one.median not in panel.markers:
            yield panels.unknown((*here, "median"), "marker", one.median, panel.markers)
        if one.percent in known and one.of in known and not within(panel, one):
            what = f"`{one.percent}` is no part of `{one.of}`, so that it has no percentage of it"
            above = " of ".join(ancestors(panel, str(one.percent)))
            yield panels.problem((*here, "of"), what, f"It is of {above}.")
        if one.absolute is not None and panel.counting is None:
            hint = "Add e.g. `counting: {beads: POPULATION}`, `{dual: POPULATION}` or `{volume: true}`."
            yield panels.problem((*here, "absolute"), "nothing says how cells are counted per volume", hint)
        if one.fills is not None and panel.form is None:
            yield panels.problem((*here, "fills"), "the panel has no form to fill", "Add `form: NAME` to it.")
    for key in ("beads", "dual"):
        said = getattr(panel.counting, key, None)
        if said is not None and said not in known:
            yield panels.unknown((*path, "counting", key), "population", said, known)


def _quality(panels: Panels, panel: Panel, path: Path) -> Iterator[Problem]:
    known = [ALL, *panel.populations]
    for name, rule in panel.quality.items():
        here = (*path, "quality", name)
        if isinstance(rule, Events | Drift) and rule.of not in known:
            yield panels.unknown((*here, "of"), "population", rule.of, known)
        if rule.then == "withhold" and not isinstance(rule, Events | SharedCut):
            what = f"a rule of kind `{rule.kind}` does not say which numbers to withhold"
            hint = "Write `then: fail` or `then: warn`; withhold belongs to the kinds events and cut."
            yield panels.problem((*here, "then"), what, hint)
        if isinstance(rule, SharedCut):
            yield from _cuts(panels, panel, here, rule)
        for i, marker in enumerate(getattr(rule, "markers", ())):
            if marker not in panel.markers:
                yield panels.unknown((*here, "markers", i), "marker", marker, panel.markers)
        if isinstance(rule, Bridging):
            yield from _reference(panels, panel, (*here, "reference"), rule.reference, "bridging")
            if rule.quantity not in panel.quantities:
                at = (*here, "quantity")
                yield panels.unknown(at, "quantity", rule.quantity, panel.quantities)


def _cuts(panels: Panels, panel: Panel, path: Path, rule: SharedCut) -> Iterator[Problem]:
    cuts = [name for name in panel.populations if shared(panel, name)]
    for name in rule.of:
        if name not in panel.populations:
            yield panels.unknown((*path, "of"), "population", name, cuts)
        elif name not in cuts:
            what = f"`{name}` is not cut by density or tail, so that samples share no such cut"
            hint = f"Known here: {', '.join(cuts)}." if cuts else "Leave the rule out."
            yield panels.problem((*path, "of"), what, hint)
    if not rule.of and not shared_cuts(panel):
        what = "no quantity hangs on a population that is cut by density or tail"
        yield panels.problem((*path, "kind"), what, "Leave the rule out.")


# ---- the study ------------------------------------------------------------------------------------


def _of_the_study(
    panels: Panels, panel: Panel, path: Path, study: StudyFile, forms: Mapping[str, Form]
) -> Iterator[Problem]:
    """The specimen, the form and its items."""
    yield from panels.asked(path, panel.specimen, panel.form, study, forms)
    if panel.form is None or panel.form not in forms:
        return
    items = {key: one for key, one in forms[panel.form].items.items() if one.type in ("number", "integer")}
    for name, one in panel.quantities.items():
        here = (*path, "quantities", name, "fills")
        if one.fills is not None and one.fills not in items:
            what = f"number item of the form `{panel.form}` called"
            yield panels.unknown(here, what, one.fills, items)
        elif one.fills is not None and not same(UNITS.get(one.kind), items[one.fills].unit):
            what = f"`{one.fills}` is in {items[one.fills].unit}, and this quantity in {UNITS[one.kind]}"
            yield panels.problem(here, what, "Fill an item of the same unit.")


def _filled_once(panels: Panels) -> Iterator[Problem]:
    filled: dict[tuple[str | None, str], str] = {}
    for form, item, at in _fillings(panels):
        said = ".".join(map(str, at[1:4]))
        before = filled.setdefault((form, item), said)
        if before != said:
            what = f"`{item}` is filled by {before} already"
            yield panels.problem(at, what, "Let one quantity fill an item.")


def _fillings(panels: Panels) -> Iterator[tuple[str | None, str, Path]]:
    """Form and item that are filled, and where that is said."""
    for key, panel in panels.panels.items():
        for name, one in panel.quantities.items():
            if one.fills is not None:
                yield panel.form, one.fills, ("panels", key, "quantities", name, "fills")
    for key, assay in panels.assays.items():
        for item in assay.fills:
            yield assay.form, item, ("assays", key, "fills", item)


# ---- files beside the panel -----------------------------------------------------------------------


def _files(panels: Panels, panel: Panel, path: Path, alone: bool) -> Iterator[Problem]:
    """Files that are not there, or are not those whose hash is given; a study has no such files."""
    for name, reference in panel.references.items():
        yield from _by_hand(panels, reference, (*path, "references", name, "samples"), alone)
    for name, one in panel.populations.items():
        if not isinstance(one, GatingML):
            continue
        here = (*path, "populations", name)
        if not alone:
            hint = (
                "Write the gate in the words of this file: rectangle, polygon, ellipsoid, quadrant, boolean."
            )
            what = "a study consists of its YAML files, and this gate stands in another"
            yield panels.problem((*here, "file"), what, hint)
            continue
        found = _digest(panels.folder / one.file)
        if found is None:
            hint = f"Put it beside {panels.source.file}; give its name from there."
            yield panels.problem((*here, "file"), f"`{one.file}` cannot be read", hint)
        elif found != one.sha256:
            hint = f"If it is the right file, write `sha256: {found}`."
            yield panels.problem((*here, "sha256"), f"`{one.file}` is another file than was meant", hint)


def _by_hand(panels: Panels, reference: Reference, here: Path, alone: bool) -> Iterator[Problem]:
    if reference.samples and not alone:
        what = "a study consists of its YAML files, and these samples are others"
        hint = (
            "Copy the panel into a file of its own beside the samples, let `trialrun learn` write its border "
            f"into {FILE} here, and say `border: NAME` in place of `trained_on` and its references."
        )
        yield panels.problem(here, what, hint)
        return
    for file in reference.files:
        if not (panels.folder / file).is_file():
            hint = f"Put it beside {panels.source.file}; give its name from there."
            yield panels.problem(here, f"`{file}` cannot be read", hint)


def _digest(path: FilePath) -> str | None:
    try:
        state = path.stat()
        if not S_ISREG(state.st_mode) or state.st_size > LARGEST_FILE:
            return None
        return sha256(path)
    except OSError:
        return None
