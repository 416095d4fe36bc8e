"""Words and sources: what is not said in every language, and what the sources say and nothing executes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from trialrun.protocol.lint.code import Found, finding
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Text
from trialrun.protocol.trace import trace

SHOWN = 3  # texts that a finding names


@finding(
    "uncovered-statement",
    means="A statement of a source is executed by no element of the study.",
    matters="What the protocol or the registry promises may have been forgotten.",
    mend="Cite it (`from`) where it is executed, or mark it `context: true` if nothing has to be.",
    file="sources.yaml",
    was='4: {says: "Cramps at night are common.", context: true}',
    now='4: {says: "Cramps at night are common."}',
)
def uncovered(protocol: Protocol) -> Iterator[Found]:
    listed = trace(protocol)
    for statement in [*listed["statements"], *listed["further"]]:
        if not statement["elements"] and not statement["context"]:
            message = f"No element executes {statement['id']}: {statement['says']}"
            yield Found(f"sources/{statement['source']}", message)


@finding(
    "untranslated",
    means="A text has no words in one of the study's languages.",
    matters="A site reads a criterion, a hold or a reason to stop in a language it may not understand.",
    mend="Add the words, or take the language out of `languages`.",
    was="text: {en: Stop, fr: Arrêter}",
    now="text: {en: Stop}",
)
def untranslated(protocol: Protocol) -> Iterator[Found]:
    """`W11` or `1` is the same in all languages."""
    languages = protocol.study.languages
    files = {**dict(protocol.study), "forms": protocol.forms, "variables": protocol.variables}
    texts = [*_texts(files, ""), *_texts(protocol.sources, "")] if len(languages) > 1 else []
    for language in languages:
        missing = [
            path
            for path, text in texts
            if language not in text.languages and re.search(r"[^\W\d_A-Z]{2}", text(text.languages[0]))
        ]
        if missing:
            more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
            texts_have = "texts have" if len(missing) > 1 else "text has"
            message = (
                f"{len(missing)} {texts_have} no words in `{language}`, a language of the study: "
                f"{', '.join(missing[:SHOWN])}{more}."
            )
            yield Found(missing[0], message)


def _texts(value: Any, path: str) -> Iterator[tuple[str, Text]]:
    """Every text of the study files, with its path."""
    if isinstance(value, Text):
        yield path, value
        return
    inside: Any = ()
    if isinstance(value, BaseModel):
        inside = value
    elif isinstance(value, Mapping):
        inside = value.items()
    elif isinstance(value, list | tuple):
        inside = enumerate(value)
    for name, one in inside:
        yield from _texts(one, f"{path}/{name}".lstrip("/"))


CODES = (uncovered, untranslated)
