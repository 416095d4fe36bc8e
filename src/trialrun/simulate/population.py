"""The population of a study: its ``model.yaml``, held against the protocol and the model that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from trialrun.protocol.element import Element, Part, Sourced
from trialrun.protocol.problem import Place, Problem, ProtocolError, suggestion
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.shape import shape
from trialrun.protocol.source import parse
from trialrun.simulate import models
from trialrun.simulate.agreement import Agreement
from trialrun.simulate.people import ModelFile

FILE = "model.yaml"
STATED = "stated"  # the model whose numbers are all in the study's own file


def population(protocol: Protocol) -> ModelFile:
    """The study's model file; raises ProtocolError with every problem in it, each with its line."""
    return _population(protocol)


@lru_cache(maxsize=8)
def _population(protocol: Protocol) -> ModelFile:
    if FILE not in protocol.files:
        cure = f"Add a {FILE} that says how virtual people respond."
        raise ProtocolError([Problem(Place(FILE), f"{protocol.id} has no virtual people", cure)])
    source = parse(protocol.files[FILE], FILE)
    file: ModelFile = shape(source, ModelFile)
    if file.model not in known_models():
        hint = suggestion(file.model, known_models())
        raise ProtocolError([Problem(source.place(("model",)), f"there is no model `{file.model}`", hint)])
    if (file.model == STATED) != (file.stated is not None):
        message = f"`{STATED}` goes with `model: {STATED}`, and only with it"
        cure = "Add what is stated, or leave it out."
        raise ProtocolError([Problem(source.key_place(("model",)), message, cure)])
    unchanged = _model(file) if file.stated is not None else load_model(file.model)
    problems = Agreement(protocol, source, file, unchanged).check()
    if problems:
        raise ProtocolError(problems)
    return file


@lru_cache(maxsize=8)
def load_model(name: str) -> Any:
    """The model of that name: ``MODEL`` in `trialrun.simulate.models.<name>`, loaded once; it holds nothing
    of anybody."""
    return _kind(name).load()


@lru_cache(maxsize=8)
def model_of(protocol: Protocol) -> Any:
    """The model of a study's virtual people, with what the study states for it or changes in it."""
    return _model(population(protocol))


def _model(file: ModelFile) -> Any:
    if file.stated is not None:
        return _kind(file.model).load(file.stated)
    if file.parameters or file.hazards:
        return _kind(file.model).load(_changes(file.parameters), _changes(file.hazards))
    return load_model(file.model)


def _kind(name: str) -> Any:
    return import_module(f"{models.__name__}.{name}").MODEL


def _changes(changed: Mapping[str, Element]) -> dict[str, dict[str, Any]]:
    """Changed entries as the model's own file writes them; what is not said stays out."""
    return {name: one.model_dump(by_alias=True, exclude_none=True) for name, one in changed.items()}


def known_models() -> tuple[str, ...]:
    """Every model, by the name that study files use."""
    modules = (module.name for module in iter_modules(models.__path__))
    return tuple(name for name in modules if hasattr(import_module(f"{models.__name__}.{name}"), "MODEL"))


# ---- assumptions ---------------------------------------------------------------------------------


def assumptions(protocol: Protocol) -> list[dict[str, str]]:
    """Everything that a virtual run assumes beside the protocol, in file order.

    Each with its `element` (``model/people/late_visit``), what it is
    `about`, the `reason`, its `standing` (published, fitted or assumed) and its sources (`from`).
    """
    file = population(protocol)
    stated = [_assumption(protocol, path, part) for path, part in _walk(file, ("model",))]
    changed = {f"parameters.{name}" for name in file.parameters} | {
        f"hazards.{name}" for name in file.hazards
    }
    return stated + [
        {
            "element": f"{file.model}/{one.name}",
            "about": one.name.rpartition(".")[2].replace("_", " "),
            "reason": one.reason,
            "standing": one.standing,
            "from": ", ".join(one.source),
        }
        for one in _model(file).statements()
        if one.name not in changed
    ]


def _walk(part: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Sourced]]:
    if isinstance(part, Sourced) and part.from_:
        yield path, part
    if isinstance(part, Part):
        for name in type(part).model_fields:
            yield from _walk(getattr(part, name), (*path, name.rstrip("_")))
    elif isinstance(part, dict):
        for name, inner in part.items():
            yield from _walk(inner, (*path, str(name)))


def _assumption(protocol: Protocol, path: tuple[str, ...], part: Sourced) -> dict[str, str]:
    name = path[-1]
    form = protocol.forms.get(name) if path[-2:-1] in (("answers",), ("logs",)) else None
    return {
        "element": "/".join(path),
        "about": form.title() if form else name.replace("_", " "),
        "reason": part.reason or "",
        "standing": "assumed" if part.assumed else "published",
        "from": ", ".join(part.from_),
    }
