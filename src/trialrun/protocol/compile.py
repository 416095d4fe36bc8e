"""From a study folder to a `Protocol`, or to every problem found in it at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from trialrun.protocol.borders import UNREAD, compile_borders, unnamed
from trialrun.protocol.dosing import dosing
from trialrun.protocol.form import Form, FormsFile
from trialrun.protocol.knowable import blind
from trialrun.protocol.link import link
from trialrun.protocol.link_arms import link_arms
from trialrun.protocol.outputs import compile_outputs
from trialrun.protocol.panels import compile_panels
from trialrun.protocol.plan import Plan
from trialrun.protocol.problem import Place, Problem, ProtocolError, coded, nearest, suggestion
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rulebook import compile_rules, stated, type_of
from trialrun.protocol.sense import sense
from trialrun.protocol.shape import shape
from trialrun.protocol.source import Source, read
from trialrun.protocol.study import SourcesFile, StudyFile
from trialrun.protocol.variable import Variable, VariablesFile

__all__ = ["OPTIONAL", "REQUIRED", "bundled", "load", "locate"]

REQUIRED: Mapping[str, type[BaseModel]] = {
    "study.yaml": StudyFile,
    "forms.yaml": FormsFile,
    "variables.yaml": VariablesFile,
    "sources.yaml": SourcesFile,
}
OPTIONAL = ("model.yaml", "outputs.yaml", "panel.yaml", "borders.yaml")


def bundled() -> dict[str, Path]:
    """The studies that come with trialrun: name -> folder."""
    root = Path(str(resources.files("trialrun"))) / "studies"
    return {folder.name: folder for folder in sorted(root.iterdir()) if (folder / "study.yaml").exists()}


def locate(study: str | Path) -> Path:
    """The folder of a study given as a path or as a bundled name; raises ProtocolError."""
    path = Path(study)
    if (path / "study.yaml").exists():
        return path
    known = bundled()
    if str(study) in known:
        return known[str(study)]
    if path.is_dir():
        what, hint = "the folder has no study.yaml", "A study folder holds " + ", ".join(REQUIRED) + "."
    elif path.is_file():
        what, hint = "is a file, and a study is a folder", f"Give the folder: {path.parent}"
    else:
        close = nearest(str(study), known)
        what = "is neither a folder nor a bundled study"
        hint = f"Did you mean `{close}`?" if close else f"Bundled studies: {', '.join(known)}."
    raise ProtocolError([Problem(Place(str(study)), what, hint)])


def load(study: str | Path) -> Protocol:
    """Compile a study folder or bundled study; raises ProtocolError with every problem found."""
    folder = locate(study).resolve()
    return _compiled(folder, tuple(_mark(path) for path in sorted(folder.glob("*.y*ml"))))


def _mark(path: Path) -> tuple[str, int, int]:
    """What changes when a file is written; a link that leads nowhere never does, and is refused when read."""
    try:
        state = path.stat()
    except OSError:
        return path.name, 0, 0
    return path.name, state.st_mtime_ns, state.st_size


@lru_cache(maxsize=16)
def _compiled(folder: Path, stamp: tuple[tuple[str, int, int], ...]) -> Protocol:
    """Compiled once for each state of the folder, of which ``stamp`` is the mark."""
    problems: list[Problem] = []
    sources = _read_all(folder, problems)
    models = _shape_all(sources, problems)
    protocol = _meaning(sources, models, folder, problems)
    if problems or protocol is None:
        raise ProtocolError(problems)
    return protocol


def _read_all(folder: Path, problems: list[Problem]) -> dict[str, Source]:
    sources: dict[str, Source] = {}
    present = {path.name for path in folder.glob("*.y*ml")}
    for name in [*REQUIRED, *OPTIONAL]:
        if name in present:
            try:
                sources[name] = read(folder / name)
            except ProtocolError as error:
                problems += coded(error.problems, "text")
        elif name in REQUIRED:
            hint = f"A study folder holds {', '.join(REQUIRED)}."
            missing = f"is missing from the study folder {folder.name}"
            problems.append(Problem(Place(name), missing, hint, "file"))
    for name in sorted(present - {*REQUIRED, *OPTIONAL}):
        hint = suggestion(name, [*REQUIRED, *OPTIONAL]) or "Move it out of the study folder."
        problems.append(Problem(Place(name), "is not a study file", hint, "file"))
    return sources


def _shape_all(sources: Mapping[str, Source], problems: list[Problem]) -> dict[str, Any]:
    models: dict[str, Any] = {}
    for name in REQUIRED.keys() & sources.keys():
        try:
            models[name] = shape(sources[name], REQUIRED[name])
        except ProtocolError as error:
            problems += coded((_cited(one, sources) for one in error.problems), "shape")
    return models


def _cited(problem: Problem, sources: Mapping[str, Source]) -> Problem:
    """A problem whose cure cites a source, with one that this study has."""
    known = sources["sources.yaml"].content.get("sources") if "sources.yaml" in sources else None
    for name, source in known.items() if isinstance(known, dict) else ():
        listed = source.get("statements") if isinstance(source, dict) else None
        if problem.hint and isinstance(listed, dict) and listed:
            return replace(problem, hint=problem.hint.replace("registry#12", f"{name}#{next(iter(listed))}"))
    return problem


def _meaning(
    sources: Mapping[str, Source], models: Mapping[str, Any], folder: Path, problems: list[Problem]
) -> Protocol | None:
    """The protocol, as far as the files could be read: what one file lacks hides no problem of the others."""
    if "study.yaml" not in models:
        return None
    study: StudyFile = models["study.yaml"]
    readable = {"forms.yaml", "variables.yaml"} <= models.keys()
    forms: dict[str, Form] = models["forms.yaml"].forms if readable else {}
    variables: dict[str, Variable] = models["variables.yaml"].variables if readable else {}
    known = {name: type_of(variable, forms) for name, variable in variables.items()}
    dates = {name for name, found in known.items() if found is None or found.kind == "date"}
    plan = Plan(study, sources["study.yaml"], dates if readable else None, known.keys() - dates)
    points = plan.build()
    problems += plan.problems
    if not readable:
        return None
    types = {name: found for name, found in known.items() if found is not None}
    rules, wrong = compile_rules(
        stated(study, forms, variables, types), sources, variables.keys() - types.keys()
    )
    problems += wrong
    if len(models) < len(REQUIRED):
        return None
    outputs = None
    if "outputs.yaml" in sources:
        outputs, unfit = compile_outputs(sources["outputs.yaml"], study.endpoints, study.suspensions)
        problems += unfit
    panels = borders = None
    if "borders.yaml" in sources:
        borders, unfit = compile_borders(sources["borders.yaml"])
        problems += unfit
    elif (folder / "borders.yaml").exists():
        borders = UNREAD
    if "panel.yaml" in sources:
        panels, unfit = compile_panels(sources["panel.yaml"], folder, study, forms, borders)
        problems += unfit
    if borders is not None and (panels is not None or "panel.yaml" not in sources):
        named = [panels.named(key).values() for key in panels.panels] if panels is not None else []
        problems += unnamed(borders, set().union(*named))
    protocol = Protocol(
        study=study,
        forms=forms,
        variables=variables,
        sources=models["sources.yaml"],
        timepoints=points,
        rules=rules,
        types=types,
        hash=_hash(sources),
        files={name: sources[name].text for name in sorted(sources)},
        model=sources["model.yaml"].content if "model.yaml" in sources else {},
        outputs=outputs,
        panels=panels,
    )
    problems += link(protocol, sources) + link_arms(protocol, sources) + sense(protocol, sources)
    if not problems:
        problems += blind(protocol, sources) + dosing(protocol, sources)
    return protocol


def _hash(sources: Mapping[str, Source]) -> str:
    """SHA-256 of what the files say, a list of pairs of a name and its content in canonical JSON."""
    content = b",".join(b'["%s",%s]' % (name.encode(), sources[name].said) for name in sorted(sources))
    return hashlib.sha256(b"[%s]" % content).hexdigest()
