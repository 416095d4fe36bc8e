"""The shape of study files: their keys and the kind of each value, checked against the models."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from trialrun.protocol.keys import sentence
from trialrun.protocol.problem import MANY, Place, Problem, ProtocolError, nearest, shown
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
    "finite_number": "this must be a number",
    "bool_type": "this must be true or false",
    "bool_parsing": "this must be true or false",
    "dict_type": "this must hold `name: …` lines",
    "model_type": "this must hold `key: value` lines",
    "model_attributes_type": "this must hold `key: value` lines",
    "tuple_type": "this must be a list",
    "list_type": "this must be a list",
    "greater_than": "this must be more than {gt:,}",
    "greater_than_equal": "this must be at least {ge:,}",
    "less_than": "this must be less than {lt:,}",
    "less_than_equal": "this must be at most {le:,}",
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
    "text": "Say it in words, as people on site will read it.",
}

# The words that may say what unknown means, by the section of the rule.
_UNKNOWN = {
    "before_dose": "Write `unknown: hold` (no dose until it is known) or `unknown: continue`.",
    "stops": "Write `unknown: continue`: only what is known stops a treatment.",
    "decisions": "Write `unknown: wait`: the decision waits until it is known.",
    "activities": "Write `unknown: do` or `unknown: skip`.",
}
_NEEDED_CODE = {"from": "no-source", "unknown": "unknown-unsaid"}


def shape(source: Source, model: type[BaseModel]) -> Any:
    """The file's content as its model; raises ProtocolError with every key and value that does not fit."""
    try:
        return model.model_validate(source.content)
    except ValidationError as error:
        found = error.errors(include_url=False)[:MANY]
        problems = [_problem(one, source, model) for one in found]
        raise ProtocolError(_once(problems)) from None


def _once(problems: list[Problem]) -> list[Problem]:
    """Without the key that is missing only because it stands there misspelt."""
    meant = {
        (*problem.place.path[:-1], word[1])
        for problem in problems
        if (word := re.search(r"(?:Did you mean|space after the colon:) `(\w+)", problem.hint or ""))
    }
    return [one for one in problems if "is missing" not in one.message or one.place.path not in meant]


def _problem(found: Mapping[str, Any], source: Source, model: type[BaseModel]) -> Problem:
    kind = found["type"]
    path = _real_path(found["loc"], source, whole=kind == "value_error")
    if kind == "extra_forbidden":
        return _extra(path, source, model)
    if kind == "missing" and isinstance(found["loc"][-1], int):
        message = f"`{path[-1]}` has too few values, {found['loc'][-1]}"
        return Problem(source.place(path), message, _meant(path, model))
    if kind == "missing":
        return _missing(path, source, model)
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        path = (*path, found["ctx"]["discriminator"].strip("'"))
    if kind == "union_tag_not_found":
        return _missing(path, source, model)
    if kind in ("literal_error", "union_tag_invalid"):
        return _choice(path, found, source)
    if kind == "value_error":
        inside = isinstance(_content(path, source), dict)
        said = str(found["ctx"]["error"])
        message, _, cure = said.partition("; ")
        empty = found["input"] in (None, "") and found["loc"][-1] != "[key]"
        message = "there is nothing here" if empty and cure else message
        path = getattr(found["ctx"]["error"], "path", path)
        place = source.key_place(path) if inside else source.place(path)
        code = getattr(found["ctx"]["error"], "code", None)
        return Problem(place, message, f"{cure[0].upper()}{cure[1:]}." if cure else None, code)
    hint = _PATTERNS.get(str(path[-1])) if kind == "string_pattern_mismatch" else _CURE.get(kind)
    if kind == "string_pattern_mismatch":
        return Problem(source.place(path), f"`{shown(found['input'])}` is not a right `{path[-1]}`", hint)
    said = _SAID[kind].format(**found.get("ctx", {})) if kind in _SAID else found["msg"]
    hint = hint if isinstance(found["input"], str | int | float) else None
    return Problem(source.place(path), _with_input(said, found["input"]), hint or _meant(path, model))


def _meant(path: Path, model: type[BaseModel]) -> str | None:
    """What a key is for, as the cure of a value that does not fit it."""
    known = (sentence(kind, str(path[-1])) for kind in kinds(model, path[:-1])) if path else ()
    said = next((one for one in known if one), None)
    return f"`{path[-1]}`: {said[0].lower()}{said[1:]}" if said else None


