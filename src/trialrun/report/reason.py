"""Why something cannot be estimated, in the language of the document.

The analysis gives its reasons in English; each has its French words in ``languages/reasons.fr.yaml``, with
``{}`` for what differs from one to the next.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib import resources

from trialrun.protocol.source import plain

_DECIMAL = re.compile(r"(?<=\d)\.(?=\d)")


@lru_cache(maxsize=4096)
def reason(said: str, language: str) -> str:
    """The reason in a language; one that has no words there stays English."""
    if language == "en":
        return said
    for pattern, words in _known(language):
        if found := pattern.fullmatch(said):
            said_there = (_DECIMAL.sub(",", one) for one in found.groups())
            return words.format(*said_there)
    return said


@cache
def _known(language: str) -> list[tuple[re.Pattern[str], str]]:
    file = resources.files("trialrun.report") / "languages" / f"reasons.{language}.yaml"
    if not file.is_file():
        return []
    listed: dict[str, str] = plain(file.read_text(encoding="utf-8"))
    return [(re.compile("(.+)".join(map(re.escape, key.split("{}")))), said) for key, said in listed.items()]
