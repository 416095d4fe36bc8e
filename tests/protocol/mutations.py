"""The bundled studies spoiled in many ways, and what must come of each: refused at its line, or nothing.

Nothing here knows a study. A mutation says what kind of place it wants (a rule, a window, a key that a model
requires), and is applied to one bundled study that has such a place, in turn, so that all are spoiled alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from trialrun.protocol.compile import REQUIRED, bundled
from trialrun.protocol.shape import _inside, _models

STUDY, FORMS, VARIABLES, SOURCES = REQUIRED
Steps = tuple[str, ...]
RULES = {
    STUDY: (
        "eligibility.*.require", "eligibility.*.exclude", "before_course.*.require", "before_dose.*.hold",
        "stops.*.when", "decisions.*.outcomes.*.when", "suspensions.*.participants", "activities.*.only_if",
    ),
    VARIABLES: ("variables.*.where",),
    FORMS: ("forms.*.items.*.only_if",),
}  # fmt: skip


class Text:
    """A study file as written, with the place of every key and value, found by PyYAML alone."""

    def __init__(self, written: str) -> None:
        self.written = written
        self.keys: dict[Steps, yaml.Node] = {}
        self.values: dict[Steps, yaml.Node] = {}
        self._walk(yaml.compose(written, Loader=yaml.CSafeLoader), ())

    def _walk(self, node: yaml.Node, path: Steps) -> None:
        self.values[path] = node
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self.keys[(*path, key.value)] = key
                self._walk(value, (*path, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for i, value in enumerate(node.value):
                self._walk(value, (*path, str(i)))

    @cached_property
    def content(self) -> Any:
        return yaml.load(self.written, Loader=_AsWritten)  # noqa: S506  (every value as text)

    def line(self, path: Steps) -> int:
        """The line of a key, or of a part of a list; 1 for the whole file."""
        return (self.keys.get(path) or self.values[path]).start_mark.line + 1 if path else 1

    def value(self, path: Steps) -> str:
        node = self.values[path]
        return node.value if isinstance(node, yaml.ScalarNode) else ""

    def replaced(self, path: Steps, new: str) -> str:
        node = self.values[path]
        end = node.end_mark.index
        tail = self.written[end:]
        if node.end_mark.column and not self.written[end - node.end_mark.column : end].strip():
            tail = f"\n{' ' * node.end_mark.column}{tail}"  # a block ends where the next key begins
        elif self.written[end - 1 : end] == "\n":
            tail = f"\n{tail}"
        return self.written[: node.start_mark.index] + new + tail

    def renamed(self, path: Steps, new: str) -> str:
        key = self.keys[path]
        return self.written[: key.start_mark.index] + new + self.written[key.end_mark.index :]

    def removed(self, path: Steps) -> str:
        """Without a key and its value, and without the comma that parted it from its neighbour."""
        pairs = self.values[path[:-1]].value
        at = next(i for i, (key, _) in enumerate(pairs) if key.value == path[-1])
        start = pairs[at][0].start_mark.index
        if at + 1 < len(pairs):
            return self.written[:start] + self.written[pairs[at + 1][0].start_mark.index :]
        end = pairs[at][1].end_mark.index
        if self.values[path[:-1]].flow_style:
            start = pairs[at - 1][1].end_mark.index if at else start
        else:  # to the blanks before the next key, whose indentation is its own
            end -= pairs[at][1].end_mark.column if not self.written[start:end].rstrip(" ")[-1:].strip() else 0
            start -= pairs[at][0].start_mark.column
        return self.written[:start] + self.written[end:]

    def find(self, pattern: str) -> Iterator[Steps]:
        return (path for path in self.values if path and _matches(path, pattern))


class _AsWritten(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


def _matches(path: Steps, pattern: str) -> bool:
    wanted = pattern.split(".")
    return len(path) == len(wanted) and all(map(fnmatchcase, path, wanted))


@cache
def text(study: str, file: str) -> Text:
    return Text((bundled()[study] / file).read_text("utf-8"))


@dataclass(frozen=True)
class Mutation:
    """One way to spoil a study. ``line`` is where it must be refused; none: the file as a whole.

    ``says`` is part of what is said there; ``harmless``, that nothing may come of it.
    """

    kind: str
    name: str
    study: str
    file: str
    line: int | None = None
    says: str = ""
    harmless: bool = False
    written: bytes | None = field(default=None, repr=False)
    make: Callable[[Path], object] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"

    def apply(self, folder: Path) -> None:
        """Spoil a copy of the study."""
        if self.written is not None:
            (folder / self.file).write_bytes(self.written)
        if self.make:
            self.make(folder)


class Table:
    """Collects mutations, each of one bundled study, in turn."""

    def __init__(self) -> None:
        self.mutations: list[Mutation] = []
        self.missing: list[str] = []

    def studies(self) -> list[str]:
        names = sorted(bundled())
        turn = len(self.mutations) % len(names)
        return names[turn:] + names[:turn]

    def add(self, kind: str, name: str, study: str, file: str, written: str | bytes, **more: Any) -> None:
        data = written.encode() if isinstance(written, str) else written
        self.mutations.append(Mutation(kind, name, study, file, written=data, **more))

    def value(
        self, kind: str, name: str, file: str, patterns: str | tuple[str, ...], change: Any, says: str = "",
        at: str = "value", **more: Any,
    ) -> None:  # fmt: skip
        """Change the first value of such a path for which ``change`` (a text, or of the old text) gives one.

        It is refused at its own line, or ``at`` that of its key or of its parent's.
        """
        for study in self.studies():
            found = text(study, file)
            for pattern in (patterns,) if isinstance(patterns, str) else patterns:
                for path in found.find(pattern):
                    new = change(found.value(path)) if callable(change) else change
                    if new is not None:
                        own = found.values[path].start_mark.line + 1
                        line = {"value": own, "key": found.line(path), "parent": found.line(path[:-1])}[at]
                        written = found.replaced(path, new)
                        return self.add(kind, name, study, file, written, line=line, says=says, **more)
        self.missing.append(f"{kind}: {name}")
        return None

    def rule(self, name: str, change: Callable[[str], str | None], says: str = "", **more: Any) -> None:
        """Change the first rule for which ``change`` gives another; written between quotes, on its line."""
        before = len(self.mutations)
        for file, patterns in RULES.items():
            self.missing = [one for one in self.missing if one != f"rule: {name}"]
            self.value("rule", name, file, patterns, lambda old: _quoted(change(old)), says, **more)
            if len(self.mutations) > before:
                return

    def whole(
        self, kind: str, name: str, change: Callable[[bytes], bytes], file: str = STUDY, **more: Any
    ) -> None:
        study = self.studies()[0]
        self.add(kind, name, study, file, change(text(study, file).written.encode()), **more)

    def folder(self, kind: str, name: str, file: str, make: Callable[[Path], object], **more: Any) -> None:
        self.mutations.append(Mutation(kind, name, self.studies()[0], file, make=make, **more))


def _quoted(rule: str | None) -> str | None:
    return None if rule is None else json.dumps(rule, ensure_ascii=False)


# What the models ask for


@dataclass(frozen=True)
class Key:
    """A key that stands in a study, and the model that knows it."""

    model: type[BaseModel]
    key: str
    required: bool
    path: Steps


def keys(file: str, study: str) -> Iterator[Key]:
    """Every key of a study file, with its model."""
    yield from _keys(REQUIRED[file], text(study, file).content, ())


def _keys(annotation: Any, content: Any, path: Steps) -> Iterator[Key]:
    models = list(_models(annotation))
    if models and isinstance(content, dict):
        model = next((m for m in models if _knows(m, content)), models[0])
        for name, found in model.model_fields.items():
            key = found.alias or name
            if key in content:
                yield Key(model, key, found.is_required(), (*path, key))
                yield from _keys(found.annotation, content[key], (*path, key))
        return
    pairs = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    for inner in _inside(annotation):
        for step, value in pairs:
            yield from _keys(inner, value, (*path, str(step)))


def _knows(model: type[BaseModel], content: Mapping[str, Any]) -> bool:
    return set(content) <= {found.alias or name for name, found in model.model_fields.items()}


def _first_of_each() -> dict[tuple[str, str, str], list[tuple[str, Key]]]:
    """By file, model and key: one place in every study that has it."""
    found: dict[tuple[str, str, str], dict[str, Key]] = {}
    for file in REQUIRED:
        for study in sorted(bundled()):
            for key in keys(file, study):
                found.setdefault((file, key.model.__name__, key.key), {}).setdefault(study, key)
    return {where: list(places.items()) for where, places in found.items()}


def generated(table: Table) -> None:
    """Each required key left out; of each model a misspelt key, an empty value and a wrong shape."""
    known: dict[tuple[str, str], list[tuple[str, str, Key]]] = {}
    for i, ((file, model, name), places) in enumerate(_first_of_each().items()):
        study, key = places[i % len(places)]
        known.setdefault((file, model), []).append((name, study, key))
        if key.required:
            found = text(study, file)
            line = found.line(key.path[:-1])
            table.add(
                "missing key", f"{model}.{name}", study, file, found.removed(key.path), line=line, says=name
            )
    for (file, model), listed in known.items():
        name, study, key = max(listed, key=lambda one: (one[2].key.isalpha(), len(one[0])))
        found, wrong = text(study, file), _misspelt(name)
        table.add(
            "misspelt key",
            f"{model}.{wrong}",
            study,
            file,
            found.renamed(key.path, wrong),
            line=found.line(key.path),
            says=f"`{wrong}`",
        )
        required = [one for one in listed if one[2].required and one[0] != "from"] or listed
        name, study, key = required[0]
        if key.required:
            _shaped(table, f"{model}.{name} is empty", study, file, key, "null")
        name, study, key = required[-1]
        held = isinstance(text(study, file).values[key.path], yaml.MappingNode)
        new, what = ("[a, [b]]", "a list") if held else ("{an: {other: thing}}", "a map")
        _shaped(table, f"{model}.{name} is {what}", study, file, key, new)


def _shaped(table: Table, name: str, study: str, file: str, key: Key, new: str) -> None:
    found = text(study, file)
    table.add(
        "wrong shape",
        name,
        study,
        file,
        found.replaced(key.path, new),
        line=found.values[key.path].start_mark.line + 1,
    )


def _misspelt(word: str) -> str:
    middle = len(word) // 2
    return word[:middle] + word[middle + 1 :] if len(word) > 3 else f"{word}{word[-1]}"
