"""Study files as located text.

YAML is read as nodes, not as values: every key and value keeps its line, and a scalar becomes a
value by YAML 1.2's core rules only (``no`` stays text, ``1:30`` is no number, dates stay text).
Digits that a number would lose (``010``) stay text too. Anchors, aliases and tags are refused: a
study file says each thing once, plainly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import yaml

from trialrun.protocol.problem import Place, Problem, ProtocolError
from trialrun.protocol.series import origin

LARGEST_FILE = 1_000_000  # bytes; the largest real study file is a fiftieth of this
DEEPEST = 30  # levels of nesting
LONGEST_NUMBER = 15  # digits; more are not exact in a double and are kept as text

Path_ = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CONSTANT = {"true": True, "false": False, "null": None, "~": None, "": None}
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Source:
    """One file's content and the place of every key and value in it."""

    file: str
    content: dict[str, Any]
    keys: dict[Path_, Place] = field(default_factory=dict)
    values: dict[Path_, Place] = field(default_factory=dict)
    text: str = ""

    def place(self, path: Path_) -> Place:
        """The nearest place known for a path: its value, its key, or its parent's."""
        written = self.written(path)
        for end in range(len(written), -1, -1):
            found = self.values.get(written[:end]) or self.keys.get(written[:end])
            if found:
                return Place(found.file, found.line, found.column, path)
        return Place(self.file, path=path)

    def written(self, path: Path_) -> Path_:
        """The path as it stands in the file: a member of a series is written where its series is."""
        found: Path_ = ()
        for step in path:
            there = (*found, step)
            if isinstance(step, str) and there not in self.keys and there not in self.values:
                beside = [key[-1] for key in self.keys if len(key) == len(there) and key[:-1] == found]
                there = (*found, origin(step, beside) or step)
            found = there
        return found

    def key_place(self, path: Path_) -> Place:
        """The place of a path's key, or the nearest place known."""
        found = self.keys.get(self.written(path))
        return Place(found.file, found.line, found.column, path) if found else self.place(path)

    def place_within(self, path: Path_, words: str, offset: int) -> Place:
        """The place of a character of the text that stands at a path, whatever its quotes and line breaks."""
        start = self.place(path)
        lines = self.text.splitlines(keepends=True)
        if start.line is None or start.column is None:
            return start
        written = "".join(lines[start.line - 1 :])[start.column - 1 :]
        before = written[: _along(written, words, offset)]
        line = start.line + before.count("\n")
        column = len(before) - before.rfind("\n") if "\n" in before else start.column + len(before)
        return Place(start.file, line, column, path)


def _along(written: str, words: str, offset: int) -> int:
    """Where in a scalar as written stands the character ``offset`` of the text it means."""
    at = written.find("\n") if written[:1] in "|>" else 0
    for i, character in enumerate(words[: offset + 1]):
        while at < len(written) and written[at] != character and character != written[at].isspace() * " ":
            at += 1
        if i == offset:
            return at
        at += 1
    return min(at, len(written))


def read(path: Path) -> Source:
    """Read one study file; raises ProtocolError with every problem of the text itself."""
    file = path.name
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise _refuse(file, f"has {size:,} bytes, and a study file at most {LARGEST_FILE:,}")
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise _refuse(file, "is not UTF-8 text", "Save the file as UTF-8.", line) from None
    except OSError as error:
        raise _refuse(file, f"cannot be read: {error.strerror}") from None
    return parse(text, file)


def parse(text: str, file: str) -> Source:
    """Parse the text of one study file; raises ProtocolError."""
    quotes: list[Place] = []
    try:
        _refuse_indirection(text, file, quotes)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text, file, quotes) from None
    except yaml.YAMLError as error:
        raise _refuse(file, f"cannot be read as YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(node, yaml.MappingNode):
        raise _refuse(file, "must consist of `key: value` lines", "Begin with e.g. `id: MY-STUDY`.", line=1)
    source = Source(file, {}, text=text)
    problems: list[Problem] = []
    source.content = _value(node, (), source, problems)
    if problems:
        raise ProtocolError(problems)
    return source


def _refuse(file: str, message: str, hint: str | None = None, line: int | None = None) -> ProtocolError:
    return ProtocolError([Problem(Place(file, line, 1 if line else None), message, hint)])


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str, quotes: list[Place]) -> ProtocolError:
    if "quoted scalar" in (error.context or "") or quotes:
        place = quotes[-1] if quotes else _mark(error.context_mark, file, ())
        hint = "Close it on its own line with the same sign."
        return ProtocolError([Problem(place, "a quote is opened here and not closed", hint)])
    place = _mark(error.problem_mark or error.context_mark, file, ())
    lines = text.splitlines()
    here = lines[place.line - 1] if place.line and place.line <= len(lines) else ""
    return ProtocolError([Problem(place, *_explained(error.problem or "", error.context or "", here))])


