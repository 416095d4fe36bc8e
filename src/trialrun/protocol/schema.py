"""What an editor needs to help while a study file is written: JSON Schema, made from the same models.

The models say which keys there are; here stand only the looks of the small words, which they parse
themselves, and ``keys.yaml`` says each key in a sentence. What needs more than one file (a name that
must exist, a unit that must fit) is for `trialrun check`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from trialrun.protocol import border, element, panel, population, text
from trialrun.protocol.compile import REQUIRED
from trialrun.protocol.keys import sentence

__all__ = ["SCHEMAS", "schema"]

Json = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMAS: Mapping[str, type[BaseModel]] = {
    **{name.removesuffix(".yaml"): model for name, model in REQUIRED.items()},
    "panel": panel.PanelFile,
    "borders": border.BorderFile,
}
"""What there is a schema of, by the file's name without its ending."""

_NUMBER = r"[0-9]+(\.[0-9]+)?"
_SIGNED = f"-?{_NUMBER}"
_NAME = "[A-Za-z][A-Za-z0-9_]*"


def _word(pattern: str, *examples: str) -> Json:
    return {
        "type": "string",
        "pattern": rf"^\s*({pattern})\s*$",
        "examples": list(examples),
        "description": f"Written as e.g. {', '.join(examples)}.",
    }


# The small words of a study file, by the class that each becomes.
_WORDS: dict[type, Json] = {
    text.Text: {
        "description": "Words, in one or more of the study's languages: Pulse, or {en: Pulse, fr: Pouls}.",
        "anyOf": [
            {"type": ["string", "integer"], "pattern": r"\S"},
            {
                "type": "object",
                "propertyNames": {"pattern": "^[a-z]{2}$"},
                "additionalProperties": {"type": "string", "pattern": r"\S"},
                "minProperties": 1,
            },
        ],
    },
    text.Span: _word(rf"{_NUMBER}\s*(hours?|days?|weeks?)|[0-9]+\s*months?", "21 days", "72 hours"),
    text.Window: _word(
        r"±\s*[0-9]+(\s*(days?|weeks?))?|-\s*[0-9]+\s*/\s*\+\s*[0-9]+(\s*(days?|weeks?))?",
        "±3 days",
        "-0/+7 days",
    ),
    text.Anchor: _word(
        r"\S.*\+\s*[0-9]+(\s*\.\.\s*[0-9]+)?\s*(days?|weeks?)", "C1 + 21 days", "last dose + 28 days"
    ),
    text.Doses: _word(r"[0-9]+ (daily|every [0-9]+ days)", "5 daily", "13 every 14 days"),
    text.Limits: _word(rf"{_SIGNED}\s*\.\.\s*{_SIGNED}", "30..45"),
    text.Volume: _word(rf"{_NUMBER}\s*mL", "10 mL"),
}
_NAMES: dict[Callable[..., Any], str] = {
    element._identifier: f"^{_NAME}$",
    population._marker: r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
    element._visit: rf"^[A-Za-z][A-Za-z0-9_*]*(\.{_NAME})?$",  # C*.D8: a visit of every course
}
_CITATION: Json = {"type": "string", "pattern": r"^(assumption|doi:10\.\S+|[a-z][a-z0-9-]*#[0-9]+)$"}
_ASSUMED: Json = {"const": element.ASSUMPTION}
_REASONED: Json = {
    "if": {
        "required": ["from"],
        "properties": {"from": {"anyOf": [_ASSUMED, {"type": "array", "contains": _ASSUMED}]}},
    },
    "then": {"required": ["reason"], "properties": {"reason": {"type": "string", "pattern": r"\S"}}},
}


def schema(name: str) -> Json:
    """The JSON Schema of one study file (by its name in `SCHEMAS`)."""
    model = SCHEMAS[name]
    made = model.model_json_schema(schema_generator=_Generator)
    parts = {model.__name__: made, **made.get("$defs", {})}
    classes = {one.__name__: one for one in _classes(model)}
    for key, part in parts.items():
        if key in classes:
            _explain(part, classes[key])
    return {"$schema": DIALECT, "title": f"{name}.yaml", **_plain(made)}


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, told how the small words are written."""

    def dataclass_schema(self, schema: Any) -> Json:
        return dict(_WORDS[schema["cls"]])

    def function_before_schema(self, schema: Any) -> Json:
        made, read = super().function_before_schema(schema), schema["function"]["function"]
        if read is element._citations:
            return _one_or_many(_CITATION) | {"minItems": 1}
        if read is panel._scale:
            return {"anyOf": [{"enum": list(panel.Transform.model_fields)}, made]}
        several = made["items"] if read in (text._one_or_many, population._markers) else None
        return made if several is None else _one_or_many(several)

    def function_after_schema(self, schema: Any) -> Json:
        made, pattern = super().function_after_schema(schema), _NAMES.get(schema["function"]["function"])
        return made | {"pattern": pattern} if pattern else made

    def dict_schema(self, schema: Any) -> Json:
        made = super().dict_schema(schema)
        key, values = schema["keys_schema"], self.generate_inner(schema["values_schema"])
        pattern = _NAMES.get(key["function"]["function"]) if key["type"] == "function-after" else None
        pattern = "^[0-9]+$" if key["type"] == "int" else pattern
        made = {name: made[name] for name in ("type", "minProperties") if name in made}
        names = {"propertyNames": {"pattern": pattern}} if pattern else {}
        return made | names | {"additionalProperties": values}


def _one_or_many(one: Json) -> Json:
    return {"anyOf": [one, {"type": "array", "items": one}]}


def _classes(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Every model of the study language; the class of a part of a schema is among them."""
    waiting, seen = [element.Part], set[type[BaseModel]]()
    while waiting:
        part = waiting.pop()
        if part not in seen:
            seen.add(part)
            yield part
            waiting += part.__subclasses__()


def _explain(part: Json, model: type[BaseModel]) -> None:
    """Give every key its sentence, and an assumption its reason."""
    for key, said in part.get("properties", {}).items():
        if meant := sentence(model, key):
            said["description"] = meant
    if issubclass(model, element.Sourced):
        part |= _REASONED


def _plain(made: Any) -> Any:
    """Without pydantic's own titles and defaults, which tell a writer nothing."""
    if isinstance(made, list):
        return [_plain(one) for one in made]
    if not isinstance(made, dict):
        return made
    named = {"properties", "$defs"}
    return {
        key: {name: _plain(one) for name, one in value.items()} if key in named else _plain(value)
        for key, value in made.items()
        if key not in ("default", "discriminator") and not (key == "title" and isinstance(value, str))
    }
