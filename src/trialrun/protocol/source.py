"""Study files as located text.

YAML is read as nodes, not as values: every key and value keeps its line, and a scalar becomes a
value by YAML 1.2's core rules only (``no`` stays text, ``1:30`` is no number, dates stay text).
Anchors, aliases and tags are refused: a study file says each thing once, plainly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from trialrun.protocol.problem import Place, Problem, ProtocolError

LARGEST_FILE = 1_000_000  # bytes; the largest real study file is a fiftieth of this
DEEPEST = 30  # levels of nesting

Path_ = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CONSTANT = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass
class Source:
    """One file's content and the place of every key and value in it."""

    file: str
    content: dict[str, Any]
    keys: dict[Path_, Place] = field(default_factory=dict)
    values: dict[Path_, Place] = field(default_factory=dict)

    def place(self, path: Path_) -> Place:
        """The nearest place known for a path: its value, its key, or its parent's."""
        for end in range(len(path), -1, -1):
            found = self.values.get(path[:end]) or self.keys.get(path[:end])
            if found:
                return Place(found.file, found.line, found.column, path)
        return Place(self.file, path=path)

    def key_place(self, path: Path_) -> Place:
        return self.keys.get(path) or self.place(path)


def read(path: Path) -> Source:
    """Read one study file; raises ProtocolError with every problem of the text itself."""
    file = path.name
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise _refuse(file, f"the file has {size:,} bytes; a study file has at most {LARGEST_FILE:,}")
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refuse(file, f"byte {error.start} is not UTF-8", "Save the file as UTF-8.") from None
    except OSError as error:
        raise _refuse(file, f"cannot be read: {error.strerror}") from None
    return parse(text, file)


def parse(text: str, file: str) -> Source:
    """Parse the text of one study file."""
    try:
        _refuse_indirection(text, file)
        node = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text, file) from None
    except yaml.YAMLError as error:
        raise _refuse(file, f"is not YAML: {error}") from None
    if not isinstance(node, yaml.MappingNode):
        raise _refuse(file, "must be a list of `key: value` lines")
    source = Source(file, {})
    problems: list[Problem] = []
    source.content = _value(node, (), source, problems)
    if problems:
        raise ProtocolError(problems)
    return source


def _refuse(file: str, message: str, hint: str | None = None) -> ProtocolError:
    return ProtocolError([Problem(Place(file), message, hint)])


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> ProtocolError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
    lines = text.splitlines()
    here = lines[mark.line] if mark and mark.line < len(lines) else ""
    hint = "Indent with spaces, not tabs." if "\t" in here else None
    if hint is None and "mapping values are not allowed" in (error.problem or ""):
        hint = "A value that contains `: ` must be put between quotes."
    return ProtocolError([Problem(Place(file, line, column), f"is not YAML: {error.problem}", hint)])


def _refuse_indirection(text: str, file: str) -> None:
    """Refuse anchors, aliases, tags, several documents and deep nesting before any node is built."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        place = Place(file, event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ProtocolError([Problem(place, "anchors and aliases (& and *) are not used in study files", "Write the value out.")])
        if getattr(event, "tag", None):
            raise ProtocolError([Problem(place, f"the tag {event.tag} is not used in study files", "Remove it.")])
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise ProtocolError([Problem(place, f"is nested more than {DEEPEST} levels deep")])
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise ProtocolError([Problem(place, "a study file is one document", "Remove the line ---.")])


def _value(node: yaml.Node, path: Path_, source: Source, problems: list[Problem]) -> Any:
    source.values[path] = Place(source.file, node.start_mark.line + 1, node.start_mark.column + 1, path)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, source, problems)
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, (*path, i), source, problems) for i, child in enumerate(node.value)]
    return _scalar(node)


def _mapping(node: yaml.MappingNode, path: Path_, source: Source, problems: list[Problem]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key_node, value_node in node.value:
        place = Place(source.file, key_node.start_mark.line + 1, key_node.start_mark.column + 1, path)
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(Problem(place, "a key must be a word"))
            continue
        key = key_node.value
        if key in content:
            first = source.keys[(*path, key)].line
            problems.append(Problem(place, f"`{key}` is said twice (first on line {first})", "Keep one of them."))
            continue
        source.keys[(*path, key)] = place
        content[key] = _value(value_node, (*path, key), source, problems)
    return content


def _scalar(node: yaml.Node) -> str | int | float | bool | None:
    text: str = node.value
    if getattr(node, "style", None):  # quoted or block text is text
        return text
    if text in _CONSTANT:
        return _CONSTANT[text]
    if _INTEGER.fullmatch(text) and len(text) < 20:
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return text
