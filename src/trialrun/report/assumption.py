"""What was assumed, as documents list it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trialrun.protocol.protocol import Protocol
from trialrun.protocol.trace import assumptions
from trialrun.report.language import Language


def model_assumed(model: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the model of virtual participants assumes; what it takes from a publication is no assumption."""
    return [
        {**each, "element": each["element"].replace("/", " › ")}
        for each in model.get("assumptions", [])
        if each.get("standing") != "published"
    ]


def assumed(protocol: Protocol, language: Language) -> list[tuple[str, list[dict[str, str]]]]:
    """Assumptions by group, the group's words first; elements that stand alone belong to the study."""
    groups: dict[str, list[dict[str, str]]] = {}
    for each in assumptions(protocol, language.code):
        group, _, rest = each["element"].partition("/")
        name = group if rest and f"group.{group}" in language.words else "study"
        path = (rest if name == group else each["element"]).replace("/", " › ")
        # The group says already what kind of element it is, in the language of the report.
        said = each["about"].partition(": ")[2] if rest else each["about"]
        groups.setdefault(name, []).append({**each, "about": said or path, "element": path})
    return [(language(f"group.{name}"), listed) for name, listed in groups.items()]
