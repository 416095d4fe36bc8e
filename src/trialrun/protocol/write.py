"""A compiled protocol as the texts of its study files, as a person would write them.

Compiling the texts gives an equal protocol. Comments and layout are not content and are not kept; what
has its default value is left out. Short things stand on one line, long ones below each other.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import yaml
from pydantic import BaseModel

from trialrun.protocol.form import FormsFile
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.source import is_text
from trialrun.protocol.text import Anchor, Doses, Limits, Span, Text, Volume, Window, span
from trialrun.protocol.variable import VariablesFile

__all__ = ["texts", "written"]

WIDTH = 110  # characters of a line
TEXT = "tag:yaml.org,2002:str"
MAPPING, LIST = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
PLAIN = "tag:yaml.org,2002:value"  # of a scalar that is not text: never between quotes


def texts(protocol: Protocol) -> dict[str, str]:
    """The study files of a protocol, by name."""
    learnt = protocol.panels and protocol.panels.learnt
    models: dict[str, Any] = {
        "study.yaml": protocol.study,
        "forms.yaml": FormsFile(forms=dict(protocol.forms)),
        "variables.yaml": VariablesFile(variables=dict(protocol.variables)),
        "sources.yaml": protocol.sources,
        "model.yaml": protocol.model,
        "outputs.yaml": protocol.outputs and protocol.outputs.file,
        "panel.yaml": protocol.panels and protocol.panels.file,
        "borders.yaml": learnt and learnt.source.content,
    }
    return {name: written(said(model)) for name, model in models.items() if model}


def said(value: Any) -> Any:
    """A value of the models as a file says it: mappings, lists, texts, numbers, true, false, nothing."""
    if isinstance(value, BaseModel):
        return _element(value)
    if isinstance(value, Mapping):
        return {str(key): said(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [said(one) for one in value]
    return _word(value)


def _element(model: BaseModel) -> dict[str, Any]:
    """What a model says by key, without what is so by default; where it comes from is said last."""
    held = {
        field.alias or name: getattr(model, name)
        for name, field in type(model).model_fields.items()
        if field.is_required() or getattr(model, name) != field.get_default(call_default_factory=True)
    }
    cited, reason = held.pop("from", ()), held.pop("reason", None)
    content = {key: said(one) for key, one in held.items()}
    if cited:
        content["from"] = list(cited) if len(cited) > 1 else cited[0]
    return content if reason is None else content | {"reason": reason}


def _word(value: Any) -> Any:
    match value:
        case Text(by_language):
            alone = by_language[0][1] if len(by_language) == 1 and by_language[0][0] == "en" else None
            return dict(by_language) if alone is None else alone
        case Span():
            return _length(value)
        case Window(before, after):
            return (
                f"±{_digits(before)} days"
                if before == after
                else f"-{_digits(before)}/+{_digits(after)} days"
            )
        case Anchor(after, first, last):
            days = _digits(first) if first == last else f"{_digits(first)}..{_digits(last)}"
            return f"{after} + {days} days"
        case Limits(low, high):
            return f"{_digits(low)}..{_digits(high)}"
        case Volume(millilitres):
            return f"{_digits(millilitres)} mL"
        case Doses() | datetime.date():
            return str(value)
        case float() if value.is_integer() and abs(value) < 1e15:
            return int(value)
    return value


def _length(value: Span) -> str:
    """As people say it where that is exact, else in days with all digits."""
    shown = str(value)
    return shown if span(shown) == value else f"{_digits(value.days)} days"


def _digits(number: float) -> str:
    """A number with all its digits and no exponent."""
    digits = format(Decimal(repr(number)), "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


# YAML


def written(content: Mapping[str, Any]) -> str:
    """A mapping as YAML; reading it as a study file gives the same content."""
    text: str = yaml.serialize(_node(content, 0), Dumper=_Writer, width=WIDTH, allow_unicode=True)
    return re.sub(r"\n(?=\S+:\n)", "\n\n", text)  # an empty line before each section


def _node(value: Any, indent: int) -> yaml.Node:
    if isinstance(value, Mapping):
        pairs = [(_scalar(key), _node(one, indent + 2)) for key, one in value.items()]
        flow = indent > 0 and indent + _width(value) <= WIDTH
        return yaml.MappingNode(MAPPING, pairs, flow_style=flow or not pairs)
    if isinstance(value, list):
        nodes = [_node(one, indent + 2) for one in value]
        flow = indent + _width(value) <= WIDTH or not any(isinstance(one, list | Mapping) for one in value)
        return yaml.SequenceNode(LIST, nodes, flow_style=flow)
    return _scalar(value, long=indent + _width(value) > WIDTH)


def _width(value: Any) -> int:
    """About how many characters a value takes on one line."""
    if isinstance(value, Mapping):
        return sum(len(key) + 4 + _width(one) for key, one in value.items()) + 12
    return sum(2 + _width(one) for one in value) if isinstance(value, list) else len(str(value)) + 2


def _scalar(value: Any, long: bool = False) -> yaml.Node:
    if isinstance(value, str):
        return yaml.ScalarNode(TEXT, value, style=">" if long and "\n" not in value else None)
    if isinstance(value, bool) or value is None:
        return yaml.ScalarNode(PLAIN, "null" if value is None else str(value).lower())
    return yaml.ScalarNode(PLAIN, str(value) if isinstance(value, int) else _digits(value))


class _Writer(yaml.SafeDumper):
    """PyYAML's writer, told what a study file reads as text and how it quotes."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is not yaml.ScalarNode:
            return MAPPING if kind is yaml.MappingNode else LIST
        return TEXT if implicit[0] is False or is_text(value) else PLAIN

    def choose_scalar_style(self) -> Any:
        """Double quotes, as rules hold single ones; single ones only for what double ones would escape."""
        style = super().choose_scalar_style()
        value = self.event.value if isinstance(self.event, yaml.ScalarEvent) else ""
        return '"' if style == "'" and not re.search(r'["\\]', value) else style

    def ignore_aliases(self, data: Any) -> bool:
        return True
