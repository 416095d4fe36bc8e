"""Study files as located text.

YAML is read as nodes, not as values: every key and value keeps its line, and a scalar becomes a
value by YAML 1.2's core rules only (``no`` stays text, ``1:30`` is no number, dates stay text).
Digits that a number would lose (``010``) stay text too. Anchors, aliases and tags are refused: a
study file says each thing once, plainly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import isfinite
from pathlib import Path
from stat import S_ISREG
from typing import Any

import rfc8785
import yaml

from trialrun.protocol.problem import Place, Problem, ProtocolError
from trialrun.protocol.series import origin
from trialrun.protocol.slip import slip

LARGEST_FILE = 1_000_000  # bytes; the largest real study file is a fiftieth of this
MOST_VALUES = 40_000  # keys and values of one file; the largest real study file has a tenth of this
DEEPEST = 30  # levels of nesting
WIDE = 8  # one NUL among so many bytes: a file that uses several for each letter
UTF8 = "In your editor, save the file with the encoding UTF-8."
UTF16 = "is not UTF-8 text, but UTF-16 or UTF-32"
LONGEST_NUMBER = 15  # digits; more are not exact in a double and are kept as text

Path_ = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CONSTANT = {"true": True, "false": False, "null": None, "~": None, "": None}
# What no editor shows, and so what nobody can find: control characters, what turns the direction of reading
# or takes no place, and line ends that most programs do not count as such.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff]"
)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Nodes(_LOADER):  # type: ignore[misc]
    """The loader without its guess at what each scalar is, which is a fifth of its time: `_plain` says it."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        return "tag:yaml.org,2002:str"


@dataclass
class Source:
    """One file's content and the place of every key and value in it.

    Shared by all who read the same text, so none of them may change it.
    """

    file: str
    content: dict[str, Any]
    keys: dict[Path_, Place] = field(default_factory=dict)
    values: dict[Path_, Place] = field(default_factory=dict)
    text: str = ""

    @cached_property
    def said(self) -> bytes:
        """What the file says, as canonical JSON. Order is content: outcomes are read from top to bottom."""
        return canonical(ordered(self.content))

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
        state = path.stat()
        if not S_ISREG(state.st_mode):
            raise _refuse(file, "is not a file", "Put a text file of this name in its place.")
        if state.st_size > LARGEST_FILE:
            hint = "Is it the right file? The largest study so far has a twentieth of that."
            raise _refuse(
                file, f"has {state.st_size:,} bytes, and a study file at most {LARGEST_FILE:,}", hint
            )
        written = path.read_bytes()
        text = written.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wide = written.count(b"\0") > len(written) // WIDE
        line = 1 if wide else written[: error.start].count(b"\n") + 1
        raise _refuse(file, UTF16 if wide else "is not UTF-8 text", UTF8, line) from None
    except OSError as error:
        hint = "Make sure that the file is there and that you may read it."
        raise _refuse(file, f"cannot be read: {error.strerror}", hint) from None
    return parse(text, file)


def plain(text: str) -> Any:
    """A file of this package as plain data, by the quickest of the safe loaders."""
    return yaml.load(text, Loader=_LOADER)  # noqa: S506  _LOADER is a safe one


@lru_cache(maxsize=32)
def parse(text: str, file: str) -> Source:
    """Parse the text of one study file; raises ProtocolError.

    A text is parsed once: two versions of a study share most of their files, and what compares them
    reads these again.
    """
    quotes: list[Place] = []
    _refuse_unseen(text, file)
    try:
        _refuse_indirection(text, file, quotes)
        node = yaml.compose(text, Loader=_Nodes)
    except yaml.MarkedYAMLError as error:
        raise ProtocolError([slip(error, text, file, quotes)]) from None
    except yaml.YAMLError as error:
        raise _refuse(file, f"cannot be read: {str(error).splitlines()[0]}") from None
    if not isinstance(node, yaml.MappingNode):
        first = "id: MY-STUDY" if file == "study.yaml" else f"{file.partition('.')[0]}:"
        raise _refuse(file, "must consist of `key: value` lines", f"Begin with `{first}`.", line=1)
    source = Source(file, {}, text=text)
    problems: list[Problem] = []
    source.content = _value(node, (), source, problems)
    if problems:
        raise ProtocolError(problems)
    return source


def _refuse(file: str, message: str, hint: str | None = None, line: int | None = None) -> ProtocolError:
    return ProtocolError([Problem(Place(file, line, 1 if line else None), message, hint)])


