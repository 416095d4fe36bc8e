"""Where everything comes from: elements by source statement, and every assumption with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trialrun.protocol.element import Element, Part
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Text


def elements(protocol: Protocol) -> dict[str, Element]:
    """Every element that cites a source, by its path (``treatment/cycles/C2``), in file order."""
    found = dict(_walk(protocol.study, ()))
    for name, form in protocol.forms.items():
        found[f"forms/{name}"] = form
    return found


def _walk(part: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Element]]:
    if isinstance(part, Element) and path:
        yield "/".join(path), part
    if isinstance(part, Part):
        for name in type(part).model_fields:
            yield from _walk(getattr(part, name), (*path, name))
    elif isinstance(part, dict):
        for name, inner in part.items():
            yield from _walk(inner, (*path, str(name)))


def trace(protocol: Protocol) -> dict[str, Any]:
    """Statements with the elements that execute them, and assumptions with their reasons.

    ``statements`` are those of the study's first source, its main description; ``further`` those of the others.
    """
    cited = elements(protocol)
    listed = [_statements(protocol, source, cited) for source in protocol.sources.sources]
    return {
        "study": protocol.id,
        "protocol_hash": protocol.hash,
        "statements": listed[0] if listed else [],
        "further": [statement for rest in listed[1:] for statement in rest],
        "assumptions": assumptions(protocol),
    }


def _statements(protocol: Protocol, source: str, cited: dict[str, Element]) -> list[dict[str, Any]]:
    content = protocol.sources.sources[source]
    return [
        {
            "id": f"{content.prefix}{number}",
            "source": source,
            "says": statement.says,
            "context": statement.context,
            "elements": [path for path, element in cited.items() if f"{source}#{number}" in element.from_],
        }
        for number, statement in content.statements.items()
    ]


def assumptions(protocol: Protocol, language: str = "en") -> list[dict[str, str]]:
    """Every assumption: the element, what it says in a word where it has words, and the reason."""
    listed = [
        {"element": path, "about": _about(element, language), "reason": element.reason or ""}
        for path, element in elements(protocol).items()
        if element.assumed
    ]
    for name, variable in protocol.variables.items():
        if variable.from_ and "assumption" in variable.from_:
            listed.append({"element": f"variables/{name}", "about": name, "reason": variable.reason or ""})
    return listed


def _about(element: Element, language: str) -> str:
    for word in ("title", "text", "label", "what", "name"):
        found = getattr(element, word, None)
        if isinstance(found, Text):
            return found(language)
        if isinstance(found, str):
            return found
    return ""