def _explained(problem: str, context: str, here: str) -> tuple[str, str | None]:
    """A YAML parser's complaint in plain words, and the cure where it is known."""
    if "\t" in here:
        return "a tab stands where spaces should", "Indent with spaces, not tabs."
    if "mapping values are not allowed" in problem:
        hint = "A value that contains `: ` must be put between quotes; or this line is indented too far."
        return "a second `: ` stands in one line", hint
    if "flow mapping" in context or "flow sequence" in context:
        signs = "{ }" if "mapping" in context else "[ ]"
        hint = f"Close it, put commas between its parts, and quote texts that contain {signs} or a comma."
        return f"something inside {signs} is not complete", hint
    if "block" in context or "could not find expected ':'" in problem:
        return (
            "this line does not fit under the lines above it",
            "Check its indentation, and that it reads `key: value`.",
        )
    return f"cannot be read as YAML: {problem}", None


def _refuse_indirection(text: str, file: str, quotes: list[Place]) -> None:
    """Refuse anchors, aliases, tags, several documents and deep nesting before any node is built.

    ``quotes`` takes the places of quotes that run over several lines: one that was not closed is most
    often noticed far below, where the next quote opens.
    """
    depth = documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        start: Any = event.start_mark
        end: Any = event.end_mark
        if getattr(event, "style", None) in ("'", '"') and start.line != end.line:
            quotes.append(_mark(start, file, ()))
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        for message, hint in _refused(event, depth, documents):
            place = _mark(start, file, ())
            raise ProtocolError([Problem(place, message, hint)])


def _refused(event: yaml.Event, depth: int, documents: int) -> Iterator[tuple[str, str]]:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        hint = "Write the value out; put a text that begins with & or * between quotes."
        yield "anchors and aliases (& and *) are not used in study files", hint
    if tag := getattr(event, "tag", None):
        hint = "Remove it; put a text that begins with ! between quotes."
        yield f"tags are not used in study files, and `{tag}` is one", hint
    if depth > DEEPEST:
        yield f"the file is nested more than {DEEPEST} levels deep", "Study files need about ten."
    if documents > 1:
        yield "a study file is one document", "Remove the line ---."


def _value(node: yaml.Node, path: Path_, source: Source, problems: list[Problem]) -> Any:
    place = source.values[path] = _mark(node.start_mark, source.file, path)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, source, problems)
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, (*path, i), source, problems) for i, child in enumerate(node.value)]
    value = _scalar(node)
    if isinstance(value, float) and not isfinite(value):
        problems.append(
            Problem(place, f"{node.value} is too large for a number", "Put it between quotes if it is text.")
        )
    return value


def _mark(mark: Any, file: str, path: Path_) -> Place:
    return Place(file, mark.line + 1, mark.column + 1, path) if mark else Place(file, path=path)


def _mapping(node: yaml.MappingNode, path: Path_, source: Source, problems: list[Problem]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(
                Problem(
                    _mark(key_node.start_mark, source.file, path),
                    "a key must be a word",
                    "Write `key: value`.",
                )
            )
            continue
        key: str = key_node.value
        place = _mark(key_node.start_mark, source.file, (*path, key))
        if key in content:
            first = source.keys[(*path, key)].line
            problems.append(
                Problem(place, f"`{key}` is said twice, first on line {first}", "Keep one of them.")
            )
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
    if _INTEGER.fullmatch(text):
        return int(text) if len(text.lstrip("+-")) <= LONGEST_NUMBER else text
    if _NUMBER.fullmatch(text):
        return float(text)
    return text
