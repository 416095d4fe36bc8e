"""The shape of study files: their keys and the kind of each value, checked against the models."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from trialrun.protocol.problem import Place, Problem, ProtocolError, nearest
from trialrun.protocol.series import origin
from trialrun.protocol.source import Source

__all__ = ["fields", "shape"]

Path = tuple[str | int, ...]

# What pydantic found, as a physician would say it. {…} are pydantic's own details.
_SAID = {
    "string_type": "this must be text",
    "int_type": "this must be a whole number",
    "int_parsing": "this must be a whole number",
    "int_from_float": "this must be a whole number",
    "float_type": "this must be a number",
    "float_parsing": "this must be a number",
    "bool_type": "this must be true or false",
    "bool_parsing": "this must be true or false",
    "dict_type": "this must hold `name: …` lines",
    "model_type": "this must hold `key: value` lines",
    "model_attributes_type": "this must hold `key: value` lines",
    "tuple_type": "this must be a list",
    "list_type": "this must be a list",
    "greater_than": "this must be more than {gt:g}",
    "greater_than_equal": "this must be at least {ge:g}",
    "less_than": "this must be less than {lt:g}",
    "less_than_equal": "this must be at most {le:g}",
    "too_short": "this must not be empty",
}
_CURE = {
    "string_type": "Put it between quotes if it is meant as text.",
    "tuple_type": "Write [a, b], or one `- a` below the other.",
    "list_type": "Write [a, b], or one `- a` below the other.",
}
# Where a value follows a pattern: what it looks like, by the last key of its path.
_PATTERNS = {
    "country": "Two capital letters (ISO 3166), e.g. FR.",
    "domain": "The two capital letters of an SDTM domain, e.g. LB.",
    "id": "Letters, digits, and _ . - inside, e.g. VASCU-IL2.",
}
_NEEDED = {
    "from": "Say where it comes from: registry#12, doi:10.1056/…, or assumption with a reason.",
    "unknown": "Say what an unknown value means here.",
    "text": "Say it in words, as people on site will read it.",
}


def shape(source: Source, model: type[BaseModel]) -> Any:
    """The file's content as its model; raises ProtocolError with every key and value that does not fit."""
    try:
        return model.model_validate(source.content)
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise ProtocolError(_problem(one, source, model) for one in found) from None


def _problem(found: Mapping[str, Any], source: Source, model: type[BaseModel]) -> Problem:
    path = _real_path(found["loc"], source)
    kind = found["type"]
    if kind == "extra_forbidden":
        return _extra(path, source, model)
    if kind == "missing":
        return _missing(path, source)
    if kind == "union_tag_not_found":
        return _missing((*path, "kind"), source)
    if kind in ("literal_error", "union_tag_invalid"):
        return _choice(path if kind == "literal_error" else (*path, "kind"), found, source)
    if kind == "value_error":
        inside = isinstance(_content(path, source), dict)
        said = str(found["ctx"]["error"])
        message, _, cure = said.partition("; ")
        place = source.key_place(path) if inside else source.place(path)
        return Problem(place, message, f"{cure[0].upper()}{cure[1:]}." if cure else None)
    hint = _PATTERNS.get(str(path[-1])) if kind == "string_pattern_mismatch" else _CURE.get(kind)
    if kind == "string_pattern_mismatch":
        return Problem(source.place(path), f"`{found['input']}` is not a right `{path[-1]}`", hint)
    said = _SAID[kind].format(**found.get("ctx", {})) if kind in _SAID else found["msg"]
    return Problem(source.place(path), _with_input(said, found["input"]), hint)


def _with_input(said: str, value: Any) -> str:
    if value is None:
        return f"{said}, and is empty"
    return f"{said}, not `{value}`" if isinstance(value, str | int | float) else said


def _extra(path: Path, source: Source, model: type[BaseModel]) -> Problem:
    word = str(path[-1])
    known = sorted(fields(model, path[:-1]))
    close = nearest(word, known)
    hint = f"Did you mean `{close}`?" if close else f"Known here: {', '.join(known)}."
    if " " in word:
        hint = "Inside { }, a text that contains a comma must be put between quotes."
    return Problem(source.key_place(path), f"the key `{word}` is not known here", hint)


def _missing(path: Path, source: Source) -> Problem:
    place = source.key_place(path[:-1]) if len(path) > 1 else Place(source.file, 1, 1)
    found = Place(place.file, place.line, place.column, path)
    of = f" in `{path[-2]}`" if len(path) > 1 else ""
    return Problem(found, f"`{path[-1]}` is missing{of}", _NEEDED.get(str(path[-1])))


def _choice(path: Path, found: Mapping[str, Any], source: Source) -> Problem:
    details = found["ctx"]
    listed = details.get("expected") or details["expected_tags"]
    known = [one.strip().strip("'") for one in listed.replace(" or ", ", ").split(", ")]
    said = details.get("tag", found["input"])
    close = nearest(str(said), known)
    word = f"`{said}`" if isinstance(said, str | int | float) else "this"
    hint = f"Did you mean `{close}`?" if close and len(known) > 1 else f"Write {' or '.join(known)}."
    return Problem(source.place(path), f"{word} is not a right `{path[-1]}`", hint)


def _content(path: Path, source: Source) -> Any:
    here: Any = source.content
    for step in path:
        here = here[step]
    return here


def _real_path(loc: Path, source: Source) -> Path:
    """Pydantic's location without the steps that are not in the file (union tags, `[key]`)."""
    path: list[str | int] = []
    here: Any = source.content
    for i, step in enumerate(loc):
        if isinstance(here, dict) and isinstance(step, str) and step not in here:
            step = origin(step, here) or step
        inside = step in here if isinstance(here, dict) else isinstance(here, list) and isinstance(step, int)
        if inside:
            path.append(step)
            here = here[step]
        elif i == len(loc) - 1 and step != "[key]" and isinstance(here, dict):
            path.append(step)
    return tuple(path)


def fields(model: Any, path: Path) -> set[str]:
    """Names of the keys that are allowed at a path of a file of this model."""
    names: set[str] = set()
    for kind in _models(model):
        for name, field in kind.model_fields.items():
            if not path:
                names.add(field.alias or name)
            elif (field.alias or name) == path[0]:
                names |= _below(field.annotation, path[1:])
    return names


def _below(annotation: Any, path: Path) -> set[str]:
    if path and not list(_models(annotation)):
        return {name for inner in _inside(annotation) for name in _below(inner, path[1:])}
    return fields(annotation, path)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models an annotation may hold directly."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _models(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for inner in typing.get_args(annotation):
            yield from _models(inner)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation


def _inside(annotation: Any) -> list[Any]:
    """What a dict or tuple annotation holds; of a union, of all its members."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _inside(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [held for member in typing.get_args(annotation) for held in _inside(member)]
    arguments = [argument for argument in typing.get_args(annotation) if argument is not Ellipsis]
    return arguments[-1:] if origin in (dict, tuple, list) else []