def _refuse_unseen(text: str, file: str) -> None:
    """Refuse the first character that cannot be seen, with its place."""
    found = _UNSEEN.search(text)
    if found is None:
        return
    before = text[: found.start()]
    place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
    if text.count("\0") > len(text) // WIDE:
        raise ProtocolError([Problem(place, UTF16, UTF8)])
    hint = "Delete it, and type the words around it again; most often it was copied from another program."
    what = f"a character that cannot be seen stands here (U+{ord(found[0]):04X})"
    raise ProtocolError([Problem(place, what, hint)])


def _refuse_indirection(text: str, file: str, quotes: list[Place]) -> None:
    """Refuse anchors, aliases, tags, several documents and deep nesting before any node is built.

    ``quotes`` takes the places of quotes that run over several lines: one that was not closed is most
    often noticed far below, where the next quote opens.
    """
    depth = documents = 0
    for values, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        start: Any = event.start_mark
        end: Any = event.end_mark
        if start.line != end.line and getattr(event, "style", None) in ("'", '"'):
            quotes.append(_mark(start, file, ()))
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        for message, hint in _refused(event, depth, documents, values):
            place = _mark(start, file, ())
            raise ProtocolError([Problem(place, message, hint)])


def _refused(event: yaml.Event, depth: int, documents: int, values: int) -> Iterator[tuple[str, str]]:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        hint = "Write the value out; put a text that begins with & or * between quotes."
        yield "anchors and aliases (& and *) are not used in study files", hint
    if tag := getattr(event, "tag", None):
        hint = "Remove it; put a text that begins with ! between quotes."
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        yield f"tags are not used in study files, and `{shown}` is one", hint
    if depth > DEEPEST:
        yield (
            f"the file is nested more than {DEEPEST} levels deep",
            "Is it the right file? Study files need about ten.",
        )
    if values > MOST_VALUES:
        yield f"the file holds more than {MOST_VALUES:,} keys and values", "Is it the right file?"
    if documents > 1:
        yield "a study file is one document", "Remove the line ---."


def _value(node: yaml.Node, path: Path_, source: Source, problems: list[Problem]) -> Any:
    place = source.values[path] = _mark(node.start_mark, source.file, path)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, source, problems)
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, (*path, i), source, problems) for i, child in enumerate(node.value)]
    value = _scalar(node)
    if isinstance(value, str) and (unseen := _UNSEEN.search(value)):
        message = f"this text holds a character that cannot be seen (U+{ord(unseen[0]):04X})"
        problems.append(
            Problem(place, message, "Delete it; in double quotes, \\0 and the like stand for one.")
        )
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


def is_text(written: str) -> bool:
    """Whether a word without quotes is read as text, and not as a number, true, false or nothing."""
    return isinstance(_plain(written), str)


def _scalar(node: yaml.Node) -> str | int | float | bool | None:
    text: str = node.value
    return text if getattr(node, "style", None) else _plain(text)  # quoted or block text is text


def _plain(text: str) -> str | int | float | bool | None:
    if text in _CONSTANT:
        return _CONSTANT[text]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text.lstrip("+-")) <= LONGEST_NUMBER else text
    if _NUMBER.fullmatch(text):
        return float(text)
    return text


# ---- canonical text ------------------------------------------------------------------------------


def ordered(content: Any) -> Any:
    """The content with every mapping as a list of pairs, since canonical JSON sorts the keys of an object."""
    if isinstance(content, dict):
        return {"": [[key, ordered(value)] for key, value in content.items()]}
    if isinstance(content, list):
        return [ordered(value) for value in content]
    return content


def canonical(content: Any) -> bytes:
    """Canonical JSON (RFC 8785) of `ordered` content.

    Python's own encoder, which is ten times as quick, writes the same but for some numbers: whole ones lose
    their point first, and it is not asked for those with an exponent or beyond what a double holds.
    """
    try:
        return json.dumps(_whole(content), ensure_ascii=False, separators=(",", ":")).encode()
    except _Unusual:
        return rfc8785.dumps(content)


class _Unusual(Exception):
    """A number that the two encoders write differently."""


def _whole(content: Any) -> Any:
    if isinstance(content, list):
        return [_whole(value) for value in content]
    if isinstance(content, dict):
        return {key: _whole(value) for key, value in content.items()}
    if isinstance(content, float):
        if "e" in repr(content):
            raise _Unusual
        return int(content) if content.is_integer() else content
    if isinstance(content, int) and abs(content) >= 2**53:
        raise _Unusual
    return content