def _with_input(said: str, value: Any) -> str:
    if value is None:
        return f"{said}, and is empty"
    if isinstance(value, dict | list):
        return f"{said}, and is {'a list' if isinstance(value, list) else '`key: value` lines'}"
    return f"{said}, not `{shown(value)}`" if isinstance(value, str | int | float) else said


def _extra(path: Path, source: Source, model: type[BaseModel]) -> Problem:
    word = str(path[-1])
    known = sorted(fields(model, path[:-1]))
    close = nearest(word, known)
    hint = f"Did you mean `{close}`?" if close else f"Known here: {', '.join(known)}."
    name, colon, value = word.partition(":")
    if colon and name in known:
        hint = f"Put a space after the colon: `{name}: {value}`."
    elif word.strip() in known:
        hint = f"Remove the blank that cannot be seen beside `{word.strip()}`; it came from another program."
    elif " " in word or (close is None and _content(path, source) is None):
        hint = "Inside { }, a text that contains a comma must be put between quotes."
    message = f"the key `{shown(word)}` is not known here"
    if hint and "comma" in hint:
        message = f"`{shown(word)}` follows a comma, and is taken for a key"
    return Problem(source.key_place(path), message, hint)


def _missing(path: Path, source: Source, model: type[BaseModel]) -> Problem:
    place = source.key_place(path[:-1]) if len(path) > 1 else Place(source.file, 1, 1)
    found = Place(place.file, place.line, place.column, path)
    of = f" in `{path[-2]}`" if len(path) > 1 else ""
    if len(path) > 2 and isinstance(path[-2], int):
        of = f" in part {path[-2] + 1} of `{path[-3]}`"
    last, meant = str(path[-1]), _meant(path, model)
    hint = _UNKNOWN.get(str(path[0])) if last == "unknown" else None
    hint = hint or _NEEDED.get(last) or (f"Add {meant}" if meant else None)
    return Problem(found, f"`{last}` is missing{of}", hint, _NEEDED_CODE.get(last))


def _choice(path: Path, found: Mapping[str, Any], source: Source) -> Problem:
    details = found["ctx"]
    listed = details.get("expected") or details["expected_tags"]
    known = [one.strip().strip("'") for one in listed.replace(" or ", ", ").split(", ")]
    said = details.get("tag", found["input"])
    if said in (None, "None"):
        return Problem(source.place(path), f"`{path[-1]}` is empty", f"Write {' or '.join(known)}.")
    close = nearest(str(said), known)
    word = f"`{shown(said)}`" if isinstance(said, str | int | float) else "this"
    hint = f"Write {' or '.join(known)}."
    hint = f"Did you mean `{close}`? {hint}" if close and len(known) > 1 else hint
    return Problem(source.place(path), f"{word} is not a right `{path[-1]}`", hint)


def _content(path: Path, source: Source) -> Any:
    here: Any = source.content
    for step in path:
        here = here[step]
    return here


def _real_path(loc: Path, source: Source, whole: bool = False) -> Path:
    """Pydantic's location without the steps that are not in the file (union tags, `[key]`).

    ``whole``: what was found may be wrong with a whole member of a union, whose location ends with its tag.
    """
    path: list[str | int] = []
    here: Any = source.content
    tagged = False
    for i, step in enumerate(loc):
        # The step after a union's place is its tag, even where a key of the same name follows it.
        tag = isinstance(here, dict) and not tagged and step in (here.get("kind"), here.get("method"))
        if tag and (whole or i < len(loc) - 1):
            tagged = True
            continue
        tagged = False
        if isinstance(here, dict) and isinstance(step, str) and step not in here:
            step = origin(step, here) or step
        listed = isinstance(here, list) and isinstance(step, int) and step < len(here)
        inside = step in here if isinstance(here, dict) else listed
        if inside:
            path.append(step)
            here = here[step]
        elif i == len(loc) - 1 and not str(step).startswith("[") and isinstance(here, dict):
            path.append(step)
    return tuple(path)


def fields(model: Any, path: Path) -> set[str]:
    """Names of the keys that are allowed at a path of a file of this model."""
    return {field.alias or name for kind in kinds(model, path) for name, field in kind.model_fields.items()}


def kinds(annotation: Any, path: Path) -> list[type[BaseModel]]:
    """The models that may stand at a path below what an annotation holds."""
    models = list(_models(annotation))
    if not path:
        return models
    if not models:
        return [kind for inner in _inside(annotation) for kind in kinds(inner, path[1:])]
    known = (
        field
        for model in models
        for name, field in model.model_fields.items()
        if (field.alias or name) == path[0]
    )
    return [kind for field in known for kind in kinds(field.annotation, path[1:])]


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
