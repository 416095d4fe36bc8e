"""From a study folder to a `Protocol`, or to every problem found in it at once."""

from __future__ import annotations

import hashlib
import types as python_types
import typing
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import rfc8785
from pydantic import BaseModel, ValidationError

from trialrun.protocol.form import FormsFile
from trialrun.protocol.link import link
from trialrun.protocol.plan import Plan
from trialrun.protocol.problem import Place, Problem, ProtocolError, nearest
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rulebook import compile_rules, stated, type_of
from trialrun.protocol.source import Source, read
from trialrun.protocol.study import SourcesFile, StudyFile
from trialrun.protocol.variable import VariablesFile

REQUIRED: Mapping[str, type[BaseModel]] = {
    "study.yaml": StudyFile,
    "forms.yaml": FormsFile,
    "variables.yaml": VariablesFile,
    "sources.yaml": SourcesFile,
}
OPTIONAL = ("model.yaml", "outputs.yaml", "panel.yaml")


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
    close = nearest(str(study), known)
    hint = f"Did you mean `{close}`?" if close else f"Bundled studies: {', '.join(known)}."
    what = "the folder has no study.yaml" if path.is_dir() else "is neither a folder nor a bundled study"
    raise ProtocolError([Problem(Place(str(study)), what, hint)])


@lru_cache(maxsize=16)
def _compiled(folder: Path, stamp: tuple[tuple[str, int, int], ...]) -> Protocol:
    return _compile(folder)


def load(study: str | Path) -> Protocol:
    """Compile a study folder or bundled study; raises ProtocolError with every problem found."""
    folder = locate(study).resolve()
    stamp = tuple(
        (path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(folder.glob("*.yaml"))
    )
    return _compiled(folder, stamp)


def _compile(folder: Path) -> Protocol:
    sources = _read_all(folder)
    models = _shape(sources)
    study, forms = models["study.yaml"], models["forms.yaml"].forms
    variables = models["variables.yaml"].variables
    plan = Plan(study, sources["study.yaml"])
    points = plan.build()
    problems = plan.problems
    known = {name: type_of(variable, forms) for name, variable in variables.items()}
    types = {name: found for name, found in known.items() if found is not None}
    rules, wrong = compile_rules(stated(study, forms, variables, types), sources)
    protocol = Protocol(
        study=study,
        forms=forms,
        variables=variables,
        sources=models["sources.yaml"],
        timepoints=points,
        rules=rules,
        types=types,
        hash=_hash(sources),
        files={name: (folder / name).read_text("utf-8") for name in sorted(sources)},
        model=sources["model.yaml"].content if "model.yaml" in sources else {},
        outputs=sources["outputs.yaml"].content if "outputs.yaml" in sources else {},
    )
    problems += wrong + link(protocol, sources)
    if problems:
        raise ProtocolError(problems)
    return protocol


def _read_all(folder: Path) -> dict[str, Source]:
    sources: dict[str, Source] = {}
    problems: list[Problem] = []
    present = {path.name for path in folder.glob("*.yaml")}
    for name in [*REQUIRED, *OPTIONAL]:
        if name in present:
            try:
                sources[name] = read(folder / name)
            except ProtocolError as error:
                problems += error.problems
        elif name in REQUIRED:
            problems.append(Problem(Place(name), f"is missing from the study folder {folder.name}"))
    for name in sorted(present - {*REQUIRED, *OPTIONAL}):
        close = nearest(name, [*REQUIRED, *OPTIONAL])
        problems.append(Problem(Place(name), "is not a study file", f"Did you mean `{close}`?" if close else "Remove it."))
    if problems:
        raise ProtocolError(problems)
    return sources


def _shape(sources: Mapping[str, Source]) -> dict[str, Any]:
    models: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, model in REQUIRED.items():
        try:
            models[name] = model.model_validate(sources[name].content)
        except ValidationError as error:
            problems += [_problem(found, sources[name], model) for found in error.errors(include_url=False)]
    if problems:
        raise ProtocolError(problems)
    return models


def _hash(sources: Mapping[str, Source]) -> str:
    content = {name: source.content for name, source in sources.items()}
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def _problem(found: Any, source: Source, model: type[BaseModel]) -> Problem:
    path = _real_path(found["loc"], source)
    kind = found["type"]
    if kind == "extra_forbidden":
        close = nearest(str(path[-1]), _fields(model, path[:-1]))
        known = sorted(_fields(model, path[:-1]))
        hint = f"Did you mean `{close}`?" if close else f"Known here: {', '.join(known)}."
        if " " in str(path[-1]):
            hint = "Inside { }, a text that contains a comma must be put between quotes."
        return Problem(source.key_place(path), f"`{path[-1]}` is not known here", hint)
    if kind == "missing":
        place = source.key_place(path[:-1]) if len(path) > 1 else Place(source.file, 1, 1, path)
        return Problem(Place(place.file, place.line, place.column, path), f"`{path[-1]}` is missing")
    message = found["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return Problem(source.place(path), message[0].lower() + message[1:] if message[:5] == "Input" else message)


def _real_path(loc: tuple[str | int, ...], source: Source) -> tuple[str | int, ...]:
    """Pydantic's location without the steps that are not in the file (union tags, `[key]`)."""
    path: list[str | int] = []
    here: Any = source.content
    for i, step in enumerate(loc):
        inside = (isinstance(here, dict) and step in here) or (isinstance(here, list) and isinstance(step, int))
        if inside:
            path.append(step)
            here = here[step]
        elif i == len(loc) - 1 and step != "[key]" and isinstance(here, dict):
            path.append(step)
    return tuple(path)


def _fields(model: Any, path: tuple[str | int, ...]) -> set[str]:
    """Names of the keys allowed at a path."""
    if path and not isinstance(path[0], str):
        return {name for inner in _inside(model) for name in _fields(inner, path[1:])}
    names: set[str] = set()
    for kind in _models(model):
        if not path:
            names |= {field.alias or name for name, field in kind.model_fields.items()}
        for name, field in kind.model_fields.items():
            if path and (field.alias or name) == path[0]:
                names |= _fields_below(field.annotation, path[1:])
    return names


def _fields_below(annotation: Any, path: tuple[str | int, ...]) -> set[str]:
    if path and not list(_models(annotation)):
        return {name for inner in _inside(annotation) for name in _fields_below(inner, path[1:])}
    return _fields(annotation, path)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models an annotation may hold directly."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _models(typing.get_args(annotation)[0])
    elif origin in (typing.Union, python_types.UnionType):
        for inner in typing.get_args(annotation):
            yield from _models(inner)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation


def _inside(annotation: Any) -> list[Any]:
    """What a dict or tuple annotation holds."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _inside(typing.get_args(annotation)[0])
    arguments = [a for a in typing.get_args(annotation) if a is not Ellipsis]
    return arguments[-1:] if typing.get_origin(annotation) in (dict, tuple, list) else []
