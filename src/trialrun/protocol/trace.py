"""Where everything comes from: elements by source statement, and every assumption with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trialrun.protocol.element import Part, Sourced
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Text


def elements(protocol: Protocol) -> dict[str, Sourced]:
    """Every element that cites a source, by its path (``treatment/cycles/C2``), in file order."""
    found = dict(_walk(protocol.study, ()))
    found.update(_walk(dict(protocol.forms), ("forms",)))
    found.update(_walk(dict(protocol.variables), ("variables",)))
    if protocol.panels is not None:
        found.update(_walk(protocol.panels.file, ()))
    return found


def _walk(part: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Sourced]]:
    if isinstance(part, Sourced) and part.from_:
        yield "/".join(path), part
    if isinstance(part, Part):
        for name in type(part).model_fields:
            yield from _walk(getattr(part, name), (*path, name))
    elif isinstance(part, dict):
        for name, inner in part.items():
            yield from _walk(inner, (*path, str(name)))


def trace(protocol: Protocol) -> dict[str, Any]:
    """Statements with the elements that execute them, and assumptions with their reasons.

    ``statements`` are those of the study's first source, its main description; ``further`` of the others.
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


def _statements(protocol: Protocol, source: str, cited: dict[str, Sourced]) -> list[dict[str, Any]]:
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
    return [
        {"element": path, "about": about(path, element, language), "reason": element.reason or ""}
        for path, element in elements(protocol).items()
        if element.assumed
    ]


_ONE_OF = {
    "eligibility": "criterion",
    "activities": "activity",
    "before_course": "before a course",
    "before_dose": "before a dose",
    "background": "background",
    "timeline": "timeline",
    "treatment": "treatment",
    "prohibited": "prohibited",
}


def about(path: str, element: Sourced, language: str = "en") -> str:
    """What an element is, in its own words, or else by its name: ``activity: Thyroid``."""
    section, name = ["", *path.split("/")][-2:]
    words = (
        getattr(element, word, None) for word in ("title", "text", "ask", "what", "about", "name", "label")
    )
    said = next((word(language) if isinstance(word, Text) else word for word in words if word), None)
    one = _ONE_OF.get(section, section.removesuffix("s").replace("_", " "))
    return f"{one}: {said or name.replace('_', ' ')}" if one else name.replace("_", " ")
